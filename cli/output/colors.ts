import pc from "picocolors";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { Terminal } from "../terminal.ts";

export type Paint = (text: string) => string;

/** The few colours that Berth uses, each with one meaning. */
export type Colors = Readonly<{ good: Paint; moving: Paint; bad: Paint; quiet: Paint }>;

/** Whether it is a screen that wants colours (no-color.org). */
export const areColorsWanted = ({ isTty, env }: Terminal): boolean =>
  isTty && !env["NO_COLOR"] && env["TERM"] !== "dumb";

/** Colours on a screen that wants them, plain text elsewhere. */
export function colorsFor(terminal: Terminal): Colors {
  const { green, yellow, red, dim } = pc.createColors(areColorsWanted(terminal));
  return { good: green, moving: yellow, bad: red, quiet: dim };
}

/** The colour of a task's state. */
export function paintOf(state: TaskState, colors: Colors): Paint {
  if (state === TaskState.RUNNING) return colors.good;
  if (state === TaskState.FAILED || state === TaskState.LOST) return colors.bad;
  if (state === TaskState.COMPLETED || state === TaskState.STOPPED) return colors.quiet;
  return colors.moving;
}
