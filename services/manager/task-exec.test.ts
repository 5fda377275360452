import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import {
  type ExecTaskRequest,
  ExecTaskRequestSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createPipe } from "../../lib/pipe.ts";
import { aPendingTask } from "../../test/builders.ts";
import type { LedgerView } from "./ledger.ts";
import { createExecRelay } from "./task-exec.ts";

const clock = createManualClock();
const never = new AbortController().signal;
const tasks = new Map([["t1", { ...aPendingTask(), waitingReason: "no worker" }]]);
const relay = createExecRelay({
  ledger: { tasks } as unknown as LedgerView,
  lines: { borrow: () => Promise.reject(new Error("nobody is asked")) as never },
  clock,
});

const failureOf = async (words: AsyncIterable<ExecTaskRequest>) =>
  ConnectError.from(
    await relay(words, never)
      .next()
      .catch((reason: unknown) => reason),
  );

async function* said(word: ExecTaskRequest["word"]) {
  yield create(ExecTaskRequestSchema, { word });
}

const startOf = (taskId: string) => said({ case: "start", value: startFor(taskId) });

const startFor = (taskId: string) =>
  create(ExecTaskRequestSchema, {
    word: { case: "start", value: { taskId, process: { command: ["sh"] } } },
  }).word.value as Extract<ExecTaskRequest["word"], { case: "start" }>["value"];

test("a caller that says nothing is not waited for", async () => {
  const failing = failureOf(createPipe<ExecTaskRequest>().read(never));
  await clock.advance(10_000);
  expect(reasonOf(await failing)).toBe("START_MISSING");
});

test("a task that does not run is refused with what it waits for", async () => {
  const error = await failureOf(startOf("t1"));
  expect([error.code, reasonOf(error)]).toEqual([Code.FailedPrecondition, "NOT_RUNNING"]);
  expect(error.rawMessage).toContain("task t1 is pending (no worker)");
});

test("a task that there is not, and a word that is no start, are refused", async () => {
  expect((await failureOf(startOf("t2"))).code).toBe(Code.NotFound);
  expect((await failureOf(said({ case: undefined }))).code).toBe(Code.InvalidArgument);
});
