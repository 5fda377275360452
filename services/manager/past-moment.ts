import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { metaKeys } from "../../core/assignment-place.ts";
import { toMillis } from "../../core/time.ts";
import type { TaskEvent } from "../../gen/berth/v1/task_event_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { invalidFields, pastNotKept, unavailable } from "../../lib/errors.ts";
import type { Store } from "../../lib/store/store.ts";
import type { LedgerView } from "./ledger.ts";
import { type Horizon, NO_HORIZON, readHorizon } from "./ledger-horizon.ts";
import { prefixes, readEvent, revisionKey } from "./ledger-records.ts";

export type PastDeps = Readonly<{
  ledger: LedgerView;
  store: Pick<Store, "get" | "list">;
  clock: Pick<Clock, "now">;
}>;

/** A time of a request, and the field that it came in. */
export type Asked = Readonly<{ field: string; time: Timestamp }>;

/** The latest millisecond that a calendar of JavaScript has. */
const MS_MAX = 8.64e15;

/** A time of a request in milliseconds. Throws INVALID_ARGUMENT for what is none, or yet to come. */
export function readMoment({ field, time }: Asked, nowMs: number): number {
  const ms = Math.floor(toMillis(time));
  const isTime = time.nanos >= 0 && time.nanos < 1e9 && ms >= 0 && ms <= MS_MAX;
  const refuse = (description: string) => invalidFields([{ field, description }]);
  if (!isTime) throw refuse("is no time since 1970: give one such as 2026-01-31T12:00:00Z");
  if (ms <= nowMs) return ms;
  const [asked, now] = [ms, nowMs].map((each) => new Date(each).toISOString());
  throw refuse(`is ${asked}, which is yet to come: ask for ${now} or earlier`);
}

/**
 * The latest revision that had been made at a time. Where the clock was set back the time was there
 * more than once: it is one of these moments. Throws OUT_OF_RANGE for a time before what is kept.
 */
export async function revisionAt(ms: number, { ledger, store }: PastDeps): Promise<bigint> {
  // Read before the store: what is later there is not looked at.
  const latest = ledger.revision();
  await ledger.settled();
  const horizon = ledger.horizon();
  if (ms < horizon.ms) throw tooEarly(horizon, new Date(ms).toISOString());
  let [low, high] = [horizon.revision, latest];
  // Events may be missing where a history was cut: what is looked for lies before the next that is kept.
  let before = latest + 1n;
  while (low < high) {
    const middle = (low + high) / 2n;
    const event = await eventAfter(middle, store);
    const isBefore = event?.time !== undefined && toMillis(event.time) <= ms;
    if (isBefore && event.revision <= high) low = event.revision;
    else high = middle;
    if (event && !isBefore && event.revision < before) before = event.revision;
  }
  return before - 1n;
}

async function eventAfter(
  revision: bigint,
  store: PastDeps["store"],
): Promise<TaskEvent | undefined> {
  const page = { after: prefixes.event + revisionKey(revision), limit: 1 };
  const [entry] = await store.list(prefixes.event, page);
  return entry && readEvent(entry);
}

/** Refuses a revision of which not all is known any more, and one that is yet to come to this copy. */
export async function checkMoment(revision: bigint, { ledger, store }: PastDeps): Promise<void> {
  await ledger.settled();
  if (revision > ledger.revision())
    throw unavailable("COPY_BEHIND", `this manager is yet to learn of revision ${revision}`, {
      retryMs: 200,
    });
  // The store's own: a copy may hear later of what is deleted already.
  const horizon = readHorizon(await store.get(metaKeys.history)) ?? NO_HORIZON;
  if (revision < horizon.revision) throw tooEarly(horizon, `revision ${revision}`);
}

function tooEarly({ ms }: Horizon, asked: string) {
  const earliest = new Date(ms).toISOString();
  const message = `${asked} lies before what is kept: ask for ${earliest} or later`;
  return pastNotKept(message, earliest);
}
