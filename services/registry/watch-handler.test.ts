import { expect, test } from "@jest/globals";
import { WorkerEventKind, type WorkerHeartbeat } from "../../gen/berth/v1/registry_service_pb.ts";
import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { registryLimits } from "./limits.ts";
import { describeRegistry, failureOf, join, LEASE_MS, until } from "./test-registry.ts";
import { bigRegistrationOf, heartbeatOf, registrationOf } from "./test-words.ts";

describeRegistry("a watch", (registry) => {
  const watch = (heartbeats = true) =>
    registry()
      .client.watchWorkers({ heartbeats }, { signal: registry().signal })
      [Symbol.asyncIterator]();
  const next = async (stream: ReturnType<typeof watch>) => {
    const { value } = await stream.next();
    return {
      workers: value?.workers.map(
        ({ workerId, state }: { workerId: string; state: WorkerState }) =>
          `${workerId} ${WorkerState[state]}`,
      ),
      events: value?.events.map(
        ({ workerId, kind }: { workerId: string; kind: WorkerEventKind }) =>
          `${workerId} ${WorkerEventKind[kind]}`,
      ),
      complete: value?.complete,
    };
  };

  test("of nobody is complete at once", async () => {
    expect(await next(watch())).toEqual({ workers: [], events: [], complete: true });
  });

  test("gives all workers first, then what happens to them", async () => {
    await join(registry(), "w1");
    const stream = watch();
    expect(await next(stream)).toEqual({ workers: ["w1 UP"], events: [], complete: true });
    const line = await join(registry(), "w2");
    expect(await next(stream)).toMatchObject({
      workers: ["w2 UP"],
      events: ["w2 JOINED", "w2 UP"],
    });
    line.say({ case: "farewell", value: { reason: "" } });
    await line.next();
    expect(await next(stream)).toMatchObject({ workers: ["w2 LEFT"], events: ["w2 LEFT"] });
  });

  test("gives many workers in parts, and says which is the last", async () => {
    const count = 2 * registryLimits.workersPerMessage + 1;
    for (let i = 0; i < count; i++)
      registry().roster.register(registrationOf(`w${i}`), () => undefined);
    const stream = watch();
    const parts = [await next(stream), await next(stream), await next(stream)];
    expect(parts.map(({ workers }) => workers.length)).toEqual([500, 500, 1]);
    expect(parts.map(({ complete }) => complete)).toEqual([false, false, true]);
  });

  test("gives workers that have much to tell in smaller parts", async () => {
    for (let i = 0; i < 10; i++)
      registry().roster.register(bigRegistrationOf(`w${i}`), () => undefined);
    const stream = watch();
    const parts = [await next(stream), await next(stream)];
    expect(parts.map(({ workers }) => workers.length)).toEqual([7, 3]);
  });

  test("gives the latest metrics and every event of one turn", async () => {
    const stream = watch();
    await next(stream);
    const key = registry().roster.register(registrationOf("w1"), () => undefined);
    for (const sequence of [1n, 2n, 3n])
      registry().roster.hear(key, heartbeatOf({ sequence, metrics: { sequence } }));
    registry().roster.leave(key, "bye");
    registry().roster.register(registrationOf("w1"), () => undefined);
    const { value } = await stream.next();
    expect(value?.workers).toMatchObject([{ workerId: "w1", metrics: { sequence: 3n } }]);
    const kinds = value?.events.map(({ kind }: { kind: WorkerEventKind }) => WorkerEventKind[kind]);
    expect(kinds).toEqual(["JOINED", "UP", "LEFT", "UP"]);
  });

  test("gives of a worker that is known no more than its heartbeats, until something else changes", async () => {
    const stream = watch();
    await next(stream);
    const { roster } = registry();
    const key = roster.register(registrationOf("w1"), () => undefined);
    await next(stream);
    roster.hear(key, heartbeatOf({ metrics: { sequence: 7n, engineHealthy: true } }));
    const news = async () => (await stream.next()).value;
    expect(await news()).toMatchObject({
      workers: [],
      heartbeats: [{ workerId: "w1", metrics: { sequence: 7n }, heardTime: expect.anything() }],
    });
    roster.hear(key, heartbeatOf({ metrics: { sequence: 8n, engineHealthy: true } }));
    roster.leave(key, "bye");
    expect(await news()).toMatchObject({
      workers: [{ workerId: "w1", reason: "bye", metrics: { sequence: 8n } }],
      heartbeats: [],
    });
  });

  test("gives the whole worker with a heartbeat to who does not ask for those", async () => {
    const stream = watch(false);
    await next(stream);
    const { roster } = registry();
    const key = roster.register(registrationOf("w1"), () => undefined);
    await next(stream);
    roster.hear(key, heartbeatOf({ metrics: { sequence: 7n, engineHealthy: true } }));
    expect((await stream.next()).value).toMatchObject({
      workers: [{ workerId: "w1", metrics: { sequence: 7n }, description: expect.anything() }],
      heartbeats: [],
    });
  });

  test("gathers heartbeats that tell nothing new, and tells at once of an engine that falls ill", async () => {
    const stream = watch();
    await next(stream);
    const { roster, clock } = registry();
    const healthy = (sequence: bigint) => ({ metrics: { sequence, engineHealthy: true } });
    const keys = ["w1", "w2"].map((id) => roster.register(registrationOf(id), () => undefined));
    for (const key of keys) roster.hear(key, heartbeatOf(healthy(1n)));
    await next(stream);
    for (const key of keys) roster.hear(key, heartbeatOf(healthy(2n)));
    for (const key of keys) roster.hear(key, heartbeatOf(healthy(3n)));
    const [ill] = keys;
    if (ill) roster.hear(ill, heartbeatOf({ metrics: { sequence: 4n, engineHealthy: false } }));
    const sequences = async () => {
      const { value } = await stream.next();
      return value?.heartbeats.map(
        ({ workerId, metrics }: WorkerHeartbeat) => `${workerId} ${metrics?.sequence}`,
      );
    };
    expect(await sequences()).toEqual(["w1 4"]);
    await clock.advance(LEASE_MS / 4);
    // Over a wire a sign of life may come first.
    let told = await sequences();
    while (told?.length === 0) told = await sequences();
    expect(told).toEqual(["w2 3"]);
  });

  test("gives a sign of life when nothing happens", async () => {
    const stream = watch();
    await next(stream);
    const pulse = next(stream);
    await until(() => registry().clock.sleeperCount === 2);
    await registry().clock.advance(registryLimits.pulseMs);
    expect(await pulse).toEqual({ workers: [], events: [], complete: true });
  });

  test("is one of a limited number", async () => {
    const streams = Array.from({ length: registryLimits.watches }, () => watch());
    await Promise.all(streams.map(next));
    const error = await failureOf(watch().next());
    expect(reasonOf(error)).toBe("TOO_MANY_WATCHES");
  });
});
