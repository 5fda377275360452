import stringWidth from "string-width";

export type Column = Readonly<{
  title: string;
  align?: "right";
  /** For rows that are printed apart, without sight of those to come. */
  minWidth?: number;
}>;

export type TableOptions = Readonly<{
  headers: boolean;
  /** The last column is cut to fit into it. Undefined: nothing is cut. */
  width: number | undefined;
}>;

/** What stands between two cells. */
export const GAP = "   ";
const ELLIPSIS = "…";
/** A last column narrower than this says nothing: the line is left too long instead. */
const LAST_WIDTH_MIN = 12;

/** A table without borders. Cells may be coloured, except in the last column, which may be cut. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { headers, width }: TableOptions,
): string {
  const lines = headers ? [columns.map(({ title }) => title), ...rows] : rows;
  const widths = columns.map(({ minWidth = 0 }, index) =>
    Math.max(minWidth, ...lines.map((line) => stringWidth(line[index] ?? ""))),
  );
  const last = columns.length - 1;
  const taken = widths.slice(0, last).reduce((sum, each) => sum + each + GAP.length, 0);
  const room = width === undefined ? undefined : Math.max(LAST_WIDTH_MIN, width - taken);
  const formatLine = (line: readonly string[]) =>
    columns
      .map(({ align }, index) => {
        const cell = line[index] ?? "";
        return index === last && align !== "right"
          ? cut(cell, room)
          : pad(cell, widths[index] ?? 0, align);
      })
      .join(GAP)
      .trimEnd();
  return lines.map((line) => `${formatLine(line)}\n`).join("");
}

function pad(cell: string, width: number, align: "right" | undefined): string {
  const space = " ".repeat(Math.max(0, width - stringWidth(cell)));
  return align === "right" ? space + cell : cell + space;
}

/** The beginning of a text that fits into `room`, with a mark where something is missing. */
function cut(text: string, room: number | undefined): string {
  if (room === undefined || stringWidth(text) <= room) return text;
  let kept = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(kept + segment) > room - 1) break;
    kept += segment;
  }
  return kept + ELLIPSIS;
}

/** Names and values below each other, for one thing at a time. Empty values are left out. */
export function formatFields(fields: readonly (readonly [name: string, value: string])[]): string {
  const shown = fields.filter(([, value]) => value !== "");
  const width = Math.max(0, ...shown.map(([name]) => stringWidth(name)));
  return shown.map(([name, value]) => `${pad(name, width, undefined)}${GAP}${value}\n`).join("");
}
