import { unavailable, wrongState } from "../../lib/errors.ts";
import { type Random, randomWord } from "../../lib/random.ts";
import type { Owner } from "./runtime.ts";
import { loadState, type StateFile, saveState, type WorkerState } from "./state-folder.ts";
import { createGate } from "./worker-gate.ts";

/** Who speaks: every push carries it. */
export type Fence = Readonly<{ clusterId: string; epoch: bigint }>;

/** Who the worker is and whom it obeys, kept over restarts. */
export interface Identity {
  readonly workerId: string;
  /** Undefined until a cluster has claimed the worker. */
  owner(): Owner | undefined;
  /** Whom the worker obeys, as is durable. Undefined until a cluster has claimed it. */
  fence(): Fence | undefined;
  /** Resolves once a cluster has claimed the worker: now, or in an earlier life. */
  readonly claimed: Promise<void>;
  /**
   * Resolves once it is durable that the worker obeys this epoch of this cluster. The first
   * cluster claims the worker. Throws FAILED_PRECONDITION for a foreign cluster or an epoch lower
   * than the highest seen, UNAVAILABLE when the disk fails.
   */
  admit(fence: Fence): Promise<void>;
}

type Wanted = Readonly<{
  /** What the operator calls the worker. Absent: the stored name, else one made from `hostname`. */
  workerId?: string | undefined;
  hostname: string;
  random: Random;
}>;

/** Reads the worker's identity, or makes one and stores it. Throws when the two disagree. */
export async function openIdentity(file: StateFile, wanted: Wanted): Promise<Identity> {
  const stored = await loadState(file);
  if (stored && wanted.workerId !== undefined && wanted.workerId !== stored.workerId)
    throw new Error(
      `${file.path} belongs to worker ${stored.workerId}, not ${wanted.workerId}: ` +
        "start with its name, or with another state folder",
    );
  if (stored) return createIdentity(file, stored);
  const workerId = wanted.workerId ?? makeWorkerId(wanted.hostname, wanted.random);
  const first: WorkerState = { workerId, clusterId: undefined, epoch: 0n };
  await saveState(file, first);
  return createIdentity(file, first);
}

function createIdentity(file: StateFile, first: WorkerState): Identity {
  const { workerId } = first;
  const claimed = createGate();
  let durable = first;
  /** What is being written, or was last. Whoever wants more than that writes next. */
  let writing: Readonly<{ state: WorkerState; done: Promise<void> }> | undefined;

  async function write(state: WorkerState, before: Promise<void> | undefined): Promise<void> {
    await before;
    await saveState(file, state);
    durable = state;
    claimed.open();
  }

  async function makeDurable({ clusterId, epoch }: Fence): Promise<void> {
    const latest = writing?.state ?? durable;
    if (latest.clusterId !== clusterId || latest.epoch < epoch) {
      const state = { workerId, clusterId, epoch };
      writing = { state, done: write(state, writing?.done) };
    }
    const awaited = writing;
    try {
      await awaited?.done;
    } catch (cause) {
      if (writing === awaited) writing = undefined;
      const message = `the worker cannot write ${file.path}: see to its disk`;
      throw unavailable("STATE_NOT_WRITTEN", message, { cause });
    }
  }

  if (first.clusterId !== undefined) claimed.open();
  return {
    workerId,
    claimed: claimed.opened,
    owner: () =>
      durable.clusterId === undefined ? undefined : { clusterId: durable.clusterId, workerId },
    fence() {
      const { clusterId, epoch } = durable;
      return clusterId === undefined ? undefined : { clusterId, epoch };
    },
    async admit(fence) {
      checkFence(fence, writing?.state ?? durable);
      await makeDurable(fence);
      // A higher epoch may have come in while this one was written.
      checkFence(fence, durable);
    },
  };
}

function checkFence({ clusterId, epoch }: Fence, known: WorkerState): void {
  if (known.clusterId !== undefined && known.clusterId !== clusterId)
    throw wrongState(
      "FOREIGN_CLUSTER",
      `worker ${known.workerId} belongs to cluster ${known.clusterId}, not ${clusterId}`,
    );
  if (epoch < known.epoch)
    throw wrongState(
      "STALE_EPOCH",
      `epoch ${epoch} has been replaced by epoch ${known.epoch}: another manager leads`,
    );
}

/** Long enough that two machines of one name differ, short enough to be typed. */
const SUFFIX_LENGTH = 5;
const ID_LENGTH_MAX = 64;

/** A name for a worker that has none: its machine's, and a random word. */
export function makeWorkerId(hostname: string, random: Random): string {
  const suffix = `-${randomWord(random, SUFFIX_LENGTH)}`;
  const cleaned = hostname
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .slice(0, ID_LENGTH_MAX - suffix.length);
  return `${cleaned || "worker"}${suffix}`;
}
