import { createLogSeam, type LogSeam } from "../../core/log-seam.ts";
import { toMillis } from "../../core/time.ts";
import { type LogEntry, LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import { createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import { exhausted } from "../../lib/errors.ts";
import { createEchoFilter } from "./log-echo.ts";
import { createTap, type Tap } from "./log-tap.ts";
import type { LogSelection, Runtime } from "./runtime.ts";

type Deps = Readonly<{ runtime: Pick<Runtime, "logs" | "inspect">; clock: Clock }>;

type Batches = AsyncGenerator<readonly LogEntry[], void, undefined>;

/** Lets any number of followers read a container's log as it grows, over one stream of the engine. */
export interface LogHub {
  /**
   * As `Runtime.logs` of who follows. The log is read at the pace of its followers. One that takes
   * nothing for a while is not waited for any longer: once it has fallen too far behind, it ends with
   * RESOURCE_EXHAUSTED and the reason SLOW_READER.
   */
  follow(containerId: string, selection: LogSelection, signal: AbortSignal): Batches;
}

/** How often a follower may be outrun while it reads what was written before it came. */
const ROUNDS_MAX = 8;

export function createLogHub(deps: Deps): LogHub {
  const feeds = new Map<string, Feed>();

  function join(containerId: string): Readonly<{ tap: Tap; leave: () => void }> {
    const feed = feeds.get(containerId) ?? openFeed(containerId);
    const tap = createTap(deps.clock, feed.onRoom);
    feed.taps.add(tap);
    feed.onRoom();
    const leave = () => {
      feed.taps.delete(tap);
      feed.onRoom();
      if (feed.taps.size > 0) return;
      feed.stop.abort();
      if (feeds.get(containerId) === feed) feeds.delete(containerId);
    };
    return { tap, leave };
  }

  function openFeed(containerId: string): Feed {
    const room = createBell(deps.clock);
    const feed: Feed = { taps: new Set(), stop: new AbortController(), onRoom: room.ring, room };
    feeds.set(containerId, feed);
    void pump(deps, containerId, feed).then((reason) => {
      if (feeds.get(containerId) === feed) feeds.delete(containerId);
      for (const tap of feed.taps) tap.end(reason);
    });
    return feed;
  }

  return {
    async *follow(containerId, selection, signal) {
      const seam = createLogSeam();
      for (let round = 0; round < ROUNDS_MAX; round++) {
        // First of all: what is written from now on is either in the tap or in what is read next.
        const { tap, leave } = join(containerId);
        try {
          seam.begin();
          yield* past(deps.runtime, { containerId, selection, seam, signal });
          if (!tap.isOutrun()) {
            seam.begin();
            return yield* present(tap, { selection, seam, signal });
          }
        } finally {
          leave();
        }
      }
      throw slow();
    },
  };
}

type Feed = Readonly<{
  taps: Set<Tap>;
  stop: AbortController;
  /** Called when a follower has taken something. */
  onRoom: () => void;
  room: ReturnType<typeof createBell>;
}>;

type Reading = Readonly<{ selection: LogSelection; seam: LogSeam; signal: AbortSignal }>;

/** What was written before: from the second round on only what the first did not see. */
async function* past(
  runtime: Deps["runtime"],
  { containerId, selection, seam, signal }: Reading & Readonly<{ containerId: string }>,
): Batches {
  const sinceMs = seam.sinceMs();
  const rest = sinceMs === undefined ? {} : { sinceMs, tail: undefined };
  const wanted = { ...selection, ...rest, follow: false };
  for await (const batch of runtime.logs(containerId, wanted, signal)) {
    const entries = seam.pass(batch);
    if (entries.length > 0) yield entries;
  }
}

async function* present(tap: Tap, { selection, seam, signal }: Reading): Batches {
  const isWanted = chooser(selection);
  for await (const batch of tap.read(signal)) {
    const entries = seam.passLast(isWanted ? batch.filter(isWanted) : batch);
    if (entries.length > 0) yield entries;
  }
  if (tap.isOutrun()) throw slow();
}

/** Undefined where all is wanted, as it mostly is: each entry is looked at once for each follower. */
function chooser({ stdout, stderr, sinceMs }: LogSelection) {
  if (stdout && stderr && sinceMs === undefined) return undefined;
  return ({ stream, time }: LogEntry): boolean =>
    (stream === LogStream.STDERR ? stderr : stdout) &&
    (!time || sinceMs === undefined || toMillis(time) >= sinceMs);
}

const slow = () =>
  exhausted(
    "SLOW_READER",
    "the reader fell too far behind what the container writes: read on from the last entry's time, " +
      "or only one stream, or a tail",
  );

/** Between two looks at a log whose stream the engine has ended although its container runs. */
const REOPEN_MS = 500;

/** How far back the first reading goes, so that it surely begins before its followers' own. */
const OVERLAP_MS = 1_000;
const OVERLAP_LINES = 1_000;

/**
 * Passes on what a container writes until it has ended or nobody follows, at the pace of the
 * followers. Resolves with the error that ended it, if one did. An engine may end a stream while the
 * container runs, when it changes files: it is opened anew.
 */
async function pump(deps: Deps, containerId: string, feed: Feed): Promise<Error | undefined> {
  const { signal } = feed.stop;
  const { runtime, clock } = deps;
  const seam = createLogSeam();
  const withoutEcho = createEchoFilter();
  const all = { follow: true, stdout: true, stderr: true };
  const startMs = clock.now() - OVERLAP_MS;
  try {
    await pass(
      runtime.logs(containerId, { ...all, sinceMs: startMs, tail: OVERLAP_LINES }, signal),
    );
    while (!signal.aborted && (await isRunning(runtime, containerId))) {
      await clock.sleep(REOPEN_MS, signal);
      seam.begin();
      const sinceMs = seam.sinceMs() ?? startMs;
      await pass(runtime.logs(containerId, { ...all, sinceMs, tail: undefined }, signal));
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error("the log broke off", { cause: error });
  }

  async function pass(batches: AsyncIterable<readonly LogEntry[]>): Promise<void> {
    for await (const batch of batches) {
      const entries = withoutEcho(seam.pass(batch));
      for (const tap of feed.taps) tap.post(entries);
      await whenRoom(feed);
    }
  }
}

async function isRunning(runtime: Deps["runtime"], containerId: string): Promise<boolean> {
  return (await runtime.inspect(containerId))?.state.kind === "running";
}

/** Resolves once some follower has room and the others have had their time, or none is left. */
async function whenRoom({ taps, stop, room }: Feed): Promise<void> {
  while (!stop.signal.aborted && taps.size > 0) {
    const hasAnyRoom = [...taps].some((tap) => tap.hasRoom());
    const graceMs = Math.max(...[...taps].map((tap) => tap.graceLeftMs()));
    if (hasAnyRoom && graceMs === 0) return;
    await room.wait(stop.signal, hasAnyRoom ? graceMs : undefined);
  }
}
