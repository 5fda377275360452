import { type Answer, encode, encodingLength, type Packet } from "dns-packet";
import { dnsLimits } from "./limits.ts";
import {
  type Edns,
  flagBits,
  HEADER_BYTES,
  type Query,
  type QueryHead,
  type Rcode,
} from "./message.ts";

type RecordOf<T extends string, D> = Readonly<{ type: T; name: string; ttl: number; data: D }>;

/** What an answer may consist of. */
export type DnsRecord =
  | RecordOf<"A" | "AAAA" | "NS", string>
  | RecordOf<"SRV", { priority: number; weight: number; port: number; target: string }>
  | RecordOf<"HINFO", { cpu: string; os: string }>
  | RecordOf<"SOA", Soa>;

type Soa = Readonly<{
  mname: string;
  rname: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
}>;

export type Reply = Readonly<{
  rcode: Rcode;
  authoritative: boolean;
  answers: readonly DnsRecord[];
  authorities: readonly DnsRecord[];
  /** Left out first when there is no room. */
  additionals: readonly DnsRecord[];
}>;

export const emptyReply = (rcode: Rcode): Reply => ({
  rcode,
  authoritative: false,
  answers: [],
  authorities: [],
  additionals: [],
});

export type Transport = "udp" | "tcp";

/** What the sender of a query says of the server itself. */
export type ReplyTerms = Readonly<{ transport: Transport; recursionAvailable: boolean }>;

const AUTHORITATIVE = 0x0400;
const TRUNCATED = 0x0200;
const RECURSION_AVAILABLE = 0x0080;
const OPT_BYTES = 11;
const DNSSEC_OK = 0x8000;

/** The most bytes that an answer to `query` may have. */
export function replyBytesMax({ edns }: Query, transport: Transport): number {
  if (transport === "tcp") return dnsLimits.tcpBytes;
  const { udpBytes, udpBytesPlain } = dnsLimits;
  return Math.min(udpBytes, Math.max(udpBytesPlain, edns?.payloadBytes ?? 0));
}

/**
 * An answer as bytes. What does not fit is left out; over UDP the asker is told, and may ask again
 * over TCP.
 */
export function writeReply(query: Query, reply: Reply, terms: ReplyTerms): Buffer {
  const room = replyBytesMax(query, terms.transport) - query.rawQuestion.length;
  const whole = packetOf(query, reply, terms);
  const wholeBytes = encodingLength(whole);
  if (wholeBytes <= room) return withQuestion(whole, wholeBytes, query.rawQuestion);
  const { complete, ...records } = keepWithin(reply, room - (query.edns ? OPT_BYTES : 0));
  const cut = packetOf(query, { ...reply, ...records }, terms);
  if (!complete && terms.transport === "udp") cut.flags |= TRUNCATED;
  return withQuestion(cut, encodingLength(cut), query.rawQuestion);
}

/** An answer without its question, which is added as bytes. */
function packetOf(query: Query, reply: Reply, { recursionAvailable }: ReplyTerms) {
  const { id, edns } = query;
  const flags =
    (reply.rcode & 0xf) |
    (reply.authoritative ? AUTHORITATIVE : 0) |
    (recursionAvailable ? RECURSION_AVAILABLE : 0) |
    (query.recursionDesired ? flagBits.recursionDesired : 0) |
    (query.checkingDisabled ? flagBits.checkingDisabled : 0);
  return {
    type: "response" as const,
    id,
    flags,
    answers: [...reply.answers],
    authorities: [...reply.authorities],
    additionals: [...reply.additionals, ...(edns ? [optOf(edns, reply.rcode >> 4)] : [])],
  };
}

/** The records that fit in `room` bytes with a header. `complete`: but for additional ones, all do. */
function keepWithin({ answers, authorities, additionals }: Reply, room: number) {
  let left = room - HEADER_BYTES;
  const take = (records: readonly DnsRecord[]) => {
    const taken = records.findIndex((record) => {
      left -= encodingLength({ answers: [record] }) - HEADER_BYTES;
      return left < 0;
    });
    return taken < 0 ? records : records.slice(0, taken);
  };
  const required = { answers: take(answers), authorities: take(authorities) };
  const complete = left >= 0;
  return { ...required, complete, additionals: complete ? take(additionals) : [] };
}

const optOf = ({ dnssecOk }: Pick<Edns, "dnssecOk">, extendedRcode: number): Answer => ({
  type: "OPT",
  name: ".",
  udpPayloadSize: dnsLimits.udpBytes,
  extendedRcode,
  ednsVersion: 0,
  flags: dnssecOk ? DNSSEC_OK : 0,
  flag_do: dnssecOk,
  options: [],
});

/**
 * Writes a packet of `bytes` bytes with a question that is bytes already: the packet behind a gap,
 * then its header to the front and the question after it. Nothing is compressed, so nothing breaks.
 */
function withQuestion(packet: Packet, bytes: number, rawQuestion: Uint8Array): Buffer {
  const gap = rawQuestion.length;
  const whole = Buffer.alloc(gap + bytes);
  encode(packet, whole, gap);
  whole.copyWithin(0, gap, gap + HEADER_BYTES);
  whole.set(rawQuestion, HEADER_BYTES);
  whole.writeUInt16BE(1, 4);
  return whole;
}

/** An answer to who is turned down before the question is looked at. */
export function writeRefusal({ id, opcode, recursionDesired }: QueryHead, rcode: Rcode): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  const desired = recursionDesired ? flagBits.recursionDesired : 0;
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(flagBits.response | (opcode << 11) | desired | (rcode & 0xf), 2);
  return bytes;
}

/** The same question in a query of our own, and nothing else of what the asker sent. */
export function writeQuery(query: Query, id: number): Buffer {
  const flags =
    flagBits.recursionDesired | (query.checkingDisabled ? flagBits.checkingDisabled : 0);
  const additionals = query.edns ? [optOf(query.edns, 0)] : [];
  const packet = { type: "query" as const, id, flags, additionals };
  return withQuestion(packet, encodingLength(packet), query.rawQuestion);
}
