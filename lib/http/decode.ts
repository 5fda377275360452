import { type DescMessage, fromJsonString, type JsonValue, type Message } from "@bufbuild/protobuf";
import { invalidFields } from "../errors.ts";
import { violationsIn } from "./json-violations.ts";

/**
 * A message from protobuf's JSON. Throws INVALID_ARGUMENT that names every field at fault, as
 * `nameOf` has it.
 */
export function decode(
  desc: DescMessage,
  text: string,
  nameOf: (field: string) => string = (field) => field,
): Message {
  try {
    return fromJsonString(desc, text);
  } catch (error) {
    const json = parsed(text);
    if (json === undefined) throw invalidFields([{ field: "body", description: noJson(text) }]);
    const violations = violationsIn(desc, json, error);
    throw invalidFields(
      violations.map(({ field, description }) => ({ field: nameOf(field), description })),
    );
  }
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** In the words of the parser, which quotes what it stumbled over. */
function noJson(text: string): string {
  try {
    JSON.parse(text);
    return "is no JSON";
  } catch (error) {
    return `is no JSON: ${(error as Error).message.replace(/\s+/g, " ").slice(0, 200)}`;
  }
}
