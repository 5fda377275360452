import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync } from "node:fs";
import { cpus, release } from "node:os";
import type { Task } from "../gen/berth/v1/task_pb.ts";
import { type Engine, nowMs, openEngine } from "./engine.ts";
import { type EventBoard, openEventBoard } from "./event-board.ts";
import { figuresOf, ms, table } from "./figures.ts";
import { type RecoveryCluster, startRecoveryCluster } from "./recovery-cluster.ts";
import { measureSwarmRestart } from "./recovery-swarm.ts";

const RUNS = Number(process.env["RECOVERY_RUNS"] ?? 7);

/** Tasks on the worker that falls silent. */
const TASKS_LOST = 10;

const HISTORY = new URL("../../bench/RECOVERY.md", import.meta.url);

type Row = Readonly<{ what: string; who: string; samples: readonly number[]; goal: string }>;

/** How fast Berth recovers, beside Docker Swarm where it can do the same on one engine. */
async function main(): Promise<void> {
  const socketPath = (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").slice(
    "unix://".length,
  );
  const image = process.env["BENCH_IMAGE"] ?? "berth-test/busybox:1";
  const engine = openEngine(socketPath);
  const board = await openEventBoard(engine);
  const cluster = await startRecoveryCluster({ socketPath, image });
  const deps = { engine, board, image };
  try {
    const text = reportOf(
      [
        await measureRawRestart(deps),
        await measureRestart(cluster, deps),
        ...(await measureSwarm(deps)),
        await measureAdoption(cluster),
        await measureSilence(cluster, board),
      ],
      (await engine.get("/version")) as { Version: string },
    );
    if (!existsSync(HISTORY))
      appendFileSync(HISTORY, "# Recovery\n\nWritten by `make bench-recovery`, newest last.\n");
    appendFileSync(HISTORY, text);
    console.log(text);
  } finally {
    await cluster.stop();
    for (const { id } of cluster.workers) await removeContainersOf(id, engine);
    board.close();
  }
}

/** What a bench that broke off has left. */
async function removeContainersOf(workerId: string, engine: Engine): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`dev.berth.worker=${workerId}`] }));
  const left = (await engine.get(`/containers/json?all=1&filters=${filters}`)) as { Id: string }[];
  for (const { Id } of left) await engine.delete(`/containers/${Id}?force=1&v=1`);
}

type Deps = Readonly<{ engine: Engine; board: EventBoard; image: string }>;

/** What is under way, for who watches; the report goes to stdout. */
const progress = (line: string) => void process.stderr.write(`${line}\n`);

async function repeat(what: string, measure: () => Promise<number>): Promise<readonly number[]> {
  const samples: number[] = [];
  for (let run = 0; run <= RUNS; run++) {
    const sample = await measure();
    progress(`${what}: ${ms(sample)} ms`);
    if (run > 0) samples.push(sample); // The first one warms up.
  }
  return samples;
}

/** From the engine's `die` of a container to its `start` of the one that replaces it. */
const KILLED = "container killed → replacement started";

async function measureRestart(cluster: RecoveryCluster, { engine, board }: Deps): Promise<Row> {
  const samples = await repeat(`Berth, ${KILLED}`, async () => {
    const tasks = await cluster.run(1);
    const id = tasks[0]?.id ?? "";
    const containerId = tasks[0]?.attempt?.status?.containerId ?? "";
    await engine.post(`/containers/${containerId}/kill`);
    const isOf = ({ labels }: { labels: Readonly<Record<string, string>> }) =>
      labels["dev.berth.task"] === id;
    const [died] = await board.collect("die", isOf, 1);
    const starts = await board.collect("start", isOf, 2);
    await cluster.remove(tasks);
    return (starts[1]?.timeMs ?? Number.NaN) - (died?.timeMs ?? Number.NaN);
  });
  return { what: KILLED, who: "Berth", samples, goal: "250" };
}

/** The floor: somebody who waits for the `die` and does nothing but create and start. */
async function measureRawRestart({ engine, board, image }: Deps): Promise<Row> {
  let runs = 0;
  const samples = await repeat(`raw engine, ${KILLED}`, async () => {
    const run = `recovery-${++runs}`;
    const body = {
      Image: image,
      Cmd: ["sleep", "3600"],
      Labels: { "dev.berth.bench": run },
      HostConfig: { NetworkMode: "host" },
    };
    const begin = async () => {
      const { Id } = (await engine.post("/containers/create", body)) as { Id: string };
      await engine.post(`/containers/${Id}/start`);
      return Id;
    };
    const isOf = ({ labels }: { labels: Readonly<Record<string, string>> }) =>
      labels["dev.berth.bench"] === run;
    const first = await begin();
    await engine.post(`/containers/${first}/kill`);
    const [died] = await board.collect("die", isOf, 1);
    const second = await begin();
    const starts = await board.collect("start", isOf, 2);
    for (const id of [first, second]) await engine.delete(`/containers/${id}?force=1`);
    return (starts[1]?.timeMs ?? Number.NaN) - (died?.timeMs ?? Number.NaN);
  });
  return { what: KILLED, who: "raw engine", samples, goal: "" };
}

