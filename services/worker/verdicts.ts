import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import type { Log } from "../../lib/log.ts";
import { type AttemptFailure, keyText } from "./attempt.ts";
import type { AttemptKey } from "./runtime.ts";
import type { StateFile } from "./state-folder.ts";

/**
 * Why a worker ended attempts that nobody asked it to end, kept over a restart: the exit code that
 * the engine remembers tells how a container ended and not why.
 */
export interface Verdicts {
  /**
   * Resolves once the verdict would survive the worker. Never rejects: a disk that fails must not
   * keep a container running.
   */
  note(key: AttemptKey, failure: AttemptFailure): Promise<void>;
  find(key: AttemptKey): AttemptFailure | undefined;
  drop(key: AttemptKey): void;
  /** Drops all but these. */
  keepOnly(keys: readonly AttemptKey[]): void;
}

type Verdict = Readonly<{ key: AttemptKey; failure: AttemptFailure }>;

/** Reads the verdicts of earlier lives. What cannot be read is told and then forgotten. */
export async function openVerdicts(file: StateFile, log: Log): Promise<Verdicts> {
  const verdicts = new Map<string, Verdict>();
  try {
    for (const verdict of parse(await file.read())) verdicts.set(keyText(verdict.key), verdict);
  } catch (err) {
    log.warn({ file: file.path, err }, "verdicts of earlier lives not read");
  }
  const save = createSaver(file, () => format([...verdicts.values()]), log);
  const drop = (name: string) => verdicts.delete(name) && void save();
  return {
    async note(key, failure) {
      const name = keyText(key);
      if (verdicts.get(name)?.failure.reason === failure.reason) return;
      verdicts.set(name, { key, failure });
      await save();
    },
    find: (key) => verdicts.get(keyText(key))?.failure,
    drop: (key) => void drop(keyText(key)),
    keepOnly(keys) {
      const kept = new Set(keys.map(keyText));
      for (const name of [...verdicts.keys()]) if (!kept.has(name)) drop(name);
    },
  };
}

/** Writes one text at a time. What comes while one is written goes with the next. */
function createSaver(file: StateFile, text: () => string, log: Log): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  async function write(before: Promise<void>): Promise<void> {
    await before;
    next = undefined;
    try {
      await file.write(text());
    } catch (err) {
      log.warn({ file: file.path, err }, "verdicts not written");
    }
  }

  return () => {
    if (next === undefined) {
      next = write(last);
      last = next;
    }
    return next;
  };
}

/** Raised when this program does not know how to read the file that an older one wrote. */
const FORMAT_VERSION = 1;

const format = (verdicts: readonly Verdict[]): string =>
  `${JSON.stringify({ version: FORMAT_VERSION, verdicts })}\n`;

function parse(text: string | undefined): readonly Verdict[] {
  if (text === undefined) return [];
  const { version, verdicts } = JSON.parse(text);
  if (version !== FORMAT_VERSION)
    throw new Error(`has version ${version}, and only ${FORMAT_VERSION} is known`);
  if (!Array.isArray(verdicts) || !verdicts.every(isVerdict)) throw new Error("has no verdicts");
  return verdicts;
}

const isVerdict = ({ key, failure }: Partial<Verdict>): boolean =>
  typeof key?.taskId === "string" &&
  Number.isInteger(key.attempt) &&
  failure !== undefined &&
  FailureReason[failure.reason] !== undefined &&
  typeof failure.message === "string";
