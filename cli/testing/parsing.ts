import type { Parsed } from "../parse/parsed.ts";

/** The value, or the problem as a text that equals no value. */
export const valueIn = <T>(result: Parsed<T>): T | string =>
  result.kind === "parsed" ? result.value : `malformed: ${result.problem}`;

export const problemIn = (result: Parsed<unknown>): string =>
  result.kind === "malformed" ? result.problem : "parsed";
