import { RE2JS } from "re2js";
import { type Constraint, ConstraintOperator } from "../../gen/berth/v1/affinity_pb.ts";
import { quote } from "../validate-text.ts";
import { type Labelled, labelReader } from "./labels.ts";

/** A constraint that can be put to workers. */
export type Condition = Readonly<{
  /** The same for conditions that say the same: as people write it, `zone=a`. */
  text: string;
  holds: (worker: Labelled) => boolean;
  /** For people: how a worker for which it does not hold differs. */
  explain: (worker: Labelled) => string;
}>;

/** Makes a condition of a valid constraint. */
export function conditionOf(constraint: Constraint): Condition {
  const { key, operator, values } = constraint;
  const read = labelReader(key);
  const passes = testOf(operator, values);
  const text = constraintText(constraint);
  return {
    text,
    holds: (worker) => passes(read(worker)),
    explain(worker) {
      const value = read(worker);
      return `needs ${text}, ${value === undefined ? `has no ${key}` : `has ${key}=${plain(value)}`}`;
    },
  };
}

/** A value as people write it, quoted where that would not show where it ends. */
const plain = (value: string): string => (/^[\w.:/@+-]+$/.test(value) ? value : quote(value));

/** What is put to the value of a label; undefined where there is none. */
type Test = (value: string | undefined) => boolean;

function testOf(operator: ConstraintOperator, values: readonly string[]): Test {
  const [first = ""] = values;
  const known = new Set(values);
  switch (operator) {
    case ConstraintOperator.UNSPECIFIED:
    case ConstraintOperator.EQUAL:
      return (value) => value === first;
    case ConstraintOperator.NOT_EQUAL:
      return (value) => value !== first;
    case ConstraintOperator.IN:
      return (value) => value !== undefined && known.has(value);
    case ConstraintOperator.NOT_IN:
      return (value) => value === undefined || !known.has(value);
    case ConstraintOperator.EXISTS:
      return (value) => value !== undefined;
    case ConstraintOperator.NOT_EXISTS:
      return (value) => value === undefined;
    case ConstraintOperator.LESS:
      return comparing((number) => number < Number(first));
    case ConstraintOperator.GREATER:
      return comparing((number) => number > Number(first));
    case ConstraintOperator.MATCHES:
      return matching(first);
  }
}

const comparing =
  (passes: (number: number) => boolean): Test =>
  (value) =>
    value !== undefined && isNumber(value) && passes(Number(value));

/** RE2 looks at every character once, whatever the pattern: a user's cannot stop the scheduler. */
function matching(pattern: string): Test {
  const compiled = RE2JS.compile(pattern);
  return (value) => value !== undefined && compiled.matches(value);
}

/** Whether a text is a decimal number, as `LESS` and `GREATER` compare them. */
export const isNumber = (text: string): boolean => /^[+-]?[0-9]{1,15}(\.[0-9]{1,15})?$/.test(text);

/** Why a text is no regular expression. Undefined: it is one. */
export function patternProblem(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** As people write it on the command line. */
export function constraintText({ key, operator, values }: Constraint): string {
  const [first = ""] = values;
  switch (operator) {
    case ConstraintOperator.UNSPECIFIED:
    case ConstraintOperator.EQUAL:
      return `${key}=${first}`;
    case ConstraintOperator.NOT_EQUAL:
      return `${key}!=${first}`;
    case ConstraintOperator.IN:
      return `${key} in (${values.join(", ")})`;
    case ConstraintOperator.NOT_IN:
      return `${key} not in (${values.join(", ")})`;
    case ConstraintOperator.EXISTS:
      return key;
    case ConstraintOperator.NOT_EXISTS:
      return `!${key}`;
    case ConstraintOperator.LESS:
      return `${key}<${first}`;
    case ConstraintOperator.GREATER:
      return `${key}>${first}`;
    case ConstraintOperator.MATCHES:
      return `${key}~${first}`;
  }
}
