import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import type { Clock } from "../clock.ts";
import type { HostPort } from "../host-port.ts";
import type { Random } from "../random.ts";
import { dnsLimits } from "./limits.ts";
import { flagBits, HEADER_BYTES, type Query } from "./message.ts";
import { type Transport, writeQuery } from "./reply.ts";

export interface Forwarder {
  /** What an upstream answers. Undefined: none did, or too many are asked already. */
  ask(query: Query, transport: Transport): Promise<Uint8Array | undefined>;
}

type Deps = Readonly<{ clock: Clock; random: Random }>;

/** Asks `upstreams` one after another, over what the asker used. Their hosts are IP addresses. */
export function createForwarder(upstreams: readonly HostPort[], deps: Deps): Forwarder {
  let underWay = 0;

  async function askEach(query: Query, transport: Transport) {
    const exchange = transport === "udp" ? exchangeDatagrams : exchangeFrames;
    for (const upstream of upstreams) {
      const id = Math.floor(deps.random() * 0x10000);
      const answer = await exchange(upstream, writeQuery(query, id), deps.clock);
      if (answer) return withId(answer, query.id);
    }
    return undefined;
  }

  return {
    async ask(query, transport) {
      if (underWay >= dnsLimits.forwards) return undefined;
      underWay++;
      try {
        return await askEach(query, transport);
      } finally {
        underWay--;
      }
    },
  };
}

function withId(answer: Buffer, id: number): Buffer {
  answer.writeUInt16BE(id, 0);
  return answer;
}

type Exchange = (upstream: HostPort, sent: Buffer, clock: Clock) => Promise<Buffer | undefined>;

/** Each question leaves from a port of its own: then a forger has that to guess as well. */
const exchangeDatagrams: Exchange = ({ host, port }, sent, clock) =>
  new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    let settled = false;
    const settle = (answer?: Buffer) => {
      if (settled) return;
      settled = true;
      disarm();
      socket.close();
      resolve(answer);
    };
    const disarm = clock.after(dnsLimits.forwardMs, settle);
    socket.on("error", () => settle());
    socket.on("message", (packet) => {
      if (answers(packet, sent)) settle(packet);
    });
    socket.connect(port, host, () => {
      if (!settled) socket.send(sent);
    });
  });

const exchangeFrames: Exchange = ({ host, port }, sent, clock) =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    let received = Buffer.alloc(0);
    const settle = (answer?: Buffer) => {
      disarm();
      socket.destroy();
      resolve(answer);
    };
    const disarm = clock.after(dnsLimits.forwardMs, settle);
    socket.on("error", () => settle());
    socket.on("close", () => settle());
    socket.on("data", (bytes) => {
      received = Buffer.concat([received, bytes]);
      const end = received.length < 2 ? Number.POSITIVE_INFINITY : 2 + received.readUInt16BE(0);
      if (received.length < end) return;
      const packet = Buffer.from(received.subarray(2, end));
      settle(answers(packet, sent) ? packet : undefined);
    });
    socket.write(frame(sent));
  });

/** A packet as it goes over TCP: its length first. */
export function frame(packet: Uint8Array): Buffer {
  const bytes = Buffer.alloc(2 + packet.length);
  bytes.writeUInt16BE(packet.length, 0);
  bytes.set(packet, 2);
  return bytes;
}

/** Whether `packet` answers what was sent: same ID, same question, whatever the case of letters. */
function answers(packet: Buffer, sent: Buffer): boolean {
  if (packet.length < HEADER_BYTES || (packet.readUInt16BE(2) & flagBits.response) === 0)
    return false;
  if (packet.readUInt16BE(0) !== sent.readUInt16BE(0)) return false;
  const end = questionEnd(sent);
  return textOf(packet, end) === textOf(sent, end);
}

const textOf = (packet: Buffer, end: number) =>
  packet.toString("latin1", HEADER_BYTES, end).toLowerCase();

/** Where the question of a query that we wrote ends. */
function questionEnd(sent: Buffer): number {
  let at = HEADER_BYTES;
  for (let size = sent[at] ?? 0; size > 0; size = sent[at] ?? 0) at += 1 + size;
  return at + 5;
}
