import { LEASE_INTERVAL_MS_DEFAULT, LEASE_MS_DEFAULT } from "../../core/limits.ts";
import { DEFAULT_SCHEDULER, SCHEDULER_NAMES } from "../../core/placement/schedulers.ts";
import { type LogLevel, logLevels } from "../../lib/log.ts";
import { parseAddress, parseAddresses } from "../parse/address.ts";
import { parseDuration } from "../parse/duration.ts";
import { type KeyValue, parseLabel } from "../parse/key-value.ts";
import { malformed, type Parsed, parsed, parseEach, wordIn } from "../parse/parsed.ts";
import { capacityCpus, capacityDisk, capacityMemory, resources } from "./capacity-settings.ts";
import { containerDnsShape } from "./container-dns-settings.ts";
import { corsOrigins } from "./cors-settings.ts";
import { dnsShape } from "./dns-settings.ts";
import { retentionShape } from "./retention-settings.ts";
import { optional, type Setting, single, toggle } from "./setting.ts";
import { storeShape } from "./store-settings.ts";
import { traceShape } from "./trace-settings.ts";

const text = (word: string): Parsed<string> =>
  word === "" ? malformed(word, "must not be empty") : parsed(word);

const address = (name: string, help: string, fallback: string): Setting<string> =>
  single({
    name,
    help,
    valueName: "host:port",
    parseText: parseAddress,
    fallback,
    fallbackText: fallback,
  });

/** One address or several, for who calls: `parseAddressList`. */
const addresses = (name: string, help: string, fallback: string): Setting<string> =>
  single({
    name,
    help: `${help}, or several: host:port,srv:NAME`,
    valueName: "addresses",
    parseText: parseAddresses,
    fallback,
    fallbackText: fallback,
  });

export const addr: Setting<string> = {
  ...addresses("addr", "manager to talk to", "127.0.0.1:7070"),
  fallbackText: "the current context, else 127.0.0.1:7070",
};

export const managerListen = address("manager-listen", "where to serve users", "127.0.0.1:7070");
export const registryListen = address(
  "registry-listen",
  "where to serve workers and managers",
  "127.0.0.1:7071",
);
export const workerListen = address("worker-listen", "where to serve managers", "127.0.0.1:7072");
export const registry = addresses("registry", "registry to join", "127.0.0.1:7071");

export const peers = optional(
  {
    name: "peers",
    valueName: "addresses",
    help: "the other registries: host:port,srv:NAME; this one may be among them",
    fallbackText: "none",
  },
  parseAddresses,
);

export const insecure = toggle(
  "insecure",
  "allow to listen beyond this machine without TLS, which Berth does not have yet",
);

export const logLevel: Setting<LogLevel> = single({
  name: "log-level",
  valueName: "level",
  help: `what to log on stderr, as JSON: ${logLevels.join(", ")}`,
  parseText: wordIn(logLevels),
  fallback: "info",
  fallbackText: "info",
});

export const stateDir = optional(
  {
    name: "state-dir",
    valueName: "folder",
    help: "where to keep what must survive a restart",
    fallbackText: "~/.local/state/berth, or /var/lib/berth for root",
  },
  text,
);

export const defaultScheduler: Setting<string> = single({
  name: "default-scheduler",
  valueName: "name",
  help: `scheduler for tasks that name none: ${SCHEDULER_NAMES.join(", ")}`,
  parseText: wordIn(SCHEDULER_NAMES),
  fallback: DEFAULT_SCHEDULER,
  fallbackText: DEFAULT_SCHEDULER,
});

const milliseconds = (name: string, help: string, ms: number): Setting<number> =>
  single({
    name,
    help,
    valueName: "time",
    parseText: (word) => {
      const span = parseDuration(word);
      return span.kind === "parsed" && span.value < SPAN_MS_MIN
        ? malformed(word, "must be at least 100ms")
        : span;
    },
    fallback: ms,
    fallbackText: `${ms / 1000}s`,
  });

