import { ownerFilter } from "./container-labels.ts";
import type { ContainerSpec } from "./container-spec.ts";
import type { EngineTask } from "./engine-client.ts";
import type { EngineLimits } from "./engine-limits.ts";
import type { Owner } from "./runtime.ts";

/** What each verb asks of the engine (Docker Engine API 1.41), and for how long. */
export const containerRequests = (limits: EngineLimits) => ({
  create: ({ name, body }: ContainerSpec): EngineTask => ({
    verb: "create",
    subject: name,
    deadlineMs: limits.createMs,
    request: { method: "POST", path: "/containers/create", query: { name }, body },
  }),

  /** Finds a container by its ID or its name. */
  inspect: (id: string): EngineTask => ({
    verb: "inspect",
    subject: id,
    deadlineMs: limits.lookMs,
    request: { method: "GET", path: `/containers/${id}/json` },
  }),

  /** The engine counts in whole seconds. Rounded up: nobody is killed before the grace is over. */
  stop: (id: string, graceMs: number): EngineTask => {
    const graceSeconds = Math.ceil(graceMs / 1000);
    return {
      verb: "stop",
      subject: id,
      deadlineMs: graceSeconds * 1000 + limits.stopMarginMs,
      request: { method: "POST", path: `/containers/${id}/stop`, query: { t: graceSeconds } },
    };
  },

  /** Never by force: a container that runs is not removed. Takes its anonymous volumes along. */
  remove: (id: string): EngineTask => ({
    verb: "remove",
    subject: id,
    deadlineMs: limits.removeMs,
    request: { method: "DELETE", path: `/containers/${id}`, query: { force: false, v: true } },
  }),

  /** One measurement. `one-shot`: without a second one a second later. */
  stats: (id: string): EngineTask => ({
    verb: "measure",
    subject: id,
    deadlineMs: limits.lookMs,
    request: {
      method: "GET",
      path: `/containers/${id}/stats`,
      query: { stream: false, "one-shot": true },
    },
  }),

  list: (owner: Owner): EngineTask => ({
    verb: "list",
    subject: `containers of worker ${owner.workerId}`,
    deadlineMs: limits.lookMs,
    request: {
      method: "GET",
      path: "/containers/json",
      query: { all: true, filters: JSON.stringify({ label: ownerFilter(owner) }) },
    },
  }),
});

/** What starts a container, and what takes that back. */
export const startRequests = (limits: EngineLimits) => ({
  /** Finds a container by its ID or its name. */
  start: (idOrName: string): EngineTask => ({
    verb: "start",
    subject: idOrName,
    deadlineMs: limits.startMs,
    request: { method: "POST", path: `/containers/${idOrName}/start` },
  }),

  /** Only of a container that is still called so. */
  rename: (from: string, name: string): EngineTask => ({
    verb: "rename",
    subject: from,
    deadlineMs: limits.lookMs,
    request: { method: "POST", path: `/containers/${from}/rename`, query: { name } },
  }),
});
