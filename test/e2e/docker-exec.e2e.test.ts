import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { ExecProcessSchema, TerminalSizeSchema } from "../../gen/berth/v1/exec_pb.ts";
import type { ExecSession } from "../../services/worker/runtime.ts";
import { createDockerRig, IDLE, shell } from "./docker-rig.ts";

const { runtime, engine, startOne } = createDockerRig("docker-exec");
const never = new AbortController().signal;

type Process = MessageInitShape<typeof ExecProcessSchema>;

const begin = (id: string, process: Process, signal = never) =>
  runtime.exec(id, create(ExecProcessSchema, process), signal);

const sh = (script: string, more: object = {}): Process => ({
  command: ["sh", "-c", script],
  ...more,
});

async function hear({ news }: ExecSession) {
  const heard = { stdout: "", stderr: "", exitCode: undefined as number | undefined };
  for await (const item of news)
    if (item.kind === "exit") heard.exitCode = item.exitCode;
    else heard[item.kind] += Buffer.from(item.data).toString();
  return heard;
}

describe("a process in a container", () => {
  test("has its two streams apart, its variables, its folder and its exit code", async () => {
    const id = await startOne(IDLE);
    const script = "echo $WORD; pwd; id -u; echo trouble >&2; exit 7";
    const process = sh(script, { env: { WORD: "hello" }, workingDir: "/tmp", user: "1234" });
    expect(await hear(await begin(id, process))).toEqual({
      stdout: "hello\n/tmp\n1234\n",
      stderr: "trouble\n",
      exitCode: 7,
    });
  });

  test("reads its input to the end and answers with megabytes", async () => {
    const id = await startOne(IDLE);
    const session = await begin(id, { command: ["cat"], stdin: true });
    const hearing = hear(session);
    const chunk = Buffer.alloc(60_000, "x");
    for (let count = 0; count < 100; count++) await session.write(chunk);
    session.endInput();
    const heard = await hearing;
    expect([heard.stdout.length, heard.exitCode]).toEqual([6_000_000, 0]);
  });

  test("that is not there ends with 126 or 127 and the engine's words", async () => {
    const id = await startOne(IDLE);
    const heard = await hear(await begin(id, { command: ["no-such-program"] }));
    expect([126, 127]).toContain(heard.exitCode);
    expect(heard.stdout).toContain("no-such-program");
  });

  test("has a terminal of the size that is wanted, and of the next one", async () => {
    const id = await startOne(IDLE);
    const size = { rows: 33, columns: 111 };
    // It waits for a line, so that it looks when its terminal has been told its size.
    const script = "for i in 1 2; do read line; busybox stty size; done";
    const process = sh(script, { tty: true, stdin: true, size });
    const session = await begin(id, process);
    const news = session.news[Symbol.asyncIterator]();
    let text = "";
    const until = async (words: string) => {
      while (!text.includes(words)) {
        const { value, done } = await news.next();
        if (done) throw new Error(`it never said ${words}, but: ${text}`);
        if (value.kind !== "exit") text += Buffer.from(value.data).toString();
      }
    };
    await session.write(Buffer.from("\n"));
    await until("33 111");
    await session.resize(create(TerminalSizeSchema, { rows: 20, columns: 40 }));
    await session.write(Buffer.from("\n"));
    await until("20 40");
  });

  test("is left to itself by who leaves, and its input ends", async () => {
    const id = await startOne(IDLE);
    const control = new AbortController();
    const script = "cat >/dev/null; echo left > /tmp/seen";
    const session = await begin(id, sh(script, { stdin: true }), control.signal);
    const hearing = hear(session);
    await session.write(Buffer.from("here\n"));
    control.abort();
    expect((await hearing).exitCode).toBeUndefined();
    const look = sh("until [ -e /tmp/seen ]; do sleep 0.05; done; cat /tmp/seen");
    expect((await hear(await begin(id, look))).stdout).toBe("left\n");
  });

  test("is killed with its container", async () => {
    const id = await startOne(shell("sleep 300"));
    const { news } = await begin(id, sh("echo here; exec sleep 300"));
    const ends: unknown[] = [];
    for await (const item of news)
      if (item.kind === "exit") ends.push(item.exitCode);
      else await engine.getContainer(id).kill();
    expect(ends).toEqual([137]);
  });

  test("needs a container that runs", async () => {
    const id = await startOne(shell("exit 0"));
    await engine.getContainer(id).wait();
    await expect(begin(id, { command: ["true"] })).rejects.toThrow("is not running");
  });

  test("that nobody listens to is held up, not buffered", async () => {
    const id = await startOne(IDLE);
    const control = new AbortController();
    const session = await begin(id, sh("yes >&2"), control.signal);
    const news = session.news[Symbol.asyncIterator]();
    await news.next();
    const before = process.memoryUsage().rss;
    await hear(await begin(id, sh("sleep 1")));
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
    control.abort();
    await news.return?.();
  });
});
