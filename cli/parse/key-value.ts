import { malformed, type Parsed, parsed } from "./parsed.ts";

export type KeyValue = readonly [key: string, value: string];

/** Reads `KEY=VALUE`; a bare `KEY` has an empty value. */
export function parseLabel(text: string): Parsed<KeyValue> {
  const [key, value = ""] = splitOnce(text);
  return key === "" ? malformed(text, "must be KEY=VALUE") : parsed([key, value]);
}

/** Reads `KEY=VALUE`; a bare `KEY` takes its value from `environment`. */
export function parseEnv(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): Parsed<KeyValue> {
  const [key, value = environment[key]] = splitOnce(text);
  if (key === "") return malformed(text, "must be KEY=VALUE, or KEY to pass your own value on");
  if (value === undefined) {
    return malformed(text, `your environment has no ${key}: set it, or write ${key}=VALUE`);
  }
  return parsed([key, value]);
}

/**
 * Reads a file of lines as `parseEnv` takes them. Empty lines and lines that
 * begin with `#` are skipped; values are taken as they are, quotes included.
 */
export function parseEnvFile(
  content: string,
  environment: Readonly<Record<string, string | undefined>>,
): Parsed<readonly KeyValue[]> {
  const pairs: KeyValue[] = [];
  for (const [index, raw] of content.split(/\r?\n/).entries()) {
    const line = raw.trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const pair = parseEnv(line, environment);
    if (pair.kind === "malformed") {
      return { kind: "malformed", problem: `line ${index + 1} ${pair.problem}` };
    }
    pairs.push(pair.value);
  }
  return parsed(pairs);
}

function splitOnce(text: string): readonly [string, string?] {
  const at = text.indexOf("=");
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
