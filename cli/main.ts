import { lookup } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import type { FindAddresses } from "../lib/address-cycle.ts";
import { type CheckResult, failed } from "../lib/checks/check-result.ts";
import { systemClock } from "../lib/clock.ts";
import type { HostPort } from "../lib/host-port.ts";
import { silentLog } from "../lib/log.ts";
import { mapStacks } from "../lib/mapped-stacks.ts";
import { systemRandom } from "../lib/random.ts";
import { createClient } from "../lib/rpc/client.ts";
import { usageError } from "./command-error.ts";
import type { Context } from "./context.ts";
import type { LocalFiles } from "./copy/local-files.ts";
import type { Machine } from "./doctor/machine.ts";
import { loadServices } from "./load-services.ts";
import { runProgram } from "./program.ts";
import { inputOf } from "./standard-input.ts";
import type { Output } from "./terminal.ts";

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;
const COLUMNS_DEFAULT = 80;
/** Number of the signal that a process gets for writing to a pipe nobody reads. */
const SIGPIPE = 13;

/** Whoever has not answered by then is not there for callers either. */
const HEALTH_MS = 3_000;

mapStacks();

const interruption = new AbortController();
for (const [name, number] of Object.entries(SIGNALS)) {
  process.on(name, () => {
    // The second time it means now.
    if (interruption.signal.aborted) process.exit(128 + number);
    interruption.abort();
  });
}

const context: Context = {
  terminal: {
    stdin: inputOf({ keyboard: process.stdin, screen: process.stdout, exits: process }),
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    isTty: process.stdout.isTTY === true,
    isErrorTty: process.stderr.isTTY === true,
    columns: process.stdout.columns || process.stderr.columns || COLUMNS_DEFAULT,
    env: process.env,
  },
  clock: systemClock,
  random: systemRandom,
  connect,
  checkHealth,
  loadServices,
  readText,
  writeText,
  openFiles,
  openMachine,
  interrupted: interruption.signal,
  isRoot: process.getuid?.() === 0,
};

const exitCode = await runProgram(process.argv.slice(2), context);
// All is done and said; what may still be open, such as a call to the engine that waits for a
// container to stop, is not waited for.
for (const stream of [process.stdout, process.stderr]) await flushed(stream);
process.exit(exitCode);

async function connect(addresses: string) {
  const [{ createContacts }, { openFailOver }, { openChannel }, { findAddresses }] =
    await Promise.all([
      import("../lib/rpc/contacts.ts"),
      import("../lib/rpc/fail-over.ts"),
      import("../lib/rpc/channel.ts"),
      import("../lib/dns/find-addresses.ts"),
    ]);
  const find: FindAddresses = (entry) => findAddresses(entry, systemRandom);
  const deps = { wire: { connect: openChannel, find }, clock: systemClock, log: silentLog };
  const managers = openFailOver(createContacts(addresses, deps));
  const manager = createClient(ManagerService, managers);
  return { manager, transport: managers, close: managers.close };
}

async function checkHealth({ host, port }: HostPort, service: string): Promise<CheckResult> {
  const { healthCheck } = await import("../lib/rpc/health-check.ts");
  try {
    const { address } = await lookup(host);
    const question = { host: address, port, service, timeoutMs: HEALTH_MS };
    return await healthCheck(question, { clock: systemClock, signal: interruption.signal });
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    if (error.code === "ENOENT") return undefined;
    throw usageError([`cannot read ${path}: ${error.message}`], ["name a file that you may read"]);
  }
}

async function openFiles(): Promise<LocalFiles> {
  const { diskFiles } = await import("./copy/disk-files.ts");
  return diskFiles;
}

async function openMachine(): Promise<Machine> {
  const { thisMachine } = await import("./doctor/this-machine.ts");
  return thisMachine;
}

async function writeText(path: string, content: string): Promise<void> {
  const { replaceFile } = await import("../lib/replace-file.ts");
  return replaceFile(path, content);
}

/** A reader that goes away, as `head` does, ends the process as it would any other. */
function outputOf(stream: NodeJS.WriteStream): Output {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 128 + SIGPIPE : 1);
  });
  return {
    write: (data) => void stream.write(data),
    drained: () =>
      stream.writableNeedDrain
        ? new Promise((resolve) => stream.once("drain", () => resolve()))
        : Promise.resolve(),
  };
}

/** Resolves once all that was written has left the process. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}
