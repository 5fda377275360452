import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";
import { BERTH, startCluster, type TestCluster } from "./cluster.ts";
import { openScreen, type Screen } from "./screen.ts";

jest.setTimeout(180_000);

const run = promisify(execFile);

let cluster: TestCluster;
let folder: string;
let screen: Screen;

beforeAll(async () => {
  cluster = await startCluster({ roles: ["registry", "manager"] });
  await cluster.submit({ name: "webserver", command: ["true"] });
  await cluster.submit({ name: "database", command: ["true"] });
  folder = await mkdtemp(join(tmpdir(), "berth-completion-"));
  await symlink(BERTH, join(folder, "berth"));
  await writeFile(join(folder, "unique.yaml"), "");
});
afterAll(async () => {
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  screen = await openScreen();
  await screen.enter(`cd ${folder}; export PATH=${folder}:$PATH HOME=${folder}`);
  await screen.enter(`export BERTH_ADDR=${cluster.managerAddress} BERTH_CONTEXTS=${folder}/c.yaml`);
});
afterEach(() => screen?.close());

/** How each shell is started, without anybody's own settings, and told of berth. */
const shells = {
  bash: ["PS1='in-it> ' bash --norc -i", "source <(berth completion bash)"],
  zsh: [
    "PS1='in-it> ' zsh -f -i",
    "autoload -Uz compinit && compinit -u && source <(berth completion zsh)",
  ],
  fish: [
    "fish --no-config -i",
    "function fish_prompt; echo -n 'in-it> '; end; berth completion fish | source",
  ],
} as const;

describe.each(Object.entries(shells))("%s", (_name, [start, load]) => {
  beforeEach(async () => {
    await screen.enter(start);
    await screen.enter(`${load}; echo loaded-$((40 + 2))`.replace("$((40 + 2))", marker(start)));
    await screen.until(/^loaded-42/);
  });

  async function complete(typed: string, expected: RegExp): Promise<void> {
    await screen.type(typed);
    await screen.keys("Tab");
    await screen.until(expected);
    // Empties the line. What was typed while the shell thinks waits for it.
    await screen.keys("C-u");
  }

  test("completes a verb, a flag and its word", async () => {
    await complete("berth overc", /berth overcommit /);
    await complete("berth run --env-f", /berth run --env-file /);
    await complete("berth run --pull alw", /berth run --pull always /);
    await complete("berth context sho", /berth context show /);
  });

  test("completes the name of a task that there is, and files beside it", async () => {
    await complete("berth logs webs", /berth logs webserver /);
    await complete("berth run -f uni", /berth run -f unique\.yaml /);
    await complete("berth cp datab", /berth cp database:/);
  });

  test("is silent, and soon there again, when no manager answers", async () => {
    await screen.type("berth logs --addr 127.0.0.1:9 webs");
    await screen.keys("Tab");
    await screen.type("-mine");
    expect(await screen.until(/9 webs-mine/)).not.toMatch(/error|cannot|webserver/);
  });
});

/** fish reckons in its own way. */
const marker = (start: string) => (start.startsWith("fish") ? "(math 40 + 2)" : "$((40 + 2))");

test("the scripts are what their shells take for a program", async () => {
  for (const shell of Object.keys(shells)) {
    const { stdout } = await run(process.execPath, [BERTH, "completion", shell]);
    await writeFile(join(folder, "script"), stdout);
    await run(shell, ["-n", join(folder, "script")]);
  }
});
