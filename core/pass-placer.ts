import { looksAtOthers } from "./pending-order.ts";
import type { Decision, Unplaced } from "./placement/decision.ts";
import { type Demand, keyOf } from "./placement/demand.ts";
import type { Placer } from "./placement/place.ts";
import type { Scheduler } from "./placement/scheduler.ts";
import type { Wishes } from "./placement/wishes.ts";

type Asked = Readonly<{ demand: Demand; scheduler: Scheduler; wishes: Wishes }>;

/**
 * Places the tasks of one pass. What found no place in it finds none later in it, for workers only
 * get fuller: so thousands of tasks that ask for the same are refused for the price of one.
 */
export function createPassPlacer({ place }: Placer): (question: Asked) => Decision {
  const refusals = new Map<string, Unplaced>();
  return (question) => {
    const { demand, scheduler, wishes } = question;
    const isAlone = !looksAtOthers(demand);
    // No key is made while all fit.
    const known = isAlone && refusals.size > 0 ? refusals.get(askKey(question)) : undefined;
    const decision = known ?? place(demand, scheduler, wishes);
    if (decision.kind === "unplaced" && isAlone) refusals.set(askKey(question), decision);
    return decision;
  };
}

/** The same for tasks that ask for the same, and may go to the same workers. */
export const askKey = ({ demand, scheduler, wishes }: Asked): string =>
  [scheduler.name, keyOf(demand), ...wishes.exclude].join(" ");
