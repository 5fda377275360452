import type { DescMessage, DescMethodUnary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type StreamResponse, type Transport } from "@connectrpc/connect";
import { reasonOf } from "../errors.ts";
import type { Channel } from "./channel.ts";
import { isNotSent } from "./connection-refused.ts";
import type { Contacts } from "./contacts.ts";

const NEVER = new AbortController().signal;

type Way = Readonly<{ channel: Channel; serial: number }>;

/**
 * A transport to several servers that serve the same, for who makes one call after another. It stays
 * with one until that cannot be reached or says that another leads; then the same call goes to the
 * next, each server once. A call that may have been done is only repeated where that does no harm.
 */
export function openFailOver(contacts: Contacts): Transport & Pick<Channel, "close"> {
  const route = createRoute(contacts);

  /** Calls until a server answers, or it is the turn of one that was asked before. */
  async function callEach<R>(
    call: (channel: Channel) => Promise<R>,
    mayRepeat: (error: unknown) => boolean,
    asked: ReadonlySet<string> = new Set(),
  ): Promise<R> {
    const way = await route.current();
    const { channel } = way;
    try {
      return await call(channel);
    } catch (error) {
      if (!isElsewhere(error)) throw error;
      const next = await route.leave(way);
      const isLast = next.channel.address === channel.address || asked.has(next.channel.address);
      if (isLast || !mayRepeat(error)) throw error;
    }
    return callEach(call, mayRepeat, new Set([...asked, channel.address]));
  }

  return {
    close: route.close,
    unary: (method, signal, timeoutMs, header, input) =>
      callEach(
        (channel) => channel.unary(method, signal, timeoutMs, header, input),
        (error) => isUndone(error) || isRepeatable(method, input),
      ),
    async stream(method, signal, timeoutMs, header, input) {
      const isReading = method.methodKind === "server_streaming";
      const words = isReading ? await kept(input) : input;
      return callEach(
        (channel) => begun(channel.stream(method, signal, timeoutMs, header, words)),
        () => isReading,
      );
    },
  };
}

/** The one request of a call that only reads, to be sent as often as needed. */
async function kept<T>(input: AsyncIterable<T>): Promise<AsyncIterable<T>> {
  const words: T[] = [];
  for await (const word of input) words.push(word);
  return {
    async *[Symbol.asyncIterator]() {
      yield* words;
    },
  };
}

/** A stream whose first message is here: until then another server can be called. */
async function begun<I extends DescMessage, O extends DescMessage>(
  opening: Promise<StreamResponse<I, O>>,
): Promise<StreamResponse<I, O>> {
  const response = await opening;
  const messages = response.message[Symbol.asyncIterator]();
  const first = await messages.next();
  async function* all() {
    try {
      for (let next = first; !next.done; next = await messages.next()) yield next.value;
    } finally {
      await messages.return?.();
    }
  }
  return { ...response, message: all() };
}

/** Which server is called now. */
function createRoute(contacts: Contacts) {
  let way: Promise<Way> | undefined;
  let serial = 0;

  async function open(): Promise<Way> {
    const { channel } = await contacts.next(NEVER);
    return { channel, serial: ++serial };
  }

  function current(): Promise<Way> {
    const opened = way ?? open();
    way = opened;
    opened.catch(() => {
      if (way === opened) way = undefined;
    });
    return opened;
  }

  return {
    current,
    /** Goes on to the next server, unless another call has done so. */
    async leave(left: Way): Promise<Way> {
      const now = await current();
      if (now.serial !== left.serial) return now;
      way = undefined;
      const next = await current();
      left.channel.close();
      return next;
    },
    close(): void {
      void way?.then(({ channel }) => channel.close()).catch(() => undefined);
      way = undefined;
    },
  };
}

/** Whether another server may do better. */
function isElsewhere(error: unknown): boolean {
  const reason = reasonOf(error);
  const { code } = ConnectError.from(error);
  return code === Code.Unavailable && (reason === undefined || reason in ELSEWHERE);
}

/** Reasons that Berth gives for calling another server, and whether this one has done nothing. */
const ELSEWHERE: Readonly<Record<string, "undone" | "unknown">> = {
  NOT_CONNECTED: "undone",
  CHANNEL_CLOSED: "undone",
  NOT_LEADER: "undone",
  NO_LEADER: "undone",
  NOT_READY: "undone",
  LEADERSHIP_LOST: "unknown",
  STORE_UNAVAILABLE: "unknown",
  DRAINING: "unknown",
};

const isUndone = (error: unknown): boolean =>
  ELSEWHERE[reasonOf(error) ?? ""] === "undone" || isNotSent(error);

/** Whether the same call twice does the same as once. */
const isRepeatable = ({ idempotency }: DescMethodUnary, input: object): boolean =>
  idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS ||
  ("requestId" in input && typeof input.requestId === "string" && input.requestId !== "");
