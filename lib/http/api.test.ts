import { request as httpRequest } from "node:http";
import type { Interceptor } from "@connectrpc/connect";
import { describe, expect, jest, test } from "@jest/globals";
import { notFound, unavailable } from "../errors.ts";
import { createWitness } from "../rpc/testing/gate.ts";
import { createHttpRig } from "./testing/rig.ts";

// Real sockets, on machines that may be busy; nothing here waits for time to pass.
jest.setTimeout(60_000);

const { start } = createHttpRig();

const MEBIBYTE = 2 ** 20;

/** What is told of a failure, in short. */
const toldBy = async (response: Response) => {
  const { reason, message } = (await response.json()) as { reason: string; message: string };
  return [response.status, reason, message];
};

describe("a call", () => {
  test("takes its fields from the query, the path or the body", async () => {
    const { ask } = await start();
    const answers = [
      await ask("GET", "/say?text=hi"),
      await ask("POST", "/say", '{"text":"hi"}'),
      await ask("POST", "/say/hi"),
    ];
    for (const answer of answers)
      expect([answer.status, await answer.json()]).toEqual([
        200,
        { text: "hi", index: 0, payload: "" },
      ]);
  });

  test("passes the interceptors that calls pass on every wire", async () => {
    const seen: string[] = [];
    const note: Interceptor = (next) => (request) => {
      seen.push(`${request.method.name} ${request.header.get("who")}`);
      return next(request);
    };
    const { ask } = await start({}, { interceptors: [note] });
    await ask("GET", "/say", undefined, { who: "me" });
    await (await ask("GET", "/words/a?count=1")).text();
    expect(seen).toEqual(["Say me", "Count null"]);
  });

  test("has the deadline that it asks for, or the server's own", async () => {
    const limits = { unaryMs: 20_000 };
    const left: (number | undefined)[] = [];
    const { ask } = await start(
      {
        say: (_request, context) => {
          left.push(context.timeoutMs());
          return {};
        },
      },
      { limits },
    );
    await ask("GET", "/say");
    await ask("GET", "/say", undefined, { "connect-timeout-ms": "600000" });
    const [own = 0, asked = 0] = left;
    expect([own <= 20_000, own > 0, asked > 20_000]).toEqual([true, true, true]);
    const bad = await ask("GET", "/say", undefined, { "connect-timeout-ms": "soon" });
    expect((await toldBy(bad)).slice(0, 2)).toEqual([400, "BAD_FIELDS"]);
  });

  test("that takes too long is 504", async () => {
    const { ask } = await start({ say: () => new Promise(() => undefined) });
    const answer = await ask("GET", "/say", undefined, { "connect-timeout-ms": "1" });
    expect((await toldBy(answer))[0]).toBe(504);
  });

  test("ends for its handler when the caller leaves", async () => {
    const witness = createWitness();
    const { url } = await start({
      say: (_request, { signal }) => {
        witness.watch(signal);
        return new Promise(() => undefined);
      },
    });
    const sent = httpRequest(`${url}/say`).on("error", () => undefined);
    sent.end();
    await witness.called;
    sent.destroy();
    await witness.aborted;
  });

  test("carries what its handler says in headers", async () => {
    const { ask } = await start({
      say: (_request, { responseHeader }) => {
        responseHeader.set("berth-revision", "7");
        return {};
      },
    });
    expect((await ask("GET", "/say")).headers.get("berth-revision")).toBe("7");
  });

  test("that fails says why, and when to try again", async () => {
    const { ask } = await start({
      say: ({ text }) => {
        throw text === ""
          ? notFound("word", "w1")
          : unavailable("AWAY", "away", { retryMs: 1_500 });
      },
    });
    expect(await toldBy(await ask("GET", "/say"))).toEqual([
      404,
      "WORD_NOT_FOUND",
      "word w1 does not exist",
    ]);
    const away = await ask("GET", "/say?text=a");
    expect([away.status, away.headers.get("retry-after")]).toEqual([503, "2"]);
  });

  test("that meets a bug is 500 with an incident, without particulars", async () => {
    const { ask } = await start({
      say: () => {
        throw new Error("secret");
      },
    });
    const told = await toldBy(await ask("GET", "/say"));
    expect(told.slice(0, 2)).toEqual([500, "INTERNAL"]);
    expect(told[2]).toMatch(/^internal error, see incident \w+ in the log$/);
  });
});

