import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { SCHEDULER_NAMES } from "../core/placement/schedulers.ts";
import { validateTaskSpec } from "../core/validate-task-spec.ts";
import { NetworkMode, PortProtocol, RestartMode } from "../gen/berth/v1/task_pb.ts";
import { CommandError } from "./command-error.ts";
import { readSpecFiles } from "./read-spec-file.ts";
import { createFakeContext } from "./testing/fake-context.ts";

function contextWith(files: Readonly<Record<string, string>>, stdin: readonly string[] = []) {
  const { context } = createFakeContext();
  async function* read() {
    for (const piece of stdin) yield new TextEncoder().encode(piece);
  }
  const terminal = { ...context.terminal, stdin: { ...context.terminal.stdin, read } };
  return { ...context, terminal, readText: async (path: string) => files[path] };
}

const specsIn = (text: string) => readSpecFiles(contextWith({ "t.yaml": text }), ["t.yaml"]);

async function problemsIn(text: string): Promise<string[]> {
  const error = await specsIn(text).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CommandError)) throw new Error(`no problem was found in ${text}`);
  return error.message.split("\n");
}

describe("a file of tasks", () => {
  test("has a task a document, or a list of them, in YAML or JSON", async () => {
    const files = {
      "a.yaml": "image: one\n---\n- image: two\n- {image: three}\n---\n# nothing\n",
      "b.json": '[{"image": "four"},\n\t{"image": "five"}]',
    };
    const specs = await readSpecFiles(contextWith(files), ["a.yaml", "b.json"]);
    expect(specs.map(({ spec }) => spec.image)).toEqual(["one", "two", "three", "four", "five"]);
  });

  test("may come through standard input, in pieces that break characters apart", async () => {
    const [spec] = await readSpecFiles(contextWith({}, ["image: x\nlabels: {a: ", "é}\n"]), ["-"]);
    expect(spec?.spec.labels).toEqual({ a: "é" });
  });

  test("says spans, bytes and choices in the words of people", async () => {
    const [read] = await specsIn(
      [
        "image: nginx",
        "stopGrace: 1m30s",
        "start_timeout: 20",
        "pullTimeout: 1.5s",
        "limit: {memoryBytes: 512MiB, cpuMillis: 500}",
        "networkMode: host",
        "restartPolicy: {mode: on-failure, window: 2h}",
        "ports: [{containerPort: 80, protocol: UDP}]",
        "livenessProbe: {tcp: {port: 80}, interval: 500ms}",
      ].join("\n"),
    );
    const spec = read?.spec;
    expect(spec?.stopGrace?.seconds).toBe(90n);
    expect(spec?.startTimeout?.seconds).toBe(20n);
    expect(spec?.pullTimeout).toMatchObject({ seconds: 1n, nanos: 500_000_000 });
    expect(spec?.limit).toMatchObject({ memoryBytes: 512n << 20n, cpuMillis: 500n });
    expect(spec?.networkMode).toBe(NetworkMode.HOST);
    expect(spec?.restartPolicy?.mode).toBe(RestartMode.ON_FAILURE);
    expect(spec?.ports[0]?.protocol).toBe(PortProtocol.UDP);
    expect(spec?.livenessProbe?.interval).toMatchObject({ seconds: 0n, nanos: 500_000_000 });
  });

  test("says them in protobuf's own words as well", async () => {
    const [read] = await specsIn(
      'image: nginx\nstopGrace: "10.250000001s"\nlimit: {memoryBytes: "536870912"}\nnetwork_mode: NETWORK_MODE_NONE\n',
    );
    expect(read?.spec.stopGrace).toMatchObject({ seconds: 10n, nanos: 250_000_001 });
    expect(read?.spec.limit?.memoryBytes).toBe(512n << 20n);
    expect(read?.spec.networkMode).toBe(NetworkMode.NONE);
  });
});

