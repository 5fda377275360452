import type { Channel } from "../lib/rpc/channel.ts";
import type { Contact, Contacts } from "../lib/rpc/contacts.ts";

/** Ways that lead over these channels in turn. */
export function contactsOf(...channels: readonly Channel[]): Contacts {
  let given = -1;
  const contact = (): Contact => {
    const channel = channels[given % channels.length];
    if (!channel) throw new Error("there is no channel");
    return { channel, hasChoice: channels.length > 1 };
  };
  return {
    async next() {
      given += 1;
      return contact();
    },
    async again() {
      return contact();
    },
  };
}
