import { Code } from "@connectrpc/connect";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../clock.ts";
import { createClient } from "./client.ts";
import type { RpcServerOptions } from "./server.ts";
import { EchoService } from "./testing/echo-pb.ts";
import { createGate, createWitness } from "./testing/gate.ts";
import { errorOf } from "./testing/rig.ts";
import { type Echo, echo, type Wire, wires } from "./testing/wires.ts";

// Real sockets, on machines that may be busy; the only times waited for are deadlines of some ms.
jest.setTimeout(60_000);

/** How calls end before their time, on every wire. */
describe.each(wires)("$name", ({ name, open }) => {
  /** Tests of what only a server does, and of what not every wire can. */
  const onServer = name === "in memory" ? () => undefined : test;
  let wire: Wire | undefined;
  const clientOf = async (replaced?: Partial<Echo>, options?: Partial<RpcServerOptions>) => {
    wire = await open(echo(replaced), options);
    return createClient(EchoService, wire.transport);
  };
  afterEach(() => wire?.close());

  test("a deadline reaches the handler and ends the call though the handler sleeps on", async () => {
    let remainingMs: number | undefined;
    const client = await clientOf({
      say(_request, { timeoutMs }) {
        remainingMs = timeoutMs();
        return new Promise(() => undefined);
      },
    });
    // A busy machine may take longer than that to reach the handler: then it gets more.
    for (let timeoutMs = 100; remainingMs === undefined; timeoutMs *= 2) {
      const error = await errorOf(client.say({}, { timeoutMs }));
      expect(error.code).toBe(Code.DeadlineExceeded);
      expect(remainingMs ?? 0).toBeLessThanOrEqual(timeoutMs);
    }
  });

  onServer("a call without a deadline is given one", async () => {
    const client = await clientOf(
      { say: () => new Promise(() => undefined) },
      { limits: { unaryMs: 50 } },
    );
    const error = await errorOf(client.say({}, { timeoutMs: 0 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
  });

  test("a caller that aborts a unary call is told so, and the handler's signal aborts", async () => {
    const handler = createWitness();
    const client = await clientOf({
      say(_request, { signal }) {
        handler.watch(signal);
        return new Promise(() => undefined);
      },
    });
    const caller = new AbortController();
    const call = errorOf(client.say({}, { signal: caller.signal }));
    await handler.called;
    caller.abort();
    expect((await call).code).toBe(Code.Canceled);
    await handler.aborted;
  });

  onServer("a caller that aborts a stream lets the handler clean up", async () => {
    const handler = createWitness();
    const client = await clientOf({
      async *count(_request, { signal }) {
        handler.watch(signal);
        try {
          yield { index: 0 };
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        } finally {
          handler.leave();
        }
      },
    });
    const caller = new AbortController();
    const reading = (async () => {
      for await (const _ of client.count({}, { signal: caller.signal })) caller.abort();
    })();
    expect((await errorOf(reading)).code).toBe(Code.Canceled);
    await handler.aborted;
    await handler.left;
  });

  onServer("leaving a stream early cancels it and runs the handler's finally", async () => {
    const handler = createWitness();
    const client = await clientOf({
      async *count(_request, { signal }) {
        handler.watch(signal);
        try {
          for (let index = 0; ; index++) {
            yield { index };
            await systemClock.turn();
          }
        } finally {
          handler.leave();
        }
      },
    });
    for await (const { index } of client.count({})) if (index === 3) break;
    await handler.left;
    await handler.aborted;
  });

  onServer("leaving a stream before its first message was taken cancels it", async () => {
    const handler = createWitness();
    const begun = createGate();
    const client = await clientOf({
      async *count(_request, { signal }) {
        handler.watch(signal);
        begun.open();
        yield { index: 0 };
        await handler.aborted;
        handler.leave();
      },
    });
    const reader = client.count({})[Symbol.asyncIterator]();
    const first = reader.next();
    await begun.opened;
    await reader.return?.();
    await Promise.allSettled([first]);
    await handler.aborted;
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });
});
