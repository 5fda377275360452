import { describe, expect, test } from "@jest/globals";
import { type AddressEntry, parseAddressList } from "../address-list.ts";
import { systemClock } from "../clock.ts";
import { silentLog } from "../log.ts";
import { createSeededRandom } from "../random.ts";
import { socketDns } from "./dns-server.ts";
import { findAddresses, inOrderToTry } from "./find-addresses.ts";
import { rcodes, recordTypes } from "./message.ts";
import type { DnsRecord } from "./reply.ts";

const random = createSeededRandom(1);

function entryOf(text: string): AddressEntry {
  const list = parseAddressList(text);
  const [entry] = list.kind === "parsed" ? list.entries : [];
  if (!entry) throw new Error(`${text} is no entry`);
  return entry;
}

const target = (name: string, port: number, priority: number): DnsRecord => ({
  type: "SRV",
  name: "_manager._tcp.berth",
  ttl: 5,
  data: { priority, weight: 1, port, target: name },
});

/** A DNS server that knows one service with two hosts, of which the second is to be tried first. */
const startServer = () =>
  socketDns.serve({
    listen: { host: "127.0.0.1", port: 0 },
    forwards: [],
    clock: systemClock,
    random,
    log: silentLog,
    decide({ labels, type }) {
      const name = labels.join(".");
      const addresses: Record<string, readonly string[]> = {
        "m1.berth": ["10.0.0.1"],
        "m2.berth": ["10.0.0.2", "10.0.0.3"],
      };
      const answers: readonly DnsRecord[] =
        type === recordTypes.SRV
          ? [target("m1.berth", 1, 20), target("m2.berth", 2, 10), target("gone.berth", 3, 5)]
          : type === recordTypes.A
            ? (addresses[name] ?? []).map((data) => ({ type: "A", name, ttl: 5, data }))
            : [];
      const reply = { rcode: rcodes.noError, authoritative: true, answers };
      return { kind: "answered", reply: { ...reply, authorities: [], additionals: [] } };
    },
  });

describe("an entry stands for", () => {
  test("itself, if it is an IP address", async () => {
    expect(await findAddresses(entryOf("10.0.0.1:7070"), random)).toEqual(["10.0.0.1:7070"]);
    expect(await findAddresses(entryOf("[::1]:7070"), random)).toEqual(["[::1]:7070"]);
  });

  test("what its name means to this machine", async () => {
    const found = await findAddresses(entryOf("localhost:7070"), random);
    expect(found.length).toBeGreaterThan(0);
    expect(["127.0.0.1:7070", "[::1]:7070"]).toEqual(expect.arrayContaining([...found]));
  });

  test("the hosts of a service, those of lower priority first", async () => {
    const server = await startServer();
    const entry = entryOf(`srv:_manager._tcp.berth@${server.address}`);
    expect(await findAddresses(entry, random)).toEqual(["10.0.0.2:2", "10.0.0.3:2", "10.0.0.1:1"]);
    await server.close();
  });
});

test("among targets of one priority chance decides, by weight", () => {
  const light = { name: "light", priority: 1, weight: 1 };
  const heavy = { name: "heavy", priority: 1, weight: 9 };
  const last = { name: "last", priority: 2, weight: 9 };
  const orders = Array.from({ length: 1_000 }, () => inOrderToTry([light, heavy, last], random));
  expect(orders.every((order) => order.at(-1) === last)).toBe(true);
  const heavyFirst = orders.filter(([first]) => first === heavy).length;
  expect(heavyFirst).toBeGreaterThan(850);
  expect(heavyFirst).toBeLessThan(950);
});
