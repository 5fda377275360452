import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { coreBugs } from "./core-bugs.ts";
import { managerBugs } from "./manager-bugs.ts";
import { findAll, type Trial, tryBugs } from "./try-bugs.ts";
import { workerBugs } from "./worker-bugs.ts";

// Shows that the simulation finds every bug of the table, and prints the table. With --check: only that
// the program still has what each of them replaces.
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "400" },
    jobs: { type: "string", default: "2" },
    only: { type: "string", default: "" },
    check: { type: "boolean", default: false },
  },
});
const distFolder = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const bugs = [...managerBugs, ...coreBugs, ...workerBugs].filter(({ name }) =>
  name.includes(values.only),
);
if (values.check) await findAll(bugs, distFolder);
else await tryAll();

async function tryAll(): Promise<void> {
  const trials: Trial[] = [];
  await tryBugs({
    ...{ bugs, distFolder, seedCount: Number(values.seeds), laneCount: Number(values.jobs) },
    onTrial(trial) {
      trials.push(trial);
      process.stdout.write(`${rowOf(trial)}\n`);
    },
  });
  const missed = trials.filter(({ found }) => !found);
  process.stdout.write(`${trials.length} bugs, ${missed.length} not found\n`);
  process.exitCode = missed.length === 0 ? 0 : 1;
}

function rowOf({ bug, found }: Trial): string {
  const invariant = found?.violation.split(":")[0];
  const how = found ? `\`${invariant}\` | ${found.seed}` : "**not found** |";
  return `| ${bug.name} | ${bug.promise} | ${how} |`;
}
