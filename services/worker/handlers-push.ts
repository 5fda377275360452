import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { assignedIn, type CustomCapacity } from "../../core/custom-resources.ts";
import { STOP_GRACE_DEFAULT_SECONDS } from "../../core/limits.ts";
import { toMillis } from "../../core/time.ts";
import type { FieldViolation } from "../../core/validate.ts";
import { NetworkMode, type TaskSpec } from "../../gen/berth/v1/task_pb.ts";
import {
  type ForgetTaskRequest,
  type PushResult,
  PushResultSchema,
  type PushTasksRequest,
  type PushTasksResponseSchema,
  type StartTaskRequest,
  type WorkerServiceStopTaskRequest,
} from "../../gen/berth/v1/worker_service_pb.ts";
import { type Alikes, createAlikes } from "../../lib/alike.ts";
import { assert } from "../../lib/assert.ts";
import { denied } from "../../lib/errors.ts";
import { toStatus } from "../../lib/status.ts";
import { parseTraceparent } from "../../lib/trace/trace-context.ts";
import { type AttemptSpec, whyNotOffered } from "./attempt-resources.ts";
import { checkPush, checkStart, checkStop, type PushFields, refuse } from "./handlers-checks.ts";
import type { Fence } from "./identity.ts";
import type { AttemptKey } from "./runtime.ts";
import type { Supervisor } from "./supervisor.ts";

/** Entries of one batch. */
const BATCH_MAX = 1_000;

/** Something a manager may ask for: one at a time or in a batch, with the same answer. */
export interface Push<R> {
  one(request: R): Promise<void>;
  /**
   * One result an entry, in order. A refused entry does not hold up the others; a batch that is too
   * long is refused as a whole, `field` being its name.
   */
  many(requests: readonly R[], field?: string): Promise<PushResult[]>;
}

export type PushDeps = Readonly<{
  supervisor: Pick<Supervisor, "adopted" | "start" | "stop" | "fail" | "forget">;
  /** Lets a manager's word pass once it is durable that the worker obeys its epoch. */
  admit: (fence: Fence) => Promise<void>;
  /** Whether containers may share the machine's network. */
  allowHostNetwork: boolean;
  /** What the worker offers beside CPU, memory and disk. */
  offers: CustomCapacity | undefined;
}>;

type Verb<R> = Readonly<{
  check: (request: R) => readonly FieldViolation[];
  act: (request: R) => void;
}>;

/** Specs that were found valid, each with what attempts run of it that were given nothing by name. */
type KnownSpecs = Alikes<TaskSpec, AttemptSpec>;

/** A worker runs a few kinds of task, of each many. */
const SPECS_KEPT_MAX = 4;

export function createPushes(deps: PushDeps) {
  const { supervisor } = deps;
  const known: KnownSpecs = createAlikes(SPECS_KEPT_MAX);
  return {
    start: createPush<StartTaskRequest>(deps, {
      check: (request) => checkStart(request, (spec) => known.find(spec) !== undefined),
      act: (request) => start(request, { ...deps, known }),
    }),
    stop: createPush<WorkerServiceStopTaskRequest>(deps, {
      check: checkStop,
      act: (request) => stop(request, supervisor),
    }),
    forget: createPush<ForgetTaskRequest>(deps, {
      check: checkPush,
      act: (request) => supervisor.forget(keyOf(request)),
    }),
  };
}

function createPush<R extends PushFields>(deps: PushDeps, { check, act }: Verb<R>): Push<R> {
  async function pass(fence: Fence): Promise<void> {
    await deps.admit(fence);
    await deps.supervisor.adopted();
  }
  return {
    async one(request) {
      refuse(check(request));
      await pass(request);
      act(request);
    },
    async many(requests, field = "requests") {
      const { length } = requests;
      const description = `has ${length} entries: must be at most ${BATCH_MAX}`;
      refuse(length > BATCH_MAX ? [{ field, description }] : []);
      const results = requests.map((request) => resultOf(request, () => refuse(check(request))));
      // What comes together mostly has one fence, which is passed once for all. Who has passed acts
      // at once: the next one may be of a later epoch.
      for (const same of fencesIn(requests, results)) {
        const passed = await outcomeOf(() => pass(same.fence));
        for (const { index, request } of same.entries)
          results[index] = resultOf(request, () => {
            passed();
            act(request);
          });
      }
      return results;
    },
  };
}

