import { type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import type { Interceptor, MethodImplSpec } from "@connectrpc/connect";
import { assert } from "../assert.ts";
import { invalidFields } from "../errors.ts";
import type { Serving } from "../rpc/serving.ts";
import { decode } from "./decode.ts";
import { type Parameter, parametersOf } from "./parameters.ts";
import { readQuery } from "./query.ts";
import { hasBody, type Route } from "./route.ts";

/** A route with its handler. */
export type Endpoint = Readonly<{
  route: Route;
  spec: MethodImplSpec;
  interceptors: Interceptor[];
  /** The fields that the path names, in its order. */
  pathFields: readonly DescField[];
  parameters: readonly Parameter[];
}>;

/** The route over what `serving` serves. One that names what is not there is a bug. */
export function endpointOf(route: Route, { services }: Serving): Endpoint {
  const { method, path, spread } = route;
  const served = services.find(({ mount }) => mount.service === method.parent);
  const spec = served?.mount.methods[method.localName];
  assert(served && spec, `${method.parent.typeName}/${method.name} of ${path} is not served`);
  const pathFields = pathFieldsOf(path, method.input);
  const without = new Set(pathFields.map(({ name }) => name));
  const parameters = hasBody(route) ? [] : parametersOf(method.input, { without, spread });
  return { route, spec, interceptors: served.interceptors, pathFields, parameters };
}

function pathFieldsOf(path: string, input: DescMessage): DescField[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  return names.map((name) => {
    const field = input.fields.find((each) => pathNameOf(each) === name);
    assert(field?.scalar === ScalarType.STRING, `${path}: ${input.typeName} has no text ${name}`);
    return field;
  });
}

/** What a path calls a field: of a list of texts one, as in `{taskId}` for `task_ids`. */
export const pathNameOf = ({ fieldKind, jsonName }: DescField): string =>
  fieldKind === "list" ? jsonName.replace(/s$/, "") : jsonName;

/** What a request is made of. `texts` are those of the path. */
export type Asked = Readonly<{ texts: readonly string[]; search: string; body: string }>;

/** The request of the call. Throws INVALID_ARGUMENT that names every field at fault. */
export function requestOf(endpoint: Endpoint, { texts, search, body }: Asked): Message {
  const { spec, pathFields, parameters, route } = endpoint;
  const query = readQuery(search, parameters);
  if (query.violations.length > 0) throw invalidFields(query.violations);
  const prefix = `${route.spread}.`;
  const nameOf = (field: string) => (field.startsWith(prefix) ? field.slice(prefix.length) : field);
  const message = hasBody(route)
    ? decode(spec.method.input, body)
    : decode(spec.method.input, JSON.stringify(query.json), nameOf);
  const fields = message as unknown as Record<string, unknown>;
  for (const [i, field] of pathFields.entries()) {
    const { localName, jsonName } = field;
    if (String(fields[localName]) !== "")
      throw invalidFields([{ field: jsonName, description: "is in the path: leave it out here" }]);
    const text = texts[i] ?? "";
    fields[localName] = field.fieldKind === "list" ? [text] : text;
  }
  return message;
}
