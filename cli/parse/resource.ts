import { type CustomCapacity, type CustomOffer, toCustom } from "../../core/custom-resources.ts";
import { CUSTOM_COUNT_MAX } from "../../core/limits.ts";
import { checkCustomOffers } from "../../core/validate-custom.ts";
import { malformed, type Parsed, parsed, parseWhole } from "./parsed.ts";

/** Reads what a task reserves: `NAME=COUNT`; a bare `NAME` is one of it. */
export function parseNeed(text: string): Parsed<readonly [name: string, count: bigint]> {
  const [name = "", number = "1"] = text.split(/=(.*)/s, 2);
  const count = parseWhole(number, 1, CUSTOM_COUNT_MAX);
  if (name === "" || count.kind === "malformed")
    return malformed(text, `must be NAME or NAME=COUNT with a count of 1 to ${CUSTOM_COUNT_MAX}`);
  return parsed([name, BigInt(count.value)]);
}

const OFFER_RULE = "must be NAME=COUNT or NAME=ID,ID,…; a comma after a single ID of digits";

/**
 * Reads what a worker offers: `NAME=4` is a number of things that are all alike, `NAME=a,b` things
 * with names. A text without `=` goes on with the names of the one before: in the environment the
 * commas between names are also those between settings.
 */
export function parseOffers(texts: readonly string[]): Parsed<CustomCapacity> {
  const offers = new Map<string, CustomOffer>();
  for (const text of joinNames(texts)) {
    const [name = "", value = ""] = text.split(/=(.*)/s, 2);
    if (name === "" || value === "") return malformed(text, OFFER_RULE);
    if (offers.has(name)) return malformed(text, `offers ${name} a second time: give it once`);
    offers.set(name, offerOf(value));
  }
  const [problem] = checkCustomOffers("", toCustom(offers));
  if (problem === undefined) return parsed(offers);
  return { kind: "malformed", problem: `${problem.field} ${problem.description}`.trim() };
}

function joinNames(texts: readonly string[]): readonly string[] {
  const joined: string[] = [];
  for (const text of texts) {
    const last = joined.at(-1);
    if (last === undefined || text.includes("=")) joined.push(text);
    else joined[joined.length - 1] = `${last},${text}`;
  }
  return joined;
}

function offerOf(value: string): CustomOffer {
  if (/^\d{1,9}$/.test(value)) return { count: Number(value), ids: [] };
  const ids = value
    .split(",")
    .map((id) => id.trim())
    .filter((id) => id !== "");
  return { count: ids.length, ids };
}
