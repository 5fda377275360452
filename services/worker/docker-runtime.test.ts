import { create } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "@jest/globals";
import { ResourcesSchema } from "../../gen/berth/v1/resources_pb.ts";
import { FailureReason, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createDockerRuntime } from "./docker-runtime.ts";
import { type Answer, type FakeEngine, reply, startFakeEngine, titleOf } from "./engine-fake.ts";
import { defaultLimits, type EngineLimits } from "./engine-limits.ts";

const limits = defaultLimits(1);
const key = { taskId: "t1", attempt: 2 };
const owner = { clusterId: "c1", workerId: "w1" };
const spec = create(TaskSpecSchema, { image: "busybox:1", env: { TOKEN: "hush" } });
const labels = {
  "dev.berth.cluster": "c1",
  "dev.berth.worker": "w1",
  "dev.berth.task": "t1",
  "dev.berth.attempt": "2",
};

let engine: FakeEngine | undefined;
afterEach(async () => {
  await engine?.stop();
  engine = undefined;
});

async function withEngine(answer: Answer, some: Partial<EngineLimits> = {}) {
  engine = await startFakeEngine(answer);
  const clock = createManualClock();
  const runtime = createDockerRuntime({
    socketPath: engine.socketPath,
    clock,
    log: silentLog,
    publishAddress: "127.0.0.1",
    limits: { ...limits, ...some },
  });
  return { engine, clock, runtime };
}

const UNAVAILABLE = { name: "RuntimeError", kind: "engine-unavailable" };

describe("an engine in trouble", () => {
  test("that never answers is given up after the deadline", async () => {
    const { engine, clock, runtime } = await withEngine(() => undefined);
    const outcome = expect(runtime.inspect("c")).rejects.toMatchObject({
      ...UNAVAILABLE,
      message: `inspect c: no answer within ${limits.lookMs} ms`,
    });
    await engine.hasBeenAsked(/inspect|json/);
    await clock.advance(limits.lookMs);
    await outcome;
    expect(clock.sleeperCount).toBe(0);
  });

  test("that dies in the middle of an answer is given up after the deadline", async () => {
    const { engine, clock, runtime } = await withEngine((_, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write('{"Id":', () => response.destroy());
    });
    const outcome = expect(runtime.inspect("c")).rejects.toMatchObject(UNAVAILABLE);
    await engine.hasBeenAsked(/json/);
    await clock.advance(limits.lookMs);
    await outcome;
  });

  test("that hangs up without an answer is known at once", async () => {
    const { runtime } = await withEngine((_, response) => response.destroy());
    await expect(runtime.inspect("c")).rejects.toMatchObject({
      ...UNAVAILABLE,
      message: expect.stringContaining("hang up"),
    });
  });

  test.each(["", '{"Id": "c", "State', "null", "[]", "<html>"])("that answers %j", async (body) => {
    const { runtime } = await withEngine((_, response) => response.end(body));
    await expect(runtime.inspect("c")).rejects.toMatchObject({
      ...UNAVAILABLE,
      message: expect.stringContaining("not what its interface promises"),
    });
  });

  test("that is not there is told with a remedy", async () => {
    const { engine: gone, runtime } = await withEngine(() => undefined);
    await gone.stop();
    engine = undefined;
    await expect(runtime.describe()).rejects.toMatchObject({
      ...UNAVAILABLE,
      message: expect.stringContaining("is it running?"),
    });
  });

  test("that shuts down may be asked again", async () => {
    const message = "daemon is shutting down";
    const { runtime } = await withEngine((_, response) => reply(response, 500, { message }));
    await expect(runtime.start("c")).rejects.toMatchObject(UNAVAILABLE);
  });
});

