import { createSocket, type RemoteInfo } from "node:dgram";
import { isIPv6 } from "node:net";
import type { HostPort } from "../host-port.ts";
import type { Log } from "../log.ts";
import { dnsLimits } from "./limits.ts";
import type { Respond } from "./responder.ts";

/** A socket that takes queries. */
export type Listener = Readonly<{ port: number; close: () => Promise<void> }>;

type Deps = Readonly<{ respond: Respond; log: Log }>;

/** Room for what arrives while the process is busy; the kernel may grant less. */
const RECEIVE_BUFFER_BYTES = 1_048_576;

/** Answers datagrams on `host`, an IP address. */
export async function listenUdp(at: HostPort, { respond, log }: Deps): Promise<Listener> {
  const socket = createSocket({
    type: isIPv6(at.host) ? "udp6" : "udp4",
    recvBufferSize: RECEIVE_BUFFER_BYTES,
  });
  let open = true;

  function send(answer: Uint8Array | undefined, { address, port }: RemoteInfo): void {
    if (!answer || !open || port === 0) return;
    if (socket.getSendQueueCount() >= dnsLimits.unsentDatagrams) return;
    // Somebody who cannot be reached is no news: anybody can forge a sender.
    socket.send(answer, port, address, () => undefined);
  }

  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(at.port, at.host, () => {
      socket.off("error", reject);
      resolve();
    });
  });
  socket.on("error", (err) => log.warn({ err }, "dns socket complained"));
  socket.on("message", (packet, sender) => {
    const answer = respond(packet, "udp");
    if (answer instanceof Promise) void answer.then((later) => send(later, sender));
    else send(answer, sender);
  });
  return {
    port: socket.address().port,
    close: () =>
      new Promise((resolve) => {
        open = false;
        socket.close(resolve);
      }),
  };
}
