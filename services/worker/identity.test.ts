import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { reasonOf } from "../../lib/errors.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { makeWorkerId, openIdentity } from "./identity.ts";
import { loadState, type StateFile } from "./state-folder.ts";

/** A disk that can be told to fail, and that takes its time. */
function createDisk() {
  const disk = { text: undefined as string | undefined, isFull: false, writes: 0 };
  const file: StateFile = {
    path: "state/worker.json",
    read: async () => disk.text,
    async write(text) {
      await Promise.resolve();
      if (disk.isFull) throw new Error("no space left on device");
      disk.writes++;
      disk.text = text;
    },
  };
  const random = createSeededRandom(3);
  const open = (workerId?: string) =>
    openIdentity(file, { workerId, hostname: "Box.Example", random });
  return { disk, file, open };
}

const fence = (epoch: bigint, clusterId = "c1") => ({ clusterId, epoch });
const reasonFor = (call: Promise<unknown>) => call.then(() => "admitted", reasonOf);

describe("a worker's name", () => {
  test("is made once and kept", async () => {
    const { open } = createDisk();
    const { workerId } = await open();
    expect(workerId).toMatch(/^box-example-[a-z0-9]{5}$/);
    expect((await open()).workerId).toBe(workerId);
  });

  test("is the one given", async () => {
    expect((await createDisk().open("w7")).workerId).toBe("w7");
  });

  test("cannot be changed under containers that carry it", async () => {
    const { open } = createDisk();
    await open("w7");
    await expect(open("w8")).rejects.toThrow(/belongs to worker w7, not w8/);
  });

  test("fits the contract whatever the machine is called", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.integer(), (hostname, seed) => {
        expect(makeWorkerId(hostname, createSeededRandom(seed))).toMatch(/^[a-z0-9-]{1,64}$/);
      }),
    );
  });
});

describe("a fence", () => {
  test("lets the first cluster claim the worker, durably", async () => {
    const { open, file } = createDisk();
    const identity = await open("w1");
    expect(identity.owner()).toBeUndefined();
    await identity.admit(fence(3n));
    await identity.claimed;
    expect(identity.owner()).toEqual({ clusterId: "c1", workerId: "w1" });
    expect(await loadState(file)).toMatchObject({ clusterId: "c1", epoch: 3n });
  });

  test("keeps other clusters out, also after a restart", async () => {
    const { open } = createDisk();
    await (await open()).admit(fence(1n));
    expect(await reasonFor((await open()).admit(fence(9n, "c2")))).toBe("FOREIGN_CLUSTER");
  });

  test("keeps older epochs out, also after a restart", async () => {
    const { open } = createDisk();
    await (await open()).admit(fence(5n));
    const identity = await open();
    expect(await reasonFor(identity.admit(fence(4n)))).toBe("STALE_EPOCH");
    expect(await reasonFor(identity.admit(fence(5n)))).toBe("admitted");
  });

  test("is written once for all who come with one epoch", async () => {
    const { open, disk } = createDisk();
    const identity = await open();
    const before = disk.writes;
    await Promise.all(Array.from({ length: 50 }, () => identity.admit(fence(2n))));
    await identity.admit(fence(2n));
    expect(disk.writes - before).toBe(1);
  });

  test("turns away an epoch that was replaced while it was being written", async () => {
    const { open } = createDisk();
    const identity = await open();
    const [old, fresh] = [identity.admit(fence(1n)), identity.admit(fence(2n))];
    expect(await reasonFor(old)).toBeDefined();
    expect(await reasonFor(fresh)).toBe("admitted");
    expect(await reasonFor(identity.admit(fence(1n)))).toBe("STALE_EPOCH");
  });

  test("admits nobody whom the disk does not know, and recovers", async () => {
    const { open, disk, file } = createDisk();
    const identity = await open();
    disk.isFull = true;
    const calls = [identity.admit(fence(1n)), identity.admit(fence(2n))];
    expect(await Promise.all(calls.map(reasonFor))).toEqual([
      "STATE_NOT_WRITTEN",
      "STATE_NOT_WRITTEN",
    ]);
    expect(identity.owner()).toBeUndefined();
    disk.isFull = false;
    await identity.admit(fence(1n));
    expect(await loadState(file)).toMatchObject({ epoch: 1n });
  });

  test("never obeys less than it has obeyed: any order of epochs", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.bigInt({ min: 1n, max: 5n }), { minLength: 1 }),
        async (epochs) => {
          const { open, file } = createDisk();
          const identity = await open();
          let highest = 0n;
          for (const epoch of epochs) {
            const verdict = await reasonFor(identity.admit(fence(epoch)));
            expect(verdict).toBe(epoch < highest ? "STALE_EPOCH" : "admitted");
            if (epoch > highest) highest = epoch;
            expect((await loadState(file))?.epoch).toBe(highest);
          }
        },
      ),
    );
  });
});
