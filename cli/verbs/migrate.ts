import type { Command } from "commander";
import { formatEtcdPlace } from "../../lib/store/etcd-place.ts";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import type { ExitCode } from "../exit-codes.ts";
import { loadSettings } from "../settings/load.ts";
import type { Flags } from "../settings/resolve.ts";
import { withFlag } from "../settings/setting.ts";
import { stateDir } from "../settings/settings.ts";
import { etcdPlaceOf, storeShape } from "../settings/store-settings.ts";
import { printLine } from "../terminal.ts";
import type { Run } from "./client-verb.ts";
import { copying, storeCommand, storeFolder } from "./store-verb.ts";

const shape = { stateDir, ...storeShape, store: withFlag(storeShape.store, "to") };

export const migrateCommand = (run: Run): Command =>
  storeCommand("migrate", shape)
    .summary("move the manager's embedded store to etcd")
    .description(
      "Move the manager's embedded store to etcd. The manager must be stopped; workers and " +
        "containers go on. Then start it with --store. See docs/backup.md.",
    )
    .action((flags: Flags) => run((context) => migrate(context, flags)));

async function migrate(context: Context, flags: Flags): Promise<ExitCode> {
  const set = await loadSettings(shape, flags, context);
  const to = await etcdPlaceOf(context, set, shape.store);
  if (!to) throw usageError(["--to is missing"], ["say where: --to etcd://host:port"]);
  const folder = storeFolder(context, set.stateDir);
  return copying(context, "the migration failed", async (copies, deps) => {
    const { clusterId, tasks, entries } = await copies.migrate({ folder, to }, deps);
    const { stdout } = context.terminal;
    const place = formatEtcdPlace(to);
    printLine(
      stdout,
      `cluster ${clusterId}, tasks: ${tasks}, entries: ${entries}, now in ${place}`,
    );
    printLine(stdout, `start its manager with --store ${place}`);
  });
}
