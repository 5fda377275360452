import type { JsonObject } from "@bufbuild/protobuf";
import { createDice } from "./dice.ts";
import type { Plan, UserStep } from "./plan.ts";

/** In how many plans tasks come when all is mended. */
const PLANS = 0.1;

/** Until workers have registered with whoever was down, and are held to be there. */
const CALM_MS = 20_000;

/** They fail and wait to be tried again: what is late now has no excuse. */
const SPECS: readonly JsonObject[] = [
  {
    image: "web:after-50.exit-3",
    restartPolicy: { mode: "RESTART_MODE_ON_FAILURE", restartsMax: 4 },
  },
  { image: "web:nostart", restartPolicy: { mode: "RESTART_MODE_ON_FAILURE", restartsMax: 4 } },
];

/** The same plan, now and then with tasks that come after all trouble. */
export function withCalmTasks(plan: Plan): Plan {
  // Dice of its own: what else the seed means stays the same.
  const dice = createDice(plan.seed ^ 0xca1);
  if (!dice.chance(PLANS)) return plan;
  const atMs = plan.troubleMs + CALM_MS;
  const calm = SPECS.map(
    (spec, index): UserStep => ({
      ...{ atMs: atMs + dice.between(0, 2_000), do: "submit" },
      task: `calm-${index + 1}`,
      spec: { ...spec, name: `calm-${index + 1}` },
    }),
  );
  return { ...plan, steps: [...plan.steps, ...calm] };
}
