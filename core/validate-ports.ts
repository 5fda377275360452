import {
  NetworkMode,
  PortProtocol,
  type PortSpec,
  type TaskSpec,
} from "../gen/berth/v1/task_pb.ts";
import { PORT_MAX, PORTS_MAX } from "./limits.ts";
import { checkEnum, isLabel, type Violations, violation } from "./validate.ts";
import { quote } from "./validate-text.ts";

/** The rules for published ports. */
export function* checkPorts({ ports, networkMode }: TaskSpec): Violations {
  if (ports.length > PORTS_MAX) {
    yield violation("spec.ports", `has ${ports.length} entries: must be at most ${PORTS_MAX}`);
    return;
  }
  if (ports.length > 0 && networkMode === NetworkMode.NONE) {
    yield violation(
      "spec.ports",
      "cannot be published without a network: use another network mode",
    );
    return;
  }
  for (const [index, port] of ports.entries()) {
    yield* checkPort(`spec.ports[${index}]`, port, networkMode);
  }
  yield* checkDistinct(ports, "container_port", ({ containerPort }) => containerPort);
  yield* checkDistinct(ports, "host_port", ({ hostPort }) => hostPort);
  yield* checkDistinct(ports, "name", ({ name }) => (name === "" ? undefined : name));
}

function* checkPort(field: string, port: PortSpec, networkMode: NetworkMode): Violations {
  const { containerPort, hostPort, protocol, name } = port;
  yield* checkNumber(`${field}.container_port`, containerPort);
  yield* checkEnum(`${field}.protocol`, protocol, PortProtocol);
  if (hostPort !== undefined) yield* checkNumber(`${field}.host_port`, hostPort);
  if (networkMode === NetworkMode.HOST && isPort(hostPort) && hostPort !== containerPort) {
    yield violation(
      `${field}.host_port`,
      `is ${hostPort}: must be the container_port, ${containerPort}, on the worker's own network`,
    );
  }
  if (name !== "" && !isLabel(name)) {
    yield violation(
      `${field}.name`,
      `is ${quote(name)}: must be 1 to 63 of the characters a to z, 0 to 9 and -, ` +
        "and neither begin nor end with -",
    );
  }
}

function* checkNumber(field: string, port: number): Violations {
  if (!isPort(port)) yield violation(field, `is ${port}: must be 1 to ${PORT_MAX}`);
}

const isPort = (port: number | undefined): port is number =>
  port !== undefined && Number.isInteger(port) && port >= 1 && port <= PORT_MAX;

/** No two ports of one protocol may have one value. The later one is named. */
function* checkDistinct(
  ports: readonly PortSpec[],
  property: string,
  read: (port: PortSpec) => string | number | undefined,
): Violations {
  const owners = new Map<string, number>();
  for (const [index, port] of ports.entries()) {
    const value = read(port);
    if (value === undefined) continue;
    const key = `${port.protocol || PortProtocol.TCP}/${value}`;
    const owner = owners.get(key);
    if (owner === undefined) owners.set(key, index);
    else {
      const field = `spec.ports[${index}].${property}`;
      yield violation(
        field,
        `is ${typeof value === "string" ? quote(value) : value}, as is that of ports[${owner}]: use another`,
      );
    }
  }
}