/** Acts on each message of a manager's stream and answers with what it refuses. */
export async function* answerPushes(
  messages: AsyncIterable<PushTasksRequest>,
  { stop, start, forget }: ReturnType<typeof createPushes>,
): AsyncGenerator<MessageInitShape<typeof PushTasksResponseSchema>, void, undefined> {
  for await (const { stops, starts, forgets } of messages)
    yield {
      stops: refusedIn(await stop.many(stops, "stops")),
      starts: refusedIn(await start.many(starts, "starts")),
      forgets: refusedIn(await forget.many(forgets, "forgets")),
    };
}

const refusedIn = (results: readonly PushResult[]) => results.filter(({ error }) => error);

type Entry<R> = Readonly<{ index: number; request: R }>;

/** The entries that have not been refused, by what they say who speaks. */
function fencesIn<R extends PushFields>(requests: readonly R[], results: readonly PushResult[]) {
  const fences = new Map<string, Readonly<{ fence: Fence; entries: Entry<R>[] }>>();
  for (const [index, request] of requests.entries()) {
    if (results[index]?.error) continue;
    const { clusterId, epoch } = request;
    const name = `${epoch} ${clusterId}`;
    const same = fences.get(name) ?? { fence: { clusterId, epoch }, entries: [] };
    fences.set(name, same);
    same.entries.push({ index, request });
  }
  return fences.values();
}

/** What awaiting comes to, as a function that throws what was thrown. */
async function outcomeOf(work: () => Promise<void>): Promise<() => void> {
  try {
    await work();
    return () => undefined;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function resultOf({ taskId, attempt }: AttemptKey, push: () => void): PushResult {
  try {
    push();
    return { $typeName: "berth.v1.PushResult", taskId, attempt };
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    return create(PushResultSchema, { taskId, attempt, error: toStatus(error) });
  }
}

function start(request: StartTaskRequest, deps: PushDeps & Readonly<{ known: KnownSpecs }>): void {
  const { supervisor, allowHostNetwork, offers } = deps;
  const spec = specOf(request, deps.known);
  if (spec.networkMode === NetworkMode.HOST && !allowHostNetwork)
    throw denied(
      "HOST_NETWORK_DENIED",
      "this worker does not share its network with tasks: allow it in the worker's own " +
        "configuration, or use NETWORK_MODE_BRIDGE",
    );
  const obstacle = whyNotOffered(spec, offers);
  if (obstacle !== undefined) throw denied("RESOURCE_NOT_OFFERED", obstacle);
  supervisor.start(keyOf(request), spec, parseTraceparent(request.traceparent));
}

/** Attempts of specs that are alike share one, which has been checked. */
function specOf({ spec, assigned }: StartTaskRequest, known: KnownSpecs): AttemptSpec {
  assert(spec, "a start without a spec has been refused");
  const given = assignedIn(assigned);
  const shared = known.find(spec);
  if (shared) return given ? { ...shared, assigned: given } : shared;
  const first = { ...spec, assigned: undefined };
  known.keep(spec, first);
  return given ? { ...first, assigned: given } : first;
}

function stop(request: WorkerServiceStopTaskRequest, supervisor: PushDeps["supervisor"]): void {
  const { failure } = request;
  const graceMs = graceMsOf(request);
  if (failure) {
    const { reason, message } = failure;
    supervisor.fail(keyOf(request), { reason, message }, graceMs);
  } else supervisor.stop(keyOf(request), graceMs);
}

const keyOf = ({ taskId, attempt }: AttemptKey): AttemptKey => ({ taskId, attempt });

const graceMsOf = ({ grace }: WorkerServiceStopTaskRequest): number =>
  grace ? toMillis(grace) : STOP_GRACE_DEFAULT_SECONDS * 1_000;
