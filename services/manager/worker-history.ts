import { create, equals } from "@bufbuild/protobuf";
import { toTimestamp } from "../../core/time.ts";
import { WorkerVersionSchema } from "../../gen/berth/v1/past_pb.ts";
import {
  type Worker,
  WorkerPresenceSchema,
  WorkerSchema,
  WorkerSettingsSchema,
  WorkerState,
} from "../../gen/berth/v1/worker_pb.ts";
import { createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import { encodeMessage } from "../../lib/message/codec.ts";
import type { Store, Write } from "../../lib/store/store.ts";
import { inAnyWeather } from "../../lib/store/weather.ts";
import type { Ledger } from "./ledger.ts";
import { entriesOf } from "./ledger-load.ts";
import { deleteKey, prefixes, revisionKey } from "./ledger-records.ts";
import { readWorkerVersion, type StoredVersion } from "./past-workers.ts";
import type { KnownWorker, WorkerTable } from "./worker-table.ts";

type Deps = Readonly<{ store: Store; ledger: Ledger; workers: WorkerTable; clock: Clock }>;

/** How many versions of one worker are kept: of one that comes and goes every minute half a day. */
const VERSIONS_MAX = 1_000;

/** What is older than all that can be told is looked for so often. */
const SWEEP_MS = 3_600_000;

/**
 * Keeps in the store how workers were, until `signal` aborts: when one comes, goes, begins another
 * session, or operators decide about it. Measurements are not kept.
 */
export async function runWorkerHistory(deps: Deps, signal: AbortSignal): Promise<void> {
  const { store, ledger, workers, clock } = deps;
  const bell = createBell(clock);
  const changed = new Map<string, KnownWorker>();
  const isOver = () => signal.aborted;
  const known = await inAnyWeather(() => loadVersions(store), { clock, isOver });
  const notice = (worker: KnownWorker) => {
    if (isSame(known.get(worker.workerId)?.at(-1), worker)) return;
    changed.set(worker.workerId, worker);
    bell.ring();
  };
  workers.all().forEach(notice);
  workers.subscribe(notice);

  while (!signal.aborted) {
    const writes = [...changed.values()].flatMap((worker) => record(worker, known, clock));
    changed.clear();
    writes.push(...forgotten(known, ledger.horizon().ms));
    // A manager that leads no longer need not say how workers are.
    if (writes.length > 0) await ledger.commitBeside(writes).catch((error) => raise(error, signal));
    await bell.wait(signal, SWEEP_MS);
    // What comes in the same turn goes to disk together.
    await clock.turn();
  }
}

function raise(error: unknown, signal: AbortSignal): void {
  if (!signal.aborted) throw error;
}

type Versions = Map<string, StoredVersion[]>;

async function loadVersions(store: Store): Promise<Versions> {
  const known: Versions = new Map();
  for await (const entry of entriesOf(store, prefixes.workerPast)) {
    const version = readWorkerVersion(entry);
    known.set(version.workerId, [...(known.get(version.workerId) ?? []), version]);
  }
  return known;
}

/** A worker's session says all that it registered with: within one only these can change. */
function isSame(last: StoredVersion | undefined, { presence, record }: KnownWorker): boolean {
  const { worker } = last?.version ?? {};
  return (
    worker?.presence?.state === presence.state &&
    worker.presence.sessionId === presence.sessionId &&
    worker.presence.reason === presence.reason &&
    worker.settings !== undefined &&
    (worker.settings === record.settings ||
      equals(WorkerSettingsSchema, worker.settings, record.settings))
  );
}

function record(worker: KnownWorker, known: Versions, clock: Clock): Write[] {
  const { workerId } = worker;
  const versions = known.get(workerId) ?? [];
  if (isSame(versions.at(-1), worker)) return [];
  // The order of keys is that of what happened, also where the clock was set back.
  const ms = Math.max(clock.now(), (versions.at(-1)?.ms ?? 0) + 1);
  const version = create(WorkerVersionSchema, { worker: slim(worker) });
  const stored: StoredVersion = { workerId, ms, version };
  const all = [...versions, stored];
  const [old, kept] = [all.slice(0, -VERSIONS_MAX), all.slice(-VERSIONS_MAX)];
  known.set(workerId, kept);
  return [...cut(old, kept), put(stored)];
}

/** Without what is measured. */
function slim({ workerId, presence, record: { settings } }: KnownWorker): Worker {
  const { metrics: _, heardTime: __, ...kept } = presence;
  return create(WorkerSchema, {
    id: workerId,
    presence: create(WorkerPresenceSchema, kept),
    settings,
  });
}

/** Deletes old versions, and says in the first that is kept that there were some. */
function cut(old: readonly StoredVersion[], kept: StoredVersion[]): Write[] {
  const [first] = kept;
  if (old.length === 0 || !first) return [];
  const firstTime = old[0]?.version.firstTime ?? toTimestamp(old[0]?.ms ?? first.ms);
  const next = { ...first, version: { ...first.version, firstTime } };
  kept[0] = next;
  return [...old.map(({ workerId, ms }) => deleteKey(keyOf(workerId, ms))), put(next)];
}

/** What no question can reach any more: versions that were over before, workers that were gone. */
function forgotten(known: Versions, horizonMs: number): Write[] {
  return [...known].flatMap(([workerId, versions]) => {
    const at = versions.findLastIndex(({ ms }) => ms <= horizonMs);
    const isGone = at === versions.length - 1 && !isUp(versions[at]);
    if (at === -1 || (at === 0 && !isGone)) return [];
    const [old, kept] = isGone ? [versions, []] : [versions.slice(0, at), versions.slice(at)];
    if (kept.length === 0) known.delete(workerId);
    else known.set(workerId, kept);
    return old.map(({ ms }) => deleteKey(keyOf(workerId, ms)));
  });
}

const isUp = (stored: StoredVersion | undefined): boolean =>
  stored?.version.worker?.presence?.state === WorkerState.UP;

const keyOf = (workerId: string, ms: number): string =>
  `${prefixes.workerPast}${workerId},${revisionKey(BigInt(Math.floor(ms)))}`;

const put = ({ workerId, ms, version }: StoredVersion): Write => ({
  kind: "put",
  key: keyOf(workerId, ms),
  value: encodeMessage(WorkerVersionSchema, version),
});
