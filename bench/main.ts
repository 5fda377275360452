import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { createBerthContender } from "./berth-contender.ts";
import { startBerth } from "./berth-process.ts";
import type { Contender, Network } from "./contender.ts";
import { type Engine, openEngine } from "./engine.ts";
import { openEventBoard } from "./event-board.ts";
import { figuresOf, median, ms, table } from "./figures.ts";
import { measureIdle } from "./idle.ts";
import { createRawContender } from "./raw-contender.ts";
import { createSwarmContender } from "./swarm-contender.ts";

/** Enough for a median that stands: the machine may be shared. */
const LATENCY_RUNS = Number(process.env["LATENCY_RUNS"] ?? 15);
const BURST_RUNS = Number(process.env["BURST_RUNS"] ?? 3);
const BURST_COUNT = 60;

/** Which parts to run, such as `latency,idle`; all of them by default. */
const PARTS = new Set((process.env["BENCH_PARTS"] ?? "latency,bursts,idle").split(","));

const NETWORKS: readonly Network[] = ["host", "bridge"];
const PORTS = { manager: 17070, registry: 17071, worker: 17072 };

type LatencyRow = Readonly<{ name: string; network: Network; create: number[]; visible: number[] }>;

async function main(): Promise<void> {
  const socketPath = (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").slice(
    "unix://".length,
  );
  const image = process.env["BENCH_IMAGE"] ?? "berth-test/busybox:1";
  const engine = openEngine(socketPath);
  const board = await openEventBoard(engine);
  const berth = await startBerth(upOptions(socketPath));
  const contenders: Contender[] = [
    createRawContender({ engine, board, image }),
    await createBerthContender({ board, berth, image }),
    ...(await withSwarm({ engine, board, image })),
  ];
  try {
    const text = await Promise.race([measure(contenders, engine, socketPath), interruption()]);
    if (PARTS.size === 3) writeFileSync(new URL("../../bench/RESULTS.md", import.meta.url), text);
    console.log(text);
  } finally {
    for (const contender of contenders) await contender.close();
    await berth.stop();
    board.close();
  }
}

async function measure(
  contenders: readonly Contender[],
  engine: Engine,
  socketPath: string,
): Promise<string> {
  const parts = [await heading(engine)];
  if (PARTS.has("latency")) parts.push(await measureLatency(contenders));
  if (PARTS.has("bursts")) parts.push(await measureBursts(contenders));
  if (PARTS.has("idle")) parts.push(await measureIdle(socketPath));
  return `${parts.join("\n\n")}\n`;
}

/** An interrupted bench still leaves Swarm and stops what it started. */
const interruption = () =>
  new Promise<never>((_, reject) => {
    for (const name of ["SIGINT", "SIGTERM"] as const)
      process.once(name, () => reject(new Error(`interrupted by ${name}`)));
  });

/** What is under way, for who watches; the report goes to stdout. */
const progress = (line: string) => void process.stderr.write(`${line}\n`);

const upOptions = (socketPath: string) => ({
  managerAddress: `127.0.0.1:${PORTS.manager}`,
  readyWhen: /worker link up/,
  isStateful: true,
  args: [
    "up",
    ...["--manager-listen", `127.0.0.1:${PORTS.manager}`],
    ...["--registry-listen", `127.0.0.1:${PORTS.registry}`],
    ...["--worker-listen", `127.0.0.1:${PORTS.worker}`],
    ...["--docker-host", `unix://${socketPath}`],
    "--allow-host-network",
  ],
});

/** Swarm where this engine can be one; else its absence is said aloud. */
async function withSwarm(deps: Parameters<typeof createSwarmContender>[0]): Promise<Contender[]> {
  try {
    return [await createSwarmContender(deps)];
  } catch (error) {
    console.log(`no Swarm beside Berth in this run: ${error}`);
    return [];
  }
}

