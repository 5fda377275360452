import { createManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import type { Context } from "../context.ts";
import { createFakeTerminal } from "./fake-terminal.ts";

/** A context of a world in which there is nothing: no file, no manager, no service. */
export function createFakeContext() {
  const interruption = new AbortController();
  const terminal = createFakeTerminal({ env: {} });
  const unused = () => Promise.reject(new Error("there is nothing in this world"));
  const context: Context = {
    terminal,
    clock: createManualClock(),
    random: createSeededRandom(1),
    connect: unused,
    checkHealth: unused,
    loadServices: unused,
    readText: () => Promise.resolve(undefined),
    writeText: unused,
    openFiles: unused,
    openMachine: unused,
    interrupted: interruption.signal,
    isRoot: false,
  };
  return { context, terminal, interruption };
}
