/**
 * What became of a text that a user typed. A problem is a sentence's end that
 * fits after the text's origin: `--cpus is "x": must be a number …`.
 */
export type Parsed<T> =
  | Readonly<{ kind: "parsed"; value: T }>
  | Readonly<{ kind: "malformed"; problem: string }>;

export const parsed = <T>(value: T): Parsed<T> => ({ kind: "parsed", value });

/** `rule` says what the text must be and gives an example. */
export const malformed = (text: string, rule: string): Parsed<never> => ({
  kind: "malformed",
  problem: `is ${JSON.stringify(text)}: ${rule}`,
});

/** Parses every text, or tells of the first that is malformed. */
export function parseEach<T>(
  texts: readonly string[],
  parse: (text: string) => Parsed<T>,
): Parsed<readonly T[]> {
  const values: T[] = [];
  for (const text of texts) {
    const result = parse(text);
    if (result.kind === "malformed") return result;
    values.push(result.value);
  }
  return parsed(values);
}

/** A parser that takes one of a few words, and lists them when it gets another. */
export const oneOf =
  <T>(choices: Readonly<Record<string, T>>) =>
  (text: string): Parsed<T> => {
    const choice = Object.entries(choices).find(([word]) => word === text);
    return choice
      ? parsed(choice[1])
      : malformed(text, `must be one of ${Object.keys(choices).join(", ")}`);
  };

/** The same for words that mean themselves. */
export const wordIn =
  <T extends string>(words: readonly T[]) =>
  (text: string): Parsed<T> => {
    const word = words.find((known) => known === text);
    return word === undefined
      ? malformed(text, `must be one of ${words.join(", ")}`)
      : parsed(word);
  };

/** A whole number in decimal digits, from `min` to `max`. */
export function parseWhole(text: string, min: number, max: number): Parsed<number> {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max
    ? parsed(value)
    : malformed(text, `must be a whole number from ${min} to ${max}`);
}
