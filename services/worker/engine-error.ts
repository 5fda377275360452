import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import { withoutPasswords } from "../../lib/passwords.ts";
import { isJson } from "./engine-json.ts";
import { RuntimeError } from "./runtime.ts";

/** What was asked of the engine, and about which container or image. */
export type EngineWork = Readonly<{
  verb:
    | "describe"
    | "ping"
    | "pull"
    | "create"
    | "start"
    | "rename"
    | "inspect"
    | "stop"
    | "remove"
    | "list"
    | "watch"
    | "exec in"
    | "copy files of"
    | "measure"
    | "read logs of";
  subject: string;
}>;

/** A "no" in the engine's own words. */
export type Refusal = Readonly<{ status: number; words: string }>;

type Kind = RuntimeError["kind"];

/** The most of the engine's words that is passed on, in characters. */
const WORDS_LENGTH_MAX = 2000;

/** Makes one kind of error of whatever a call to the engine failed with. */
export function toRuntimeError(work: EngineWork, error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const answer = refusalOf(error);
  if (answer) return refused(work, answer, error);
  return new RuntimeError("engine-unavailable", `${title(work)}: ${unreached(error)}`, error);
}

/** The error for a "no" that came as an answer. */
export function refused(work: EngineWork, answer: Refusal, cause?: unknown): RuntimeError {
  const words = withoutSecrets(answer.words).slice(0, WORDS_LENGTH_MAX);
  return new RuntimeError(kindOf(work, answer), `${title(work)}: ${words}`, cause);
}

/** An engine that cannot find a command quotes it: `exec: "--token=…"` was meant to be an argument. */
const withoutSecrets = (words: string): string =>
  withoutPasswords(words).replace(/"(-{1,2}[\w.-]+=)[^"]*"/g, '"$1…"');

/** The engine was silent for longer than it may be. */
export class OverdueError extends RuntimeError {
  constructor(work: EngineWork, limitMs: number) {
    super("engine-unavailable", `${title(work)}: no answer within ${limitMs} ms`);
  }
}

/** Whether a call failed because the engine said no in this way. */
export function isRefusal(error: unknown, status: number, words = /(?:)/): boolean {
  const answer = error instanceof RuntimeError ? refusalOf(error.cause) : undefined;
  return answer?.status === status && words.test(answer.words);
}

/** What docker-modem puts before the engine's own words. */
const MODEM_PREFIX = /^\(HTTP code \d+\) [^-]*- /;

/** The engine's answer inside an error of docker-modem. Undefined when the engine did not answer. */
function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof Error && "statusCode" in error)) return undefined;
  const { statusCode } = error;
  if (typeof statusCode !== "number") return undefined;
  return { status: statusCode, words: error.message.replace(MODEM_PREFIX, "").trim() };
}

type Rule = Readonly<{ kind: Kind; verb?: EngineWork["verb"]; status?: number; words?: RegExp }>;

/** The first rule that fits decides. The words are those of dockerd, containerd and runc. */
const RULES: readonly Rule[] = [
  { kind: FailureReason.DISK_FULL, words: /no space left on device|disk quota exceeded/i },
  { kind: "engine-unavailable", status: 503 },
  {
    kind: "engine-unavailable",
    words: /daemon is shutting down|code = Unavailable|error while dialing|transport is closing/i,
  },
  { kind: FailureReason.IMAGE_NOT_FOUND, verb: "create", status: 404, words: /no such image/i },
  { kind: FailureReason.CREATE_FAILED, verb: "create" },
  { kind: FailureReason.PORT_CONFLICT, verb: "start", words: /port is already allocated/i },
  { kind: FailureReason.PORT_CONFLICT, verb: "start", words: /address already in use/i },
  { kind: FailureReason.REMOVED_EXTERNALLY, verb: "start", words: /no such container/i },
  { kind: FailureReason.REMOVED_EXTERNALLY, verb: "start", words: /marked for removal/i },
  { kind: FailureReason.START_FAILED, verb: "start" },
  { kind: FailureReason.IMAGE_NOT_FOUND, verb: "pull", status: 404 },
  {
    kind: FailureReason.IMAGE_NOT_FOUND,
    verb: "pull",
    words: /manifest unknown|name unknown|repository does not exist|: not found$/i,
  },
  { kind: FailureReason.IMAGE_PULL_FAILED, verb: "pull" },
  { kind: FailureReason.STOP_TIMEOUT, verb: "stop", words: /did not receive an exit event/i },
  { kind: FailureReason.UNHEALTHY, verb: "exec in" },
  { kind: FailureReason.UNHEALTHY, verb: "copy files of" },
];

function kindOf({ verb }: EngineWork, { status, words }: Refusal): Kind {
  const rule = RULES.find(
    (each) =>
      (each.verb ?? verb) === verb &&
      (each.status ?? status) === status &&
      (each.words?.test(words) ?? true),
  );
  return rule?.kind ?? "engine-unavailable";
}

/** What to do about an engine that cannot be reached, by the code of the system's error. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: "there is no engine at its socket; is it running?",
  ECONNREFUSED: "the engine does not listen on its socket; is it running?",
  EACCES: "the engine's socket may not be opened; is the worker's user in the socket's group?",
};

function unreached(error: unknown): string {
  const code = isJson(error) ? error["code"] : undefined;
  const remedy = typeof code === "string" ? REMEDIES[code] : undefined;
  return remedy ?? `the engine did not answer: ${error instanceof Error ? error.message : error}`;
}

const title = ({ verb, subject }: EngineWork) => `${verb} ${subject}`;
