import type { CustomCapacity } from "../core/custom-resources.ts";
import type { Retention } from "../core/retention.ts";
import type { Role } from "../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../lib/clock.ts";
import type { Running } from "../lib/lifecycle.ts";
import type { Log, LogLevel } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import type { EtcdPlace } from "../lib/store/etcd-place.ts";
import type { Tracer } from "../lib/trace/tracer.ts";

export type ServiceDeps = Readonly<{
  clock: Clock;
  random: Random;
  log: Log;
  /** Absent: nothing is traced. */
  tracer?: Tracer | undefined;
}>;

/** Where traces go, which, and what they say of this process. Headers may hold a token. */
export type TracePlace = Readonly<{
  url: string;
  headers: Readonly<Record<string, string>>;
  /** How many of the traces that begin here are sent, 0 to 1. */
  ratio: number;
  resource: Readonly<Record<string, string>>;
}>;

/** What traces a process, until it is closed: what waits is then sent, for a moment. */
export type Tracing = Readonly<{ tracer: Tracer; close(): Promise<void> }>;

export type RegistryConfig = Readonly<{
  listen: string;
  version: string;
  leaseMs: number;
  intervalMs: number;
  /** The other registries. Undefined: there are none. */
  peers?: string | undefined;
  /** Undefined: no DNS. */
  dns: DnsConfig | undefined;
}>;

export type DnsConfig = Readonly<{
  listen: string;
  /** In lower case, without a dot at the end. */
  zone: string;
  ttlSeconds: number;
  /** Who is asked about other zones. */
  forwards: readonly string[];
  services: Readonly<Record<"manager" | "registry", readonly string[]>>;
}>;

type RunningRegistry = Running & Readonly<{ dnsAddress: string | undefined }>;

export type ManagerConfig = Readonly<{
  listen: string;
  registryAddress: string;
  defaultScheduler: string;
  version: string;
  retention: Retention;
  /** How long the registry counts a silent worker as alive. */
  leaseMs: number;
  /** Origins whose pages may call from a browser. Absent: none. */
  corsOrigins?: readonly string[];
  /** Where its store lives. */
  storeFolder: string;
}>;

/** One of several managers that share a store. */
export type SharedManagerConfig = Omit<ManagerConfig, "storeFolder"> &
  Readonly<{
    /** Where the others reach it. Undefined: where it listens. */
    advertise: string | undefined;
    place: EtcdPlace;
  }>;

export type WorkerConfig = Readonly<{
  listen: string;
  advertise: string | undefined;
  registryAddress: string;
  /** Where it remembers who it is. */
  stateFolder: string;
  workerId: string | undefined;
  labels: Readonly<Record<string, string>>;
  allowHostNetwork: boolean;
  capacity: Readonly<{
    cpuMillis: bigint | undefined;
    memoryBytes: bigint | undefined;
    diskBytes: bigint | undefined;
    custom: CustomCapacity | undefined;
  }>;
  roles: readonly Role[];
  version: string;
  /** The engine's socket as a `unix://` URL. Undefined: where Docker listens by default. */
  dockerHost: string | undefined;
  /** Address of this machine that containers' ports are published on. */
  publishAddress: string;
  /** What containers ask names of. Undefined: what the engine gives them. */
  containerDns: ContainerDns | undefined;
  /** The store that managers share, asked when none of them answers. Undefined: it is not. */
  store?: EtcdPlace | undefined;
}>;

export type ContainerDns = Readonly<{ servers: readonly string[]; searches: readonly string[] }>;

/** Workers of one process whose containers exist in memory only. */
export type HollowConfig = Pick<
  WorkerConfig,
  | "listen"
  | "registryAddress"
  | "labels"
  | "allowHostNetwork"
  | "capacity"
  | "roles"
  | "version"
  | "store"
> &
  Readonly<{
    count: number;
    /** Their IDs are this, a dash and a number. */
    idPrefix: string;
  }>;

/** What the server verbs start. Each answers once it serves, and rejects when it cannot. */
export type Services = Readonly<{
  createLog: (level: LogLevel) => Log;
  /** Ends this process once it hangs, so that it is started anew. */
  guardTurns: (log: Log) => void;
  /** Has this process take little more memory than it needs, as long as that is little. */
  keepHeapSmall: () => void;
  openTracing: (place: TracePlace, deps: Omit<ServiceDeps, "tracer">) => Promise<Tracing>;
  startRegistry: (config: RegistryConfig, deps: ServiceDeps) => Promise<RunningRegistry>;
  /** Opens the embedded store too, and closes it with the manager. */
  startManager: (config: ManagerConfig, deps: ServiceDeps) => Promise<Running>;
  /** Opens the store in etcd too, and closes it with the manager. */
  startSharedManager: (config: SharedManagerConfig, deps: ServiceDeps) => Promise<Running>;
  startWorker: (config: WorkerConfig, deps: ServiceDeps) => Promise<Running>;
  startHollowWorkers: (config: HollowConfig, deps: ServiceDeps) => Promise<Running>;
}>;
