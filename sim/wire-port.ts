import type { Clock } from "../lib/clock.ts";
import type { Tap } from "./fence-monitor.ts";
import type { Process } from "./virtual-clock.ts";
import type { HandlerEnd, Opening } from "./wire-call.ts";
import { type ServedMethod, serveCall } from "./wire-server.ts";

/** Where a server listens. */
export interface Port {
  readonly machine: string;
  readonly process: Process;
  isOpen(): boolean;
  /** Takes a connection in. `onEvict` is called when the server drops it. */
  accept(onEvict: () => void): ServerEnd;
  closeToNew(): void;
  /** Resolves once no call is under way. */
  idle(): Promise<void>;
  /** Drops all connections, and whatever is under way. */
  evict(): void;
}

/** The server's end of a connection. */
export interface ServerEnd {
  open(opening: Opening): HandlerEnd;
  /** Ends all calls: the connection is no more. */
  break(): void;
}

type Options = Readonly<{
  machine: string;
  process: Process;
  serving: Readonly<{
    methods: ReadonlyMap<string, ServedMethod>;
    clock: Clock;
    signal: AbortController;
    tap: Tap;
  }>;
}>;

export function createPort({ machine, process, serving }: Options): Port {
  const { methods, clock, tap } = serving;
  const draining = serving.signal.signal;
  const ends = new Map<ServerEnd, () => void>();
  let underWay = 0;
  let isOpen = true;
  let onIdle: () => void = () => undefined;

  function accept(onEvict: () => void): ServerEnd {
    const calls = new Set<HandlerEnd>();
    let isBroken = false;
    const end: ServerEnd = {
      open(opening) {
        if (isBroken) return ignoring;
        underWay++;
        const call = serveCall(opening, { methods, clock, draining, tap, machine }, (over) => {
          calls.delete(over);
          if (--underWay === 0) onIdle();
        });
        calls.add(call);
        return call;
      },
      break() {
        isBroken = true;
        ends.delete(end);
        for (const call of [...calls]) call.cancel();
      },
    };
    ends.set(end, onEvict);
    return end;
  }

  return {
    machine,
    process,
    isOpen: () => isOpen && process.state !== "dead",
    accept,
    closeToNew() {
      isOpen = false;
    },
    idle: () =>
      underWay === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            onIdle = resolve;
          }),
    evict() {
      for (const [end, onEvict] of [...ends]) {
        end.break();
        onEvict();
      }
    },
  };
}

const ignoring: HandlerEnd = {
  message: () => undefined,
  halfClose: () => undefined,
  cancel: () => undefined,
  credit: () => undefined,
};
