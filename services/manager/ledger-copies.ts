import { metaKeys, RESTORED_STEPS } from "../../core/assignment-place.ts";
import type { Entry } from "../../lib/store/store.ts";
import { encodeHorizon, readHorizon } from "./ledger-horizon.ts";
import { prefixes, readText } from "./ledger-records.ts";

/** What a copy of a ledger holds. */
export type Census = Readonly<{ clusterId: string; tasks: number; entries: number }>;

/** Looks at entries that are copied. */
export function createCensus() {
  let clusterId: string | undefined;
  let tasks = 0;
  let entries = 0;
  return {
    look(page: readonly Entry[]): void {
      entries += page.length;
      for (const entry of page) {
        if (entry.key === metaKeys.clusterId) clusterId = readText(entry);
        if (entry.key.startsWith(prefixes.task)) tasks += 1;
      }
    },
    /** Undefined when it was not the ledger of a cluster. */
    result: (): Census | undefined =>
      clusterId === undefined ? undefined : { clusterId, tasks, entries },
  };
}

/** Passes pages on, and lets the census look at each. */
export async function* counted(
  pages: AsyncIterable<readonly Entry[]>,
  census: ReturnType<typeof createCensus>,
): AsyncGenerator<readonly Entry[]> {
  for await (const page of pages) {
    census.look(page);
    yield page;
  }
}

/** No manager makes as many changes, nor is started as often, within a second. */
const STEPS_A_SECOND_BITS = 20n;

/**
 * A number beyond every one that came after `number` in a history that began with it. Two restores
 * of one backup are told apart by when they are made.
 */
export function beyond(number: bigint, nowMs: number): bigint {
  const byTime = BigInt(Math.floor(nowMs / 1000)) << STEPS_A_SECOND_BITS;
  const bySteps = number + RESTORED_STEPS;
  return byTime > bySteps ? byTime : bySteps;
}

/**
 * The ledger of a backup as it is to be restored. What came after the backup is forgotten here but
 * not by others: workers obey the highest epoch they saw, and watchers wait for what comes after
 * the revision they saw. So both begin beyond all that can have been.
 */
export async function* renewed(
  pages: AsyncIterable<readonly Entry[]>,
  nowMs: number,
): AsyncGenerator<readonly Entry[]> {
  let hasRevision = false;
  let epoch = "";
  for await (const page of pages) {
    epoch = readText(page.find(({ key }) => key === metaKeys.epoch)) ?? epoch;
    const own: Entry[] = page.map((entry) => renew(entry, { nowMs, epoch }));
    const at: number = hasRevision ? -1 : own.findIndex(({ key }) => key >= metaKeys.revision);
    const next: Entry | undefined = own[at];
    if (next && next.key !== metaKeys.revision)
      own.splice(at, 0, firstRevision(next.revision, nowMs));
    hasRevision ||= next !== undefined;
    yield own;
  }
  if (!hasRevision) yield [firstRevision(0n, nowMs)];
}

type Renewal = Readonly<{
  nowMs: number;
  /** The backup's own. Its key comes before those that depend on it. */
  epoch: string;
}>;

function renew(entry: Entry, { nowMs, epoch }: Renewal): Entry {
  if (entry.key === metaKeys.history) return renewHorizon(entry, { nowMs, epoch });
  if (entry.key !== metaKeys.epoch && entry.key !== metaKeys.revision) return entry;
  return numbered(entry, beyond(BigInt(readText(entry) ?? 0), nowMs));
}

/** A history that was kept up to the backup goes on after the restore. */
function renewHorizon(entry: Entry, { nowMs, epoch }: Renewal): Entry {
  const horizon = readHorizon(entry);
  if (!horizon || String(horizon.epoch) !== epoch) return entry;
  return { ...entry, value: encodeHorizon(horizon, beyond(horizon.epoch, nowMs)) };
}

const numbered = (entry: Omit<Entry, "value">, number: bigint): Entry => ({
  ...entry,
  value: new TextEncoder().encode(String(number)),
});

/** Of a ledger without a change. Others may have seen changes since. */
const firstRevision = (revision: bigint, nowMs: number): Entry =>
  numbered({ key: metaKeys.revision, revision }, beyond(0n, nowMs));
