import { connect } from "node:net";
import { describe, expect, jest, test } from "@jest/globals";
import { notFound, unavailable } from "../errors.ts";
import { createWitness } from "../rpc/testing/gate.ts";
import { createHttpRig } from "./testing/rig.ts";

// Real sockets, on machines that may be busy; nothing here waits for time to pass.
jest.setTimeout(60_000);

const { start } = createHttpRig();

describe("a stream", () => {
  const json = { accept: "application/x-ndjson" };

  test("is text, or lines of JSON for who asks", async () => {
    const { ask } = await start();
    expect(await (await ask("GET", "/words/a?count=2")).text()).toBe("a\na\n");
    const lines = await (await ask("GET", "/words/a?count=1", undefined, json)).text();
    expect(lines).toBe('{"text":"a","index":0,"payload":""}\n');
  });

  test("that fails at once has the status of its error", async () => {
    const { ask } = await start({
      // biome-ignore lint/correctness/useYield: it fails before
      async *count() {
        throw notFound("word", "w1");
      },
    });
    expect((await ask("GET", "/words/a")).status).toBe(404);
  });

  const failing = {
    async *count() {
      yield { text: "a" };
      throw unavailable("AWAY", "away");
    },
  };

  test("that fails later ends with the error as its last line", async () => {
    const { ask } = await start(failing);
    const lines = (await (await ask("GET", "/words/a", undefined, json)).text()).split("\n");
    expect(JSON.parse(lines[1] ?? "")).toMatchObject({ error: { status: 503, reason: "AWAY" } });
  });

  test("that fails later breaks off as text, after all that was sent", async () => {
    const { ask } = await start(failing);
    const reader = (await ask("GET", "/words/a")).body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("a\n");
    await expect(reader?.read()).rejects.toThrow();
  });

  test("that has nothing to say yet begins all the same", async () => {
    const silent = {
      async *count() {
        await new Promise(() => undefined);
      },
    };
    const { ask } = await start(silent, { limits: { httpBeginMs: 1 } });
    for (const verb of ["GET", "HEAD"]) {
      const answer = await ask(verb, "/words/a");
      expect(answer.status).toBe(200);
      await answer.body?.cancel();
    }
  });

  test("ends when the server drains, saying so", async () => {
    const { ask, server } = await start({
      async *count() {
        yield { text: "a" };
        await new Promise(() => undefined);
      },
    });
    const answer = await ask("GET", "/words/a", undefined, json);
    const stopped = server.stop(10_000);
    expect(await answer.text()).toContain("DRAINING");
    await stopped;
  });

  test("waits for a slow reader, and ends for its handler when that one leaves", async () => {
    let sent = 0;
    const witness = createWitness();
    const payload = new Uint8Array(64 * 1024);
    const { server } = await start({
      async *count() {
        try {
          for (;;) {
            sent++;
            yield { payload };
          }
        } finally {
          witness.leave();
        }
      },
    });
    const [host = "", port] = server.address.split(":");
    const socket = connect({ host, port: Number(port) });
    socket.write("GET /words/a HTTP/1.1\r\nhost: x\r\naccept: application/x-ndjson\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
    socket.destroy();
    await witness.left;
    expect(sent).toBeLessThan(1_000);
  });
});
