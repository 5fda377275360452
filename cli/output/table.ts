import stringWidth from "string-width";

export type Column = Readonly<{
  title: string;
  align?: "right";
  /** For rows that are printed apart, without sight of those to come. */
  minWidth?: number;
  /** Its cells, which have no colour, are cut where the screen is too narrow, but not below this. */
  elastic?: number;
  /** Which part of a cell is kept that is cut: the beginning unless it says `end`. */
  keep?: "end";
}>;

export type TableOptions = Readonly<{
  headers: boolean;
  /** The last column and elastic ones are cut to fit into it. Undefined: nothing is cut. */
  width: number | undefined;
}>;

/** What stands between two cells. */
export const GAP = "   ";
/** As much where there is little room; less where there is none. */
const GAP_NARROW = 2;
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
  const natural = columns.map(({ minWidth = 0 }, index) =>
    Math.max(minWidth, ...lines.map((line) => stringWidth(line[index] ?? ""))),
  );
  const { widths, gap } = fitted(columns, natural, width);
  const last = columns.length - 1;
  const taken = widths.slice(0, last).reduce((sum, each) => sum + each + gap, 0);
  const room = width === undefined ? undefined : Math.max(LAST_WIDTH_MIN, width - taken);
  const formatLine = (line: readonly string[]) =>
    columns
      .map(({ align, elastic, keep }, index) => {
        const cell = line[index] ?? "";
        if (index === last && align !== "right") return cut(cell, room);
        const least = widths[index] ?? 0;
        return pad(elastic === undefined ? cell : cut(cell, least, keep), least, align);
      })
      .join(" ".repeat(gap))
      .trimEnd();
  return lines.map((line) => `${formatLine(line)}\n`).join("");
}

type Fit = Readonly<{ widths: readonly number[]; gap: number }>;

/**
 * As wide as the columns are where that fits, else with less between them and elastic ones cut, the
 * widest first.
 */
function fitted(
  columns: readonly Column[],
  natural: readonly number[],
  width = Number.POSITIVE_INFINITY,
): Fit {
  const widths = [...natural];
  const last = columns.length - 1;
  const overhang = (gap: number): number => {
    const tail = Math.min(LAST_WIDTH_MIN, natural[last] ?? 0);
    return widths.slice(0, last).reduce((sum, each) => sum + each + gap, tail) - width;
  };
  if (overhang(GAP.length) <= 0) return { widths, gap: GAP.length };
  for (let excess = overhang(GAP_NARROW); excess > 0; excess--) {
    const widest = widestElastic(columns, widths);
    if (widest === undefined) return { widths, gap: 1 };
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return { widths, gap: GAP_NARROW };
}

/** The widest of the columns that can still be cut, the last apart: that takes what is left. */
function widestElastic(columns: readonly Column[], widths: readonly number[]): number | undefined {
  const slack = columns.slice(0, -1).flatMap(({ elastic }, index) => {
    const isWide = elastic !== undefined && (widths[index] ?? 0) > elastic;
    return isWide ? [{ index, width: widths[index] ?? 0 }] : [];
  });
  return slack.toSorted((a, b) => b.width - a.width)[0]?.index;
}

function pad(cell: string, width: number, align: "right" | undefined): string {
  const space = " ".repeat(Math.max(0, width - stringWidth(cell)));
  return align === "right" ? space + cell : cell + space;
}

/** The part of a text that fits into `room`, with a mark where something is missing. */
function cut(text: string, room: number | undefined, keep?: "end"): string {
  if (room === undefined || stringWidth(text) <= room) return text;
  const segments = [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
  const isEnd = keep === "end";
  let kept = "";
  for (const segment of isEnd ? segments.toReversed() : segments) {
    const longer = isEnd ? segment + kept : kept + segment;
    if (stringWidth(longer) > room - 1) break;
    kept = longer;
  }
  return isEnd ? ELLIPSIS + kept : kept + ELLIPSIS;
}

/** Names and values below each other, for one thing at a time. Empty values are left out. */
export function formatFields(fields: readonly (readonly [name: string, value: string])[]): string {
  const shown = fields.filter(([, value]) => value !== "");
  const width = Math.max(0, ...shown.map(([name]) => stringWidth(name)));
  return shown.map(([name, value]) => `${pad(name, width, undefined)}${GAP}${value}\n`).join("");
}
