import { afterEach, expect, test } from "@jest/globals";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createDockerRuntime } from "./docker-runtime.ts";
import { type Answer, type FakeEngine, reply, startFakeEngine } from "./engine-fake.ts";

const labels = {
  "dev.berth.cluster": "c1",
  "dev.berth.worker": "w1",
  "dev.berth.task": "t1",
  "dev.berth.attempt": "2",
};
const UNAVAILABLE = { name: "RuntimeError", kind: "engine-unavailable" };

let engine: FakeEngine | undefined;
afterEach(async () => {
  await engine?.stop();
  engine = undefined;
});

async function withAnswers(answer: Answer) {
  engine = await startFakeEngine(answer);
  const runtime = createDockerRuntime({
    socketPath: engine.socketPath,
    clock: createManualClock(),
    log: silentLog,
    publishAddress: "127.0.0.1",
  });
  return { runtime };
}

const containerOf = (Name: string, Status: string) => ({
  Id: "c",
  Name: `/${Name}`,
  Config: { Labels: labels },
  State: { Status, Error: "", StartedAt: "2026-01-01T00:00:00Z" },
});

/** An engine with one container, which a start by its first name may reach before its rename. */
async function withContainer(first: string, { isReached = false } = {}) {
  let [name, status] = [first, "created"];
  return await withAnswers(({ method, url }, response) => {
    if (method === "GET") return reply(response, 200, containerOf(name, status));
    if (url.pathname !== `/containers/${name}/rename`)
      return reply(response, 404, { message: `No such container: ${name}` });
    name = url.searchParams.get("name") ?? "";
    if (isReached) status = "running";
    return reply(response, 204, "");
  });
}

test.each([
  ["berth-t1-2", "berth-t1-2.2"],
  ["berth-t1-2.9", "berth-t1-2.10"],
])(
  "a container whose starts are revoked is called otherwise: %s, then %s",
  async (before, after) => {
    const { runtime } = await withContainer(before);
    expect(await runtime.revokeStarts("c")).toBe(after);
  },
);

test("no start is due where an earlier one was carried out meanwhile", async () => {
  const { runtime } = await withContainer("berth-t1-2", { isReached: true });
  expect(await runtime.revokeStarts("c")).toBeUndefined();
});

test("a container that is gone is not started", async () => {
  const { runtime } = await withAnswers((_, response) =>
    reply(response, 404, { message: "No such container: c" }),
  );
  expect(await runtime.revokeStarts("c")).toBeUndefined();
});

test("a revocation may be repeated when the container is not called so any more", async () => {
  const { runtime } = await withAnswers(({ method }, response) =>
    method === "GET"
      ? reply(response, 200, containerOf("berth-t1-2", "created"))
      : reply(response, 404, { message: "No such container: berth-t1-2" }),
  );
  await expect(runtime.revokeStarts("c")).rejects.toMatchObject(UNAVAILABLE);
});
