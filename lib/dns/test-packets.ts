import { type DecodedPacket, decode, encode, type OptAnswer, type RecordType } from "dns-packet";
import type { Random } from "../random.ts";

type Asked = Readonly<{
  name?: string;
  type?: RecordType;
  id?: number;
  recursionDesired?: boolean;
  edns?: Partial<Pick<OptAnswer, "udpPayloadSize" | "ednsVersion" | "flags">>;
}>;

const RECURSION_DESIRED = 0x0100;

/** A query as others write it. */
export function queryOf(asked: Asked = {}): Buffer {
  const { name = "web.task.berth", type = "A", id = 4_242, recursionDesired = true, edns } = asked;
  return encode({
    type: "query",
    id,
    flags: recursionDesired ? RECURSION_DESIRED : 0,
    questions: [{ name, type, class: "IN" }],
    additionals: edns ? [optOf(edns)] : [],
  });
}

const optOf = (edns: NonNullable<Asked["edns"]>): OptAnswer => ({
  type: "OPT",
  name: ".",
  udpPayloadSize: 4_096,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
  ...edns,
});

/** Reads an answer; the library that wrote it complains when it is not whole. */
export const read = (bytes: Uint8Array): DecodedPacket => decode(Buffer.from(bytes));

/** The status of an answer, as a number. */
export const rcodeOf = (bytes: Uint8Array): number =>
  ((read(bytes).additionals ?? []).find((record) => record.type === "OPT")?.extendedRcode ?? 0) *
    16 +
  ((bytes[3] ?? 0) & 0xf);

const QUERIES = [
  queryOf({ edns: {} }),
  queryOf({ name: "_80._tcp.web.task.berth", type: "SRV", edns: { udpPayloadSize: 1 } }),
  queryOf({ name: ".", type: "NS" }),
];

/** A packet that is nearly a query: one with a few bytes wrong, or cut, or nothing but noise. */
export function hostilePacket(random: Random): Buffer {
  const number = (end: number) => Math.floor(random() * end);
  const query = QUERIES[number(QUERIES.length + 2)];
  const packet = query ? Buffer.from(query) : noise(number(300), number(256), random);
  for (let changes = number(6); changes > 0 && packet.length > 0; changes--)
    packet[number(packet.length)] = number(4) === 0 ? 0xff : number(256);
  // What calls itself no question is not read on: too many of those would tell nothing.
  if (packet.length > 2 && number(8) > 0) packet[2] = (packet[2] ?? 0) & 0x07;
  return packet.subarray(0, number(4) === 0 ? number(packet.length + 1) : packet.length);
}

/** One byte again and again, or each another. */
function noise(length: number, byte: number, random: Random): Buffer {
  const bytes = Buffer.alloc(length, byte);
  if (byte % 2 === 0) for (let i = 0; i < length; i++) bytes[i] = Math.floor(random() * 256);
  return bytes;
}
