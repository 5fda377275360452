import { Code } from "@connectrpc/connect";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { invalidFields, notFound, wrongState } from "../errors.ts";
import { createClient } from "./client.ts";
import type { RpcServerOptions } from "./server.ts";
import { EchoService } from "./testing/echo-pb.ts";
import { createGate } from "./testing/gate.ts";
import { errorOf } from "./testing/rig.ts";
import { type Echo, echo, type Wire, wires } from "./testing/wires.ts";

// Real sockets, on machines that may be busy; nothing here waits for time to pass.
jest.setTimeout(60_000);

async function* said(...texts: string[]) {
  for (const text of texts) yield { text };
}

async function all<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const message of messages) list.push(message);
  return list;
}

describe.each(wires)("$name", ({ name, isDuplex, open }) => {
  /** Tests of what only a server does, and of what not every wire can. */
  const onServer = name === "in memory" ? () => undefined : test;
  const duplex = isDuplex ? test : () => undefined;
  let wire: Wire | undefined;
  const clientOf = async (replaced?: Partial<Echo>, options?: Partial<RpcServerOptions>) => {
    wire = await open(echo(replaced), options);
    return createClient(EchoService, wire.transport);
  };
  afterEach(() => wire?.close());

  test("a unary call is answered", async () => {
    const client = await clientOf();
    const payload = new Uint8Array([0, 1, 255]);
    const response = await client.say({ text: "grüß dich", payload });
    expect(response.text).toBe("grüß dich");
    expect([...response.payload]).toEqual([0, 1, 255]);
  });

  test("a stream of requests is collected", async () => {
    const client = await clientOf();
    expect((await client.collect(said("a", "b", "c"))).text).toBe("a b c");
  });

  test("a stream of responses arrives whole and in order", async () => {
    const client = await clientOf();
    const responses = await all(client.count({ text: "x", count: 100 }));
    expect(responses.map(({ index }) => index)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test("an empty stream ends well, both ways", async () => {
    const client = await clientOf();
    expect(await all(client.count({ count: 0 }))).toEqual([]);
    expect((await client.collect(said())).text).toBe("");
  });

  duplex("each word of a conversation is answered at once", async () => {
    const client = await clientOf();
    const heard = createGate();
    const requests = (async function* () {
      yield { text: "first" };
      await heard.opened;
      yield { text: "second" };
    })();
    const texts: string[] = [];
    for await (const { text } of client.chat(requests)) {
      texts.push(text);
      heard.open();
    }
    expect(texts).toEqual(["first", "second"]);
  });

  duplex("a handler may end a conversation that goes on", async () => {
    const client = await clientOf({
      async *chat(requests) {
        for await (const { text } of requests) return yield { text };
      },
    });
    const left = createGate();
    const requests = (async function* () {
      try {
        for (;;) yield { text: "on and on" };
      } finally {
        left.open();
      }
    })();
    expect((await all(client.chat(requests))).map(({ text }) => text)).toEqual(["on and on"]);
    await left.opened;
  });

  test("an error arrives with its code, message, details and metadata", async () => {
    const client = await clientOf({
      say() {
        const error = invalidFields([{ field: "spec.image", description: "is empty: name one" }]);
        error.metadata.set("x-hint", "look again");
        throw error;
      },
    });
    const error = await errorOf(client.say({}));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.rawMessage).toBe("spec.image: is empty: name one");
    expect(error.metadata.get("x-hint")).toBe("look again");
    expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations[0]?.field).toBe("spec.image");
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe("BAD_FIELDS");
  });

  test.each<[string, Partial<Echo>]>([
    ["thrown at once", { say: () => fail() }],
    ["thrown later", { say: () => Promise.resolve().then(fail) }],
  ])("an error %s fails a unary call", async (_when, replaced) => {
    const client = await clientOf(replaced);
    const error = await errorOf(client.say({}));
    expect([error.code, error.rawMessage]).toEqual([Code.NotFound, "task t1 does not exist"]);
  });

  test("an error before the first response fails a stream", async () => {
    const client = await clientOf({ count: () => fail() });
    expect((await errorOf(all(client.count({})))).code).toBe(Code.NotFound);
  });

  test("an error amid a stream comes after what was sent before it", async () => {
    const client = await clientOf({
      async *count() {
        yield { index: 1 };
        yield { index: 2 };
        throw wrongState("BROKEN", "the log is gone");
      },
    });
    const indices: number[] = [];
    const reading = (async () => {
      for await (const { index } of client.count({})) indices.push(index);
    })();
    const error = await errorOf(reading);
    expect(indices).toEqual([1, 2]);
    expect(error.code).toBe(Code.FailedPrecondition);
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe("BROKEN");
  });

  test("an error amid a stream of requests fails the call", async () => {
    const client = await clientOf({
      async collect(requests) {
        for await (const _ of requests) fail();
        return {};
      },
    });
    expect((await errorOf(client.collect(said("a", "b")))).code).toBe(Code.NotFound);
  });

  onServer("an unknown failure tells the caller an incident, not more", async () => {
    const client = await clientOf({
      say() {
        throw new TypeError("secret of the house");
      },
    });
    const error = await errorOf(client.say({}));
    expect(error.code).toBe(Code.Internal);
    expect(error.rawMessage).toMatch(/^internal error, see incident [0-9a-z]{10} in the log$/);
  });

  test("metadata travels both ways, text and binary", async () => {
    const client = await clientOf({
      say(_request, { requestHeader, responseHeader, responseTrailer }) {
        responseHeader.set("x-header", requestHeader.get("x-word") ?? "none");
        responseHeader.set("x-bytes-bin", requestHeader.get("x-bytes-bin") ?? "none");
        responseTrailer.set("x-trailer", "end");
        return {};
      },
    });
    let header = new Headers();
    let trailer = new Headers();
    const headers = { "x-word": "one two", "x-bytes-bin": "AAH/" };
    await client.say(
      {},
      {
        headers,
        onHeader: (got) => {
          header = new Headers(got);
        },
        onTrailer: (got) => {
          trailer = new Headers(got);
        },
      },
    );
    expect(header.get("x-header")).toBe("one two");
    expect(header.get("x-bytes-bin")).toBe("AAH/");
    expect(trailer.get("x-trailer")).toBe("end");
  });

  test("a stream has metadata too", async () => {
    const client = await clientOf({
      async *count(_request, { responseHeader, responseTrailer }) {
        responseHeader.set("x-header", "begin");
        yield {};
        responseTrailer.set("x-trailer", "end");
      },
    });
    const seen: (string | null)[] = [];
    const onHeader = (got: Headers) => void seen.push(got.get("x-header"));
    const onTrailer = (got: Headers) => void seen.push(got.get("x-trailer"));
    await all(client.count({}, { onHeader, onTrailer }));
    expect(seen).toEqual(["begin", "end"]);
  });

  test("a failing stream of requests fails the call and is the error seen", async () => {
    const client = await clientOf();
    const requests = (async function* () {
      yield { text: "a" };
      throw wrongState("NO_INPUT", "the input broke");
    })();
    expect((await errorOf(client.collect(requests))).rawMessage).toBe("the input broke");
  });

  test("interceptors see calls of every kind", async () => {
    const seen: string[] = [];
    const client = await clientOf(undefined, {
      interceptors: [
        (next) => async (request) => {
          seen.push(request.method.name);
          return await next(request);
        },
      ],
    });
    await client.say({});
    await client.collect(said("a"));
    await all(client.count({ count: 1 }));
    expect(seen).toEqual(["Say", "Collect", "Count"]);
  });
});

function fail(): never {
  throw notFound("task", "t1");
}
