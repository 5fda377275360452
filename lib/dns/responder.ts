import type { Forwarder } from "./forwarder.ts";
import { dnsLimits } from "./limits.ts";
import { type Query, type Question, rcodes, readQuery } from "./message.ts";
import {
  emptyReply,
  type Reply,
  replyBytesMax,
  type Transport,
  writeRefusal,
  writeReply,
} from "./reply.ts";

/** What the owner of a zone says to a question. */
export type Decision =
  | Readonly<{ kind: "answered"; reply: Reply }>
  /** The name is not in the zone. */
  | Readonly<{ kind: "foreign" }>;

export type Decide = (question: Question) => Decision;

type Response = Uint8Array | undefined;

/** Turns a packet into the answer to it; undefined where none is due. Never throws. */
export type Respond = (packet: Buffer, transport: Transport) => Response | Promise<Response>;

/** `forwarder`: asks others about what is not in the zone. Absent: that is refused. */
export function createResponder(decide: Decide, forwarder: Forwarder | undefined): Respond {
  const recursionAvailable = forwarder !== undefined;

  function respondTo(query: Query, transport: Transport): Response | Promise<Response> {
    const write = (reply: Reply) => writeReply(query, reply, { transport, recursionAvailable });
    if (query.edns && query.edns.version > 0) return write(emptyReply(rcodes.badVersion));
    const decision = decide(query.question);
    if (decision.kind === "answered") return write(decision.reply);
    if (!forwarder || !query.recursionDesired) return write(emptyReply(rcodes.refused));
    return relay(forwarder, query, transport).then(
      (answer) => answer ?? write(emptyReply(rcodes.serverFailure)),
    );
  }

  return (packet, transport) => {
    const read = readQuery(packet);
    if (read.kind === "ignored") return undefined;
    if (read.kind === "refused") return writeRefusal(read.head, read.rcode);
    return respondTo(read.query, transport);
  };
}

/** The answer of an upstream, cut where the asker cannot take it whole. */
async function relay(forwarder: Forwarder, query: Query, transport: Transport): Promise<Response> {
  const answer = await forwarder.ask(query, transport);
  if (!answer || answer.length <= replyBytesMax(query, transport)) return answer;
  const terms = { transport, recursionAvailable: true };
  const cut = writeReply(query, emptyReply(rcodes.noError), terms);
  cut.writeUInt8(cut.readUInt8(2) | TRUNCATED_IN_BYTE_2, 2);
  return cut.subarray(0, dnsLimits.udpBytes);
}

const TRUNCATED_IN_BYTE_2 = 0x02;
