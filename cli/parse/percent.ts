import { malformed, type Parsed, parsed } from "./parsed.ts";

/** Reads a whole number of percent: `150` or `150%`. */
export function parsePercent(text: string): Parsed<number> {
  const match = /^(\d{1,9})%?$/.exec(text);
  return match
    ? parsed(Number(match[1]))
    : malformed(text, "must be a whole number of percent, such as 150");
}
