import type { PortSpec, TaskSpec } from "../../gen/berth/v1/task_pb.ts";
import { PortProtocol } from "../../gen/berth/v1/task_pb.ts";
import type { AttemptKey, Owner } from "./runtime.ts";
import { labelsOfOrders, ordersOf } from "./standing-orders.ts";

type Labels = Readonly<Record<string, string>>;

/** Says whose a container is and which attempt it runs; all that survives of it in the engine. */
const CLUSTER = "dev.berth.cluster";
const WORKER = "dev.berth.worker";
const TASK = "dev.berth.task";
const ATTEMPT = "dev.berth.attempt";
const NAME = "dev.berth.name";

/** Before each of the user's own labels, so that no user can write one of the above. */
const USER_PREFIX = "dev.berth.label.";

/** Before each port, as `80/tcp`; the value is the name that the spec gave it, or nothing. */
const PORT_PREFIX = "dev.berth.port.";

/** Every label of the container that runs the attempt. */
export function labelsOf(key: AttemptKey, spec: TaskSpec, owner: Owner): Labels {
  const user = Object.entries(spec.labels).map(([name, value]) => [USER_PREFIX + name, value]);
  const ports = spec.ports.map((port) => [PORT_PREFIX + portId(port), port.name]);
  return {
    ...Object.fromEntries([...user, ...ports]),
    [CLUSTER]: owner.clusterId,
    [WORKER]: owner.workerId,
    [TASK]: key.taskId,
    [ATTEMPT]: String(key.attempt),
    [NAME]: spec.name || key.taskId,
    ...labelsOfOrders(ordersOf(spec)),
  };
}

/** The engine's filter for containers of an owner. */
export const ownerFilter = ({ clusterId, workerId }: Owner): string[] => [
  `${CLUSTER}=${clusterId}`,
  `${WORKER}=${workerId}`,
];

/** Which attempt a container runs. Undefined for a container that is not Berth's. */
export function keyFromLabels(labels: Labels): AttemptKey | undefined {
  const taskId = labels[TASK];
  const attempt = Number(labels[ATTEMPT]);
  if (!taskId || !Number.isSafeInteger(attempt) || attempt < 1) return undefined;
  return { taskId, attempt };
}

/** Whether a container runs this very attempt for this very owner. */
export function isContainerOf(labels: Labels, key: AttemptKey, owner: Owner): boolean {
  const found = keyFromLabels(labels);
  return (
    labels[CLUSTER] === owner.clusterId &&
    labels[WORKER] === owner.workerId &&
    found?.taskId === key.taskId &&
    found.attempt === key.attempt
  );
}

export const nameFromLabels = (labels: Labels): string => labels[NAME] ?? "";

/** A port that the spec asked for. */
export type LabelledPort = Readonly<{
  containerPort: number;
  protocol: PortProtocol;
  name: string;
}>;

/** The ports that the spec asked for, in ascending order. */
export function portsFromLabels(labels: Labels): readonly LabelledPort[] {
  return Object.entries(labels)
    .filter(([label]) => label.startsWith(PORT_PREFIX))
    .map(([label, name]) => ({ ...parsePortId(label.slice(PORT_PREFIX.length)), name }))
    .sort((a, b) => a.containerPort - b.containerPort || a.protocol - b.protocol);
}

/** A port as the engine writes it: `80/tcp`. */
export const portId = ({ containerPort, protocol }: Pick<PortSpec, "containerPort" | "protocol">) =>
  `${containerPort}/${protocol === PortProtocol.UDP ? "udp" : "tcp"}`;

export function parsePortId(id: string): Omit<LabelledPort, "name"> {
  const [port, protocol] = id.split("/");
  return {
    containerPort: Number(port),
    protocol: protocol === "udp" ? PortProtocol.UDP : PortProtocol.TCP,
  };
}
