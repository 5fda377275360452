import { stripVTControlCharacters } from "node:util";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Terminal } from "../terminal.ts";
import { formatDocument, formatStreamed, jsonOf } from "./document.ts";
import type { OutputFlags } from "./output-flags.ts";
import { type Column, formatTable } from "./table.ts";
import { formatTemplate, readTemplate } from "./template.ts";

/** How things of one kind are listed. */
export type Listing<D extends DescMessage> = Readonly<{
  schema: D;
  nameOf: (item: MessageShape<D>) => string;
  columns: readonly ListingColumn<D>[];
}>;

type ListingColumn<D extends DescMessage> = Column &
  Readonly<{
    /** Shown only by `-o wide`, or only without it. Absent: by both. */
    only?: "wide" | "narrow";
    cell: (item: MessageShape<D>) => string;
  }>;

/** All items at once, in the format that the user chose. */
export async function formatListing<D extends DescMessage>(
  listing: Listing<D>,
  items: readonly MessageShape<D>[],
  flags: OutputFlags,
  terminal: Terminal,
): Promise<string> {
  if (flags.format !== undefined) return formatCells(listing, items, flags.format);
  switch (flags.output) {
    case "json":
    case "yaml":
      return formatDocument(
        flags.output,
        items.map((item) => jsonOf(listing.schema, item)),
      );
    case "name":
      return items.map((item) => `${listing.nameOf(item)}\n`).join("");
    default:
      return formatRows(asNeeded(listing), items, flags, terminal);
  }
}

/**
 * Items as they come, in a stream that does not end. Columns keep to their least
 * width, so that rows printed apart stand in line; titles come with the first.
 */
export async function formatStream<D extends DescMessage>(
  listing: Listing<D>,
  items: readonly MessageShape<D>[],
  { flags, terminal, isFirst }: Streaming,
): Promise<string> {
  const { output, format } = flags;
  if (format !== undefined) return formatCells(listing, items, format);
  if (output === "json" || output === "yaml") {
    const documents = items.map((item) => formatStreamed(output, jsonOf(listing.schema, item)));
    return (await Promise.all(documents)).join("");
  }
  if (output === "name") return formatListing(listing, items, flags, terminal);
  const columns = listing.columns.map(({ minWidth = 0, ...column }) => ({
    ...column,
    minWidth: Math.max(minWidth, column.title.length),
  }));
  const headers = flags.headers && isFirst;
  return formatRows({ ...listing, columns }, items, { ...flags, headers }, terminal);
}

/** The template of the flags, if there is one. Throws a usage error if it cannot be filled. */
export function checkFormat<D extends DescMessage>(
  listing: Listing<D>,
  { format }: OutputFlags,
): void {
  if (format !== undefined) readTemplate(format, offerOf(listing));
}

const offerOf = <D extends DescMessage>({ columns, schema }: Listing<D>) => ({
  titles: [...new Set(columns.map(({ title }) => title))],
  desc: schema,
});

/** Of two columns with one title the one of `-o wide` says more. */
function formatCells<D extends DescMessage>(
  listing: Listing<D>,
  items: readonly MessageShape<D>[],
  format: string,
): string {
  const columns = listing.columns.toSorted(
    (a, b) => Number(a.only === "wide") - Number(b.only === "wide"),
  );
  const things = items.map((item) => ({
    cells: Object.fromEntries(
      columns.map(({ title, cell }) => [title, stripVTControlCharacters(cell(item))]),
    ),
    json: jsonOf(listing.schema, item),
  }));
  return formatTemplate(readTemplate(format, offerOf(listing)), things);
}

type Streaming = Readonly<{ flags: OutputFlags; terminal: Terminal; isFirst: boolean }>;

function formatRows<D extends DescMessage>(
  { columns }: Listing<D>,
  items: readonly MessageShape<D>[],
  { output, headers, trunc }: OutputFlags,
  { isTty, columns: width }: Terminal,
): string {
  const hidden = output === "wide" ? "narrow" : "wide";
  const shown = columns.filter(({ only }) => only !== hidden);
  const rows = items.map((item) => shown.map(({ cell }) => cell(item)));
  return formatTable(shown, rows, { headers, width: isTty && trunc ? width : undefined });
}

/** In a table that is printed whole every column is as wide as it must be. */
const asNeeded = <D extends DescMessage>(listing: Listing<D>): Listing<D> => ({
  ...listing,
  columns: listing.columns.map(({ minWidth: _, ...column }) => column),
});
