import type { ServiceName, Target, ZoneState } from "./dns-zone.ts";

/** What is found under a name. Empty where only longer names have records. */
export type DnsEntry = Readonly<{
  hosts: readonly string[];
  targets: readonly Target[];
  /** Whether it is the zone itself. */
  isApex?: boolean;
}>;

/** A name's labels in front of the zone's, the last first. */
type Path = readonly string[];

const EMPTY: DnsEntry = { hosts: [], targets: [] };
const APEX: DnsEntry = { ...EMPTY, isApex: true };

/** Finds what a name stands for. Undefined when neither it nor a longer one exists. */
export function findEntry([kind, ...rest]: Path, state: ZoneState): DnsEntry | undefined {
  switch (kind) {
    case undefined:
      return APEX;
    case "task":
      return findTask(rest, state);
    case "worker":
      return findWorker(rest, state);
    case "manager":
    case "registry":
      return findMember(kind, rest, state);
    case "_tcp":
      return findService(rest, state);
    default:
      return undefined;
  }
}

/** `name`, `_tcp.name`, `_http._tcp.name`. */
function findTask([name, protocol, port, ...surplus]: Path, state: ZoneState) {
  if (name === undefined) return EMPTY;
  const task = state.task(name);
  if (!task || surplus.length > 0) return undefined;
  if (protocol === undefined) return { hosts: task.hosts, targets: task.targets };
  if (!task.protocols.has(protocol)) return undefined;
  if (port === undefined) return EMPTY;
  const targets = task.targetsByPort.get(`${port}.${protocol}`);
  return targets && { hosts: [], targets };
}

function findWorker([id, ...surplus]: Path, state: ZoneState): DnsEntry | undefined {
  if (id === undefined) return EMPTY;
  const worker = surplus.length === 0 ? state.worker(id) : undefined;
  return worker && { hosts: [worker.host], targets: [worker] };
}

/** `registry` stands for all registries, `1.registry` for one. */
function findMember(service: ServiceName, [number, ...surplus]: Path, state: ZoneState) {
  const targets = state.service(service);
  if (targets.length === 0 || surplus.length > 0) return undefined;
  if (number === undefined) return { hosts: targets.map(({ host }) => host), targets };
  const target = targets.find(({ hostName }) => hostName === `${number}.${service}`);
  return target && { hosts: [target.host], targets: [target] };
}

/** `_registry._tcp` and `_manager._tcp`. */
function findService([service, ...surplus]: Path, state: ZoneState): DnsEntry | undefined {
  if (service === undefined) return EMPTY;
  if (surplus.length > 0 || (service !== "_registry" && service !== "_manager")) return undefined;
  const targets = state.service(service === "_registry" ? "registry" : "manager");
  return targets.length === 0 ? undefined : { hosts: [], targets };
}
