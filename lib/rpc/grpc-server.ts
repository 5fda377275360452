import type { Socket } from "node:net";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { addToGrpcServer } from "./grpc-handlers.ts";
import type { Serving } from "./serving.ts";

/** The gRPC side of a server. */
export interface GrpcServer {
  accept(socket: Socket): void;
  /** Tells every client to go (GOAWAY); calls under way may finish. */
  drain(): void;
  /** Ends every call. */
  close(): void;
}

export function createGrpcServer({ services, ...shared }: Serving): GrpcServer {
  const { limits, log } = shared;
  const server = new Server({
    "grpc.max_receive_message_length": limits.messageBytes,
    "grpc.max_send_message_length": limits.messageBytes,
    "grpc.max_concurrent_streams": limits.streamsPerConnection,
    "grpc.keepalive_time_ms": limits.keepaliveMs,
    "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
    "grpc.max_connection_idle_ms": limits.connectionIdleMs,
    "grpc.enable_channelz": 0,
  });
  for (const served of services) addToGrpcServer(server, { ...served, ...shared });
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    accept: (socket) => injector.injectConnection(socket),
    drain: () =>
      server.tryShutdown((err) => {
        if (err) log.warn({ err }, "grpc server did not shut down cleanly");
      }),
    close: () => server.forceShutdown(),
  };
}
