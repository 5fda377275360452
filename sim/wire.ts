import { formatAddressEntry } from "../lib/address-list.ts";
import type { Clock } from "../lib/clock.ts";
import { unavailable } from "../lib/errors.ts";
import type { Random } from "../lib/random.ts";
import type { Channel, ChannelOptions } from "../lib/rpc/channel.ts";
import { clientLimits } from "../lib/rpc/limits.ts";
import { createRpcLog } from "../lib/rpc/rpc-log.ts";
import type { RpcServer, RpcServerOptions } from "../lib/rpc/server.ts";
import type { Wire } from "../lib/rpc/wire.ts";
import { createStop } from "../lib/stop.ts";
import type { Tap } from "./fence-monitor.ts";
import type { Network } from "./network.ts";
import type { Process } from "./virtual-clock.ts";
import { callUnary, openStream } from "./wire-client.ts";
import { createConnections } from "./wire-connection.ts";
import { createPort, type Port } from "./wire-port.ts";
import type { ServedMethod } from "./wire-server.ts";

/** The servers of all machines by their address, and the way to them. */
export interface Ether {
  /** What a process on a machine speaks over. Its addresses are `machine:port`. */
  wireOf(machine: string, process: Process): Wire;
  /** Whether somebody listens. */
  listens(address: string): boolean;
}

/** Joins machines by a network in memory that behaves as gRPC over TCP does. */
export function createEther(network: Network, tap: Tap): Ether {
  const ports = new Map<string, Port>();
  return {
    listens: (address) => ports.get(address)?.isOpen() ?? false,
    wireOf: (machine, process) => ({
      serve: async (options) => serve(ports, { machine, process, options, tap }),
      connect: (options) =>
        openChannel(network, { machine, process, options, find: (address) => ports.get(address) }),
      find: async (entry) => [formatAddressEntry(entry)],
    }),
  };
}

type Server = Readonly<{
  machine: string;
  process: Process;
  options: RpcServerOptions;
  tap: Tap;
}>;

function serve(ports: Map<string, Port>, { machine, process, options, tap }: Server): RpcServer {
  const { listen, clock } = options;
  const draining = createStop();
  const methods = methodsOf(options);
  const port = createPort({ machine, process, serving: { methods, clock, signal: draining, tap } });
  ports.set(listen, port);
  let stopped: Promise<void> | undefined;

  async function stop(graceMs: number): Promise<void> {
    port.closeToNew();
    await clock.turn();
    draining.abort(unavailable("DRAINING", "the server is draining: try another, or again soon"));
    const finished = new AbortController();
    const idle = port.idle().then(() => finished.abort());
    if (graceMs > 0) await Promise.race([idle, clock.sleep(graceMs, finished.signal)]);
    port.evict();
  }

  return {
    address: listen,
    setServing: () => undefined,
    stop(graceMs) {
      stopped ??= stop(graceMs);
      return stopped;
    },
  };
}

function methodsOf({ mounts, interceptors = [], clock, log, random }: RpcServerOptions) {
  const rpcLog = createRpcLog({ clock, log, random: random ?? noRandom });
  const methods = new Map<string, ServedMethod>();
  for (const { service, methods: specs } of mounts)
    for (const spec of Object.values(specs))
      methods.set(`/${service.typeName}/${spec.method.name}`, {
        spec,
        interceptors: [rpcLog, ...interceptors],
      });
  return methods;
}

/** Incidents need no names here: the trace tells them apart. */
const noRandom: Random = () => 0;

type Client = Readonly<{
  machine: string;
  process: Process;
  options: ChannelOptions;
  find: (address: string) => Port | undefined;
}>;

function openChannel(network: Network, { machine, process, options, find }: Client): Channel {
  const { address, clock, log } = options;
  const { timeoutMs: defaultMs = clientLimits.unaryMs, connectMs = clientLimits.connectMs } =
    options;
  const connections = createConnections({
    network,
    machine,
    process,
    address,
    find: () => find(address),
    giveUpLater: (giveUp) => (clock as Clock).after(connectMs, giveUp),
    connectMs,
  });
  const way = { open: connections.open, clock, log };
  return {
    address,
    close: connections.close,
    unary: (method, signal, timeoutMs = defaultMs, header, input) =>
      callUnary(way, method, input, { signal, timeoutMs, header }),
    stream: (method, signal, timeoutMs, header, input) =>
      openStream(way, method, input, { signal, timeoutMs, header }),
  };
}
