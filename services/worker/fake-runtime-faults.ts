import { keyText } from "./attempt.ts";
import {
  deleteContainer,
  exitContainer,
  type FakeContainer,
  type FakeEngine,
  restartContainer,
  writeLog,
} from "./fake-runtime-engine.ts";
import type { AttemptKey } from "./runtime.ts";

/** The container of an attempt, if there is one. */
export const containerFor = (engine: FakeEngine, key: AttemptKey): FakeContainer | undefined =>
  [...engine.containers.values()].find((container) => keyText(container.key) === keyText(key));

/** The engine's process dies, or stops answering. Containers run on. */
export function breakEngine(engine: FakeEngine, mode: "down" | "hung"): void {
  engine.mode = mode;
}

/** The engine answers again. Whoever watches is told that hints may have been lost. */
export function mendEngine(engine: FakeEngine): void {
  engine.mode = "up";
  for (const box of engine.watchers) box.post({ kind: "resync" });
}

/** The process of a running container ends by itself. */
export function exitProcess(engine: FakeEngine, key: AttemptKey, exitCode: number): void {
  const container = containerFor(engine, key);
  if (container) exitContainer(engine, container, { exitCode, oomKilled: false });
}

/** Probes of the container fail from now on, or no more. */
export function sicken(engine: FakeEngine, key: AttemptKey, ailment: string | undefined): void {
  const container = containerFor(engine, key);
  if (container) container.ailment = ailment;
}

/** Somebody removes the container by force, as `docker rm -f` does. */
export function removeByForce(engine: FakeEngine, key: AttemptKey): void {
  const container = containerFor(engine, key);
  if (container) deleteContainer(engine, container);
}

/** The container's process writes to its standard output. */
export function writeOutput(engine: FakeEngine, key: AttemptKey, text: string): void {
  const container = containerFor(engine, key);
  if (container) writeLog(engine, container, text);
}

/** Somebody starts an ended container again, as `docker start` does. */
export function startByHand(engine: FakeEngine, key: AttemptKey): void {
  const container = containerFor(engine, key);
  if (container) restartContainer(engine, container);
}
