import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../clock.ts";
import { createManualClock } from "../manual-clock.ts";
import type { Channel } from "./channel.ts";
import { createClient } from "./client.ts";
import type { RpcLimits } from "./limits.ts";
import type { RpcServer, RpcServerOptions } from "./server.ts";
import { EchoService } from "./testing/echo-pb.ts";
import { createGate, createWitness } from "./testing/gate.ts";
import { channelTo, type Echo, echo, serve } from "./testing/wires.ts";

// Real sockets, on machines that may be busy; nothing here waits for time to pass.
jest.setTimeout(60_000);

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

let server: RpcServer | undefined;
let channel: Channel | undefined;
const guests: Socket[] = [];

async function start(options: Partial<RpcServerOptions> = {}, replaced?: Partial<Echo>) {
  server = await serve(echo(replaced), options);
  channel = channelTo(server.address);
  return createClient(EchoService, channel);
}

const limits = (some: Partial<RpcLimits>) => ({ limits: some });

afterEach(async () => {
  for (const guest of guests.splice(0)) guest.destroy();
  channel?.close();
  await server?.stop(0);
});

/** A connection that says `first` and then nothing; resolves when it is open. */
const guest = (...first: (string | Buffer)[]): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const [host = "", port] = server?.address.split(":") ?? [];
    const socket = connect({ host, port: Number(port) }, () => {
      for (const bytes of first) socket.write(bytes);
      resolve(socket);
    });
    // A guest that only talks would never learn that it was thrown out.
    socket.resume().on("error", reject);
    guests.push(socket);
  });

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) resolve();
    socket.removeAllListeners("error").on("error", () => undefined);
    socket.on("close", () => resolve());
  });

describe("a connection ends when, within the first seconds, it", () => {
  test.each<[string, (string | Buffer)[]]>([
    ["says nothing", []],
    ["says half a preface", [PREFACE.slice(0, 10)]],
    ["says a preface and no more", [PREFACE]],
    ["says a preface and half a frame", [PREFACE, SETTINGS.subarray(0, 5)]],
  ])("%s", async (_what, first) => {
    const clock = createManualClock();
    const client = await start({ clock });
    const silent = await guest(...first);
    await client.say({});
    expect(silent.closed).toBe(false);
    await clock.advance(5_000);
    await closed(silent);
    expect((await client.say({ text: "still here" })).text).toBe("still here");
  });
});

describe("a connection ends at once when it", () => {
  test.each<[string, (string | Buffer)[]]>([
    ["speaks no protocol at all", [Buffer.from([0x16, 0x03, 0x01, 0, 1, 2, 3]), "\r\n\r\n"]],
    ["begins HTTP/2 with another frame than SETTINGS", [PREFACE, Buffer.alloc(9, 1)]],
  ])("%s", async (_what, first) => {
    const client = await start();
    await closed(await guest(...first));
    expect((await client.say({ text: "still here" })).text).toBe("still here");
  });
});

test.each<[string, (string | Buffer)[]]>([
  ["falls silent", [PREFACE, SETTINGS]],
  ["talks nonsense", [PREFACE, SETTINGS, Buffer.alloc(64, 0xff)]],
])("a gRPC client that %s and answers no ping is dropped", async (_what, first) => {
  await start(limits({ keepaliveMs: 50, keepaliveTimeoutMs: 50 }));
  await closed(await guest(...first));
});

test("a gRPC connection without calls is closed in time", async () => {
  await start(limits({ connectionIdleMs: 50 }));
  const session = connectHttp2(`http://${server?.address}`);
  await new Promise<void>((resolve) => session.on("close", resolve));
});

test.each([
  ["headers never end", "POST / HTTP/1.1\r\nhost: a\r\nx: "],
  [
    "body never ends",
    "POST /berth.testing.EchoService/Say HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
  ],
])("a request whose %s is cut off", async (_part, text) => {
  await start(limits({ httpHeadersMs: 50, httpRequestMs: 100 }));
  await closed(await guest(text));
});

test("200 silent connections are closed while calls succeed", async () => {
  const clock = createManualClock();
  const client = await start({ clock });
  const silent = await Promise.all(Array.from({ length: 200 }, () => guest()));
  for (let index = 0; index < 20; index++) await client.say({});
  await clock.advance(5_000);
  await Promise.all(silent.map(closed));
  await client.say({});
});

