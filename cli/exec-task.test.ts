import { createRouterTransport, type ServiceImpl } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { TaskState } from "../gen/berth/v1/task_pb.ts";
import { wrongState } from "../lib/errors.ts";
import { createPipe } from "../lib/pipe.ts";
import { createClient } from "../lib/rpc/client.ts";
import { execTask } from "./exec-task.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Input } from "./terminal.ts";
import { createFakeContext } from "./testing/fake-context.ts";
import { execFake } from "./testing/fake-exec.ts";
import type { FakeLedger } from "./testing/fake-ledger.ts";

type Exec = ServiceImpl<typeof ManagerService>["execTask"];

const ledger = {
  find: () => ({ state: TaskState.RUNNING, waitingReason: "" }),
} as unknown as FakeLedger;

/** A screen at which a test sits. */
function createScreen() {
  const keys = createPipe<Uint8Array>();
  const log: string[] = [];
  const listeners = new Set<() => void>();
  const screen = { rows: 24, columns: 80 };
  const stdin: Input = {
    isTty: true,
    read: (signal) => keys.read(signal),
    makeRaw() {
      log.push("raw");
      return () => void log.push("restored");
    },
    size: () => screen,
    onResize(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  return {
    ...{ stdin, log, listeners },
    type: (text: string) => keys.put(Buffer.from(text)),
    leaveKeyboard: () => keys.end(),
    resize(rows: number, columns: number) {
      Object.assign(screen, { rows, columns });
      for (const tell of listeners) tell();
    },
  };
}

function begin(command: string[], more: object, exec: Exec = (words) => execFake(words, ledger)) {
  const screen = createScreen();
  const { context, terminal, interruption } = createFakeContext();
  const transport = createRouterTransport((router) =>
    router.service(ManagerService, { execTask: exec }),
  );
  const wanted = { taskId: "t1", process: { command, ...more } };
  const here = { ...context, terminal: { ...terminal, stdin: screen.stdin } };
  const ended = execTask(here, createClient(ManagerService, transport), wanted);
  return { ...screen, terminal, interruption, ended };
}

const TYPED = { tty: true, stdin: true };

test("what a process writes is printed, and its exit code is ours", async () => {
  const { ended, terminal, log } = begin(["echo", "hi"], {});
  expect(await ended).toBe(0);
  expect(terminal.printed()).toBe("hi");
  expect(log).toEqual([]);
  expect(await begin(["nosuch"], {}).ended).toBe(127);
});

test("what is typed goes to it, and the terminal is put back", async () => {
  const { ended, terminal, type, leaveKeyboard, log, listeners } = begin(["cat"], TYPED);
  await type("one\n");
  await type("two\n");
  leaveKeyboard();
  expect(await ended).toBe(0);
  expect(terminal.printed()).toBe("one\ntwo");
  expect(log).toEqual(["raw", "restored"]);
  expect(listeners.size).toBe(0);
});

test("much that is piped goes in words of bearable size", async () => {
  const { ended, terminal, type, leaveKeyboard } = begin(["cat"], { stdin: true });
  await type(`${"x".repeat(200_000)}\n`);
  leaveKeyboard();
  await ended;
  expect(terminal.printed()).toHaveLength(200_000);
});

test("it hears of the size that the screen comes to have", async () => {
  const { ended, terminal, resize, type, leaveKeyboard } = begin(["size"], TYPED);
  await type("");
  resize(30, 90);
  resize(31, 91);
  resize(32, 92);
  await type("");
  leaveKeyboard();
  await ended;
  expect(terminal.printed().split("\n").at(-1)).toBe("32x92");
});

test("the keys to leave end it with a word, and the terminal is put back", async () => {
  const { ended, terminal, type, log } = begin(["cat"], TYPED);
  await type("hello\n\x10\x11");
  expect(await ended).toBe(exitCodes.ok);
  expect(terminal.printed()).toContain("left: the process may go on in task t1");
  expect(log).toEqual(["raw", "restored"]);
});

test("so does an interruption, with its exit code", async () => {
  const { ended, interruption, type, log } = begin(["cat"], TYPED);
  await type("hello\n");
  interruption.abort();
  expect(await ended).toBe(exitCodes.interrupted);
  expect(log).toEqual(["raw", "restored"]);
});

test("a refusal is told once the terminal is put back", async () => {
  // biome-ignore lint/correctness/useYield: a stream that fails before its first message
  const refuse: Exec = async function* () {
    throw wrongState("NOT_RUNNING", "task t1 is pending");
  };
  const { ended, log } = begin(["cat"], TYPED, refuse);
  await expect(ended).rejects.toThrow("task t1 is pending");
  expect(log).toEqual(["raw", "restored"]);
});
