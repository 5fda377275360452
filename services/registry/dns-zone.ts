/** What a zone is: its name, and how long what it says holds. */
export type Zone = Readonly<{
  /** Labels in lower case, from the first to the one next to the root. */
  labels: readonly string[];
  /** How long others may remember an answer, and that there is none. */
  ttlSeconds: number;
}>;

/** Where something listens, under the name that the zone gives to its host. */
export type Target = Readonly<{
  /** Relative to the zone: `w1.worker`. */
  hostName: string;
  host: string;
  port: number;
}>;

/** What a task's name stands for: its instances that are ready. */
export type TaskService = Readonly<{
  /** Hosts of the workers that run them, each once. */
  hosts: readonly string[];
  targets: readonly Target[];
  /** By `_port._protocol`, the port by the name that the spec gave it or its number in the container. */
  targetsByPort: ReadonlyMap<string, readonly Target[]>;
  /** `_tcp`, `_udp`: those that have ports. */
  protocols: ReadonlySet<string>;
}>;

/** The services that have a name of their own. */
export type ServiceName = "manager" | "registry";

/** What a zone is asked for. Every call is a look-up: nothing is searched. */
export type ZoneState = Readonly<{
  /** Undefined when no instance is ready. */
  task: (name: string) => TaskService | undefined;
  /** Undefined when the worker is not up. */
  worker: (id: string) => Target | undefined;
  service: (name: ServiceName) => readonly Target[];
  /** IP addresses of a host: itself, if it is one. */
  addressesOf: (host: string) => readonly string[];
  /** Whether those who are here have had time to say so: before, nobody can be called absent. */
  isSettled: () => boolean;
}>;

/** Whether `text` can stand between two dots of a name that people type: RFC 1123, at most 63. */
export const isDnsLabel = (text: string): boolean => /^[a-z0-9-]{1,63}$/.test(text);