test("the example in the documents breaks no rule", async () => {
  const page = readFileSync(join(import.meta.dirname, "../docs/task-files.md"), "utf8");
  const [, example = ""] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  const specs = await specsIn(example);
  expect(specs).toHaveLength(3);
  for (const { spec } of specs)
    expect(validateTaskSpec(spec, { schedulers: SCHEDULER_NAMES })).toEqual([]);
});

describe("what is wrong in a file", () => {
  test("is told all at once, each with line, column, field, value and remedy", async () => {
    const text = [
      "name: web",
      "image: nginx",
      "nmae: web",
      "stop_grace: soon",
      "limit:",
      "  memoryBytes: 5x",
      "  memry: 1",
      "env: {A: b, PORT: 8080}",
      "networkMode: hots",
      "---",
      "- image: redis",
      "- image: nginx",
      "  ports:",
      "    - containerPort: 80",
      "    - containerPort: eighty",
    ].join("\n");
    expect((await problemsIn(text)).sort()).toEqual([
      expect.stringMatching(/^t\.yaml:15:7: ports\[1\]\.container_port: .*"eighty"/),
      "t.yaml:3:1: nmae: is no field of TaskSpec, did you mean name?",
      't.yaml:4:1: stop_grace: is "soon": must be a duration such as 10s, 1m30s, 500ms or 2h; a bare number means seconds',
      expect.stringMatching(/^t\.yaml:6:3: limit\.memory_bytes: is "5x": must be a size/),
      "t.yaml:7:3: limit.memry: is no field of Limits, did you mean memoryBytes?",
      't.yaml:8:13: env["PORT"]: is 8080: must be text: write "8080"',
      't.yaml:9:1: network_mode: is "hots": must be one of bridge, host, none, did you mean host?',
    ]);
  });

  test("is told where it is no YAML", async () => {
    expect(await problemsIn("image: nginx\nimage: redis\n")).toEqual([
      "t.yaml:2:1: Map keys must be unique: mend the YAML there",
    ]);
    expect(await problemsIn("ports: [\n")).toEqual([expect.stringMatching(/^t\.yaml:2:1: /)]);
  });

  test("is told where it would grow or nest without end", async () => {
    const level = (name: string, of: string) =>
      `${name}: &${name} [${Array(9).fill(of).join(",")}]\n`;
    const bomb = `a: &a [x,x,x]\n${level("b", "*a")}${level("c", "*b")}${level("d", "*c")}`;
    expect(await problemsIn(bomb)).toEqual([expect.stringMatching(/^t\.yaml:1:1: cannot be read/)]);
    expect(await problemsIn(`image: ${"[".repeat(10_000)}`)).not.toEqual([]);
  });

  test("is told where it is no task", async () => {
    expect(await problemsIn("- image: nginx\n- nginx\n")).toEqual([
      expect.stringMatching(/^t\.yaml:2:3: /),
    ]);
    expect(await problemsIn("# nothing\n")).toEqual([
      "--file t.yaml: has no task: write one, as berth run --dry-run -o yaml IMAGE prints it",
    ]);
  });

  test("is told of all files", async () => {
    const reading = readSpecFiles(contextWith({ "a.yaml": "imge: x\n" }), ["a.yaml", "b.yaml"]);
    await expect(reading).rejects.toThrow(
      "a.yaml:1:1: imge: is no field of TaskSpec, did you mean image?\n--file b.yaml: there is no such file: name one that is there",
    );
  });
});

test("fields that only the manager objects to are found in the file, or what should have them", async () => {
  const [, read] = await specsIn(
    "image: a\n---\nimage: b\nlimit: &small\n  memoryBytes: 1\nreservation: *small\nports:\n- containerPort: 80\n",
  );
  const places = ["limit.memory_bytes", "reservation.memory_bytes", "ports[0].name", "name", ""];
  expect(places.map((field) => read?.placed(field))).toEqual([
    "t.yaml:5:3: limit.memory_bytes",
    "t.yaml:5:3: reservation.memory_bytes",
    "t.yaml:8:3: ports[0].name",
    "t.yaml:3:1: name",
    "t.yaml:3:1: ",
  ]);
});
