import {
  NetworkMode,
  PortProtocol,
  type PortSpec,
  type TaskSpec,
} from "../../gen/berth/v1/task_pb.ts";
import { assert } from "../../lib/assert.ts";
import { formatPlatform, type Platform, parsePlatform } from "../platform.ts";
import { type Amount, amountOf } from "./candidate.ts";

/** What a task asks of a worker. */
export type Demand = Readonly<{
  /** The same for demands that ask for the same, and only for those. */
  key: string;
  amount: Amount;
  /** Fixed ports of the worker, such as `tcp/8080`. */
  hostPorts: readonly string[];
  /** Absent means any. */
  platform?: Platform;
  capabilities: readonly string[];
}>;

/** What a worker must be able to do to run tasks on its own network. */
const NETWORK_HOST = "network-host";

/** The demand of a valid spec with its defaults filled in. */
export function demandOf(spec: TaskSpec): Demand {
  const isHost = spec.networkMode === NetworkMode.HOST;
  return createDemand({
    amount: amountOf(spec.reservation),
    hostPorts: spec.ports.flatMap((port) => fixedPort(port, isHost)),
    capabilities: isHost ? [NETWORK_HOST] : [],
    ...(spec.platform !== "" && { platform: platformOf(spec.platform) }),
  });
}

/** The only maker of demands: it sees to the key. */
export function createDemand(parts: Omit<Demand, "key">): Demand {
  const { amount, platform } = parts;
  const hostPorts = parts.hostPorts.toSorted();
  const capabilities = parts.capabilities.toSorted();
  const key = [
    amount.cpuMillis,
    amount.memoryBytes,
    amount.diskBytes,
    hostPorts,
    capabilities,
    platform && formatPlatform(platform),
  ].join(" ");
  return { ...parts, key, hostPorts, capabilities };
}

/** The port of the worker that this port takes for sure, if it does. */
function fixedPort({ containerPort, hostPort, protocol }: PortSpec, isHost: boolean): string[] {
  const port = hostPort ?? (isHost ? containerPort : undefined);
  return port === undefined ? [] : [portKey(protocol, port)];
}

/** A port of a worker, such as `tcp/8080`, as `usedPorts` and `hostPorts` hold it. */
const portKey = (protocol: PortProtocol, port: number): string =>
  `${protocol === PortProtocol.UDP ? "udp" : "tcp"}/${port}`;

function platformOf(text: string): Platform {
  const parsed = parsePlatform(text);
  assert(parsed.kind === "parsed", `the platform of a valid spec can be read: ${text}`);
  return parsed.platform;
}
