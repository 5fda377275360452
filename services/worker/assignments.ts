import type { PushResult } from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { unavailable } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { type Backoff, createBackoff } from "../../lib/retry.ts";
import { fromStatus } from "../../lib/status.ts";
import type { StoreView } from "../../lib/store/store-view.ts";
import { planOrders } from "./assignment-plan.ts";
import { type Reading, readAssignments } from "./assignment-reading.ts";
import { createPushes, type PushDeps } from "./handlers-push.ts";
import type { Fence, Identity } from "./identity.ts";
import type { ManagerTouch } from "./manager-touch.ts";
import type { ReportFeed } from "./reports-feed.ts";
import { createReruns, type Reruns } from "./reruns.ts";
import type { Supervisor } from "./supervisor.ts";

type Deps = Omit<PushDeps, "admit" | "supervisor"> &
  Readonly<{
    supervisor: Supervisor;
    identity: Identity;
    touch: ManagerTouch;
    feed: ReportFeed;
    /** Opens a view of the managers' store. Throws when it cannot be reached. */
    openView: () => Promise<StoreView>;
    clock: Clock;
    random: Random;
    log: Log;
  }>;

/**
 * For how long no manager must have been in touch before the store is asked: longer than a lease,
 * in which another manager would have taken over. Up to half as much again, so that not all workers
 * ask at once.
 */
export const ABSENT_MS = 5_000;

/** How old an order to start may be: a new leader counts no worker as lost sooner. */
export const START_MS_MAX = 2_000;

/** At least this long between two looks, whatever happens. */
export const LOOK_MS_MIN = 1_000;

/** And at most about so long, as often as a manager compares all. */
export const LOOK_MS_MAX = 60_000;

const retry = { firstMs: 2_000, capMs: LOOK_MS_MAX, stableMs: LOOK_MS_MAX };

/**
 * Has the worker do what the managers' store says of it for as long as no manager is in touch, until
 * `signal` aborts. A manager's word comes first: what was read before one spoke is void.
 */
export async function runAssignments(deps: Deps, signal: AbortSignal): Promise<void> {
  const { touch, random, feed } = deps;
  const unsubscribe = feed.subscribe(({ stage }) => stage.kind === "ended" && touch.changed.ring());
  while (!signal.aborted) {
    const patienceMs = ABSENT_MS * (1 + random() / 2);
    while (!signal.aborted && touch.absentMs() < patienceMs)
      await touch.changed.wait(signal, restOf(touch, patienceMs));
    if (!signal.aborted) await standIn(deps, signal);
  }
  unsubscribe();
}

/** Nothing to wait for while one watches, but that it ends. */
const restOf = (touch: ManagerTouch, patienceMs: number): number | undefined =>
  touch.isWatched() ? undefined : patienceMs - touch.absentMs();

/** What is remembered while no manager is in touch. */
type StandIn = Deps & {
  readonly backoff: Backoff;
  readonly reruns: Reruns;
  view: StoreView | undefined;
  /** Of the latest look. */
  moment: bigint;
  /** What was wrong with the store last. */
  doubt: string;
};

/** Until a manager is in touch again. */
async function standIn(deps: Deps, signal: AbortSignal): Promise<void> {
  const { touch, clock, log, random } = deps;
  const backoff = createBackoff({ ...retry, random, clock });
  const memory = { view: undefined, moment: 0n, doubt: "" };
  const self: StandIn = { ...deps, backoff, reruns: createReruns(deps), ...memory };
  log.warn({}, "no manager is in touch: the store is asked what to run");
  try {
    while (!signal.aborted && touch.absentMs() >= ABSENT_MS) {
      touch.changed.hush();
      const pauseMs = await look(self);
      await clock.sleep(LOOK_MS_MIN, signal);
      if (touch.absentMs() >= ABSENT_MS)
        await touch.changed.wait(signal, Math.max(0, pauseMs - LOOK_MS_MIN));
    }
  } finally {
    await self.view?.close();
  }
  if (!signal.aborted) log.info({}, "a manager is in touch again");
}

/** Looks once, and does what follows. How long to wait for the next time, if nothing happens. */
async function look(self: StandIn): Promise<number> {
  const { supervisor, identity, touch, clock, log, backoff, random } = self;
  const asOf: AsOf = { sentMs: clock.monotonic(), touches: touch.count() };
  const fence = identity.fence();
  if (!fence) return LOOK_MS_MAX;
  try {
    await supervisor.adopted();
    self.view ??= await self.openView();
    const own = { workerId: identity.workerId, fence, moment: self.moment };
    const reading = await readAssignments(self.view, own, log);
    noteDoubt(self, reading.kind === "doubtful" ? reading.reason : "");
    if (reading.kind === "doubtful") return backoff.next();
    self.moment = reading.moment;
    const nextMs = await act(self, reading, asOf);
    if (reading.isLed) return backoff.next();
    backoff.reset();
    const leftMs = (nextMs ?? Number.POSITIVE_INFINITY) - clock.monotonic();
    return Math.min(leftMs, LOOK_MS_MAX * (0.75 + random() / 4));
  } catch (err) {
    log.warn({ err }, "assignments not read");
    return backoff.next();
  }
}

function noteDoubt(self: StandIn, doubt: string): void {
  if (doubt !== "" && doubt !== self.doubt)
    self.log.warn({ reason: doubt }, "the store is not asked what to run");
  self.doubt = doubt;
}

/** When somebody began to look, and how often managers had been in touch by then. */
type AsOf = Readonly<{ sentMs: number; touches: number }>;

/** When there is more to do, by the monotonic clock; undefined: nothing that is known of. */
async function act(
  self: StandIn,
  reading: Extract<Reading, { kind: "orders" }>,
  asOf: AsOf,
): Promise<number | undefined> {
  const { supervisor, reruns, clock, log } = self;
  const { isCutOff, find } = supervisor;
  const here = { find, isCutOff: isCutOff(), reruns, nowMs: clock.monotonic() };
  const { stops, starts, again, nextMs } = planOrders(reading, here);
  if (stops.length + starts.length + again.length === 0) return nextMs;
  const admit = createAdmission(self, asOf);
  const pushes = createPushes({ ...self, admit });
  tellRefusals(await pushes.stop.many(stops), log);
  tellRefusals(await pushes.start.many(starts), log);
  if (again.length > 0) await admit(reading.fence);
  for (const key of again) {
    log.info({ ...key }, "attempt runs again, by its restart policy");
    supervisor.forget(key);
    reruns.begin(key);
  }
  log.info(
    { stopped: stops.length, started: starts.length, again: again.length },
    "assignments carried out",
  );
  // What is still being removed is not started before it is gone.
  const isUnfinished = again.length > 0 || starts.some((request) => !find(request));
  return isUnfinished ? clock.monotonic() : nextMs;
}

/** Obeys what was read only while it is fresh, and no manager has spoken since. */
const createAdmission =
  ({ identity, touch, clock }: StandIn, { sentMs, touches }: AsOf) =>
  async (fence: Fence): Promise<void> => {
    await identity.admit(fence);
    if (touch.count() !== touches)
      throw unavailable("MANAGER_IN_TOUCH", "a manager has spoken since the store was read");
    const agedMs = clock.monotonic() - sentMs;
    if (agedMs > START_MS_MAX)
      throw unavailable("READ_TOO_OLD", `the store was read ${agedMs} ms ago`);
  };

function tellRefusals(results: readonly PushResult[], log: Log): void {
  for (const { taskId, attempt, error } of results)
    if (error) log.warn({ taskId, attempt, err: fromStatus(error) }, "assignment not carried out");
}
