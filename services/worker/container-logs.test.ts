import type { ServerResponse } from "node:http";
import { afterEach, expect, test } from "@jest/globals";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createDockerRuntime } from "./docker-runtime.ts";
import { type FakeEngine, reply, startFakeEngine } from "./engine-fake.ts";
import { defaultLimits } from "./engine-limits.ts";
import type { LogSelection } from "./runtime.ts";

const limits = defaultLimits(1);
const ALL: LogSelection = {
  follow: false,
  tail: undefined,
  sinceMs: undefined,
  stdout: true,
  stderr: true,
};

let engine: FakeEngine | undefined;
afterEach(async () => {
  await engine?.stop();
  engine = undefined;
});

async function readFake(answer: (response: ServerResponse) => void, some: Partial<LogSelection>) {
  engine = await startFakeEngine((_, response) => answer(response));
  const clock = createManualClock();
  const { socketPath } = engine;
  const runtime = createDockerRuntime({
    socketPath,
    clock,
    log: silentLog,
    publishAddress: "127.0.0.1",
    limits,
  });
  const control = new AbortController();
  const batches = runtime.logs("c", { ...ALL, ...some }, control.signal)[Symbol.asyncIterator]();
  const next = async () =>
    (await batches.next()).value?.map(({ data }: { data: Uint8Array }) =>
      Buffer.from(data).toString(),
    );
  return { engine, clock, control, next };
}

function frame(text: string): Buffer {
  const payload = Buffer.from(`2026-01-02T03:04:05Z ${text}`);
  const header = Buffer.alloc(8);
  header.writeUInt8(1, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

test("what is selected is asked of the engine", async () => {
  const { engine, next } = await readFake((response) => response.end(), {
    follow: true,
    tail: 5,
    sinceMs: 1_700_000_000_250,
    stderr: false,
  });
  expect(await next()).toBeUndefined();
  expect(Object.fromEntries(engine.asked[0]?.url.searchParams ?? [])).toEqual({
    follow: "true",
    stdout: "true",
    stderr: "false",
    timestamps: "true",
    tail: "5",
    since: "1700000000.250000000",
  });
});

test("what the engine sends together is one batch", async () => {
  const { next } = await readFake(
    (response) => response.end(Buffer.concat([frame("a\n"), frame("b\n")])),
    {},
  );
  expect(await next()).toEqual(["a\n", "b\n"]);
  expect(await next()).toBeUndefined();
});

test("logs of a container that is not there are refused", async () => {
  const { next } = await readFake((r) => reply(r, 404, { message: "No such container: c" }), {});
  await expect(next()).rejects.toMatchObject({
    name: "RuntimeError",
    message: "read logs of c: No such container: c",
  });
});

test("logs that exist and stop coming are given up", async () => {
  const { clock, next } = await readFake((response) => response.write(frame("a\n")), {});
  expect(await next()).toEqual(["a\n"]);
  const outcome = expect(next()).rejects.toMatchObject({ kind: "engine-unavailable" });
  await clock.advance(limits.logStallMs);
  await outcome;
});

test("logs that are followed may be silent for days", async () => {
  let response: ServerResponse | undefined;
  const { clock, next } = await readFake(
    (each) => {
      response = each;
      each.write(frame("a\n"));
    },
    { follow: true },
  );
  expect(await next()).toEqual(["a\n"]);
  const later = next();
  await clock.advance(2 * 86_400_000);
  response?.write(frame("b\n"));
  expect(await later).toEqual(["b\n"]);
});

test("a slow consumer is no stall", async () => {
  const { clock, next } = await readFake((response) => {
    response.write(frame("a\n"));
    response.end(frame("b\n"));
  }, {});
  const first = await next();
  await clock.advance(10 * limits.logStallMs);
  const seen = [...(first ?? []), ...((await next()) ?? [])];
  expect(seen).toEqual(["a\n", "b\n"]);
});

test("a slow consumer slows the engine down", async () => {
  const CHUNK = Buffer.concat(Array.from({ length: 1000 }, () => frame("x".repeat(1000))));
  let written = 0;
  const { clock, next } = await readFake((response) => {
    const push = () => {
      while (written < 100 * CHUNK.length) {
        written += CHUNK.length;
        if (!response.write(CHUNK)) return void response.once("drain", push);
      }
      response.end();
    };
    push();
  }, {});
  await next();
  for (let turn = 0; turn < 200; turn++) await clock.turn();
  expect(written).toBeLessThan(10 * CHUNK.length);
});

test("an engine that dies is told", async () => {
  const { next } = await readFake(
    (response) => {
      response.write(frame("a\n"), () => response.destroy());
    },
    { follow: true },
  );
  const all = async () => {
    while (await next());
  };
  await expect(all()).rejects.toMatchObject({ kind: "engine-unavailable" });
});

test("reading ends quietly when nobody wants it any more", async () => {
  const { control, next } = await readFake((response) => response.write(frame("a\n")), {
    follow: true,
  });
  await next();
  const last = next();
  control.abort();
  expect(await last).toBeUndefined();
});
