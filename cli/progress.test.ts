import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { type Task, TaskSchema, TaskState } from "../gen/berth/v1/task_pb.ts";
import { createManualClock } from "../lib/manual-clock.ts";
import type { Context } from "./context.ts";
import { createProgress } from "./progress.ts";
import { createStepTeller } from "./step-teller.ts";
import { createFakeContext } from "./testing/fake-context.ts";

const REWIND = "\r\u001b[2K";

/** A context whose stderr is a screen, or not, and all that is written to it. */
function world(screen: Readonly<{ isErrorTty: boolean; env?: Context["terminal"]["env"] }>) {
  const { context } = createFakeContext();
  const clock = createManualClock();
  let written = "";
  const stderr = {
    ...context.terminal.stderr,
    write: (text: string | Uint8Array) => {
      written += text;
    },
  };
  const terminal = { ...context.terminal, env: {}, columns: 20, stderr, ...screen };
  return { clock, context: { ...context, clock, terminal }, written: () => written };
}

const screen = { isErrorTty: true };

test("on a screen a line is rewritten, not too often, and the last one stays", async () => {
  const { context, clock, written } = world(screen);
  const progress = createProgress(context, { quiet: false });
  progress.show("1 MiB");
  progress.show("2 MiB");
  await clock.advance(100);
  progress.show("3 MiB");
  progress.show("4 MiB");
  progress.end();
  expect(written()).toBe(`${REWIND}1 MiB${REWIND}3 MiB${REWIND}4 MiB\n`);
});

test("a line that is wider than the screen is cut, for it could not be rewritten", () => {
  const { context, written } = world(screen);
  createProgress(context, { quiet: false }).show("x".repeat(40));
  expect(written()).toBe(`${REWIND}${"x".repeat(18)}…`);
});

test.each([
  ["no screen", { isErrorTty: false }],
  ["a screen that cannot", { isErrorTty: true, env: { TERM: "dumb" } }],
])("on %s nothing moves: the last line comes once", (_what, facts) => {
  const { context, written } = world(facts);
  const progress = createProgress(context, { quiet: false });
  progress.show("1 MiB");
  progress.show("2 MiB");
  progress.end();
  expect(written()).toBe("2 MiB\n");
});

test("who wants no words gets none", () => {
  const { context, written } = world(screen);
  const progress = createProgress(context, { quiet: true });
  progress.show("1 MiB");
  progress.end();
  expect(written()).toBe("");
});

const taskIn = (state: TaskState): Task =>
  create(TaskSchema, { id: "t1", spec: { name: "web" }, state });
const changed = (state: TaskState) => ({ kind: "changed", task: taskIn(state) }) as const;

test("steps on a screen are one line that others make room for", async () => {
  const { context, clock, written } = world(screen);
  const teller = createStepTeller(context, false);
  teller.tell(changed(TaskState.PENDING));
  await clock.advance(1_000);
  teller.pause();
  await clock.advance(5_000);
  const { stderr } = context.terminal;
  stderr.write("log\n");
  teller.tell(changed(TaskState.COMPLETED));
  teller.end();
  await clock.advance(5_000);
  const pending = `${REWIND}web: pending`;
  expect(written()).toBe(
    `${pending}${pending}${REWIND}log\n${REWIND}web: completed${REWIND}web: completed\n`,
  );
});

test("steps elsewhere are a line each, once", () => {
  const { context, written } = world({ isErrorTty: false });
  const teller = createStepTeller(context, false);
  for (const state of [TaskState.PENDING, TaskState.PENDING, TaskState.COMPLETED])
    teller.tell(changed(state));
  teller.end();
  expect(written()).toBe("web: pending\nweb: completed\n");
});
