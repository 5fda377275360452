import type { Socket } from "node:net";
import type { Clock } from "../clock.ts";

/** What a connection speaks, told by its first bytes. */
export type Protocol = "grpc" | "http1";

/** What every HTTP/2 client says first (RFC 9113, 3.4), followed by a SETTINGS frame. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const FRAME_HEADER_BYTES = 9;
const FRAME_TYPE_AT = PREFACE.length + 3;
const FRAME_TYPE_SETTINGS = 4;

type Verdict = Protocol | "more" | "nonsense";

/**
 * Waits until a connection has shown what it speaks, leaving its bytes to be read. Resolves
 * with undefined when it ends, says nonsense or takes longer than `limitMs`. A client that
 * sends the HTTP/2 preface and falls silent has not shown enough: grpc-js would keep it.
 */
export function readProtocol(
  socket: Socket,
  clock: Clock,
  limitMs: number,
): Promise<Protocol | undefined> {
  let head: Buffer = Buffer.alloc(0);
  return new Promise((resolve) => {
    const stopTimer = clock.after(limitMs, () => settle(undefined));
    const give = () => settle(undefined);
    socket.on("readable", look).on("end", give).on("close", give);

    function look(): void {
      const bytes: Buffer | null = socket.read();
      if (bytes) head = Buffer.concat([head, bytes]);
      const verdict = judge(head);
      if (verdict === "nonsense") settle(undefined);
      else if (verdict !== "more") settle(verdict);
    }

    function settle(protocol: Protocol | undefined): void {
      stopTimer();
      socket.off("readable", look).off("end", give).off("close", give);
      if (protocol) socket.unshift(head);
      resolve(protocol);
    }
  });
}

/** Says "more" for at most as many bytes as a preface and a frame's header have. */
export function judge(head: Buffer): Verdict {
  const length = Math.min(head.length, PREFACE.length);
  if (!head.subarray(0, length).equals(PREFACE.subarray(0, length))) return "http1";
  if (head.length < PREFACE.length + FRAME_HEADER_BYTES) return "more";
  return head[FRAME_TYPE_AT] === FRAME_TYPE_SETTINGS ? "grpc" : "nonsense";
}
