import { createSocket } from "node:dgram";

/**
 * Says so many bytes to every packet, the first two those that came: the floor of DNS. In a process
 * of its own; its output is its port.
 */
const answerBytes = Number(process.argv[2]);
const socket = createSocket("udp4");
socket.on("message", (packet, { address, port }) => {
  const answer = Buffer.alloc(answerBytes);
  packet.copy(answer, 0, 0, 2);
  socket.send(answer, port, address);
});
socket.bind(0, "127.0.0.1", () => process.stdout.write(`${socket.address().port}\n`));
