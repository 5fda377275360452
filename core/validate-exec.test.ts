import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { ExecInputSchema, ExecProcessSchema } from "../gen/berth/v1/exec_pb.ts";
import { validateExec, validateExecInput } from "./validate-exec.ts";

const fieldsOf = (violations: readonly { field: string }[]) => violations.map((v) => v.field);

test("a process with all that there is passes", () => {
  const process = create(ExecProcessSchema, {
    command: ["sh", "-c", "exit 3"],
    env: { MODE: "a" },
    user: "1000:1000",
    workingDir: "/srv",
    tty: true,
    size: { rows: 24, columns: 80 },
    stdin: true,
  });
  expect(validateExec("process", process)).toEqual([]);
});

test("every bad field of a process is named, with its value and the remedy", () => {
  const process = create(ExecProcessSchema, {
    command: [""],
    env: { "1": "a" },
    user: "a b",
    workingDir: "srv",
    tty: true,
    size: { rows: 0, columns: 70_000 },
  });
  const violations = validateExec("process", process);
  expect(fieldsOf(violations)).toEqual([
    "process.command",
    'process.env["1"]',
    "process.user",
    "process.working_dir",
    "process.size.rows",
    "process.size.columns",
  ]);
  expect(violations.at(-1)?.description).toBe("is 70000: must be 1 to 65535");
});

test("nothing to run is refused", () => {
  expect(fieldsOf(validateExec("process", undefined))).toEqual(["process"]);
  expect(fieldsOf(validateExec("process", create(ExecProcessSchema)))).toEqual(["process.command"]);
});

test("a size needs a terminal", () => {
  const process = create(ExecProcessSchema, { command: ["sh"], size: { rows: 1, columns: 1 } });
  expect(validateExec("process", process)[0]?.description).toContain("set tty");
});

const stdin = (length: number) => ({ case: "stdin", value: new Uint8Array(length) }) as const;
const resize = { case: "resize", value: { rows: 0, columns: 1 } } as const;

test.each([
  ["stdin of a process without an input", stdin(1), "input.stdin"],
  ["the end of no input", { case: "endOfInput", value: {} } as const, "input.end_of_input"],
  ["the size of no terminal", resize, "input.resize"],
  ["no word at all", { case: undefined } as const, "input"],
])("%s is refused", (_what, word, field) => {
  const input = create(ExecInputSchema, { word });
  expect(fieldsOf(validateExecInput("input", input, { tty: false, stdin: false }))).toEqual([
    field,
  ]);
});

test("a word that is too long is refused, one that just fits is not", () => {
  const check = (length: number) =>
    validateExecInput("input", create(ExecInputSchema, { word: stdin(length) }), {
      tty: true,
      stdin: true,
    });
  expect(check(64 * 1024)).toEqual([]);
  expect(check(65 * 1024)[0]?.description).toBe("takes 65 KiB: send at most 64 KiB in a word");
});
