import { SCHEDULER_NAMES } from "../../core/placement/schedulers.ts";
import { logLevels } from "../../lib/log.ts";
import { runtimes } from "../settings/settings.ts";
import { DISCONNECTS, NETWORKS, PULLS } from "../task-spec-flags.ts";

/** What flags take whose words are checked by other means than commander's. */
export const flagWords: Readonly<Record<string, readonly string[]>> = {
  "--pull": Object.keys(PULLS),
  "--network": Object.keys(NETWORKS),
  "--on-disconnect": Object.keys(DISCONNECTS),
  "--restart": ["no", "on-failure", "always", "unless-stopped"],
  "--scheduler": SCHEDULER_NAMES,
  "--default-scheduler": SCHEDULER_NAMES,
  "--log-level": logLevels,
  "--runtime": runtimes,
  "--filter": ["state=", "name=", "label=", "worker="],
};
