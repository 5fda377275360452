import type { Clock } from "../../lib/clock.ts";

/**
 * How far the registry's word can be trusted now. Written by the registry watch, read by whoever
 * decides that a worker is lost.
 */
export interface RegistryWord {
  /** When it spoke last, on the monotonic clock. Undefined until it has told all it knows. */
  heardMs(): number | undefined;
  /** When it had first told all it knew. Undefined until then. */
  firstToldMs(): number | undefined;
  /** It has spoken, and has told all it knows. */
  hear(): void;
  /** It is out of reach: what it said last may be out of date. */
  lose(): void;
  /** Calls `listener` each time it has spoken. */
  subscribe(listener: () => void): void;
}

export function createRegistryWord(clock: Clock): RegistryWord {
  const listeners: (() => void)[] = [];
  let heardMs: number | undefined;
  let firstToldMs: number | undefined;
  return {
    heardMs: () => heardMs,
    firstToldMs: () => firstToldMs,
    hear() {
      heardMs = clock.monotonic();
      firstToldMs ??= heardMs;
      for (const listener of listeners) listener();
    },
    lose() {
      heardMs = undefined;
    },
    subscribe: (listener) => void listeners.push(listener),
  };
}