/** One start at a time, the contenders in turn, so that all meet the same weather. */
async function measureLatency(contenders: readonly Contender[]): Promise<string> {
  const rows: LatencyRow[] = contenders.flatMap(({ name }) =>
    NETWORKS.map((network) => ({ name, network, create: [], visible: [] })),
  );
  for (let run = -1; run < LATENCY_RUNS; run++)
    for (const network of NETWORKS)
      for (const contender of contenders) {
        const { askedMs, createdMs, visibleMs } = await contender.startOne(network);
        progress(`start ${run + 1}: ${contender.name}, ${network}, ${ms(visibleMs - askedMs)} ms`);
        if (run < 0) continue; // The first round warms up.
        const row = rows.find(
          (other) => other.name === contender.name && other.network === network,
        );
        row?.create.push(createdMs - askedMs);
        row?.visible.push(visibleMs - askedMs);
      }
  const floor = (network: Network) =>
    median(rows.find((row) => row.name === "raw engine" && row.network === network)?.visible ?? []);
  return [
    `## One container: ${LATENCY_RUNS} starts each, in turn`,
    "",
    "Milliseconds from just before the call that asks. `create`: the engine's own event. `RUNNING`: the asker is told.",
    "",
    table(
      [
        "",
        "network",
        "create p50",
        "create p99",
        "RUNNING p50",
        "RUNNING p99",
        "RUNNING p50 / raw engine",
      ],
      rows.map(({ name, network, create, visible }) => [
        name,
        network,
        ms(figuresOf(create).p50),
        ms(figuresOf(create).p99),
        ms(figuresOf(visible).p50),
        ms(figuresOf(visible).p99),
        (figuresOf(visible).p50 / floor(network)).toFixed(2),
      ]),
    ),
  ].join("\n");
}

async function measureBursts(contenders: readonly Contender[]): Promise<string> {
  const rates = new Map<string, number[]>();
  for (let run = 0; run < BURST_RUNS; run++)
    for (const network of NETWORKS)
      for (const contender of contenders) {
        const { askedMs, lastStartedMs } = await contender.startMany(network, BURST_COUNT);
        const key = `${contender.name}|${network}`;
        const rate = BURST_COUNT / ((lastStartedMs - askedMs) / 1000);
        rates.set(key, [...(rates.get(key) ?? []), rate]);
        progress(`burst ${run + 1}: ${contender.name}, ${network}, ${rate.toFixed(1)}/s`);
      }
  const rateOf = (name: string, network: Network) => median(rates.get(`${name}|${network}`) ?? []);
  return [
    `## A burst of ${BURST_COUNT} on one worker: ${BURST_RUNS} bursts each, in turn`,
    "",
    "Containers started a second, from the call that asks to the engine's last `start` event. The raw engine is driven at 4, 6 and 8 at once, and its best counts.",
    "",
    table(
      ["", "network", "median", "runs", "share of raw engine"],
      contenders.flatMap(({ name }) =>
        NETWORKS.map((network) => [
          name,
          network,
          `${rateOf(name, network).toFixed(1)}/s`,
          (rates.get(`${name}|${network}`) ?? []).map((rate) => rate.toFixed(1)).join(", "),
          (rateOf(name, network) / rateOf("raw engine", network)).toFixed(2),
        ]),
      ),
    ),
  ].join("\n");
}

async function heading(engine: Engine): Promise<string> {
  const { Version } = (await engine.get("/version")) as { Version: string };
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const gib = Math.round(totalmem() / 1024 ** 3);
  return [
    "# Results",
    "",
    "Written by `make bench`. Compare within one run only: the machine may be shared, so ratios count.",
    "",
    `${new Date().toISOString().slice(0, 10)}, commit ${commit}; ${cpus().length} x ${cpus()[0]?.model}, ${gib} GiB, Linux ${release()}, Node ${process.version}, Docker ${Version}`,
  ].join("\n");
}

await main();
process.exit(0);
