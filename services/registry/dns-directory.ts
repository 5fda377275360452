import type { Endpoint } from "../../gen/berth/v1/endpoint_pb.ts";
import { PortProtocol } from "../../gen/berth/v1/task_pb.ts";
import { type WorkerPresence, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { parseHostPort } from "../../lib/host-port.ts";
import type { HostBook } from "./dns-hosts.ts";
import {
  isDnsLabel,
  type ServiceName,
  type Target,
  type TaskService,
  type ZoneState,
} from "./dns-zone.ts";
import type { Instance } from "./endpoints.ts";
import type { Roster } from "./roster.ts";

type Sources = Readonly<{
  roster: Pick<Roster, "instancesOf" | "subscribe">;
  hosts: HostBook;
  /** Where the services are that no worker tells of: `host:port`. */
  services: Readonly<Record<ServiceName, readonly string[]>>;
  clock: Clock;
  /** How long those who are here may take to say so. */
  settleMs: number;
}>;

/**
 * Keeps what the zone says in step with the roster: workers as they come and go, tasks made of
 * their instances when first asked for after a change. Ends with the roster.
 */
export function createDnsDirectory(sources: Sources): ZoneState {
  const { roster, hosts, services, clock } = sources;
  const settledMs = clock.monotonic() + sources.settleMs;
  const workers = new Map<string, Target>();
  const tasks = new WeakMap<readonly Instance[], TaskService>();
  const members = {
    registry: membersOf("registry", services.registry),
    manager: membersOf("manager", services.manager),
  };
  for (const { host } of [...members.registry, ...members.manager]) hosts.hold(host);

  roster.subscribe(({ presence }) => {
    const { workerId } = presence;
    const before = workers.get(workerId);
    const after = targetOf(presence);
    if (before?.host === after?.host && before?.port === after?.port) return;
    if (after) hosts.hold(after.host);
    if (before) hosts.release(before.host);
    if (after) workers.set(workerId, after);
    else workers.delete(workerId);
  });

  return {
    task(name) {
      const instances = roster.instancesOf(name);
      if (instances.length === 0) return undefined;
      const task = tasks.get(instances) ?? taskServiceOf(instances);
      tasks.set(instances, task);
      return task;
    },
    worker: (id) => workers.get(id),
    service: (name) => members[name],
    addressesOf: hosts.addressesOf,
    isSettled: () => clock.monotonic() >= settledMs,
  };
}

function membersOf(service: ServiceName, addresses: readonly string[]): readonly Target[] {
  return addresses.flatMap((address, i) => {
    const parsed = parseHostPort(address);
    return parsed.kind === "parsed"
      ? [{ hostName: `${i + 1}.${service}`, host: parsed.host, port: parsed.port }]
      : [];
  });
}

/** Where a worker is. Undefined when it is not up. */
function targetOf({ workerId, state, description }: WorkerPresence): Target | undefined {
  if (state !== WorkerState.UP || !description) return undefined;
  const parsed = parseHostPort(description.address);
  if (parsed.kind === "malformed") return undefined;
  return { hostName: `${workerId}.worker`, host: parsed.host, port: parsed.port };
}

/**
 * An endpoint's host is its worker's: that is in the contract, and why the worker's name stands for
 * it. A worker whose ID is too long for a label has no name: its tasks have addresses, but no SRV.
 */
function taskServiceOf(instances: readonly Instance[]): TaskService {
  const targets: Target[] = [];
  const targetsByPort = new Map<string, Target[]>();
  for (const { workerId, endpoint } of instances) {
    if (!isDnsLabel(workerId)) continue;
    const target = { hostName: `${workerId}.worker`, host: endpoint.host, port: endpoint.port };
    targets.push(target);
    for (const port of portNamesOf(endpoint)) {
      const those = targetsByPort.get(port);
      if (those) those.push(target);
      else targetsByPort.set(port, [target]);
    }
  }
  return {
    hosts: [...new Set(instances.map(({ endpoint }) => endpoint.host))],
    targets,
    targetsByPort,
    protocols: new Set(instances.map(({ endpoint }) => protocolOf(endpoint))),
  };
}

/** `_http._tcp` and `_80._tcp`. */
function portNamesOf(endpoint: Endpoint): ReadonlySet<string> {
  const { portName, containerPort } = endpoint;
  const names = [portName.toLowerCase(), containerPort > 0 ? String(containerPort) : ""];
  return new Set(
    names.filter((name) => name !== "").map((name) => `_${name}.${protocolOf(endpoint)}`),
  );
}

const protocolOf = ({ protocol }: Endpoint): string =>
  protocol === PortProtocol.UDP ? "_udp" : "_tcp";
