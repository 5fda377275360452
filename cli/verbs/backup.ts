import type { Command } from "commander";
import type { Context } from "../context.ts";
import type { ExitCode } from "../exit-codes.ts";
import { formatSize } from "../output/format.ts";
import type { Flags } from "../settings/resolve.ts";
import { printLine } from "../terminal.ts";
import type { Run } from "./client-verb.ts";
import { copying, placeOf, placeShape, refuseScreen, storeCommand } from "./store-verb.ts";

/** In place of a file: what is printed goes elsewhere. */
const STDOUT = "-";

export const backupCommand = (run: Run): Command =>
  storeCommand("backup", placeShape)
    .summary("copy the manager's store to a file")
    .description(
      "Copy the manager's store, as it is at one moment, to a file. The manager may go on. " +
        "See docs/backup.md.",
    )
    .argument("<file>", "where to; replaced once the copy is whole; - is stdout")
    .action((path: string, flags: Flags) => run((context) => backUp(context, path, flags)));

async function backUp(context: Context, path: string, flags: Flags): Promise<ExitCode> {
  const from = await placeOf(context, flags);
  const { stdout, stderr } = context.terminal;
  if (path === STDOUT) refuseScreen(context);
  return copying(context, "the backup failed", async (copies, deps) => {
    if (path === STDOUT) return void (await copies.backUp({ from, write: toStdout }, deps));
    const onAnew = () => printLine(stderr, "etcd was compacted meanwhile: beginning anew");
    const { clusterId, tasks, bytes } = await copies.backUpToFile({ from, path, onAnew }, deps);
    printLine(stdout, `cluster ${clusterId}, tasks: ${tasks}, ${formatSize(bytes)} in ${path}`);
  });

  async function toStdout(chunks: AsyncIterable<Buffer>): Promise<void> {
    for await (const chunk of chunks) {
      stdout.write(chunk);
      await stdout.drained();
    }
  }
}
