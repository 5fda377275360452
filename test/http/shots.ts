import type { Dice } from "./dice.ts";
import { type OpenApi, type Operation, operationsOf, type Parameter } from "./document.ts";
import { createSampler, type Known, mutate } from "./samples.ts";

/** One request, and the operation that it means. */
export type Shot = Readonly<{
  /** Undefined: a path or a verb that there is not. */
  operation: Operation | undefined;
  verb: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  body: Buffer | undefined;
}>;

type Source = Readonly<{ dice: Dice; document: OpenApi; known: Known }>;

const VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Bodies that are none. */
const HOSTILE = [
  ...["", "{", "null", "[]", '""', "0", '{"spec":{"image":"a"},"spec":{}}', "\ufeff{}"],
  ...[`${"[".repeat(20_000)}`, `{"spec":${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}}`],
].map((text) => Buffer.from(text));
const NO_UTF8 = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);

const STREAM_MS = "20";

/** Makes requests of a document: valid ones, ones with a fault or more, and ones with nothing right. */
export function createShooter({ dice, document, known }: Source): () => Shot {
  const operations = operationsOf(document);
  const sample = createSampler({ dice, document, known });

  function textOf({ name, schema }: Parameter): string[] {
    const value = sample(schema, name);
    const texts = (Array.isArray(value) ? value : [value]).map(String);
    return dice.chance(0.08)
      ? texts.map(() => dice.pick(["", "x", "-1", "1e400", "\u0000"]))
      : texts;
  }

  function urlOf({ path, parameters }: Operation): string {
    const query = new URLSearchParams();
    let filled = path;
    for (const parameter of parameters) {
      const texts = textOf(parameter);
      if (parameter.in === "path")
        filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(texts[0] || "-"));
      else if (parameter.in === "query" && dice.chance(isFence(parameter) ? 0.9 : 0.2))
        for (const text of texts) query.append(parameter.name, text);
    }
    if (dice.chance(0.04)) query.append(dice.pick(["pageSiz", "x", "", "__proto__"]), "1");
    return query.size > 0 ? `${filled}?${query}` : filled;
  }

  function bodyOf({ body }: Operation): Buffer | undefined {
    if (!body) return dice.chance(0.02) ? Buffer.from("{}") : undefined;
    if (dice.chance(0.06)) return dice.pick([...HOSTILE, NO_UTF8]);
    let value = sample(body, "");
    if (dice.chance(0.35)) for (let i = 0; i <= dice.below(3); i++) value = mutate(value, dice);
    return Buffer.from(JSON.stringify(value));
  }

  function headersOf(operation: Operation, body: Buffer | undefined): Record<string, string> {
    const isStream = operation.answers.get(200)?.["application/x-ndjson"] !== undefined;
    return {
      ...(body && { "content-type": "application/json", "content-length": String(body.length) }),
      ...(body && dice.chance(0.03) && { "content-type": dice.pick(["text/plain", "x", ""]) }),
      ...(body && dice.chance(0.02) && { "content-encoding": "gzip" }),
      ...(isStream && { "connect-timeout-ms": STREAM_MS }),
      ...(dice.chance(0.02) && { "connect-timeout-ms": dice.pick(["x", "0", "-1", "1"]) }),
      ...(dice.chance(0.4) && { accept: dice.pick(["application/x-ndjson", "*/*", "x"]) }),
      ...(dice.chance(0.02) && { origin: "http://evil.example" }),
    };
  }

  function astray(): Shot {
    const { path, verb } = dice.pick(operations);
    const filled = path.replace(/\{\w+\}/g, "x");
    const taken = operations.filter((each) => each.path === path).map((each) => each.verb);
    const others = VERBS.filter((each) => ![...taken, "HEAD", "OPTIONS"].includes(each));
    const where = dice.chance(0.5)
      ? { verb: dice.pick(others), url: filled }
      : { verb, url: dice.pick([`${filled}/`, "/%ff", `${filled}x/y/z`, "//", "/tasks/%zz"]) };
    return { operation: undefined, ...where, headers: {}, body: undefined };
  }

  return () => {
    if (dice.chance(0.05)) return astray();
    const operation = dice.pick(operations);
    const body = bodyOf(operation);
    const { verb } = operation;
    const headers = headersOf(operation, body);
    return { operation, verb, url: urlOf(operation), headers, body };
  };
}

/** Parameters without which a worker takes no word. */
const isFence = ({ name }: Parameter) => ["attempt", "epoch", "clusterId"].includes(name);
