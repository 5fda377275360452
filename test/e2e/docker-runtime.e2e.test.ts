import { describe, expect, test } from "@jest/globals";
import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { containerName } from "../../services/worker/runtime.ts";
import { ADDRESS, createDockerRig, IDLE, shell, specOf, text } from "./docker-rig.ts";
import { TEST_IMAGE } from "./engine.ts";

const { runtime, owner, stranger, nextKey, createOne, startOne, runToEnd, exitOf, readAll } =
  createDockerRig("docker-runtime");

describe("the life of a container", () => {
  test("goes from created to running to exited", async () => {
    const key = nextKey();
    const id = await createOne({ ...IDLE, ports: [{ containerPort: 80, name: "http" }] }, key);
    expect(await runtime.inspect(id)).toEqual({
      containerId: id,
      key,
      name: "web",
      image: TEST_IMAGE,
      imageId: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      orders: { onDisconnect: { kind: "keep-running" } },
      state: { kind: "created" },
    });

    const startMs = systemClock.now();
    await runtime.start(id);
    const running = (await runtime.inspect(id))?.state;
    if (running?.kind !== "running") throw new Error("it does not run");
    expect(Math.abs(running.startTimeMs - startMs)).toBeLessThan(30_000);
    expect(running.ports).toHaveLength(1);
    expect(running.ports[0]).toMatchObject({
      containerPort: 80,
      hostAddress: ADDRESS,
      hostPort: expect.any(Number),
      name: "http",
    });

    await runtime.stop(id, 30_000);
    const exit = await exitOf(id);
    expect(exit).toMatchObject({ exitCode: 0, oomKilled: false, error: "" });
    expect(exit.finishTimeMs).toBeGreaterThanOrEqual(exit.startTimeMs ?? Number.NaN);

    await runtime.remove(id);
    expect(await runtime.inspect(id)).toBeUndefined();
  });

  test("tells the code it ended with", async () => {
    expect((await exitOf(await runToEnd(shell("exit 7")))).exitCode).toBe(7);
  });

  test("tells that the kernel killed it for its memory", async () => {
    // Again and again: the engine watches a container's memory only from some time after its start.
    const greed = "dd if=/dev/zero of=/dev/null bs=64M count=1";
    const greedy = shell(`for i in 1 2 3; do ${greed}; sleep 0.5; done; exec ${greed}`);
    const id = await runToEnd({ ...greedy, limit: { memoryBytes: 8n << 20n } });
    expect(await exitOf(id)).toMatchObject({ exitCode: 137, oomKilled: true });
  });

  test("gives the process its environment, arguments, folder and user", async () => {
    const id = await runToEnd({
      ...shell('echo "$GREETING $0 $(id -u) $PWD"'),
      args: ['echo "$GREETING $0 $(id -u) $PWD"', "zero"],
      env: { GREETING: "a=b c" },
      workingDir: "/tmp",
      user: "12:34",
    });
    expect(text(await readAll(id, {}))).toBe("a=b c zero 12 /tmp\n");
  });

  test("every verb can be repeated", async () => {
    const key = nextKey();
    const id = await createOne(IDLE, key);
    expect(await createOne(IDLE, key)).toBe(id);
    await runtime.start(id);
    await runtime.start(id);
    await runtime.stop(id, 5_000);
    await runtime.stop(id, 5_000);
    await runtime.remove(id);
    await runtime.remove(id);
    await runtime.stop(id, 0);
  });

  test("a start that was revoked finds nothing, and what it reached before runs on", async () => {
    const key = nextKey();
    const id = await createOne(IDLE, key);
    const name = await runtime.revokeStarts(id);
    await expect(runtime.start(containerName(key))).rejects.toMatchObject({
      kind: FailureReason.REMOVED_EXTERNALLY,
    });
    expect(name).toBe(`${containerName(key)}.2`);
    await runtime.start(name ?? "");
    expect(await runtime.revokeStarts(id)).toBeUndefined();
    expect((await runtime.inspect(id))?.state.kind).toBe("running");
    expect(await createOne(IDLE, key)).not.toBe(id);
  });

  test("one that ignores the signal is killed after its grace", async () => {
    const id = await startOne(shell("trap '' TERM; while true; do sleep 1; done"));
    await runtime.stop(id, 900);
    expect((await exitOf(id)).exitCode).toBe(137);
  });

  test("is stopped with the signal that the spec names", async () => {
    const id = await startOne({
      ...shell("trap 'exit 5' INT; while true; do sleep 0.1; done"),
      stopSignal: "SIGINT",
    });
    await runtime.stop(id, 30_000);
    expect((await exitOf(id)).exitCode).toBe(5);
  });

  test("is not removed while it runs", async () => {
    const id = await startOne(IDLE);
    await expect(runtime.remove(id)).rejects.toMatchObject({ name: "RuntimeError" });
    expect((await runtime.inspect(id))?.state.kind).toBe("running");
  });
});

describe("list", () => {
  test("finds the owner's containers in every state, and nobody else's", async () => {
    const created = await createOne(IDLE);
    const running = await startOne(IDLE);
    const exited = await runToEnd(shell("exit 3"));
    await runtime.create(nextKey(), specOf(IDLE), stranger);
    const found = await runtime.list(owner);
    expect(new Map(found.map(({ containerId, state }) => [containerId, state.kind]))).toEqual(
      new Map([
        [created, "created"],
        [running, "running"],
        [exited, "exited"],
      ]),
    );
  });
});

test("the engine describes itself", async () => {
  expect(await runtime.describe()).toEqual({
    engine: expect.stringMatching(/^docker \d/),
    os: "linux",
    architecture: expect.stringMatching(/^(amd64|arm64)$/),
    cpuMillis: expect.any(Number),
    memoryBytes: expect.any(Number),
    dataRoot: expect.stringMatching(/^\//),
  });
});
