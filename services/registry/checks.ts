import { checkCustomOffers } from "../../core/validate-custom.ts";
import type { Endpoint } from "../../gen/berth/v1/endpoint_pb.ts";
import type {
  SessionRequest_Heartbeat,
  SessionRequest_Registration,
} from "../../gen/berth/v1/registry_service_pb.ts";
import type { Resources } from "../../gen/berth/v1/resources_pb.ts";
import { PortProtocol } from "../../gen/berth/v1/task_pb.ts";
import { Role, type WorkerDescription, type WorkerMetrics } from "../../gen/berth/v1/worker_pb.ts";
import type { FieldViolation } from "../../lib/errors.ts";
import { parseHostPort } from "../../lib/host-port.ts";
import { registryLimits } from "./limits.ts";

const ID_PATTERN = /^[a-z0-9-]{1,64}$/;
const ID_REMEDY = "use 1 to 64 of the characters a-z, 0-9 and -";

const PORT_MAX = 65_535;

/** What is wrong with a registration. Empty means nothing. */
export function checkRegistration(registration: SessionRequest_Registration): FieldViolation[] {
  const { workerId, instanceId, description, sessionNumber } = registration;
  return [
    ...unless(ID_PATTERN.test(workerId), "worker_id", `${quote(workerId)}: ${ID_REMEDY}`),
    ...unless(instanceId !== "", "instance_id", "is required: make one at each start"),
    ...checkText("instance_id", instanceId),
    ...unless(sessionNumber >= 0n, "session_number", `${sessionNumber}: must be 0 or more`),
    ...(description
      ? checkDescription(description)
      : [violation("description", "is required: say what the worker is")]),
  ].map(({ field, description: text }) => violation(`registration.${field}`, text));
}

function checkDescription(description: WorkerDescription): FieldViolation[] {
  const { address, capacity, roles, capabilities, labels } = description;
  const { hostname, os, architecture, version, engine } = description;
  const texts = Object.entries({ hostname, os, architecture, version, engine });
  return [
    ...checkAddress(address),
    ...(capacity
      ? checkCapacity(capacity)
      : [violation("capacity", "is required: say what the machine offers")]),
    ...texts.flatMap(([field, text]) => checkText(field, text)),
    ...checkCount("roles", roles.length, registryLimits.listEntries),
    ...roles.flatMap((role, i) => checkRole(`roles[${i}]`, role)),
    ...checkCount("capabilities", capabilities.length, registryLimits.listEntries),
    ...capabilities.flatMap((text, i) => checkText(`capabilities[${i}]`, text)),
    ...checkLabels(labels),
  ].map(({ field, description: text }) => violation(`description.${field}`, text));
}

function checkAddress(address: string): FieldViolation[] {
  const parsed = parseHostPort(address);
  if (parsed.kind === "malformed") return [violation("address", parsed.explanation)];
  return unless(parsed.port > 0, "address", `${address}: name the port that others connect to`);
}

const checkCapacity = ({
  cpuMillis,
  memoryBytes,
  diskBytes,
  custom,
}: Resources): FieldViolation[] => [
  ...Object.entries({
    cpu_millis: cpuMillis,
    memory_bytes: memoryBytes,
    disk_bytes: diskBytes,
  }).flatMap(([field, amount]) =>
    amount === undefined
      ? [violation(`capacity.${field}`, "is required: say all that the machine offers")]
      : unless(amount >= 0n, `capacity.${field}`, `${amount}: must not be negative`),
  ),
  ...checkCustomOffers("capacity.custom", custom),
];

const checkRole = (field: string, role: Role): FieldViolation[] =>
  unless(role !== Role.UNSPECIFIED && role in Role, field, `${role} is not a known role`);

