import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";

const HEAP_GROWTH = new URL("../../dist/lib/heap-growth.js", import.meta.url).href;

/** Holds some 40 MB and replaces all of it, bit by bit. Says how much the heap held at most, in MB. */
const CHURN = `
  import { getHeapStatistics } from "node:v8";
  const held = [];
  let most = 0;
  async function churn() {
    for (let round = 0; round < 400; round++) {
      for (let i = 0; i < 5_000; i++) held[(round * 5_000 + i) % 200_000] = [round, { i }, [i]];
      most = Math.max(most, getHeapStatistics().used_heap_size);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await churn();
  console.log(Math.round(most / 1e6));`;

/** With the room for what is young that a control plane has. */
async function mostHeldBy(program: string): Promise<number> {
  const args = ["--max-semi-space-size=4", "--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return Number(stdout);
}

test("a small heap is kept small, where V8 would let it grow", async () => {
  const keep = `import { keepHeapSmall } from ${JSON.stringify(HEAP_GROWTH)}; keepHeapSmall();`;
  const [kept, left] = [await mostHeldBy(keep + CHURN), await mostHeldBy(CHURN)];
  expect(kept).toBeLessThan(0.9 * left);
}, 60_000);
