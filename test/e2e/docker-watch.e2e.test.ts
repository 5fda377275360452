import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Owner } from "../../services/worker/runtime.ts";
import { createDockerRig, IDLE, specOf } from "./docker-rig.ts";
import { removeContainers } from "./engine.ts";

const { runtime, engine, owner, nextKey, startOne } = createDockerRig("docker-watch");

describe("watch", () => {
  let control = new AbortController();
  let watched = owner;
  beforeEach(() => {
    control = new AbortController();
    // A watch repeats the last second: no test may see the containers of the one before.
    watched = { ...owner, workerId: nextKey().taskId };
  });
  afterEach(async () => {
    control.abort();
    await removeContainers(watched);
  });
  const begin = (whose: Owner) => runtime.watch(whose, control.signal)[Symbol.asyncIterator]();

  test("hints at a creation, a start, and at a removal behind its back", async () => {
    const hints = begin(watched);
    expect((await hints.next()).value).toEqual({ kind: "resync" });
    const key = nextKey();
    const containerId = await runtime.create(key, specOf(IDLE), watched);
    expect((await hints.next()).value).toEqual({ kind: "begin", containerId, key });
    await runtime.start(containerId);
    expect((await hints.next()).value).toEqual({ kind: "begin", containerId, key });
    await engine.getContainer(containerId).remove({ force: true });
    while ((await runtime.inspect(containerId)) !== undefined) {
      expect((await hints.next()).value).toEqual({ kind: "change", containerId, key });
    }
  });

  test("says nothing of other owners' containers", async () => {
    const hints = begin(watched);
    await hints.next();
    await startOne(IDLE);
    const key = nextKey();
    await runtime.start(await runtime.create(key, specOf(IDLE), watched));
    expect((await hints.next()).value).toMatchObject({ kind: "begin", key });
  });

  test("ends when nobody wants it any more", async () => {
    const hints = begin(watched);
    await hints.next();
    control.abort();
    expect(await hints.next()).toEqual({ done: true, value: undefined });
  });
});
