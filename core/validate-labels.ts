import { LABEL_VALUE_CHARACTERS_MAX, LABELS_MAX, NAME_LENGTH_MAX } from "./limits.ts";
import { type Violations, violation } from "./validate.ts";
import { characterCount, hasNul, quote } from "./validate-text.ts";

/** In words that follow "it" or "a key that". */
export const LABEL_KEY_RULE =
  `must be 1 to ${NAME_LENGTH_MAX} of the characters a to z, 0 to 9, ., _, / and -, ` +
  "and begin and end with a letter or a digit";

/** The rules for labels, of a task or of a worker. */
export function* checkLabels(at: string, labels: Readonly<Record<string, string>>): Violations {
  const entries = Object.entries(labels);
  if (entries.length > LABELS_MAX) {
    yield violation(at, `has ${entries.length} entries: must be at most ${LABELS_MAX}`);
    return;
  }
  for (const [key, value] of entries) {
    const field = `${at}[${quote(key)}]`;
    if (!isLabelKey(key)) yield violation(field, `has a key that ${LABEL_KEY_RULE}`);
    yield* checkLabelValue(field, value);
  }
}

/** Whether a text can be the key of a label, or the name of a custom resource. */
export const isLabelKey = (key: string): boolean =>
  key.length <= NAME_LENGTH_MAX && /^[a-z0-9](?:[a-z0-9._/-]*[a-z0-9])?$/.test(key);

function* checkLabelValue(field: string, value: string): Violations {
  const count = characterCount(value);
  if (count > LABEL_VALUE_CHARACTERS_MAX) {
    yield violation(
      field,
      `has ${count} characters: must be at most ${LABEL_VALUE_CHARACTERS_MAX}`,
    );
  }
  if (hasNul(value)) yield violation(field, "has a NUL character: leave it out");
}
