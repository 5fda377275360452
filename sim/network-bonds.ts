import { createLane, type Packet } from "./network-pipes.ts";
import type { Process, VirtualTime } from "./virtual-clock.ts";

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

/** After a time without an answer to a ping a connection is given up: see lib/rpc/limits.ts. */
export const KEEPALIVE_MS = 30_000;

/** The connections there are, and how they break. */
export interface Bonds {
  /** Makes a connection known, so that it can break. Returns how to forget it. */
  bind(bond: Bond): () => void;
  /** Breaks all connections between two machines, which both ends notice at once. */
  sever(a: string, b: string): void;
  /** A program is gone. Its peers are told by its machine, unless that is gone as well. */
  abandon(process: Process, isSilent: boolean): void;
}

type Deps = Readonly<{ time: VirtualTime; world: Process; send: (packet: Packet) => void }>;

export function createBonds({ time, world, send }: Deps): Bonds {
  const bonds = new Set<Bond>();

  function breakBoth(bond: Bond): void {
    bonds.delete(bond);
    const server = bond.server();
    time.deliver(bond.client, 0, bond.breakClient);
    if (server) time.deliver(server, 0, bond.breakServer);
  }

  /** The other end learns that its peer is gone. */
  function tell(bond: Bond, isServer: boolean, delayMs: number): void {
    const process = isServer ? bond.client : bond.server();
    if (!process) return;
    const [from, to] = isServer ? [bond.to, bond.from] : [bond.from, bond.to];
    const run = isServer ? bond.breakClient : bond.breakServer;
    time.schedule(world, delayMs, () => send({ from, to, process, lane: createLane(), run }));
  }

  return {
    bind(bond) {
      bonds.add(bond);
      return () => void bonds.delete(bond);
    },
    sever: (a, b) => [...bonds].filter((bond) => isBetween(a, b, bond)).forEach(breakBoth),
    abandon(process, isSilent) {
      for (const bond of [...bonds]) {
        const isServer = bond.server() === process;
        if (bond.client !== process && !isServer) continue;
        bonds.delete(bond);
        tell(bond, isServer, isSilent ? KEEPALIVE_MS : 0);
      }
    },
  };
}

const isBetween = (a: string, b: string, { from, to }: Bond): boolean =>
  (from === a && to === b) || (from === b && to === a);
