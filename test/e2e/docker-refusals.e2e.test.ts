import { createServer } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import { ADDRESS, createDockerRig, IDLE, type SpecInit, specOf } from "./docker-rig.ts";

const { runtime, engine, stranger, nextKey, createOne, startOne, exitOf } =
  createDockerRig("docker-refusals");

describe("a container that cannot be", () => {
  test("of an image that is not here", async () => {
    await expect(createOne({ image: "berth-test/no-such-image:1" })).rejects.toMatchObject({
      kind: FailureReason.IMAGE_NOT_FOUND,
    });
  });

  test("of a limit that the engine refuses", async () => {
    await expect(createOne({ ...IDLE, limit: { memoryBytes: 1n } })).rejects.toMatchObject({
      kind: FailureReason.CREATE_FAILED,
      message: expect.stringMatching(/memory/i),
    });
  });

  test.each<[string, SpecInit, RegExp]>([
    ["of a command that does not exist", { command: ["no-such-command"] }, /no-such-command/],
    ["of a command that is no program", { command: ["/tmp"] }, /permission denied|directory/],
    ["of a user that does not exist", { ...IDLE, user: "nobody-here" }, /user/],
    ["of a folder that is a file", { ...IDLE, workingDir: "/bin/sh" }, /dir/],
  ])("%s", async (_, init, words) => {
    const id = await createOne(init).catch((error: unknown) => error);
    const failure = typeof id === "string" ? await runtime.start(id).catch((e) => e) : id;
    expect(failure).toMatchObject({
      name: "RuntimeError",
      kind: expect.any(Number),
      message: expect.stringMatching(words),
    });
    expect([FailureReason.START_FAILED, FailureReason.CREATE_FAILED]).toContain(failure.kind);
  });

  test("whose start failed is told from one that was not started", async () => {
    const id = await createOne({ command: ["no-such-command"] });
    await expect(runtime.start(id)).rejects.toMatchObject({ kind: FailureReason.START_FAILED });
    expect(await exitOf(id)).toMatchObject({
      exitCode: 127,
      error: expect.stringContaining("no-such-command"),
      startTimeMs: undefined,
    });
  });

  test("of a port that another container has", async () => {
    const first = await startOne({ ...IDLE, ports: [{ containerPort: 80 }] });
    const state = (await runtime.inspect(first))?.state;
    if (state?.kind !== "running") throw new Error("it does not run");
    const hostPort = state.ports[0]?.hostPort ?? 0;
    const second = await createOne({ ...IDLE, ports: [{ containerPort: 80, hostPort }] });
    await expect(runtime.start(second)).rejects.toMatchObject({
      kind: FailureReason.PORT_CONFLICT,
    });
  });

  test("of a port that a process of the machine has", async () => {
    const server = createServer().listen(0, ADDRESS);
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const hostPort = typeof address === "object" && address ? address.port : 0;
    try {
      const id = await createOne({ ...IDLE, ports: [{ containerPort: 80, hostPort }] });
      await expect(runtime.start(id)).rejects.toMatchObject({ kind: FailureReason.PORT_CONFLICT });
    } finally {
      server.close();
    }
  });

  test("because it was removed before it started", async () => {
    const id = await createOne(IDLE);
    await engine.getContainer(id).remove();
    await expect(runtime.start(id)).rejects.toMatchObject({
      kind: FailureReason.REMOVED_EXTERNALLY,
    });
  });

  test("because somebody else's has its name", async () => {
    const key = nextKey();
    await runtime.create(key, specOf(IDLE), stranger);
    await expect(createOne(IDLE, key)).rejects.toMatchObject({
      kind: FailureReason.CREATE_FAILED,
      message: expect.stringContaining("is not this attempt's"),
    });
  });

  test("because its image's registry is out of reach", async () => {
    const signal = new AbortController().signal;
    await expect(runtime.pull("127.0.0.1:1/none/such:1", signal)).rejects.toMatchObject({
      kind: FailureReason.IMAGE_PULL_FAILED,
      message: expect.stringContaining("connection refused"),
    });
  });
});
