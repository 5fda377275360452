import { type DescMessage, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";

/** Protobuf's own JSON, with every field that has a default present, so that scripts find it. */
export const jsonOf = <D extends DescMessage>(schema: D, message: MessageShape<D>): JsonValue =>
  toJson(schema, message, { alwaysEmitImplicit: true });

export type DocumentFormat = "json" | "yaml";

/** One document a person can read and a program can parse. */
export const formatDocument = async (format: DocumentFormat, value: JsonValue): Promise<string> =>
  format === "json" ? `${JSON.stringify(value, undefined, 2)}\n` : toYaml(value);

/** One of many documents in a stream that does not end: a line of JSON, or a YAML document. */
export const formatStreamed = async (format: DocumentFormat, value: JsonValue): Promise<string> =>
  format === "json" ? `${JSON.stringify(value)}\n` : `---\n${await toYaml(value)}`;

async function toYaml(value: JsonValue): Promise<string> {
  const { stringify } = await import("../yaml.ts");
  return stringify(value);
}
