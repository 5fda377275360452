import type { statusOf } from "../lib/rpc/status.ts";

/** How a call ended: a gRPC status. Undefined: well. */
export type StatusReply = ReturnType<typeof statusOf> | undefined;

/** What reaches the caller's end of a call. */
export interface CallerEnd {
  message(bytes: Uint8Array): void;
  /** The call is over. Of a unary one the answer comes along, and what is said of it. */
  end(reply: StatusReply, message?: Uint8Array, header?: Headers): void;
  /** The server has taken so many bytes of what was sent. */
  credit(bytes: number): void;
}

/** What reaches the handler's end of a call. */
export interface HandlerEnd {
  message(bytes: Uint8Array): void;
  halfClose(): void;
  /** The caller left, or the connection broke. */
  cancel(): void;
  credit(bytes: number): void;
}

/** How a call begins. */
export type Opening = Readonly<{
  /** `/berth.v1.ManagerService/GetTask`. */
  path: string;
  header: Headers;
  /** Undefined: none. */
  timeoutMs: number | undefined;
  /** Sent along with a unary call. */
  request: Uint8Array | undefined;
  /** Address of the caller. */
  peer: string;
  /** Brings something to the caller's end. */
  reply: (run: (caller: CallerEnd) => void) => void;
}>;
