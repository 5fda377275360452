import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { assert } from "../lib/assert.ts";
import { type Census, takeCensus } from "./cluster-census.ts";
import { type Floor, type Life, measureEchoFloor, measureStoreFloor } from "./cluster-floors.ts";
import { measureIdleCluster } from "./cluster-idle.ts";
import { measureBareStreams } from "./cluster-idle-floor.ts";
import { floorRowOf, idleReport, idleRow } from "./cluster-idle-report.ts";
import { type Manner, type Round, runRound } from "./cluster-load.ts";
import { CLUSTER_PEERS } from "./cluster-peers.ts";
import { figuresOf, median, ms, table } from "./figures.ts";
import { type ControlForm, type HollowCluster, startHollowCluster } from "./hollow-cluster.ts";

/** Which parts to run: `load`, `idle` or both. */
const PARTS = new Set((process.env["CLUSTER_PARTS"] ?? "load,idle").split(","));
const WORKERS = Number(process.env["CLUSTER_WORKERS"] ?? 1_000);
const TASKS = Number(process.env["CLUSTER_TASKS"] ?? 20_000);
const RUNS = Number(process.env["CLUSTER_RUNS"] ?? 3);
/** `apart`: manager and registry are a process each. `together`: both are one, `berth server`. */
const FORMS = (process.env["CLUSTER_FORMS"] ?? "apart,together").split(",").map(asForm);
const IDLE_SIZES = (process.env["CLUSTER_IDLE"] ?? "1000,5000").split(",").map(Number);

const WORDS_OF_FORM: Readonly<Record<ControlForm, string>> = {
  apart: "manager and registry a process each",
  together: "manager and registry in one process",
};

function asForm(name: string): ControlForm {
  if (name === "apart" || name === "together") return name;
  throw new Error(`CLUSTER_FORMS has "${name}": write apart, together or both, with a comma`);
}

/** One call at a time is for latency without load. */
const MANNERS: Readonly<Record<"warming" | "batch" | "single" | "alone", Manner>> = {
  // Code that has not run yet costs several times as much, and every link opens its stream of pushes:
  // in one burst that would leave a thousand workers of one process no time for heartbeats.
  warming: { tasks: Math.ceil(TASKS / 4), tasksPerCall: 100, callsAtOnce: 1 },
  batch: { tasks: TASKS, tasksPerCall: 1_000, callsAtOnce: 8 },
  single: { tasks: Math.ceil(TASKS / 4), tasksPerCall: 1, callsAtOnce: 64 },
  alone: { tasks: Math.ceil(TASKS / 40), tasksPerCall: 1, callsAtOnce: 1 },
};

/** Tasks whose stored bytes the store's floor writes again. */
const LIVES = 100;

const HISTORY = new URL("../../bench/CLUSTER.md", import.meta.url);

/** What is under way, for who watches; the report goes to stdout. */
const progress = (line: string) => void process.stderr.write(`${line}\n`);

/** The whole control plane with workers whose containers exist in memory only. */
async function main(): Promise<void> {
  const parts = [heading()];
  if (PARTS.has("load")) for (const form of FORMS) parts.push(await measureLoad(form));
  if (PARTS.has("idle")) parts.push(await measureIdle());
  const text = `\n${parts.join("\n\n")}\n`;
  if (PARTS.size === 2) {
    if (!existsSync(HISTORY))
      appendFileSync(
        HISTORY,
        `# The whole control plane\n\nWritten by \`make bench-cluster\`, newest last.\n\n${CLUSTER_PEERS}\n`,
      );
    appendFileSync(HISTORY, text);
  }
  console.log(PARTS.size === 2 ? `${text}\n${CLUSTER_PEERS}` : text);
}

function heading(): string {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  return [
    `## ${new Date().toISOString().slice(0, 10)}, commit ${commit}`,
    "",
    `${cpus().length} x ${cpus()[0]?.model}, Linux ${release()}, Node ${process.version}, load ${loadavg()[0]?.toFixed(1)} at the start.`,
  ].join("\n");
}

async function measureLoad(form: ControlForm): Promise<string> {
  const cluster = await startHollowCluster(WORKERS, form);
  try {
    await runRound(cluster, MANNERS.warming);
    const batches = await repeat("SubmitTasks", cluster, MANNERS.batch);
    const singles = await repeat("SubmitTask", cluster, MANNERS.single);
    const alone = await runRound(cluster, MANNERS.alone);
    const census = await takeCensus(cluster);
    progress(wordsOf(census));
    assertNothingLost(census, TASKS_WARMING + tasksOf([...batches, ...singles, alone]));
    const lives = await livesOf(census, cluster);
    const [{ task } = { task: undefined }] = lives;
    assert(task, "there are tasks");
    const floors = {
      store: await measureStoreFloor(repeated(lives, TASKS), MANNERS.batch.tasksPerCall),
      batch: await measureEchoFloor(MANNERS.batch, task),
      single: await measureEchoFloor(MANNERS.single, task),
    };
    return loadReport({ form, batches, singles, alone, census, floors });
  } finally {
    await cluster.stop();
  }
}

const TASKS_WARMING = Math.ceil(TASKS / 4);

const tasksOf = (rounds: readonly Round[]): number =>
  rounds.reduce((sum, { tasks }) => sum + tasks, 0);

