import type { Dice } from "./dice.ts";
import { type OpenApi, resolve, type Schema } from "./document.ts";

/** Values of a name that were seen in answers or are known to mean something. */
export type Known = (name: string) => readonly string[];

type Source = Readonly<{ dice: Dice; document: OpenApi; known: Known }>;

const DEPTH_MAX = 5;
/** How many fields are there that need not be. Most tasks would be refused with many. */
const OPTIONAL = 1.2;
/** How often a text is one that means something, where one is known. */
const KNOWN = 0.85;

const TEXTS = [
  "",
  "a",
  "web-1",
  "a/b",
  "%2e%2e",
  "..",
  "\u0000",
  "\ud83d\ude80",
  "'\";--",
  "x".repeat(300),
];
const INTEGERS = [0, 1, 2, 3, 10, 1_000];

/** Makes values of a schema: mostly such as people send, some as nobody does. */
export function createSampler({ dice, document, known }: Source) {
  function value(schema: Schema, name: string, depth = 0): unknown {
    const resolved = resolve(schema, document);
    switch (resolved.type) {
      case "object":
        return object(resolved, depth);
      case "array":
        return dice.times(2, () => value(resolved.items ?? {}, name, depth + 1));
      case "boolean":
        return dice.chance(0.5);
      case "integer":
      case "number":
        return integer(resolved, name);
      default:
        return text(resolved, name);
    }
  }

  function object({ properties, additionalProperties, required = [] }: Schema, depth: number) {
    if (properties === undefined) return map(additionalProperties as Schema, depth);
    const share = depth < DEPTH_MAX ? OPTIONAL / Object.keys(properties).length : 0;
    const entries = Object.entries(properties).filter(
      ([name]) => required.includes(name) || dice.chance(Math.min(share, 0.3)),
    );
    return Object.fromEntries(
      entries.map(([name, schema]) => [name, value(schema, name, depth + 1)]),
    );
  }

  const map = (schema: Schema, depth: number) =>
    Object.fromEntries(
      dice.times(2, () => [dice.pick(["a", "zone", "A_B", ""]), value(schema, "", depth + 1)]),
    );

  function integer({ minimum = -5, maximum = 5 }: Schema, name: string): number {
    const meaningful = known(name);
    if (meaningful.length > 0 && dice.chance(KNOWN)) return Number(dice.pick(meaningful));
    const within = INTEGERS.filter((number) => number >= minimum && number <= maximum);
    return dice.chance(0.9) ? dice.pick(within) : dice.pick([minimum, maximum]);
  }

  function text(schema: Schema, name: string): string {
    if (schema.enum) return dice.pick(schema.enum);
    const meaningful = known(name);
    // A later epoch than the manager's own would keep its tasks from the worker.
    if (meaningful.length > 0 && (name === "epoch" || dice.chance(KNOWN)))
      return dice.pick(meaningful);
    if (schema.format === "int64") return dice.pick(["0", "1", "2000", "67108864", "-1"]);
    if (schema.format === "date-time")
      return dice.pick(["2026-01-02T03:04:05Z", "1970-01-01T00:00:00Z"]);
    if (schema.contentEncoding) return dice.pick(["", "aGk="]);
    if (schema.pattern?.endsWith("s$"))
      return dice.pick(["0s", "1.5s", "60s", "-1s", "999999999999s"]);
    if (schema.pattern?.includes("=")) return dice.pick(["a=b", "zone=", "=", "a=b=c"]);
    return dice.pick(TEXTS);
  }

  return value;
}

/** What no schema has. */
const JUNK: readonly unknown[] = [
  ...[null, true, -1, 1.5, 1e308, "", "NaN", [], {}, [[]], [null]],
  ...["9".repeat(40), { "@type": "x" }, { __proto__: null, constructor: 1 }, "\ud800"],
];

/** Breaks a value in one place: a part becomes junk, goes, or gets company. */
export function mutate(value: unknown, dice: Dice): unknown {
  if (typeof value !== "object" || value === null || dice.chance(0.2)) return dice.pick(JUNK);
  if (Array.isArray(value)) {
    if (value.length === 0) return [dice.pick(JUNK)];
    const at = dice.below(value.length);
    return value.map((item, i) => (i === at ? mutate(item, dice) : item));
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || dice.chance(0.15))
    return { ...value, [dice.pick(["imagee", "x", "__proto__x", ""])]: dice.pick(JUNK) };
  const at = dice.below(entries.length);
  if (dice.chance(0.15)) return Object.fromEntries(entries.filter((_, i) => i !== at));
  return Object.fromEntries(
    entries.map(([name, item], i) => [name, i === at ? mutate(item, dice) : item]),
  );
}
