import type { TaskSpec } from "../gen/berth/v1/task_pb.ts";
import {
  ARGUMENTS_BYTES_MAX,
  ARGUMENTS_MAX,
  ENV_BYTES_MAX,
  ENV_ENTRIES_MAX,
  PATH_BYTES_MAX,
  USER_ID_MAX,
  USER_NAME_LENGTH_MAX,
} from "./limits.ts";
import { type Violations, validateGrace, violation } from "./validate.ts";
import { formatBytes, hasNul, quote, utf8Length } from "./validate-text.ts";

/** The rules for what is run in the container, as whom, where and until when. */
export function* checkProcess(spec: TaskSpec): Violations {
  yield* checkArguments(spec);
  yield* checkEnv("spec.env", spec.env);
  yield* checkWorkingDir("spec.working_dir", spec.workingDir);
  yield* checkUser("spec.user", spec.user);
  yield* validateGrace("spec.stop_grace", spec.stopGrace);
  yield* checkStopSignal(spec.stopSignal);
}

/** Command and arguments share their limits; what fills them first is named. */
function* checkArguments({ command, args }: TaskSpec): Violations {
  const all = [...command, ...args];
  const crowded = command.length > ARGUMENTS_MAX ? "spec.command" : "spec.args";
  if (all.length > ARGUMENTS_MAX) {
    yield violation(
      crowded,
      `has ${all.length} entries with command: must be at most ${ARGUMENTS_MAX}`,
    );
  }
  const bytes = byteCount(all);
  if (bytes > ARGUMENTS_BYTES_MAX) {
    const heavy = byteCount(command) > ARGUMENTS_BYTES_MAX ? "spec.command" : "spec.args";
    const [value, max] = [formatBytes(bytes), formatBytes(ARGUMENTS_BYTES_MAX)];
    yield violation(heavy, `takes ${value} with command: must be at most ${max}`);
  }
  yield* checkNuls("spec.command", command);
  yield* checkNuls("spec.args", args);
}

/** Bytes that texts take together. */
export const byteCount = (texts: readonly string[]): number =>
  texts.reduce((bytes, text) => bytes + utf8Length(text), 0);

/** A NUL would end an argument. */
export function* checkNuls(field: string, texts: readonly string[]): Violations {
  for (const [index, text] of texts.entries()) {
    if (hasNul(text)) yield violation(`${field}[${index}]`, NUL_FOUND);
  }
}

const NUL_FOUND = "has a NUL character: leave it out";

/** Names that a shell takes, values that reach a process. */
export function* checkEnv(whole: string, env: TaskSpec["env"]): Violations {
  const entries = Object.entries(env);
  if (entries.length > ENV_ENTRIES_MAX) {
    yield violation(whole, `has ${entries.length} entries: must be at most ${ENV_ENTRIES_MAX}`);
    return;
  }
  const bytes = byteCount(entries.flat());
  if (bytes > ENV_BYTES_MAX) {
    const [value, max] = [formatBytes(bytes), formatBytes(ENV_BYTES_MAX)];
    yield violation(whole, `takes ${value}: must be at most ${max}`);
  }
  for (const [name, value] of entries) {
    const field = `${whole}[${quote(name)}]`;
    if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) {
      yield violation(
        field,
        "has a name that must be letters, digits, _, . and -, and begin with a letter or _",
      );
    }
    if (hasNul(value)) yield violation(field, NUL_FOUND);
  }
}

/** Absolute, or empty for the image's own. */
export function* checkWorkingDir(field: string, path: string): Violations {
  if (path === "") return;
  if (!path.startsWith("/")) {
    yield violation(field, `is ${quote(path)}: must be absolute, such as /srv`);
  } else if (hasNul(path)) {
    yield violation(field, NUL_FOUND);
  } else if (utf8Length(path) > PATH_BYTES_MAX) {
    yield violation(field, `takes ${utf8Length(path)} bytes: must be at most ${PATH_BYTES_MAX}`);
  }
}

/** A user with or without a group, or empty for the image's own. */
export function* checkUser(field: string, user: string): Violations {
  const [owner = "", group] = user.split(/:(.*)/s, 2);
  if (user === "" || (isPrincipal(owner) && (group === undefined || isPrincipal(group)))) return;
  yield violation(
    field,
    `is ${quote(user)}: must be user, uid, user:group or uid:gid, a number at most ${USER_ID_MAX}`,
  );
}

/** A user or a group, by name or by number. */
const isPrincipal = (text: string): boolean =>
  /^[0-9]+$/.test(text)
    ? Number(text) <= USER_ID_MAX
    : text.length <= USER_NAME_LENGTH_MAX && /^[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?$/.test(text);

/** The signals of Linux that have a name on every architecture. */
const SIGNALS: ReadonlySet<string> = new Set(
  (
    "HUP INT QUIT ILL TRAP ABRT IOT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CLD " +
    "CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO POLL PWR SYS"
  ).split(" "),
);

/** As `kill` takes them: `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`. */
function* checkStopSignal(signal: string): Violations {
  if (signal === "" || isSignal(signal)) return;
  yield violation(
    "spec.stop_signal",
    `is ${quote(signal)}: must be a signal such as SIGINT, SIGRTMIN+3 or 15`,
  );
}

function isSignal(text: string): boolean {
  if (/^[0-9]{1,2}$/.test(text)) return Number(text) >= 1 && Number(text) <= 64;
  const name = text.replace(/^SIG/, "");
  return SIGNALS.has(name) || isRealTimeSignal(name);
}

/** Signals 34 to 64, counted from either end. */
function isRealTimeSignal(name: string): boolean {
  if (name === "RTMIN" || name === "RTMAX") return true;
  const [, sign, distance] = /^RTM(IN\+|AX-)([0-9]{1,2})$/.exec(name) ?? [];
  return (
    sign !== undefined && Number(distance) >= 1 && Number(distance) <= (sign[0] === "I" ? 15 : 14)
  );
}
