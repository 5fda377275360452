import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { toTimestamp } from "../../core/time.ts";
import {
  formatAge,
  formatCpus,
  formatLabels,
  formatSince,
  formatSize,
  formatTime,
  oneLine,
  shortImage,
} from "./format.ts";

test.each([
  [0n, "0 B"],
  [1023n, "1023 B"],
  [1024n, "1 KiB"],
  [536_870_912n, "512 MiB"],
  [1_610_612_736n, "1.5 GiB"],
  [107_374_182_400n, "100 GiB"],
])("%s bytes are %s", (bytes, text) => expect(formatSize(bytes)).toBe(text));

test.each([
  [-5, "0s"],
  [59_999, "59s"],
  [60_000, "1m"],
  [3_599_999, "59m"],
  [47 * 3_600_000, "47h"],
  [48 * 3_600_000, "2d"],
])("%i ms are %s", (ms, text) => expect(formatAge(ms)).toBe(text));

test("what never was has a dash", () => {
  expect(formatSince(undefined, 0)).toBe("-");
  expect(formatTime(undefined)).toBe("-");
});

test("times are told in UTC to the millisecond", () => {
  expect(formatTime(toTimestamp(Date.UTC(2026, 0, 31, 12, 0, 0, 7)))).toBe(
    "2026-01-31T12:00:00.007Z",
  );
});

test("CPUs are told without needless zeros", () => {
  expect([2000n, 500n, 125n].map(formatCpus)).toEqual(["2", "0.5", "0.125"]);
});

test("labels are sorted, and a flag has no equals sign", () => {
  expect(formatLabels({ zone: "a", gpu: "" })).toBe("gpu,zone=a");
});

test("a digest is cut as people quote it, a tag is not", () => {
  const digest = "0123456789abcdef".repeat(4);
  expect(shortImage(`nginx@sha256:${digest}`)).toBe("nginx@sha256:0123456789ab");
  expect(shortImage("nginx:1.27")).toBe("nginx:1.27");
});

test("text from a container cannot drive the terminal", () => {
  expect(oneLine("\u001b]0;owned\u0007first\n\u001b[31msecond\r\n")).toBe("first second");
  const codes = fc.array(fc.integer({ min: 0, max: 0x2fff }));
  fc.assert(
    fc.property(codes, (points) => {
      const text = String.fromCodePoint(...points);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested
      expect(oneLine(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }),
  );
});