/** Swarm waits five seconds before a restart unless told otherwise. Both are shown. */
async function measureSwarm(deps: Deps): Promise<readonly Row[]> {
  try {
    const rows: Row[] = [];
    for (const [who, delayMs] of [
      ["Docker Swarm", undefined],
      ["Docker Swarm, restart delay 0", 0],
    ] as const) {
      const samples = await measureSwarmRestart(deps, delayMs, (measure) =>
        repeat(`${who}, ${KILLED}`, measure),
      );
      rows.push({ what: KILLED, who, samples, goal: "" });
    }
    return rows;
  } catch (error) {
    progress(`no Swarm beside Berth in this run: ${error}`);
    return [];
  }
}

/** From kill -9 of a worker's process, started again at once, to its new link with the manager. */
async function measureAdoption(cluster: RecoveryCluster): Promise<Row> {
  const what = "worker process killed and started again → adopted";
  const tasks = await cluster.run(TASKS_LOST);
  const [victim] = cluster.workers;
  const containers = containerIdsOf(tasks);
  const samples = await repeat(what, async () => {
    const sessionOf = async () => {
      const { worker } = await cluster.client.getWorker({ workerId: victim?.id ?? "" });
      return worker?.linked ? worker.presence?.sessionId : undefined;
    };
    const before = await sessionOf();
    const startMs = nowMs();
    await victim?.service.kill();
    victim?.service.start();
    await cluster.until("the worker is back", async () => {
      const now = await sessionOf();
      return now !== undefined && now !== before;
    });
    const endMs = nowMs();
    await cluster.untilReady(cluster.workers.length);
    return endMs - startMs;
  });
  const { tasks: after } = await cluster.client.listTasks({});
  const kept = new Set(containerIdsOf(after));
  const replaced = containers.filter((id) => !kept.has(id)).length;
  await cluster.remove(tasks);
  const who = `Berth (${replaced} of ${containers.length} containers replaced)`;
  return { what, who, samples, goal: "5000" };
}

const containerIdsOf = (tasks: readonly Task[]) =>
  tasks.map(({ attempt }) => attempt?.status?.containerId).toSorted();

/** From SIGSTOP of a worker's process to the engine's `start` of the last replacement. */
async function measureSilence(cluster: RecoveryCluster, board: EventBoard): Promise<Row> {
  const what = `worker silent → its ${TASKS_LOST} tasks started elsewhere`;
  const samples = await repeat(what, async () => {
    const tasks = await cluster.run(2 * TASKS_LOST);
    const [victim, other] = cluster.workers;
    const lost = tasks.filter(({ attempt }) => attempt?.placement?.workerId === victim?.id);
    const ids = new Set(lost.map(({ id }) => id));
    const startMs = nowMs();
    victim?.service.pause();
    const starts = await board.collect(
      "start",
      ({ labels }) =>
        labels["dev.berth.worker"] === other?.id && ids.has(labels["dev.berth.task"] ?? ""),
      ids.size,
    );
    victim?.service.resume();
    await cluster.untilReady(cluster.workers.length);
    await cluster.remove(tasks);
    return Math.max(...starts.map(({ timeMs }) => timeMs)) - startMs;
  });
  return { what, who: "Berth", samples, goal: "6000" };
}

function reportOf(rows: readonly Row[], { Version }: Readonly<{ Version: string }>): string {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const cells = rows.map(({ what, who, samples, goal }) => {
    const { p50, min, max } = figuresOf(samples);
    return [what, who, ms(p50), `${ms(min)} to ${ms(max)}`, goal];
  });
  return [
    "",
    `## ${new Date().toISOString().slice(0, 10)}, commit ${commit}`,
    "",
    `${cpus().length} x ${cpus()[0]?.model}, Linux ${release()}, Node ${process.version}, Docker ${Version}; ${RUNS} runs each, host network. Swarm cannot lose a worker on one engine.`,
    "",
    table(["", "", "median ms", "range", "goal"], cells),
    "",
  ].join("\n");
}

await main();
process.exit(0);
