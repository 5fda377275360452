import { afterEach, describe, expect, test } from "@jest/globals";
import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createDockerRuntime } from "./docker-runtime.ts";
import { type Answer, type FakeEngine, reply, startFakeEngine } from "./engine-fake.ts";
import { defaultLimits } from "./engine-limits.ts";

/** A day of pulling would take the test too many steps. */
const limits = { ...defaultLimits(1), pullMs: 600_000 };
const IMAGE = "busybox:1";
const never = new AbortController().signal;

let engine: FakeEngine | undefined;
afterEach(async () => {
  await engine?.stop();
  engine = undefined;
});

async function withEngine(answer: Answer) {
  engine = await startFakeEngine(answer);
  const clock = createManualClock();
  const { socketPath } = engine;
  const runtime = createDockerRuntime({
    socketPath,
    clock,
    log: silentLog,
    publishAddress: "127.0.0.1",
    limits,
  });
  return { engine, clock, pull: runtime.pull };
}

describe("a pull", () => {
  test("is done when the engine has told all, whatever it told", async () => {
    const { engine, pull } = await withEngine((_, response) => {
      response.write('{"status":"Pulling","id":"1"}\n{"status"');
      response.write(':"Downloading"}\nno JSON at all\n[1]\n');
      response.end('{"status":"Done"}');
    });
    await pull("host:5000/a/b", never);
    expect(engine.asked[0]?.url.search).toBe("?fromImage=host%3A5000%2Fa%2Fb&tag=latest");
  });

  test.each([
    [404, "manifest for busybox:9 not found: manifest unknown", FailureReason.IMAGE_NOT_FOUND],
    [404, "pull access denied for x, repository does not exist", FailureReason.IMAGE_NOT_FOUND],
    [500, "manifest unknown: manifest unknown", FailureReason.IMAGE_NOT_FOUND],
    [500, "dial tcp: lookup r: no such host", FailureReason.IMAGE_PULL_FAILED],
    [500, "write /data/x: no space left on device", FailureReason.DISK_FULL],
  ])("refused with %i and %j", async (status, message, kind) => {
    const { pull } = await withEngine((_, response) => reply(response, status, { message }));
    await expect(pull(IMAGE, never)).rejects.toMatchObject({
      kind,
      message: `pull ${IMAGE}: ${message}`,
    });
  });

  test.each([
    ['{"errorDetail":{"message":"no space left on device"},"error":"x"}', FailureReason.DISK_FULL],
    ['{"error":"unexpected EOF"}', FailureReason.IMAGE_PULL_FAILED],
  ])("that fails on the way with %s", async (line, kind) => {
    const { pull } = await withEngine((_, response) => {
      response.write('{"status":"Downloading"}\n');
      response.end(`${line}\n`);
    });
    await expect(pull(IMAGE, never)).rejects.toMatchObject({ kind });
  });

  test("whose engine dies may be repeated", async () => {
    const { pull } = await withEngine((_, response) => {
      response.write('{"status":"Downloading"}\n', () => response.destroy());
    });
    await expect(pull(IMAGE, never)).rejects.toMatchObject({ kind: "engine-unavailable" });
  });

  test("that stalls is the registry's fault when the engine is well", async () => {
    const { engine, clock, pull } = await withEngine((asked, response) => {
      if (asked.method === "GET") response.end("OK");
      else response.write('{"status":"Downloading"}\n');
    });
    const outcome = expect(pull(IMAGE, never)).rejects.toMatchObject({
      kind: FailureReason.IMAGE_PULL_FAILED,
      message: expect.stringContaining("the engine is well"),
    });
    await engine.hasBeenAsked(/POST/);
    await clock.advance(limits.pullStallMs);
    await outcome;
  });

  test("of an engine that hangs may be repeated", async () => {
    const { engine, clock, pull } = await withEngine(() => undefined);
    const outcome = expect(pull(IMAGE, never)).rejects.toMatchObject({
      kind: "engine-unavailable",
    });
    await engine.hasBeenAsked(/POST/);
    await clock.advance(limits.pullStallMs);
    await engine.hasBeenAsked(/_ping/);
    await clock.advance(limits.pullStallMs);
    await outcome;
  });

  test("that makes progress for ever is given up in the end", async () => {
    let more: () => void = () => undefined;
    const { engine, clock, pull } = await withEngine((asked, response) => {
      if (asked.method === "GET") return void response.end("OK");
      more = () => void response.write('{"status":"Downloading"}\n');
      more();
    });
    const outcome = expect(pull(IMAGE, never)).rejects.toMatchObject({
      message: expect.stringContaining(`within ${limits.pullMs} ms`),
    });
    await engine.hasBeenAsked(/POST/);
    for (let elapsedMs = 0; elapsedMs < limits.pullMs; elapsedMs += limits.pullStallMs / 2) {
      more();
      for (let turn = 0; turn < 20; turn++) await clock.turn();
      await clock.advance(limits.pullStallMs / 2);
    }
    await outcome;
  });
});

describe("those who want one image", () => {
  test("share one pull", async () => {
    let finish: () => void = () => undefined;
    const { engine, pull } = await withEngine((_, response) => {
      finish = () => response.end();
      response.write("\n");
    });
    const both = [pull(IMAGE, never), pull(IMAGE, never)];
    await engine.hasBeenAsked(/POST/);
    finish();
    await Promise.all(both);
    expect(engine.asked).toHaveLength(1);
  });

  test("may leave without harm to the others; the last one ends it", async () => {
    let closed: () => void = () => undefined;
    const hungUp = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const { engine, pull } = await withEngine((_, response) => {
      response.on("close", closed);
      response.write("\n");
    });
    const [first, second] = [new AbortController(), new AbortController()];
    const cancelled = {
      kind: "engine-unavailable",
      message: `pull ${IMAGE}: cancelled by the caller`,
    };
    const outcomes = [first, second].map(({ signal }) =>
      expect(pull(IMAGE, signal)).rejects.toMatchObject(cancelled),
    );
    await engine.hasBeenAsked(/POST/);
    first.abort();
    await outcomes[0];
    expect(await engine.connectionCount()).toBe(1);
    second.abort();
    await outcomes[1];
    await hungUp;
  });

  test("after a failure begin anew", async () => {
    let count = 0;
    const { pull } = await withEngine((_, response) => {
      if (count++ === 0) reply(response, 500, { message: "oops" });
      else response.end();
    });
    await expect(pull(IMAGE, never)).rejects.toMatchObject({
      kind: FailureReason.IMAGE_PULL_FAILED,
    });
    await pull(IMAGE, never);
  });
});
