import { describe, expect, test } from "@jest/globals";
import { systemClock } from "../clock.ts";
import { silentLog } from "../log.ts";
import { type ChannelOptions, openChannel } from "./channel.ts";
import { createContacts } from "./contacts.ts";
import { clientLimits } from "./limits.ts";

const never = new AbortController().signal;

function openContacts(addresses: string, find: () => Promise<readonly string[]>) {
  const calls: ChannelOptions[] = [];
  const connect = (options: ChannelOptions) => {
    calls.push(options);
    return openChannel(options);
  };
  const wire = { connect, find };
  return {
    calls,
    contacts: createContacts(addresses, { wire, clock: systemClock, log: silentLog }),
  };
}

describe("contacts", () => {
  test("lead to one server after another, or to the same once more", async () => {
    const { contacts } = openContacts("a:1", async () => ["127.0.0.1:1", "127.0.0.2:1"]);
    const addresses: string[] = [];
    for (const way of ["again", "next", "again", "next"] as const) {
      const { channel } = await contacts[way](never);
      addresses.push(channel.address);
      channel.close();
    }
    expect(addresses).toEqual(["127.0.0.1:1", "127.0.0.2:1", "127.0.0.2:1", "127.0.0.1:1"]);
  });

  test("are impatient only where there is a choice", async () => {
    const alone = openContacts("a:1", async () => ["127.0.0.1:1"]);
    expect((await alone.contacts.next(never)).hasChoice).toBe(false);
    expect(alone.calls[0]?.connectMs).toBeUndefined();
    const one = openContacts("a:1,b:1", async () => ["127.0.0.1:1"]);
    expect((await one.contacts.next(never)).hasChoice).toBe(true);
    expect(one.calls[0]?.connectMs).toBe(clientLimits.connectMsWithChoice);
  });

  test("do not hold up who leaves while a name is looked up", async () => {
    const { contacts } = openContacts("a:1", () => new Promise(() => undefined));
    const left = new AbortController();
    const looking = contacts.next(left.signal).catch((error: unknown) => error);
    left.abort("gone");
    expect(await looking).toBe("gone");
    await expect(contacts.next(left.signal)).rejects.toBe("gone");
  });
});
