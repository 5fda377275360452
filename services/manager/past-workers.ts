import { create } from "@bufbuild/protobuf";
import { toMillis, toTimestamp } from "../../core/time.ts";
import {
  type HistoryGap,
  HistoryGapSchema,
  type WorkerVersion,
  WorkerVersionSchema,
} from "../../gen/berth/v1/past_pb.ts";
import type { Worker } from "../../gen/berth/v1/worker_pb.ts";
import { assert } from "../../lib/assert.ts";
import { decodeMessage } from "../../lib/message/codec.ts";
import type { Entry } from "../../lib/store/store.ts";
import { entriesOf } from "./ledger-load.ts";
import { prefixes } from "./ledger-records.ts";
import type { PastDeps } from "./past-moment.ts";

/** How a worker was at a time; undefined where it was not known. `forgotten`: how is no longer kept. */
export type PastWorker =
  | Readonly<{ kind: "known"; worker: Worker }>
  | Readonly<{ kind: "forgotten"; gap: HistoryGap }>
  | undefined;

export type WorkerStory = Readonly<{ workerId: string; moments: readonly PastWorker[] }>;

type Question = Readonly<{ after: string; times: readonly number[] }>;

/** How each worker was at some times, in the order of IDs after `after`. */
export async function* pastWorkers(
  { after, times }: Question,
  { ledger, store }: PastDeps,
): AsyncGenerator<WorkerStory> {
  await ledger.settled();
  let workerId = "";
  let versions: StoredVersion[] = [];
  // After all keys of that worker, and before those of all whose IDs are greater.
  const start = after === "" ? "" : `${after}-`;
  for await (const entry of entriesOf(store, prefixes.workerPast, start)) {
    const version = readWorkerVersion(entry);
    if (version.workerId !== workerId && versions.length > 0)
      yield { workerId, moments: times.map((ms) => momentOf(versions, ms)) };
    if (version.workerId !== workerId) versions = [];
    workerId = version.workerId;
    versions.push(version);
  }
  if (versions.length > 0) yield { workerId, moments: times.map((ms) => momentOf(versions, ms)) };
}

/** How one worker was. */
export async function pastWorker(
  workerId: string,
  ms: number,
  { ledger, store }: PastDeps,
): Promise<PastWorker> {
  await ledger.settled();
  const versions: StoredVersion[] = [];
  for await (const entry of entriesOf(store, `${prefixes.workerPast}${workerId},`))
    versions.push(readWorkerVersion(entry));
  return momentOf(versions, ms);
}

/** A version of a worker, and since when it held. */
export type StoredVersion = Readonly<{ workerId: string; ms: number; version: WorkerVersion }>;

export function readWorkerVersion({ key, value }: Entry): StoredVersion {
  const [workerId = "", time = ""] = key.slice(prefixes.workerPast.length).split(",");
  return { workerId, ms: Number(`0x${time}`), version: decodeMessage(WorkerVersionSchema, value) };
}

function momentOf(versions: readonly StoredVersion[], ms: number): PastWorker {
  const [first] = versions;
  const latest = versions.findLast((each) => each.ms <= ms);
  if (latest) {
    const { worker } = latest.version;
    assert(worker, `a version of worker ${latest.workerId} says how it was`);
    return { kind: "known", worker };
  }
  const { firstTime } = first?.version ?? {};
  if (!first || !firstTime || ms < toMillis(firstTime)) return undefined;
  const gap = { id: first.workerId, knownSinceTime: toTimestamp(first.ms) };
  return { kind: "forgotten", gap: create(HistoryGapSchema, gap) };
}
