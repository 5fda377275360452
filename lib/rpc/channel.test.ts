import { createServer, type Server, type Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { reasonOf } from "../errors.ts";
import { silentLog } from "../log.ts";
import { createManualClock } from "../manual-clock.ts";
import { type Channel, openChannel } from "./channel.ts";
import { createClient } from "./client.ts";
import type { RpcServer } from "./server.ts";
import { EchoService } from "./testing/echo-pb.ts";
import { createGate } from "./testing/gate.ts";
import { errorOf } from "./testing/rig.ts";
import { channelTo, echo, serve } from "./testing/wires.ts";

// Real sockets, on machines that may be busy; nothing here waits for time to pass.
jest.setTimeout(60_000);

let server: RpcServer | undefined;
let channel: Channel | undefined;
let stranger: Server | undefined;
const accepted = new Set<Socket>();

afterEach(async () => {
  channel?.close();
  await server?.stop(0);
  for (const socket of accepted) socket.destroy();
  accepted.clear();
  stranger?.close();
});

const clientTo = (address: string, options?: { timeoutMs?: number; connectMs?: number }) => {
  channel = channelTo(address, options);
  return createClient(EchoService, channel);
};

async function read(messages: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of messages);
}

/** A TCP server that treats connections as it likes. */
const listen = (onSocket: (socket: Socket) => void, port = 0): Promise<string> =>
  new Promise((resolve) => {
    stranger = createServer((socket) => {
      accepted.add(socket);
      socket.on("error", () => undefined).on("close", () => accepted.delete(socket));
      onSocket(socket);
    });
    stranger.listen(port, "127.0.0.1", () => {
      const address = stranger?.address();
      resolve(`127.0.0.1:${typeof address === "object" ? address?.port : ""}`);
    });
  });

describe("a server that accepts and never speaks", () => {
  test("fails every call that waits, and the next call finds one that does", async () => {
    const clock = createManualClock();
    const first = createGate();
    const address = await listen((socket) => {
      socket.resume();
      first.open();
    });
    channel = openChannel({ address, clock, log: silentLog, timeoutMs: 60_000 });
    const client = createClient(EchoService, channel);
    const calls = [errorOf(client.say({})), errorOf(read(client.count({ count: 1 })))];
    await first.opened;
    await clock.advance(5_000);
    for (const error of await Promise.all(calls)) {
      expect([error.code, reasonOf(error)]).toEqual([Code.Unavailable, "NOT_CONNECTED"]);
      expect(error.rawMessage).toBe(`no connection to ${address} within 5000 ms: is it running?`);
    }
    for (const socket of accepted) socket.destroy();
    await new Promise<void>((resolve) => stranger?.close(() => resolve()));
    server = await serve(echo(), { listen: address });
    expect((await client.say({ text: "back" })).text).toBe("back");
  });

  test("has its connection closed", async () => {
    const clock = createManualClock();
    const gone = createGate();
    const arrived = createGate();
    const address = await listen((socket) => {
      socket.resume().on("close", gone.open);
      arrived.open();
    });
    channel = openChannel({ address, clock, log: silentLog });
    const call = errorOf(createClient(EchoService, channel).say({}));
    await arrived.opened;
    await clock.advance(5_000);
    await call;
    channel.close();
    await gone.opened;
  });
});

describe("a server that", () => {
  test("is not there fails a call at once", async () => {
    const address = await listen(() => undefined);
    await new Promise<void>((resolve) => stranger?.close(() => resolve()));
    expect((await errorOf(clientTo(address).say({}))).code).toBe(Code.Unavailable);
  });

  test("hangs up at once fails a call", async () => {
    const address = await listen((socket) => socket.destroy());
    expect((await errorOf(clientTo(address).say({}))).code).toBe(Code.Unavailable);
  });

  test("speaks another protocol fails a call", async () => {
    const address = await listen((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"));
    expect((await errorOf(clientTo(address).say({}))).code).toBe(Code.Unavailable);
  });

  test("is silent past the default deadline fails a unary call", async () => {
    server = await serve(echo({ say: () => new Promise(() => undefined) }));
    const error = await errorOf(clientTo(server.address, { timeoutMs: 50 }).say({}));
    expect(error.code).toBe(Code.DeadlineExceeded);
  });

  test("dies amid calls of each kind fails them, and is found again when it is back", async () => {
    const called = createGate();
    server = await serve(
      echo({
        async say({ text }) {
          if (text === "wait") {
            called.open();
            await new Promise(() => undefined);
          }
          return { text };
        },
        async *count() {
          yield {};
          await new Promise(() => undefined);
        },
      }),
    );
    const client = clientTo(server.address);
    const unary = errorOf(client.say({ text: "wait" }));
    const stream = client.count({})[Symbol.asyncIterator]();
    await stream.next();
    await called.opened;
    await server.stop(0);
    expect((await unary).code).toBe(Code.Unavailable);
    expect((await errorOf(stream.next())).code).toBe(Code.Unavailable);

    server = await serve(echo(), { listen: server.address });
    expect(await eventually(() => client.say({ text: "back" }))).toMatchObject({ text: "back" });
  });

  /** grpc-js pauses a little before it connects again, and fails calls meanwhile. */
  async function eventually<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (ConnectError.from(error).code !== Code.Unavailable) throw error;
      }
    }
  }
});

describe("a channel that is closed", () => {
  test("refuses calls of each kind", async () => {
    server = await serve(echo());
    const client = clientTo(server.address);
    channel?.close();
    expect(reasonOf(await errorOf(client.say({})))).toBe("CHANNEL_CLOSED");
    expect(reasonOf(await errorOf(read(client.count({}))))).toBe("CHANNEL_CLOSED");
  });

  test("lets calls under way finish", async () => {
    const called = createGate();
    const release = createGate();
    server = await serve(
      echo({
        async say() {
          called.open();
          await release.opened;
          return { text: "done" };
        },
      }),
    );
    const call = clientTo(server.address).say({});
    await called.opened;
    channel?.close();
    release.open();
    expect((await call).text).toBe("done");
  });
});

test("a signal that has aborted before the call is its end", async () => {
  server = await serve(echo());
  const client = clientTo(server.address);
  const signal = AbortSignal.abort();
  expect((await errorOf(client.say({}, { signal }))).code).toBe(Code.Canceled);
  expect((await errorOf(read(client.count({}, { signal })))).code).toBe(Code.Canceled);
});

test("a signal that outlives its calls has no listeners left", async () => {
  server = await serve(echo());
  const client = clientTo(server.address);
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  for (let index = 0; index < 20; index++) await client.say({}, { signal });
  expect(listeners).toBe(0);
});

test("hundreds of calls at once are all answered", async () => {
  server = await serve(echo());
  const client = clientTo(server.address, { timeoutMs: 30_000 });
  const texts = Array.from({ length: 200 }, (_, index) => String(index));
  const answers = await Promise.all(texts.map((text) => client.say({ text })));
  expect(answers.map(({ text }) => text)).toEqual(texts);
});
