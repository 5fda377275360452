import type { Fault } from "./faults.ts";
import { DELAY_MS, JITTER_MS } from "./network-pipes.ts";
import type { FaultStep } from "./plan.ts";
import type { World } from "./world.ts";

/** How much of the traffic a bad path harms at most. */
const SHARE_MAX = 0.6;

/** A path around the world, and a bad one. */
const DELAY_MS_MAX = 1_500;

export const networkFaults = {
  /** Nothing gets through between two machines. */
  partition: {
    target: "pair",
    begin(world, { on, to = "" }) {
      world.network.block(on, to);
      world.network.block(to, on);
      return () => {
        world.network.unblock(on, to);
        world.network.unblock(to, on);
      };
    },
  },
  /** Nothing gets through one way: what is asked arrives and is never answered, or the reverse. */
  "one-way-partition": {
    target: "pair",
    begin(world, { on, to = "" }) {
      world.network.block(on, to);
      return () => world.network.unblock(on, to);
    },
  },
  /** A machine is cut off from all others. */
  isolation: {
    target: "part",
    begin(world, { on }) {
      const others = [...world.parts.keys(), "user"].filter((name) => name !== on);
      for (const other of others) {
        world.network.block(on, other);
        world.network.block(other, on);
      }
      return () => {
        for (const other of others) {
          world.network.unblock(on, other);
          world.network.unblock(other, on);
        }
      };
    },
  },
  /** All connections between two machines break at once. */
  reset: {
    target: "pair",
    begin(world, { on, to = "" }) {
      world.network.sever(on, to);
      return undefined;
    },
  },
  "lost-requests": {
    target: "pair",
    begin: (world, step) => harm(world, step, "lostRequests"),
  },
  /** What was asked is done, and nobody hears of it. */
  "lost-answers": {
    target: "pair",
    begin: (world, step) => harm(world, step, "lostAnswers"),
  },
  "duplicated-calls": {
    target: "pair",
    begin: (world, step) => harm(world, step, "duplicates"),
  },
  "slow-network": {
    target: "pair",
    begin(world, { on, to = "", level = 1 }) {
      const paths = [world.network.path(on, to), world.network.path(to, on)];
      const slow = (delayMs: number, jitterMs: number) => {
        for (const path of paths) Object.assign(path, { delayMs, jitterMs });
      };
      slow(level * DELAY_MS_MAX, level * DELAY_MS_MAX);
      return () => slow(DELAY_MS, JITTER_MS);
    },
  },
} as const satisfies Record<string, Fault>;

function harm(
  { network }: World,
  { on, to = "", level = 1 }: FaultStep,
  how: "lostRequests" | "lostAnswers" | "duplicates",
): () => void {
  const paths = [network.path(on, to), network.path(to, on)];
  for (const path of paths) path[how] = level * SHARE_MAX;
  return () => {
    for (const path of paths) path[how] = 0;
  };
}
