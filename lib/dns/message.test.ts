import { describe, expect, test } from "@jest/globals";
import { type ReadQuery, rcodes, readQuery } from "./message.ts";
import { queryOf } from "./test-packets.ts";

const queryIn = (packet: Buffer) => {
  const read = readQuery(packet);
  if (read.kind !== "query") throw new Error(`the packet is ${read.kind}`);
  return read.query;
};

const changed = (at: number, value: number, packet = queryOf()): ReadQuery => {
  packet.writeUInt16BE(value, at);
  return readQuery(packet);
};

test("reads a query as it was sent, the case of its letters too", () => {
  expect(queryIn(queryOf({ name: "WeB.task.Berth", type: "SRV", id: 7 }))).toMatchObject({
    id: 7,
    question: { labels: ["WeB", "task", "Berth"], type: 33, class: 1 },
    recursionDesired: true,
    edns: undefined,
  });
});

test("keeps a dot within a label apart from dots between labels", () => {
  const packet = queryOf({ name: "axb" });
  packet.write("a.b", 13);
  expect(queryIn(packet).question.labels).toEqual(["a.b"]);
});

test("reads what the asker can take", () => {
  const edns = { udpPayloadSize: 1_400, ednsVersion: 3, flags: 0x8000 };
  expect(queryIn(queryOf({ edns })).edns).toEqual({
    payloadBytes: 1_400,
    version: 3,
    dnssecOk: true,
  });
});

describe("a malformed query", () => {
  const long = Buffer.concat([queryOf(), Buffer.alloc(1_300)]);
  const twice = queryOf({ edns: {} });
  const doubled = Buffer.concat([twice, twice.subarray(-11)]);
  doubled.writeUInt16BE(2, 10);
  const compressed = queryOf();
  compressed.writeUInt16BE(0xc00c, 12);
  const endless = Buffer.alloc(400, 1);
  queryOf().copy(endless, 0, 0, 12);

  test.each([
    ["without a question", changed(4, 0)],
    ["with two questions", changed(4, 2)],
    ["with an answer in it", changed(6, 1)],
    ["with more records than it carries", changed(10, 1)],
    ["with more records than are read", changed(10, 65_535)],
    ["that ends within its name", readQuery(queryOf().subarray(0, 20))],
    ["that ends after its name", readQuery(queryOf().subarray(0, -1))],
    ["longer than any query", readQuery(long)],
    ["with EDNS twice", readQuery(doubled)],
    ["whose name points at itself", readQuery(compressed)],
    ["whose name never ends", readQuery(endless)],
  ])("%s is called so", (_what, outcome) => {
    expect(outcome).toMatchObject({ kind: "refused", head: { id: 4_242 }, rcode: 1 });
  });
});

test("does nothing but answer questions", () => {
  const update = queryOf();
  update.writeUInt8(update.readUInt8(2) | (5 << 3), 2);
  expect(readQuery(update)).toMatchObject({ head: { opcode: 5 }, rcode: rcodes.notImplemented });
});

test("says nothing to an answer, nor to what is too short for an ID and flags", () => {
  const answer = queryOf();
  answer.writeUInt8(answer.readUInt8(2) | 0x80, 2);
  expect(readQuery(answer)).toEqual({ kind: "ignored" });
  expect(readQuery(Buffer.alloc(11))).toEqual({ kind: "ignored" });
});
