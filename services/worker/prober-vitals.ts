import { firstVitals } from "../../core/probe-plan.ts";
import { UNPROBED, type Vitals } from "../../core/vitals.ts";
import { Health } from "../../gen/berth/v1/task_pb.ts";
import type { Attempt } from "./attempt.ts";

const UNHEARD: Vitals = { health: Health.UNSPECIFIED, ready: false, probeMessage: "" };

/** What the worker says of an attempt's health, whatever stage it is in. */
export function vitalsOf(attempt: Attempt): Vitals {
  const { stage, vitals, orders } = attempt;
  if (stage.kind !== "running") return { ...(vitals ?? UNHEARD), ready: false };
  return vitals ?? (orders.probing ? firstVitals(orders.probing.plan, ageOf(attempt)) : UNPROBED);
}

/** Whether the worker met the container rather than started it, and how old it was then. */
export function ageOf({ spec, stage, observeTimeMs }: Attempt) {
  const startMs = stage.kind === "running" ? stage.container.startTimeMs : undefined;
  return { adopted: spec === undefined, ageMs: Math.max(0, observeTimeMs - (startMs ?? 0)) };
}
