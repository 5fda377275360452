import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import {
  type Limits,
  LimitsSchema,
  type Resources,
  ResourcesSchema,
} from "../gen/berth/v1/resources_pb.ts";
import {
  NetworkMode,
  OnDisconnect,
  PortProtocol,
  type PortSpec,
  PullPolicy,
  RestartMode,
  type RestartPolicy,
  RestartPolicySchema,
  type TaskSpec,
} from "../gen/berth/v1/task_pb.ts";
import { PIDS_DEFAULT, STOP_GRACE_DEFAULT_SECONDS } from "./limits.ts";
import { withProbeDefaults } from "./probe-defaults.ts";

type Options = Readonly<{
  /** Names the task if its spec does not. */
  taskId: string;
  /** The cluster's default scheduler. */
  scheduler?: string;
}>;

/**
 * A spec with every default of the contract filled in. The given one is not changed; the two may
 * share parts. Given its own result it changes nothing.
 */
export function withDefaults(spec: TaskSpec, { taskId, scheduler = "" }: Options): TaskSpec {
  const networkMode = spec.networkMode || NetworkMode.BRIDGE;
  return {
    ...spec,
    name: spec.name || taskId,
    networkMode,
    ports: spec.ports.map((port) => withPortDefaults(port, networkMode)),
    reservation: reservationOf(spec),
    limit: withLimitDefaults(spec.limit),
    restartPolicy: withRestartDefaults(spec.restartPolicy),
    pullPolicy: spec.pullPolicy || PullPolicy.IF_NOT_PRESENT,
    stopGrace: spec.stopGrace ?? defaultStopGrace(),
    scheduler: spec.scheduler || scheduler,
    onDisconnect: spec.onDisconnect || OnDisconnect.KEEP_RUNNING,
    ...withProbeDefaults(spec),
  };
}

const defaultStopGrace = () =>
  create(DurationSchema, { seconds: BigInt(STOP_GRACE_DEFAULT_SECONDS) });

/** What is set aside: what the spec reserves, and where it says nothing, what it may use at most. */
function reservationOf({ reservation, limit }: TaskSpec): Resources {
  const given = reservation ?? create(ResourcesSchema);
  const cpuMillis = given.cpuMillis ?? limit?.cpuMillis;
  const memoryBytes = given.memoryBytes ?? limit?.memoryBytes;
  return {
    ...given,
    ...(cpuMillis !== undefined && { cpuMillis }),
    ...(memoryBytes !== undefined && { memoryBytes }),
  };
}

function withLimitDefaults(limit: Limits | undefined): Limits {
  const given = limit ?? create(LimitsSchema);
  return { ...given, pids: given.pids ?? BigInt(PIDS_DEFAULT) };
}

function withRestartDefaults(policy: RestartPolicy | undefined): RestartPolicy {
  const given = policy ?? create(RestartPolicySchema);
  return { ...given, mode: given.mode || RestartMode.NO };
}

/** On the worker's own network a port of the container is the worker's port. */
function withPortDefaults(port: PortSpec, networkMode: NetworkMode): PortSpec {
  const isHost = networkMode === NetworkMode.HOST;
  return {
    ...port,
    protocol: port.protocol || PortProtocol.TCP,
    ...(isHost && port.hostPort === undefined && { hostPort: port.containerPort }),
  };
}
