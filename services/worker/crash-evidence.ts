import { create } from "@bufbuild/protobuf";
import { toTimestamp } from "../../core/time.ts";
import {
  type CrashEvidence,
  CrashEvidenceSchema,
  type UsageSample,
  UsageSampleSchema,
} from "../../gen/berth/v1/crash_report_pb.ts";
import type { GetCrashEvidenceRequest } from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { exhausted, notFound, wrongState } from "../../lib/errors.ts";
import { createSlots } from "../../lib/slots.ts";
import { type Attempt, containerOf, type Ended, keyText, type Stage } from "./attempt.ts";
import { createLastLines, LINES_MAX } from "./crash-lines.ts";
import { checkKey, refuse } from "./handlers-checks.ts";
import type { Runtime } from "./runtime.ts";
import type { Supervisor } from "./supervisor.ts";
import type { UsageGlance } from "./usage-cgroup.ts";
import type { UsageRings } from "./usage-rings.ts";

type Deps = Readonly<{
  supervisor: Pick<Supervisor, "adopted" | "find">;
  runtime: Pick<Runtime, "logs">;
  rings: Pick<UsageRings, "of">;
  clock: Clock;
}>;

/** Logs that are read at once for this. Where many crash together the engine has enough to do. */
const READS_MAX = 4;

/** As many as a worker holds. */
const WAITING = {
  max: 2_000,
  refusal: (max: number) =>
    exhausted("TOO_MANY_CRASHES", `${max} others wait for what attempts left behind`),
};

/** How long the engine may take over a log's last lines. */
const LOGS_MS_MAX = 3_000;

/** Tells what is left of attempts that have ended. */
export function createEvidence(deps: Deps) {
  const slots = createSlots(READS_MAX, WAITING);
  return async (request: GetCrashEvidenceRequest, signal: AbortSignal): Promise<CrashEvidence> => {
    const key = { taskId: request.taskId, attempt: request.attempt };
    refuse(checkKey(key));
    await deps.supervisor.adopted();
    const attempt = deps.supervisor.find(key);
    if (!attempt) throw notFound("attempt", keyText(key));
    const { stage } = attempt;
    if (stage.kind !== "ended")
      throw wrongState("ATTEMPT_NOT_ENDED", `attempt ${keyText(key)} has not ended`);
    const written = await slots.run(() => readWritten(stage, deps, signal));
    return create(CrashEvidenceSchema, { ...written, ...usageOf(attempt, deps.rings.of(key)) });
  };
}

const none = (linesNote: string) => ({ lines: [], hasEarlierLines: false, linesNote });

/** What the container wrote last, or why nobody can tell. */
async function readWritten({ container, remains }: Ended, deps: Deps, signal: AbortSignal) {
  if (!container) return none("there was no container");
  if (container.startTimeMs === undefined && remains !== "kept")
    return none("its process never started");
  if (remains !== "kept") return none("the container is gone, and with it what it wrote");
  const overdue = new AbortController();
  const disarm = deps.clock.after(LOGS_MS_MAX, () => overdue.abort());
  try {
    const told = await readLast(deps, container.id, AbortSignal.any([signal, overdue.signal]));
    if (overdue.signal.aborted) return none("the engine took too long to read its log");
    return { ...told, linesNote: told.lines.length === 0 ? "it wrote nothing" : "" };
  } catch (error) {
    // A report without lines is better than none: who reads it is told.
    return none(`its log cannot be read: ${error instanceof Error ? error.message : error}`);
  } finally {
    disarm();
  }
}

async function readLast({ runtime }: Deps, containerId: string, signal: AbortSignal) {
  const last = createLastLines();
  // One more than is told, to know whether there are more.
  const selection = { follow: false, tail: LINES_MAX + 1, sinceMs: undefined };
  const both = { stdout: true, stderr: true };
  for await (const entries of runtime.logs(containerId, { ...selection, ...both }, signal))
    last.add(entries);
  const { lines, hasEarlierLines } = last.end();
  return { lines: [...lines], hasEarlierLines };
}

function usageOf({ stage }: Attempt, glances: readonly UsageGlance[]) {
  const startMs = startMsOf(stage);
  const usage = glances.map((glance, index) => sampleOf(glance, glances[index - 1], startMs));
  const usageNote =
    usage.length > 0
      ? ""
      : startMs === undefined
        ? "it never ran"
        : "this worker did not see it run, or its machine does not show what containers use";
  return { usage, usageNote };
}

function startMsOf(stage: Stage): number | undefined {
  const exit = stage.kind === "ended" ? stage.outcome.exit : undefined;
  return exit?.startTimeMs ?? containerOf(stage)?.startTimeMs;
}

const NANOS_PER_MS = 1e6;

/** The first is compared with the container's start, when it had used nothing. */
function sampleOf(
  { takenMs, cpuNanos, memoryBytes }: UsageGlance,
  before: UsageGlance | undefined,
  startMs: number | undefined,
): UsageSample {
  const sinceMs = before?.takenMs ?? startMs ?? takenMs;
  const usedMs = (cpuNanos - (before?.cpuNanos ?? 0)) / NANOS_PER_MS;
  const spanMs = takenMs - sinceMs;
  return create(UsageSampleSchema, {
    time: toTimestamp(takenMs),
    memoryBytes: BigInt(memoryBytes),
    cpuPercent: spanMs <= 0 ? 0 : Math.max(0, Math.round((1_000 * usedMs) / spanMs) / 10),
  });
}
