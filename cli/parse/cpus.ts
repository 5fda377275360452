import { malformed, type Parsed, parsed } from "./parsed.ts";

/** Reads a number of CPUs, such as `0.5`, as thousandths. */
export function parseCpus(text: string): Parsed<bigint> {
  const match = /^(\d{1,9})(?:\.(\d{1,3}))?$/.exec(text);
  if (!match) return malformed(text, "must be a number of CPUs, such as 2, 0.5 or 0.125");
  return parsed(BigInt(match[1] ?? 0) * 1000n + BigInt((match[2] ?? "").padEnd(3, "0")));
}
