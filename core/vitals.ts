import { create } from "@bufbuild/protobuf";
import { ProbeFrom } from "../gen/berth/v1/probe_pb.ts";
import {
  type AttemptStatus,
  FailureReason,
  FailureSchema,
  Health,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import type { KnownAttempt } from "./live-attempts.ts";
import { isTerminal } from "./task-state.ts";

/** What probes say of an attempt: the fields of its status that they fill. */
export type Vitals = Readonly<Pick<AttemptStatus, "health" | "ready" | "probeMessage">>;

/** What is said of a running container that nobody asks anything. */
export const UNPROBED: Vitals = { health: Health.UNSPECIFIED, ready: true, probeMessage: "" };

/** From what needs attention least to what needs it most. */
const BY_GRAVITY = [Health.UNSPECIFIED, Health.HEALTHY, Health.STARTING, Health.UNHEALTHY];

/** What two who ask different probes of one container say together: the graver word counts. */
export function combined(a: Vitals, b: Vitals): Vitals {
  const graver = BY_GRAVITY.indexOf(a.health) >= BY_GRAVITY.indexOf(b.health) ? a : b;
  return {
    health: graver.health,
    ready: a.ready && b.ready,
    probeMessage: graver.probeMessage || a.probeMessage || b.probeMessage,
  };
}

/**
 * Whether others have to hear of a change. The words of a failure may be new with every check,
 * so they are news only when they come and when they go.
 */
export const isVitalNews = (before: Vitals, after: Vitals): boolean =>
  before.health !== after.health ||
  before.ready !== after.ready ||
  (before.probeMessage === "") !== (after.probeMessage === "");

/** Whether a probe of an attempt has failed for good, and the attempt has not ended yet. */
export const isCondemned = ({ state, attempt }: KnownAttempt): boolean =>
  !isTerminal(state) && attempt.status?.health === Health.UNHEALTHY;

/** Whether it is the manager that has to end it: a worker ends by itself what it found unhealthy. */
export const isCondemnedByManager = ({ spec }: Task, known: KnownAttempt): boolean =>
  isCondemned(known) &&
  [spec?.startupProbe, spec?.livenessProbe].some((probe) => probe?.probeFrom === ProbeFrom.MANAGER);

/** Ends that say nothing of their own about a container that was being ended as unhealthy. */
const isPlainEnd = ({ state, failure }: AttemptStatus): boolean =>
  state === TaskState.COMPLETED ||
  state === TaskState.STOPPED ||
  (state === TaskState.FAILED && failure?.reason === FailureReason.EXITED);

/**
 * What a status amounts to for an attempt that was known to be unhealthy. That it stays, whatever a
 * restarted worker says; and whoever ended it, and however the container took it, it has failed.
 */
export function asJudged(known: AttemptStatus | undefined, status: AttemptStatus): AttemptStatus {
  if (known?.health !== Health.UNHEALTHY) return status;
  const { health, probeMessage } = known;
  const judged = { ...status, health, probeMessage, ready: false };
  if (!isPlainEnd(status)) return judged;
  const failure = create(FailureSchema, {
    reason: FailureReason.UNHEALTHY,
    message: probeMessage || "a probe failed for good",
  });
  return { ...judged, state: TaskState.FAILED, failure };
}
