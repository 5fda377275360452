import { RUNNER_UPS_MAX } from "./decision.ts";
import type { Fleet } from "./fleet.ts";
import { createRecent, type Recent } from "./recent.ts";
import type { Scheduler } from "./scheduler.ts";
import { createStanding, type Standing } from "./standing.ts";
import { type Question, type Survey, survey } from "./survey.ts";
import { granted, NO_WISHES, type Wishes, wishCount } from "./wishes.ts";

/**
 * Kinds of demands whose standing is kept for each scheduler: demands that differ in their amounts only are of one. Each
 * costs about 100 bytes a worker, and up to one look at each changed worker when it is used again.
 */
const STANDINGS_MAX = 64;

/** Kinds of demands that are remembered as seen: only the second of a kind gets a standing. */
const SEEN_MAX = 4096;

/** What is kept for the questions of one scheduler, by the demands' site keys. */
type Memory = Readonly<{ standings: Recent<Standing>; seen: Recent<true> }>;

/** Answers questions about a fleet: the best worker first, then the runners-up. */
export function createSurveyor(fleet: Fleet): (question: Question, wishes: Wishes) => Survey {
  const memories = new Map<Scheduler, Memory>();

  function memoryOf(scheduler: Scheduler): Memory {
    const known = memories.get(scheduler);
    if (known !== undefined) return known;
    const fresh = {
      standings: createRecent<Standing>(STANDINGS_MAX),
      seen: createRecent<true>(SEEN_MAX),
    };
    memories.set(scheduler, fresh);
    return fresh;
  }

  /** A standing pays off only when it is used again, so a first demand of a kind makes none. */
  function standingFor(question: Question): Standing | undefined {
    const { siteKey } = question.demand;
    const { standings, seen } = memoryOf(question.scheduler);
    const known = standings.get(siteKey);
    if (known !== undefined) return known;
    if (seen.get(siteKey) === undefined) {
      seen.set(siteKey, true);
      return undefined;
    }
    const fresh = createStanding(fleet, question);
    standings.set(siteKey, fresh);
    return fresh;
  }

  function look(question: Question, count: number): Survey {
    const standing = standingFor(question);
    return standing === undefined
      ? survey(fleet, question, count)
      : standing.survey(question, count);
  }

  return (question, wishes) => {
    const count = RUNNER_UPS_MAX + 1;
    if (wishes === NO_WISHES) return look(question, count);
    const found = look(question, count + wishCount(wishes));
    const { best, ...rest } = granted(found, wishes);
    return { best: best.slice(0, count), ...rest };
  };
}
