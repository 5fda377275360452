import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { failed, passed, unasked } from "../../lib/checks/check-result.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createDockerRuntime } from "./docker-runtime.ts";
import { type FakeEngine, reply, startFakeEngine, titleOf } from "./engine-fake.ts";

const never = new AbortController().signal;

let engine: FakeEngine | undefined;
afterEach(async () => {
  await engine?.stop();
  engine = undefined;
});

const frame = (stream: number, text: string) => {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
};

function replyWith(response: ServerResponse, inspected: () => object): void {
  try {
    reply(response, 200, inspected());
  } catch (error) {
    reply(response, 404, { message: String(error) });
  }
}

/** An engine whose command behaves as told. */
async function engineWith(
  run: (response: ServerResponse) => void,
  inspected: () => object = () => ({ Running: false, ExitCode: 0 }),
) {
  const fake = await startFakeEngine((asked, response) => {
    if (asked.url.pathname.endsWith("/start")) return run(response);
    if (asked.method === "GET") return replyWith(response, inspected);
    return reply(response, 201, { Id: "e1" });
  });
  engine = fake;
  const { tryCommand: exec } = createDockerRuntime({
    socketPath: fake.socketPath,
    clock: createManualClock(),
    log: silentLog,
    publishAddress: "127.0.0.1",
  });
  return { fake, exec: (signal = never) => exec("c1", ["check", "it"], signal) };
}

describe("a command in the container", () => {
  test("passes with exit code 0", async () => {
    const { fake, exec } = await engineWith((response) => response.end(frame(1, "fine")));
    expect(await exec()).toEqual(passed);
    expect(fake.asked.map(titleOf)).toEqual([
      "POST /containers/c1/exec",
      "POST /exec/e1/start",
      "GET /exec/e1/json",
    ]);
    expect(JSON.parse(fake.asked[0]?.body ?? "")).toMatchObject({ Cmd: ["check", "it"] });
  });

  test("fails with any other, and with the beginning of what it wrote", async () => {
    const endless = Buffer.concat(Array.from({ length: 100 }, () => frame(2, "x".repeat(1_000))));
    const { exec } = await engineWith(
      (response) => response.end(Buffer.concat([frame(1, "out\n"), frame(2, "err\n"), endless])),
      () => ({ Running: false, ExitCode: 3 }),
    );
    const result = await exec();
    expect(result).toEqual(failed(`exit code 3: out err ${"x".repeat(192)}...`));
  });

  test("that outlasts its check does not pass, and its container gets no other until it ends", async () => {
    let isRunning = true;
    const { fake, exec } = await engineWith(
      (response) => void response.write(frame(1, "...")),
      () => ({ Running: isRunning, ExitCode: 0 }),
    );
    const cut = new AbortController();
    const first = exec(cut.signal);
    await fake.hasBeenAsked(/start/);
    cut.abort();
    expect((await first).kind).not.toBe("passed");
    expect(await exec()).toEqual(failed("the command of an earlier check still runs"));
    isRunning = false;
    void exec();
    await fake.hasBeenAsked(/start/, 2);
  });

  test("whose end an engine lost, being restarted, says nothing of the container", async () => {
    const { exec } = await engineWith(
      (response) => response.end(),
      () => {
        throw new Error("No such exec instance");
      },
    );
    expect(await exec()).toEqual(unasked("the engine has lost the command"));
    expect(await exec()).toEqual(unasked("the engine has lost the command"));
  });

  test("that cannot be run has failed: there is no such program", async () => {
    const { exec } = await engineWith((response) =>
      reply(response, 400, { message: "exec: not found" }),
    );
    expect(await exec()).toMatchObject({ kind: "failed" });
  });

  test("is not asked when the engine is silent", async () => {
    const { fake, exec } = await engineWith((response) => void response.destroy());
    expect(await exec()).toMatchObject({ kind: "unasked" });
    await fake.stop();
    engine = undefined;
    expect(await exec()).toMatchObject({ kind: "unasked" });
  });
});