/** Below this a registry would be busy with heartbeats alone. */
const SPAN_MS_MIN = 100;

export const lease = milliseconds(
  "lease",
  "how long a silent worker counts as alive; one value a cluster",
  LEASE_MS_DEFAULT,
);
export const interval = milliseconds(
  "interval",
  "how often workers send a heartbeat, of many workers less often",
  LEASE_INTERVAL_MS_DEFAULT,
);

export const workerId = optional(
  {
    name: "worker-id",
    valueName: "id",
    help: "the worker's ID",
    fallbackText: "made on the first start",
  },
  text,
);

export const advertise = optional(
  {
    name: "advertise",
    valueName: "host:port",
    help: "where others reach the worker",
    fallbackText: "where it listens",
  },
  parseAddress,
);

export const managerAdvertise = optional(
  {
    name: "manager-advertise",
    valueName: "host:port",
    help: "where other managers of the same store reach this one",
    fallbackText: "where it listens",
  },
  parseAddress,
);

export const publishAddress = optional(
  {
    name: "publish-address",
    valueName: "address",
    help: "address of this machine to publish containers' ports on",
    fallbackText: "the host of --advertise",
  },
  text,
);

export const dockerHost: Setting<string | undefined> = optional(
  {
    name: "docker-host",
    variable: "DOCKER_HOST",
    valueName: "url",
    help: "socket of the Docker engine",
    fallbackText: "unix:///var/run/docker.sock",
  },
  (word) =>
    word.startsWith("unix://")
      ? parsed(word)
      : malformed(
          word,
          "must be a socket of this machine, such as unix:///var/run/docker.sock: " +
            "whoever reaches an engine over TCP without TLS is root there",
        ),
);

export const runtimes = ["docker", "hollow"] as const;

export const runtime: Setting<(typeof runtimes)[number]> = single({
  name: "runtime",
  valueName: "name",
  help: "docker, or hollow: containers in memory, for load and failure tests",
  parseText: wordIn(runtimes),
  fallback: "docker",
  fallbackText: "docker",
});

/** As many as one registry takes. */
const HOLLOW_MAX = 10_000;

export const hollowCount = optional(
  {
    name: "count",
    valueName: "number",
    help: "workers in this one process, with --runtime hollow",
    fallbackText: "1",
  },
  (word) => {
    const count = /^\d{1,9}$/.test(word) ? Number(word) : 0;
    return count >= 1 && count <= HOLLOW_MAX
      ? parsed(count)
      : malformed(word, `must be a whole number from 1 to ${HOLLOW_MAX}`);
  },
);

export const labels: Setting<readonly KeyValue[]> = {
  name: "labels",
  flag: "label",
  valueName: "key=value",
  help: "fact about the worker for people and for placement; repeatable",
  isList: true,
  parse: (texts) => parseEach(texts, parseLabel),
  fallback: [],
};

export const allowHostNetwork = toggle(
  "allow-host-network",
  "take tasks that ask for the network of this machine",
);

/** Every setting there is, for files and for the reference. */
export const allSettings: readonly Setting<unknown>[] = [
  addr,
  managerListen,
  registryListen,
  workerListen,
  registry,
  peers,
  insecure,
  logLevel,
  ...Object.values(traceShape),
  stateDir,
  ...Object.values(storeShape),
  defaultScheduler,
  ...Object.values(retentionShape),
  lease,
  interval,
  corsOrigins,
  ...Object.values(dnsShape),
  workerId,
  advertise,
  managerAdvertise,
  publishAddress,
  ...Object.values(containerDnsShape),
  dockerHost,
  runtime,
  hollowCount,
  labels,
  allowHostNetwork,
  capacityCpus,
  capacityMemory,
  capacityDisk,
  resources,
];

/** What a configuration file may set: one file serves every verb. */
export const knownNames: ReadonlySet<string> = new Set(allSettings.map(({ name }) => name));
