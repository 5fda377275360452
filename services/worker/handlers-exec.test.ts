import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import type { ExecProcessSchema } from "../../gen/berth/v1/exec_pb.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { WorkerServiceExecTaskRequestSchema } from "../../gen/berth/v1/worker_service_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { createPipe } from "../../lib/pipe.ts";
import { exitProcess } from "./fake-runtime-faults.ts";
import { EXECS_MAX } from "./handlers-exec.ts";
import { describeWorker, errorOf, start, type TestWorker, waitFor } from "./test-worker.ts";

type Word = MessageInitShape<typeof WorkerServiceExecTaskRequestSchema>;
type Process = MessageInitShape<typeof ExecProcessSchema>;

const key = { taskId: "t1", attempt: 1 };
const startOf = (process: Process): Word => ({
  word: { case: "start", value: { ...key, process } },
});
const stdin = (text: string): Word => ({
  word: { case: "input", value: { word: { case: "stdin", value: Buffer.from(text) } } },
});
const resize = (rows: number, columns: number): Word => ({
  word: { case: "input", value: { word: { case: "resize", value: { rows, columns } } } },
});
const endOfInput: Word = {
  word: { case: "input", value: { word: { case: "endOfInput", value: {} } } },
};

async function* said(...words: readonly Word[]) {
  yield* words;
}

/** Says all and listens to the end. */
async function converse({ client }: TestWorker, ...words: readonly Word[]) {
  const heard = { started: 0, stdout: "", stderr: "", exitCode: undefined as number | undefined };
  for await (const { output } of client.execTask(said(...words))) {
    const word = output?.word;
    if (word?.case === "started") heard.started++;
    if (word?.case === "stdout") heard.stdout += Buffer.from(word.value).toString();
    if (word?.case === "stderr") heard.stderr += Buffer.from(word.value).toString();
    if (word?.case === "exit") heard.exitCode = word.value.exitCode;
  }
  return heard;
}

describeWorker("a process in a container", (worker) => {
  async function running(): Promise<TestWorker> {
    await worker().client.startTask(start());
    await waitFor(worker(), "t1", TaskState.RUNNING);
    return worker();
  }

  test("says that it runs, what it writes, and how it ended", async () => {
    const heard = await converse(await running(), startOf({ command: ["echo", "a", "b"] }));
    expect(heard).toEqual({ started: 1, stdout: "a b\n", stderr: "", exitCode: 0 });
  });

  test("has its two streams apart, and its own exit code", async () => {
    const heard = await converse(await running(), startOf({ command: ["fail", "oh"] }));
    expect(heard).toEqual({ started: 1, stdout: "", stderr: "oh\n", exitCode: 3 });
  });

  test("has the environment, user and folder that were asked for", async () => {
    const process = { command: ["env"], env: { A: "1" }, user: "nobody", workingDir: "/srv" };
    expect((await converse(await running(), startOf(process))).stdout).toBe(
      "A=1\nuser nobody\nin /srv\n",
    );
  });

  test("reads its input to the end, said or by the end of the call", async () => {
    const cat = startOf({ command: ["cat"], stdin: true });
    const w = await running();
    expect(await converse(w, cat, stdin("one "), stdin("two"), endOfInput)).toMatchObject({
      stdout: "one two",
      exitCode: 0,
    });
    expect((await converse(w, cat, stdin("three"))).stdout).toBe("three");
  });

  test("hears of the sizes of its terminal, the first one included", async () => {
    const process = { command: ["cat"], stdin: true, tty: true, size: { rows: 24, columns: 80 } };
    const heard = await converse(await running(), startOf(process), resize(50, 132));
    expect(heard.stdout).toBe("24 80\n50 132\n");
  });

  test("that is not in the image ends with 127 and the engine's words", async () => {
    const heard = await converse(await running(), startOf({ command: ["nosuch"] }));
    expect(heard.exitCode).toBe(127);
    expect(heard.stdout).toContain('"nosuch"');
  });

  test("is killed with its container", async () => {
    const w = await running();
    const heard = converse(w, startOf({ command: ["sleep"] }));
    for await (const { output } of w.client.execTask(said(startOf({ command: ["echo"] }))))
      if (output?.word.case === "exit") exitProcess(w.engine, key, 0);
    expect(await heard).toMatchObject({ exitCode: 137 });
  });

  test.each<[string, readonly Word[], string]>([
    ["no word", [], "word"],
    ["input before the start", [stdin("a")], "word"],
    ["a second start", [startOf({ command: ["sleep"] }), startOf({ command: ["cat"] })], "word"],
    ["a start without a program", [startOf({ command: [] })], "start.process.command"],
    ["input that was not asked for", [startOf({ command: ["sleep"] }), stdin("a")], "input.stdin"],
  ])("%s is refused by name", async (_what, words, field) => {
    const error = await errorOf(converse(await running(), ...words));
    expect(error?.code).toBe(Code.InvalidArgument);
    expect(error?.rawMessage).toContain(field);
  });

  test("needs an attempt that runs", async () => {
    const w = await running();
    const elsewhere: Word = {
      word: { case: "start", value: { taskId: "t2", attempt: 1, process: { command: ["cat"] } } },
    };
    expect((await errorOf(converse(w, elsewhere)))?.code).toBe(Code.NotFound);
    exitProcess(w.engine, key, 0);
    await waitFor(w, "t1", TaskState.COMPLETED);
    const error = await errorOf(converse(w, startOf({ command: ["cat"] })));
    expect([error?.code, reasonOf(error)]).toEqual([Code.FailedPrecondition, "NOT_RUNNING"]);
    expect(error?.rawMessage).toContain("t1/1 is completed");
  });

  test("is one of so many, and one that was left is none", async () => {
    const w = await running();
    const control = new AbortController();
    const sleeping = Array.from({ length: EXECS_MAX }, () =>
      w.client
        .execTask(said(startOf({ command: ["sleep"] })), { signal: control.signal })
        [Symbol.asyncIterator](),
    );
    await Promise.all(sleeping.map((each) => each.next()));
    const error = await errorOf(converse(w, startOf({ command: ["echo"] })));
    expect(reasonOf(error)).toBe("TOO_MANY_EXECS");
    control.abort();
    await Promise.allSettled(sleeping.map((each) => each.next()));
    await patiently(() => converse(w, startOf({ command: ["echo", "again"] })));
  });

  test("is heard no faster than its caller listens", async () => {
    const w = await running();
    const input = createPipe<Word>();
    void input.put(startOf({ command: ["yes"] }));
    const control = new AbortController();
    const { signal } = control;
    const calling = w.client.execTask(input.read(signal), { signal });
    const heard = calling[Symbol.asyncIterator]();
    for (let count = 0; count < 100; count++) expect((await heard.next()).done).toBe(false);
    control.abort();
    await expect(drain(heard)).rejects.toBeInstanceOf(ConnectError);
  });
});

async function drain(messages: AsyncIterator<unknown>): Promise<void> {
  while (!(await messages.next()).done);
}

/** The worker hears a bit later that a caller has left. */
async function patiently(act: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const error = await errorOf(act());
    if (!error) return;
    if (reasonOf(error) !== "TOO_MANY_EXECS") throw error;
  }
}
