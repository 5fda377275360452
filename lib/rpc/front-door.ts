import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../clock.ts";
import { formatHostPort, type HostPort, isLoopback, parseHostPort } from "../host-port.ts";
import type { Log } from "../log.ts";
import { type Protocol, readProtocol } from "./first-bytes.ts";
import type { RpcLimits } from "./limits.ts";

/** The one listening port of a server. */
export interface FrontDoor {
  /** The actual `host:port`. */
  readonly address: string;
  /** Takes no more connections; those that have not yet said what they speak are closed. */
  closeToNew(): void;
  /** Resolves when every connection has ended. */
  empty(): Promise<void>;
  /** Ends every connection. */
  evict(): void;
}

type Options = Readonly<{
  listen: string;
  limits: RpcLimits;
  clock: Clock;
  log: Log;
  /** Who takes over a connection. */
  accept: Readonly<Record<Protocol, (socket: Socket) => void>>;
}>;

/** Rejects when it cannot listen, saying where and why. */
export async function openFrontDoor(options: Options): Promise<FrontDoor> {
  const { host, port } = listenAddress(options);
  const guests = createGuestList(options.limits);
  const newcomers = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true });
  server.on("connection", (socket) => void admit(socket));
  await listen(server, { host, port });
  server.on("error", (err) => options.log.error({ err }, "listening socket failed"));

  async function admit(socket: Socket): Promise<void> {
    socket.on("error", (err) => options.log.debug({ err }, "connection broke"));
    if (!guests.admit(socket)) return void socket.destroy();
    newcomers.add(socket);
    const protocol = await readProtocol(socket, options.clock, options.limits.firstBytesMs);
    newcomers.delete(socket);
    if (!protocol || socket.destroyed) return void socket.destroy();
    // An HTTP/1.1 client may end its half and still wait for an answer; HTTP/2 has no such thing.
    socket.allowHalfOpen = protocol === "http1";
    options.accept[protocol](socket);
  }

  return {
    address: formatHostPort({ host, port: port || (server.address() as AddressInfo).port }),
    closeToNew() {
      server.close();
      for (const socket of newcomers) socket.destroy();
    },
    empty: guests.empty,
    evict: guests.evict,
  };
}

function listenAddress({ listen }: Options): HostPort {
  const parsed = parseHostPort(listen);
  if (parsed.kind === "malformed") throw new Error(parsed.explanation);
  return parsed;
}

async function listen(server: Server, { host, port }: HostPort): Promise<void> {
  server.listen({ host, port });
  try {
    await once(server, "listening");
  } catch (cause) {
    const where = formatHostPort({ host, port });
    throw new Error(`cannot listen on ${where}: ${whyNot(cause as NodeJS.ErrnoException)}`, {
      cause,
    });
  }
}

function whyNot({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case "EADDRINUSE":
      return "address already in use";
    case "EADDRNOTAVAIL":
      return "this machine has no such address";
    case "EACCES":
      return "permission denied";
    case "ENOTFOUND":
      return "no such host";
    default:
      return message;
  }
}

/** Who is here, and how many from one address. */
function createGuestList(limits: RpcLimits) {
  const sockets = new Set<Socket>();
  const countOf = new Map<string, number>();
  const change = (ip: string, by: number) => {
    const count = (countOf.get(ip) ?? 0) + by;
    if (count > 0) countOf.set(ip, count);
    else countOf.delete(ip);
  };
  let whenEmpty: () => void = () => undefined;

  return {
    /** False when one more would be too many. */
    admit(socket: Socket): boolean {
      const ip = socket.remoteAddress ?? "unknown";
      const limit = isLoopback(ip) ? limits.connectionsFromLoopback : limits.connectionsPerAddress;
      if (sockets.size >= limits.connections || (countOf.get(ip) ?? 0) >= limit) return false;
      sockets.add(socket);
      change(ip, 1);
      socket.once("close", () => {
        sockets.delete(socket);
        change(ip, -1);
        if (sockets.size === 0) whenEmpty();
      });
      return true;
    },
    empty: () =>
      new Promise<void>((resolve) => {
        whenEmpty = resolve;
        if (sockets.size === 0) resolve();
      }),
    evict() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
