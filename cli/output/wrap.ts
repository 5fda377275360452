import stringWidth from "string-width";
import { type Column, formatTable, GAP } from "./table.ts";

/** A last column narrower than this cannot be read: lines are left too long instead. */
const LAST_WIDTH_MIN = 20;

/** A text in lines of at most `width` columns, broken at spaces, and within words that are longer. */
export function wrapText(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((each) => pieces(each, width))) {
    if (line !== "" && stringWidth(`${line} ${word}`) > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** A word in parts that fit into a line. */
function pieces(word: string, width: number): readonly string[] {
  if (stringWidth(word) <= width) return [word];
  const parts: string[] = [];
  let part = "";
  for (const { segment } of new Intl.Segmenter().segment(word)) {
    if (part !== "" && stringWidth(part + segment) > width) {
      parts.push(part);
      part = "";
    }
    part += segment;
  }
  return [...parts, part];
}

/**
 * A table for what must be read whole: a last cell that does not fit goes on in further lines. It
 * may have several of its own.
 */
export function formatWrapped(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { headers, width }: Readonly<{ headers: boolean; width: number }>,
): string {
  const last = columns.length - 1;
  const shown = headers ? [columns.map(({ title }) => title), ...rows] : rows;
  const widthOf = (index: number) =>
    Math.max(0, ...shown.map((row) => stringWidth(row[index] ?? "")));
  const taken = columns
    .slice(0, last)
    .reduce((sum, _, index) => sum + widthOf(index) + GAP.length, 0);
  const room = Math.max(LAST_WIDTH_MIN, width - taken);
  const lines = rows.flatMap((row) => {
    const wrapped = (row[last] ?? "").split("\n").flatMap((line) => wrapText(line, room));
    return wrapped.map((line, index) => [
      ...columns.slice(0, last).map((_, column) => (index === 0 ? (row[column] ?? "") : "")),
      line,
    ]);
  });
  return formatTable(columns, lines, { headers, width: undefined });
}
