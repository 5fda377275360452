import type { ExecProcess, TerminalSize } from "../../gen/berth/v1/exec_pb.ts";
import type { FileFacts } from "../../gen/berth/v1/files_pb.ts";
import type { LogEntry } from "../../gen/berth/v1/log_entry_pb.ts";
import type { FailureReason, PublishedPort } from "../../gen/berth/v1/task_pb.ts";
import type { AttemptSpec } from "./attempt-resources.ts";
import type { StandingOrders } from "./standing-orders.ts";

/** Which attempt a container belongs to. Stored as labels on the container. */
export type AttemptKey = Readonly<{ taskId: string; attempt: number }>;

/** What an attempt's container is called by the engine, until its starts are revoked. */
export const containerName = ({ taskId, attempt }: AttemptKey): string =>
  `berth-${taskId}-${attempt}`;

/** What it is called next: `berth-t-1`, `berth-t-1.2`, `berth-t-1.3`. */
export function nextContainerName(name: string): string {
  const [first = "", round = "1"] = name.split(".");
  return `${first}.${Number(round) + 1}`;
}

/** Whose container it is: Berth touches no container whose labels say otherwise. */
export type Owner = Readonly<{ clusterId: string; workerId: string }>;

/** What is known of a container, read from the engine just now. */
export type ContainerFacts = Readonly<{
  containerId: string;
  key: AttemptKey;
  /** Name of the task, from a label. */
  name: string;
  /** What it was made of. */
  image: string;
  /** ID of the image that was then meant by that, such as `sha256:…`. */
  imageId: string;
  /** What its worker does unasked, from labels. */
  orders: StandingOrders;
  state:
    | Readonly<{ kind: "created" }>
    | Readonly<{
        kind: "running";
        startTimeMs: number;
        ports: readonly PublishedPort[];
        /** Where it is reached from its own machine. Absent where it has no network. */
        address?: string;
      }>
    | Readonly<{ kind: "exited"; exit: ContainerExit }>;
}>;

export type ContainerExit = Readonly<{
  exitCode: number;
  oomKilled: boolean;
  /** The engine's own words for a process that never started. Empty otherwise. */
  error: string;
  startTimeMs: number | undefined;
  finishTimeMs: number | undefined;
}>;

/** A container was made or started, or may have changed in another way. */
export type ContainerHint = Readonly<{
  kind: "begin" | "change";
  containerId: string;
  key: AttemptKey;
}>;

/** A sign that something may have happened. The truth is what `inspect` says. */
export type RuntimeHint =
  | ContainerHint
  /** Hints may have been lost: look at every container. Sent first, and after every reconnect. */
  | Readonly<{ kind: "resync" }>;

export type LogSelection = Readonly<{
  follow: boolean;
  /** Undefined: all lines. */
  tail: number | undefined;
  sinceMs: number | undefined;
  stdout: boolean;
  stderr: boolean;
}>;

/** What comes of a process that was run beside a container's own. */
export type ExecNews =
  | Readonly<{ kind: "stdout" | "stderr"; data: Uint8Array }>
  | Readonly<{ kind: "exit"; exitCode: number }>;

/** A process that runs beside a container's own. */
export interface ExecSession {
  /**
   * What it writes, read no faster than it is taken, and in the end how it ended. Without that end
   * when the session's signal has aborted. To be read once.
   */
  readonly news: AsyncIterable<ExecNews>;
  /** Gives its input more. Resolves once there is room for more than that. */
  write(data: Uint8Array): Promise<void>;
  /** Its input has ended. */
  endInput(): void;
  /** Its terminal has another size. One that has ended is left alone. */
  resize(size: TerminalSize): Promise<void>;
}

/** A container that runs, as far as its figures depend on it. */
export type UsageSubject = Readonly<{
  containerId: string;
  /** Whether it has a network of its own. */
  hasNetwork: boolean;
}>;

/** What a container has used so far and uses now. The contract's `TaskStats` says what it means. */
export type ContainerUsage = Readonly<{
  /** When it was measured: wall time. */
  takenMs: number;
  cpuNanos: number;
  memoryBytes: number;
  memoryUsageBytes: number;
  /** 0: none. */
  memoryLimitBytes: number;
  /** Undefined where it has no network of its own. */
  network: Readonly<{ receiveBytes: number; transmitBytes: number }> | undefined;
  blockReadBytes: number;
  blockWriteBytes: number;
  processCount: number;
}>;

