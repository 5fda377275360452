import { expect, test } from "@jest/globals";
import fc from "fast-check";
import stringWidth from "string-width";
import { formatFields, formatTable } from "./table.ts";

const columns = [{ title: "NAME" }, { title: "SIZE", align: "right" as const }, { title: "NOTE" }];

test("columns are as wide as their widest cell, numbers end together", () => {
  const rows = [
    ["a", "7", "first"],
    ["longer", "512", ""],
  ];
  expect(formatTable(columns, rows, { headers: true, width: undefined })).toBe(
    ["NAME     SIZE   NOTE", "a           7   first", "longer    512", ""].join("\n"),
  );
});

test("colours take no room and wide letters take two columns", () => {
  const rows = [
    ["\u001b[32mup\u001b[39m", "1", "a"],
    ["日本", "22", "b"],
  ];
  const lines = formatTable(columns, rows, { headers: false, width: undefined }).split("\n");
  expect(lines.slice(0, 2).map((line) => stringWidth(line))).toEqual([13, 13]);
});

test("only the last column is cut, and says so", () => {
  const rows = [["a", "1", "a sentence that is too long"]];
  const options = { headers: false, width: 30 };
  expect(formatTable(columns, rows, options)).toBe("a   1   a sentence that is to…\n");
});

test("a screen too narrow for the other columns still shows some of the last", () => {
  const rows = [["a name of some length", "1", "a sentence that is too long"]];
  expect(formatTable(columns, rows, { headers: false, width: 10 })).toContain("a sentence …");
});

test("no row is wider than the screen when there is room for the last column", () => {
  const row = fc.tuple(fc.string({ maxLength: 8 }), fc.string({ maxLength: 4 }), fc.string());
  fc.assert(
    fc.property(fc.array(row), fc.integer({ min: 40, max: 120 }), (rows, width) => {
      const plain = rows.map((cells) => cells.map((cell) => cell.replace(/[^ -~]/g, "?")));
      const lines = formatTable(columns, plain, { headers: true, width }).split("\n");
      for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width);
    }),
  );
});

test("elastic columns are cut before a line is too long, the widest first, down to their least", () => {
  const elastic = [
    { title: "ID" },
    { title: "NAME", elastic: 6 },
    { title: "IMAGE", elastic: 8, keep: "end" as const },
    { title: "NOTE" },
  ];
  const rows = [["t1", "checkout", "registry.example.com/shop/web:1.27", "listens"]];
  const at = (width: number) => formatTable(elastic, rows, { headers: false, width });
  expect(at(80)).toBe("t1   checkout   registry.example.com/shop/web:1.27   listens\n");
  expect(at(40)).toBe("t1  checkout  …om/shop/web:1.27  listens\n");
  expect(at(29)).toBe("t1  check…  …eb:1.27  listens\n");
  expect(at(27)).toBe("t1 check… …eb:1.27 listens\n");
});

test("fields without a value are left out", () => {
  const fields = [["ID", "t1"] as const, ["Ports", ""] as const, ["State", "running"] as const];
  expect(formatFields(fields)).toBe("ID      t1\nState   running\n");
});
