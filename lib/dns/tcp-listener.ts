import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../clock.ts";
import type { HostPort } from "../host-port.ts";
import type { Log } from "../log.ts";
import { frame } from "./forwarder.ts";
import { dnsLimits } from "./limits.ts";
import type { Respond } from "./responder.ts";
import type { Listener } from "./udp-listener.ts";

type Deps = Readonly<{ respond: Respond; clock: Clock; log: Log }>;

/** Answers queries over TCP (RFC 7766) on `host`, an IP address. */
export async function listenTcp(at: HostPort, { respond, clock, log }: Deps): Promise<Listener> {
  /** The one longest silent first. */
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const [silent] = sockets;
    if (sockets.size >= dnsLimits.connections) silent?.destroy();
    const touch = () => {
      sockets.delete(socket);
      sockets.add(socket);
    };
    touch();
    socket.on("close", () => sockets.delete(socket));
    converse(socket, { respond, clock, touch });
  });
  await listening(server, at);
  server.on("error", (err) => log.warn({ err }, "dns server complained"));
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : at.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

const listening = (server: Server, { host, port }: HostPort): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });

type Party = Readonly<{
  respond: Respond;
  clock: Clock;
  /** Called at each whole query. */
  touch: () => void;
}>;

/** Answers the queries of one connection, until it ends or falls silent. */
function converse(socket: Socket, { respond, clock, touch }: Party): void {
  const inbox = createFrames();
  const outbox = createOutbox(socket, respond, proceed);
  const giveUp = () => {
    socket.destroy();
  };
  let disarm = clock.after(dnsLimits.idleMs, giveUp);
  let ended = false;
  let resting = false;

  function proceed(): void {
    if (resting) return;
    if (repeats(hasAnsweredNext, dnsLimits.queriesPerTurn)) rest();
    else if (outbox.isFull()) socket.pause();
    else if (ended && outbox.isEmpty()) socket.end();
    else socket.resume();
  }

  /** False when no whole query is there, or no answer would be taken. */
  function hasAnsweredNext(): boolean {
    if (socket.destroyed || outbox.isFull()) return false;
    const next = inbox.next();
    if (next.kind === "malformed") giveUp();
    if (next.kind === "whole") hear(next.packet);
    return next.kind === "whole";
  }

  /** Lets everybody else have a turn: nobody who asks fast keeps the process from its other work. */
  function rest(): void {
    resting = true;
    socket.pause();
    void clock.turn().then(() => {
      resting = false;
      proceed();
    });
  }

  function hear(packet: Buffer): void {
    disarm();
    disarm = clock.after(dnsLimits.idleMs, giveUp);
    touch();
    outbox.answer(packet);
  }

  socket.on("data", (bytes) => {
    inbox.add(bytes);
    proceed();
  });
  socket.on("drain", proceed);
  socket.on("end", () => {
    ended = true;
    proceed();
  });
  // It is followed by "close", and that the other side broke off is no news.
  socket.on("error", () => undefined);
  socket.on("close", () => disarm());
}

/** Whether `act` did something so many times. It stops when there is nothing to do. */
function repeats(act: () => boolean, count: number): boolean {
  for (let i = 0; i < count; i++) if (!act()) return false;
  return true;
}

/** Sends answers as they come; `onAnswered` is called after one that came later. */
function createOutbox(socket: Socket, respond: Respond, onAnswered: () => void) {
  let waiting = 0;

  function write(response: Uint8Array | undefined): void {
    if (response && socket.writable) socket.write(frame(response));
  }

  return {
    isFull: () => waiting >= dnsLimits.pipelined || socket.writableLength >= dnsLimits.unsentBytes,
    isEmpty: () => waiting === 0,
    answer(packet: Buffer): void {
      const response = respond(packet, "tcp");
      if (!(response instanceof Promise)) {
        write(response);
        return;
      }
      waiting++;
      void response.then((later) => {
        waiting--;
        write(later);
        onAnswered();
      });
    },
  };
}

type Frame =
  | Readonly<{ kind: "whole"; packet: Buffer }>
  | Readonly<{ kind: "partial" }>
  | Readonly<{ kind: "malformed" }>;

/** Cuts a stream of bytes into the packets that their lengths announce. */
function createFrames() {
  let bytes: Buffer = Buffer.alloc(0);
  return {
    add(more: Buffer): void {
      bytes = bytes.length === 0 ? more : Buffer.concat([bytes, more]);
    },
    next(): Frame {
      if (bytes.length < 2) return { kind: "partial" };
      const end = 2 + bytes.readUInt16BE(0);
      if (end > 2 + dnsLimits.queryBytes) return { kind: "malformed" };
      if (bytes.length < end) return { kind: "partial" };
      const packet = bytes.subarray(2, end);
      bytes = bytes.subarray(end);
      return { kind: "whole", packet };
    },
  };
}
