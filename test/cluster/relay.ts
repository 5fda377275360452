import { connect, createServer, type Socket } from "node:net";

/** An address that stays while what it leads to comes and goes, and a wire that can be cut. */
export interface Relay {
  readonly address: string;
  /** Where connections go from now on. */
  leadTo(address: string): void;
  /** Drops every connection there is, without a word. */
  cut(): void;
  /** Cuts, and lets nobody through, until it is unblocked. */
  block(): void;
  unblock(): void;
  /** Keeps every connection open and lets nothing through any more, as a machine does that lost its power. */
  freeze(): void;
  /** New connections lead on again; the old ones stay dead. */
  thaw(): void;
  close(): void;
}

export async function openRelay(): Promise<Relay> {
  const sockets = new Set<Socket>();
  let target: string | undefined;
  let isBlocked = false;
  let isFrozen = false;

  function keep(socket: Socket): Socket {
    sockets.add(socket);
    // A cut is an error to one of the two; both hear of the close.
    socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
    return socket.setNoDelay();
  }

  const server = createServer((inward) => {
    if (target === undefined || isBlocked) return void inward.destroy();
    if (isFrozen) return void keep(inward).pause();
    const { hostname, port } = new URL(`http://${target}`);
    const outward = keep(connect(Number(port), hostname));
    keep(inward).pipe(outward).pipe(inward);
    inward.on("close", () => outward.destroy());
    outward.on("close", () => inward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    leadTo(next) {
      target = next;
    },
    cut,
    block() {
      isBlocked = true;
      cut();
    },
    unblock() {
      isBlocked = false;
    },
    freeze() {
      isFrozen = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    thaw() {
      isFrozen = false;
    },
    close() {
      cut();
      server.close();
    },
  };
}
