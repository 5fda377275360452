import { createRouterTransport, type ServiceImpl, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { systemClock } from "../../clock.ts";
import { silentLog } from "../../log.ts";
import { openChannel } from "../channel.ts";
import { type RpcServer, type RpcServerOptions, startRpcServer } from "../server.ts";
import { mountService } from "../service-mount.ts";
import { EchoService } from "./echo-pb.ts";

export type Echo = ServiceImpl<typeof EchoService>;

/** Handlers that answer with what they hear; a test replaces the one it is about. */
export const echo = (replaced: Partial<Echo> = {}): Echo => ({
  say: ({ text, payload }) => ({ text, payload }),
  async collect(requests) {
    const texts: string[] = [];
    for await (const { text } of requests) texts.push(text);
    return { text: texts.join(" ") };
  },
  async *count({ text, count }) {
    for (let index = 0; index < count; index++) yield { text, index };
  },
  async *chat(requests) {
    let index = 0;
    for await (const { text } of requests) yield { text, index: index++ };
  },
  ...replaced,
});

/** A server on a free port of this machine, without a log unless told otherwise. */
export const serve = (
  handlers: Echo,
  options: Partial<RpcServerOptions> = {},
): Promise<RpcServer> =>
  startRpcServer({
    listen: "127.0.0.1:0",
    mounts: [mountService(EchoService, handlers)],
    clock: systemClock,
    log: silentLog,
    ...options,
  });

export const channelTo = (
  address: string,
  options: { timeoutMs?: number; connectMs?: number } = {},
) => openChannel({ address, clock: systemClock, log: silentLog, ...options });

/** A way to reach handlers, and how to take it down again. */
export type Wire = Readonly<{ transport: Transport; close(): Promise<void> }>;

type Opened = Readonly<{
  name: string;
  /** HTTP/1.1 has no bidirectional streams. */
  isDuplex: boolean;
  open(handlers: Echo, options?: Partial<RpcServerOptions>): Promise<Wire>;
}>;

/** Every way to call a handler. A behaviour that is promised holds on all of them. */
export const wires: readonly Opened[] = [
  {
    name: "in memory",
    isDuplex: true,
    open: async (handlers, options) => {
      const router = { interceptors: [...(options?.interceptors ?? [])] };
      const transport = createRouterTransport(
        ({ service }) => void service(EchoService, handlers),
        { router },
      );
      return { transport, close: async () => undefined };
    },
  },
  {
    name: "over grpc",
    isDuplex: true,
    open: async (handlers, options) => {
      const server = await serve(handlers, options);
      const transport = channelTo(server.address);
      const close = () => {
        transport.close();
        return server.stop(0);
      };
      return { transport, close };
    },
  },
  overHttp1("over connect json", (baseUrl) =>
    createConnectTransport({ httpVersion: "1.1", baseUrl, useBinaryFormat: false }),
  ),
  overHttp1("over grpc-web", (baseUrl) => createGrpcWebTransport({ httpVersion: "1.1", baseUrl })),
];

function overHttp1(name: string, transportTo: (baseUrl: string) => Transport): Opened {
  return {
    name,
    isDuplex: false,
    open: async (handlers, options) => {
      const server = await serve(handlers, options);
      const transport = transportTo(`http://${server.address}`);
      return { transport, close: () => server.stop(0) };
    },
  };
}
