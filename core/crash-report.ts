import { create } from "@bufbuild/protobuf";
import {
  type CrashChange,
  type CrashEvidence,
  type CrashReport,
  CrashReportSchema,
  type GoodRun,
} from "../gen/berth/v1/crash_report_pb.ts";
import { type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { causeOf } from "./crash-cause.ts";
import { attemptsOf, type KnownAttempt } from "./live-attempts.ts";
import { changeOf, specChanges } from "./spec-changes.ts";

/** What an attempt's worker said of it when it was asked. */
export type Testimony =
  | Readonly<{ kind: "evidence"; evidence: CrashEvidence }>
  /** `note`: why there is none. */
  | Readonly<{ kind: "none"; note: string }>;

/**
 * What a failed attempt is compared with: a good run, and the task whose it was. Or what the report of
 * an earlier attempt of the same task was compared with, where the task itself no longer remembers.
 */
export type Comparison =
  | Readonly<{ kind: "run"; goodRun: GoodRun; task: Task }>
  | Readonly<{ kind: "report"; report: CrashReport }>
  | Readonly<{ kind: "none" }>;

/** Changes that are told. More would hide the one that counts. */
export const CHANGES_MAX = 24;

/** Whether an attempt ended in a way that a report is made of. */
export const isCrash = ({ state }: KnownAttempt): boolean =>
  state === TaskState.FAILED || state === TaskState.LOST;

/** The attempts of a task of which there are reports, latest first. */
export const crashesOf = (task: Task): readonly KnownAttempt[] =>
  attemptsOf(task)
    .filter(isCrash)
    .toSorted((a, b) => b.number - a.number);

/** All that is known of an attempt that failed or was lost. */
export function crashReport(
  task: Task,
  known: KnownAttempt,
  { testimony, comparison }: Readonly<{ testimony: Testimony; comparison: Comparison }>,
): CrashReport {
  const { workerId, state, number, attempt } = known;
  const { status } = attempt;
  const memoryLimitBytes = task.spec?.limit?.memoryBytes ?? 0n;
  const evidence = testimony.kind === "evidence" ? testimony.evidence : undefined;
  const lastUsage = evidence?.usage.at(-1);
  const facts = { workerId, memoryLimitBytes: Number(memoryLimitBytes), lastUsage };
  const changes = changesSince(comparison, task, known);
  const endTime = status?.finishTime ?? status?.observeTime;
  return create(CrashReportSchema, {
    ...{ taskId: task.id, attempt: number, workerId, state, memoryLimitBytes },
    cause: status ? causeOf(status, facts) : "",
    probeMessage: status?.probeMessage ?? "",
    ...(status?.failure && { failure: status.failure }),
    ...(status?.exitCode !== undefined && { exitCode: status.exitCode }),
    ...(status?.startTime && { startTime: status.startTime }),
    ...(endTime && { finishTime: endTime }),
    ...(evidence ? { evidence } : { evidenceNote: noteOf(testimony) }),
    ...goodRunIn(comparison),
    changes: changes.slice(0, CHANGES_MAX),
    changesLeftOut: Math.max(0, changes.length - CHANGES_MAX),
  });
}

const noteOf = (testimony: Testimony): string => (testimony.kind === "none" ? testimony.note : "");

function goodRunIn(comparison: Comparison): { goodRun?: GoodRun } {
  if (comparison.kind === "run") return { goodRun: comparison.goodRun };
  const goodRun = comparison.kind === "report" ? comparison.report.goodRun : undefined;
  return goodRun ? { goodRun } : {};
}

/** What differs from the good run: first where it ran and what of, then what was asked for. */
function changesSince(comparison: Comparison, task: Task, known: KnownAttempt): CrashChange[] {
  const { goodRun } = goodRunIn(comparison);
  if (!goodRun || (goodRun.taskId === task.id && goodRun.attempt === known.number)) return [];
  return [...placeChanges(goodRun, known), ...askedChanges(comparison, task, known)];
}

function placeChanges(goodRun: GoodRun, { workerId, attempt }: KnownAttempt): CrashChange[] {
  const { engine = "", imageId = "" } = attempt.status ?? {};
  const pairs = [
    ["worker", goodRun.workerId, workerId],
    ["engine", goodRun.engine, engine],
    ["image_id", goodRun.imageId, imageId],
  ] as const;
  // What nobody has told is no difference.
  return pairs
    .filter(([, before, after]) => before !== "" && after !== "" && before !== after)
    .map(([path, before, after]) => changeOf(path, before, after));
}

function askedChanges(comparison: Comparison, task: Task, known: KnownAttempt): CrashChange[] {
  switch (comparison.kind) {
    case "none":
      return [];
    case "report":
      return comparison.report.changes.filter(({ path }) => path.startsWith("spec."));
    case "run":
      return [
        ...assignedChanges(comparison, known),
        ...(comparison.task.spec && task.spec ? specChanges(comparison.task.spec, task.spec) : []),
      ];
  }
}

/** Named things that were assigned: another GPU may be the broken one. */
function assignedChanges(
  { goodRun, task }: Extract<Comparison, { kind: "run" }>,
  { attempt }: KnownAttempt,
): CrashChange[] {
  const good = attemptsOf(task).find(({ number }) => number === goodRun.attempt)?.attempt;
  const idsIn = (each: typeof good) =>
    new Map(
      Object.entries(each?.placement?.assigned ?? {}).map(([name, { ids }]) => [
        name,
        ids.join(","),
      ]),
    );
  const [was, is] = [idsIn(good), idsIn(attempt)];
  return [...new Set([...was.keys(), ...is.keys()])]
    .sort()
    .filter((name) => was.get(name) !== is.get(name))
    .map((name) => changeOf(`assigned.${name}`, was.get(name), is.get(name)));
}
