import type { Running } from "../lib/lifecycle.ts";
import { StoreError } from "../lib/store/store.ts";
import { CommandError } from "./command-error.ts";
import type { Context } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { oneLine } from "./output/format.ts";
import { printError } from "./print-error.ts";
import { systemRemedies } from "./system-remedies.ts";

/** Starts a part of the process and keeps it in mind. Answers once it serves. */
export type Start = <R extends Running>(name: string, start: () => Promise<R>) => Promise<R>;

type Member = Readonly<{ name: string; running: Running; fate: Promise<Fate> }>;
type Fate = Readonly<{ name: string; error?: unknown }>;

/**
 * Runs services in one process: `assemble` starts them one by one, then they
 * serve until the process is asked to end or one of them fails. In the end all
 * are stopped, the last started first, whatever happened, and then `atEnd` is called.
 */
export async function serve(
  context: Context,
  assemble: (start: Start) => Promise<void>,
  atEnd: () => Promise<void> = () => Promise.resolve(),
): Promise<ExitCode> {
  const members: Member[] = [];
  const start: Start = async (name, begin) => {
    context.interrupted.throwIfAborted();
    const running = await begin().catch((error: unknown) => {
      throw failure(`the ${name} cannot start`, error);
    });
    members.push({ name, running, fate: fateOf(name, running) });
    return running;
  };
  try {
    await assemble(start);
    await firstFailure(members, context.interrupted);
    return exitCodes.ok;
  } finally {
    await stopAll(members, context);
    await atEnd();
  }
}

const fateOf = (name: string, { ended }: Running): Promise<Fate> =>
  ended.then(
    () => ({ name }),
    (error: unknown) => ({ name, error }),
  );

/** Throws when a member ends before it is asked to. */
async function firstFailure(members: readonly Member[], interrupted: AbortSignal): Promise<void> {
  const asked = new Promise<undefined>((resolve) => {
    if (interrupted.aborted) resolve(undefined);
    interrupted.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const fate = await Promise.race([asked, ...members.map((member) => member.fate)]);
  if (!fate) return;
  if (fate.error === undefined)
    throw new CommandError(`the ${fate.name} ended by itself`, {
      remedies: ["see its log, then start it again"],
    });
  throw failure(`the ${fate.name} failed`, fate.error);
}

async function stopAll(members: readonly Member[], { terminal }: Context): Promise<void> {
  for (const { name, running } of members.toReversed()) {
    try {
      await running.stop();
    } catch (error) {
      printError(terminal, failure(`the ${name} did not stop cleanly`, error, ["see its log"]));
    }
  }
}

const DOCTOR: readonly string[] = ["see what is amiss: berth doctor"];

/** Names the whole chain of causes, and tells a failure of the store by its exit code. */
export function failure(what: string, error: unknown, remedies = DOCTOR): CommandError {
  const chain = causesOf(error);
  const words = chain.map((cause) =>
    oneLine(cause instanceof Error ? cause.message : String(cause)),
  );
  const inStore = chain.some((cause) => cause instanceof StoreError);
  return new CommandError([what, ...new Set(words)].join(": "), {
    exitCode: inStore ? exitCodes.storeFailed : exitCodes.error,
    remedies: remediesOf(chain) ?? remedies,
    cause: error,
  });
}

/** A store that is at the bottom of it, and there, says itself what to do. */
function remediesOf(chain: readonly unknown[]): readonly string[] | undefined {
  const remedies = systemRemedies(chain);
  const last = chain.at(-1);
  const isTold = last instanceof StoreError && last.kind !== "unavailable";
  return remedies.length > 0 || isTold ? remedies : undefined;
}

/** The most causes of causes that are followed. */
const CAUSES_MAX = 8;

function causesOf(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  for (let it = error; it !== undefined && chain.length < CAUSES_MAX; ) {
    chain.push(it);
    it = it instanceof Error ? it.cause : undefined;
  }
  return chain;
}
