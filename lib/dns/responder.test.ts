import { expect, test } from "@jest/globals";
import { createSeededRandom } from "../random.ts";
import { dnsLimits } from "./limits.ts";
import { type Query, type Rcode, rcodes } from "./message.ts";
import { type DnsRecord, emptyReply, type Reply, writeReply } from "./reply.ts";
import { createResponder, type Decision } from "./responder.ts";
import { hostilePacket, queryOf, rcodeOf, read } from "./test-packets.ts";

const TRUNCATED = 0x0200;
const RECURSION_AVAILABLE = 0x0080;

const addresses = (count: number): DnsRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    type: "A",
    name: "web.task.berth",
    ttl: 5,
    data: `10.0.${i >> 8}.${i & 255}`,
  }));

const saying = (reply: Partial<Reply>, rcode: Rcode = rcodes.noError) => {
  const decision: Decision = { kind: "answered", reply: { ...emptyReply(rcode), ...reply } };
  return createResponder(() => decision, undefined);
};

const answerTo = (packet: Buffer, reply: Partial<Reply>, transport: "udp" | "tcp" = "udp") =>
  saying(reply)(packet, transport) as Buffer;

test("echoes the ID and the question byte by byte", () => {
  const packet = queryOf({ name: "WeB.TasK.berth", id: 65_535 });
  const answer = answerTo(packet, { answers: addresses(1), authoritative: true });
  expect(answer.subarray(0, 2)).toEqual(packet.subarray(0, 2));
  expect(answer.subarray(12, packet.length)).toEqual(packet.subarray(12));
  expect(read(answer)).toMatchObject({ flag_aa: true, flag_rd: true, answers: [{ ttl: 5 }] });
});

test.each([
  ["512 bytes to who says nothing", undefined, 512],
  ["512 bytes to who says less", { udpPayloadSize: 100 }, 512],
  ["as many bytes as the asker takes", { udpPayloadSize: 900 }, 900],
  ["never more than 1232 bytes", { udpPayloadSize: 65_535 }, 1_232],
])("over UDP sends %s, and tells that there is more", (_what, edns, bytesMax) => {
  const answer = answerTo(queryOf(edns ? { edns } : {}), { answers: addresses(200) });
  expect(answer.length).toBeLessThanOrEqual(bytesMax);
  expect(answer.length).toBeGreaterThan(bytesMax - 30);
  expect((read(answer).flags ?? 0) & TRUNCATED).toBe(TRUNCATED);
});

test("over TCP sends all", () => {
  const answer = read(answerTo(queryOf(), { answers: addresses(200) }, "tcp"));
  expect(answer.answers).toHaveLength(200);
  expect((answer.flags ?? 0) & TRUNCATED).toBe(0);
});

test("over TCP sends as much as a length can say", () => {
  const answer = answerTo(queryOf(), { answers: addresses(5_000) }, "tcp");
  expect(answer.length).toBeLessThanOrEqual(65_535);
  expect((read(answer).flags ?? 0) & TRUNCATED).toBe(0);
});

test("leaves out what was not asked for without a word", () => {
  const answer = read(answerTo(queryOf(), { answers: addresses(10), additionals: addresses(50) }));
  expect(answer.answers).toHaveLength(10);
  expect(answer.additionals?.length).toBeLessThan(50);
  expect((answer.flags ?? 0) & TRUNCATED).toBe(0);
});

test("speaks EDNS only with who does, and only version 0", () => {
  const plain = read(answerTo(queryOf(), {}));
  expect(plain.additionals).toEqual([]);
  const extended = read(answerTo(queryOf({ edns: { flags: 0x8000 } }), {}));
  expect(extended.additionals).toMatchObject([{ udpPayloadSize: 1_232, flag_do: true }]);
  const later = answerTo(queryOf({ edns: { ednsVersion: 1 } }), { answers: addresses(1) });
  expect(rcodeOf(later)).toBe(rcodes.badVersion);
  expect(read(later)).toMatchObject({ answers: [], additionals: [{ ednsVersion: 0 }] });
});

test("answers what it cannot read with the ID and nothing else", () => {
  const packet = queryOf().subarray(0, 20);
  const answer = answerTo(packet, { answers: addresses(1) });
  expect(answer).toHaveLength(12);
  expect(answer.readUInt16BE(0)).toBe(4_242);
  expect(rcodeOf(answer)).toBe(rcodes.formatError);
});

const elsewhere = (): Decision => ({ kind: "foreign" });

test("refuses what is elsewhere", () => {
  const answer = createResponder(elsewhere, undefined)(queryOf(), "udp") as Buffer;
  expect(rcodeOf(answer)).toBe(rcodes.refused);
  expect((read(answer).flags ?? 0) & RECURSION_AVAILABLE).toBe(0);
});

const forwarderSaying = (say: (query: Query) => Buffer | undefined) => ({
  ask: async (query: Query) => say(query),
});

const terms = { transport: "tcp", recursionAvailable: true } as const;
const manyAddresses = { ...emptyReply(rcodes.noError), answers: addresses(200) };

test("asks others about what is elsewhere, if the asker wishes it", async () => {
  const others = forwarderSaying((query) => writeReply(query, manyAddresses, terms));
  const respond = createResponder(elsewhere, others);
  const whole = read((await respond(queryOf(), "tcp")) as Buffer);
  expect(whole.answers).toHaveLength(200);
  const unwished = (await respond(queryOf({ recursionDesired: false }), "udp")) as Buffer;
  expect(rcodeOf(unwished)).toBe(rcodes.refused);
});

test("cuts what others say to what the asker takes", async () => {
  const others = forwarderSaying((query) => writeReply(query, manyAddresses, terms));
  const cut = (await createResponder(elsewhere, others)(queryOf(), "udp")) as Buffer;
  expect(cut.length).toBeLessThanOrEqual(512);
  expect((read(cut).flags ?? 0) & TRUNCATED).toBe(TRUNCATED);
});

test("says so when nobody else answers", async () => {
  const respond = createResponder(
    elsewhere,
    forwarderSaying(() => undefined),
  );
  expect(rcodeOf((await respond(queryOf(), "udp")) as Buffer)).toBe(rcodes.serverFailure);
});

test("lives through whatever is sent, and never repays more than it may", () => {
  const random = createSeededRandom(5);
  const respond = saying({ answers: addresses(20), authorities: addresses(20) });
  let answered = 0;
  for (let i = 0; i < 20_000; i++) {
    const packet = hostilePacket(random);
    const answer = respond(packet, "udp") as Buffer | undefined;
    if (!answer) continue;
    answered++;
    if (answer.length > dnsLimits.udpBytes) throw new Error(`${answer.length} bytes`);
    if (answer.readUInt16BE(0) !== packet.readUInt16BE(0)) throw new Error("another ID");
    if (!(answer.readUInt16BE(2) & 0x8000)) throw new Error("a question");
  }
  expect(answered).toBeGreaterThan(10_000);
});
