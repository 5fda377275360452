import { describe, expect, test } from "@jest/globals";
import { LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { createDockerRig, IDLE, selection, shell, text } from "./docker-rig.ts";

const { runtime, startOne, runToEnd, readAll } = createDockerRig("docker-logs");

describe("logs", () => {
  const SPEAKER = shell("echo one; echo two >&2; echo three");

  test("are told apart by stream, with their times", async () => {
    const id = await runToEnd(SPEAKER);
    expect(text(await readAll(id, { stderr: false }))).toBe("one\nthree\n");
    const [entry] = await readAll(id, { stdout: false });
    expect(entry?.stream).toBe(LogStream.STDERR);
    const second = Number(entry?.time?.seconds ?? 0n);
    expect(Math.abs(second * 1000 - systemClock.now())).toBeLessThan(60_000);
  });

  test("can be cut to their tail, or to what is new", async () => {
    const id = await runToEnd(shell("echo early; sleep 1.1; echo late"));
    expect(text(await readAll(id, { tail: 1 }))).toBe("late\n");
    expect(text(await readAll(id, { tail: 0 }))).toBe("");
    const entries = await readAll(id, {});
    const lateMs = Number(entries.at(-1)?.time?.seconds ?? 0n) * 1000;
    expect(text(await readAll(id, { sinceMs: lateMs }))).toBe("late\n");
  });

  test("go on while they are followed, and end with the container", async () => {
    const id = await startOne(shell("echo first; read line; echo last"));
    expect(text(await readAll(id, { follow: true }))).toBe("first\nlast\n");
  });

  test("of a container that says nothing begin at once and end when nobody wants them", async () => {
    const id = await startOne(IDLE);
    const control = new AbortController();
    const reading = readAll(id, { follow: true }, control.signal);
    await runtime.inspect(id);
    control.abort();
    expect(await reading).toEqual([]);
  });

  test("of a very chatty container come in batches of bounded size", async () => {
    const lineCount = 100_000;
    const id = await runToEnd(shell(`yes '' | head -n ${lineCount}`));
    let entryCount = 0;
    let batchLengthMax = 0;
    for await (const entries of runtime.logs(id, selection({}), new AbortController().signal)) {
      entryCount += entries.length;
      batchLengthMax = Math.max(batchLengthMax, entries.length);
    }
    expect(entryCount).toBe(lineCount);
    // A chunk of 64 KiB, with a header and a time before each byte.
    expect(batchLengthMax).toBeLessThan(5_000);
  });

  test("a line of a megabyte comes in pieces and whole", async () => {
    const id = await runToEnd({ command: ["dd", "if=/dev/zero", "bs=1000000", "count=1"] });
    const entries = await readAll(id, { stderr: false });
    expect(Math.max(...entries.map(({ data }) => data.length))).toBe(16 * 1024);
    expect(text(entries)).toHaveLength(1_000_000);
  });
});
