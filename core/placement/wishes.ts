import type { Filter } from "./filters.ts";
import type { Contender, Wish } from "./ranked.ts";
import type { Survey } from "./survey.ts";

/** What a task's own past says about workers, beside what it asks of them. By worker ID. */
export type Wishes = Readonly<{
  /** Taken whenever it can take the task, whatever its score. */
  prefer?: string | undefined;
  /** Taken only when no other can. */
  avoid: ReadonlySet<string>;
  /** Not taken. */
  exclude: ReadonlySet<string>;
}>;

export const NO_WISHES: Wishes = { avoid: new Set(), exclude: new Set() };

/** How many workers the wishes may push out of the first places of a survey. */
export const wishCount = ({ avoid, exclude }: Wishes): number => avoid.size + exclude.size;

/** Counts the workers that passed every filter and are excluded all the same. */
export const refused: Filter = {
  name: "refused",
  testFor: () => undefined,
  explain: () => "refused: it has refused the task",
  summarize: (count) => (count === 1 ? "1 worker refused it" : `${count} workers refused it`),
};

/**
 * The survey in the order of the wishes. It must be longer by `wishCount` than what is wanted of
 * it, so that it still holds the best of the others.
 */
export function granted(survey: Survey, { prefer, avoid, exclude }: Wishes): Survey {
  const { best, excluded, rank } = survey;
  const preferred = prefer === undefined ? undefined : rank(prefer);
  const others = best.filter(({ workerId }) => workerId !== preferred?.workerId);
  const open = others.filter(({ workerId }) => !exclude.has(workerId));
  const excludedCount = others.length - open.length;
  const ordered = [
    ...(preferred ? [wished(preferred, "preferred")] : []),
    ...open.filter(({ workerId }) => !avoid.has(workerId)),
    ...open
      .filter(({ workerId }) => avoid.has(workerId))
      .map((ranked) => wished(ranked, "avoided")),
  ];
  if (excludedCount === 0) return { ...survey, best: ordered };
  return { ...survey, best: ordered, excluded: new Map([...excluded, [refused, excludedCount]]) };
}

const wished = (ranked: Contender, wish: Wish): Contender => ({ ...ranked, wish });
