/** An error as a transcript shows it, and what is said below it. */
export type ShownError = Readonly<{ message: string; below: readonly string[] }>;

/** What begins a clause that tells its reader what to do. */
const VERBS = [
  ...["add", "ask", "choose", "give", "leave", "list", "look", "make", "mend", "name", "pipe"],
  ...["replace", "run", "say", "see", "set", "start", "stop", "try", "unset", "use", "wait"],
  "write",
];

const STEPS: readonly RegExp[] = [
  // At the start of a line, or behind the cause.
  new RegExp(`(?:^ *|[:;?] |, (?:or )?)(?:${VERBS.join("|")})\\b`),
  // A value is wrong, and this is how it has to be.
  /\bmust (?:be|have)\b/,
  /, did you mean \S+\?$/,
  // What to type.
  /: berth [a-z]+/,
];

/** Whether it says what to do next, itself or below. A list of what there is says nothing. */
export const hasNextStep = ({ message, below }: ShownError): boolean =>
  [message, ...below].some((line) => STEPS.some((step) => step.test(line)));

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const COLORS = /\u001b?\[\d+m/g;

/** Errors that follow each other, lines of commander's own, and then what is indented. */
const TOGETHER = /((?:^! error: .*\n(?:! (?!error: )\S.*\n)*)+)((?:! {3}.*\n)*)/gm;

/** The errors of a transcript. Errors that are told together share what is said below them all. */
export function errorsIn(transcript: string): readonly ShownError[] {
  const groups = `${transcript.replace(COLORS, "")}\n`.matchAll(TOGETHER);
  return [...groups].flatMap(([, errors = "", indented = ""]) => {
    const below = [...indented.matchAll(/^! {3}(.*)$/gm)].map(([, words = ""]) => words);
    const messages = [...errors.matchAll(/^! error: (.*)$/gm)];
    return messages.map(([, message = ""]) => ({ message, below }));
  });
}
