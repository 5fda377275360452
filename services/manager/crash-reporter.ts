import { Code, ConnectError } from "@connectrpc/connect";
import { type Comparison, crashReport, isCrash, type Testimony } from "../../core/crash-report.ts";
import { goodRunOf } from "../../core/good-run.ts";
import { findAttempt, type KnownAttempt } from "../../core/live-attempts.ts";
import type { CrashReport } from "../../gen/berth/v1/crash_report_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { exhausted } from "../../lib/errors.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { createSlots } from "../../lib/slots.ts";
import type { Store } from "../../lib/store/store.ts";
import { keepReport, readReports } from "./crash-log.ts";
import type { Ledger } from "./ledger.ts";
import type { Namesakes } from "./namesakes.ts";
import type { WorkerLines } from "./worker-lines.ts";

/** Makes the reports of attempts that failed or were lost, once each, and keeps them. */
export interface CrashReporter {
  /**
   * The report of such an attempt: as it is kept, else made now. One whose worker could not be asked
   * is kept only where this is the `last` time that it is tried.
   */
  report(task: Task, known: KnownAttempt, order?: "last"): Promise<Made>;
}

/** `isFinal`: to make it again would tell nothing else. */
export type Made = Readonly<{ report: CrashReport; isFinal: boolean }>;

export type ReporterDeps = Readonly<{
  ledger: Pick<Ledger, "tasks" | "commitBeside">;
  store: Pick<Store, "list">;
  lines: WorkerLines;
  namesakes: Namesakes;
  clock: Clock;
}>;

/** How long a worker may take to tell what it has. */
const ASK_MS_MAX = 5_000;

/** Workers asked at once. */
const ASKED_MAX = 16;

/** As many as a ledger holds tasks. */
const WAITING = {
  max: 1_000_000,
  refusal: (max: number) => exhausted("TOO_MANY_CRASHES", `${max} reports wait to be made`),
};

export function createCrashReporter(deps: ReporterDeps): CrashReporter {
  const slots = createSlots(ASKED_MAX, WAITING);
  const underWay = new Map<string, Promise<Made>>();

  async function make(task: Task, known: KnownAttempt, order?: "last"): Promise<Made> {
    const kept = await readReports(deps.store, task.id);
    const own = kept.find(({ attempt }) => attempt === known.number);
    if (own) return { report: own, isFinal: true };
    const { isFinal, ...testimony } = await slots.run(() => ask(task, known, deps));
    const comparison = await compare(task, known, { kept, ...deps });
    const report = crashReport(task, known, { testimony, comparison });
    if (isFinal || order === "last") await keep(report, deps);
    return { report, isFinal };
  }

  return {
    report(task, known, order) {
      const name = `${task.id}/${known.number}`;
      const making =
        underWay.get(name) ?? make(task, known, order).finally(() => underWay.delete(name));
      underWay.set(name, making);
      return making;
    },
  };
}

/** Not of a task that has gone meanwhile, with all that was kept of it. */
async function keep(report: CrashReport, { ledger, store }: ReporterDeps): Promise<void> {
  const others = await readReports(store, report.taskId);
  const task = ledger.tasks.get(report.taskId);
  const known = task && findAttempt(task, report.attempt);
  if (known && isCrash(known)) await ledger.commitBeside(keepReport(report, others));
}

type Asked = Testimony & Pick<Made, "isFinal">;

async function ask(task: Task, known: KnownAttempt, { lines }: ReporterDeps): Promise<Asked> {
  const silence = silenceOf(known);
  if (silence) return { kind: "none", note: silence, isFinal: true };
  try {
    const line = lines.borrow(known.attempt);
    const key = { taskId: task.id, attempt: known.number };
    try {
      const client = createClient(WorkerService, line.channel);
      const { evidence } = await client.getCrashEvidence(key, { timeoutMs: ASK_MS_MAX });
      if (evidence) return { kind: "evidence", evidence, isFinal: true };
      return { kind: "none", note: `worker ${known.workerId} had nothing to tell`, isFinal: true };
    } finally {
      line.giveBack();
    }
  } catch (error) {
    return refusalOf(error, known);
  }
}

/** Why nobody is asked. Undefined where the worker may have something. */
function silenceOf({ workerId, state, attempt }: KnownAttempt): string | undefined {
  if (workerId === "") return "it was never placed";
  if (state === TaskState.LOST) return "its worker was lost, and with it what the worker had";
  return attempt.status?.containerId ? undefined : "it never had a container";
}

/** Errors after which the same question may be answered. */
const PASSING: readonly Code[] = [
  ...[Code.Unavailable, Code.DeadlineExceeded, Code.Canceled, Code.ResourceExhausted],
  ...[Code.FailedPrecondition, Code.Aborted],
];

function refusalOf(error: unknown, { workerId }: KnownAttempt): Asked {
  const { code, rawMessage } = ConnectError.from(error);
  const isFinal = !PASSING.includes(code);
  if (code === Code.NotFound)
    return { kind: "none", note: `worker ${workerId} no longer holds it`, isFinal };
  return { kind: "none", note: `worker ${workerId} could not be asked: ${rawMessage}`, isFinal };
}

type Known = ReporterDeps & Readonly<{ kept: readonly CrashReport[] }>;

/** The task's own past first, then what an earlier report knew of it, then others of its name. */
async function compare(
  task: Task,
  { number }: KnownAttempt,
  { kept, namesakes, clock }: Known,
): Promise<Comparison> {
  const goodRun = goodRunOf(task, clock.now(), number);
  if (goodRun) return { kind: "run", goodRun, task };
  const report = kept.find((each) => each.attempt < number && each.goodRun !== undefined);
  if (report) return { kind: "report", report };
  const namesake = await namesakes.goodRun(task);
  return namesake ? { kind: "run", ...namesake } : { kind: "none" };
}
