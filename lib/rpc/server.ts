import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Interceptor } from "@connectrpc/connect";
import type { Clock } from "../clock.ts";
import { unavailable } from "../errors.ts";
import type { HttpApi } from "../http/route.ts";
import type { Log } from "../log.ts";
import { type Random, systemRandom } from "../random.ts";
import { createStop } from "../stop.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { CallMeter } from "./call-meter.ts";
import { createCors } from "./cors.ts";
import { openFrontDoor } from "./front-door.ts";
import { createGrpcServer } from "./grpc-server.ts";
import { createHealth } from "./health.ts";
import { createHttp1, type Http1, type Page } from "./http1.ts";
import { defaultLimits, type RpcLimits } from "./limits.ts";
import { reflectionMounts } from "./reflection.ts";
import { createRpcLog } from "./rpc-log.ts";
import type { ServiceMount } from "./service-mount.ts";
import type { Served } from "./serving.ts";

export type RpcServerOptions = Readonly<{
  /** `host:port`; port 0 means any free one. IPv6 as `[::1]:7070`. */
  listen: string;
  mounts: readonly ServiceMount[];
  clock: Clock;
  log: Log;
  limits?: Partial<RpcLimits>;
  /** What is offered over plain HTTP/1.1. Default: nothing but calls. */
  api?: HttpApi;
  /** Answers HTTP/1.1 requests that are neither calls nor of `api`. Default: 404 as JSON. */
  fallback?: (request: IncomingMessage, response: ServerResponse) => void;
  /** Answers GET of a path over HTTP/1.1, such as `/metrics`. */
  pages?: ReadonlyMap<string, Page>;
  /** Origins whose pages may call over HTTP/1.1. Default: none but the server's own. */
  corsOrigins?: readonly string[];
  /** Counts calls on both wires. */
  meter?: CallMeter;
  /** Makes a span of each call on both wires. Absent: none is made. */
  tracer?: Tracer | undefined;
  /** Applied to the mounts on both wires, the first outermost. Not to health and reflection. */
  interceptors?: readonly Interceptor[];
  /** Names incidents. Default: the system's. */
  random?: Random;
}>;

/** A server that answers gRPC and HTTP/1.1 on one port. */
export interface RpcServer {
  /** The actual `host:port`. */
  readonly address: string;
  /** What the health service says of this server and all its services. At first: serving. */
  setServing(serving: boolean): void;
  /**
   * Says "not serving", takes nothing new, ends streams with UNAVAILABLE, lets unary calls
   * finish, and after `graceMs` ends whatever is left. Idempotent: the first call counts.
   */
  stop(graceMs: number): Promise<void>;
}

/** Rejects when it cannot listen: `cannot listen on 127.0.0.1:7070: address already in use`. */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { listen, clock, log, api, fallback, pages } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const health = createHealth(options.mounts.map(({ service }) => service.typeName));
  // Every open stream listens to it.
  const draining = createStop();

  const services = servedBy(options, health.mount);
  const cors = createCors(options.corsOrigins ?? []);
  const serving = { services, limits, log, draining: draining.signal, cors };
  const grpc = createGrpcServer(serving);
  // Made for the first who speaks HTTP/1.1: to most servers nobody does, and it keeps a timer.
  let http1: Http1 | undefined;
  const acceptHttp1 = (socket: Socket) => {
    http1 ??= createHttp1(serving, { api, pages, fallback });
    http1.accept(socket);
  };
  const accept = { grpc: grpc.accept, http1: acceptHttp1 };
  const door = await openFrontDoor({ listen, limits, clock, log, accept });
  let stopped: Promise<void> | undefined;

  async function stop(graceMs: number): Promise<void> {
    health.setServing(false);
    door.closeToNew();
    // Those who watch our health hear of it before their stream ends.
    await clock.turn();
    draining.abort(unavailable("DRAINING", "the server is draining: try another, or again soon"));
    grpc.drain();
    http1?.drain();
    const finished = new AbortController();
    const empty = door.empty().then(() => finished.abort());
    if (graceMs > 0) await Promise.race([empty, clock.sleep(graceMs, finished.signal)]);
    grpc.close();
    door.evict();
    await empty;
  }

  return {
    address: door.address,
    setServing: health.setServing,
    stop: (graceMs) => {
      stopped ??= stop(graceMs);
      return stopped;
    },
  };
}

function servedBy(options: RpcServerOptions, health: ServiceMount): Served[] {
  const { clock, log, random = systemRandom, mounts, interceptors = [], meter, tracer } = options;
  const parts = { clock, log, random, meter, tracer };
  const rpcLog = createRpcLog({ ...parts, beginsTraces: true });
  const besideLog = createRpcLog({ ...parts, beginsTraces: false });
  const known = [...mounts, health].map(({ service }) => service);
  return [
    ...mounts.map((mount) => ({ mount, interceptors: [rpcLog, ...interceptors] })),
    ...[health, ...reflectionMounts(known)].map((mount) => ({
      mount,
      interceptors: [besideLog],
    })),
  ];
}
