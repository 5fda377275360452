import { describe, expect, test } from "@jest/globals";
import { compacted, denied, unavailable } from "../lib/errors.ts";
import { createManualClock } from "../lib/manual-clock.ts";
import {
  aChange,
  aTask,
  away,
  depsOf,
  HANG,
  openServers,
  type Script,
  watching,
} from "./testing.ts";
import { type WatchOptions, type WatchWord, watchTasks } from "./watch-tasks.ts";

const wordsOf = (word: WatchWord): string => {
  switch (word.kind) {
    case "listed":
      return `listed ${word.tasks.map(({ id }) => id).join("+")} @${word.revision}`;
    case "changed":
      return `changed ${word.changes.map(({ task }) => task?.id).join("+")} @${word.revision}`;
    case "current":
      return `current @${word.revision}`;
    case "stale":
      return `stale ${word.error.reason}`;
  }
};

function open(scripts: Readonly<Record<string, Script>>, options: WatchOptions = {}) {
  const clock = createManualClock();
  const watch = watchTasks({ ...depsOf(clock), servers: openServers(scripts) }, options);
  /** The next words; time passes where the watch waits. */
  async function next(count: number): Promise<string[]> {
    const words: string[] = [];
    while (words.length < count) {
      const turn = watch.next();
      let isHere = false;
      void turn.then(
        () => {
          isHere = true;
        },
        () => {
          isHere = true;
        },
      );
      for (let step = 0; step < 60 && !isHere; step++) await clock.advance(1_000);
      if (!isHere) throw new Error(`the watch went quiet after ${words.join(", ")}`);
      const { done, value } = await turn;
      words.push(done ? "ended" : wordsOf(value));
    }
    return words;
  }
  return { clock, watch, next };
}

async function* then(...words: readonly object[]): AsyncGenerator<object> {
  for (const word of words) yield await word;
}

const first = { changes: [aTask("t1")], revision: 5n };
const bookmark = (revision: bigint) => ({ revision });

