import { type DescMessage, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";
import { stringify } from "yaml";

/** Protobuf's own JSON, with every field that has a default present, so that scripts find it. */
export const jsonOf = <D extends DescMessage>(schema: D, message: MessageShape<D>): JsonValue =>
  toJson(schema, message, { alwaysEmitImplicit: true });

/** One document a person can read and a program can parse. */
export const formatDocument = (format: "json" | "yaml", value: JsonValue): string =>
  format === "json" ? `${JSON.stringify(value, undefined, 2)}\n` : stringify(value);

/** One of many documents in a stream that does not end: a line of JSON, or a YAML document. */
export const formatStreamed = (format: "json" | "yaml", value: JsonValue): string =>
  format === "json" ? `${JSON.stringify(value)}\n` : `---\n${stringify(value)}`;
