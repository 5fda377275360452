import { FailureReason, PullPolicy, type TaskSpec, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { assert } from "../../lib/assert.ts";
import type { LateAbort } from "../../lib/late-abort.ts";
import type { Attempt, AttemptFailure, Container, Ended, Outcome, Stage, Wish } from "./attempt.ts";
import { keyText } from "./attempt.ts";
import { failed, outcomeOfExit, outcomeOfStop } from "./attempt-outcome.ts";
import type { AttemptSpec } from "./attempt-resources.ts";
import {
  type ContainerExit,
  type ContainerFacts,
  containerName,
  type Owner,
  type Runtime,
  RuntimeError,
} from "./runtime.ts";

/** The verbs that move an attempt. */
export type Engine = Pick<
  Runtime,
  "pull" | "create" | "start" | "revokeStarts" | "inspect" | "stop" | "remove" | "list"
>;

type Context = Readonly<{
  engine: Engine;
  owner: Owner;
  /** Aborts a pull once the attempt is no longer wanted. */
  pulling: Pick<LateAbort, "signal">;
}>;

/**
 * Takes an attempt one step towards what is wanted of it and tells where it stands then. The
 * caller reports the step before it asks for the next one, so a crash repeats at most one step.
 *
 * Throws when the step could not be done and has to be repeated: every step can be.
 */
export async function advance(attempt: Attempt, context: Context): Promise<Stage> {
  const turned = attempt.wish.kind === "stop" ? turnToStop(attempt) : undefined;
  if (turned) return turned;
  try {
    return await step(attempt, context);
  } catch (error) {
    // A pull that was cut short has not failed: whoever cut it knows what comes next.
    const isVerdict = error instanceof RuntimeError && !context.pulling.signal.aborted;
    const stage = isVerdict ? afterRefusal(attempt, error) : undefined;
    if (stage) return stage;
    throw error;
  }
}

/** The stage at which an attempt begins that was asked for just now. */
export const firstStage = (spec: TaskSpec): Stage =>
  spec.pullPolicy === PullPolicy.ALWAYS
    ? { kind: "pulling" }
    : { kind: "creating", isPulled: false };

/**
 * The stage of an attempt of which only the container is known, and why the worker ended it if it
 * did.
 */
export function adoptedStage(
  { containerId, imageId, state }: ContainerFacts,
  verdict: AttemptFailure | undefined,
): Stage {
  const container = { id: containerId, startTimeMs: undefined, ports: [], imageId };
  switch (state.kind) {
    case "created":
      return { kind: "held", container };
    case "running":
      return { kind: "running", container: { ...container, ...runningFacts(state) } };
    case "exited":
      return afterExit(container, outcomeAs(verdict, state.exit));
  }
}

const outcomeAs = (failure: AttemptFailure | undefined, exit: ContainerExit): Outcome =>
  failure && exit.startTimeMs !== undefined
    ? outcomeOfStop(exit, { failure })
    : outcomeOfExit(exit);

const runningFacts = ({
  kind: _,
  ...facts
}: Extract<ContainerFacts["state"], { kind: "running" }>) => facts;

/** Where a wish to stop leads from here; undefined once it leads there already. */
function turnToStop({ stage, wish, trouble }: Attempt): Stage | undefined {
  switch (stage.kind) {
    case "pulling":
      return ended(outcomeOfStop(undefined, failureOf(wish)));
    case "creating":
      return trouble ? { kind: "searching" } : ended(outcomeOfStop(undefined, failureOf(wish)));
    case "starting":
    case "held":
    case "confirming":
    case "running":
      return { kind: "stopping", container: stage.container };
    case "searching":
    case "stopping":
    case "removing":
    case "ended":
      return undefined;
  }
}

async function step(attempt: Attempt, context: Context): Promise<Stage> {
  const { stage } = attempt;
  const { engine } = context;
  switch (stage.kind) {
    case "pulling":
      await engine.pull(specOf(attempt).image, context.pulling.signal);
      return { kind: "creating", isPulled: true };
    case "creating": {
      const id = await engine.create(attempt.key, specOf(attempt), context.owner);
      return { kind: "starting", container: { id, startTimeMs: undefined, ports: [] } };
    }
    case "starting":
      return start(attempt, stage, engine);
    case "held": {
      const seen = await look(stage, engine);
      if (seen.kind !== "held" || !attempt.spec) return seen;
      return { kind: "starting", container: seen.container, isInherited: true };
    }
    case "confirming":
    case "running":
      return look(stage, engine);
    case "searching":
      return search(attempt, context);
    case "stopping":
      return stop(attempt, stage.container, engine);
    case "removing":
      await engine.remove(stage.container.id);
      return { ...ended(stage.outcome), container: stage.container };
    case "ended":
      return stage;
  }
}

/**
 * Starts a container, once: a try whose answer got lost may have started it, or may yet, and what
 * it started may have ended since.
 */
async function start(
  { key, trouble }: Attempt,
  { container, isInherited }: Extract<Stage, { kind: "starting" }>,
  engine: Engine,
): Promise<Stage> {
  const isRepeated = trouble !== undefined || isInherited;
  const name = isRepeated ? await engine.revokeStarts(container.id) : containerName(key);
  if (name !== undefined) await engine.start(name);
  return { kind: "confirming", container };
}

/** Asks the engine what became of a container that nobody has asked to stop. */
async function look(
  stage: Extract<Stage, { kind: "held" | "confirming" | "running" }>,
  engine: Engine,
): Promise<Stage> {
  const facts = await engine.inspect(stage.container.id);
  if (!facts) return { ...ended(removedExternally(stage.container)), container: stage.container };
  const container: Container = { ...stage.container, imageId: facts.imageId };
  switch (facts.state.kind) {
    case "created":
      if (stage.kind === "held") return stage;
      // Repeating is all that is left: the start was accepted and has no effect yet.
      throw new RuntimeError(
        "engine-unavailable",
        `container ${container.id} was started but the engine does not show it running`,
      );
    case "running":
      return { kind: "running", container: { ...container, ...runningFacts(facts.state) } };
    case "exited":
      return afterExit(container, outcomeOfExit(facts.state.exit));
  }
}

/** A container that ran is kept for its logs; one that never did has none. */
function afterExit(container: Container, outcome: Outcome): Stage {
  if (!outcome.exit) return { kind: "removing", container, outcome };
  return { kind: "ended", outcome, container, remains: "kept" };
}

/** Finds out whether the engine made a container when it did not answer. */
async function search({ key, wish }: Attempt, { engine, owner }: Context): Promise<Stage> {
  const all = await engine.list(owner);
  const found = all.find((facts) => keyText(facts.key) === keyText(key));
  if (!found) return ended(outcomeOfStop(undefined, failureOf(wish)));
  const container = { id: found.containerId, startTimeMs: undefined, ports: [] };
  return { kind: "stopping", container };
}

async function stop(attempt: Attempt, container: Container, engine: Engine): Promise<Stage> {
  const { wish, trouble } = attempt;
  assert(wish.kind === "stop", "only an attempt that is asked to stop is stopped");
  await engine.stop(container.id, wish.graceMs);
  const facts = await engine.inspect(container.id);
  const late = trouble?.isStopTimeout ? trouble.words : undefined;
  const why = { ...failureOf(wish), late };
  if (!facts) return { ...ended(outcomeOfStop(undefined, why)), container };
  if (facts.state.kind === "running")
    throw new RuntimeError(
      FailureReason.STOP_TIMEOUT,
      `container ${container.id} runs on after it was killed`,
    );
  const exit = facts.state.kind === "exited" ? facts.state.exit : undefined;
  const ran = exit?.startTimeMs === undefined ? undefined : exit;
  const outcome = outcomeOfStop(ran, why);
  if (outcome.state === TaskState.STOPPED) return { kind: "removing", container, outcome };
  return { kind: "ended", outcome, container, remains: ran ? "kept" : "unwanted" };
}

const failureOf = (wish: Wish) => (wish.kind === "stop" ? { failure: wish.failure } : {});

/** Where an engine's plain "no" leads; undefined where the step is to be repeated. */
function afterRefusal(attempt: Attempt, error: RuntimeError): Stage | undefined {
  const { stage } = attempt;
  if (error.kind === "engine-unavailable") return undefined;
  const outcome = failed(error.kind, error.message);
  switch (stage.kind) {
    case "creating":
      return mayPull(attempt, error) ? { kind: "pulling" } : ended(outcome);
    case "pulling":
      return ended(outcome);
    case "starting":
      if (error.kind === FailureReason.REMOVED_EXTERNALLY)
        return { ...ended(outcome), container: stage.container };
      return { kind: "removing", container: stage.container, outcome };
    case "held":
    case "confirming":
    case "running":
    case "searching":
    case "stopping":
    case "removing":
    case "ended":
      return undefined;
  }
}

/** An image is looked for only once it is missed, so that the good case costs one call. */
function mayPull(attempt: Attempt, error: RuntimeError): boolean {
  const { stage } = attempt;
  return (
    error.kind === FailureReason.IMAGE_NOT_FOUND &&
    stage.kind === "creating" &&
    !stage.isPulled &&
    specOf(attempt).pullPolicy !== PullPolicy.NEVER
  );
}

function specOf({ spec, key }: Attempt): AttemptSpec {
  assert(spec, `attempt ${keyText(key)} has no spec to be started from`);
  return spec;
}

const removedExternally = (container: Container): Outcome =>
  failed(
    FailureReason.REMOVED_EXTERNALLY,
    `container ${container.id} was removed by somebody else`,
  );

const ended = (outcome: Outcome): Ended => ({
  kind: "ended",
  outcome,
  container: undefined,
  remains: "gone",
});
