import { createRouterTransport } from "@connectrpc/connect";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { failed, passed } from "../../lib/checks/check-result.ts";
import { systemClock } from "../../lib/clock.ts";
import { unavailable } from "../../lib/errors.ts";
import { formatHostPort } from "../../lib/host-port.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { createClient } from "../../lib/rpc/client.ts";
import type { Context, ManagerLink } from "../context.ts";
import { runProgram } from "../program.ts";
import { createFakeFiles } from "./fake-files.ts";
import { fakeMachine } from "./fake-machine.ts";
import { createFakeManager } from "./fake-manager.ts";
import { createFakeServices } from "./fake-services.ts";
import { createFakeTerminal, type FakeTerminal } from "./fake-terminal.ts";
import { fakeWorkers } from "./fake-workers.ts";
import { splitCommand } from "./transcript.ts";

const MANAGER_ADDRESS = "127.0.0.1:7070";
/** Longer than any timeout that a transcript uses. */
const IDLE_ADVANCE_MS = 3_600_000;
/** Time for a server verb to have started and printed all that it prints. */
const TURNS_BEFORE_INTERRUPT = 50;

/**
 * A cluster in memory and a shell on it. Once nothing more will happen a
 * command's timers run out; one without timers is interrupted, as by Ctrl-C.
 */
export function createFakeWorld(given: Readonly<Record<string, string>>) {
  const files = new Map(Object.entries(given));
  const clock = createManualClock();
  let interruption = new AbortController();
  function onIdle(): void {
    if (clock.sleeperCount > 0) void clock.advance(IDLE_ADVANCE_MS);
    else interruption.abort();
  }
  const manager = createFakeManager({ clock, workers: fakeWorkers(clock.now()), onIdle });
  const here = createRouterTransport((router) => router.service(ManagerService, manager));
  async function connect(address: string): Promise<ManagerLink> {
    const transport = address === MANAGER_ADDRESS ? here : nowhere;
    const manager = createClient(ManagerService, transport);
    return { manager, transport, close: () => undefined };
  }

  const contextOf = (terminal: FakeTerminal): Context => ({
    terminal,
    clock,
    random: createSeededRandom(1),
    connect,
    checkHealth: async (where) =>
      formatHostPort(where) === MANAGER_ADDRESS ? passed : failed("it says NOT_SERVING"),
    async loadServices() {
      void interruptSoon();
      return createFakeServices({ terminal });
    },
    readText: async (path) => files.get(path),
    writeText: async (path, content) => void files.set(path, content),
    openMachine: async () => fakeMachine,
    openFiles: async () => createFakeFiles(files),
    interrupted: interruption.signal,
    isRoot: false,
  });

  async function interruptSoon(): Promise<void> {
    for (let turn = 0; turn < TURNS_BEFORE_INTERRUPT; turn++) await systemClock.turn();
    interruption.abort();
  }

  /** Runs a command line. Answers with what it printed, and its exit code unless it is 0. */
  return async function run(command: string): Promise<string> {
    interruption = new AbortController();
    const { env, words } = splitCommand(command);
    const { COLUMNS: columns, ...rest } = env;
    const terminal = createFakeTerminal({
      env: { HOME: "/home/me", ...rest },
      ...(columns === undefined ? {} : { columns: Number(columns) }),
    });
    const exitCode = await runProgram(words.slice(1), contextOf(terminal));
    const ending = exitCode === 0 ? [] : [`exit code ${exitCode}`];
    return [...(terminal.printed() === "" ? [] : [terminal.printed()]), ...ending].join("\n");
  };
}

/** Where nobody listens. */
const nowhere = createRouterTransport((router) =>
  router.service(ManagerService, { listTasks: noConnection, getCluster: noConnection }),
);

function noConnection(): never {
  throw unavailable("NOT_CONNECTED", "no connection within 5000 ms");
}
