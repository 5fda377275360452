import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { systemClock } from "../clock.ts";
import { type HostPort, parseHostPort } from "../host-port.ts";
import { silentLog } from "../log.ts";
import { createSeededRandom } from "../random.ts";
import { type DnsServer, socketDns } from "./dns-server.ts";
import { frame } from "./forwarder.ts";
import { dnsLimits } from "./limits.ts";
import { type Question, rcodes } from "./message.ts";
import { emptyReply, type Reply } from "./reply.ts";
import type { Decision } from "./responder.ts";
import { hostilePacket, queryOf, rcodeOf, read } from "./test-packets.ts";

const servers: DnsServer[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function open(decide: (question: Question) => Decision, forwards: HostPort[] = []) {
  const clock = systemClock;
  const listen = { host: "127.0.0.1", port: 0 };
  const common = { clock, random: createSeededRandom(3), log: silentLog };
  const server = await socketDns.serve({ listen, decide, forwards, ...common });
  servers.push(server);
  return addressOf(server.address);
}

function addressOf(text: string): HostPort {
  const parsed = parseHostPort(text);
  if (parsed.kind === "malformed") throw new Error(parsed.explanation);
  return { host: parsed.host, port: parsed.port };
}

/** `count` addresses for every name but those that begin with "no". */
const saying =
  (count: number) =>
  ({ labels, type }: Question): Decision => {
    const name = labels.join(".");
    if (labels[0] === "no") return answered({ rcode: rcodes.noSuchName });
    const answers = Array.from({ length: type === 1 ? count : 0 }, (_, i) => ({
      type: "A" as const,
      name,
      ttl: 5,
      data: `10.0.0.${i}`,
    }));
    return answered({ answers });
  };

const answered = (reply: Partial<Reply>): Decision => ({
  kind: "answered",
  reply: { ...emptyReply(rcodes.noError), ...reply },
});

function resolverOf({ host, port }: HostPort): Resolver {
  const resolver = new Resolver();
  resolver.setServers([`${host}:${port}`]);
  return resolver;
}

/** What a server says over TCP, as bytes, until it closes or has said `count` bytes. */
async function talk({ host, port }: HostPort, sent: Buffer, count: number): Promise<Buffer> {
  const socket = connect({ host, port });
  sockets.push(socket);
  socket.on("error", () => undefined);
  socket.write(sent);
  let heard = Buffer.alloc(0);
  for await (const bytes of socket) {
    heard = Buffer.concat([heard, bytes]);
    if (heard.length >= count) break;
  }
  return heard;
}

test("a resolver finds what is there, and is told what is not", async () => {
  const resolver = resolverOf(await open(saying(2)));
  expect(await resolver.resolve4("web.task.berth")).toEqual(["10.0.0.0", "10.0.0.1"]);
  await expect(resolver.resolve4("no.task.berth")).rejects.toMatchObject({ code: "ENOTFOUND" });
  await expect(resolver.resolve6("web.task.berth")).rejects.toMatchObject({ code: "ENODATA" });
});

test("a resolver that is told of more asks again over TCP", async () => {
  const resolver = resolverOf(await open(saying(200)));
  expect(await resolver.resolve4("web.task.berth")).toHaveLength(200);
});

test("queries that come at once over one connection are all answered", async () => {
  const at = await open(saying(1));
  const queries = Array.from({ length: 100 }, (_, id) => frame(queryOf({ id })));
  const size = frame(queryOf()).length + 30;
  const heard = await talk(at, Buffer.concat(queries), 100 * size);
  const ids = Array.from({ length: 100 }, (_, i) => heard.readUInt16BE(i * size + 2));
  expect(ids).toEqual(Array.from({ length: 100 }, (_, id) => id));
});

test("a query may come in pieces, and its asker may have said all", async () => {
  const at = await open(saying(1));
  const socket = connect({ ...at, noDelay: true });
  sockets.push(socket);
  const sent = frame(queryOf());
  for (const byte of sent.subarray(0, -1)) {
    socket.write(Buffer.from([byte]));
    await systemClock.turn();
  }
  socket.end(sent.subarray(-1));
  const heard: Buffer[] = [];
  for await (const bytes of socket) heard.push(bytes);
  expect(read(Buffer.concat(heard).subarray(2)).answers).toHaveLength(1);
});

test("a connection that announces more than a query has is closed", async () => {
  const at = await open(saying(1));
  expect(await talk(at, Buffer.from([0xff, 0xff, 0]), 1)).toHaveLength(0);
});

test("of too many connections the one longest silent is closed", async () => {
  const at = await open(saying(1));
  const first = connect(at);
  sockets.push(first);
  const firstGone = new Promise((resolve) => first.on("close", resolve));
  first.resume();
  await new Promise((resolve) => first.on("connect", resolve));
  for (let i = 0; i < dnsLimits.connections; i++) sockets.push(connect(at));
  await firstGone;
  const heard = await talk(at, frame(queryOf()), 1);
  expect(rcodeOf(heard.subarray(2))).toBe(rcodes.noError);
});

const foreign = (): Decision => ({ kind: "foreign" });

test("what is elsewhere is asked of others, over what the asker uses", async () => {
  const others = await open(saying(30));
  const resolver = resolverOf(await open(foreign, [others]));
  expect(await resolver.resolve4("web.example.org")).toHaveLength(30);
  await expect(resolver.resolve4("no.example.org")).rejects.toMatchObject({ code: "ENOTFOUND" });
});

test("an upstream that is not there is passed over", async () => {
  const gone = await open(foreign);
  await servers.pop()?.close();
  const others = await open(saying(1));
  const resolver = resolverOf(await open(foreign, [gone, others]));
  expect(await resolver.resolve4("web.example.org")).toEqual(["10.0.0.0"]);
});

test("who sends noise gets no harm done, over UDP and TCP", async () => {
  const at = await open(saying(3));
  const random = createSeededRandom(11);
  const socket = createSocket("udp4");
  for (let i = 0; i < 500; i++) {
    socket.send(hostilePacket(random), at.port, at.host);
    if (i % 50 === 0) {
      const bytes = Buffer.concat([frame(hostilePacket(random)), hostilePacket(random)]);
      connect(at)
        .on("error", () => undefined)
        .end(bytes)
        .resume();
    }
    await systemClock.turn();
  }
  socket.close();
  expect(await resolverOf(at).resolve4("web.task.berth")).toHaveLength(3);
});
