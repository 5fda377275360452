import type { Context } from "./context.ts";
import type { Step } from "./follow-task.ts";
import { nameOf, progressText } from "./output/task-text.ts";
import { areRewritten, createProgress } from "./progress.ts";
import { printLine } from "./terminal.ts";

/** Tells on stderr what happens to a task. */
export interface StepTeller {
  tell(step: Step): void;
  /** Makes room for what others print, until the next step. */
  pause(): void;
  /** The last step stays to be read. */
  end(): void;
}

/** How often ages and waits in the line are brought up to date. */
const REDRAW_MS = 1_000;

/** On a screen one line that is rewritten; elsewhere a line for each step that says something new. */
export function createStepTeller(context: Context, quiet: boolean): StepTeller {
  if (quiet) return { tell: () => undefined, pause: () => undefined, end: () => undefined };
  return areRewritten(context.terminal) ? rewriting(context) : printing(context);
}

function printing({ terminal, clock }: Context): StepTeller {
  let told = "";
  return {
    tell(step) {
      const line = textOf(step, clock.now());
      if (line !== told) printLine(terminal.stderr, line);
      told = line;
    },
    pause: () => undefined,
    end: () => undefined,
  };
}

function rewriting(context: Context): StepTeller {
  const { clock } = context;
  const progress = createProgress(context, { quiet: false, everyMs: 0 });
  let disarm = (): void => undefined;

  function draw(step: Step): void {
    disarm();
    progress.show(textOf(step, clock.now()));
    disarm = clock.after(REDRAW_MS, () => draw(step));
  }

  return {
    tell: draw,
    pause() {
      disarm();
      progress.clear();
    },
    end() {
      disarm();
      progress.end();
    },
  };
}

function textOf(step: Step, nowMs: number): string {
  switch (step.kind) {
    case "reconnecting":
      return "the manager is away, calling again";
    case "removed":
      return `${nameOf(step.task)}: removed`;
    case "changed":
      return `${nameOf(step.task)}: ${progressText(step.task, nowMs)}`;
  }
}
