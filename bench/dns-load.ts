import { createSocket, type Socket } from "node:dgram";
import { systemClock } from "../lib/clock.ts";

/** What came of asking as fast as answers come back. */
export type DnsLoad = Readonly<{ answers: number; lost: number; seconds: number }>;

/** Questions under way at a time: enough to keep a server busy, few enough to lose none. */
const UNDER_WAY = 64;

/** When no answer came for so long, those under way are lost and asked anew. */
const SILENCE_MS = 200;

/** Sends `packet` to `port` of this machine again and again, each time with another ID. */
export async function loadUdp(port: number, packet: Buffer, forMs: number): Promise<DnsLoad> {
  const socket = await connected(port);
  let [answers, lost, heardMs] = [0, 0, performance.now()];
  const ask = (id: number) => {
    packet.writeUInt16BE(id & 0xffff, 0);
    socket.send(Buffer.from(packet));
  };
  socket.on("message", (answer) => {
    answers++;
    heardMs = performance.now();
    ask(answer.readUInt16BE(0) + UNDER_WAY);
  });
  const startMs = performance.now();
  for (let id = 0; id < UNDER_WAY; id++) ask(id);
  while (performance.now() - startMs < forMs) {
    await systemClock.sleep(SILENCE_MS / 4);
    if (performance.now() - heardMs < SILENCE_MS) continue;
    lost += UNDER_WAY;
    for (let id = 0; id < UNDER_WAY; id++) ask(id);
  }
  socket.close();
  return { answers, lost, seconds: (performance.now() - startMs) / 1000 };
}

const connected = (port: number): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.connect(port, "127.0.0.1", () => resolve(socket));
  });

/** Bytes of the answer to one question. */
export const askOnce = async (port: number, packet: Buffer): Promise<number> =>
  (await ask(port, packet)).length;

export async function ask(port: number, packet: Buffer): Promise<Buffer> {
  const socket = await connected(port);
  const answer = await new Promise<Buffer>((resolve) => {
    socket.once("message", resolve);
    socket.send(packet);
  });
  socket.close();
  return answer;
}
