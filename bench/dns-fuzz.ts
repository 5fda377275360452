import { dnsLimits } from "../lib/dns/limits.ts";
import type { Transport } from "../lib/dns/reply.ts";
import { createResponder } from "../lib/dns/responder.ts";
import { hostilePacket } from "../lib/dns/test-packets.ts";
import { createSeededRandom } from "../lib/random.ts";
import { answerQuestion } from "../services/registry/dns-answer.ts";
import type { Target, ZoneState } from "../services/registry/dns-zone.ts";

/** Packets that are nearly queries, through all that answers them:   dns-fuzz.js [COUNT] [SEED] */
const COUNT = Number(process.argv[2] ?? 1_000_000);
const SEED = Number(process.argv[3] ?? 1);

/** A packet that keeps the process busy for longer is a way to stop it. */
const PACKET_MS_MAX = 100;

const targets: readonly Target[] = Array.from({ length: 50 }, (_, i) => ({
  hostName: `w${i}.worker`,
  host: `10.0.0.${i}`,
  port: 32_768,
}));
const web = {
  hosts: targets.map(({ host }) => host),
  targets,
  targetsByPort: new Map([["_80._tcp", targets]]),
  protocols: new Set(["_tcp"]),
};
const state: ZoneState = {
  task: (name) => (name === "web" ? web : undefined),
  worker: (id) => targets.find(({ hostName }) => hostName === `${id}.worker`),
  service: () => targets.slice(0, 3),
  addressesOf: (host) => [host],
  isSettled: () => true,
};
const random = createSeededRandom(SEED);
const zone = { labels: ["berth"], ttlSeconds: 5 };
const respond = createResponder(
  (question) => answerQuestion(question, { zone, state, random }),
  undefined,
);

/** Throws when the answer to `packet` is not what may be said. */
function check(packet: Buffer, transport: Transport): string {
  const answer = respond(packet, transport);
  if (answer instanceof Promise) throw new Error(`forwarded: ${packet.toString("hex")}`);
  if (answer === undefined) return "no answer";
  if (transport === "udp" && answer.length > dnsLimits.udpBytes)
    throw new Error(`${answer.length} bytes: ${packet.toString("hex")}`);
  return `rcode ${(answer[3] ?? 0) & 0xf}`;
}

const outcomes = new Map<string, number>();
let slowestMs = 0;
for (let i = 0; i < COUNT; i++) {
  const packet = hostilePacket(random);
  const before = process.cpuUsage();
  const outcome = check(packet, i % 10 === 0 ? "tcp" : "udp");
  const cpuMs = process.cpuUsage(before).user / 1000;
  if (cpuMs > PACKET_MS_MAX) throw new Error(`${cpuMs} ms: ${packet.toString("hex")}`);
  slowestMs = Math.max(slowestMs, cpuMs);
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}
const counts = [...outcomes].sort().map(([outcome, count]) => `${outcome}: ${count}`);
process.stdout.write(
  `${COUNT} packets of seed ${SEED}: ${counts.join(", ")}; the slowest took ${slowestMs.toFixed(1)} ms of CPU\n`,
);
