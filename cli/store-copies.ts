import { toTimestamp } from "../core/time.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import { openBackupFile, writeBackupFile } from "../lib/store/copy/backup-file.ts";
import { encodeBackup } from "../lib/store/copy/backup-format.ts";
import { takeLmdbSnapshot } from "../lib/store/copy/lmdb-snapshot.ts";
import { fill, type Snapshot } from "../lib/store/copy/store-copy.ts";
import { type EtcdPlace, formatEtcdPlace } from "../lib/store/etcd-place.ts";
import { type MovedMark, readMovedMark, writeMovedMark } from "../lib/store/moved-mark.ts";
import { CompactedError, StoreError } from "../lib/store/store.ts";
import {
  beyond,
  type Census,
  counted,
  createCensus,
  renewed,
} from "../services/manager/ledger-copies.ts";
import { formatTime } from "./output/format.ts";
import { findArrival, openFilling, openSnapshot, type StorePlace } from "./store-places.ts";
import { version } from "./version.ts";

export type CopyDeps = Readonly<{
  clock: Clock;
  random: Random;
  /** Breaks the copy off. */
  signal: AbortSignal;
}>;

/** How often a backup is begun anew whose moment etcd has forgotten. */
const TRIES_MAX = 3;

type Backup = Readonly<{
  from: StorePlace;
  /** Takes the backup's bytes. */
  write: (chunks: AsyncIterable<Buffer>) => Promise<void>;
  /** Told when it is begun anew. Absent: it cannot be, what was written is written. */
  onAnew?: () => void;
}>;

/** Copies a store, at one moment, into a stream of bytes. Others may write to it meanwhile. */
export async function backUp({ from, write, onAnew }: Backup, deps: CopyDeps): Promise<Census> {
  for (let triesLeft = onAnew ? TRIES_MAX : 1; ; ) {
    const snapshot = await openSnapshot(from, deps);
    try {
      return await backUpOnce(snapshot, write, deps);
    } catch (error) {
      triesLeft -= 1;
      if (!(error instanceof CompactedError) || triesLeft === 0) throw error;
      onAnew?.();
    } finally {
      await snapshot.close();
    }
  }
}

async function backUpOnce(
  { revision, pages }: Snapshot,
  write: Backup["write"],
  { clock, signal }: CopyDeps,
): Promise<Census> {
  const census = createCensus();
  async function* whole() {
    for await (const page of counted(pages(), census)) {
      signal.throwIfAborted();
      yield page;
    }
    clusterIn(census, "the store");
  }
  const about = { time: timeOf(clock), version };
  await write(encodeBackup(whole(), revision, about));
  return clusterIn(census, "the store");
}

/** What was counted. Throws a StoreError when it was no cluster. */
function clusterIn(census: ReturnType<typeof createCensus>, where: string): Census {
  const found = census.result();
  if (found) return found;
  throw new StoreError(`${where} holds no cluster: name one that a manager started on`);
}

const timeOf = ({ now }: Clock): string => formatTime(toTimestamp(now()));

/** Writes a backup to a file, or replaces the one that is there. Tells its length, too. */
export async function backUpToFile(
  { from, path, onAnew }: Readonly<{ from: StorePlace; path: string; onAnew: () => void }>,
  deps: CopyDeps,
): Promise<Census & Readonly<{ bytes: number }>> {
  let bytes = 0;
  const write = async (chunks: AsyncIterable<Buffer>) => {
    bytes = await writeBackupFile(path, chunks);
  };
  return { ...(await backUp({ from, write, onAnew }, deps)), bytes };
}

/** Makes a store of a backup, where there is none. Tells when the backup was taken. */
export async function restore(
  { path, to }: Readonly<{ path: string; to: StorePlace }>,
  deps: CopyDeps,
): Promise<Census & Readonly<{ time: string }>> {
  const census = createCensus();
  const file = await openBackupFile(path, census.look, deps.signal);
  try {
    const found = clusterIn(census, path);
    const { revision, about, pages } = await file.read();
    const filling = await openFilling(to, deps);
    try {
      const nowMs = deps.clock.now();
      await fill(filling, renewed(pages, nowMs), deps.signal);
      await filling.finish(beyond(revision, nowMs));
    } finally {
      await filling.close();
    }
    return { ...found, time: about["time"] ?? "an unknown time" };
  } finally {
    await file.close();
  }
}

type Move = Readonly<{ folder: string; to: EtcdPlace }>;

/** Moves an embedded store to etcd. Nobody can start on either before the copy is whole. */
export async function migrate({ folder, to }: Move, deps: CopyDeps): Promise<Census> {
  const name = formatEtcdPlace(to);
  const mark = await readMovedMark(folder);
  refuseOtherMove(mark, folder, name);
  const snapshot = await takeLmdbSnapshot(folder);
  const markAs = (state: MovedMark["state"]) =>
    writeMovedMark(folder, { state, to: name, time: timeOf(deps.clock) });
  try {
    const arrived = mark && (await arrivedAt(to, snapshot, deps));
    const census =
      arrived ?? (await copyTo(to, snapshot, { ...deps, onWhole: () => markAs("moving") }));
    await markAs("moved");
    return census;
  } finally {
    await snapshot.close();
  }
}

function refuseOtherMove(mark: MovedMark | undefined, folder: string, name: string): void {
  if (mark?.state === "moved")
    throw new StoreError(
      `the store in ${folder} moved to ${mark.to} at ${mark.time}: start with --store ${mark.to}`,
    );
  if (mark && mark.to !== name)
    throw new StoreError(`the store in ${folder} is on its way to ${mark.to}: finish that first`);
}

type Whole = Readonly<{ onWhole: () => Promise<void> }>;

async function copyTo(etcd: EtcdPlace, { revision, pages }: Snapshot, deps: CopyDeps & Whole) {
  const census = createCensus();
  const filling = await openFilling({ kind: "etcd", etcd }, deps);
  try {
    await fill(filling, counted(pages(), census), deps.signal);
    const found = clusterIn(census, "the store");
    await deps.onWhole();
    await filling.finish(revision);
    return found;
  } finally {
    await filling.close();
  }
}

/**
 * What is there of a move that was broken off just before it could be noted as done. Throws when
 * nobody can tell.
 */
async function arrivedAt(
  etcd: EtcdPlace,
  here: Snapshot,
  deps: CopyDeps,
): Promise<Census | undefined> {
  const { snapshot: there, close } = await findArrival(etcd, deps);
  try {
    if (!there || there.revision < here.revision) return undefined;
    const [own, found] = [await censusOf(here), await censusOf(there)];
    return own?.clusterId === found?.clusterId ? found : undefined;
  } finally {
    await close();
  }
}

async function censusOf({ pages }: Snapshot): Promise<Census | undefined> {
  const census = createCensus();
  for await (const page of pages()) census.look(page);
  return census.result();
}
