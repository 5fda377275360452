/** As much of JSON Schema as the documents use. */
export type Schema = Readonly<{
  $ref?: string;
  type?: string;
  enum?: readonly string[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  format?: string;
  contentEncoding?: string;
  examples?: readonly string[];
}>;

export type Parameter = Readonly<{
  $ref?: string;
  name: string;
  in: "path" | "query" | "header";
  schema: Schema;
}>;

type Content = Readonly<Record<string, Readonly<{ schema: Schema }>>>;
export type Answer = Readonly<{ $ref?: string; content: Content }>;

type Described = Readonly<{
  operationId: string;
  parameters: readonly Parameter[];
  requestBody?: Readonly<{ content: Content }>;
  responses: Readonly<Record<string, Answer>>;
}>;

export type OpenApi = Readonly<{
  paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  components: object;
}>;

/** An operation with its parameters and answers in place of references to them. */
export type Operation = Readonly<{
  id: string;
  verb: string;
  path: string;
  parameters: readonly Parameter[];
  body: Schema | undefined;
  answers: ReadonlyMap<number, Content>;
}>;

/** The thing itself, where it is referred to. */
export function resolve<T extends Readonly<{ $ref?: string }>>(thing: T, document: OpenApi): T {
  if (thing.$ref === undefined) return thing;
  const keys = thing.$ref.slice(2).split("/");
  const found = keys.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document);
  return resolve(found as T, document);
}

export const operationsOf = (document: OpenApi): Operation[] =>
  Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, described]) => ({
      id: described.operationId,
      verb: verb.toUpperCase(),
      path,
      parameters: described.parameters.map((parameter) => resolve(parameter, document)),
      body: described.requestBody?.content["application/json"]?.schema,
      answers: new Map(
        Object.entries(described.responses).map(([status, answer]) => [
          Number(status),
          resolve(answer, document).content,
        ]),
      ),
    })),
  );
