import { PORT_MAX } from "../../core/limits.ts";
import { malformed, type Parsed, parsed, parseWhole } from "./parsed.ts";

/** Reads `:8080/path`, the colon and the path being optional. */
export function parseHttpTarget(text: string): Parsed<Readonly<{ port: number; path: string }>> {
  const match = /^:?(\d{1,5})(\/.*)?$/.exec(text);
  const port = Number(match?.[1]);
  if (!isPort(port)) return malformed(text, "must be a port and a path, such as :8080/health");
  return parsed({ port, path: match?.[2] ?? "" });
}

/** Reads `50051` or `50051/package.Service`. */
export function parseGrpcTarget(text: string): Parsed<Readonly<{ port: number; service: string }>> {
  const match = /^:?(\d{1,5})(?:\/(.*))?$/.exec(text);
  const port = Number(match?.[1]);
  if (!isPort(port))
    return malformed(text, "must be a port, and a service if any, such as 50051/shop.Cart");
  return parsed({ port, service: match?.[2] ?? "" });
}

export const parsePort = (text: string): Parsed<number> => parseWhole(text, 1, PORT_MAX);

const isPort = (port: number): boolean => port >= 1 && port <= PORT_MAX;