describe("create", () => {
  test("asks once, and keeps the environment out of the URL", async () => {
    const { engine, runtime } = await withEngine((_, response) =>
      reply(response, 201, { Id: "c" }),
    );
    expect(await runtime.create(key, spec, owner)).toBe("c");
    expect(engine.asked.map((asked) => `${titleOf(asked)}${asked.url.search}`)).toEqual([
      "POST /containers/create?name=berth-t1-2",
    ]);
    expect(JSON.parse(engine.asked[0]?.body ?? "")).toMatchObject({ Env: ["TOKEN=hush"] });
  });

  test("hands over what the attempt was given, devices as devices", async () => {
    const { engine, runtime } = await withEngine((_, response) =>
      reply(response, 201, { Id: "c" }),
    );
    const reservation = create(ResourcesSchema, { custom: { gpu: { count: 2n } } });
    const assigned = new Map([["gpu", ["/dev/gpu1", "GPU-b"]]]);
    await runtime.create(key, { ...spec, reservation, assigned }, owner);
    const path = "/dev/gpu1";
    expect(JSON.parse(engine.asked[0]?.body ?? "")).toMatchObject({
      Env: ["TOKEN=hush", "BERTH_RESOURCE_GPU=/dev/gpu1,GPU-b"],
      HostConfig: {
        Devices: [{ PathOnHost: path, PathInContainer: path, CgroupPermissions: "rw" }],
      },
    });
  });

  /** The engine makes the container and says 500: what was asked again is found to be done. */
  test("repeated after an error that was none takes the container that is there", async () => {
    let made = false;
    const { runtime } = await withEngine((asked, response) => {
      if (asked.method === "GET")
        return reply(response, 200, { Id: "c", Config: { Labels: labels } });
      const message = made ? 'The container name "/x" is already in use' : "oops";
      reply(response, made ? 409 : 500, { message });
      made = true;
    });
    await expect(runtime.create(key, spec, owner)).rejects.toMatchObject({
      kind: FailureReason.CREATE_FAILED,
    });
    expect(await runtime.create(key, spec, owner)).toBe("c");
  });

  test.each([
    ["another worker's", { "dev.berth.worker": "w2" }],
    ["another attempt's", { "dev.berth.attempt": "1" }],
    ["nobody's", { "dev.berth.task": "" }],
  ])("refuses a container of its name that is %s", async (_, other) => {
    const { runtime } = await withEngine((asked, response) =>
      asked.method === "GET"
        ? reply(response, 200, { Id: "c", Config: { Labels: { ...labels, ...other } } })
        : reply(response, 409, { message: "Conflict. The container name is already in use" }),
    );
    await expect(runtime.create(key, spec, owner)).rejects.toMatchObject({
      kind: FailureReason.CREATE_FAILED,
      message: expect.stringContaining("berth-t1-2: container c has this name"),
    });
  });

  test("may be repeated when the name became free meanwhile", async () => {
    const { runtime } = await withEngine((asked, response) =>
      asked.method === "GET"
        ? reply(response, 404, { message: "No such container" })
        : reply(response, 409, { message: "Conflict. The container name is already in use" }),
    );
    await expect(runtime.create(key, spec, owner)).rejects.toMatchObject(UNAVAILABLE);
  });
});

describe("start", () => {
  test("goes before the creates that wait, and no more are under way than allowed", async () => {
    const waiting: (() => void)[] = [];
    const { engine, runtime } = await withEngine(
      (_, response) => void waiting.push(() => reply(response, 201, { Id: "c" })),
      { startsMax: 1 },
    );
    const creates = [1, 2].map((attempt) => runtime.create({ ...key, attempt }, spec, owner));
    const start = runtime.start("c");
    for (let count = 1; count <= 3; count++) {
      await engine.hasBeenAsked(/POST/, count);
      expect(engine.asked).toHaveLength(count);
      waiting.shift()?.();
    }
    await Promise.all([...creates, start]);
    expect(engine.asked.map(titleOf)).toEqual([
      "POST /containers/create",
      "POST /containers/c/start",
      "POST /containers/create",
    ]);
  });
});

describe("stop and remove", () => {
  test.each([
    [0, "0"],
    [1, "1"],
    [1500, "2"],
    [10_000, "10"],
  ])("a grace of %i ms is %s s to the engine, and is waited for", async (graceMs, seconds) => {
    const { engine, clock, runtime } = await withEngine(() => undefined);
    let settled = false;
    const stop = runtime.stop("c", graceMs).finally(() => {
      settled = true;
    });
    const outcome = expect(stop).rejects.toMatchObject(UNAVAILABLE);
    await engine.hasBeenAsked(/stop/);
    expect(engine.asked[0]?.url.searchParams.get("t")).toBe(seconds);
    await clock.advance(graceMs);
    expect(settled).toBe(false);
    await clock.advance(limits.stopMarginMs + 1000);
    await outcome;
  });

  test("what is gone or going already is fine", async () => {
    const answers = [
      [404, "No such container: c"],
      [409, "removal of container c is already in progress"],
    ] as const;
    for (const [status, message] of answers) {
      const { engine, runtime } = await withEngine((_, response) =>
        reply(response, status, { message }),
      );
      await runtime.remove("c");
      await engine.stop();
    }
    engine = undefined;
  });

  test("one that not even the kill ends is told apart", async () => {
    const message =
      "cannot stop container: c: tried to kill container, but did not receive an exit event";
    const { runtime } = await withEngine((_, response) => reply(response, 500, { message }));
    await expect(runtime.stop("c", 0)).rejects.toMatchObject({ kind: FailureReason.STOP_TIMEOUT });
  });
});

describe("list", () => {
  test("leaves out what was removed while it looked", async () => {
    const { runtime } = await withEngine((asked, response) => {
      if (asked.url.pathname === "/containers/json")
        return reply(response, 200, [{ Id: "a" }, { Id: "b" }]);
      if (asked.url.pathname === "/containers/a/json") return reply(response, 404, { message: "" });
      const State = { Status: "created", Error: "" };
      reply(response, 200, { Id: "b", Config: { Labels: labels }, State });
    });
    expect(await runtime.list(owner)).toMatchObject([
      { containerId: "b", key, name: "", state: { kind: "created" } },
    ]);
  });
});
