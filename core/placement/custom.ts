import { assert } from "../../lib/assert.ts";
import type { Assigned, CustomCapacity, CustomNeed, CustomOffer } from "../custom-resources.ts";

/** What is promised of custom resources on a worker, by name. Undefined stands for nothing. */
export type CustomReserved = ReadonlyMap<string, CustomHold>;

type CustomHold = Readonly<{
  /** All that is promised, named or not. */
  count: number;
  /** The named things that attempts have. */
  ids: ReadonlySet<string>;
}>;

/** The two halves of a worker's custom resources. */
type Stock = Readonly<{
  customCapacity?: CustomCapacity | undefined;
  customReserved?: CustomReserved | undefined;
}>;

/**
 * How many of a resource a worker can still promise; below 0 where more is promised than it offers.
 * Of named things those count that nobody has. What is promised without a name takes one more: it
 * was promised while the worker offered a number, or by a plan that only counts.
 */
export function customFree({ customCapacity, customReserved }: Stock, name: string): number {
  const offer = customCapacity?.get(name);
  if (offer === undefined) return 0;
  const held = customReserved?.get(name);
  if (held === undefined) return offer.count;
  if (offer.ids.length === 0) return offer.count - held.count;
  let free = held.ids.size - held.count;
  for (const id of offer.ids) if (!held.ids.has(id)) free++;
  return free;
}

/** Whether a worker has enough of everything. */
export const hasEnough = (worker: Stock, needs: readonly CustomNeed[]): boolean =>
  needs.every(({ name, count }) => count <= customFree(worker, name));

/** What a worker lacks, with numbers: "gpu: needs 2, 1 free; licence: needs 1, none here". */
export const customShortage = (worker: Stock, needs: readonly CustomNeed[]): string =>
  needs
    .filter((need) => !hasEnough(worker, [need]))
    .map(({ name, count }) => `${name}: needs ${count}, ${leftOf(worker, name)}`)
    .join("; ");

const leftOf = (worker: Stock, name: string): string =>
  worker.customCapacity?.has(name) ? `${Math.max(0, customFree(worker, name))} free` : "none here";

/** Which named things a task gets on a worker that has enough: the first that nobody has. */
export function chooseIds(
  worker: Stock,
  needs: readonly CustomNeed[] | undefined,
): Assigned | undefined {
  if (needs === undefined) return undefined;
  const chosen = new Map<string, readonly string[]>();
  for (const { name, count } of needs) {
    const ids = worker.customCapacity?.get(name)?.ids ?? [];
    if (ids.length === 0) continue;
    const held = worker.customReserved?.get(name)?.ids;
    const free = ids.filter((id) => !held?.has(id)).slice(0, count);
    assert(free.length === count, `a worker that was chosen has ${count} of ${name}`);
    chosen.set(name, free);
  }
  return chosen.size === 0 ? undefined : chosen;
}

/** What a task asks for and, of named things, what it was given. */
type Share = Readonly<{ needs: readonly CustomNeed[]; assigned?: Assigned | undefined }>;

/** With one more task's share promised. */
export function hold(
  reserved: CustomReserved | undefined,
  { needs, assigned }: Share,
): CustomReserved {
  const next = new Map(reserved);
  for (const { name, count } of needs) {
    const before = next.get(name) ?? { count: 0, ids: new Set<string>() };
    const ids = assigned?.get(name);
    next.set(name, {
      count: before.count + count,
      ids: ids ? new Set([...before.ids, ...ids]) : before.ids,
    });
  }
  return next;
}

/** With what `hold` promised taken back. */
export function giveBack(
  reserved: CustomReserved | undefined,
  { needs, assigned }: Share,
): CustomReserved | undefined {
  const next = new Map(reserved);
  for (const { name, count } of needs) {
    const before = next.get(name);
    const left = (before?.count ?? 0) - count;
    assert(before && left >= 0, `no more of ${name} is given back than was promised`);
    const ids = assigned?.get(name) ?? [];
    if (left === 0) next.delete(name);
    else next.set(name, { count: left, ids: without(before.ids, ids) });
  }
  return next.size === 0 ? undefined : next;
}

const without = (held: ReadonlySet<string>, ids: readonly string[]): ReadonlySet<string> =>
  ids.length === 0 ? held : new Set([...held].filter((id) => !ids.includes(id)));

/** Whether the same is offered, and given out in the same order. */
export function isSameCustom(
  a: CustomCapacity | undefined,
  b: CustomCapacity | undefined,
): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.size === b.size && [...a].every(([name, offer]) => isSameOffer(offer, b.get(name)));
}

const isSameOffer = (a: CustomOffer, b: CustomOffer | undefined): boolean =>
  a.count === b?.count &&
  a.ids.length === b.ids.length &&
  a.ids.every((id, index) => id === b.ids[index]);

/** Whether there is more of anything than before, or another named thing. */
export const offersMoreCustom = (
  before: CustomCapacity | undefined,
  after: CustomCapacity | undefined,
): boolean =>
  [...(after ?? [])].some(([name, { count, ids }]) => {
    const known = before?.get(name);
    return known === undefined || count > known.count || ids.some((id) => !known.ids.includes(id));
  });