describe("a request that is no call is refused", () => {
  test.each<[string, string, string, string | undefined, object, number, string]>([
    ["a path that leads nowhere", "GET", "/sai", undefined, {}, 404, "NO_ROUTE"],
    ["another verb", "PUT", "/say", undefined, {}, 405, "METHOD_NOT_ALLOWED"],
    ["a parameter that is none", "GET", "/say?texd=1", undefined, {}, 400, "BAD_FIELDS"],
    ["a parameter beside a body", "POST", "/say?text=1", "{}", {}, 400, "BAD_FIELDS"],
    ["a field that is none", "POST", "/say", '{"texd":1}', {}, 400, "BAD_FIELDS"],
    ["a field twice", "POST", "/say", '{"text":"a","text":"b"}', {}, 400, "BAD_FIELDS"],
    ["a field of the path in the body", "POST", "/say/a", '{"text":"b"}', {}, 400, "BAD_FIELDS"],
    ["what is not JSON", "POST", "/say", "{", {}, 400, "BAD_FIELDS"],
    ["an enum's unknown number", "POST", "/say", '{"mood":77}', {}, 400, "BAD_FIELDS"],
    ["another type", "POST", "/say", "{}", { "content-type": "text/plain" }, 415, "BODY_NOT_JSON"],
    [
      "another alphabet",
      "POST",
      "/say",
      "{}",
      { "content-type": "application/json; charset=latin1" },
      415,
      "BODY_NOT_JSON",
    ],
    ["a packed body", "POST", "/say", "{}", { "content-encoding": "gzip" }, 415, "BODY_NOT_JSON"],
    ["a foreign page", "POST", "/say", "{}", { origin: "http://evil" }, 403, "CROSS_ORIGIN"],
    ["a page of no origin", "POST", "/say/a", undefined, { origin: "null" }, 403, "CROSS_ORIGIN"],
  ])("%s", async (_what, verb, path, body, headers, status, reason) => {
    const { ask } = await start();
    const answer = await ask(verb, path, body, headers);
    expect((await toldBy(answer)).slice(0, 2)).toEqual([status, reason]);
  });

  test("a body that a GET would ignore", async () => {
    const { url } = await start();
    const status = new Promise((resolve) => {
      const sent = httpRequest(`${url}/say`, { method: "GET" }, (got) => resolve(got.statusCode));
      sent.setHeader("content-length", "2");
      sent.end("{}");
    });
    expect(await status).toBe(400);
  });

  test("its own page is no foreign one", async () => {
    const { ask, url } = await start();
    expect((await ask("POST", "/say", "{}", { origin: url })).status).toBe(200);
  });
});

describe("too large a body", () => {
  const large = JSON.stringify({ text: "x".repeat(10 * MEBIBYTE) });

  test("is refused by what it says of its size, and the server goes on", async () => {
    const { ask } = await start();
    expect((await toldBy(await ask("POST", "/say", large))).slice(0, 2)).toEqual([
      413,
      "BODY_TOO_LARGE",
    ]);
    expect((await ask("POST", "/say", '{"text":"hi"}')).status).toBe(200);
  });

  test("is refused while it comes, where it does not say its size", async () => {
    const { url } = await start();
    const status = new Promise((resolve) => {
      const headers = { "content-type": "application/json", "transfer-encoding": "chunked" };
      const sent = httpRequest(`${url}/say`, { method: "POST", headers }, (got) =>
        resolve(got.statusCode),
      );
      sent.on("error", () => undefined);
      sent.end(large);
    });
    expect(await status).toBe(413);
  });

  test("bodies that are too large together are asked to come again", async () => {
    const limits = { httpBodiesBytes: MEBIBYTE };
    const { ask } = await start({}, { limits });
    const answer = await ask("POST", "/say", JSON.stringify({ text: "x".repeat(2 * MEBIBYTE) }));
    expect([...(await toldBy(answer)).slice(0, 2), answer.headers.get("retry-after")]).toEqual([
      503,
      "BODIES_TOO_LARGE",
      "1",
    ]);
    expect((await ask("POST", "/say", '{"text":"hi"}')).status).toBe(200);
  });
});

describe("without a body", () => {
  test("HEAD is GET, of a stream too", async () => {
    const { ask } = await start({
      async *count() {
        yield { text: "a" };
        await new Promise(() => undefined);
      },
    });
    const said = await ask("HEAD", "/say?text=hi");
    expect([said.status, said.headers.get("content-length"), await said.text()]).toEqual([
      200,
      "37",
      "",
    ]);
    expect((await ask("HEAD", "/words/a")).status).toBe(200);
    expect((await ask("HEAD", "/sai")).status).toBe(404);
  });

  test("OPTIONS tells what there is, and allows no foreign page anything", async () => {
    const { ask } = await start();
    const answer = await ask("OPTIONS", "/say", undefined, { origin: "http://evil" });
    expect([answer.status, answer.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS, POST"]);
    expect(answer.headers.has("access-control-allow-origin")).toBe(false);
  });
});

test("health is 200 while the server serves, then 503", async () => {
  const { ask, server } = await start();
  const before = await ask("GET", "/health");
  expect([before.status, await before.json()]).toEqual([200, { status: "SERVING" }]);
  server.setServing(false);
  const after = await ask("GET", "/health");
  expect([after.status, await after.json()]).toEqual([503, { status: "NOT_SERVING" }]);
  expect((await ask("GET", "/health?service=none")).status).toBe(404);
});
