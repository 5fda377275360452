import { type Answer, encode, encodingLength } from "dns-packet";
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
  const { id, rawQuestion, edns } = query;
  const bytesMax = replyBytesMax(query, terms.transport);
  const room = bytesMax - HEADER_BYTES - rawQuestion.length - (edns ? OPT_BYTES : 0);
  const fitting = keepWithin(reply, room);
  const isTruncated = terms.transport === "udp" && !fitting.complete;
  const flags =
    (reply.rcode & 0xf) |
    (reply.authoritative ? AUTHORITATIVE : 0) |
    (isTruncated ? TRUNCATED : 0) |
    (terms.recursionAvailable ? RECURSION_AVAILABLE : 0) |
    (query.recursionDesired ? flagBits.recursionDesired : 0) |
    (query.checkingDisabled ? flagBits.checkingDisabled : 0);
  const bytes = encode({
    type: "response",
    id,
    flags,
    answers: [...fitting.answers],
    authorities: [...fitting.authorities],
    additionals: [...fitting.additionals, ...(edns ? [optOf(edns, reply.rcode >> 4)] : [])],
  });
  return withQuestion(bytes, rawQuestion);
}

/** The records that fit in `room` bytes. `complete`: but for additional ones, all do. */
function keepWithin({ answers, authorities, additionals }: Reply, room: number) {
  let left = room;
  const take = (records: readonly DnsRecord[]) => {
    const taken = records.findIndex((record) => {
      left -= encodingLength({ answers: [record] }) - HEADER_BYTES;
      return left < 0;
    });
    return taken < 0 ? records : records.slice(0, taken);
  };
  const fitting = { answers: take(answers), authorities: take(authorities) };
  const complete = left >= 0;
  return { ...fitting, complete, additionals: complete ? take(additionals) : [] };
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

/** Puts a question into a packet without one. Nothing in it is compressed, so nothing breaks. */
function withQuestion(bytes: Buffer, rawQuestion: Uint8Array): Buffer {
  const whole = Buffer.concat([
    bytes.subarray(0, HEADER_BYTES),
    rawQuestion,
    bytes.subarray(HEADER_BYTES),
  ]);
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
  return withQuestion(encode({ type: "query", id, flags, additionals }), query.rawQuestion);
}
