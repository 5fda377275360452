import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import type { ConfigFile, Given } from "./config-file.ts";
import { flagOf, optionOf, type Setting, variableOf } from "./setting.ts";

/** Settings of a verb, by the name its code knows them by. */
export type Shape = Readonly<Record<string, Setting<unknown>>>;

/** The values of a verb's settings. */
export type Values<S extends Shape> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/** Flags as commander parsed them, and the file that `--config` named. */
export type Flags = Readonly<Record<string, unknown>>;

type Sources = Readonly<{ flags: Flags; env: Context["terminal"]["env"]; file: ConfigFile }>;

/**
 * The value of every setting: flag before environment before file before
 * default. Throws one usage error with all problems; each says which source is wrong.
 */
export function resolve<S extends Shape>(shape: S, sources: Sources): Values<S> {
  const problems: string[] = [];
  const values = Object.entries(shape).map(([key, setting]) => {
    const given = fromFlag(setting, sources.flags) ?? fromEnv(setting, sources.env);
    const { origin, texts } = given ?? sources.file.get(setting.name) ?? NOTHING;
    const result = texts.length > 0 ? setting.parse(texts) : undefined;
    if (result?.kind === "malformed") problems.push(`${origin} ${result.problem}`);
    return [key, result?.kind === "parsed" ? result.value : setting.fallback] as const;
  });
  if (problems.length > 0) throw usageError(problems);
  return Object.fromEntries(values) as Values<S>;
}

const NOTHING: Given = { origin: "", texts: [] };

function fromFlag(setting: Setting<unknown>, flags: Flags): Given | undefined {
  const value = flags[optionOf(setting).attributeName()];
  if (value === undefined) return undefined;
  const texts = Array.isArray(value) ? value.map(String) : [String(value)];
  return { origin: flagOf(setting), texts };
}

function fromEnv(setting: Setting<unknown>, env: Sources["env"]): Given | undefined {
  const variable = variableOf(setting);
  const value = env[variable];
  if (value === undefined || value === "") return undefined;
  const texts = setting.isList ? value.split(",").map((text) => text.trim()) : [value];
  return { origin: variable, texts };
}
