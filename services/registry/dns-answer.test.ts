import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { rcodes, recordTypes } from "../../lib/dns/message.ts";
import type { DnsRecord, Reply } from "../../lib/dns/reply.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { answerQuestion } from "./dns-answer.ts";
import type { Target, TaskService, ZoneState } from "./dns-zone.ts";

const targetOf = (worker: string, host: string, port = 32_768): Target => ({
  hostName: `${worker}.worker`,
  host,
  port,
});

const web: TaskService = {
  hosts: ["10.0.0.1", "10.0.0.2", "fd00::1"],
  targets: [targetOf("w1", "10.0.0.1"), targetOf("w2", "10.0.0.2"), targetOf("w3", "fd00::1")],
  targetsByPort: new Map([["_80._tcp", [targetOf("w1", "10.0.0.1"), targetOf("w3", "fd00::1")]]]),
  protocols: new Set(["_tcp"]),
};

const namedHosts: Readonly<Record<string, readonly string[]>> = {
  "node-a": ["10.1.0.1", "fd01::1"],
};

const state: ZoneState = {
  task: (name) => (name === "web" ? web : undefined),
  worker: (id) => (id === "w1" ? targetOf("w1", "node-a", 7_072) : undefined),
  service: (name) =>
    name === "registry" ? [{ hostName: "1.registry", host: "10.0.0.9", port: 7_071 }] : [],
  addressesOf: (host) => namedHosts[host] ?? [host],
  isSettled: () => true,
};

type TypeName = keyof typeof recordTypes;

function decide(name: string, type: TypeName, { random = () => 0, qclass = 1 } = {}) {
  const question = { labels: name.split("."), type: recordTypes[type], class: qclass };
  const zone = { labels: ["c1", "berth"], ttlSeconds: 5 };
  return answerQuestion(question, { zone, state, random });
}

function ask(name: string, type: TypeName, options = {}): Reply {
  const decision = decide(name, type, options);
  if (decision.kind !== "answered") throw new Error("it is not ours");
  return decision.reply;
}

const texts = (records: readonly DnsRecord[]) =>
  records.map((record) =>
    record.type === "SRV"
      ? `${record.name} ${record.data.target}:${record.data.port}`
      : `${record.name} ${record.type} ${String(record.data)}`,
  );

const soa = [
  { type: "SOA", name: "c1.berth", ttl: 5, data: expect.objectContaining({ minimum: 5 }) },
];

describe("a task's name", () => {
  test("stands for the addresses of its instances, in the letters that were asked", () => {
    const reply = ask("WEB.task.C1.berth", "A");
    expect(reply).toMatchObject({ rcode: rcodes.noError, authoritative: true, authorities: [] });
    expect(texts(reply.answers).sort()).toEqual([
      "WEB.task.C1.berth A 10.0.0.1",
      "WEB.task.C1.berth A 10.0.0.2",
    ]);
    expect(texts(ask("web.task.c1.berth", "AAAA").answers)).toEqual([
      "web.task.c1.berth AAAA fd00::1",
    ]);
  });

  test("with a port tells hosts and ports, and the hosts' addresses with them", () => {
    const { answers, additionals } = ask("_80._tcp.web.task.c1.berth", "SRV");
    expect(texts(answers).sort()).toEqual([
      "_80._tcp.web.task.c1.berth w1.worker.c1.berth:32768",
      "_80._tcp.web.task.c1.berth w3.worker.c1.berth:32768",
    ]);
    expect(texts(additionals).sort()).toEqual([
      "w1.worker.c1.berth A 10.0.0.1",
      "w3.worker.c1.berth AAAA fd00::1",
    ]);
  });

  test("tells every port when asked without one", () => {
    expect(ask("web.task.c1.berth", "SRV").answers).toHaveLength(3);
  });

  test("comes in an order of chance", () => {
    const random = createSeededRandom(1);
    const orders = Array.from({ length: 50 }, () =>
      texts(ask("web.task.c1.berth", "SRV", { random }).answers).join(),
    );
    expect(new Set(orders).size).toBe(6);
  });
});

test.each<[string, TypeName]>([
  ["c1.berth", "A"],
  ["task.c1.berth", "A"],
  ["worker.c1.berth", "SRV"],
  ["_tcp.c1.berth", "SRV"],
  ["web.task.c1.berth", "NS"],
  ["_tcp.web.task.c1.berth", "SRV"],
  ["_80._tcp.web.task.c1.berth", "A"],
  ["w1.worker.c1.berth", "SOA"],
])("%s is there, but has no %s", (name, type) => {
  const reply = ask(name, type);
  expect(reply).toMatchObject({ rcode: rcodes.noError, authoritative: true, answers: [] });
  expect(reply.authorities).toEqual(soa);
});

