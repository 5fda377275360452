import type { CustomResource } from "../gen/berth/v1/resources_pb.ts";
import type { TaskSpec } from "../gen/berth/v1/task_pb.ts";
import { variableOf } from "./custom-resources.ts";
import {
  CUSTOM_COUNT_MAX,
  CUSTOM_ID_LENGTH_MAX,
  CUSTOM_IDS_MAX,
  CUSTOM_KINDS_MAX,
} from "./limits.ts";
import { type Violations, violation } from "./validate.ts";
import { isLabelKey, LABEL_KEY_RULE } from "./validate-labels.ts";
import { quote } from "./validate-text.ts";

type Custom = Readonly<Record<string, CustomResource>>;

/** The rules for the custom resources that a task reserves. */
export function* checkCustomNeeds(custom: Custom, env: TaskSpec["env"]): Violations {
  const at = "spec.reservation.custom";
  yield* checkKinds(at, custom);
  for (const [name, { count, ids }] of firstOf(custom)) {
    const field = `${at}[${quote(name)}]`;
    if (ids.length > 0)
      yield violation(
        `${field}.ids`,
        `has ${ids.length} entries: the manager chooses which, so leave them out and set count`,
      );
    yield* checkCount(`${field}.count`, count);
  }
  yield* checkVariables(at, Object.keys(custom), env);
}

/** The rules for the custom resources that a worker offers. `at` is the field that holds them. */
export function* checkCustomOffers(at: string, custom: Custom): Violations {
  yield* checkKinds(at, custom);
  for (const [name, { count, ids }] of firstOf(custom)) {
    const field = `${at}[${quote(name)}]`;
    yield* checkIds(`${field}.ids`, ids);
    if (ids.length === 0) yield* checkCount(`${field}.count`, count);
    else if (count !== 0n && count !== BigInt(ids.length))
      yield violation(
        `${field}.count`,
        `is ${count}: must be ${ids.length}, as many as ids, or left out`,
      );
  }
}

function* checkKinds(at: string, custom: Custom): Violations {
  const kinds = Object.keys(custom).length;
  if (kinds > CUSTOM_KINDS_MAX)
    yield violation(at, `has ${kinds} entries: must be at most ${CUSTOM_KINDS_MAX}`);
  for (const [name] of firstOf(custom))
    if (!isLabelKey(name))
      yield violation(`${at}[${quote(name)}]`, `has a name that ${LABEL_KEY_RULE}`);
}

/** Of too many only the first are looked at. */
const firstOf = (custom: Custom): readonly (readonly [string, CustomResource])[] =>
  Object.entries(custom).slice(0, CUSTOM_KINDS_MAX);

function* checkCount(field: string, count: bigint): Violations {
  if (count < 1n || count > CUSTOM_COUNT_MAX)
    yield violation(field, `is ${count}: must be 1 to ${CUSTOM_COUNT_MAX}`);
}

function* checkIds(field: string, ids: readonly string[]): Violations {
  if (ids.length > CUSTOM_IDS_MAX) {
    yield violation(field, `has ${ids.length} entries: must be at most ${CUSTOM_IDS_MAX}`);
    return;
  }
  for (const [index, id] of ids.entries()) {
    if (!isCustomId(id))
      yield violation(
        `${field}[${index}]`,
        `is ${quote(id)}: must be 1 to ${CUSTOM_ID_LENGTH_MAX} printable ASCII characters ` +
          "without spaces and commas, and below /dev/ a path without .. and empty parts",
      );
    else if (ids.indexOf(id) < index)
      yield violation(`${field}[${index}]`, `is ${quote(id)}, as is one before it: use another`);
  }
}

const isCustomId = (id: string): boolean =>
  /^[!-+\--~]+$/.test(id) && id.length <= CUSTOM_ID_LENGTH_MAX && !isCrookedPath(id);

/** A device's path that might lead somewhere else than it seems to. */
const isCrookedPath = (id: string): boolean =>
  id.startsWith("/dev/") &&
  id
    .slice(1)
    .split("/")
    .some((part) => ["", ".", ".."].includes(part));

/** Nothing that is handed to the container may hide something else. */
function* checkVariables(at: string, names: readonly string[], env: TaskSpec["env"]): Violations {
  const owners = new Map<string, string>();
  for (const name of names.filter(isLabelKey)) {
    const variable = variableOf(name);
    const owner = owners.get(variable);
    if (owner !== undefined)
      yield violation(
        `${at}[${quote(name)}]`,
        `would be handed over as ${variable}, as would ${quote(owner)}: reserve one of them only`,
      );
    else if (Object.hasOwn(env, variable))
      yield violation(
        `spec.env[${quote(variable)}]`,
        `is what tells of the reserved ${quote(name)}: leave it out or use another name`,
      );
    owners.set(variable, owner ?? name);
  }
}
