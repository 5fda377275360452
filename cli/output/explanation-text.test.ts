import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { Suitability } from "../../gen/berth/v1/explanation_pb.ts";
import { ExplainTaskResponseSchema } from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { anAttempt, aPendingTask, aPlacedTask, START_MS } from "../../test/builders.ts";
import { createFakeTerminal } from "../testing/fake-terminal.ts";
import { colorsFor } from "./colors.ts";
import { explanationText } from "./explanation-text.ts";

const { PREFERRED, FITS, AVOIDED, EXCLUDED } = Suitability;
const colors = colorsFor(createFakeTerminal({ env: {} }));

function textOf(task: Task, answer: object, all = false): readonly string[] {
  const message = create(ExplainTaskResponseSchema, { summary: "waits", ...answer });
  const options = { colors, nowMs: START_MS, width: 80, all };
  return explanationText({ ...message, task }, options).split("\n");
}

const verdicts = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    workerId: `w${index}`,
    suitability: EXCLUDED,
    objections: [{ filter: "ready", explanation: "not ready: down" }],
  }));

test("the first 20 workers are shown, unless all are wanted", () => {
  const answer = { workers: verdicts(20), workerCount: 4_000 };
  const lines = textOf(aPendingTask(), answer);
  expect(lines.filter((line) => line.includes("not ready"))).toHaveLength(20);
  expect(lines).toContain("  … and 3980 more, see --all");
  const all = textOf(aPendingTask(), { workers: verdicts(30), workerCount: 30 }, true);
  expect(all.filter((line) => line.includes("not ready"))).toHaveLength(30);
  expect(all.join("\n")).not.toContain("more");
});

test("every worker is told in words what it is to the task", () => {
  const workers = [
    { workerId: "w1", suitability: FITS, score: 0.91234, attempts: [3] },
    { workerId: "w2", suitability: EXCLUDED, attempts: [2] },
    { workerId: "w3", suitability: PREFERRED, score: 1, note: "the task ran there last" },
    { workerId: "w4", suitability: FITS, score: -2, affinity: 50, lead: 2 },
    { workerId: "w5", suitability: AVOIDED, score: 1, note: "the task keeps failing there" },
  ];
  const task = { ...aPlacedTask(), attempt: anAttempt(3) };
  const lines = textOf(task, { workers, workerCount: 5, suitableCount: 4 });
  expect(lines.slice(lines.indexOf("Workers now: 4 of 5 can take it") + 1)).toEqual([
    "  WORKER   VERDICT         SCORE   WHY",
    "  w1       has it          0.912",
    "  w2       has attempt 2       -",
    "  w3       first choice        1   the task ran there last",
    "  w4       fits               -2   affinity 50, 2 of its name there",
    "  w5       last choice         1   the task keeps failing there",
    "",
  ]);
});

test("a change of the reservation is told with the flag that makes it", () => {
  const flagsOf = (filter: string, reservation: object) =>
    textOf(aPendingTask(), { remedy: { explanation: "lower it", filter, reservation } }).join(" ");
  expect(flagsOf("memory", { memoryBytes: 3n * 2n ** 29n + 1n })).toContain(
    "--reserve-memory 1536m",
  );
  expect(flagsOf("disk", { diskBytes: 1_000n })).toContain("--reserve-disk 1000,");
  expect(flagsOf("cpu", { cpuMillis: 250n })).toContain("--reserve-cpus 0.25,");
});

test("what follows the attempts is told unless the first sentence has", () => {
  const attempts = [{ attempt: 1, explanation: "failed on w1" }];
  const outlook = "attempt 2 follows in 4 s";
  const task = { ...aPendingTask(), attempt: anAttempt(2) };
  expect(textOf(task, { attempts, outlook }).slice(-4)).toEqual([
    "Attempts, latest first",
    "  1      failed on w1",
    "  attempt 2 follows in 4 s",
    "",
  ]);
  const ended = { ...aPlacedTask(), state: TaskState.FAILED };
  const lines = textOf(ended, { attempts, outlook, summary: `failed on w1; ${outlook}` });
  expect(lines.slice(-4)).toEqual([
    ...["Attempts, latest first", "  1      failed on w1"],
    ...["  what it left behind, and what has changed: berth inspect t1", ""],
  ]);
});

test("what containers wrote cannot drive the terminal", () => {
  const attempts = [{ attempt: 1, explanation: "failed: \u001b[2Jboom\nnext" }];
  expect(textOf(aPlacedTask(), { attempts }).join("\n")).toContain("failed: boom next");
});
