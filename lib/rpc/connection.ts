import { isIP, type Socket } from "node:net";
import { type ChannelCredentials, Client, connectivityState, credentials } from "@grpc/grpc-js";
import type { Clock } from "../clock.ts";
import { unavailable } from "../errors.ts";
import { parseHostPort } from "../host-port.ts";
import type { Log } from "../log.ts";
import { clientLimits, defaultLimits } from "./limits.ts";

/** A grpc-js client, and why it was given up if it was. */
export interface Link {
  readonly client: Client;
  gaveUp?: Error;
}

/** The way to one server: a grpc-js client that is thrown away and made anew when it hangs. */
export interface Connection {
  /** What to make a call on. Throws UNAVAILABLE once closed. */
  link(): Link;
  /**
   * Gives the link up if it is not connected in time; that fails every call that waits for it
   * with UNAVAILABLE. To be called when a call starts; the result when it has its answer.
   */
  watch(link: Link): () => void;
  close(): void;
}

/** How to know the server, and to be known by it. All in PEM. */
export type ClientTls = Readonly<{
  /** Who may vouch for the server; absent: whom Node trusts. */
  ca?: Buffer;
  /** Shown to servers that ask for a certificate. */
  identity?: Readonly<{ certificate: Buffer; key: Buffer }>;
}>;

type Options = Readonly<{
  address: string;
  connectMs: number;
  clock: Clock;
  log: Log;
  /** Absent: plain text. */
  tls?: ClientTls | undefined;
}>;

/**
 * grpc-js waits for ever on a peer that accepts the connection but never speaks HTTP/2 (a
 * stopped process, a half-open load balancer); its keepalive begins too late to help
 * (grpc/grpc-node#2785).
 */
export function createConnection(options: Options): Connection {
  const { address, connectMs, clock, log, tls } = options;
  let current = connect(address, tls);
  let closed = false;

  function giveUp(link: Link): void {
    if (closed || link !== current || isReady(link.client)) return;
    log.warn({ address, connectMs }, "no connection in time, starting over");
    const message = `no connection to ${address} within ${connectMs} ms: is it running?`;
    link.gaveUp = unavailable("NOT_CONNECTED", message);
    const stale = current;
    current = connect(address, tls);
    stale.close();
  }

  return {
    link() {
      if (closed) throw unavailable("CHANNEL_CLOSED", `the channel to ${address} is closed`);
      return current;
    },
    watch: (link) =>
      isReady(link.client) ? () => undefined : clock.after(connectMs, () => giveUp(link)),
    close() {
      closed = true;
      current.close();
    },
  };
}

const isReady = (client: Client): boolean =>
  client.getChannel().getConnectivityState(false) === connectivityState.READY;

function connect(address: string, tls: ClientTls | undefined): Link & { close(): void } {
  let newest: Socket | undefined;
  const shown = withSocket(credentialsOf(tls), (socket) => {
    newest = socket;
  });
  const client = new Client(targetOf(address), shown, clientOptions);
  return {
    client,
    close() {
      const wasReady = isReady(client);
      client.close();
      // grpc-js forgets a connection that is not ready yet, and leaves it open.
      if (!wasReady) newest?.destroy();
    },
  };
}

/** For an IP address there is nothing to resolve: a resolver that is not used costs some 0.5 ms. */
function targetOf(address: string): string {
  const parsed = parseHostPort(address);
  const version = parsed.kind === "malformed" ? 0 : isIP(parsed.host);
  return version === 0 ? address : `ipv${version}:${address}`;
}

const credentialsOf = (tls: ClientTls | undefined): ChannelCredentials =>
  tls
    ? credentials.createSsl(tls.ca, tls.identity?.key, tls.identity?.certificate)
    : credentials.createInsecure();

/** Makes credentials show each socket once it is connected. */
function withSocket(plain: ChannelCredentials, onSocket: (socket: Socket) => void) {
  const createConnector = plain._createSecureConnector.bind(plain);
  plain._createSecureConnector = (...args) => {
    const connector = createConnector(...args);
    const connect = (socket: Socket) => {
      onSocket(socket);
      return connector.connect(socket);
    };
    return {
      connect,
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    };
  };
  return plain;
}

const clientOptions = {
  "grpc.max_receive_message_length": defaultLimits.messageBytes,
  "grpc.keepalive_time_ms": clientLimits.keepaliveMs,
  "grpc.keepalive_timeout_ms": clientLimits.keepaliveTimeoutMs,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": clientLimits.reconnectMsMin,
  "grpc.max_reconnect_backoff_ms": clientLimits.reconnectMsMax,
  // Who calls decides on retries. grpc-js takes this much of every call without back-pressure,
  // to send it again by itself when a server that is leaving refused it: a unary call's worth.
  "grpc.enable_retries": 0,
  "grpc.per_rpc_retry_buffer_size": clientLimits.resendBytes,
  "grpc.service_config_disable_resolution": 1,
  // Two channels to one address are two connections: a full one does not hold up the other.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_http_proxy": 0,
  "grpc.enable_channelz": 0,
};
