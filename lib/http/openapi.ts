import { STATUS_CODES } from "node:http";
import type { DescField } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { type Endpoint, pathNameOf } from "./endpoint.ts";
import { httpStatusOf } from "./failure.ts";
import { failureSchema, TIMEOUT_PARAMETER } from "./openapi-parts.ts";
import { type HttpApi, hasBody, type Route } from "./route.ts";
import { type Comments, commentOn } from "./schema-comments.ts";
import { createSchemas, type Schema, type Schemas } from "./schemas.ts";

/** What every call may fail with. */
const ALWAYS = [
  Code.InvalidArgument,
  Code.ResourceExhausted,
  Code.Internal,
  Code.Unavailable,
  Code.DeadlineExceeded,
];

/** Of requests that are refused before they are calls: other origins, and bodies. */
const CROSS_ORIGIN = 403;
const BODIES = [413, 415];

type Parts = Readonly<{ schemas: Schemas; comments: Comments }>;

/** The OpenAPI 3.1 document of the endpoints. */
export function openApiOf(
  endpoints: readonly Endpoint[],
  { title, version }: Pick<HttpApi, "title" | "version">,
  comments: Comments,
): Schema {
  const parts = { schemas: createSchemas(comments), comments };
  const paths: Record<string, Schema> = {};
  for (const endpoint of endpoints) {
    const { path, verb } = endpoint.route;
    paths[path] = { ...paths[path], [verb.toLowerCase()]: operationOf(endpoint, parts) };
  }
  const statuses = new Set(endpoints.flatMap(failuresOf));
  return {
    openapi: "3.1.0",
    info: { title, version, description: DESCRIPTION },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: { ...parts.schemas.all(), Error: failureSchema },
      parameters: { timeout: TIMEOUT_PARAMETER },
      responses: Object.fromEntries([...statuses].sort().map((status) => failureResponse(status))),
    },
  };
}

const DESCRIPTION =
  "The calls of the gRPC contract as HTTP and JSON. JSON is protobuf's: fields in camelCase, 64-bit integers as " +
  "text, spans as `1.5s`, bytes as base64. Fields and parameters that do not exist are refused.";

function operationOf(endpoint: Endpoint, parts: Parts): Schema {
  const { route, pathFields, parameters, spec } = endpoint;
  const comment = commentOn(spec.method, parts.comments);
  return {
    operationId: operationIdOf(route),
    tags: [route.path.split("/")[1]],
    summary: `${comment.split(/\.(?:\s|$)/)[0]}.`,
    description: comment,
    parameters: [
      ...pathFields.map((field) => pathParameter(field, parts)),
      ...parameters.map(({ name, field }) => queryParameter(name, field, parts)),
      { $ref: "#/components/parameters/timeout" },
    ],
    ...(hasBody(route) && { requestBody: bodyOf(endpoint, parts) }),
    responses: {
      200: successOf(endpoint, parts),
      ...Object.fromEntries(
        failuresOf(endpoint).map((status) => [status, failureOrAnswer(status, endpoint, parts)]),
      ),
    },
  };
}

const operationIdOf = ({ name, method }: Route): string => name ?? method.localName;

function pathParameter(field: DescField, { schemas }: Parts): Schema {
  const { description, schema } = apart(schemas.ofField(field));
  const { items = schema } = schema as { items?: Schema };
  return { name: pathNameOf(field), in: "path", required: true, description, schema: items };
}

function queryParameter(name: string, field: DescField, { schemas }: Parts): Schema {
  const { description, schema } = apart(schemas.ofField(field));
  if (field.fieldKind !== "map") return { name, in: "query", description, schema };
  const items = { type: "string", pattern: "^[^=]*=.*$" };
  return {
    name,
    in: "query",
    description: `${description} Each as KEY=VALUE.`,
    schema: { type: "array", items },
  };
}

/** A parameter is described itself, not its schema. */
const apart = ({ description, ...schema }: Schema) => ({ description, schema });

function bodyOf({ route, pathFields }: Endpoint, { schemas }: Parts): Schema {
  const { input } = route.method;
  const names = new Set(pathFields.map(({ name }) => name));
  const alone = schemas.without(input, names);
  const schema = names.size === 0 ? schemas.of(input) : alone;
  return { required: "required" in alone, content: { "application/json": { schema } } };
}

function successOf({ route, spec }: Endpoint, { schemas }: Parts): Schema {
  const schema = schemas.of(spec.method.output);
  if (spec.kind === "unary")
    return { description: "The answer.", content: { "application/json": { schema } } };
  const error = { type: "object", properties: { error: ERROR }, required: ["error"] };
  const line = { description: "A line each.", anyOf: [schema, error] };
  const text = { schema: { type: "string", description: "The bytes as they are." } };
  return {
    description:
      "A stream. One that fails later than at once ends with a line that has `error`; as text, it breaks off.",
    content: {
      ...(route.text && { "text/plain": text }),
      "application/x-ndjson": { schema: line },
    },
  };
}

function failuresOf({ route }: Endpoint): number[] {
  const codes = [...ALWAYS, ...(route.errors ?? [])];
  const statuses = [
    ...codes.map(httpStatusOf),
    ...(route.verb === "GET" ? [] : [CROSS_ORIGIN]),
    ...(hasBody(route) ? BODIES : []),
  ];
  return [...new Set(statuses)].sort((a, b) => a - b);
}

const UNAVAILABLE = httpStatusOf(Code.Unavailable);

const ERROR = { $ref: "#/components/schemas/Error" };

function failureOrAnswer(status: number, { route, spec }: Endpoint, { schemas }: Parts): Schema {
  if (status !== UNAVAILABLE || !route.isAvailable)
    return { $ref: `#/components/responses/${responseName(status)}` };
  const schema = { anyOf: [schemas.of(spec.method.output), ERROR] };
  return {
    description: "What is asked about cannot be used now.",
    content: { "application/json": { schema } },
  };
}

const failureResponse = (status: number): [string, Schema] => [
  responseName(status),
  {
    description: `${STATUS_CODES[status]}.`,
    content: { "application/json": { schema: ERROR } },
  },
];

const responseName = (status: number): string => (STATUS_CODES[status] ?? "").replace(/\W/g, "");
