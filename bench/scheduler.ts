import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Amount, type Candidate, NO_BOOKINGS } from "../core/placement/candidate.ts";
import { demandOf } from "../core/placement/demand.ts";
import { createPlacer, type Placer } from "../core/placement/place.ts";
import { schedulers } from "../core/placement/schedulers.ts";
import { type TaskSpec, TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";
import { assert } from "../lib/assert.ts";
import { median, table } from "./figures.ts";

const SIZES = (process.env["SCHEDULER_WORKERS"] ?? "1000,5000,10000").split(",").map(Number);
const RUNS = Number(process.env["SCHEDULER_RUNS"] ?? 3);
/** Measures the cases only whose name has this in it. */
const ONLY = process.env["SCHEDULER_ONLY"] ?? "";
/** The most tasks a run places, and the longest it takes: enough for a stable rate. */
const TASKS_MAX = 100_000;
const RUN_MS_MAX = 2_000;
const ZONES = 10;
const GIB = 2 ** 30;

/** A load on the scheduler. */
type Case = Readonly<{
  name: string;
  /** How many tasks each worker has before. */
  placedPerWorker?: (workerCount: number) => number;
  /** How much of a worker's CPU those take together. Absent: nine tenths. */
  placedShare?: number;
  specOf: (index: number) => MessageInitShape<typeof TaskSpecSchema>;
  /** Absent: all workers are of one size. */
  capacityOf?: (index: number) => Amount;
}>;

const ofOneSize = (): Amount => ({
  cpuMillis: 1_000_000,
  memoryBytes: 4096 * GIB,
  diskBytes: 4096 * GIB,
});

/** No two are quite the same: each machine's firmware keeps another piece of its memory. */
const ofManySizes = (index: number): Amount => ({
  cpuMillis: 250_000 * (1 + (index % 7)),
  memoryBytes: 1024 * GIB * (1 + (index % 5)) + index * 4096,
  diskBytes: 4096 * GIB,
});

const small = { cpuMillis: 1n, memoryBytes: 1n << 20n };
const different = (index: number) => ({
  cpuMillis: BigInt(1 + (index % 1_000)),
  memoryBytes: BigInt((1 + (index % 997)) << 12),
});

const CASES: readonly Case[] = [
  { name: "identical", specOf: () => ({ name: "web", reservation: small }) },
  {
    name: "all different",
    specOf: (index) => ({ name: `task-${index}`, reservation: different(index) }),
  },
  {
    name: "all different, each with a constraint",
    specOf: (index) => ({
      name: `task-${index}`,
      reservation: different(index),
      constraints: [{ key: "zone", values: [`z${index % ZONES}`] }],
    }),
  },
  {
    name: "all different, workers of many sizes",
    specOf: (index) => ({ name: `task-${index}`, reservation: different(index) }),
    capacityOf: ofManySizes,
  },
  {
    name: "identical, spread over a label",
    specOf: () => ({ name: "web", reservation: small, spreads: [{ key: "zone", maxSkew: 1 }] }),
  },
  {
    name: "identical, workers 90 % full",
    placedPerWorker: () => 9,
    specOf: () => ({ name: "web", reservation: { cpuMillis: 1n } }),
  },
  {
    name: "identical, 1,000,000 tasks placed",
    placedPerWorker: (workerCount) => 1_000_000 / workerCount,
    specOf: () => ({ name: "web", reservation: small }),
  },
  {
    name: "identical, 1,000,000 tasks placed that leave room",
    placedPerWorker: (workerCount) => 1_000_000 / workerCount,
    placedShare: 0.001,
    specOf: () => ({ name: "web", reservation: small }),
  },
];

const specs = new Map<string, readonly TaskSpec[]>();

/** Made beforehand: a spec is there when the scheduler sees it. */
function specsOf({ name, specOf }: Case): readonly TaskSpec[] {
  const known = specs.get(name);
  if (known) return known;
  const made = Array.from({ length: TASKS_MAX }, (_, index) =>
    create(TaskSpecSchema, { image: "i", ...specOf(index) }),
  );
  specs.set(name, made);
  return made;
}

const idOf = (index: number): string => `w${String(index).padStart(5, "0")}`;

const workerOf = (index: number, { capacityOf = ofOneSize }: Case): Candidate => ({
  ...NO_BOOKINGS,
  workerId: idOf(index),
  hostname: `host-${index}`,
  version: "0.0.0",
  labels: { zone: `z${index % ZONES}` },
  operatorLabels: {},
  ready: true,
  os: "linux",
  architecture: "amd64",
  capabilities: new Set<string>(),
  capacity: capacityOf(index),
});

/** What fills workers beforehand: tenths of a worker, or something smaller where there are many. */
function fill(placer: Placer, workerCount: number, each: Case): void {
  const count = each.placedPerWorker?.(workerCount) ?? 0;
  const all = (each.placedShare ?? 0.9) * ofOneSize().cpuMillis;
  const share = { cpuMillis: BigInt(Math.ceil(all / Math.max(1, count))) };
  const kinds = ["api", "db", "job"].map((name) =>
    demandOf(create(TaskSpecSchema, { name, image: "i", reservation: share })),
  );
  for (let worker = 0; worker < workerCount; worker++)
    for (let task = 0; task < count; task++) {
      const demand = kinds[task % kinds.length];
      assert(demand, "there are kinds of tasks to fill workers with");
      placer.book(idOf(worker), demand);
    }
}

/** Placements a second. */
type Run = (placer: Placer, specs: readonly TaskSpec[]) => number;

/** Runs until the tasks or the time are up. */
function rateOf(tasks: readonly TaskSpec[], act: (spec: TaskSpec, index: number) => void): number {
  const startMs = performance.now();
  let count = 0;
  let elapsedMs = 0;
  for (const spec of tasks) {
    act(spec, count++);
    if (count % 64 === 0) elapsedMs = performance.now() - startMs;
    if (elapsedMs > RUN_MS_MAX) break;
  }
  return (count / (performance.now() - startMs)) * 1_000;
}

const spread = schedulers.get("spread");

const placing: Run = (placer, tasks) =>
  rateOf(tasks, (spec) => {
    assert(spread, "there is a scheduler spread");
    const decision = placer.place(demandOf(spec), spread);
    assert(decision.kind === "placed", "there is room for every task");
  });

/** The same without choosing: the next worker is booked. */
const floor =
  (workerCount: number): Run =>
  (placer, tasks) => {
    const ids = Array.from({ length: workerCount }, (_, index) => idOf(index));
    return rateOf(tasks, (spec, index) => {
      placer.book(ids[index % workerCount] ?? "", demandOf(spec));
    });
  };

/** Places so many tasks first, for a manager is not measured in its first second. */
const WARM_UP = 10_000;

function measure(workerCount: number, each: Case, run: Run): number {
  const rates: number[] = [];
  run(placerFor(workerCount, each), specsOf(each).slice(0, WARM_UP));
  for (let round = 0; round < RUNS; round++) {
    const placer = placerFor(workerCount, each);
    // What it took to fill the workers is not the scheduler's to clear away.
    globalThis.gc?.();
    rates.push(run(placer, specsOf(each)));
  }
  return median(rates);
}

function placerFor(workerCount: number, each: Case): Placer {
  const workers = Array.from({ length: workerCount }, (_, index) => workerOf(index, each));
  const placer = createPlacer(workers);
  fill(placer, workerCount, each);
  return placer;
}

const thousands = (rate: number): string => `${(rate / 1_000).toFixed(rate < 10_000 ? 1 : 0)}k/s`;

function rowOf(each: Case): readonly string[] {
  const rates = SIZES.map((size) => measure(size, each, placing));
  const floors = SIZES.map((size) => measure(size, each, floor(size)));
  process.stderr.write(`${each.name}: ${rates.map(thousands).join(", ")}\n`);
  const [first = 1, last = 1] = [rates[0], rates.at(-1)];
  return [
    each.name,
    ...rates.flatMap((rate, index) => [thousands(rate), thousands(floors[index] ?? 0)]),
    (first / last).toFixed(2),
  ];
}

/** What others publish of theirs alone, for the eye: their machines are not this one. */
const PEERS = `
Peers, as published: SwarmKit's own benchmark, in memory, 5,000 nodes (Go 1.19, run on two cores such
as these): 14.1k/s to 16.9k/s identical, 3.0k/s all different; 1,000 nodes: 18.7k/s and 10.6k/s.
kube-scheduler's CI gate, 5,000 nodes: 680 to 810 pods/s, with node affinity 220, with pod affinity
35. Nomad's C1M, 5,000 hosts, the whole control plane: 3.75k/s.
`;

/**
 * Each case in a process of its own: a hundred thousand specs of each of the others are two thirds of
 * what garbage collection has to look at, and slow down all that comes after them.
 */
function rowOfOwnProcess({ name }: Case): readonly string[] {
  const row = execFileSync(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url)],
    {
      env: { ...process.env, [OWN]: name },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  return JSON.parse(row);
}

/** Names the one case that a process is to measure. */
const OWN = "SCHEDULER_CASE";

const own = CASES.find(({ name }) => name === process.env[OWN]);
if (own) console.log(JSON.stringify(rowOf(own)));
else {
  console.log("## The scheduler alone: placements a second\n");
  console.log("`floor`: the same tasks booked on the next worker, nothing chosen.\n");
  console.log(
    table(
      ["tasks", ...SIZES.flatMap((size) => [`${size} workers`, "floor"]), "cost, last / first"],
      CASES.filter(({ name }) => name.includes(ONLY)).map(rowOfOwnProcess),
    ),
  );
  console.log(PEERS);
}
