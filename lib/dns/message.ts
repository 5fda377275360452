import { decode } from "dns-packet";
import { dnsLimits } from "./limits.ts";

/** Types of records that are treated by name (RFC 1035, 2782, 3596). */
export const recordTypes = {
  A: 1,
  NS: 2,
  SOA: 6,
  AAAA: 28,
  SRV: 33,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const CLASS_IN = 1;

/** How a query ended (RFC 1035, 6891). */
export const rcodes = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  noSuchName: 3,
  notImplemented: 4,
  refused: 5,
  badVersion: 16,
} as const;

export type Rcode = (typeof rcodes)[keyof typeof rcodes];

export type Question = Readonly<{
  /** From the host to the root, as they were sent: one character a byte. */
  labels: readonly string[];
  type: number;
  class: number;
}>;

/** What the asker can take beyond the DNS of 1987 (RFC 6891). */
export type Edns = Readonly<{ version: number; payloadBytes: number; dnssecOk: boolean }>;

export type Query = Readonly<{
  id: number;
  question: Question;
  /** The question as it was sent, to be echoed byte by byte. */
  rawQuestion: Uint8Array;
  recursionDesired: boolean;
  checkingDisabled: boolean;
  edns: Edns | undefined;
}>;

/** What is known of a query that is turned down before its question is looked at. */
export type QueryHead = Readonly<{ id: number; opcode: number; recursionDesired: boolean }>;

export type ReadQuery =
  | Readonly<{ kind: "query"; query: Query }>
  | Readonly<{ kind: "refused"; head: QueryHead; rcode: Rcode }>
  /** Not a query, or too short to answer: an answer might begin an endless exchange. */
  | Readonly<{ kind: "ignored" }>;

export const HEADER_BYTES = 12;
export const flagBits = { response: 0x8000, recursionDesired: 0x0100, checkingDisabled: 0x0010 };
const QUERY_OPCODE = 0;

/** Reads what somebody sent. Never throws, and takes time in proportion to the packet's bytes. */
export function readQuery(packet: Buffer): ReadQuery {
  if (packet.length < HEADER_BYTES) return { kind: "ignored" };
  const flags = packet.readUInt16BE(2);
  if (flags & flagBits.response) return { kind: "ignored" };
  const opcode = (flags >> 11) & 0xf;
  const recursionDesired = (flags & flagBits.recursionDesired) !== 0;
  const head = { id: packet.readUInt16BE(0), opcode, recursionDesired };
  if (opcode !== QUERY_OPCODE) return { kind: "refused", head, rcode: rcodes.notImplemented };
  const asked = isPlausible(packet) ? readQuestion(packet) : undefined;
  const rest = asked && readEdns(packet);
  if (!asked || !rest) return { kind: "refused", head, rcode: rcodes.formatError };
  const checkingDisabled = (flags & flagBits.checkingDisabled) !== 0;
  const { id } = head;
  return { kind: "query", query: { id, recursionDesired, checkingDisabled, ...asked, ...rest } };
}

/** Whether the counts are those of a query: a decoder would believe any. */
function isPlausible(packet: Buffer): boolean {
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) =>
    packet.readUInt16BE(at),
  );
  if (packet.length > dnsLimits.queryBytes || additionals === undefined) return false;
  return (
    questions === 1 && answers === 0 && authorities === 0 && additionals <= dnsLimits.queryRecords
  );
}

const LABEL_BYTES_MAX = 63;
const NAME_BYTES_MAX = 255;

/** The one question. Undefined when it is cut off, or its name too long or compressed. */
function readQuestion(packet: Buffer): Pick<Query, "question" | "rawQuestion"> | undefined {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let size = packet[at]; size !== 0; size = packet[at]) {
    if (size === undefined || size > LABEL_BYTES_MAX) return undefined;
    labels.push(packet.toString("latin1", at + 1, at + 1 + size));
    at += 1 + size;
  }
  const end = at + 5;
  if (at + 1 - HEADER_BYTES > NAME_BYTES_MAX || end > packet.length) return undefined;
  const question = {
    labels,
    type: packet.readUInt16BE(at + 1),
    class: packet.readUInt16BE(at + 3),
  };
  // A copy: the packet's memory may be one of many.
  return { question, rawQuestion: Uint8Array.from(packet.subarray(HEADER_BYTES, end)) };
}

/** What follows the question. Undefined when it is malformed. */
function readEdns(packet: Buffer): Pick<Query, "edns"> | undefined {
  if (packet.readUInt16BE(10) === 0) return { edns: undefined };
  try {
    const found = (decode(packet).additionals ?? []).flatMap((record) =>
      record.type === "OPT" ? [record] : [],
    );
    const [opt] = found;
    if (found.length > 1 || (opt && opt.name !== ".")) return undefined;
    return { edns: opt && ednsOf(opt) };
  } catch {
    return undefined;
  }
}

const ednsOf = (opt: {
  readonly udpPayloadSize: number;
  readonly ednsVersion: number;
  readonly flag_do: boolean;
}): Edns => ({
  version: opt.ednsVersion,
  payloadBytes: opt.udpPayloadSize,
  dnssecOk: opt.flag_do,
});
