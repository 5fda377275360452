import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect, test } from "@jest/globals";

const GUARD = new URL("../../dist/lib/turn-guard.js", import.meta.url).href;

/** A process that the guard watches, and what it does besides. */
async function run(program: string): Promise<Readonly<{ signal: string | null; stderr: string }>> {
  const guarded = `
    import { guardTurns } from ${JSON.stringify(GUARD)};
    guardTurns({ error: (fields, message) => console.error(message, fields) }, { cpuMsMax: 300, beatMs: 20 });
    ${program}`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", guarded], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [stderr, [, signal]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  return { signal, stderr };
}

test("a process whose event loop hangs is killed and says so", async () => {
  const { signal, stderr } = await run("setTimeout(() => { for (;;); }, 50);");
  expect(signal).toBe("SIGKILL");
  expect(stderr).toContain('"msg":"event loop stuck"');
});

test("a process that works hard and turns is left alone, and the guard does not keep it alive", async () => {
  const { signal, stderr } = await run(`
    const end = performance.now() + 1_500;
    const work = () => {
      const until = performance.now() + 10;
      while (performance.now() < until);
      if (performance.now() < end) setImmediate(work);
    };
    work();`);
  expect({ signal, stderr }).toEqual({ signal: null, stderr: "" });
});
