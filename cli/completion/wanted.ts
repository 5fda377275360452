import type { Argument, Command, Option } from "commander";

import { flagWords } from "./flag-words.ts";

/** A word that may be typed, and what it is. */
export type Candidate = Readonly<{ value: string; description: string }>;

/** What may stand where the cursor is. */
export type Wanted =
  | Readonly<{ kind: "words"; words: readonly Candidate[] }>
  /** A file of this machine: the shell knows better. */
  | Readonly<{ kind: "files" }>
  /** Something that a cluster, or the user, has a name for. */
  | Readonly<{ kind: "named"; what: Named }>
  | Readonly<{ kind: "nothing" }>;

export type Named = "task" | "worker" | "context" | "method" | "place";

const NOTHING: Wanted = { kind: "nothing" };

/** Where a command line has come to, word by word. */
type Position = {
  command: Command;
  argumentCount: number;
  /** The flag whose value comes next. */
  open: Option | undefined;
  /** Whether all that comes is no flag. */
  isPlain: boolean;
};

/** What may stand at the end of `words`, of which the last is what has been typed of it. */
export function wantedAt(program: Command, words: readonly string[]): Wanted {
  const [typed = "", ...before] = words.toReversed();
  const at: Position = { command: program, argumentCount: 0, open: undefined, isPlain: false };
  for (const word of before.toReversed()) advance(at, word);
  if (at.open) return valuesOf(at.open);
  const flag = /^(--[^=]+)=/.exec(typed)?.[1];
  if (flag !== undefined && !at.isPlain) return ofFlag(findOption(at.command, flag), flag);
  if (typed.startsWith("-") && !at.isPlain) return { kind: "words", words: flagsOf(at.command) };
  const inner = innerOf(at.command);
  if (inner.length > 0 && at.argumentCount === 0) return { kind: "words", words: inner };
  return ofArgument(at);
}

function advance(at: Position, word: string): void {
  if (at.open) at.open = undefined;
  else if (!at.isPlain && word === "--") at.isPlain = true;
  else if (!at.isPlain && word.startsWith("-") && word !== "-")
    at.open = openedBy(at.command, word);
  else advanceArgument(at, word);
}

function advanceArgument(at: Position, word: string): void {
  const inner = at.command.commands.find(
    (each) => each.name() === word || each.aliases().includes(word),
  );
  if (inner && at.argumentCount === 0) {
    at.command = inner;
    return;
  }
  at.argumentCount++;
  // What follows belongs to somebody else's command line.
  if (PASSED_ON.has(at.command.name())) at.isPlain = true;
}

/** Verbs whose further words are the container's own. */
const PASSED_ON: ReadonlySet<string> = new Set(["run", "exec", "plan"]);

/** The flag whose value is the next word. */
function openedBy(command: Command, word: string): Option | undefined {
  if (word.includes("=")) return undefined;
  const option = findOption(command, word);
  return option?.required ? option : undefined;
}

/** Of short flags in one word the last. */
function findOption(command: Command, word: string): Option | undefined {
  const flag = /^-[^-]/.test(word) ? `-${word.at(-1)}` : word;
  return command.options.find(({ short, long }) => short === flag || long === flag);
}

function flagsOf(command: Command): readonly Candidate[] {
  const help = command.createHelp();
  return help
    .visibleOptions(command)
    .flatMap((option) =>
      option.long ? [{ value: option.long, description: oneSentence(option.description) }] : [],
    );
}

function innerOf(command: Command): readonly Candidate[] {
  const help = command.createHelp();
  if (command.commands.length === 0) return [];
  return help.visibleCommands(command).map((each) => ({
    value: each.name(),
    description: oneSentence(each.summary() || each.description()),
  }));
}

/** Without the notes on where else it is set. */
const oneSentence = (text: string): string =>
  text.split("\n")[0]?.replace(/ \((?:default|env):.*/, "") ?? "";

function ofFlag(option: Option | undefined, flag: string): Wanted {
  if (!option) return NOTHING;
  const wanted = valuesOf(option);
  if (wanted.kind !== "words") return NOTHING;
  const words = wanted.words.map((word) => ({ ...word, value: `${flag}=${word.value}` }));
  return { kind: "words", words };
}

/** What a flag takes: one of a few words, or what its value is called. */
function valuesOf(option: Option): Wanted {
  if (option.argChoices) return wordsOf(option.argChoices);
  const name = /<([^>]+)>/.exec(option.flags)?.[1] ?? "";
  if (name === "file" || name === "folder") return { kind: "files" };
  if (name === "worker") return { kind: "named", what: "worker" };
  if (option.long === "--context") return { kind: "named", what: "context" };
  const words = flagWords[option.long ?? ""];
  return words ? wordsOf(words) : NOTHING;
}

const wordsOf = (words: readonly string[]): Wanted => ({
  kind: "words",
  words: words.map((value) => ({ value, description: "" })),
});

/** What the arguments of verbs are called, and what stands there. */
const ARGUMENTS: Readonly<Record<string, Wanted>> = {
  task: { kind: "named", what: "task" },
  tasks: { kind: "named", what: "task" },
  worker: { kind: "named", what: "worker" },
  workers: { kind: "named", what: "worker" },
  method: { kind: "named", what: "method" },
  from: { kind: "named", what: "place" },
  to: { kind: "named", what: "place" },
  file: { kind: "files" },
};

function ofArgument({ command, argumentCount }: Position): Wanted {
  const known = command.registeredArguments;
  const argument: Argument | undefined = known[argumentCount] ?? known.at(-1);
  if (!argument || (argumentCount >= known.length && !argument.variadic)) return NOTHING;
  if (argument.argChoices) return wordsOf(argument.argChoices);
  if (command.parent?.name() === "context" && command.name() !== "add")
    return { kind: "named", what: "context" };
  return ARGUMENTS[argument.name()] ?? NOTHING;
}
