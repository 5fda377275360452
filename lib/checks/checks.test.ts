import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer, type Server as NetServer } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../clock.ts";
import { silentLog } from "../log.ts";
import { createManualClock } from "../manual-clock.ts";
import { healthCheck } from "../rpc/health-check.ts";
import { startRpcServer } from "../rpc/server.ts";
import { type CheckResult, failed, passed, wordsOf } from "./check-result.ts";
import { BODY_BYTES_MAX, httpCheck } from "./http-check.ts";
import { tcpCheck } from "./tcp-check.ts";
import { timedCheck } from "./timed-check.ts";

const host = "127.0.0.1";
const never = new AbortController().signal;
const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(() => Promise.all(closers.splice(0).map((close) => close())));

const listening = (server: Server | NetServer): Promise<number> =>
  new Promise((resolve) => {
    closers.push(() => new Promise((done) => server.close(done)));
    server.listen(0, host, () => resolve((server.address() as AddressInfo).port));
  });

async function serve(answer: RequestListener): Promise<number> {
  const server = createHttpServer(answer);
  const port = await listening(server);
  closers.unshift(() => server.closeAllConnections());
  return port;
}

const get = (port: number, changes = {}, signal = never): Promise<CheckResult> =>
  httpCheck({ host, port, path: "/", statuses: [200], ...changes }, signal);

describe("over HTTP", () => {
  test("only the wanted statuses pass", async () => {
    const port = await serve((request, response) => {
      response.writeHead(request.url === "/ok?a=b" ? 200 : 204).end();
    });
    expect(await get(port, { path: "/ok?a=b" })).toEqual(passed);
    expect(await get(port)).toEqual(failed("HTTP status 204"));
    expect(await get(port, { statuses: [200, 204] })).toEqual(passed);
  });

  test("a redirect is an answer and is not followed", async () => {
    const asked: (string | undefined)[] = [];
    const port = await serve((request, response) => {
      asked.push(request.url);
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    expect(await get(port)).toEqual(failed("HTTP status 302"));
    expect(asked).toEqual(["/"]);
  });

  test("the beginning of the body says why, without control characters", async () => {
    const port = await serve((_request, response) => {
      response.writeHead(503).end("database\n\u001b[31mgone");
    });
    expect(await get(port)).toEqual(failed("HTTP status 503: database [31mgone"));
  });

  test("an endless body is read no further than its limit", async () => {
    let sent = 0;
    const port = await serve((_request, response) => {
      const write = () => {
        if (response.destroyed) return;
        sent += BODY_BYTES_MAX;
        response.write("x".repeat(BODY_BYTES_MAX), () => void systemClock.turn().then(write));
      };
      write();
    });
    expect(await get(port)).toEqual(passed);
    expect(sent).toBeLessThan(1_000 * BODY_BYTES_MAX);
  });

  test("a body that breaks off is no success", async () => {
    const port = await serve((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.destroy());
    });
    expect(await get(port)).toMatchObject({ kind: "failed" });
  });

  test("silence, a closed port and a name instead of an address fail", async () => {
    const port = await serve(() => undefined);
    const patience = AbortSignal.timeout(20);
    expect(await get(port, {}, patience)).toEqual(failed("no answer in time"));
    expect(await get(1)).toEqual(failed("connect ECONNREFUSED 127.0.0.1:1"));
    expect(await get(port, { host: "localhost" })).toEqual(failed('"localhost" is no IP address'));
  });

  test("the environment's proxy is not asked", async () => {
    const port = await serve((_request, response) => void response.end());
    process.env["http_proxy"] = "http://127.0.0.1:1";
    try {
      expect(await get(port)).toEqual(passed);
    } finally {
      delete process.env["http_proxy"];
    }
  });
});

test("over TCP an accepted connection passes, a refused one does not", async () => {
  const port = await listening(createServer((socket) => socket.destroy()));
  expect(await tcpCheck({ host, port }, never)).toEqual(passed);
  expect(await tcpCheck({ host, port: 1 }, never)).toEqual(
    failed("connect ECONNREFUSED 127.0.0.1:1"),
  );
  expect(await tcpCheck({ host, port }, AbortSignal.abort())).toEqual(failed("no answer in time"));
});

test("over gRPC only SERVING passes", async () => {
  const rpc = { clock: systemClock, log: silentLog };
  const server = await startRpcServer({ ...rpc, listen: `${host}:0`, mounts: [] });
  closers.push(() => server.stop(0));
  const port = Number(server.address.split(":")[1]);
  const ask = (service: string, at = port) =>
    healthCheck({ host, port: at, service, timeoutMs: 1_000 }, { ...rpc, signal: never });
  expect(await ask("")).toEqual(passed);
  expect(await ask("nobody")).toMatchObject({ kind: "failed" });
  server.setServing(false);
  expect(await ask("")).toEqual(failed("it says NOT_SERVING"));
  expect(await ask("", 1)).toMatchObject({ kind: "failed" });
});

describe("a check with a limit", () => {
  const clock = createManualClock();
  const limits = { clock, timeoutMs: 1_000, signal: never };
  const silent = () => new Promise<CheckResult>(() => undefined);

  test("passes its result on and leaves no timer", async () => {
    expect(await timedCheck(async () => passed, limits)).toEqual(passed);
    await clock.advance(0);
    expect(clock.sleeperCount).toBe(0);
  });

  test("that never settles has failed", async () => {
    const result = timedCheck(silent, limits);
    await clock.advance(1_500);
    expect(await result).toEqual(failed("no answer within 1 s"));
  });

  test("may say itself what was wrong when it is cut short", async () => {
    const result = timedCheck(
      (signal) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve(failed("still running")));
        }),
      limits,
    );
    await clock.advance(1_000);
    expect(await result).toEqual(failed("still running"));
  });

  test("that throws has failed", async () => {
    const result = timedCheck(() => Promise.reject(new Error("oops")), limits);
    expect(await result).toEqual(failed("oops"));
  });

  test("says nothing of the other side when the asker itself stood still", async () => {
    let nowMs = 0;
    const stalled = { ...clock, monotonic: () => nowMs };
    const result = await timedCheck(
      async () => {
        nowMs += 60_000;
        return failed("no answer in time");
      },
      { ...limits, clock: stalled },
    );
    expect(result).toMatchObject({ kind: "unasked" });
  });

  test("is given up when nobody wants to know any more, and leaves no timer", async () => {
    const control = new AbortController();
    void timedCheck(silent, { ...limits, signal: control.signal });
    control.abort();
    await clock.advance(0);
    expect(clock.sleeperCount).toBe(0);
  });
});

test("words of others are cut", () => {
  expect(wordsOf("x".repeat(300))).toHaveLength(203);
});
