import { NetworkMode, PullPolicy, type TaskSpec } from "../gen/berth/v1/task_pb.ts";
import { checkDnsName } from "./dns-name.ts";
import { parseImageReference } from "./image-reference.ts";
import { NAME_LENGTH_MAX, SPEC_BYTES_MAX, VIOLATIONS_MAX } from "./limits.ts";
import { parsePlatform } from "./platform.ts";
import { checkEnum, type FieldViolation, isLabel, type Violations, violation } from "./validate.ts";
import { checkAffinity } from "./validate-affinity.ts";
import { checkLabels } from "./validate-labels.ts";
import { checkPolicy } from "./validate-policy.ts";
import { checkPorts } from "./validate-ports.ts";
import { checkProbes } from "./validate-probe.ts";
import { checkProcess } from "./validate-process.ts";
import { checkResources } from "./validate-resources.ts";
import { formatBytes, quote } from "./validate-text.ts";
import { checkUnknownFields, specBytes } from "./validate-whole.ts";

type Options = Readonly<{
  /** Names of the schedulers that a task may ask for. */
  schedulers: readonly string[];
}>;

/**
 * Everything about a spec that the contract forbids, in the order of its fields. Empty when the
 * spec is fit to be stored. Never throws, whatever the spec holds.
 *
 * A spec that is too big is not looked into any further. Of very many violations the first
 * `VIOLATIONS_MAX` are named, then the number of the others.
 */
export function validateTaskSpec(
  spec: TaskSpec | undefined,
  { schedulers }: Options,
): readonly FieldViolation[] {
  if (spec === undefined) return [violation("spec", "is required: name at least an image")];
  const bytes = specBytes(spec);
  if (bytes > SPEC_BYTES_MAX) {
    const [value, max] = [formatBytes(bytes), formatBytes(SPEC_BYTES_MAX)];
    return [violation("spec", `takes about ${value}: must be at most ${max}`)];
  }
  return shortened([...checkSpec(spec, schedulers)]);
}

function* checkSpec(spec: TaskSpec, schedulers: readonly string[]): Violations {
  yield* checkUnknownFields(spec);
  yield* checkName(spec.name);
  yield* checkImage(spec.image);
  yield* checkProcess(spec);
  yield* checkLabels("spec.labels", spec.labels);
  yield* checkDnsName("spec.labels", spec.labels);
  yield* checkResources(spec);
  yield* checkPorts(spec);
  yield* checkEnum("spec.network_mode", spec.networkMode, NetworkMode);
  yield* checkPolicy(spec);
  yield* checkEnum("spec.pull_policy", spec.pullPolicy, PullPolicy);
  yield* checkPlatform(spec.platform);
  yield* checkScheduler(spec.scheduler, schedulers);
  yield* checkProbes(spec);
  yield* checkAffinity(spec);
}

function* checkName(name: string): Violations {
  if (name === "" || isLabel(name)) return;
  yield violation(
    "spec.name",
    `is ${quote(name)}: must be 1 to ${NAME_LENGTH_MAX} of the characters a to z, 0 to 9 and -, ` +
      "and neither begin nor end with -",
  );
}

function* checkImage(image: string): Violations {
  const parsed = parseImageReference(image);
  if (parsed.kind === "malformed") yield violation("spec.image", parsed.explanation);
}

function* checkPlatform(platform: string): Violations {
  if (platform === "") return;
  const parsed = parsePlatform(platform);
  if (parsed.kind === "malformed") yield violation("spec.platform", parsed.explanation);
}

function* checkScheduler(scheduler: string, known: readonly string[]): Violations {
  if (scheduler === "" || known.includes(scheduler)) return;
  yield violation("spec.scheduler", `is ${quote(scheduler)}: must be one of ${known.join(", ")}`);
}

function shortened(violations: readonly FieldViolation[]): readonly FieldViolation[] {
  if (violations.length <= VIOLATIONS_MAX) return violations;
  const rest = violations.length - VIOLATIONS_MAX;
  const more = violation("spec", `has ${rest} more violations: mend these first`);
  return [...violations.slice(0, VIOLATIONS_MAX), more];
}
