import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Limits } from "../../gen/berth/v1/resources_pb.ts";
import { NetworkMode, type PortSpec, type TaskSpec } from "../../gen/berth/v1/task_pb.ts";
import { type AttemptSpec, devicesOf, resourceEnv } from "./attempt-resources.ts";
import { labelsOf, portId } from "./container-labels.ts";
import { type AttemptKey, containerName, type Owner } from "./runtime.ts";

/** What the engine is asked to make, in its own words (Docker Engine API, ContainerCreate). */
export type ContainerSpec = Readonly<{ name: string; body: Readonly<Record<string, unknown>> }>;

/** What the resolver of a container asks. */
export type ContainerDns = Readonly<{
  /** IP addresses. */
  servers: readonly string[];
  /** What is appended to names that are not found as they are. */
  searches: readonly string[];
}>;

type Wanted = Readonly<{
  key: AttemptKey;
  spec: AttemptSpec;
  owner: Owner;
  /** Address of the host that ports are published on. */
  publishAddress: string;
  /** Absent: what the engine gives. */
  dns?: ContainerDns | undefined;
}>;

/** Translates a task's spec. Nothing a user can write gives a container more than this. */
export function containerSpec({ key, spec, owner, publishAddress, dns }: Wanted): ContainerSpec {
  return {
    name: containerName(key),
    body: {
      Image: spec.image,
      ...processOf(spec),
      Labels: labelsOf(key, spec, owner),
      ExposedPorts: Object.fromEntries(spec.ports.map((port) => [portId(port), {}])),
      HostConfig: {
        ...HARDENING,
        ...limitsOf(spec.limit),
        ...deviceAccess(spec),
        NetworkMode: NETWORKS[spec.networkMode],
        PortBindings: portBindings(spec, publishAddress),
        ...(dns && dnsOf(spec, dns)),
      },
    },
  };
}

/**
 * Docker's default capabilities (moby, oci/caps/defaults.go) without NET_RAW, with which a
 * container can forge packets on its bridge (CVE-2020-14386, CVE-2021-32575).
 */
const CAPABILITIES = [
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
];

/**
 * The same for every container. The engine must not restart one: Berth does, and records
 * it. There is no init process: with one, a command that does not exist would count as
 * started, and end with code 127.
 */
const HARDENING = {
  CapAdd: CAPABILITIES,
  CapDrop: ["ALL"],
  SecurityOpt: ["no-new-privileges"],
  RestartPolicy: { Name: "no" },
  LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
};

const NETWORKS: Readonly<Record<NetworkMode, string>> = {
  [NetworkMode.UNSPECIFIED]: "bridge",
  [NetworkMode.BRIDGE]: "bridge",
  [NetworkMode.HOST]: "host",
  [NetworkMode.NONE]: "none",
};

/**
 * Fields that the spec leaves empty are left out, so that the image's own count. The engine
 * makes one exception: an entrypoint of the spec's own comes without the image's arguments.
 */
function processOf(spec: AttemptSpec) {
  return {
    ...(spec.command.length > 0 && { Entrypoint: spec.command }),
    ...(spec.args.length > 0 && { Cmd: spec.args }),
    ...(spec.workingDir && { WorkingDir: spec.workingDir }),
    ...(spec.user && { User: spec.user }),
    ...(spec.stopSignal && { StopSignal: spec.stopSignal }),
    ...(spec.stopGrace && { StopTimeout: wholeSeconds(spec.stopGrace) }),
    Env: [
      ...Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
      ...resourceEnv(spec),
    ],
  };
}

/** Left out where there are none, so that all else is as it was. */
function deviceAccess(spec: AttemptSpec) {
  const devices = devicesOf(spec);
  return devices.length > 0 && { Devices: devices };
}

/** Rounded up: a container gets the grace it was promised, at least. */
const wholeSeconds = ({ seconds, nanos }: Duration) => Number(seconds) + (nanos > 0 ? 1 : 0);

/** The kernel's default period for sharing out CPU time (sched-bwc.rst), in microseconds. */
const CPU_PERIOD_US = 100_000;

/** Processes and threads at once, where the spec says nothing. Promised by the contract. */
const PIDS_DEFAULT = 512;

/**
 * CPU goes by quota, not by `NanoCpus`: the engine refuses more of those than the machine
 * has cores, though such a limit is as good as none. Swap is included in the memory.
 */
function limitsOf(limit: Limits | undefined) {
  const memory = limit?.memoryBytes === undefined ? undefined : Number(limit.memoryBytes);
  const cpuMillis = limit?.cpuMillis === undefined ? undefined : Number(limit.cpuMillis);
  return {
    PidsLimit: limit?.pids === undefined ? PIDS_DEFAULT : Number(limit.pids),
    ...(memory !== undefined && { Memory: memory, MemorySwap: memory }),
    ...(cpuMillis !== undefined && {
      CpuPeriod: CPU_PERIOD_US,
      CpuQuota: Math.floor((cpuMillis * CPU_PERIOD_US) / 1000),
    }),
  };
}

type Binding = Readonly<{ HostIp: string; HostPort: string }>;

/** An empty `HostPort` is any free one. On the host's own network nothing needs publishing. */
/** On the machine's own network the machine's own resolver answers. */
const dnsOf = ({ networkMode }: TaskSpec, { servers, searches }: ContainerDns) =>
  NETWORKS[networkMode] === "bridge" ? { Dns: servers, DnsSearch: searches } : {};

function portBindings({ ports, networkMode }: TaskSpec, publishAddress: string) {
  const bindings: Record<string, Binding[]> = {};
  if (networkMode === NetworkMode.HOST || networkMode === NetworkMode.NONE) return bindings;
  for (const port of ports) {
    const binding = { HostIp: publishAddress, HostPort: hostPort(port) };
    bindings[portId(port)] = [...(bindings[portId(port)] ?? []), binding];
  }
  return bindings;
}

const hostPort = (port: PortSpec) => (port.hostPort === undefined ? "" : String(port.hostPort));
