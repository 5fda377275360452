import { malformed, type Parsed, parsed } from "./parsed.ts";

const RULE = "must be a size such as 512m, 1.5g or 1073741824; k, m, g and t are powers of 1024";

/** Reads bytes as Docker does: `512m` and `512MiB` are 512 · 1024², in any case of letters. */
export function parseSize(text: string): Parsed<bigint> {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)(?:([kmgt])(?:i?b)?|b)?$/i.exec(text);
  if (!match) return malformed(text, RULE);
  const exponent = " kmgt".indexOf(match[2]?.toLowerCase() ?? " ");
  const bytes = Math.floor(Number(match[1]) * 1024 ** exponent);
  return Number.isSafeInteger(bytes)
    ? parsed(BigInt(bytes))
    : malformed(text, "must be less than 8 PiB");
}
