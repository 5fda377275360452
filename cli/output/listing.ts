import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Terminal } from "../terminal.ts";
import { formatDocument, formatStreamed, jsonOf } from "./document.ts";
import type { OutputFlags } from "./output-flags.ts";
import { type Column, formatTable } from "./table.ts";

/** How things of one kind are listed. */
export type Listing<D extends DescMessage> = Readonly<{
  schema: D;
  nameOf: (item: MessageShape<D>) => string;
  columns: readonly ListingColumn<D>[];
}>;

type ListingColumn<D extends DescMessage> = Column &
  Readonly<{
    /** Shown only by `-o wide`. */
    wide?: true;
    cell: (item: MessageShape<D>) => string;
  }>;

/** All items at once, in the format that the user chose. */
export function formatListing<D extends DescMessage>(
  listing: Listing<D>,
  items: readonly MessageShape<D>[],
  flags: OutputFlags,
  terminal: Terminal,
): string {
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
      return formatRows(listing, items, flags, terminal);
  }
}

/** Items that come one by one, after a table or instead of one. */
export function formatNext<D extends DescMessage>(
  listing: Listing<D>,
  items: readonly MessageShape<D>[],
  flags: OutputFlags,
  terminal: Terminal,
): string {
  const { output } = flags;
  return output === "json" || output === "yaml"
    ? items.map((item) => formatStreamed(output, jsonOf(listing.schema, item))).join("")
    : formatListing(listing, items, { ...flags, headers: false }, terminal);
}

function formatRows<D extends DescMessage>(
  { columns }: Listing<D>,
  items: readonly MessageShape<D>[],
  { output, headers, trunc }: OutputFlags,
  { isTty, columns: width }: Terminal,
): string {
  const shown = columns.filter(({ wide }) => !wide || output === "wide");
  const rows = items.map((item) => shown.map(({ cell }) => cell(item)));
  return formatTable(shown, rows, { headers, width: isTty && trunc ? width : undefined });
}
