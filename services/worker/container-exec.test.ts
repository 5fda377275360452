import { PassThrough } from "node:stream";
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { ExecProcessSchema, TerminalSizeSchema } from "../../gen/berth/v1/exec_pb.ts";
import { type Log, silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { startExec } from "./container-exec.ts";
import type { EngineClient, EngineTask } from "./engine-client.ts";
import { refused } from "./engine-error.ts";
import { defaultLimits } from "./engine-limits.ts";

/** An engine that says this to a size, and what is told of it. */
function createRig(answer: (task: EngineTask) => Error) {
  const lines: string[] = [];
  const log: Log = { ...silentLog, warn: (_, message) => void lines.push(message) };
  const engine: EngineClient = {
    ask: async () => ({ Id: "e1" }),
    askList: async () => [],
    tell: (task) => Promise.reject(answer(task)),
    open: () => Promise.reject(new Error("nothing is read")),
    converse: async () => new PassThrough(),
  };
  const deps = { engine, clock: createManualClock(), limits: defaultLimits(1), log };
  const process = create(ExecProcessSchema, { command: ["sh"], tty: true });
  const signal = new AbortController().signal;
  return { lines, begin: () => startExec(deps, { containerId: "c1", process, signal }) };
}

const size = create(TerminalSizeSchema, { rows: 10, columns: 20 });

/** As docker-modem has it. */
const says = (status: number, words: string) => (task: EngineTask) =>
  refused(task, { status, words }, Object.assign(new Error(words), { statusCode: status }));

describe("a new size", () => {
  test.each([
    [404, "no such exec"],
    [404, "No such container: c1"],
    [409, "container c1 is not running"],
    [500, "cannot resize a stopped container: unknown"],
  ])("of a process that is over is no news: %d %s", async (status, words) => {
    const { begin, lines } = createRig(says(status, words));
    await (await begin()).resize(size);
    expect(lines).toEqual([]);
  });

  test("that the engine fails to set is told, and the process goes on", async () => {
    const { begin, lines } = createRig(says(500, "timeout waiting for exec session ready"));
    await (await begin()).resize(size);
    expect(lines).toEqual(["terminal not resized"]);
  });

  test("that fails by a bug of ours is not swallowed", async () => {
    const { begin } = createRig(() => new TypeError("a bug"));
    const session = await begin();
    await expect(session.resize(size)).rejects.toThrow("a bug");
  });
});
