import { availableParallelism } from "node:os";
import Docker from "dockerode";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { startExec } from "./container-exec.ts";
import { createContainerFiles } from "./container-files.ts";
import { readLogs } from "./container-logs.ts";
import type { ContainerDns } from "./container-spec.ts";
import { createUsage } from "./container-usage.ts";
import { createContainerVerbs } from "./container-verbs.ts";
import { createEngineClient, type EngineSend, pingTask } from "./engine-client.ts";
import { createDescriber } from "./engine-describe.ts";
import { defaultLimits, type EngineLimits } from "./engine-limits.ts";
import { watchEngine } from "./engine-watch.ts";
import { createExec, type Exec } from "./prober-exec.ts";
import { createPuller } from "./pull-image.ts";
import type { Runtime } from "./runtime.ts";
import {
  createCgroupGlance,
  createCgroupUsage,
  type Glance,
  type ReadUsage,
} from "./usage-cgroup.ts";
import { readKernelFile } from "./usage-read.ts";

export type DockerRuntimeOptions = Readonly<{
  /** The engine's unix socket. See `engineSocketPath`. */
  socketPath: string;
  clock: Clock;
  log: Log;
  /** Address of this machine that containers' ports are published on. */
  publishAddress: string;
  /** Where others reach ports that are bound to every address. Absent: `publishAddress`. */
  advertiseAddress?: string;
  /** What containers on the bridge ask names of. Absent: what the engine gives them. */
  dns?: ContainerDns | undefined;
  /** Limits that shall differ from the default ones. */
  limits?: Partial<EngineLimits>;
  /** What the machine tells of containers without the engine. Absent: what its cgroups do. */
  readUsage?: ReadUsage;
}>;

/**
 * A runtime that can also run a command in a container, as probes ask, and see what one uses without
 * asking the engine.
 */
export type DockerRuntime = Runtime & Readonly<{ tryCommand: Exec; glance: Glance }>;

/** Runs containers on a Docker engine. */
export function createDockerRuntime(options: DockerRuntimeOptions): DockerRuntime {
  const { socketPath, clock, publishAddress, advertiseAddress = publishAddress, dns } = options;
  const log = options.log.child({ component: "docker" });
  const limits = { ...defaultLimits(availableParallelism()), ...options.limits };
  const engine = createEngineClient(createSend(socketPath), clock);
  const deps = { engine, clock, log, limits };
  return {
    ...createContainerVerbs(engine, { clock, limits, publishAddress, advertiseAddress, dns }),
    usage: createUsage({ engine, limits, read: options.readUsage ?? usageOfThisMachine(clock) }),
    describe: createDescriber(deps),
    ping: () => engine.tell(pingTask),
    tryCommand: createExec(deps),
    glance: glanceAtThisMachine(clock),
    pull: createPuller(deps),
    watch: (owner, signal) => watchEngine(deps, owner, signal),
    logs: (containerId, selection, signal) => readLogs(deps, { containerId, selection, signal }),
    exec: (containerId, process, signal) => startExec(deps, { containerId, process, signal }),
    files: createContainerFiles(deps),
  };
}

const glanceAtThisMachine = (clock: Clock): Glance =>
  createCgroupGlance({ read: readKernelFile, now: clock.now, cgroupRoot: "/sys/fs/cgroup" });

const usageOfThisMachine = (clock: Clock): ReadUsage =>
  createCgroupUsage({
    read: readKernelFile,
    now: clock.now,
    cgroupRoot: "/sys/fs/cgroup",
    procRoot: "/proc",
  });

/** Answers of the engine that are no refusal; 304 is "it is so already". */
const FINE = { 200: true, 201: true, 204: true, 304: true };

/**
 * Sends requests through dockerode's modem, not through its verbs. Those put a container's
 * whole configuration, environment included, into the URL as well; read logs into memory
 * unless they are followed; and leave it to the verb whether a call can be aborted.
 *
 * Every option is given here, for docker-modem fills in what is absent from `DOCKER_HOST`
 * and its kin.
 */
function createSend(socketPath: string): EngineSend {
  const { modem } = new Docker({
    socketPath,
    host: undefined,
    port: undefined,
    timeout: undefined,
  });
  return ({ method, path, query, body, upload }, { answer, signal }) =>
    new Promise((resolve, reject) => {
      modem.dial(
        {
          method,
          path: `${path}?`,
          options: { _query: query ?? {}, _body: body ?? {} },
          ...(upload && { file: upload }),
          abortSignal: signal,
          isStream: answer !== "whole",
          hijack: answer === "connection",
          statusCodes: FINE,
        },
        (error: unknown, result: unknown) => (error ? reject(error) : resolve(result)),
      );
    });
}
