import { Code } from "@connectrpc/connect";
import { describe, expect, jest, test } from "@jest/globals";
import { reasonOf } from "../errors.ts";
import { createGate, createWitness } from "./testing/gate.ts";
import { codeOf, createRig, post } from "./testing/rig.ts";
import { echo, serve } from "./testing/wires.ts";

// Real sockets, on machines that may be busy; nothing here waits for time to pass.
jest.setTimeout(60_000);

const { start } = createRig();

describe("listening", () => {
  test("a taken port is named in the error", async () => {
    const { server } = await start();
    const { address } = server;
    await expect(serve(echo(), { listen: address })).rejects.toThrow(
      `cannot listen on ${address}: address already in use`,
    );
  });

  test.each(["7070", "host", "::1:7070", "a:b:c", "127.0.0.1:70700"])(
    "%s is refused",
    async (listen) => {
      await expect(serve(echo(), { listen })).rejects.toThrow(
        `address "${listen}" is not host:port`,
      );
    },
  );

  test("IPv6 has its brackets, in and out", async () => {
    const { client, server } = await start(undefined, { listen: "[::1]:0" });
    expect(server.address).toMatch(/^\[::1\]:\d+$/);
    expect((await client.say({ text: "six" })).text).toBe("six");
  });
});

describe("stopping", () => {
  test("lets a unary call finish, on both wires, and takes no more", async () => {
    const called = [createGate(), createGate()];
    const release = createGate();
    const { client, server, url } = await start({
      async say({ count }) {
        called[count]?.open();
        await release.opened;
        return { text: "done" };
      },
    });
    const calls = [client.say({ count: 0 }), post(url, '{"count":1}').then((got) => got.json())];
    await Promise.all(called.map(({ opened }) => opened));
    const stopped = server.stop(10_000);
    await expect(fetch(url)).rejects.toThrow();
    release.open();
    expect(await Promise.all(calls)).toMatchObject([{ text: "done" }, { text: "done" }]);
    await stopped;
  });

  test("ends streams with UNAVAILABLE and lets their handlers clean up", async () => {
    const handler = createWitness();
    const { client, server } = await start({
      async *count(_request, { signal }) {
        handler.watch(signal);
        try {
          yield {};
          await new Promise(() => undefined);
        } finally {
          handler.leave();
        }
      },
    });
    const reading = (async () => {
      for await (const _ of client.count({})) void server.stop(10_000);
    })();
    const error = await reading.catch((reason: unknown) => reason);
    expect(reasonOf(error)).toBe("DRAINING");
    await handler.aborted;
    await server.stop(10_000);
  });

  test("ends what outlives the grace, and the same for whoever asks again", async () => {
    const called = createGate();
    const { client, server } = await start({
      say: () => {
        called.open();
        return new Promise(() => undefined);
      },
    });
    const call = codeOf(client.say({}));
    await called.opened;
    const first = server.stop(50);
    expect(server.stop(0)).toBe(first);
    await first;
    expect(await call).toBe(Code.Unavailable);
  });

  test("does not wait for idle connections of either kind", async () => {
    const { client, server, url } = await start();
    await client.say({});
    await post(url, "{}");
    await server.stop(60_000);
  });
});