test.each([
  ["db.task.c1.berth"],
  ["x.web.task.c1.berth"],
  ["_udp.web.task.c1.berth"],
  ["_81._tcp.web.task.c1.berth"],
  ["x._80._tcp.web.task.c1.berth"],
  ["w2.worker.c1.berth"],
  ["x.w1.worker.c1.berth"],
  ["2.registry.c1.berth"],
  ["manager.c1.berth"],
  ["_manager._tcp.c1.berth"],
  ["_smtp._tcp.c1.berth"],
  ["www.c1.berth"],
])("%s is not there", (name) => {
  const reply = ask(name, "A");
  expect(reply).toMatchObject({ rcode: rcodes.noSuchName, authoritative: true, answers: [] });
  expect(reply.authorities).toEqual(soa);
});

test("before all have had time to register nobody is called absent", () => {
  const zone = { labels: ["berth"], ttlSeconds: 5 };
  const young = { zone, state: { ...state, isSettled: () => false }, random: () => 0 };
  const rcodeOf = (labels: string[]) => {
    const decision = answerQuestion({ labels, type: recordTypes.A, class: 1 }, young);
    return decision.kind === "answered" ? decision.reply.rcode : undefined;
  };
  expect(rcodeOf(["db", "task", "berth"])).toBe(rcodes.serverFailure);
  expect(rcodeOf(["web", "task", "berth"])).toBe(rcodes.noError);
});

test("a worker's name stands for its address and for where it serves", () => {
  expect(texts(ask("w1.worker.c1.berth", "A").answers)).toEqual(["w1.worker.c1.berth A 10.1.0.1"]);
  expect(texts(ask("w1.worker.c1.berth", "AAAA").answers)).toHaveLength(1);
  expect(texts(ask("w1.worker.c1.berth", "SRV").answers)).toEqual([
    "w1.worker.c1.berth w1.worker.c1.berth:7072",
  ]);
});

test("the services are found by name", () => {
  const { answers, additionals } = ask("_registry._tcp.c1.berth", "SRV");
  expect(texts(answers)).toEqual(["_registry._tcp.c1.berth 1.registry.c1.berth:7071"]);
  expect(texts(additionals)).toEqual(["1.registry.c1.berth A 10.0.0.9"]);
  expect(texts(ask("registry.c1.berth", "A").answers)).toEqual(["registry.c1.berth A 10.0.0.9"]);
  expect(texts(ask("c1.berth", "NS").answers)).toEqual(["c1.berth NS registry.c1.berth"]);
});

test("nothing is given to who asks for everything, or for the zone", () => {
  expect(ask("web.task.c1.berth", "ANY").answers).toMatchObject([{ type: "HINFO" }]);
  expect(ask("c1.berth", "AXFR").rcode).toBe(rcodes.refused);
  expect(ask("c1.berth", "IXFR").rcode).toBe(rcodes.refused);
});

test("only the class of the internet is served", () => {
  expect(ask("web.task.c1.berth", "A", { qclass: 3 }).rcode).toBe(rcodes.refused);
});

test.each([["example.org"], ["berth"], ["xc1.berth"], ["web.task.c1.berth.org"], [""]])(
  "%j is elsewhere",
  (name) => {
    expect(decide(name, "A").kind).toBe("foreign");
  },
);

test("whatever is asked has an answer, and a name is either there for all types or for none", () => {
  const label = fc.constantFrom(
    "web",
    "WEB",
    "task",
    "_tcp",
    "_80",
    "w1",
    "worker",
    "registry",
    "1",
  );
  fc.assert(
    fc.property(
      fc.array(label, { maxLength: 5 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999 })),
      (labels, chance) => {
        const random = () => chance.next().value ?? 0;
        const name = [...labels, "c1", "berth"].join(".");
        const outcomes = (["A", "AAAA", "SRV", "SOA", "NS"] as const).map((type) =>
          ask(name, type, { random }),
        );
        expect(new Set(outcomes.map(({ rcode }) => rcode)).size).toBe(1);
        for (const { answers, authorities } of outcomes)
          expect(answers.length > 0).toBe(authorities.length === 0);
      },
    ),
  );
});