const checkLabels = (labels: Readonly<Record<string, string>>): FieldViolation[] => [
  ...checkCount("labels", Object.keys(labels).length, registryLimits.listEntries),
  ...Object.entries(labels).flatMap(([key, value]) => [
    ...unless(key !== "", "labels", "a label has an empty key: give it a name"),
    ...checkText("labels", key),
    ...checkText(`labels[${quote(key)}]`, value),
  ]),
];

/** What is wrong with a heartbeat. Empty means nothing. */
export function checkHeartbeat({ metrics, endpoints }: SessionRequest_Heartbeat): FieldViolation[] {
  // Nearly all that come, and they come all the time: nothing is made for them.
  if (!endpoints && (!metrics || isSound(metrics))) return [];
  const served = endpoints?.endpoints ?? [];
  return [
    ...(metrics ? checkMetrics(metrics) : []),
    ...checkCount("endpoints", served.length, registryLimits.endpointsPerWorker),
    ...served.flatMap((endpoint, i) =>
      checkEndpoint(endpoint).map(({ field, description }) =>
        violation(`endpoints.endpoints[${i}].${field}`, description),
      ),
    ),
  ].map(({ field, description }) => violation(`heartbeat.${field}`, description));
}

const MEASURED = [
  ["cpuPercent", "cpu_percent"],
  ["load1m", "load_1m"],
  ["load5m", "load_5m"],
  ["load15m", "load_15m"],
  ["memoryTotalBytes", "memory_total_bytes"],
  ["memoryAvailableBytes", "memory_available_bytes"],
  ["diskTotalBytes", "disk_total_bytes"],
  ["diskAvailableBytes", "disk_available_bytes"],
] as const;

/** Neither NaN nor a negative number passes. */
function isSound(metrics: WorkerMetrics): boolean {
  for (const measured of MEASURED) if (!(metrics[measured[0]] >= 0)) return false;
  return true;
}

const checkMetrics = (metrics: WorkerMetrics): FieldViolation[] =>
  MEASURED.flatMap(([name, field]) =>
    unless(metrics[name] >= 0, `metrics.${field}`, `${metrics[name]}: must be 0 or more`),
  );

const checkEndpoint = ({
  name,
  taskId,
  attempt,
  host,
  port,
  protocol,
  portName,
  containerPort,
}: Endpoint) => [
  ...unless(name !== "", "name", "is required: give one"),
  ...checkText("name", name),
  ...unless(ID_PATTERN.test(taskId), "task_id", `${quote(taskId)}: ${ID_REMEDY}`),
  ...unless(attempt > 0, "attempt", "attempts are counted from 1"),
  ...unless(host !== "", "host", "is required: give one"),
  ...checkText("host", host),
  ...unless(port > 0 && port <= PORT_MAX, "port", `${port}: must be 1 to ${PORT_MAX}`),
  ...unless(protocol in PortProtocol, "protocol", `${protocol} is not a known protocol`),
  ...checkText("port_name", portName),
  ...unless(
    containerPort <= PORT_MAX,
    "container_port",
    `${containerPort}: must be 0 to ${PORT_MAX}`,
  ),
];

/** What is wrong with a name to resolve. */
export const checkName = (name: string): FieldViolation[] => [
  ...unless(name !== "", "name", "is required: give one"),
  ...checkText("name", name),
];

/** What is wrong with a farewell. */
export const checkFarewell = (reason: string): FieldViolation[] =>
  checkText("farewell.reason", reason);

function checkText(field: string, text: string): FieldViolation[] {
  const { textChars } = registryLimits;
  const description = `has ${text.length} characters: shorten it to ${textChars}`;
  return unless(text.length <= textChars, field, description);
}

const checkCount = (field: string, count: number, max: number): FieldViolation[] =>
  unless(count <= max, field, `has ${count} entries: at most ${max} are kept`);

const unless = (fine: boolean, field: string, description: string): FieldViolation[] =>
  fine ? [] : [violation(field, description)];

const violation = (field: string, description: string): FieldViolation => ({ field, description });

const quote = (text: string): string => JSON.stringify(text.slice(0, registryLimits.textChars));
