import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type AffinitySchema,
  ConstraintOperator,
  type ConstraintSchema,
  type SpreadSchema,
  type TaskAffinitySchema,
} from "../../gen/berth/v1/affinity_pb.ts";
import { malformed, type Parsed, parsed, parseWhole } from "./parsed.ts";

type ConstraintInit = MessageInitShape<typeof ConstraintSchema>;

const { EQUAL, NOT_EQUAL, IN, NOT_IN, EXISTS, NOT_EXISTS, LESS, GREATER, MATCHES } =
  ConstraintOperator;

const SIGNS: ReadonlyMap<string, ConstraintOperator> = new Map([
  ["=", EQUAL],
  ["==", EQUAL],
  ["!=", NOT_EQUAL],
  ["<", LESS],
  [">", GREATER],
  ["~", MATCHES],
]);

const CONSTRAINT_RULE =
  'must be KEY=VALUE, KEY!=VALUE, "KEY in (A,B)", "KEY not in (A,B)", KEY, !KEY, KEY<NUMBER, ' +
  "KEY>NUMBER or KEY~PATTERN";

/** A key, as far as it can be told from what follows: whether it is one is the manager's to say. */
const KEY = "[^\\s=!<>~()]+";
const SIGNED = new RegExp(`^(${KEY})\\s*(==?|!=|<|>|~)\\s*(.*)$`, "s");
const LISTED = new RegExp(`^(${KEY})\\s+(not\\s+)?in\\s+\\((.*)\\)$`, "s");
const BARE = new RegExp(`^(!?)(${KEY})$`);

/** Reads what must hold of a worker, in the words that `berth why` uses. */
export function parseConstraint(text: string): Parsed<ConstraintInit> {
  const listed = LISTED.exec(text);
  if (listed) {
    const [, key, not, list = ""] = listed;
    const values = list.split(",").map((value) => value.trim());
    return constraint(key, not ? NOT_IN : IN, values);
  }
  const signed = SIGNED.exec(text);
  if (signed) return constraint(signed[1], SIGNS.get(signed[2] ?? "") ?? EQUAL, [signed[3] ?? ""]);
  const bare = BARE.exec(text);
  if (bare) return constraint(bare[2], bare[1] ? NOT_EXISTS : EXISTS, []);
  return malformed(text, CONSTRAINT_RULE);
}

const constraint = (
  key: string | undefined,
  operator: ConstraintOperator,
  values: readonly string[],
): Parsed<ConstraintInit> => parsed({ key: key ?? "", operator, values: [...values] });

const WEIGHT_DEFAULT = 50;

/** Reads `CONSTRAINT` or `CONSTRAINT:WEIGHT`. */
export function parseAffinity(text: string): Parsed<MessageInitShape<typeof AffinitySchema>> {
  const weighed = /^(.*):([+-]?[0-9]{1,9})$/s.exec(text);
  const found = parseConstraint(weighed?.[1] ?? text);
  if (found.kind === "malformed") return malformed(text, `${CONSTRAINT_RULE}, and :WEIGHT`);
  return parsed({
    constraint: found.value,
    weight: weighed ? Number(weighed[2]) : WEIGHT_DEFAULT,
  });
}

/** The most that the contract's uint32 holds. */
const UINT32_MAX = 2 ** 32 - 1;

/** Reads `KEY` or `KEY:SKEW`. */
export function parseSpread(text: string): Parsed<MessageInitShape<typeof SpreadSchema>> {
  const [key = "", skew, ...surplus] = text.split(":");
  const maxSkew = skew === undefined ? undefined : parseWhole(skew, 0, UINT32_MAX);
  if (key === "" || surplus.length > 0 || maxSkew?.kind === "malformed")
    return malformed(text, "must be KEY or KEY:SKEW, such as zone or zone:1");
  return parsed({ key, ...(maxSkew && { maxSkew: maxSkew.value }) });
}

/** Reads `LABEL=VALUE[,LABEL=VALUE...][@KEY]`. */
export function parseTaskAffinity(
  text: string,
): Parsed<MessageInitShape<typeof TaskAffinitySchema>> {
  const [labels = "", key = "", ...surplus] = text.split("@");
  const pairs = labels.split(",").map((pair) => pair.split("="));
  const isReadable = pairs.every(([label, ...rest]) => label !== "" && rest.length === 1);
  if (!isReadable || surplus.length > 0)
    return malformed(text, "must be LABEL=VALUE, or LABEL=VALUE,LABEL=VALUE@KEY");
  return parsed({ matchLabels: Object.fromEntries(pairs), key });
}
