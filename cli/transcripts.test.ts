import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import type { Command } from "commander";
import { createProgram } from "./program.ts";
import { createFakeWorld } from "./testing/fake-world.ts";
import { replayTranscript, splitCommand } from "./testing/transcript.ts";

const folder = join(import.meta.dirname, "transcripts");
const files = {
  "web.env": "# for the web server\nMODE=prod\nHOME\n",
  "bad.env": "MODE=prod\n=oops\n",
  "good.yaml": "manager-listen: 127.0.0.1:8070\nlabels:\n  zone: a\ncapacity-cpus: 2\n",
  "resources.yaml": "resources:\n  gpu: GPU-a,GPU-b\n  licence: 4\n",
  "tasks.yaml":
    "name: web\nimage: nginx\nlimit: {memoryBytes: 1073741824}\n---\n- {name: db, image: redis}\n- image: huge\n",
  "bad-task.yaml": "image: nginx\nnmae: web\n",
  "small.yaml": "- {image: nginx, limit: {memoryBytes: 1}}\n- image: redis\n",
  "fields.yaml":
    "- image: redis\n- name: web\n  image: nginx\n  limit:\n    memoryBytes: 4KiB\n  stopGrace: 1m\n",
  "wrong.yaml":
    "name: web\nimage: nginx\nstopGrace: soon\nports:\n  - containerPrt: 80\nenv:\n  PORT: 80\n",
  "pair.yaml": "{name: a, image: nginx}\n---\nimage: redis\n",
  "get.json": '{"taskId":"t1"}',
  "bad-contexts.yaml":
    "curent: a\ncontexts:\n  a: {addr: nowhere}\n  b b: {addr: 'h:1', tls: true}\n",
  "bad.yaml": "manger-listen: 127.0.0.1:8070\nlease: soon\n",
  "nested.yaml": "labels:\n  - [a]\n",
  "syntax.yaml": "lease: [\n",
};

const commands = readdirSync(folder)
  .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n"))
  .filter((line) => line.startsWith("$ "))
  .map((line) => splitCommand(line.slice(2)).words.join(" "));

test.each(
  verbsOf(
    createProgram(() => Promise.resolve()),
    "berth",
  ),
)("$path is in a transcript, and in JSON where it speaks that", ({ path, speaksJson }) => {
  const own = commands.filter((command) => `${command} `.startsWith(`${path} `));
  expect(own).not.toEqual([]);
  if (speaksJson) expect(own.filter((command) => command.includes("-o json"))).not.toEqual([]);
});

/** Verbs, and the verbs within them. */
function verbsOf(command: Command, path: string): readonly Verb[] {
  const inner = command.createHelp().visibleCommands(command);
  const verbs = inner.filter((each) => each.name() !== "help");
  return verbs.flatMap((each) => {
    const own = `${path} ${each.name()}`;
    const format = each.options.find(({ long }) => long === "--output");
    // What speaks JSON unless told otherwise does so in every transcript.
    const speaksJson = format?.argChoices?.includes("json") && format.defaultValue !== "json";
    return [{ path: own, speaksJson: speaksJson === true }, ...verbsOf(each, own)];
  });
}

type Verb = Readonly<{ path: string; speaksJson: boolean }>;

// UPDATE=1 writes what really happened; the diff is read before it is committed.
test.each(readdirSync(folder))("goes as in %s", async (name) => {
  const path = join(folder, name);
  const expected = readFileSync(path, "utf8");
  const actual = await replayTranscript(expected, createFakeWorld(files));
  if (process.env["UPDATE"]) writeFileSync(path, actual);
  else expect(actual).toBe(expected);
});
