import type { DescMethodUnary, Message } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { Clock } from "../../lib/clock.ts";
import { unavailable } from "../../lib/errors.ts";
import type { StreamMethod, StreamRequest } from "../../lib/rpc/delegate.ts";
import type { ManagerView } from "./manager-metrics.ts";

/** What a manager is for a time, and how it answers then. */
export interface Role {
  readonly kind: "leader" | "standby";
  readonly view: ManagerView;
  /** Whether it has ended: what it answers from now on may be wrong. */
  isOver(): boolean;
  /** Aborts when it has ended. A process that was paused learns it later than by `isOver`. */
  readonly over: AbortSignal;
  /** Throws a `RoleOverError` when the call was not begun and the next role should have it. */
  answer(method: DescMethodUnary, request: Message, context: HandlerContext): Promise<Message>;
  stream(
    method: StreamMethod,
    request: StreamRequest,
    context: HandlerContext,
  ): AsyncIterable<Message>;
}

/** The role ended before the call was begun: nothing has happened. */
export class RoleOverError extends Error {
  override readonly name = "RoleOverError";
}

/** Which role this process has now. Written by the one who runs them; read by the front. */
export interface Roles {
  take(role: Role): void;
  /** The role that was taken last, whether or not it has ended. */
  latest(): Role | undefined;
  /**
   * The role that has not ended. Waits a bit for one; rejects as UNAVAILABLE when there is none, or
   * when `signal` aborts.
   */
  current(signal: AbortSignal): Promise<Role>;
}

/** As long as one leader after another takes at most. */
const WAIT_MS_MAX = 4_000;
const RETRY_MS = 500;

export function createRoles(clock: Clock): Roles {
  let role: Role | undefined;
  let waiting = new Set<() => void>();

  const changed = (signal: AbortSignal, limitMs: number) =>
    new Promise<void>((resolve) => {
      const disarm = clock.after(limitMs, done);
      waiting.add(done);
      signal.addEventListener("abort", done, { once: true });
      function done() {
        disarm();
        waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      }
    });

  return {
    latest: () => role,
    take(next) {
      role = next;
      const woken = waiting;
      waiting = new Set();
      for (const wake of woken) wake();
    },
    async current(signal) {
      const endMs = clock.monotonic() + WAIT_MS_MAX;
      while (!role || role.isOver()) {
        const leftMs = endMs - clock.monotonic();
        if (leftMs <= 0 || signal.aborted) throw noRole();
        await changed(signal, leftMs);
      }
      return role;
    },
  };
}

const noRole = () =>
  unavailable("NOT_READY", "this manager does not know yet whether it leads: try again", {
    retryMs: RETRY_MS,
  });
