import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { OnDisconnect } from "../gen/berth/v1/task_pb.ts";
import { aPlacedTask } from "../test/builders.ts";
import {
  COMEBACK_GRACE_MS,
  type Departure,
  judgeWorkers,
  lossMs,
  RESTART_GRACE_MS,
  type Sighting,
  type Weather,
} from "./worker-loss.ts";

const LEASE = 4_000;
const NOW = 1_000_000;

const weather = (changes: Partial<Weather> = {}): Weather => ({
  nowMs: NOW,
  leaseMs: LEASE,
  registryHeardMs: NOW,
  steadySinceMs: 0,
  ...changes,
});

const up = (workerId: string): Sighting => ({ workerId, silent: false });

const gone = (
  workerId: string,
  agoMs = 0,
  { kind = "down" as Departure, silent = true, refused = false } = {},
): Sighting => ({ workerId, silent, refused, gone: { kind, sinceMs: NOW - agoMs } });

const fleet = (count: number) => Array.from({ length: count }, (_, index) => up(`up-${index}`));

const lost = (sightings: readonly Sighting[], changes: Partial<Weather> = {}) => [
  ...judgeWorkers(sightings, weather(changes)).lost.keys(),
];

describe("a worker", () => {
  test("is lost at once when its lease ran out and it does not answer", () => {
    expect(lost([gone("w1"), ...fleet(2)])).toEqual(["w1"]);
  });

  test("is not lost while it answers, whatever the registry says, and is asked", () => {
    const sightings = [gone("w1", 60_000, { silent: false }), ...fleet(2)];
    expect(judgeWorkers(sightings, weather())).toMatchObject({ lost: new Map(), asked: ["w1"] });
  });

  test("whose machine says that its process is gone has longer to come back", () => {
    const refused = (agoMs: number) => gone("w1", agoMs, { refused: true });
    const early = judgeWorkers([refused(RESTART_GRACE_MS - 1), up("w2")], weather());
    expect([[...early.lost], early.nextMs]).toEqual([[], NOW + 1]);
    expect(lost([refused(RESTART_GRACE_MS), up("w2")])).toEqual(["w1"]);
  });

  test.each(["left", "absent"] as const)("that is %s has a lease to come back", (kind) => {
    const early = judgeWorkers([gone("w1", LEASE - 1, { kind }), up("w2")], weather());
    expect([...early.lost]).toEqual([]);
    expect(early.nextMs).toBe(NOW + 1);
    expect(lost([gone("w1", LEASE, { kind }), up("w2")])).toEqual(["w1"]);
  });

  test("that cannot be asked has longest to register", () => {
    const unheard = (agoMs: number) => gone("w1", agoMs, { kind: "unheard" });
    expect(lost([unheard(COMEBACK_GRACE_MS - 1), up("w2")])).toEqual([]);
    expect(lost([unheard(COMEBACK_GRACE_MS), up("w2")])).toEqual(["w1"]);
  });

  test("that left is not asked: it goes itself", () => {
    const sightings = [gone("w1", 0, { kind: "left" }), gone("w2", 0, { kind: "absent" })];
    expect(judgeWorkers(sightings, weather()).asked).toEqual(["w2"]);
  });
});

describe("what the manager does not know for sure", () => {
  test("loses nobody while the registry is out of reach", () => {
    const judgement = judgeWorkers([gone("w1", 60_000)], weather({ registryHeardMs: undefined }));
    expect([...judgement.lost]).toEqual([]);
    expect(judgement.nextMs).toBeUndefined();
  });

  test("that a worker is not back is known from a registry that still spoke when it was due", () => {
    const absent = [gone("w1", LEASE, { kind: "absent" })];
    expect(lost(absent, { registryHeardMs: NOW - 1 })).toEqual([]);
    expect(lost(absent, { registryHeardMs: NOW })).toEqual(["w1"]);
    expect(lost([gone("w1", LEASE)], { registryHeardMs: NOW - 1 })).toEqual(["w1"]);
  });

  test("loses nobody for a lease after a start or a stall", () => {
    const steadySinceMs = NOW - LEASE + 1;
    expect(judgeWorkers([gone("w1", 60_000)], weather({ steadySinceMs }))).toMatchObject({
      lost: new Map(),
      nextMs: NOW + 1,
    });
    expect(lost([gone("w1", 60_000)], { steadySinceMs: NOW - LEASE })).toEqual(["w1"]);
  });
});

