import { create, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { STOP_GRACE_DEFAULT_SECONDS } from "../../core/limits.ts";
import { isEmptyPlan, type ProbedSpec, type ProbePlan, planOf } from "../../core/probe-plan.ts";
import { toMillis } from "../../core/time.ts";
import { ProbeFrom } from "../../gen/berth/v1/probe_pb.ts";
import { type TaskSpec, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";

/** How a worker watches over a container, and how it ends one that fails. */
export type Probing = Readonly<{
  /** Those of the task's probes that the worker asks. Never empty. */
  plan: ProbePlan;
  graceMs: number;
}>;

type Probed = ProbedSpec & Pick<TaskSpec, "stopGrace">;

/** Undefined when the worker has nothing to ask. */
export function probingOf(spec: Probed): Probing | undefined {
  const plan = planOf(spec, ProbeFrom.WORKER);
  if (isEmptyPlan(plan)) return undefined;
  const { stopGrace } = spec;
  const graceMs = stopGrace ? toMillis(stopGrace) : STOP_GRACE_DEFAULT_SECONDS * 1_000;
  return { plan, graceMs };
}

type Labels = Readonly<Record<string, string>>;

/**
 * The probes as JSON, so that a restarted worker goes on asking without its manager. Whoever may
 * read a container's labels may read its command too, so nothing becomes known by it.
 */
const PROBES = "dev.berth.probes";

export function labelsOfProbing({ plan, graceMs }: Probing): Labels {
  const { startup, liveness, readiness } = plan;
  const probed = create(TaskSpecSchema, {
    ...(startup && { startupProbe: startup }),
    ...(liveness && { livenessProbe: liveness }),
    ...(readiness && { readinessProbe: readiness }),
    stopGrace: durationFromMs(graceMs),
  });
  return { [PROBES]: toJsonString(TaskSpecSchema, probed) };
}

/** What somebody has garbled is not asked. */
export function probingFromLabels(labels: Labels): Probing | undefined {
  const text = labels[PROBES];
  if (text === undefined) return undefined;
  try {
    return probingOf(fromJsonString(TaskSpecSchema, text, { ignoreUnknownFields: true }));
  } catch {
    return undefined;
  }
}
