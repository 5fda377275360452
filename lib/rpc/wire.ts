import { type Channel, type ChannelOptions, openChannel } from "./channel.ts";
import { type RpcServer, type RpcServerOptions, startRpcServer } from "./server.ts";

/** How services reach each other: over sockets, or in a simulation over memory. */
export interface Wire {
  /** See `startRpcServer`. */
  serve(options: RpcServerOptions): Promise<RpcServer>;
  /** See `openChannel`. */
  connect(options: ChannelOptions): Channel;
}

/** gRPC and HTTP/1.1 over TCP. */
export const socketWire: Wire = { serve: startRpcServer, connect: openChannel };
