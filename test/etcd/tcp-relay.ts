import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A way to a server that can be broken in the ways that networks break. */
export interface TcpRelay {
  /** `host:port`. */
  readonly endpoint: string;
  /** From now on the server hears everything, and nobody hears the server. */
  mute(): void;
  /** Ends mute; what was said meanwhile is lost, so connections of before are broken. */
  cut(): void;
  /** Resolves when the server has said something that nobody heard. */
  swallowed(): Promise<void>;
  close(): Promise<void>;
}

export async function startRelay(target: string): Promise<TcpRelay> {
  const [host, port] = target.split(":");
  const sockets = new Set<Socket>();
  let isMute = false;
  let onSwallowed: () => void = () => undefined;

  const server = createServer((near) => {
    const far = connect(Number(port), host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on("data", (chunk) => void far.write(chunk));
    far.on("data", (chunk) => {
      if (isMute) onSwallowed();
      else near.write(chunk);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("a server has no port");

  function cut(): void {
    isMute = false;
    for (const socket of sockets) socket.destroy();
  }

  return {
    endpoint: `127.0.0.1:${address.port}`,
    mute() {
      isMute = true;
    },
    cut,
    swallowed: () =>
      new Promise((resolve) => {
        onSwallowed = resolve;
      }),
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
