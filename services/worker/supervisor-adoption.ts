import { STOP_GRACE_DEFAULT_SECONDS } from "../../core/limits.ts";
import type { Log } from "../../lib/log.ts";
import { adoptedStage } from "./advance.ts";
import { type Attempt, keyText, type Stage } from "./attempt.ts";
import type { AttemptDriver } from "./attempt-driver.ts";
import type { ContainerFacts, ContainerHint, Runtime } from "./runtime.ts";
import type { StandingOrders } from "./standing-orders.ts";
import type { Disposal } from "./supervisor-disposal.ts";
import type { AttemptTable } from "./supervisor-table.ts";
import type { Verdicts } from "./verdicts.ts";
import type { Gate } from "./worker-gate.ts";

/** Brings the containers that are there and the attempts that are held together. */
export interface Adoption {
  /** Compares all containers with all attempts. The first time, it adopts. */
  onList(all: readonly ContainerFacts[]): void;
  /** Has the attempt of a container look at it. */
  onHint(hint: ContainerHint): void;
}

type Deps = Readonly<{
  runtime: Pick<Runtime, "inspect" | "stop">;
  table: Pick<AttemptTable, "find" | "drivers" | "add">;
  disposal: Disposal;
  verdicts: Pick<Verdicts, "find" | "drop" | "keepOnly">;
  /** Opens once the first list has been taken in. */
  done: Gate;
  log: Log;
}>;

export function createAdoption(deps: Deps): Adoption {
  const { table, done } = deps;
  return {
    onList(all) {
      const listed = new Map(all.map((facts) => [keyText(facts.key), facts]));
      for (const driver of table.drivers()) {
        const { key, stage } = driver.current();
        if (!isAsListed(stage, listed.get(keyText(key)))) driver.hint();
      }
      if (!done.isOpen) deps.verdicts.keepOnly(all.map(({ key }) => key));
      for (const facts of all.toSorted(byStart)) receive(deps, facts);
      done.open();
    },
    onHint(hint) {
      const driver = table.find(hint.key);
      if (driver) tell(deps, driver, hint);
      else if (done.isOpen) void adoptIfThere(deps, hint.containerId);
    },
  };
}

/**
 * What has been started comes first: a create that a life before asked for and that was carried out
 * late may have made a second container of an attempt, if the first is not called so any more.
 */
const byStart = (a: ContainerFacts, b: ContainerFacts): number =>
  Number(a.state.kind === "created") - Number(b.state.kind === "created");

/** There is a hint of the container of an attempt that is held. */
function tell(deps: Deps, driver: AttemptDriver, { kind, containerId }: ContainerHint): void {
  const attempt = driver.current();
  if (kind === "change") driver.hint();
  else if (attempt.stage.kind === "ended") void lookAgain(deps, containerId);
  else if (isSurprised(attempt)) driver.hint();
}

/**
 * Whether a beginning may be somebody else's doing. Who starts a container looks at it
 * afterwards anyhow, and one that was restarted has ended in between, which is a hint of its own.
 */
const isSurprised = ({ stage }: Attempt) => stage.kind === "held";

/**
 * Whether a list shows what an attempt expects. What waits for the engine is never "as listed":
 * a list is a sign that the engine is back.
 */
function isAsListed(stage: Stage, facts: ContainerFacts | undefined): boolean {
  if (stage.kind === "ended") return true;
  if (!facts) return false;
  if (stage.kind === "held") return facts.state.kind === "created";
  return (
    stage.kind === "running" &&
    facts.state.kind === "running" &&
    facts.state.startTimeMs === stage.container.startTimeMs
  );
}

/** A container was met: it belongs to an attempt, or should go, or is adopted. */
function receive(deps: Deps, facts: ContainerFacts): void {
  const stage = deps.table.find(facts.key)?.current().stage;
  if (!stage) {
    if (deps.done.isOpen) void adoptIfThere(deps, facts.containerId);
    else adopt(deps, facts);
  } else if (stage.kind === "ended") {
    if (stage.remains !== "kept") deps.disposal.dispose(facts.key, facts.containerId);
    else if (facts.state.kind === "running") void quell(deps, facts);
  }
}

/**
 * An attempt that has ended never runs again: its end is on record, and another attempt may run in
 * its place. Somebody started its container by hand; it is stopped, and kept for its logs.
 */
async function quell({ runtime, log }: Deps, { key, containerId }: ContainerFacts): Promise<void> {
  log.warn({ ...key, containerId }, "ended container runs again, stopping it");
  try {
    await runtime.stop(containerId, STOP_GRACE_DEFAULT_SECONDS * 1_000);
  } catch (error) {
    // The next list shows it again.
    log.debug({ ...key, containerId, err: error }, "ended container not stopped");
  }
}

/** Something was made or started under the name of an attempt that has ended. */
async function lookAgain(deps: Deps, containerId: string): Promise<void> {
  try {
    const facts = await deps.runtime.inspect(containerId);
    if (facts) receive(deps, facts);
  } catch (error) {
    // The next list shows it again.
    deps.log.debug({ containerId, err: error }, "container of an ended attempt not inspected");
  }
}

/** Adopts a container of unknown origin. A list may be old: it may just have been forgotten. */
async function adoptIfThere(deps: Deps, containerId: string): Promise<void> {
  try {
    const facts = await deps.runtime.inspect(containerId);
    if (facts && !deps.table.find(facts.key) && !deps.disposal.isDisposing(facts.key))
      adopt(deps, facts);
  } catch (error) {
    // The next list shows it again.
    deps.log.debug({ containerId, err: error }, "unknown container not inspected");
  }
}

function adopt({ table, verdicts, log }: Deps, facts: ContainerFacts): void {
  const { key, name, image, containerId, orders } = facts;
  log.info({ ...key, containerId, found: facts.state.kind }, "container adopted");
  const verdict = verdicts.find(key);
  const stage = adoptedStage(facts, verdict);
  if (facts.state.kind === "created") verdicts.drop(key);
  table.add({ key, name: name || key.taskId, spec: undefined, image, orders, stage });
  // The engine may be stopping it on behalf of a life before: what was begun is carried out, or it
  // would seem to have ended by itself.
  if (verdict && facts.state.kind === "running") table.find(key)?.fail(verdict, graceOf(orders));
}

function graceOf({ onDisconnect, probing }: StandingOrders): number {
  if (onDisconnect.kind === "stop") return onDisconnect.graceMs;
  return probing?.graceMs ?? STOP_GRACE_DEFAULT_SECONDS * 1_000;
}
