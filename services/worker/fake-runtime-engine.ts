import { create } from "@bufbuild/protobuf";
import { toTimestamp } from "../../core/time.ts";
import { type LogEntry, LogEntrySchema, LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import {
  FailureReason,
  PortProtocol,
  type PortSpec,
  type PublishedPort,
  PublishedPortSchema,
} from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { LateAbort } from "../../lib/late-abort.ts";
import { createMailbox, type Mailbox } from "../../lib/mailbox.ts";
import type { AttemptSpec } from "./attempt-resources.ts";
import { type Behaviour, behaviourOfImage } from "./fake-runtime-behaviour.ts";
import type { FakeFile } from "./fake-runtime-files.ts";
import {
  type AttemptKey,
  type ContainerExit,
  type ContainerFacts,
  type ContainerHint,
  containerName,
  nextContainerName,
  type Owner,
  RuntimeError,
  type RuntimeHint,
} from "./runtime.ts";
import { labelsOfOrders, ordersFromLabels, ordersOf } from "./standing-orders.ts";

/** A container in memory. Changed only by the functions of this file. */
export type FakeContainer = {
  readonly id: string;
  /** What it is started by. */
  name: string;
  readonly key: AttemptKey;
  readonly owner: Owner;
  readonly spec: AttemptSpec;
  readonly behaviour: Behaviour;
  /** What every probe of it is told, whatever its behaviour. Absent while it is well. */
  ailment?: string | undefined;
  state: ContainerFacts["state"];
  /** How often it was started. More than once is a bug of the supervisor. */
  startCount: number;
  readonly entries: LogEntry[];
  /** What was written into it, by path. Absent until then. */
  files?: Map<string, FakeFile>;
  /** Called for every new entry, and at the end. */
  readonly followers: Set<() => void>;
  /** Aborts when the process has ended or the container is gone. */
  over: LateAbort;
};

/** All that the fake engine knows. It outlives any worker, as a real one does. */
export type FakeEngine = {
  readonly clock: Clock;
  readonly behaviourOf: (image: string) => Behaviour;
  readonly containers: Map<string, FakeContainer>;
  /** The same by what they are called. */
  readonly names: Map<string, FakeContainer>;
  readonly pulled: Set<string>;
  readonly watchers: Set<Mailbox<RuntimeHint>>;
  /** Names of the verbs that were asked for, oldest first, the latest `CALLS_KEPT`. */
  readonly calls: string[];
  mode: "up" | "down" | "hung";
  /** How many of the next verbs are carried out although nobody hears the answer. */
  lostAnswers: number;
  /** How long every verb takes before it is carried out. */
  slowMs: number;
  /** Whether hints get lost. */
  isMute: boolean;
  serial: number;
};

const CALLS_KEPT = 1_000;

/** Hints that wait for one watcher; there is at most one a container. */
const HINTS_MAX = 100_000;

/** Where the fake hands out host ports that nobody asked for: the range that Linux uses. */
const PORT_FREE_MIN = 32_768;
const PORT_FREE_MAX = 60_999;

export const createFakeEngine = (
  clock: Clock,
  behaviourOf: (image: string) => Behaviour = behaviourOfImage,
): FakeEngine => ({
  clock,
  behaviourOf,
  containers: new Map(),
  names: new Map(),
  pulled: new Set(),
  watchers: new Set(),
  calls: [],
  mode: "up",
  lostAnswers: 0,
  slowMs: 0,
  isMute: false,
  serial: 0,
});

export function noteCall(engine: FakeEngine, verb: string): void {
  engine.calls.push(verb);
  if (engine.calls.length > CALLS_KEPT) engine.calls.shift();
}

export function openWatch(engine: FakeEngine): Mailbox<RuntimeHint> {
  const { clock } = engine;
  const keyOf = (hint: RuntimeHint) =>
    hint.kind === "resync" ? "" : `${hint.kind} ${hint.containerId}`;
  const box = createMailbox<RuntimeHint>({ clock, limit: HINTS_MAX, keyOf });
  engine.watchers.add(box);
  if (engine.mode === "up") box.post({ kind: "resync" });
  return box;
}

const noLogs = () => ({ entries: [], followers: new Set<() => void>() });

function hint(
  engine: FakeEngine,
  { id, key }: FakeContainer,
  kind: ContainerHint["kind"] = "change",
): void {
  if (engine.isMute || engine.mode !== "up") return;
  for (const box of engine.watchers) box.post({ kind, containerId: id, key });
}

export function makeContainer(
  engine: FakeEngine,
  facts: Readonly<{ key: AttemptKey; owner: Owner; spec: AttemptSpec; behaviour: Behaviour }>,
): FakeContainer {
  const id = `fake${(++engine.serial).toString(16).padStart(60, "0")}`;
  const life = { startCount: 0, over: new LateAbort(), ...noLogs() };
  const name = containerName(facts.key);
  const container: FakeContainer = { ...facts, ...life, id, name, state: { kind: "created" } };
  engine.containers.set(id, container);
  engine.names.set(name, container);
  hint(engine, container, "begin");
  return container;
}

export function startContainer(engine: FakeEngine, container: FakeContainer): void {
  const ports = publish(engine, container);
  container.startCount++;
  container.state = { kind: "running", startTimeMs: engine.clock.now(), ports };
  writeLog(engine, container, "started\n");
  hint(engine, container, "begin");
  const { exitAfterMs, exitCode, oomKilled } = container.behaviour;
  if (exitAfterMs === undefined) return;
  void engine.clock
    .sleep(exitAfterMs, container.over.signal)
    .then(() => exitContainer(engine, container, { exitCode, oomKilled }));
}

/** Calls a container that waits for its start by its next name, which is the answer. */
export function renameContainer(
  { names }: FakeEngine,
  container: FakeContainer | undefined,
): string | undefined {
  if (container?.state.kind !== "created") return undefined;
  names.delete(container.name);
  container.name = nextContainerName(container.name);
  names.set(container.name, container);
  return container.name;
}

/** An ended container runs once more. */
export function restartContainer(engine: FakeEngine, container: FakeContainer): void {
  if (container.state.kind !== "exited") return;
  container.over = new LateAbort();
  startContainer(engine, container);
}

export function exitContainer(
  engine: FakeEngine,
  container: FakeContainer,
  { exitCode, oomKilled }: Pick<ContainerExit, "exitCode" | "oomKilled">,
): void {
  if (container.state.kind !== "running" || !engine.containers.has(container.id)) return;
  const { startTimeMs } = container.state;
  const times = { startTimeMs, finishTimeMs: engine.clock.now() };
  container.state = { kind: "exited", exit: { exitCode, oomKilled, error: "", ...times } };
  end(container);
  hint(engine, container);
}

export function deleteContainer(engine: FakeEngine, container: FakeContainer): void {
  engine.containers.delete(container.id);
  engine.names.delete(container.name);
  end(container);
  hint(engine, container);
}

function end(container: FakeContainer): void {
  container.over.abort();
  for (const wake of container.followers) wake();
}

export function writeLog(engine: FakeEngine, container: FakeContainer, text: string): void {
  const time = toTimestamp(engine.clock.now());
  // No two entries of a container have one time, as no two lines of a real one have.
  time.nanos += container.entries.length % 1_000_000;
  const data = Buffer.from(text);
  container.entries.push(create(LogEntrySchema, { stream: LogStream.STDOUT, data, time }));
  for (const wake of container.followers) wake();
}

export const factsOf = ({ id, key, spec, state }: FakeContainer): ContainerFacts => ({
  containerId: id,
  key,
  name: spec.name || key.taskId,
  image: spec.image,
  imageId: `sha256:${spec.image}`,
  orders: ordersFromLabels(labelsOfOrders(ordersOf(spec))),
  state,
});

function publish(engine: FakeEngine, { spec }: FakeContainer): PublishedPort[] {
  if (spec.ports.length === 0) return [];
  const taken = new Set(
    [...engine.containers.values()].flatMap(({ state }) =>
      state.kind === "running" ? state.ports.map(({ hostPort }) => hostPort) : [],
    ),
  );
  return spec.ports.map((port) => {
    const hostPort = port.hostPort ?? freePort(taken);
    if (taken.has(hostPort))
      throw new RuntimeError(FailureReason.PORT_CONFLICT, `port ${hostPort} is taken`);
    taken.add(hostPort);
    return published(port, hostPort);
  });
}

function freePort(taken: ReadonlySet<number>): number {
  for (let port = PORT_FREE_MIN; port <= PORT_FREE_MAX; port++) if (!taken.has(port)) return port;
  throw new RuntimeError(FailureReason.START_FAILED, "no host port is free");
}

const published = ({ containerPort, protocol, name }: PortSpec, hostPort: number) =>
  create(PublishedPortSchema, {
    containerPort,
    hostPort,
    hostAddress: "127.0.0.1",
    protocol: protocol || PortProtocol.TCP,
    name,
  });
