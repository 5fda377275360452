import type { Random } from "../lib/random.ts";
import { type Bonds, createBonds, KEEPALIVE_MS } from "./network-bonds.ts";
import { createLane, createPipes, type Packet, type Path, type Pipes } from "./network-pipes.ts";
import type { Process, VirtualTime } from "./virtual-clock.ts";

/** What chance has in store for a unary call. */
export type Fate = "arrives" | "request lost" | "answer lost" | "arrives twice";

/** A wish to connect to a machine. */
type Knock = Pick<Packet, "from" | "to" | "run">;

/** Machines by name and what lies between each two of them. */
export interface Network
  extends Pick<Pipes, "path" | "send" | "unblock">,
    Pick<Bonds, "bind" | "sever" | "abandon"> {
  readonly random: Random;
  /** Brings a wish to connect to a machine, whether or not a program of it is alive. */
  knock(wish: Knock): void;
  /** Draws what becomes of a call. Only unary calls are treated badly: streams break as a whole. */
  fate(from: string, to: string, isUnary: boolean): Fate;
  /** Switches a machine on or off. Nothing that is sent to one that is off is answered. */
  switchPower(machine: string, isOn: boolean): void;
  /** Lets nothing through. If that lasts, all connections between the two machines break. */
  block(from: string, to: string): void;
}

type Deps = Readonly<{ time: VirtualTime; random: Random; world: Process }>;

export function createNetwork({ time, random, world }: Deps): Network {
  const { path, send, block, unblock } = createPipes(time, random);
  const { bind, sever, abandon } = createBonds({ time, world, send });
  /** Machines without power. */
  const off = new Set<string>();
  return {
    ...{ random, path, send, unblock, bind, sever, abandon },
    knock({ from, to, run }) {
      const ifOn = () => {
        if (!off.has(to)) run();
      };
      send({ from, to, process: world, lane: createLane(), run: ifOn });
    },
    fate: (from, to, isUnary) => (isUnary ? draw(path(from, to), random) : "arrives"),
    switchPower: (machine, isOn) => void (isOn ? off.delete(machine) : off.add(machine)),
    block(from, to) {
      const lasts = block(from, to);
      if (!lasts) return;
      time.schedule(world, KEEPALIVE_MS, () => {
        if (lasts()) sever(from, to);
      });
    },
  };
}

function draw({ lostRequests, lostAnswers, duplicates }: Path, random: Random): Fate {
  if (lostRequests + lostAnswers + duplicates === 0) return "arrives";
  const drawn = random();
  if (drawn < lostRequests) return "request lost";
  if (drawn < lostRequests + lostAnswers) return "answer lost";
  return drawn < lostRequests + lostAnswers + duplicates ? "arrives twice" : "arrives";
}
