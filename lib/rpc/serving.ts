import type { Interceptor } from "@connectrpc/connect";
import type { Log } from "../log.ts";
import type { Cors } from "./cors.ts";
import type { RpcLimits } from "./limits.ts";
import type { ServiceMount } from "./service-mount.ts";

/** A mount and what its calls pass through, the outermost interceptor first. */
export type Served = Readonly<{ mount: ServiceMount; interceptors: Interceptor[] }>;

/** What a wire needs to serve handlers. */
export type Serving = Readonly<{
  services: readonly Served[];
  limits: RpcLimits;
  log: Log;
  /** Aborts when the server drains. Ends streams; unary calls may finish. */
  draining: AbortSignal;
  /** What pages of other origins may do. */
  cors: Cors;
}>;
