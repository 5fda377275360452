import type { Random } from "../lib/random.ts";
import type { Process, VirtualTime } from "./virtual-clock.ts";

/** How one machine's packets fare on the way to another, one direction. */
export type Path = {
  delayMs: number;
  /** Up to so much is added to each delay, by chance. */
  jitterMs: number;
  /** Nothing gets through; what is sent waits, as TCP has it, until the path is open again. */
  isBlocked: boolean;
  /** How likely it is that a unary call sent this way breaks before it arrives. */
  lostRequests: number;
  /** How likely it is that the answer to a call sent this way is lost. */
  lostAnswers: number;
  /** How likely it is that a unary call sent this way arrives twice. */
  duplicates: number;
};

/** Packets that keep their order: one direction of one call. */
export type Lane = { lastDueMs: number };

export const createLane = (): Lane => ({ lastDueMs: 0 });

export type Packet = Readonly<{
  from: string;
  to: string;
  process: Process;
  lane: Lane;
  run: () => void;
}>;

/** Ethernet in one room. */
export const DELAY_MS = 0.2;
export const JITTER_MS = 0.3;

/** How long TCP may take to try again, once the path is open. */
const RETRANSMIT_MS = 400;

/** The paths between machines, and the packets on them. */
export interface Pipes {
  path(from: string, to: string): Path;
  /** Brings `run` to a process on another machine, after everything sent before in its lane. */
  send(packet: Packet): void;
  /** Returns how to tell whether this very block lasts; undefined: there was one already. */
  block(from: string, to: string): (() => boolean) | undefined;
  /** Opens the path, and lets what waited go on. */
  unblock(from: string, to: string): void;
}

type Pipe = { readonly path: Path; waiting: Packet[]; blockSerial: number };

export function createPipes(time: VirtualTime, random: Random): Pipes {
  const pipes = new Map<string, Pipe>();

  function pipe(from: string, to: string): Pipe {
    const name = `${from}>${to}`;
    const known = pipes.get(name) ?? createPipe();
    pipes.set(name, known);
    return known;
  }

  function forward({ process, lane, run }: Packet, delayMs: number): void {
    const now = time.elapsedMs();
    lane.lastDueMs = Math.max(lane.lastDueMs, now + delayMs);
    time.deliver(process, lane.lastDueMs - now, run);
  }

  return {
    path: (from, to) => pipe(from, to).path,
    send(packet) {
      const { path, waiting } = pipe(packet.from, packet.to);
      if (path.isBlocked) waiting.push(packet);
      else forward(packet, path.delayMs + random() * path.jitterMs);
    },
    block(from, to) {
      const blocked = pipe(from, to);
      if (blocked.path.isBlocked) return undefined;
      blocked.path.isBlocked = true;
      const serial = ++blocked.blockSerial;
      return () => blocked.path.isBlocked && blocked.blockSerial === serial;
    },
    unblock(from, to) {
      const opened = pipe(from, to);
      opened.path.isBlocked = false;
      for (const packet of opened.waiting.splice(0)) forward(packet, random() * RETRANSMIT_MS);
    },
  };
}

const createPipe = (): Pipe => ({
  path: {
    delayMs: DELAY_MS,
    jitterMs: JITTER_MS,
    isBlocked: false,
    lostRequests: 0,
    lostAnswers: 0,
    duplicates: 0,
  },
  waiting: [],
  blockSerial: 0,
});
