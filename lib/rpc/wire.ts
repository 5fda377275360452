import type { FindAddresses } from "../address-cycle.ts";
import { findAddresses } from "../dns/find-addresses.ts";
import { systemRandom } from "../random.ts";
import { type Channel, type ChannelOptions, openChannel } from "./channel.ts";
import { type RpcServer, type RpcServerOptions, startRpcServer } from "./server.ts";

/** How services reach each other: over sockets, or in a simulation over memory. */
export interface Wire {
  /** See `startRpcServer`. */
  serve(options: RpcServerOptions): Promise<RpcServer>;
  /** See `openChannel`. */
  connect(options: ChannelOptions): Channel;
  /** The addresses that an entry of a list stands for now, as they should be tried. */
  readonly find: FindAddresses;
}

/** gRPC and HTTP/1.1 over TCP, names as this machine resolves them. */
export const socketWire: Wire = {
  serve: startRpcServer,
  connect: openChannel,
  find: (entry) => findAddresses(entry, systemRandom),
};
