import { toMillis } from "../../core/time.ts";
import { type LogEntry, LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import { createBell } from "../../lib/bell.ts";
import type { AttemptSpec } from "./attempt-resources.ts";
import {
  deleteContainer,
  exitContainer,
  type FakeContainer,
  type FakeEngine,
  factsOf,
  makeContainer,
  noteCall,
  openWatch,
  renameContainer,
  startContainer,
} from "./fake-runtime-engine.ts";
import { execInFake } from "./fake-runtime-exec.ts";
import { createFakeFiles } from "./fake-runtime-files.ts";
import { usageOf } from "./fake-runtime-usage.ts";
import {
  type AttemptKey,
  containerName,
  type EngineDescription,
  type LogSelection,
  type Owner,
  type Runtime,
  RuntimeError,
} from "./runtime.ts";

/** How long a hung engine is waited for, as a real runtime's deadline would have it. */
const HUNG_CALL_MS = 5_000;

/** Exit codes of processes that end by SIGTERM and by SIGKILL. */
const EXIT_TERMINATED = 143;
const EXIT_KILLED = 137;

/** A machine of ordinary size, for workers that have none of their own. */
const fakeMachine: EngineDescription = {
  engine: "fake 1.0",
  os: "linux",
  architecture: "amd64",
  cpuMillis: 4_000,
  memoryBytes: 8 * 2 ** 30,
  dataRoot: "/",
};

/**
 * A runtime whose containers live in memory, for tests, simulations and load. Its engine is
 * given from outside and outlives it, so that a worker's crash can be played.
 */
export function createFakeRuntime(engine: FakeEngine, machine = fakeMachine): Runtime {
  const find = (id: string) => engine.containers.get(id);
  const owned = (owner: Owner) =>
    [...engine.containers.values()].filter((container) => isOwner(container.owner, owner));
  return {
    describe: () => ask(engine, "describe", () => machine),
    ping: () => ask(engine, "ping", () => undefined),
    pull: (image, signal) => pull(engine, image, signal),
    create: (key, spec, owner) =>
      ask(engine, "create", () => createContainer(engine, { key, spec, owner })),
    start: (ref) => ask(engine, "start", () => start(engine, find(ref) ?? findNamed(engine, ref))),
    revokeStarts: (id) => ask(engine, "rename", () => renameContainer(engine, find(id))),
    inspect: (id) =>
      ask(engine, "inspect", () => {
        const container = find(id);
        return container && factsOf(container);
      }),
    stop: (id, graceMs) => ask(engine, "stop", () => stop(engine, find(id), graceMs)),
    usage: ({ containerId }) => ask(engine, "usage", () => usageOf(engine, find(containerId))),
    remove: (id) => ask(engine, "remove", () => remove(engine, find(id))),
    list: (owner) => ask(engine, "list", () => owned(owner).map(factsOf)),
    watch: (owner, signal) => watch(engine, owner, signal),
    logs: (id, selection, signal) => logs(engine, find(id), { selection, signal }),
    exec: (id, process, signal) => ask(engine, "exec", () => execInFake(find(id), process, signal)),
    files: createFakeFiles(engine),
  };
}

/** Who plays somebody else may have taken the container away. */
function findNamed({ names, containers }: FakeEngine, name: string): FakeContainer | undefined {
  const named = names.get(name);
  return named && containers.has(named.id) ? named : undefined;
}

/** Has the engine do something and answer, in whatever mood it is. */
async function ask<T>(engine: FakeEngine, verb: string, effect: () => T | Promise<T>): Promise<T> {
  noteCall(engine, verb);
  if (engine.slowMs > 0) await engine.clock.sleep(engine.slowMs);
  if (engine.mode === "hung") await engine.clock.sleep(HUNG_CALL_MS);
  if (engine.mode !== "up") throw silence(verb);
  if (engine.lostAnswers === 0) return effect();
  engine.lostAnswers--;
  await effect();
  throw silence(verb);
}

const silence = (verb: string) =>
  new RuntimeError("engine-unavailable", `the engine did not answer: ${verb}`);

async function pull(engine: FakeEngine, image: string, signal: AbortSignal): Promise<void> {
  await ask(engine, "pull", () => undefined);
  const behaviour = engine.behaviourOf(image);
  if (behaviour.pullMs > 0) await engine.clock.sleep(behaviour.pullMs, signal);
  if (signal.aborted)
    throw new RuntimeError(FailureReason.IMAGE_PULL_FAILED, `pull of ${image} was interrupted`);
  if (behaviour.image === "missing")
    throw new RuntimeError(FailureReason.IMAGE_NOT_FOUND, `no image ${image} in the registry`);
  if (behaviour.image === "unreachable")
    throw new RuntimeError(FailureReason.IMAGE_PULL_FAILED, `no answer from ${image}'s registry`);
  engine.pulled.add(image);
}

function createContainer(
  engine: FakeEngine,
  facts: Readonly<{ key: AttemptKey; spec: AttemptSpec; owner: Owner }>,
): string {
  const { key, spec } = facts;
  const named = findNamed(engine, containerName(key));
  if (named && isOwner(named.owner, facts.owner)) return named.id;
  if (named) throw new RuntimeError(FailureReason.CREATE_FAILED, `${named.name} is another's`);
  const behaviour = engine.behaviourOf(spec.image);
  if (behaviour.image !== "present" && !engine.pulled.has(spec.image))
    throw new RuntimeError(FailureReason.IMAGE_NOT_FOUND, `no image ${spec.image} on the worker`);
  if (behaviour.createFailure !== undefined)
    throw new RuntimeError(behaviour.createFailure, "the container cannot be made");
  return makeContainer(engine, { ...facts, behaviour }).id;
}

function start(engine: FakeEngine, container: FakeContainer | undefined): void {
  if (!container)
    throw new RuntimeError(FailureReason.REMOVED_EXTERNALLY, "there is no such container");
  if (container.behaviour.startFailure !== undefined)
    throw new RuntimeError(container.behaviour.startFailure, "the process cannot be started");
  if (container.state.kind === "created") startContainer(engine, container);
  // A real engine would run it once more: nobody may count on being saved from that.
  else if (container.state.kind === "exited") container.startCount++;
}

async function stop(
  engine: FakeEngine,
  container: FakeContainer | undefined,
  graceMs: number,
): Promise<void> {
  if (container?.state.kind !== "running") return;
  const { onStop } = container.behaviour;
  if (onStop !== "exits" && graceMs > 0) await engine.clock.sleep(graceMs, container.over.signal);
  if (onStop === "survives" && container.state.kind === "running")
    throw new RuntimeError(FailureReason.STOP_TIMEOUT, "the process does not even die when killed");
  const exitCode = onStop === "exits" ? EXIT_TERMINATED : EXIT_KILLED;
  exitContainer(engine, container, { exitCode, oomKilled: false });
}

function remove(engine: FakeEngine, container: FakeContainer | undefined): void {
  if (container?.state.kind === "running")
    throw new RuntimeError(FailureReason.STOP_TIMEOUT, "a running container is not removed");
  if (container) deleteContainer(engine, container);
}

async function* watch(engine: FakeEngine, owner: Owner, signal: AbortSignal) {
  const box = openWatch(engine);
  try {
    for await (const hints of box.read(signal))
      for (const hint of hints)
        if (hint.kind === "resync" || isOwned(engine, hint.containerId, owner)) yield hint;
  } finally {
    engine.watchers.delete(box);
  }
}

/** Whether a hint is for the owner. Of a container that is gone nobody can tell: it passes. */
function isOwned(engine: FakeEngine, containerId: string, owner: Owner): boolean {
  const container = engine.containers.get(containerId);
  return container === undefined || isOwner(container.owner, owner);
}

const isOwner = (a: Owner, b: Owner) => a.clusterId === b.clusterId && a.workerId === b.workerId;

async function* logs(
  engine: FakeEngine,
  container: FakeContainer | undefined,
  { selection, signal }: Readonly<{ selection: LogSelection; signal: AbortSignal }>,
) {
  await ask(engine, "logs", () => undefined);
  if (!container)
    throw new RuntimeError(FailureReason.REMOVED_EXTERNALLY, "there is no such container");
  const seen = container.entries.length;
  const isSelected = ({ stream, time }: LogEntry) =>
    (stream === LogStream.STDOUT ? selection.stdout : selection.stderr) &&
    (selection.sinceMs === undefined || (time && toMillis(time) >= selection.sinceMs));
  const selected = container.entries.filter(isSelected);
  const { tail } = selection;
  yield tail === undefined ? selected : selected.slice(Math.max(0, selected.length - tail));
  if (selection.follow)
    for await (const news of followLogs(engine, container, { seen, signal }))
      yield news.filter(isSelected);
}

async function* followLogs(
  engine: FakeEngine,
  container: FakeContainer,
  { seen: known, signal }: Readonly<{ seen: number; signal: AbortSignal }>,
) {
  const bell = createBell(engine.clock);
  container.followers.add(bell.ring);
  try {
    for (let seen = known; !signal.aborted; ) {
      const isOver = container.over.aborted;
      const news = container.entries.slice(seen);
      seen += news.length;
      if (news.length > 0) yield news;
      if (isOver) return;
      await bell.wait(signal);
    }
  } finally {
    container.followers.delete(bell.ring);
  }
}
