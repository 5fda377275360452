import type { MessageInitShape } from "@bufbuild/protobuf";
import { PortProtocol, type PortSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { malformed, type Parsed, parsed } from "./parsed.ts";

export type PortInit = MessageInitShape<typeof PortSpecSchema>;

const PROTOCOLS: ReadonlyMap<string, PortProtocol> = new Map([
  ["tcp", PortProtocol.TCP],
  ["udp", PortProtocol.UDP],
]);
const PORT_MAX = 65535;
const RULE = "must be [HOST-PORT:]CONTAINER-PORT[/tcp|/udp], such as 80, 8080:80 or 53:53/udp";

/** Reads `[HOST-PORT:]CONTAINER-PORT[/PROTOCOL]`. */
export function parsePublish(text: string): Parsed<PortInit> {
  const [ports = "", protocolName = "tcp", ...surplus] = text.split("/");
  const protocol = PROTOCOLS.get(protocolName.toLowerCase());
  if (protocol === undefined || surplus.length > 0) return malformed(text, RULE);
  const parts = ports.split(":");
  if (parts.length > 2) {
    return malformed(text, "the address is the worker's own: leave it out, as in 8080:80");
  }
  if (ports.includes("-")) {
    return malformed(text, "ranges of ports are not supported: give --publish once a port");
  }
  const [containerPort, hostPort] = parts.map(portNumber).reverse();
  if (containerPort === undefined || (parts.length === 2 && hostPort === undefined)) {
    return malformed(text, `${RULE}; ports go from 1 to ${PORT_MAX}`);
  }
  return parsed({ containerPort, protocol, ...(hostPort === undefined ? {} : { hostPort }) });
}

function portNumber(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= PORT_MAX ? port : undefined;
}
