import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { OpenApi, Operation, Schema } from "./document.ts";
import type { Shot } from "./shots.ts";

export type Heard = Readonly<{
  status: number;
  headers: Readonly<Record<string, string | undefined>>;
  text: string;
  /** Whether the answer broke off. */
  isCut: boolean;
}>;

/** Says what is wrong with an answer by the document; undefined when nothing is. */
export type Judge = (shot: Shot, heard: Heard) => string | undefined;

export function createJudge(document: OpenApi): Judge {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const known = new Map<Schema, ValidateFunction>();

  function against(schema: Schema, json: unknown): string | undefined {
    const validate =
      known.get(schema) ?? ajv.compile({ ...schema, components: document.components });
    known.set(schema, validate);
    return validate(json) ? undefined : ajv.errorsText(validate.errors).slice(0, 500);
  }

  function body({ answers }: Operation, { status, headers, text, isCut }: Heard) {
    const [type = ""] = (headers["content-type"] ?? "").split(";");
    const content = answers.get(status)?.[type];
    if (!content) return `${status} has undocumented type ${type}`;
    if (type === "text/plain") return undefined;
    if (isCut) return `${status} broke off`;
    const documents = type === "application/json" ? [text] : text.split("\n").filter(Boolean);
    for (const each of documents) {
      const problem = against(content.schema, JSON.parse(each));
      if (problem) return `${status} is not as documented: ${problem}`;
    }
    return undefined;
  }

  return ({ operation }, heard) => {
    const { status, headers } = heard;
    if (status === 500) return "500";
    if (!operation) {
      if (status === 405) return headers["allow"] ? undefined : "405 without allow";
      return status === 404 ? undefined : `${status} astray`;
    }
    return operation.answers.has(status) ? body(operation, heard) : `undocumented ${status}`;
  };
}
