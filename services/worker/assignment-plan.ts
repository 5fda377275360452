import { OnDisconnect } from "../../gen/berth/v1/task_pb.ts";
import type {
  StartTaskRequest,
  WorkerServiceStopTaskRequest,
} from "../../gen/berth/v1/worker_service_pb.ts";
import type { Reading, StartOrder } from "./assignment-reading.ts";
import type { Attempt } from "./attempt.ts";
import type { Reruns } from "./reruns.ts";
import type { AttemptKey } from "./runtime.ts";

/** What follows from what the store says, for what the worker holds. */
export type Plan = Readonly<{
  stops: readonly WorkerServiceStopTaskRequest[];
  starts: readonly StartTaskRequest[];
  /** Ended attempts that run again: they are started once their containers are gone. */
  again: readonly AttemptKey[];
  /** When another one runs again, by the monotonic clock. Undefined: none waits. */
  nextMs: number | undefined;
}>;

/** What the worker knows. */
type Here = Readonly<{
  find: (key: AttemptKey) => Attempt | undefined;
  /** Whether the registry has not answered for a lease. */
  isCutOff: boolean;
  reruns: Reruns;
  nowMs: number;
}>;

/**
 * What is said to end ends, and nothing else does. What is said to run is started only while nobody
 * leads: who leads may give an attempt up at any time, and has to hear of this worker first.
 */
export function planOrders(reading: Extract<Reading, { kind: "orders" }>, here: Here): Plan {
  const stops = reading.stops.filter((request) => isGoingOn(here.find(request)));
  const steps = reading.isLed ? [] : reading.starts.map((order) => stepOf(order, here));
  const due = steps.flatMap((step) => (step.kind === "later" ? [step.dueMs] : []));
  return {
    stops,
    starts: steps.flatMap((step) => (step.kind === "start" ? [step.request] : [])),
    again: steps.flatMap((step) => (step.kind === "again" ? [step.key] : [])),
    nextMs: due.length === 0 ? undefined : Math.min(...due),
  };
}

const isGoingOn = (held: Attempt | undefined): boolean =>
  held !== undefined && held.stage.kind !== "ended" && held.wish.kind === "run";

type Step =
  | Readonly<{ kind: "none" }>
  | Readonly<{ kind: "start"; request: StartTaskRequest }>
  | Readonly<{ kind: "again"; key: AttemptKey }>
  | Readonly<{ kind: "later"; dueMs: number }>;

const NONE: Step = { kind: "none" };

function stepOf(order: StartOrder, { find, isCutOff, reruns, nowMs }: Here): Step {
  const { request } = order;
  // Where its task may run again elsewhere, it would have to stop at once.
  if (isCutOff && request.spec?.onDisconnect === OnDisconnect.STOP) return NONE;
  const held = find(request);
  if (!held) return { kind: "start", request };
  if (held.stage.kind === "held") return held.spec ? NONE : { kind: "start", request };
  if (held.stage.kind !== "ended") return NONE;
  const dueMs = reruns.dueMs(order, held.stage);
  if (dueMs === undefined) return NONE;
  return dueMs <= nowMs ? { kind: "again", key: held.key } : { kind: "later", dueMs };
}
