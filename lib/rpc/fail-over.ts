import type { Transport } from "@connectrpc/connect";
import type { Channel } from "./channel.ts";
import type { Contacts } from "./contacts.ts";
import { isElsewhere, isRepeatable, isUndone } from "./repeat.ts";
import { begun, kept } from "./stream-beginning.ts";

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
