import type { Transport } from "@connectrpc/connect";

/** One manager, and the way to it. */
export type Server = Readonly<{ baseUrl: string; transport: Transport }>;

/** Managers of one cluster. All calls stay with one until that fails one of them. */
export interface Servers {
  readonly count: number;
  current(): Server;
  /** Goes on to the next one, unless another call has done so. */
  leave(left: Server): void;
}

export function createServers(all: readonly Server[]): Servers {
  let position = 0;
  const current = () => all[position % all.length] as Server;
  return {
    count: all.length,
    current,
    leave(left) {
      if (left === current()) position += 1;
    },
  };
}
