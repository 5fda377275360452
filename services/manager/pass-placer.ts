import { looksAtOthers } from "../../core/pending-order.ts";
import type { Decision, Unplaced } from "../../core/placement/decision.ts";
import { type Demand, keyOf } from "../../core/placement/demand.ts";
import type { Placer } from "../../core/placement/place.ts";
import type { Scheduler } from "../../core/placement/scheduler.ts";
import { NO_WISHES, type Wishes } from "../../core/placement/wishes.ts";

type Question = Readonly<{ demand: Demand; scheduler: Scheduler; wishes: Wishes }>;

/**
 * Places the tasks of one pass. What found no place in it finds none later in it, for workers only
 * get fuller: so thousands of tasks that ask for the same are refused for the price of one.
 */
export function createPassPlacer({ place }: Placer): (question: Question) => Decision {
  const refusals = new Map<string, Unplaced>();
  return (question) => {
    const { demand, scheduler, wishes } = question;
    const isAlone = wishes === NO_WISHES && !looksAtOthers(demand);
    // No key is made while all fit.
    const known = isAlone && refusals.size > 0 ? refusals.get(nameOf(question)) : undefined;
    const decision = known ?? place(demand, scheduler, wishes);
    if (decision.kind === "unplaced" && isAlone) refusals.set(nameOf(question), decision);
    return decision;
  };
}

const nameOf = ({ demand, scheduler }: Question): string => `${scheduler.name} ${keyOf(demand)}`;