async function repeat(what: string, cluster: HollowCluster, manner: Manner): Promise<Round[]> {
  const rounds: Round[] = [];
  for (let run = 0; run < RUNS; run++) {
    const round = await runRound(cluster, manner);
    progress(`${what}: ${rateOf(round).toFixed(0)} tasks/s, ${wordsOfCpu(round)}`);
    rounds.push(round);
  }
  return rounds;
}

const rateOf = ({ tasks, seconds }: Readonly<{ tasks: number; seconds: number }>): number =>
  tasks / seconds;

function assertNothingLost(census: Census, expected: number): void {
  const { tasks, running, containers, strays } = census;
  const isWhole = tasks.length === expected && running === expected && containers === expected;
  assert(isWhole && strays === 0, `${expected} tasks were submitted; ${wordsOf(census)}`);
}

const wordsOf = ({ tasks, running, containers, strays }: Census): string =>
  `${tasks.length} tasks in the ledger, ${running} running as their worker says, ${containers} containers ever made, ${strays} strays`;

async function livesOf({ tasks }: Census, { manager }: HollowCluster): Promise<readonly Life[]> {
  return Promise.all(
    tasks.slice(0, LIVES).map(async (task) => {
      const { events } = await manager.listTaskEvents({ taskId: task.id, pageSize: 100 });
      return { task, events };
    }),
  );
}

/** As many as were loaded, each under a name of its own: a batch may write a key once. */
function repeated(lives: readonly Life[], count: number): readonly Life[] {
  let revision = 0n;
  return Array.from({ length: count }, (_, index) => {
    const { task, events } = lives[index % lives.length] as Life;
    const taskId = `${task.id.slice(0, -6)}${String(index).padStart(6, "0")}`;
    return {
      task: { ...task, id: taskId },
      events: events.map((event) => ({ ...event, taskId, revision: ++revision })),
    };
  });
}

type Load = Readonly<{
  form: ControlForm;
  batches: readonly Round[];
  singles: readonly Round[];
  alone: Round;
  census: Census;
  floors: Readonly<Record<"store" | "batch" | "single", Floor>>;
}>;

function loadReport({ form, batches, singles, alone, census, floors }: Load): string {
  const rows = [
    loadRow("SubmitTasks of 1,000, 8 calls at once", batches, "5000"),
    loadRow("SubmitTask, 64 calls at once", singles, ""),
    loadRow("SubmitTask, one after the other", [alone], ""),
    floorRow("floor: the same bytes to the store, same batches", floors.store),
    floorRow("floor: gRPC echo of the same bytes, 8 calls at once", floors.batch),
    floorRow("floor: gRPC echo of the same bytes, 64 calls at once", floors.single),
  ];
  return [
    `### ${WORKERS} hollow workers, ${WORDS_OF_FORM[form]}: submit → on disk → placed → pushed over gRPC → RUNNING on disk`,
    "",
    `Nothing lost: ${wordsOf(census)}.`,
    "",
    table(
      ["", "tasks/s", "runs", "goal", "CPU ms a task", "at 2 cores", "call p50 ms", "call p99 ms"],
      rows,
    ),
    "",
    "`tasks/s`: from the first call to the last RUNNING on disk. `CPU ms a task`: all processes, client included. `at 2 cores`: what that comes to if both are ours.",
    "",
    `CPU ms a task by process: ${wordsOfCpu(middle(batches))} (SubmitTasks); ${wordsOfCpu(middle(singles))} (SubmitTask).`,
  ].join("\n");
}

const loadRow = (what: string, rounds: readonly Round[], goal: string): readonly string[] => {
  const { p50, p99 } = figuresOf(rounds.flatMap(({ callMs }) => callMs));
  const rates = rounds.map(rateOf);
  const cpu = median(rounds.map(cpuMsOf));
  const runs = rates.map((rate) => rate.toFixed(0)).join(", ");
  return [what, median(rates).toFixed(0), runs, goal, ...cpuCells(cpu), ms(p50), ms(p99)];
};

const floorRow = (what: string, floor: Floor): readonly string[] => {
  const cpu = (floor.cpuSeconds * 1_000) / floor.tasks;
  return [what, rateOf(floor).toFixed(0), "", "", ...cpuCells(cpu), "", ""];
};

const cpuCells = (cpuMs: number): readonly string[] => [
  cpuMs.toFixed(3),
  (2_000 / cpuMs).toFixed(0),
];

const cpuMsOf = ({ cpu, tasks }: Round): number =>
  (Object.values(cpu).reduce((sum, seconds) => sum + seconds, 0) * 1_000) / tasks;

const middle = (rounds: readonly Round[]): Round =>
  rounds.toSorted((a, b) => rateOf(a) - rateOf(b))[Math.floor(rounds.length / 2)] as Round;

const wordsOfCpu = ({ cpu, tasks }: Round): string =>
  Object.entries(cpu)
    .map(([name, seconds]) => `${name} ${((seconds * 1_000) / tasks).toFixed(3)}`)
    .join(", ");

async function measureIdle(): Promise<string> {
  const rows: (readonly string[])[] = [];
  const add = (row: readonly string[]) => {
    progress(row.join(", "));
    rows.push(row);
  };
  for (const size of IDLE_SIZES) {
    let beats = 0;
    for (const form of FORMS) {
      const cost = await measureIdleCluster(size, form);
      beats = cost.beatsPerSecond;
      add(idleRow(cost));
    }
    add(floorRowOf(size, beats, await measureBareStreams(size, beats)));
  }
  return idleReport(rows);
}

await main();
process.exit(0);
