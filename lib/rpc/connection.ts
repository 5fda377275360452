import { Client, connectivityState, credentials } from "@grpc/grpc-js";
import { after, type Clock } from "../clock.ts";
import { unavailable } from "../errors.ts";
import type { Log } from "../log.ts";
import { clientLimits, defaultLimits } from "./limits.ts";

/** A grpc-js client, and why it was given up if it was. */
export type Link = { readonly client: Client; gaveUp?: Error };

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

type Options = Readonly<{ address: string; connectMs: number; clock: Clock; log: Log }>;

/**
 * grpc-js waits for ever on a peer that accepts the connection but never speaks HTTP/2 (a
 * stopped process, a half-open load balancer); its keepalive begins too late to help
 * (grpc/grpc-node#2785).
 */
export function createConnection({ address, connectMs, clock, log }: Options): Connection {
  let current: Link = { client: connect(address) };
  let closed = false;

  function giveUp(link: Link): void {
    if (closed || link !== current || isReady(link)) return;
    log.warn({ address, connectMs }, "no connection in time, starting over");
    const message = `no connection to ${address} within ${connectMs} ms: is it running?`;
    link.gaveUp = unavailable("NOT_CONNECTED", message);
    current = { client: connect(address) };
    link.client.close();
  }

  return {
    link() {
      if (closed) throw unavailable("CHANNEL_CLOSED", `the channel to ${address} is closed`);
      return current;
    },
    watch: (link) =>
      isReady(link) ? () => undefined : after(clock, connectMs, () => giveUp(link)),
    close() {
      closed = true;
      current.client.close();
    },
  };
}

const isReady = ({ client }: Link): boolean =>
  client.getChannel().getConnectivityState(false) === connectivityState.READY;

const connect = (address: string): Client =>
  new Client(address, credentials.createInsecure(), {
    "grpc.max_receive_message_length": defaultLimits.messageBytes,
    "grpc.keepalive_time_ms": defaultLimits.keepaliveMs,
    "grpc.keepalive_timeout_ms": defaultLimits.keepaliveTimeoutMs,
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
  });