describe("a watch", () => {
  test("begins with a list, however many messages it comes in, and goes on with changes", async () => {
    const { script } = watching(() =>
      then({ changes: [aTask("t1")] }, { changes: [aTask("t2")], revision: 5n }, aChange(6n), {
        revision: 7n,
      }),
    );
    expect(await open({ m1: script }).next(3)).toEqual([
      "listed t1+t2 @5",
      "changed t1 @6",
      "current @7",
    ]);
  });

  test("of a cluster without a task begins with an empty list", async () => {
    const { script } = watching(() => then({}, aChange(1n)));
    expect(await open({ m1: script }).next(2)).toEqual(["listed  @0", "changed t1 @1"]);
  });

  test("that breaks off says so and goes on after what was told", async () => {
    const { script, asked } = watching(
      () => then(first, aChange(6n)),
      () => then(aChange(7n)),
    );
    const { next } = open({ m1: script });
    expect((await next(4)).slice(1)).toEqual([
      "changed t1 @6",
      "stale WATCH_ENDED",
      "changed t1 @7",
    ]);
    expect(asked).toEqual([undefined, 6n]);
  });

  test("that breaks off in the middle of its list begins the list anew", async () => {
    const { script, asked } = watching(
      () => then({ changes: [aTask("t1")] }),
      () => then(first),
    );
    expect(await open({ m1: script }).next(2)).toEqual(["stale WATCH_ENDED", "listed t1 @5"]);
    expect(asked).toEqual([undefined, undefined]);
  });

  test("lists anew where the history is gone", async () => {
    const { script, asked } = watching(
      () => {
        throw compacted("too old");
      },
      () => then(first),
    );
    const { next } = open({ m1: script }, { afterRevision: 2n });
    expect(await next(1)).toEqual(["listed t1 @5"]);
    expect(asked).toEqual([2n, undefined]);
  });

  test("hears that its connection is dead by the silence, and calls again", async () => {
    const { script, asked } = watching(
      () => then(first, HANG),
      () => then(bookmark(5n), HANG),
    );
    const { next } = open({ m1: script });
    expect(await next(3)).toEqual(["listed t1 @5", "stale SILENT", "current @5"]);
    expect(asked).toEqual([undefined, 5n]);
  });

  test("hears the silence of a manager that never begins, too, and goes to the next", async () => {
    const silent = watching(() => then(HANG));
    const other = watching(() => then(first));
    const { next } = open({ m1: silent.script, m2: other.script });
    expect(await next(2)).toEqual(["stale SILENT", "listed t1 @5"]);
  });

  test("does not take a reader's own slowness for silence", async () => {
    const { script, asked } = watching(() => then(first, bookmark(5n), HANG));
    const { clock, next } = open({ m1: script });
    await next(1);
    await clock.advance(3_600_000);
    expect(await next(1)).toEqual(["current @5"]);
    expect(asked.length).toBe(1);
  });

  test("asks all managers at once, then again and again, and always says how old its word is", async () => {
    const down = watching();
    const up = watching(() => then(first));
    const { clock, watch } = open({ m1: up.script, m2: down.script });
    const ages: number[] = [];
    await watch.next();
    for (let count = 0; count < 12; count++) {
      const turn = watch.next();
      await clock.advance(6_000);
      const { value } = await turn;
      if (value?.kind === "stale") ages.push(value.staleMs);
    }
    expect(ages.length).toBe(12);
    expect(ages).toEqual(ages.toSorted((a, b) => a - b));
    expect(ages.at(-1)).toBeGreaterThan(30_000);
    expect([up.asked.length, down.asked.length]).toEqual([6, 6]);
  });

  test("says that a manager is cut off from its store, and asks another after each sign of life", async () => {
    const behind = watching(({ responseHeader }) => {
      responseHeader.set("berth-stale-ms", "9000");
      return then(first, bookmark(5n), HANG);
    });
    const current = watching(() => then(aChange(6n)));
    const { next } = open({ m1: behind.script, m2: current.script });
    expect(await next(3)).toEqual(["listed t1 @5", "stale STORE_UNAVAILABLE", "changed t1 @6"]);
    expect(current.asked).toEqual([5n]);
  });

  test("waits as long as the manager asks for", async () => {
    const later = () => {
      throw unavailable("NO_LEADER", "nobody leads", { retryMs: 20_000 });
    };
    const { script, asked } = watching(later, () => then(first));
    const { clock, watch } = open({ m1: script });
    await watch.next();
    const turn = watch.next();
    await clock.advance(19_999);
    expect(asked.length).toBe(1);
    await clock.advance(1);
    await turn;
    expect(asked.length).toBe(2);
  });

  test("throws a refusal", async () => {
    const { script, asked } = watching(() => {
      throw denied("NOT_YOURS", "no");
    });
    await expect(open({ m1: script }).watch.next()).rejects.toMatchObject({
      name: "BerthError",
      code: "permission_denied",
      reason: "NOT_YOURS",
    });
    expect(asked.length).toBe(1);
  });

  test.each(["while it hears", "while it waits to call again"])(
    "ends with its signal %s",
    async (when) => {
      const leave = new AbortController();
      const { script } = watching(() =>
        when === "while it hears" ? then(first, HANG) : then(first),
      );
      const { next, watch } = open({ m1: script }, { signal: leave.signal });
      await next(when === "while it hears" ? 1 : 2);
      const turn = watch.next();
      leave.abort();
      expect(await turn).toEqual({ done: true, value: undefined });
    },
  );

  test("that is left ends at the manager, too", async () => {
    let isOver: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      isOver = resolve;
    });
    const { script } = watching(({ signal }) => {
      signal.addEventListener("abort", isOver);
      return then(first, HANG);
    });
    for await (const { kind } of open({ m1: script }).watch) if (kind === "listed") break;
    await over;
  });
});

test("a failure keeps its reason and its cause", async () => {
  const { script } = watching();
  const { value } = await open({ m1: script }).watch.next();
  expect(value?.kind === "stale" && value.error.reason).toBe("DRAINING");
  expect(value?.kind === "stale" && value.error.message).toBe(away().rawMessage);
});
