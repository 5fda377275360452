import { unavailable } from "../../lib/errors.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import type { Reign } from "../../lib/store/shared-store.ts";

/**
 * Sends nothing once another manager may lead, also in a process that was asleep: no call, and no
 * message of a stream that was opened before.
 */
export function guardedChannel(channel: Channel, reign: Pick<Reign, "leads">): Channel {
  function mustLead(): void {
    if (!reign.leads()) throw unavailable("NOT_LEADER", "this manager no longer leads");
  }

  async function* whileLeading<T>(messages: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    for await (const message of messages) {
      mustLead();
      yield message;
    }
  }

  return {
    ...channel,
    async unary(...call) {
      mustLead();
      return channel.unary(...call);
    },
    stream: (method, signal, timeoutMs, header, input, values) =>
      channel.stream(method, signal, timeoutMs, header, whileLeading(input), values),
  };
}
