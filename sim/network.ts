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

/** What chance has in store for a unary call. */
export type Fate = "arrives" | "request lost" | "answer lost" | "arrives twice";

/** A connection between two machines, as the network sees it. */
export type Bond = Readonly<{
  from: string;
  to: string;
  /** The programs at both ends. */
  client: Process;
  server: () => Process | undefined;
  /** One end learns that the connection is no more. */
  breakClient: () => void;
  breakServer: () => void;
}>;

/** Machines by name and what lies between each two of them. */
export interface Network {
  readonly random: Random;
  path(from: string, to: string): Path;
  /** Brings `run` to a process on another machine, after everything sent before in its lane. */
  send(packet: Packet): void;
  /** Brings a wish to connect to a machine, whether or not a program of it is alive. */
  knock(packet: Pick<Packet, "from" | "to" | "run">): void;
  /** Draws what becomes of a call. Only unary calls are treated badly: streams break as a whole. */
  fate(from: string, to: string, isUnary: boolean): Fate;
  /** Switches a machine on or off. Nothing that is sent to one that is off is answered. */
  switchPower(machine: string, isOn: boolean): void;
  /** Makes a connection known, so that it can break. Returns how to forget it. */
  bind(bond: Bond): () => void;
  block(from: string, to: string): void;
  /** Opens the path, and lets what waited go on. */
  unblock(from: string, to: string): void;
  /** Breaks all connections between two machines, which both ends notice at once. */
  reset(a: string, b: string): void;
  /** A program is gone. Its peers are told by its machine, unless that is gone as well. */
  abandon(process: Process, isSilent: boolean): void;
}

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

/** After a time without an answer to a ping a connection is given up: see lib/rpc/limits.ts. */
const KEEPALIVE_MS = 30_000;

/** How long TCP may take to try again, once the path is open. */
const RETRANSMIT_MS = 400;

type Pipe = { readonly path: Path; waiting: Packet[]; blockSerial: number };

export function createNetwork(
  deps: Readonly<{ time: VirtualTime; random: Random; world: Process }>,
): Network {
  const { time, random, world } = deps;
  const pipes = new Map<string, Pipe>();
  const bonds = new Set<Bond>();
  /** Machines without power. */
  const off = new Set<string>();

  function pipe(from: string, to: string): Pipe {
    const name = `${from}>${to}`;
    const known = pipes.get(name) ?? createPipe();
    pipes.set(name, known);
    return known;
  }

  function send(packet: Packet): void {
    const { path, waiting } = pipe(packet.from, packet.to);
    if (path.isBlocked) waiting.push(packet);
    else forward(packet, path.delayMs + random() * path.jitterMs);
  }

  function forward({ process, lane, run }: Packet, delayMs: number): void {
    const now = time.elapsedMs();
    lane.lastDueMs = Math.max(lane.lastDueMs, now + delayMs);
    time.deliver(process, lane.lastDueMs - now, run);
  }

  const between = (a: string, b: string): readonly Bond[] =>
    [...bonds].filter(({ from, to }) => (from === a && to === b) || (from === b && to === a));

  function sever(bond: Bond): void {
    bonds.delete(bond);
    const server = bond.server();
    time.deliver(bond.client, 0, bond.breakClient);
    if (server) time.deliver(server, 0, bond.breakServer);
  }

  function block(from: string, to: string): void {
    const blocked = pipe(from, to);
    if (blocked.path.isBlocked) return;
    blocked.path.isBlocked = true;
    const serial = ++blocked.blockSerial;
    time.schedule(world, KEEPALIVE_MS, () => {
      if (blocked.path.isBlocked && blocked.blockSerial === serial)
        between(from, to).forEach(sever);
    });
  }

  function unblock(from: string, to: string): void {
    const opened = pipe(from, to);
    opened.path.isBlocked = false;
    for (const packet of opened.waiting.splice(0)) forward(packet, random() * RETRANSMIT_MS);
  }

  function abandon(process: Process, isSilent: boolean): void {
    for (const bond of [...bonds]) {
      const isServer = bond.server() === process;
      if (bond.client !== process && !isServer) continue;
      bonds.delete(bond);
      tell(bond, isServer, isSilent ? KEEPALIVE_MS : 0);
    }
  }

  /** The other end learns that its peer is gone. */
  function tell(bond: Bond, isServer: boolean, delayMs: number): void {
    const process = isServer ? bond.client : bond.server();
    if (!process) return;
    const [from, to] = isServer ? [bond.to, bond.from] : [bond.from, bond.to];
    const run = isServer ? bond.breakClient : bond.breakServer;
    time.schedule(world, delayMs, () => send({ from, to, process, lane: createLane(), run }));
  }

  function fate(from: string, to: string, isUnary: boolean): Fate {
    const { lostRequests, lostAnswers, duplicates } = pipe(from, to).path;
    if (!isUnary || lostRequests + lostAnswers + duplicates === 0) return "arrives";
    const draw = random();
    if (draw < lostRequests) return "request lost";
    if (draw < lostRequests + lostAnswers) return "answer lost";
    return draw < lostRequests + lostAnswers + duplicates ? "arrives twice" : "arrives";
  }

  function knock({ from, to, run }: Pick<Packet, "from" | "to" | "run">): void {
    const ifOn = () => {
      if (!off.has(to)) run();
    };
    send({ from, to, process: world, lane: createLane(), run: ifOn });
  }

  return {
    random,
    knock,
    fate,
    switchPower: (machine, isOn) => void (isOn ? off.delete(machine) : off.add(machine)),
    path: (from, to) => pipe(from, to).path,
    send,
    bind(bond) {
      bonds.add(bond);
      return () => void bonds.delete(bond);
    },
    block,
    unblock,
    reset: (a, b) => between(a, b).forEach(sever),
    abandon,
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
