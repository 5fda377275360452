import { Command } from "commander";
import { parseHostPort } from "../../lib/host-port.ts";
import { CommandError, usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { printLine } from "../terminal.ts";
import type { Run } from "./client-verb.ts";

type HealthFlags = Readonly<{ service?: string }>;

export const healthCommand = (run: Run): Command =>
  new Command("health")
    .summary("ask a manager, a registry or a worker whether it serves")
    .description(
      "Ask a manager, a registry or a worker whether it serves, as gRPC's health checks do.\nEnds with 0 when it does, and with 1 otherwise: for containers and scripts.",
    )
    .argument("<address>", "where it listens, such as 127.0.0.1:7070")
    .option("--service <name>", "ask of this gRPC service, such as berth.v1.ManagerService")
    .action((address: string, { service = "" }: HealthFlags) =>
      run((context) => askHealth(context, address, service)),
    );

async function askHealth(context: Context, address: string, service: string): Promise<ExitCode> {
  const { terminal } = context;
  const where = parseHostPort(address);
  if (where.kind === "malformed") throw usageError([where.explanation]);
  const result = await context.checkHealth(where, service);
  if (result.kind === "passed") {
    printLine(terminal.stdout, "serving");
    return exitCodes.ok;
  }
  throw new CommandError(`${address} does not serve: ${result.message}`, {
    remedies: remediesOf(result.message, service),
  });
}

function remediesOf(message: string, service: string): readonly string[] {
  const all = service === "" ? [] : ["or leave --service out, to ask of all that it serves"];
  return message.startsWith("it says ")
    ? ["it may be starting, or lack what it needs: see its log, then ask again", ...all]
    : ["start it, or give the address that it listens on", ...all];
}
