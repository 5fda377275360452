import { CLASS_IN, type Question, type Rcode, rcodes, recordTypes } from "../../lib/dns/message.ts";
import type { DnsRecord, Reply } from "../../lib/dns/reply.ts";
import type { Decision } from "../../lib/dns/responder.ts";
import type { Random } from "../../lib/random.ts";
import { type DnsEntry, findEntry } from "./dns-entry.ts";
import { sample } from "./dns-sample.ts";
import type { Target, Zone, ZoneState } from "./dns-zone.ts";

/** Records of one answer: more than any client tries. The rest is left to chance, anew each time. */
const ANSWERS_MAX = 256;

/** What the zone says to a question. Instances come in an order of chance. */
export function answerQuestion(
  question: Question,
  { zone, state, random }: Readonly<{ zone: Zone; state: ZoneState; random: Random }>,
): Decision {
  if (question.class !== CLASS_IN) return answered({ rcode: rcodes.refused });
  const path = pathIn(zone, question.labels);
  if (!path) return { kind: "foreign" };
  if (isTransfer(question.type)) return answered({ rcode: rcodes.refused });
  const entry = findEntry(path, state);
  if (!entry)
    return state.isSettled()
      ? denied(zone, rcodes.noSuchName)
      : answered({ rcode: rcodes.serverFailure });
  const answer = { zone, state, random, owner: question.labels.join(".") };
  const found = recordsOf(entry, question.type, answer);
  if (found.answers.length === 0) return denied(zone, rcodes.noError);
  return answered({ authoritative: true, ...found });
}

/** The labels in front of the zone's name, the last first. Undefined when the name is elsewhere. */
function pathIn(zone: Zone, labels: readonly string[]): readonly string[] | undefined {
  const lower = labels.map((label) => label.toLowerCase());
  const split = lower.length - zone.labels.length;
  const isInside = split >= 0 && zone.labels.every((label, i) => label === lower[split + i]);
  return isInside ? lower.slice(0, split).reverse() : undefined;
}

const isTransfer = (type: number): boolean =>
  type === recordTypes.AXFR || type === recordTypes.IXFR;

type Answering = Readonly<{ zone: Zone; state: ZoneState; random: Random; owner: string }>;

type Found = Pick<Reply, "answers"> & Partial<Reply>;

function recordsOf(entry: DnsEntry, type: number, answer: Answering): Found {
  const { owner, zone } = answer;
  switch (type) {
    case recordTypes.A:
      return { answers: addressRecords(owner, entry.hosts, "A", answer) };
    case recordTypes.AAAA:
      return { answers: addressRecords(owner, entry.hosts, "AAAA", answer) };
    case recordTypes.SRV:
      return serviceRecords(entry.targets, answer);
    case recordTypes.SOA:
      return { answers: entry.isApex ? [soaOf(zone)] : [] };
    case recordTypes.NS:
      return { answers: entry.isApex ? nameServers(answer) : [] };
    case recordTypes.ANY:
      return { answers: [refusalOfAny(owner, zone)] };
    default:
      return { answers: [] };
  }
}

/** RFC 8482: an answer to "everything" is of use to nobody but forgers. */
const refusalOfAny = (name: string, { ttlSeconds }: Zone): DnsRecord => ({
  type: "HINFO",
  name,
  ttl: ttlSeconds,
  data: { cpu: "RFC8482", os: "" },
});

/** Where instances listen, and the addresses of their hosts, so that nobody has to ask again. */
function serviceRecords(targets: readonly Target[], answer: Answering): Found {
  const { owner, zone, random } = answer;
  const chosen = sample(targets, ANSWERS_MAX, random);
  const hosts = new Map(chosen.map(({ hostName, host }) => [hostName, host]));
  return {
    answers: chosen.map((target) => srvRecord(owner, target, zone)),
    additionals: [...hosts].flatMap(([hostName, host]) => [
      ...addressRecords(nameIn(zone, hostName), [host], "A", answer),
      ...addressRecords(nameIn(zone, hostName), [host], "AAAA", answer),
    ]),
  };
}

function addressRecords(
  name: string,
  hosts: readonly string[],
  type: "A" | "AAAA",
  { zone, state, random }: Answering,
): DnsRecord[] {
  const addresses = sample(hosts, ANSWERS_MAX, random).flatMap(state.addressesOf);
  return [...new Set(addresses)]
    .filter((address) => address.includes(":") === (type === "AAAA"))
    .map((data) => ({ type, name, ttl: zone.ttlSeconds, data }));
}

const srvRecord = (name: string, { hostName, port }: Target, zone: Zone): DnsRecord => ({
  type: "SRV",
  name,
  ttl: zone.ttlSeconds,
  data: { priority: 0, weight: 1, port, target: nameIn(zone, hostName) },
});

const nameIn = (zone: Zone, relative: string): string => `${relative}.${zone.labels.join(".")}`;

/** Nobody copies the zone: the times are those of a zone that is never copied. */
function soaOf(zone: Zone): DnsRecord {
  const { ttlSeconds } = zone;
  const data = {
    mname: nameIn(zone, "registry"),
    rname: nameIn(zone, "hostmaster"),
    serial: 1,
    refresh: 3_600,
    retry: 600,
    expire: 86_400,
    minimum: ttlSeconds,
  };
  return { type: "SOA", name: zone.labels.join("."), ttl: ttlSeconds, data };
}

/** The registries. None when it is not known where others reach them. */
const nameServers = ({ zone, state }: Answering): DnsRecord[] =>
  state.service("registry").length === 0
    ? []
    : [
        {
          type: "NS",
          name: zone.labels.join("."),
          ttl: zone.ttlSeconds,
          data: nameIn(zone, "registry"),
        },
      ];

const answered = (reply: Partial<Reply>): Decision => ({
  kind: "answered",
  reply: {
    rcode: rcodes.noError,
    authoritative: false,
    answers: [],
    authorities: [],
    additionals: [],
    ...reply,
  },
});

/** No such name, or none of that type; and for how long that may be remembered (RFC 2308). */
const denied = (zone: Zone, rcode: Rcode): Decision =>
  answered({ rcode, authoritative: true, authorities: [soaOf(zone)] });
