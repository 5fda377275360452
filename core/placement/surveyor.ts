import { RUNNER_UPS_MAX } from "./decision.ts";
import type { Fleet } from "./fleet.ts";
import { createRecent } from "./recent.ts";
import type { Scheduler } from "./scheduler.ts";
import { createStanding, type Standing } from "./standing.ts";
import { type Question, type Survey, survey } from "./survey.ts";
import { granted, NO_WISHES, type Wishes, wishCount } from "./wishes.ts";

/**
 * Kinds of demands whose standing is kept: demands that differ in their amounts only are of one. Each
 * costs about 100 bytes a worker, and up to one look at each changed worker when it is used again.
 */
const STANDINGS_MAX = 64;

/** Kinds of demands that are remembered as seen: only the second of a kind gets a standing. */
const SEEN_MAX = 4096;

/** Answers questions about a fleet: the best worker first, then the runners-up. */
export function createSurveyor(fleet: Fleet): (question: Question, wishes: Wishes) => Survey {
  const standings = createRecent<Standing>(STANDINGS_MAX);
  const seen = createRecent<true>(SEEN_MAX);

  /** A standing pays off only when it is used again, so a first demand of a kind makes none. */
  function standingFor(question: Question): Standing | undefined {
    const { demand, scheduler } = question;
    const kind = `${scheduler.name} ${demand.siteKey}`;
    const known = standings.get(kind);
    if (known !== undefined) return known;
    if (seen.get(kind) === undefined) {
      seen.set(kind, true);
      return undefined;
    }
    const fresh = createStanding(fleet, question);
    standings.set(kind, fresh);
    return fresh;
  }

  /** The standing that was used last: tasks of one kind come in batches. */
  let latest: Readonly<{ siteKey: string; scheduler: Scheduler; standing: Standing }> | undefined;

  function look(question: Question, count: number): Survey {
    const { siteKey } = question.demand;
    const { scheduler } = question;
    if (latest?.siteKey === siteKey && latest.scheduler === scheduler)
      return latest.standing.survey(question, count);
    const standing = standingFor(question);
    if (standing === undefined) return survey(fleet, question, count);
    latest = { siteKey, scheduler, standing };
    return standing.survey(question, count);
  }

  return (question, wishes) => {
    const count = RUNNER_UPS_MAX + 1;
    if (wishes === NO_WISHES) return look(question, count);
    const found = look(question, count + wishCount(wishes));
    const { best, ...rest } = granted(found, wishes);
    return { best: best.slice(0, count), ...rest };
  };
}
