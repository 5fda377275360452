import { statSync } from "node:fs";
import { join } from "node:path";
import { toMillis } from "../core/time.ts";
import type { WorkerPresence } from "../gen/berth/v1/worker_pb.ts";
import { systemClock } from "../lib/clock.ts";
import type { BerthProcess } from "./berth-process.ts";
import { type Figures, figuresOf } from "./figures.ts";
import { type ControlForm, type HollowCluster, startHollowCluster } from "./hollow-cluster.ts";

const IDLE_MS = Number(process.env["CLUSTER_IDLE_MS"] ?? 20_000);

/** Until what came with the start is over: registrations, links, garbage. */
const SETTLE_MS = 10_000;

/** How often, and how many times, the registry is asked what it heard last. */
const LAG_EVERY_MS = 1_000;
const LAG_ROUNDS = 10;

const PAGE_SIZE = 1_000;

/** What many workers cost that have nothing to do. */
export type IdleCost = Readonly<{
  workers: number;
  /** By the verb of each process of the control plane. */
  shares: Readonly<Record<string, Share>>;
  /**
   * From the moment a worker measured itself for a heartbeat to the moment the registry counted
   * it, in milliseconds: the worker's own turn, both ends of the wire, the registry's turn.
   */
  lagMs: Figures;
  /** Beats that the registry heard a second. */
  beatsPerSecond: number;
  /** How far the ledger's revision moved, and whether anything was written to the store's file. */
  storeWrites: number;
  fileWritten: boolean;
}>;

export type Share = Readonly<{ percentOfCore: number; rssBytes: number; ownBytes: number }>;

export async function measureIdleCluster(workers: number, form: ControlForm): Promise<IdleCost> {
  const cluster = await startHollowCluster(workers, form);
  try {
    await systemClock.sleep(SETTLE_MS);
    const control = Object.entries(cluster.processes.control);
    const file = join(cluster.stateFolder, "manager", "data.mdb");
    const storeOf = async () => ({
      revision: (await cluster.manager.listTasks({ pageSize: 1 })).revision,
      writeMs: statSync(file, { bigint: true }).mtimeNs,
    });
    const before = await storeOf();
    const shares = await Promise.all(
      control.map(async ([verb, process]) => [verb, await watch(process)] as const),
    );
    const lag = await measureLag(cluster);
    const after = await storeOf();
    return {
      workers,
      shares: Object.fromEntries(shares),
      ...lag,
      storeWrites: Number(after.revision - before.revision),
      fileWritten: after.writeMs !== before.writeMs,
    };
  } finally {
    await cluster.stop();
  }
}

/** Nobody asks anything meanwhile. */
async function watch(process: BerthProcess): Promise<Share> {
  const [startMs, before] = [performance.now(), process.cpuSeconds()];
  await systemClock.sleep(IDLE_MS);
  const share = (process.cpuSeconds() - before) / ((performance.now() - startMs) / 1_000);
  const [rssBytes, ownBytes] = [process.rssBytes(), process.ownBytes()];
  return { percentOfCore: share * 100, rssBytes, ownBytes };
}

/** After the CPU was measured: asking costs something too. */
async function measureLag(
  cluster: HollowCluster,
): Promise<Pick<IdleCost, "lagMs" | "beatsPerSecond">> {
  const lags: number[] = [];
  const heard = new Map<string, bigint>();
  let first = new Map<string, bigint>();
  const startMs = performance.now();
  for (let round = 0; round <= LAG_ROUNDS; round++) {
    for (const { workerId, metrics, heardTime } of await presencesOf(cluster)) {
      if (!metrics?.observeTime || !heardTime || heard.get(workerId) === metrics.sequence) continue;
      heard.set(workerId, metrics.sequence);
      if (round > 0) lags.push(toMillis(heardTime) - toMillis(metrics.observeTime));
    }
    if (round === 0) first = new Map(heard);
    if (round < LAG_ROUNDS) await systemClock.sleep(LAG_EVERY_MS);
  }
  const seconds = (performance.now() - startMs) / 1_000;
  const beats = [...heard].map(([id, sequence]) => Number(sequence - (first.get(id) ?? sequence)));
  const beatsPerSecond = beats.reduce((sum, count) => sum + count, 0) / seconds;
  return { lagMs: figuresOf(lags), beatsPerSecond };
}

async function presencesOf({ registry }: HollowCluster): Promise<readonly WorkerPresence[]> {
  const all: WorkerPresence[] = [];
  for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
    const page = await registry.listWorkers({ pageSize: PAGE_SIZE, pageToken });
    all.push(...page.workers);
    pageToken = page.nextPageToken || undefined;
  }
  return all;
}
