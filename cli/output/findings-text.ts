import type { Examination, Finding, FindingStatus } from "../doctor/finding.ts";
import type { Colors, Paint } from "./colors.ts";
import { wrapText } from "./wrap.ts";

const TITLES = { machine: "This machine", cluster: "The cluster" } as const;

/** Narrower, text cannot be read. */
const WORDS_WIDTH_MIN = 30;

/** What was found, to be read whole: lines are broken, never cut. */
export function formatFindings(
  examinations: readonly Examination[],
  { colors, width }: Readonly<{ colors: Colors; width: number }>,
): string {
  const all = examinations.flatMap(({ findings }) => findings);
  const checkWidth = Math.max(0, ...all.map(({ check }) => check.length));
  const parts = examinations.map(({ part, findings }) => {
    const lines = findings.flatMap((finding) => linesOf(finding, { colors, width, checkWidth }));
    return [TITLES[part], ...lines, ""].map((line) => `${line.trimEnd()}\n`).join("");
  });
  return `${parts.join("")}${summaryOf(all)}\n`;
}

type Layout = Readonly<{ colors: Colors; width: number; checkWidth: number }>;

const STATUS_WIDTH = "problem".length;

function linesOf(
  { check, status, words, remedy }: Finding,
  { colors, width, checkWidth }: Layout,
): readonly string[] {
  const indent = " ".repeat(2 + STATUS_WIDTH + 2 + checkWidth + 2);
  const room = Math.max(WORDS_WIDTH_MIN, width - indent.length);
  const [first = "", ...more] = wrapText(words, room);
  const head = `  ${paintOf(status, colors)(status.padEnd(STATUS_WIDTH))}  ${check.padEnd(checkWidth)}  `;
  const advice = remedy === "" ? [] : wrapText(`-> ${remedy}`, room);
  return [head + first, ...[...more, ...advice].map((line) => indent + line)];
}

function paintOf(status: FindingStatus, { good, moving, bad, quiet }: Colors): Paint {
  return { ok: good, warning: moving, problem: bad, skipped: quiet }[status];
}

function summaryOf(findings: readonly Finding[]): string {
  const count = (status: FindingStatus) =>
    findings.filter((finding) => finding.status === status).length;
  const plural = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  return `${plural(findings.length, "check")}: ${plural(count("problem"), "problem")}, ${plural(count("warning"), "warning")}`;
}
