import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { encode, type OptAnswer, type RecordType } from "dns-packet";
import { startBerth } from "./berth-process.ts";
import { joinFleet } from "./dns-fleet.ts";
import { askOnce, loadUdp } from "./dns-load.ts";
import { median, table } from "./figures.ts";
import { cpuSecondsOf } from "./proc.ts";

const PORTS = { registry: 17_471, dns: 17_453 };
const RUNS = Number(process.env["DNS_RUNS"] ?? 3);
const RUN_MS = Number(process.env["DNS_RUN_MS"] ?? 2_000);

/** So many names, each served by every worker. */
const WORKERS = Number(process.env["DNS_WORKERS"] ?? 4);
const NAMES = Array.from({ length: 100 }, (_, i) => `web-${i}`);

const QUESTIONS: readonly (readonly [string, RecordType])[] = [
  ["web-1.task.berth", "A"],
  ["_80._tcp.web-1.task.berth", "SRV"],
  ["none.task.berth", "A"],
];

/** What one process did in one run. */
type Run = Readonly<{ perSecond: number; cpuMicros: number }>;

/** Who is asked. */
type Asked = Readonly<{ port: number; cpuSeconds: () => number }>;

async function run({ port, cpuSeconds }: Asked, packet: Buffer): Promise<Run> {
  const before = cpuSeconds();
  const { answers, lost, seconds } = await loadUdp(port, packet, RUN_MS);
  if (lost > 0) process.stderr.write(`${lost} questions had no answer\n`);
  const cpuMicros = ((cpuSeconds() - before) / answers) * 1_000_000;
  return { perSecond: answers / seconds, cpuMicros };
}

async function startEcho(answerBytes: number) {
  const script = new URL("./udp-echo.js", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, String(answerBytes)]);
  for await (const line of createInterface(child.stdout))
    return {
      port: Number(line),
      cpuSeconds: () => cpuSecondsOf(child.pid),
      stop: () => child.kill(),
    };
  throw new Error("the echo ended before it began");
}

/** Berth and the floor in turns, so that both see the same machine. */
async function compare(name: string, type: RecordType, berth: Asked) {
  const packet = encode({ type: "query", questions: [{ name, type }], additionals: [OPT] });
  const answerBytes = await askOnce(berth.port, packet);
  const echo = await startEcho(answerBytes);
  const runs: { berth: Run[]; echo: Run[] } = { berth: [], echo: [] };
  for (let i = 0; i < RUNS; i++) {
    runs.berth.push(await run(berth, packet));
    runs.echo.push(await run(echo, packet));
  }
  echo.stop();
  const of = (those: readonly Run[], key: keyof Run) =>
    median(those.map((one) => one[key])).toFixed(0);
  return [
    `${name} ${type}`,
    String(answerBytes),
    of(runs.berth, "perSecond"),
    of(runs.echo, "perSecond"),
    of(runs.berth, "cpuMicros"),
    of(runs.echo, "cpuMicros"),
  ];
}

const OPT: OptAnswer = {
  type: "OPT",
  name: ".",
  udpPayloadSize: 1_232,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

const HEAD = ["question", "bytes", "answers/s", "echo/s", "CPU µs an answer", "CPU µs an echo"];

const registryAddress = `127.0.0.1:${PORTS.registry}`;
const registry = await startBerth({
  args: [
    ...["registry", "--listen", registryAddress, "--log-level", "warn"],
    ...["--dns-listen", `127.0.0.1:${PORTS.dns}`],
  ],
  managerAddress: "",
  readyWhen: /^registry on/m,
  isStateful: false,
});
try {
  const fleet = await joinFleet(registryAddress, WORKERS, NAMES);
  const berth = { port: PORTS.dns, cpuSeconds: registry.cpuSeconds };
  const rows: string[][] = [];
  for (const [name, type] of QUESTIONS) rows.push(await compare(name, type, berth));
  fleet.leave();
  process.stdout.write(`${WORKERS} workers, ${NAMES.length} names, median of ${RUNS} runs\n\n`);
  process.stdout.write(`${table(HEAD, rows)}\n`);
} finally {
  await registry.stop();
}
