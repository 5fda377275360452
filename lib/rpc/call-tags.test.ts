import type { HandlerContext } from "@connectrpc/connect";
import { describe, expect, jest, test } from "@jest/globals";
import { systemClock as clock } from "../clock.ts";
import { notFound } from "../errors.ts";
import type { Log, LogFields } from "../log.ts";
import { createSeededRandom } from "../random.ts";
import type { SpanRecord } from "../trace/span.ts";
import { createTracer } from "../trace/tracer.ts";
import { callTagsOf, logOfCall } from "./call-tags.ts";
import { createRig, errorOf, post } from "./testing/rig.ts";

// Real sockets, on machines that may be busy; nothing here waits for time to pass.
jest.setTimeout(60_000);

const { start } = createRig();

const PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

function createTracing(ratio = 1) {
  const spans: SpanRecord[] = [];
  const sink = { offer: (span: SpanRecord) => void spans.push(span), families: () => [] };
  return { spans, tracer: createTracer({ sink, ratio, clock, random: createSeededRandom(1) }) };
}

const recorder = () => {
  const lines: LogFields[] = [];
  const logWith = (bound: LogFields): Log => {
    const put = (fields: LogFields) => void lines.push({ ...bound, ...fields });
    return {
      ...{ error: put, warn: put, info: put, debug: put },
      child: (more) => logWith({ ...bound, ...more }),
    };
  };
  return { lines, log: logWith({}) };
};

describe("a request that its caller names", () => {
  const headers = { "x-request-id": "request 7" };

  test("is answered under that name on both wires, and is so called in the log", async () => {
    const { lines, log } = recorder();
    const { client, url } = await start(undefined, { log });
    let header = new Headers();
    await client.say({}, { headers, onHeader: (received) => (header = received) });
    expect(header.get("x-request-id")).toBe("request 7");
    const answer = await post(url, "{}", headers);
    expect(answer.headers.get("x-request-id")).toBe("request 7");
    expect(lines.map((line) => line["requestId"])).toEqual(["request 7", "request 7"]);
  });

  test("is refused under that name, though the error is one of many calls", async () => {
    const shared = notFound("task", "t1");
    const refuse = () => {
      throw shared;
    };
    const { client, url } = await start({ say: refuse, count: refuse });
    const error = await errorOf(client.say({}, { headers }));
    expect(error.metadata.get("x-request-id")).toBe("request 7");
    const answer = await post(url, "{}", headers);
    expect([answer.status, answer.headers.get("x-request-id")]).toEqual([404, "request 7"]);
    expect((await errorOf(client.say({}))).metadata.has("x-request-id")).toBe(false);
  });

  test("has no name where that cannot stand in a log", async () => {
    const { lines, log } = recorder();
    const { url } = await start(undefined, { log });
    await post(url, "{}", { "x-request-id": "x".repeat(129) });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toHaveProperty("requestId");
  });
});

describe("the span of a call", () => {
  test("is below its caller's, and tells its method and code", async () => {
    const { spans, tracer } = createTracing(0);
    const { client } = await start(undefined, { tracer });
    await client.say({}, { headers: { traceparent: PARENT } });
    expect(spans).toMatchObject([
      {
        ...{ name: "berth.testing.EchoService/Say", kind: "server", error: undefined },
        parentSpanId: "00f067aa0ba902b7",
        attributes: { "rpc.system.name": "grpc", "rpc.response.status_code": "OK" },
      },
    ]);
  });

  test("has failed only where that is the server's fault", async () => {
    const { spans, tracer } = createTracing();
    const bug = () => {
      throw new Error("a bug");
    };
    const { client } = await start(
      { say: bug, count: () => Promise.reject(notFound("task", "t")) as never },
      { tracer },
    );
    await client.say({}).catch(() => undefined);
    expect(spans).toMatchObject([{ error: "INTERNAL" }]);
  });

  test("is made of a stream only where its caller asks for it", async () => {
    const { spans, tracer } = createTracing();
    const { client } = await start(undefined, { tracer });
    for await (const _ of client.count({ count: 2 }));
    expect(spans).toEqual([]);
    const headers = { traceparent: PARENT };
    for await (const _ of client.count({ count: 2 }, { headers }));
    expect(spans).toMatchObject([{ name: "berth.testing.EchoService/Count" }]);
  });

  test("is what a handler goes by, and what its lines name", async () => {
    const { spans, tracer } = createTracing();
    const { lines, log } = recorder();
    let trace: unknown;
    const { client } = await start(
      {
        say: (_: unknown, { values }: HandlerContext) => {
          trace = callTagsOf(values).trace;
          logOfCall(log, values).info({}, "said");
          return {};
        },
      },
      { tracer },
    );
    await client.say({});
    expect(spans.map(({ context }) => context)).toEqual([trace]);
    expect(lines).toEqual([{ traceId: spans[0]?.context.traceId }]);
  });

  test("is the caller's own where nothing is traced", async () => {
    let trace: unknown;
    const say = (_: unknown, { values }: HandlerContext) => {
      trace = callTagsOf(values).trace;
      return {};
    };
    const { client } = await start({ say });
    await client.say({}, { headers: { traceparent: PARENT } });
    expect(trace).toMatchObject({ spanId: "00f067aa0ba902b7", isSampled: true });
  });
});