/** Files of containers, whether these run or have ended. Paths are absolute. */
export interface ContainerFiles {
  /** What is there, links not followed. Undefined: nothing. */
  lookAt(containerId: string, path: string, signal: AbortSignal): Promise<FileFacts | undefined>;
  /** A tar archive of what is there, read no faster than it is taken. Ends when `signal` aborts. */
  read(containerId: string, path: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Unpacks a tar archive into a folder, taken no faster than it is unpacked. Resolves once all of
   * it is there. Rejects when `archive` does; what was unpacked by then stays.
   */
  write(containerId: string, folder: string, from: ArchiveSource): Promise<void>;
}

export type ArchiveSource = Readonly<{ archive: AsyncIterable<Uint8Array>; signal: AbortSignal }>;

export type EngineDescription = Readonly<{
  /** Name and version, such as `docker 20.10.24`. */
  engine: string;
  os: string;
  architecture: string;
  cpuMillis: number;
  memoryBytes: number;
  /** Folder that holds the engine's data, for statfs. */
  dataRoot: string;
}>;

/**
 * What a worker asks of a container engine. Every verb has its own deadline, can
 * be repeated, and fails with a `RuntimeError` only.
 */
export interface Runtime {
  /** What the engine is. Dear to some engines, which count all they have for it. */
  describe(): Promise<EngineDescription>;
  /** Asks for a sign of life, which is cheap. */
  ping(): Promise<void>;
  /** Fetches the spec's image, by its pull policy, if `create` would lack it or the policy is ALWAYS. */
  pull(image: string, signal: AbortSignal): Promise<void>;
  /**
   * Makes the attempt's container, not started, and returns its ID. A container
   * of the same attempt that exists already is returned. Throws
   * `IMAGE_NOT_FOUND` when the image is not on the worker.
   */
  create(key: AttemptKey, spec: AttemptSpec, owner: Owner): Promise<string>;
  /**
   * Starts a created container. One that runs is left alone; one that has ended would run again.
   * An attempt's is asked for by its name, so that `revokeStarts` can take that back.
   */
  start(idOrName: string): Promise<void>;
  /**
   * A start that was asked for and not answered may still be carried out, at any time. From now on
   * it finds nothing. Resolves with the name by which the container is to be started instead;
   * undefined when it is not: it is gone, or some start has reached it.
   */
  revokeStarts(containerId: string): Promise<string | undefined>;
  /** Undefined when there is no such container. */
  inspect(containerId: string): Promise<ContainerFacts | undefined>;
  /** Sends the stop signal and, after `graceMs`, the kill. Resolves once the container has ended or is gone. */
  stop(containerId: string, graceMs: number): Promise<void>;
  /** What it uses. Undefined when it does not run. */
  usage(subject: UsageSubject): Promise<ContainerUsage | undefined>;
  /** Removes an ended container and its anonymous volumes. One that is gone already is fine. */
  remove(containerId: string): Promise<void>;
  /** Every container that carries the owner's labels, ended ones included. */
  list(owner: Owner): Promise<readonly ContainerFacts[]>;
  /** Hints about the owner's containers until `signal` aborts. Reconnects by itself; never throws. */
  watch(owner: Owner, signal: AbortSignal): AsyncIterable<RuntimeHint>;
  /** What a container wrote, in batches. Ends with the container when following. */
  logs(
    containerId: string,
    selection: LogSelection,
    signal: AbortSignal,
  ): AsyncIterable<readonly LogEntry[]>;
  /**
   * Runs a process in a container that runs, and talks with it until it has ended or `signal`
   * aborts. An engine has no way to end one: who leaves leaves it to itself.
   */
  exec(containerId: string, process: ExecProcess, signal: AbortSignal): Promise<ExecSession>;
  readonly files: ContainerFiles;
}

/** An engine's "no", or its silence, told apart. */
export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly kind: FailureReason | "engine-unavailable";

  /** `engine-unavailable`: the engine did not answer in time or at all; the verb may be repeated. */
  constructor(kind: FailureReason | "engine-unavailable", message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}
