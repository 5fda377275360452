import { Argument, type Command } from "commander";
import { assert } from "../../lib/assert.ts";
import { type HostPort, parseHostPort } from "../../lib/host-port.ts";
import { CommandError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { findManagerAddress } from "../contexts/manager-address.ts";
import { examineCluster, unreachedCluster } from "../doctor/cluster-checks.ts";
import type { Examination } from "../doctor/finding.ts";
import { examineMachine, type Listening } from "../doctor/machine-checks.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { listWorkers } from "../list-all.ts";
import { colorsFor } from "../output/colors.ts";
import { formatDocument } from "../output/document.ts";
import { formatFindings } from "../output/findings-text.ts";
import { addFormatFlag, type Format } from "../output/output-flags.ts";
import { loadSettings } from "../settings/load.ts";
import type { Flags } from "../settings/resolve.ts";
import { flagOf, optionOf, type Setting } from "../settings/setting.ts";
import * as settings from "../settings/settings.ts";
import { stateFolder } from "../settings/state-folder.ts";
import { storeShape } from "../settings/store-settings.ts";
import { version } from "../version.ts";
import { callOf, clientCommand, type Run, withManager } from "./client-verb.ts";

/** What says how servers on this machine would be run. */
const shape = {
  managerListen: settings.managerListen,
  registryListen: settings.registryListen,
  workerListen: settings.workerListen,
  stateDir: settings.stateDir,
  dockerHost: settings.dockerHost,
  store: storeShape.store,
};

type DoctorFlags = Flags & Readonly<{ output: Format }>;
type Part = Examination["part"];

export function doctorCommand(run: Run): Command {
  const command = addFormatFlag(clientCommand("doctor"), ["table", "json", "yaml"], "table")
    .summary("look for what is wrong with this machine and the cluster")
    .description(
      "Look for what is wrong with this machine (engine, cgroups, kernel, disk, ports, names, pulls) and with the cluster " +
        "(manager, versions, clocks, workers). Every finding says what to do. Ends with 2 when there is a problem; " +
        "warnings are none.",
    )
    .addArgument(new Argument("[part]", "look at this part only").choices(["machine", "cluster"]));
  for (const setting of Object.values(shape)) command.addOption(optionOf<unknown>(setting));
  return command.action((part: Part | undefined, flags: DoctorFlags) =>
    run((context) => doctor(context, part, flags)),
  );
}

async function doctor(
  context: Context,
  part: Part | undefined,
  flags: DoctorFlags,
): Promise<ExitCode> {
  const { terminal } = context;
  const examinations = [
    ...(part === "cluster" ? [] : [await lookAtMachine(context, flags)]),
    ...(part === "machine" ? [] : [await lookAtCluster(context, flags)]),
  ];
  terminal.stdout.write(await formatted(context, examinations, flags.output));
  const all = examinations.flatMap(({ findings }) => findings);
  return all.some(({ status }) => status === "problem") ? exitCodes.badEnd : exitCodes.ok;
}

async function formatted(
  { terminal }: Context,
  examinations: readonly Examination[],
  output: Format,
): Promise<string> {
  if (output !== "json" && output !== "yaml")
    return formatFindings(examinations, { colors: colorsFor(terminal), width: terminal.columns });
  const findings = examinations.flatMap(({ part, findings: found }) =>
    found.map((finding) => ({ part, ...finding })),
  );
  return formatDocument(output, findings);
}

async function lookAtMachine(context: Context, flags: DoctorFlags): Promise<Examination> {
  const set = await loadSettings(shape, flags, context);
  return examineMachine(await context.openMachine(), {
    dockerHost: set.dockerHost,
    stateFolder: stateFolder(set.stateDir, context),
    ports: [
      portOf("manager", shape.managerListen, set.managerListen),
      portOf("registry", shape.registryListen, set.registryListen),
      portOf("worker", shape.workerListen, set.workerListen),
    ],
    etcd: (set.store?.endpoints ?? []).map(hostPortOf),
    version,
    checkHealth: (where) => context.checkHealth(where, ""),
  });
}

const portOf = (name: string, setting: Setting<string>, address: string): Listening => ({
  ...{ name, flag: flagOf(setting), where: hostPortOf(address) },
});

function hostPortOf(address: string): HostPort {
  const where = parseHostPort(address);
  assert(where.kind === "parsed", `address ${address} was parsed before`);
  return { host: where.host, port: where.port };
}

async function lookAtCluster(context: Context, flags: DoctorFlags): Promise<Examination> {
  const { addr } = await findManagerAddress(flags, context);
  let found: Examination | undefined;
  try {
    await withManager(context, flags, async (manager) => {
      const askMs = context.clock.now();
      const { cluster } = await manager.getCluster({}, callOf(context));
      const answerMs = context.clock.now();
      assert(cluster, "the manager answers with the cluster");
      const { workers } = await listWorkers(manager, {}, callOf(context));
      found = examineCluster({ addr, cluster, workers, version, askMs, answerMs });
      return exitCodes.ok;
    });
  } catch (error) {
    const isAway = error instanceof CommandError && error.exitCode === exitCodes.unreachable;
    if (!isAway) throw error;
    return unreachedCluster(error.message, error.remedies);
  }
  context.interrupted.throwIfAborted();
  assert(found, "the cluster was examined");
  return found;
}
