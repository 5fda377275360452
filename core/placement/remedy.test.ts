import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { book } from "./booking.ts";
import type { Candidate } from "./candidate.ts";
import { type Demand, wishesOf } from "./demand.ts";
import type { Filter } from "./filters.ts";
import { createPlacer } from "./place.ts";
import { type Aids, type Cure, findRemedy, type Remedy } from "./remedy.ts";
import { amount, demand, worker } from "./samples.ts";
import type { Scheduler } from "./scheduler.ts";
import { spread } from "./spread.ts";
import { createKind } from "./task-kind.ts";
import { NO_WISHES, type Wishes } from "./wishes.ts";

type Scene = Readonly<{
  workers: readonly Candidate[];
  demand: Demand;
  scheduler?: Scheduler;
  wishes?: Wishes;
  cures?: Readonly<Record<string, Cure>>;
  holder?: string;
}>;

function remedyIn(scene: Scene): Remedy | undefined {
  const { workers, demand, scheduler = spread, wishes = NO_WISHES, cures = {} } = scene;
  const aids: Aids = { cure: (id) => cures[id], holder: () => scene.holder ?? "" };
  const appraisals = createPlacer(workers).explain(demand, scheduler, { wishes, booked: [] });
  return findRemedy(appraisals, { demand, scheduler }, aids);
}

const wordsIn = (scene: Scene) => remedyIn(scene)?.explanation;

const needy = demand({ amount: amount(0, 512) });
const leaving = (mib: number) => ({ reserved: amount(0, 8192 - mib) });

test("there is no remedy where a worker can take the demand", () => {
  expect(remedyIn({ workers: [worker("a"), worker("b", leaving(0))], demand: needy })).toBe(
    undefined,
  );
});

describe("a reservation", () => {
  test("is lowered to what the worker with the least shortfall has left", () => {
    const workers = [
      worker("a", leaving(64)),
      worker("b", leaving(128)),
      worker("c", leaving(128)),
    ];
    expect(remedyIn({ workers, demand: needy })).toEqual({
      explanation: "lower the memory reservation from 512 MiB to 128 MiB (worker b has room then)",
      workerId: "b",
      filter: "memory",
      demand: demand({ amount: amount(0, 128) }),
    });
  });

  test("is compared as a share of what is asked for", () => {
    const workers = [
      worker("a", { reserved: amount(3900) }),
      worker("b", { reserved: amount(0, 8192 - 500) }),
    ];
    expect(wordsIn({ workers, demand: demand({ amount: amount(1000, 512) }) })).toBe(
      "lower the memory reservation from 512 MiB to 500 MiB (worker b has room then)",
    );
  });

  test("is not lowered to nothing, but left out", () => {
    expect(wordsIn({ workers: [worker("a", leaving(0))], demand: needy })).toBe(
      "reserve no memory instead of 512 MiB (worker a has room then)",
    );
  });

  test("is told to the byte where rounding would hide the change", () => {
    const more = demand({ amount: { ...amount(), memoryBytes: 512 * 2 ** 20 + 1 } });
    expect(wordsIn({ workers: [worker("a", leaving(512))], demand: more })).toBe(
      "lower the memory reservation from 536870913 to 536870912 bytes (worker a has room then)",
    );
  });
});

describe("other changes", () => {
  const web = demand({ hostPorts: ["tcp/80", "udp/53"] });

  test("a port is freed, and who has it is named", () => {
    const workers = [worker("a", { usedPorts: new Set(["tcp/80"]) })];
    expect(wordsIn({ workers, demand: web, holder: "t7" })).toBe(
      "free port tcp/80 (task t7 has it) on worker a",
    );
    const both = [worker("a", { usedPorts: new Set(web.hostPorts) })];
    expect(wordsIn({ workers: both, demand: web })).toBe("free ports tcp/80, udp/53 on worker a");
  });

  test("an operator's word is enough to make a paused worker ready", () => {
    const cures = { a: { kind: "decide", words: "activate worker a (paused)" } } as const;
    const workers = [worker("a", { ready: false }), worker("b", leaving(0))];
    expect(remedyIn({ workers, demand: needy, cures })).toEqual({
      explanation: "activate worker a (paused)",
      workerId: "a",
      filter: "ready",
    });
  });

  test("lowering a reservation a little goes before it, lowering it much goes after", () => {
    const cures = { a: { kind: "decide", words: "activate worker a" } } as const;
    const paused = worker("a", { ready: false });
    const wordsBeside = (mib: number) =>
      wordsIn({ workers: [paused, worker("b", leaving(mib))], demand: needy, cures });
    expect(wordsBeside(500)).toContain("lower the memory reservation");
    expect(wordsBeside(8)).toBe("activate worker a");
  });

  test("a worker of another platform does not help, a new one does", () => {
    const arm = demand({
      amount: amount(1500, 512),
      platform: { os: "linux", architecture: "arm64" },
    });
    expect(remedyIn({ workers: [worker("a")], demand: arm })).toEqual({
      explanation: "add a worker of platform linux/arm64 with 1.5 cores, 512 MiB of memory",
      workerId: "",
      filter: "",
    });
  });

  test("a worker that lacks a capability is started with it", () => {
    const host = demand({ capabilities: ["network-host"] });
    expect(wordsIn({ workers: [worker("a")], demand: host })).toBe(
      "start worker a with the capability network-host",
    );
  });

  test("a worker that refused the task is asked again", () => {
    const wishes = { avoid: new Set<string>(), exclude: new Set(["a"]) };
    expect(remedyIn({ workers: [worker("a")], demand: demand(), wishes })).toMatchObject({
      explanation: "settle why worker a refused the task; it is asked again within a minute",
      filter: "refused",
    });
  });

  test("without workers one is to be added, with no less than is needed", () => {
    const odd = demand({ amount: { ...amount(), memoryBytes: 2 ** 30 + 1 } });
    expect(wordsIn({ workers: [], demand: odd })).toBe("add a worker with 1.1 GiB of memory");
    expect(wordsIn({ workers: [], demand: demand() })).toBe("add a worker");
  });

  test("a filter that is not known here speaks for itself", () => {
    const zone: Filter = {
      name: "zone",
      testFor: () => () => false,
      explain: () => "zone: needs a, is b",
      summarize: (count) => `${count} elsewhere`,
    };
    const scheduler = { ...spread, filters: [...spread.filters, zone] };
    const scene = { workers: [worker("a")], demand: demand(), scheduler };
    expect(remedyIn(scene)).toEqual({
      explanation: "change what alone keeps worker a from taking it: zone: needs a, is b",
      workerId: "a",
      filter: "zone",
    });
    expect(wordsIn({ ...scene, workers: [] })).toBe("add a worker that also passes zone");
  });
});

