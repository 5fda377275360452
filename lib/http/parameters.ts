import type { DescField, DescMessage } from "@bufbuild/protobuf";

/** Messages whose JSON is one text. */
const TEXTS: ReadonlySet<string> = new Set([
  "google.protobuf.Duration",
  "google.protobuf.FieldMask",
  "google.protobuf.Timestamp",
]);

/** A field of a request as a query parameter. */
export type Parameter = Readonly<{
  /** As in JSON, with dots: `filter.workerId`. */
  name: string;
  /** As in the contract: `filter.worker_id`. Understood too, as in JSON. */
  alias: string;
  /** Where the field is in the request's JSON. */
  path: readonly string[];
  field: DescField;
}>;

type Options = Readonly<{
  /** Names of the request's own fields that are elsewhere. */
  without: ReadonlySet<string>;
  /** Name of the field whose own fields stand without its name. */
  spread: string | undefined;
}>;

/** All fields of a request that a query can hold. Lists of messages it cannot. */
export function parametersOf(desc: DescMessage, { without, spread }: Options): Parameter[] {
  return desc.fields
    .filter(({ name }) => !without.has(name))
    .flatMap((field) =>
      parametersIn(field, { name: "", alias: "", path: [] }).map((parameter) =>
        field.name === spread ? withoutFirst(parameter) : parameter,
      ),
    );
}

type Place = Pick<Parameter, "name" | "alias" | "path">;

function parametersIn(field: DescField, outer: Place): Parameter[] {
  const place: Place = {
    name: `${outer.name}${outer.name && "."}${field.jsonName}`,
    alias: `${outer.alias}${outer.alias && "."}${field.name}`,
    path: [...outer.path, field.jsonName],
  };
  if (isText(field)) return [{ ...place, field }];
  // Deeper ones belong in a body.
  if (field.fieldKind !== "message" || outer.path.length > 0) return [];
  return field.message.fields.flatMap((inner) => parametersIn(inner, place));
}

/** Whether each value of the field is one text. */
function isText(field: DescField): boolean {
  const { message } = field;
  return message === undefined || TEXTS.has(message.typeName);
}

const withoutFirst = (parameter: Parameter): Parameter => ({
  ...parameter,
  name: parameter.name.replace(/^[^.]*\./, ""),
  alias: parameter.alias.replace(/^[^.]*\./, ""),
});
