import { FailureReason } from "../../gen/berth/v1/task_pb.ts";

/** What a fake container does, and what the engine says to it. */
export type Behaviour = Readonly<{
  /** Where the image is: on the worker, a pull away, nowhere, or behind a registry that is down. */
  image: "present" | "remote" | "missing" | "unreachable";
  /** How long a pull takes. */
  pullMs: number;
  /** Why the container cannot be made. */
  createFailure: FailureReason | undefined;
  /** Why the container cannot be started. */
  startFailure: FailureReason | undefined;
  /** When the process exits by itself. Undefined: never. */
  exitAfterMs: number | undefined;
  exitCode: number;
  /** Whether that exit is the kernel's doing, for want of memory. */
  oomKilled: boolean;
  /** How it takes a stop: exits at once, has to be killed, or cannot even be killed. */
  onStop: "exits" | "ignores" | "survives";
  /** From when its probes pass, and until when, after its start. */
  healthyAfterMs: number;
  unhealthyAfterMs: number;
  /** Until when its readiness probe passes. */
  unreadyAfterMs: number;
  /** Whether its probes get no answer at all. */
  isDeaf: boolean;
}>;

export const wellBehaved: Behaviour = {
  image: "present",
  pullMs: 0,
  createFailure: undefined,
  startFailure: undefined,
  exitAfterMs: undefined,
  exitCode: 0,
  oomKilled: false,
  onStop: "exits",
  healthyAfterMs: 0,
  unhealthyAfterMs: Number.POSITIVE_INFINITY,
  unreadyAfterMs: Number.POSITIVE_INFINITY,
  isDeaf: false,
};

/**
 * Reads a behaviour from the tag of an image, so that a task can ask for it: words separated by
 * dots, values after the last dash. `fake:after-500.exit-3` exits after half a second with code 3.
 *
 * Words: `after-MS`, `exit-CODE`, `oom`, `remote`, `pull-MS`, `missing`, `unreachable`,
 * `ignores`, `survives`, `nocreate`, `nostart`; and for probes `healthy-after-MS`,
 * `unhealthy-after-MS`, `unready-after-MS`, `deaf`. Others mean nothing: any image runs for ever.
 */
export function behaviourOfImage(image: string): Behaviour {
  const tag = image.slice(image.lastIndexOf("/") + 1).split(":")[1] ?? "";
  let behaviour = wellBehaved;
  for (const word of tag.split(".")) {
    const [verb = "", ...values] = word.split("-");
    const value = values.at(-1) ?? "";
    behaviour = { ...behaviour, ...words.get(verb)?.(Number(value) || 0) };
  }
  return behaviour;
}

const words = new Map<string, (value: number) => Partial<Behaviour>>([
  ["after", (exitAfterMs) => ({ exitAfterMs })],
  ["exit", (exitCode) => ({ exitCode })],
  ["oom", () => ({ oomKilled: true, exitCode: 137 })],
  ["remote", () => ({ image: "remote" })],
  ["pull", (pullMs) => ({ image: "remote", pullMs })],
  ["missing", () => ({ image: "missing" })],
  ["unreachable", () => ({ image: "unreachable" })],
  ["ignores", () => ({ onStop: "ignores" })],
  ["survives", () => ({ onStop: "survives" })],
  ["healthy", (healthyAfterMs) => ({ healthyAfterMs })],
  ["unhealthy", (unhealthyAfterMs) => ({ unhealthyAfterMs })],
  ["unready", (unreadyAfterMs) => ({ unreadyAfterMs })],
  ["deaf", () => ({ isDeaf: true })],
  ["nocreate", () => ({ createFailure: FailureReason.CREATE_FAILED })],
  ["nostart", () => ({ startFailure: FailureReason.START_FAILED })],
]);