describe("the brake", () => {
  const three = (agoMs: number) => [gone("a", agoMs), gone("b", agoMs), gone("c", agoMs)];

  test("waits for a second period when more than half, and at least three, went at once", () => {
    const judgement = judgeWorkers([...three(0), ...fleet(2)], weather());
    expect(judgement).toMatchObject({ lost: new Map(), nextMs: NOW + COMEBACK_GRACE_MS });
    expect(judgement.brakeReason).toBe(
      "3 of 5 workers went at once: none is taken for lost before another 20 s",
    );
    const confirmed = judgeWorkers([...three(COMEBACK_GRACE_MS), ...fleet(2)], weather());
    expect([...confirmed.lost.keys()]).toEqual(["a", "b", "c"]);
    expect(confirmed.brakeReason).toBe("");
  });

  test.each([
    ["half of all", [...three(LEASE), ...fleet(3)]],
    ["two of two", [gone("a"), gone("b")]],
    ["three, one after the other", [gone("a", 10_000), gone("b", 5_000), gone("c")]],
  ])("is off for %s", (_, sightings) => {
    const judgement = judgeWorkers(sightings, weather());
    expect(judgement.brakeReason).toBe("");
    expect(judgement.lost.size).toBe(sightings.filter((sighting) => sighting.gone).length);
  });

  test("waits for the one who would make them very many", () => {
    const two = (agoMs: number) => [gone("a", agoMs), gone("b", agoMs)];
    const judgement = judgeWorkers([...two(1_000), up("c")], weather());
    expect(judgement).toMatchObject({ lost: new Map(), nextMs: NOW + 200 });
    expect(lost([...two(1_200), up("c")])).toEqual(["a", "b"]);
    expect(lost([...two(1_200), gone("c")])).toEqual([]);
    expect(lost([gone("a"), ...fleet(2)])).toEqual(["a"]);
  });

  test("waits for that one also where it went before, and has long been back", () => {
    const back: Sighting = { workerId: "w3", silent: false, wentMs: NOW - 15_000 };
    expect(lost([gone("w1", 1_000), gone("w2", 800), back])).toEqual([]);
    expect(lost([gone("w1", 1_300), gone("w2", 1_100), back])).toEqual(["w1"]);
  });

  test("stays on for who is not back yet when the first of them are", () => {
    const back = { ...up("c"), wentMs: NOW - 2_000 };
    expect(lost([gone("a", 2_000), gone("b", 2_000), back])).toEqual([]);
    const long = COMEBACK_GRACE_MS;
    expect(lost([gone("a", long), gone("b", long), { ...back, wentMs: NOW - long }])).toEqual([
      "a",
      "b",
    ]);
    const longBack = { ...up("c"), wentMs: NOW - 600_000 };
    expect(lost([gone("a", 2_000), gone("b", 2_000), longBack])).toEqual(["a", "b"]);
  });

  test("does not count those who went long before as a part of the fleet", () => {
    const old = Array.from({ length: 50 }, (_, index) => gone(`old-${index}`, 600_000 + index));
    expect(lost([...three(0), ...fleet(2), ...old])).toHaveLength(50);
  });
});

describe("a task that stops itself when its worker is cut off", () => {
  test("is lost only when its container must have stopped", () => {
    const onDisconnect = OnDisconnect.STOP;
    const task = aPlacedTask("t1", "w1", { onDisconnect, stopGrace: { seconds: 3n } });
    expect(lossMs(task, NOW)).toBe(NOW + 3_000 + 1_000);
    const hurried = { ...task, stopGrace: { ...task.spec?.stopGrace, seconds: 1n } };
    expect(lossMs({ ...task, ...(hurried as Pick<typeof task, "stopGrace">) }, NOW)).toBe(
      NOW + 2_000,
    );
    expect(lossMs(aPlacedTask(), NOW)).toBe(NOW);
  });
});

describe("whatever happened", () => {
  const anySighting = fc.record({
    kind: fc.constantFrom<Departure | undefined>(undefined, "down", "left", "absent", "unheard"),
    agoMs: fc.integer({ min: 0, max: 12_000 }),
    silent: fc.boolean(),
    refused: fc.boolean(),
  });
  const anySightings = fc.array(anySighting, { maxLength: 12 }).map((all) =>
    all.map(({ kind, agoMs, silent }, index): Sighting => {
      const workerId = `w${index}`;
      return kind ? gone(workerId, agoMs, { kind, silent }) : { workerId, silent };
    }),
  );
  const anyWeather = fc
    .record({
      registryHeardMs: fc.option(fc.integer({ min: NOW - 12_000, max: NOW }), { nil: undefined }),
      steadySinceMs: fc.integer({ min: NOW - 12_000, max: NOW }),
    })
    .map((changes) => weather(changes));

  test("nobody is lost who is up or answers, or within a lease of a start or a stall", () => {
    fc.assert(
      fc.property(anySightings, anyWeather, (sightings, now) => {
        const { lost: found } = judgeWorkers(sightings, now);
        for (const { workerId, gone: departure, silent } of sightings)
          if (found.has(workerId)) expect([departure !== undefined, silent]).toEqual([true, true]);
        if (now.steadySinceMs > NOW - LEASE || now.registryHeardMs === undefined)
          expect(found.size).toBe(0);
      }),
    );
  });

  test("everybody who stays silent is lost in the end, and then stays lost", () => {
    fc.assert(
      fc.property(anySightings, anyWeather, (sightings, now) => {
        const before = judgeWorkers(sightings, now).lost;
        const nowMs = NOW + 2 * COMEBACK_GRACE_MS + 3 * LEASE;
        const after = judgeWorkers(sightings, { ...now, nowMs, registryHeardMs: nowMs }).lost;
        const silent = sightings.filter((sighting) => sighting.gone && sighting.silent);
        expect([...after.keys()]).toEqual(silent.map(({ workerId }) => workerId));
        for (const workerId of before.keys()) expect(after.has(workerId)).toBe(true);
      }),
    );
  });

  test("the next look is not in the past, and there is one while somebody waits", () => {
    fc.assert(
      fc.property(anySightings, anyWeather, (sightings, now) => {
        const { nextMs, awaitsWord, brakeReason } = judgeWorkers(sightings, now);
        if (nextMs !== undefined) expect(nextMs).toBeGreaterThan(NOW);
        if (brakeReason !== "") expect(nextMs !== undefined || awaitsWord).toBe(true);
      }),
    );
  });
});
