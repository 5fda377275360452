import { Code } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import type { SessionResponse_Acknowledgement } from "../../gen/berth/v1/registry_service_pb.ts";
import { Role } from "../../gen/berth/v1/worker_pb.ts";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { isRetryable, reasonOf } from "../../lib/errors.ts";
import { registryLimits } from "./limits.ts";
import { BEATS_PER_SECOND } from "./pace.ts";
import {
  describeRegistry,
  dial,
  failureOf,
  fieldsOf,
  join,
  LEASE_MS,
  stateOf,
  until,
} from "./test-registry.ts";
import { capacityOf, descriptionOf, registrationOf } from "./test-words.ts";

describeRegistry("a session", (registry) => {
  test("answers the registration with its terms and heartbeats with their sequence", async () => {
    const line = await join(registry(), "w1");
    expect(line.terms.sessionId).toMatch(/^[0-9a-z]{16}$/);
    expect(line.terms.lease).toMatchObject({ seconds: 15n, nanos: 0 });
    for (const sequence of [1n, 2n, 3n]) line.say({ case: "heartbeat", value: { sequence } });
    for (const sequence of [1n, 2n, 3n])
      expect(await line.next()).toMatchObject({ case: "acknowledgement", value: { sequence } });
  });

  test("asks for heartbeats at the interval, give or take a tenth", async () => {
    const intervals: number[] = [];
    for (let i = 0; i < 20; i++) {
      const { interval } = (await join(registry(), `w${i}`)).terms;
      intervals.push(Number(interval?.seconds) * 1_000 + (interval?.nanos ?? 0) / 1e6);
    }
    expect(Math.min(...intervals)).toBeGreaterThanOrEqual(4_500);
    expect(Math.max(...intervals)).toBeLessThanOrEqual(5_500);
    expect(new Set(intervals).size).toBeGreaterThan(10);
  });

  test("asks for fewer heartbeats once there are many workers, and for more when they left", async () => {
    const line = await join(registry(), "w1");
    const crowd = Array.from({ length: 3 * BEATS_PER_SECOND * 2 }, (_, i) => `crowd-${i}`);
    const keys = crowd.map((workerId) =>
      registry().roster.register(registrationOf(workerId), () => undefined),
    );
    const askedMs = async (sequence: bigint) => {
      line.say({ case: "heartbeat", value: { sequence } });
      const { value } = (await line.next()) as { value: SessionResponse_Acknowledgement };
      return value.interval && Number(value.interval.seconds) * 1_000 + value.interval.nanos / 1e6;
    };
    const slower = await askedMs(1n);
    expect(slower).toBeGreaterThanOrEqual(5_400);
    expect(slower).toBeLessThanOrEqual(6_602);
    expect(await askedMs(2n)).toBeUndefined();
    for (const key of keys) registry().roster.leave(key, "bye");
    expect(await askedMs(3n)).toBeLessThanOrEqual(5_500);
    expect(await askedMs(4n)).toBeUndefined();
  });

  test("hears a worker out that says several words at once", async () => {
    const line = await join(registry(), "w1");
    line.say({ case: "heartbeat", value: { sequence: 1n } });
    line.say({ case: "farewell", value: { reason: "upgrade" } });
    line.say({ case: "heartbeat", value: { sequence: 2n } });
    expect(await line.next()).toMatchObject({ case: "acknowledgement", value: { sequence: 1n } });
    expect(await line.next()).toBeUndefined();
    expect(await stateOf(registry(), "w1")).toBe("LEFT");
  });

  test("keeps a worker up as long as it beats", async () => {
    const line = await join(registry(), "w1");
    for (let i = 1; i < 8; i++) {
      await registry().clock.advance(5_000);
      line.say({ case: "heartbeat", value: { sequence: BigInt(i) } });
      await line.next();
    }
    expect(await stateOf(registry(), "w1")).toBe("UP");
  });

  test("ends when the worker was silent for its lease", async () => {
    const line = await join(registry(), "w1");
    const failure = failureOf(line.next());
    await registry().clock.advance(LEASE_MS);
    const error = await failure;
    expect(reasonOf(error)).toBe("LEASE_EXPIRED");
    expect(isRetryable(error)).toBe(true);
    expect(await stateOf(registry(), "w1")).toBe("DOWN");
  });

  test("that breaks off leaves the worker up until its lease runs out", async () => {
    const line = await join(registry(), "w1");
    const broken = failureOf(line.next());
    line.hangUp();
    await broken;
    await registry().clock.advance(LEASE_MS - 1);
    expect(await stateOf(registry(), "w1")).toBe("UP");
    await registry().clock.advance(1);
    expect(await stateOf(registry(), "w1")).toBe("DOWN");
  });

  test("with a farewell ends at once", async () => {
    const line = await join(registry(), "w1");
    line.say({ case: "farewell", value: { reason: "upgrade" } });
    expect(await line.next()).toBeUndefined();
    expect(await stateOf(registry(), "w1")).toBe("LEFT");
    const { workers } = await registry().client.listWorkers({});
    expect(workers[0]?.reason).toBe("upgrade");
  });

  test("is refused to a clone of a worker that is here", async () => {
    const line = await join(registry(), "w1", "i1");
    await registry().clock.advance(5_000);
    const error = await failureOf(join(registry(), "w1", "i2"));
    expect(error.code).toBe(Code.AlreadyExists);
    expect(reasonOf(error)).toBe("DUPLICATE_WORKER");
    expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds).toBe(10n);
    line.say({ case: "heartbeat", value: { sequence: 1n } });
    expect(await line.next()).toMatchObject({ case: "acknowledgement" });
  });

  test("takes over from an older one of the same instance", async () => {
    const older = await join(registry(), "w1", "i1");
    const newer = await join(registry(), "w1", "i1");
    expect(reasonOf(await failureOf(older.next()))).toBe("SESSION_SUPERSEDED");
    newer.say({ case: "heartbeat", value: { sequence: 9n } });
    expect(await newer.next()).toMatchObject({ case: "acknowledgement" });
    expect(registry().roster.list()).toMatchObject([{ sessionId: newer.terms.sessionId }]);
    await registry().clock.advance(LEASE_MS - 1);
    expect(await stateOf(registry(), "w1")).toBe("UP");
  });

  test("begins with a registration", async () => {
    for (const word of [
      { case: "heartbeat", value: { sequence: 1n } },
      { case: "farewell", value: { reason: "" } },
      { case: undefined },
    ] as const) {
      const line = dial(registry());
      line.say(word);
      const error = await failureOf(line.next());
      expect(error.code).toBe(Code.InvalidArgument);
      expect(fieldsOf(error)).toEqual(["word"]);
    }
    expect(registry().roster.list()).toEqual([]);
  });

  test("has one registration", async () => {
    const line = await join(registry(), "w1");
    line.say({ case: "registration", value: registrationOf("w1", { instanceId: "i1" }) });
    expect(fieldsOf(await failureOf(line.next()))).toEqual(["word"]);
  });

  test("names every bad field of a registration", async () => {
    const line = dial(registry());
    const description = descriptionOf("w1", {
      address: "nowhere",
      capacity: { cpuMillis: -1n, custom: { gpu: { ids: ["a,b"] } } },
      roles: [Role.UNSPECIFIED],
    });
    const value = registrationOf("W1", { instanceId: "", description });
    line.say({ case: "registration", value });
    expect(fieldsOf(await failureOf(line.next()))).toEqual([
      "registration.worker_id",
      "registration.instance_id",
      "registration.description.address",
      "registration.description.capacity.cpu_millis",
      "registration.description.capacity.memory_bytes",
      "registration.description.capacity.disk_bytes",
      'registration.description.capacity.custom["gpu"].ids[0]',
      "registration.description.roles[0]",
    ]);
  });

  test("is not waited for longer than the limit", async () => {
    const line = dial(registry());
    const failure = failureOf(line.next());
    await until(() => registry().clock.sleeperCount === 2);
    await registry().clock.advance(registryLimits.registrationMs);
    expect(reasonOf(await failure)).toBe("REGISTRATION_MISSING");
  });

  test("a capacity may be nothing at all", async () => {
    const capacity = capacityOf({ cpuMillis: 0n, memoryBytes: 0n, diskBytes: 0n });
    const line = dial(registry());
    const value = registrationOf("w1", { description: descriptionOf("w1", { capacity }) });
    line.say({ case: "registration", value });
    expect(await line.next()).toMatchObject({ case: "terms" });
  });
});
