import { reasonName } from "../../core/outcomes.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { Span, Tracer } from "../../lib/trace/tracer.ts";
import { type Attempt, containerOf, type Outcome, type Stage } from "./attempt.ts";
import { RuntimeError } from "./runtime.ts";

/**
 * What an attempt is traced by, until it runs: a span for all of it, and below that one for each
 * thing that is asked of the engine. Words of the engine stay out: they may quote a command.
 */
export interface AttemptSpans {
  /** A step from where the attempt stands has begun. Answers with the step. */
  follow(from: Attempt, step: Promise<Stage>): Promise<Stage>;
  /** The attempt has come this far. */
  note(stage: Stage): void;
  /** Nobody moves it any more. */
  leave(): void;
}

const UNTRACED: AttemptSpans = {
  follow: (_, step) => step,
  note: () => undefined,
  leave: () => undefined,
};

/** What each stage asks of the engine. Of the others nothing is traced. */
const ENGINE_WORK: Readonly<Partial<Record<Stage["kind"], string>>> = {
  pulling: "docker.pull",
  creating: "docker.create",
  starting: "docker.start",
};

export function createAttemptSpans(tracer: Tracer | undefined, first: Attempt): AttemptSpans {
  const { key, trace } = first;
  if (!tracer || !trace) return UNTRACED;
  const attributes = { "berth.task.id": key.taskId, "berth.attempt": key.attempt };
  const whole = tracer.begin({
    ...{ name: "worker.run_attempt", kind: "internal", parent: trace, attributes },
  });
  if (!whole) return UNTRACED;
  let isOver = false;
  const end = (ending?: Parameters<Span["end"]>[0]) => {
    isOver = true;
    whole.end(ending);
  };

  return {
    follow(from, step) {
      const name = isOver ? undefined : ENGINE_WORK[from.stage.kind];
      if (name === undefined) return step;
      const image = from.spec?.image ?? "";
      const facts = { ...attributes, "container.image.name": image };
      const span = tracer.begin({
        ...{ name, kind: "client", parent: whole.context, attributes: facts },
      });
      step.then(
        (stage) => span?.end({ error: errorIn(stage) ?? refusalIn(stage) }),
        (error: unknown) => span?.end({ error: nameOf(error) }),
      );
      return step;
    },
    note(stage) {
      const containerId = containerOf(stage)?.id;
      const facts = containerId === undefined ? {} : { "container.id": containerId };
      if (stage.kind === "running") end({ attributes: facts });
      if (stage.kind === "ended") end({ attributes: facts, error: errorIn(stage) });
    },
    leave: () => end({ error: "left" }),
  };
}

/** Why an attempt that has ended failed. Undefined when it did not, or has not ended. */
const errorIn = (stage: Stage): string | undefined =>
  stage.kind === "ended" || stage.kind === "removing" ? failureName(stage.outcome) : undefined;

const failureName = ({ state, failure }: Outcome): string | undefined =>
  state === TaskState.FAILED && failure ? reasonName(failure.reason) : undefined;

/** A container that could not be made for want of an image, which is fetched next. */
const refusalIn = (stage: Stage): string | undefined =>
  stage.kind === "pulling" ? "the image is not here yet" : undefined;

const nameOf = (error: unknown): string => {
  if (!(error instanceof RuntimeError)) return "failed";
  return error.kind === "engine-unavailable" ? "engine unavailable" : reasonName(error.kind);
};
