import {
  type Affinity,
  type Constraint,
  ConstraintOperator,
  type Spread,
  type TaskAffinity,
} from "../gen/berth/v1/affinity_pb.ts";
import type { TaskSpec } from "../gen/berth/v1/task_pb.ts";
import {
  AFFINITIES_MAX,
  AFFINITY_WEIGHT_MAX,
  CONSTRAINT_VALUES_MAX,
  CONSTRAINTS_MAX,
  LABEL_VALUE_CHARACTERS_MAX,
  MATCH_LABELS_MAX,
  MAX_PER_WORKER_MAX,
  PRIORITY_MAX,
  SKEW_MAX,
  SPREADS_MAX,
  TASK_AFFINITIES_MAX,
} from "./limits.ts";
import { isNumber, patternProblem } from "./placement/constraint.ts";
import { ATTRIBUTE_KEYS, isUnknownAttribute } from "./placement/labels.ts";
import { checkEnum, type Violations, violation } from "./validate.ts";
import { checkLabels, isLabelKey, LABEL_KEY_RULE } from "./validate-labels.ts";
import { characterCount, hasNul, quote } from "./validate-text.ts";

/** The rules for what a task asks of workers' labels and of other tasks, and for its priority. */
export function* checkAffinity(spec: TaskSpec): Violations {
  const { constraints, affinities, spreads, taskAffinities } = spec;
  yield* checkEach("spec.constraints", constraints, CONSTRAINTS_MAX, checkConstraint);
  yield* checkEach("spec.affinities", affinities, AFFINITIES_MAX, checkAffinityEntry);
  yield* checkEach("spec.spreads", spreads, SPREADS_MAX, checkSpread);
  yield* checkDistinct(spreads);
  yield* checkEach("spec.task_affinities", taskAffinities, TASK_AFFINITIES_MAX, checkTaskAffinity);
  yield* checkNamed(spec);
  yield* checkNumber("spec.max_per_worker", spec.maxPerWorker, { min: 1, max: MAX_PER_WORKER_MAX });
  yield* checkNumber("spec.priority", spec.priority, { min: -PRIORITY_MAX, max: PRIORITY_MAX });
}

function* checkEach<T>(
  field: string,
  entries: readonly T[],
  max: number,
  check: (at: string, entry: T) => Violations,
): Violations {
  if (entries.length > max) {
    yield violation(field, `has ${entries.length} entries: must be at most ${max}`);
    return;
  }
  for (const [index, entry] of entries.entries()) yield* check(`${field}[${index}]`, entry);
}

function* checkConstraint(at: string, { key, operator, values }: Constraint): Violations {
  yield* checkKey(`${at}.key`, key);
  yield* checkEnum(`${at}.operator`, operator, ConstraintOperator);
  yield* checkValueCount(`${at}.values`, operator, values.length);
  for (const [index, value] of values.entries())
    yield* checkValue(`${at}.values[${index}]`, operator, value);
}

function* checkKey(field: string, key: string): Violations {
  if (isUnknownAttribute(key))
    yield violation(
      field,
      `is ${quote(key)}: must be one of ${ATTRIBUTE_KEYS.join(", ")}, or a label`,
    );
  else if (!isLabelKey(key)) yield violation(field, `is ${quote(key)}: ${LABEL_KEY_RULE}`);
}

const { EXISTS, NOT_EXISTS, IN, NOT_IN, LESS, GREATER, MATCHES } = ConstraintOperator;

function* checkValueCount(field: string, operator: ConstraintOperator, count: number): Violations {
  const [min, max] = valueRange(operator);
  if (count >= min && count <= max) return;
  const name = ConstraintOperator[operator] ?? operator;
  const wanted = min === max ? `${min}` : `${min} to ${max}`;
  yield violation(field, `has ${count} entries: ${name} must have ${wanted}`);
}

function valueRange(operator: ConstraintOperator): readonly [min: number, max: number] {
  if (operator === EXISTS || operator === NOT_EXISTS) return [0, 0];
  return operator === IN || operator === NOT_IN ? [1, CONSTRAINT_VALUES_MAX] : [1, 1];
}

function* checkValue(field: string, operator: ConstraintOperator, value: string): Violations {
  const length = characterCount(value);
  if (length > LABEL_VALUE_CHARACTERS_MAX) {
    const max = LABEL_VALUE_CHARACTERS_MAX;
    yield violation(field, `has ${length} characters: must be at most ${max}`);
    return;
  }
  if (hasNul(value)) yield violation(field, "has a NUL character: leave it out");
  if ((operator === LESS || operator === GREATER) && !isNumber(value))
    yield violation(field, `is ${quote(value)}: must be a number, such as 16 or -1.5`);
  const problem = operator === MATCHES ? patternProblem(value) : undefined;
  if (problem !== undefined)
    yield violation(field, `is ${quote(value)}: must be a regular expression of RE2: ${problem}`);
}

function* checkAffinityEntry(at: string, { constraint, weight }: Affinity): Violations {
  if (constraint === undefined)
    yield violation(`${at}.constraint`, "is required: set key and operator");
  else yield* checkConstraint(`${at}.constraint`, constraint);
  const max = AFFINITY_WEIGHT_MAX;
  if (weight === 0 || Math.abs(weight) > max)
    yield violation(`${at}.weight`, `is ${weight}: must be -${max} to ${max} and not 0`);
}

function* checkSpread(at: string, { key, maxSkew }: Spread): Violations {
  yield* checkKey(`${at}.key`, key);
  yield* checkNumber(`${at}.max_skew`, maxSkew, { min: 1, max: SKEW_MAX });
}

function* checkDistinct(spreads: readonly Spread[]): Violations {
  const seen = new Set<string>();
  for (const [index, { key }] of spreads.entries()) {
    if (seen.has(key))
      yield violation(`spec.spreads[${index}].key`, `is ${quote(key)} once more: name it once`);
    seen.add(key);
  }
}

function* checkTaskAffinity(at: string, { key, matchLabels }: TaskAffinity): Violations {
  const count = Object.keys(matchLabels).length;
  if (count === 0 || count > MATCH_LABELS_MAX)
    yield violation(`${at}.match_labels`, `has ${count} entries: must be 1 to ${MATCH_LABELS_MAX}`);
  else yield* checkLabels(`${at}.match_labels`, matchLabels);
  if (key !== "") yield* checkKey(`${at}.key`, key);
}

/** Tasks are alike by their name: without one there is nothing to count. */
function* checkNamed({ name, spreads, maxPerWorker }: TaskSpec): Violations {
  if (name !== "") return;
  const asking = [
    ...(spreads.length > 0 ? ["spreads"] : []),
    ...(maxPerWorker === undefined ? [] : ["max_per_worker"]),
  ];
  if (asking.length > 0)
    yield violation(
      "spec.name",
      `is empty: ${asking.join(" and ")} count tasks of one name: give it one`,
    );
}

type Range = Readonly<{ min: number; max: number }>;

function* checkNumber(field: string, value: number | undefined, { min, max }: Range): Violations {
  if (value === undefined || (value >= min && value <= max)) return;
  yield violation(field, `is ${value}: must be ${min} to ${max}`);
}
