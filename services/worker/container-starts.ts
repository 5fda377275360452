import type { Slots } from "../../lib/slots.ts";
import { isNeverStarted } from "./container-facts.ts";
import { startRequests } from "./container-requests.ts";
import type { EngineClient } from "./engine-client.ts";
import { type Json, textAt } from "./engine-json.ts";
import type { EngineLimits } from "./engine-limits.ts";
import { nextContainerName, type Runtime } from "./runtime.ts";

type Deps = Readonly<{
  limits: EngineLimits;
  /** Shared with the creates. */
  slots: Slots;
  /** What the engine says of a container. Undefined: it is gone. */
  look: (containerId: string) => Promise<Json | undefined>;
}>;

/** The verbs that start a container, and that take a start back. */
export function createStarts(
  engine: EngineClient,
  { limits, slots, look }: Deps,
): Pick<Runtime, "start" | "revokeStarts"> {
  const requests = startRequests(limits);

  const nameIfDue = async (containerId: string): Promise<string | undefined> => {
    const inspected = await look(containerId);
    if (!inspected || !isNeverStarted(inspected)) return undefined;
    return textAt(inspected, "Name").replace(/^\//, "");
  };

  return {
    /** Goes before every create that waits: what was begun is finished first. */
    start: (idOrName) => slots.run(() => engine.tell(requests.start(idOrName)), "urgent"),

    /**
     * An engine does not promise to carry out calls in the order in which they came; but a name that
     * no container has finds none. What is left open is a start that has looked its name up already
     * and waits for the container's lock: dockerd does the one right after the other, and a look
     * waits for the same lock.
     */
    async revokeStarts(containerId) {
      const name = await nameIfDue(containerId);
      if (name === undefined) return undefined;
      await engine.tell(requests.rename(name, nextContainerName(name)));
      return nameIfDue(containerId);
    },
  };
}