describe("too many connections", () => {
  test.each<[string, Partial<RpcLimits>]>([
    ["in all", { connections: 3 }],
    ["from one address", { connectionsFromLoopback: 3 }],
  ])("%s are turned away until one has left", async (_which, some) => {
    const client = await start(limits(some));
    await client.say({});
    const [first] = await Promise.all([guest(), guest()]);
    await closed(await guest());
    first?.destroy();
    await expectAdmission();
    await client.say({ text: "still here" });
  });

  /** Admission follows the other's end on another connection: it may take the server a turn. */
  async function expectAdmission(): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const next = await guest("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      const answered = new Promise<boolean>((resolve) => {
        next.once("data", () => resolve(true)).once("close", () => resolve(false));
      });
      if (await answered) return;
    }
    throw new Error("nobody was admitted");
  }
});

describe("a reader that does not read", () => {
  const payload = new Uint8Array(2 ** 16);
  const MESSAGES_MAX = 100;

  /** Counts what a handler could get rid of, until it is held up for several turns. */
  const pump = () => {
    let count = 0;
    const witness = createWitness();
    const handler: Echo["count"] = async function* (_request, { signal }) {
      witness.watch(signal);
      try {
        for (; count < 100_000; count++) yield { payload };
      } finally {
        witness.leave();
      }
    };
    return {
      handler,
      witness,
      async countWhenHeldUp() {
        for (let before = -1; before !== count; ) {
          before = count;
          for (let turn = 0; turn < 50; turn++) await systemClock.turn();
        }
        return count;
      },
    };
  };

  test("holds up the handler of a gRPC stream, and lets it go when it leaves", async () => {
    const { handler, witness, countWhenHeldUp } = pump();
    const client = await start({}, { count: handler });
    const reader = client.count({})[Symbol.asyncIterator]();
    await reader.next();
    expect(await countWhenHeldUp()).toBeLessThan(MESSAGES_MAX);
    await reader.return?.();
    await witness.left;
  });

  test("holds up the handler of an HTTP/1.1 stream, and lets it go when it leaves", async () => {
    const { handler, witness, countWhenHeldUp } = pump();
    await start({}, { count: handler });
    const stuck = await guest(
      "POST /berth.testing.EchoService/Count HTTP/1.1\r\nhost: a\r\n",
      "content-type: application/connect+json\r\ncontent-length: 7\r\n\r\n",
      Buffer.from([0, 0, 0, 0, 2, 0x7b, 0x7d]),
    );
    stuck.pause();
    await witness.called;
    expect(await countWhenHeldUp()).toBeLessThan(MESSAGES_MAX);
    stuck.resetAndDestroy();
    await witness.left;
  });

  test("holds up the client of a stream of requests", async () => {
    const read = createGate();
    const client = await start(
      {},
      {
        async collect(requests) {
          await read.opened;
          for await (const _ of requests);
          return { text: "all read" };
        },
      },
    );
    let sent = 0;
    const requests = (async function* () {
      for (; sent < 200; sent++) yield { payload };
    })();
    const call = client.collect(requests);
    for (let before = -1; before !== sent || sent === 0; ) {
      before = sent;
      for (let turn = 0; turn < 50; turn++) await systemClock.turn();
    }
    expect(sent).toBeLessThan(MESSAGES_MAX);
    read.open();
    expect((await call).text).toBe("all read");
    expect(sent).toBe(200);
  });
});

test("a client that is reset amid a stream leaves nothing running", async () => {
  const witness = createWitness();
  await start(
    {},
    {
      async *count(_request, { signal }) {
        witness.watch(signal);
        try {
          for (;;) {
            yield {};
            await systemClock.turn();
          }
        } finally {
          witness.leave();
        }
      },
    },
  );
  const session = connectHttp2(`http://${server?.address}`).on("error", () => undefined);
  const stream = session.request({
    ":method": "POST",
    ":path": "/berth.testing.EchoService/Count",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined).resume();
  stream.end(Buffer.from([0, 0, 0, 0, 0]));
  await witness.called;
  session.socket.resetAndDestroy?.();
  session.destroy();
  await witness.aborted;
  await witness.left;
});

test("bytes that are no message are refused, and the connection lives on", async () => {
  const client = await start();
  const session = connectHttp2(`http://${server?.address}`);
  const status = await new Promise((resolve) => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/berth.testing.EchoService/Say",
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("response", (headers) => resolve(headers["grpc-status"])).resume();
    stream.end(Buffer.from([0, 0, 0, 0, 3, 0xff, 0xff, 0xff]));
  });
  session.close();
  expect(status).toBe("3");
  await client.say({});
});
