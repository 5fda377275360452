import { expect, test } from "@jest/globals";
import type { Running } from "../lib/lifecycle.ts";
import { StoreError } from "../lib/store/store.ts";
import { CommandError } from "./command-error.ts";
import { serve } from "./crew.ts";
import { exitCodes } from "./exit-codes.ts";
import { createFakeContext } from "./testing/fake-context.ts";

function setUp() {
  const { context, terminal, interruption } = createFakeContext();
  const stopped: string[] = [];
  const service =
    (name: string, given: Partial<Running> = {}) =>
    async (): Promise<Running> => ({
      address: "127.0.0.1:1",
      ended: new Promise(() => undefined),
      stop: async () => void stopped.push(name),
      ...given,
    });
  return { context, terminal, interruption, stopped, service };
}

const failureOf = (running: Promise<unknown>) =>
  running.then(
    () => undefined,
    (error: unknown) => (error instanceof CommandError ? error : undefined),
  );

test("a request to end stops all, the last started first", async () => {
  const { context, interruption, stopped, service } = setUp();
  const serving = serve(context, async (start) => {
    await start("registry", service("registry"));
    await start("manager", service("manager"));
    interruption.abort();
  });
  expect(await serving).toBe(exitCodes.ok);
  expect(stopped).toEqual(["manager", "registry"]);
});

test("what was started is stopped when the next cannot start", async () => {
  const { context, stopped, service } = setUp();
  const broken = new Error("cannot listen on 127.0.0.1:7070", { cause: new Error("in use") });
  const error = await failureOf(
    serve(context, async (start) => {
      await start("registry", service("registry"));
      await start("manager", () => Promise.reject(broken));
    }),
  );
  expect(error?.message).toBe("the manager cannot start: cannot listen on 127.0.0.1:7070: in use");
  expect(error?.exitCode).toBe(exitCodes.error);
  expect(stopped).toEqual(["registry"]);
});

test("a service that fails ends the process", async () => {
  const { context, stopped, service } = setUp();
  const ended = Promise.reject(new Error("lost the engine"));
  const error = await failureOf(
    serve(context, async (start) => {
      await start("registry", service("registry"));
      await start("worker", service("worker", { ended }));
    }),
  );
  expect(error?.message).toBe("the worker failed: lost the engine");
  expect(stopped).toEqual(["worker", "registry"]);
});

test("a failure of the store has its own exit code, however deep it lies", async () => {
  const { context, service } = setUp();
  const cause = new StoreError("no space left on device");
  const ended = Promise.reject(new Error("the ledger cannot be written", { cause }));
  const error = await failureOf(
    serve(context, async (start) => {
      await start("manager", service("manager", { ended }));
    }),
  );
  expect(error?.exitCode).toBe(exitCodes.storeFailed);
  expect(error?.message).toContain("no space left on device");
});

test("a service that ends unasked is a failure", async () => {
  const { context, service } = setUp();
  const error = await failureOf(
    serve(context, async (start) => {
      await start("manager", service("manager", { ended: Promise.resolve() }));
    }),
  );
  expect(error?.message).toBe("the manager ended by itself");
});

test("a service that does not stop cleanly holds up no other", async () => {
  const { context, terminal, interruption, stopped, service } = setUp();
  const stop = () => Promise.reject(new Error("stuck"));
  await serve(context, async (start) => {
    await start("registry", service("registry"));
    await start("worker", service("worker", { stop }));
    interruption.abort();
  });
  expect(stopped).toEqual(["registry"]);
  expect(terminal.printed()).toBe(
    "! error: the worker did not stop cleanly: stuck\n!   see its log",
  );
});

test.each([
  ["an address in use", Object.assign(new Error("in use"), { code: "EADDRINUSE" }), /another port/],
  ["a full disk", Object.assign(new StoreError("full"), { code: "ENOSPC" }), /make room/],
  ["an etcd that is away", new StoreError("away", { kind: "unavailable" }), /berth doctor/],
  ["what nobody knows", new Error("odd"), /berth doctor/],
  ["a service that ended", undefined, /see its log/],
])("%s comes with what to do about it", async (_what, cause, remedy) => {
  const { context, service } = setUp();
  const ended = cause ? Promise.reject(new Error("lost", { cause })) : Promise.resolve();
  const error = await failureOf(
    serve(context, async (start) => {
      await start("manager", service("manager", { ended }));
    }),
  );
  expect(error?.remedies).toEqual([expect.stringMatching(remedy)]);
});

test("a store says itself what to do", async () => {
  const { context, service } = setUp();
  const ended = Promise.reject(new StoreError("the store moved: start with --store URL"));
  const error = await failureOf(
    serve(context, async (start) => {
      await start("manager", service("manager", { ended }));
    }),
  );
  expect(error?.remedies).toEqual([]);
});

test("nothing more is started after a request to end", async () => {
  const { context, interruption, stopped, service } = setUp();
  const serving = serve(context, async (start) => {
    await start("registry", service("registry"));
    interruption.abort();
    await start("manager", service("manager"));
  });
  await expect(serving).rejects.toThrow();
  expect(stopped).toEqual(["registry"]);
});