describe("a task that asks less", () => {
  const web = createKind("web", { app: "web" });
  const inZone = (workerId: string, zone: string) => worker(workerId, { labels: { zone } });
  const asking = (spec: object) => demand({ ...wishesOf(create(TaskSpecSchema, spec)), kind: web });

  test("drops the constraints that do not hold of one worker", () => {
    const constraints = [
      { key: "zone", values: ["c"] },
      { key: "worker.os", values: ["linux"] },
    ];
    const asked = asking({ constraints });
    expect(remedyIn({ workers: [inZone("a", "a")], demand: asked })).toMatchObject({
      explanation: "drop the constraint zone=c (worker a can take it then)",
      workerId: "a",
      filter: "constraint",
      demand: { conditions: [{ text: "worker.os=linux" }] },
    });
    expect(wordsIn({ workers: [], demand: asked })).toBe(
      "add a worker where zone=c and worker.os=linux",
    );
  });

  test("may be on one worker once more", () => {
    const asked = asking({ maxPerWorker: 1 });
    const workers = [book(book(worker("a"), asked), asked)];
    expect(wordsIn({ workers, demand: asked })).toBe(
      "raise the most of the name web per worker from 1 to 3 (worker a can take it then)",
    );
  });

  test("is spread where the label is missing no more, or only as far as it goes", () => {
    const asked = asking({ spreads: [{ key: "zone", maxSkew: 1 }] });
    expect(wordsIn({ workers: [worker("a")], demand: asked })).toBe(
      "drop the spread over zone (worker a can take it then)",
    );
    const full = inZone("b", "b");
    const workers = [
      book(inZone("a", "a"), asked),
      { ...full, usedPorts: new Set(["tcp/80"]), capacity: amount() },
    ];
    const needing = { ...asked, hostPorts: ["tcp/80"], amount: amount(1) };
    expect(wordsIn({ workers, demand: needing })).toBe(
      "drop the greatest skew of the spread over zone (worker a can take it then)",
    );
  });

  test("needs to be near others no more, if that is all", () => {
    const near = { matchLabels: { app: "db" }, key: "zone" };
    const apart = { matchLabels: { app: "web" }, anti: true };
    const workers = [inZone("a", "a")];
    expect(wordsIn({ workers, demand: asking({ taskAffinities: [near] }) })).toBe(
      "no longer ask to be near app=db@zone (worker a can take it then)",
    );
    const both = asking({ taskAffinities: [near, apart] });
    expect(wordsIn({ workers: [book(inZone("a", "a"), both)], demand: both })).toMatch(
      /^no single change /,
    );
  });
});

describe("no single change", () => {
  test("is said with what the nearest worker lacks", () => {
    const workers = [
      worker("a", { ready: false, reserved: amount(4000, 8192), notReadyReason: "down" }),
      worker("b", { ready: false, ...leaving(128), notReadyReason: "left" }),
    ];
    expect(remedyIn({ workers, demand: demand({ amount: amount(500, 512) }) })).toEqual({
      explanation:
        "no single change to the workers or the task was found to be enough: worker b is nearest (not ready: " +
        "left; memory: needs 512 MiB, 128 MiB free); or add a worker with 0.5 cores, 512 MiB of memory",
      workerId: "",
      filter: "",
    });
  });

  test("is what a worker needs that takes more than one thing to be ready", () => {
    expect(wordsIn({ workers: [worker("a", { ready: false })], demand: needy })).toMatch(
      /^no single change .*worker a is nearest \(not ready: no reason given\)/,
    );
  });
});
