import { Script } from "node:vm";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Validator } from "@seriousme/openapi-schema-validator";
import { type HttpCluster, startHttpCluster } from "./cluster.ts";

// Real sockets, on machines that may be busy; nothing here waits for time to pass.
jest.setTimeout(60_000);

type Operation = Readonly<{ operationId: string; summary: string; description: string }>;
type Document = Readonly<{
  paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  components: Readonly<{
    schemas: Readonly<Record<string, Readonly<{ required?: string[]; properties: object }>>>;
  }>;
}>;

let cluster: HttpCluster;
beforeAll(async () => {
  cluster = await startHttpCluster();
});
afterAll(() => cluster.close());

const documentOf = async (url: string): Promise<Document> =>
  (await (await fetch(`${url}/openapi.json`)).json()) as Document;

describe.each(["manager", "worker"] as const)("the document of a %s", (service) => {
  let document: Document;
  beforeAll(async () => {
    document = await documentOf(cluster.urls[service]);
  });
  const operations = () => Object.values(document.paths).flatMap((verbs) => Object.values(verbs));

  test("is one of OpenAPI 3.1, by its own schema", async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(document));
    expect([valid, errors, validator.version]).toEqual([true, undefined, "3.1"]);
  });

  test("names and explains every operation and every field", () => {
    const names = operations().map(({ operationId }) => operationId);
    expect(new Set(names).size).toBe(names.length);
    expect(operations().filter(({ summary, description }) => !summary || !description)).toEqual([]);
    const bare = Object.entries(document.components.schemas).flatMap(([name, { properties }]) =>
      Object.entries(properties ?? {})
        .filter(([, schema]) => !schema.description)
        .map(([field]) => `${name}.${field}`),
    );
    // Berth's own; the health service is gRPC's.
    expect(bare.filter((name) => !name.startsWith("HealthCheck"))).toEqual([]);
  });

  test("speaks of fields as JSON has them", () => {
    const inSnakeCase = new Set(JSON.stringify(document).match(/`[a-z]+_[a-z_]+`/g));
    // The code of an error, not a field.
    expect([...inSnakeCase]).toEqual(["`not_found`"]);
  });
});

test("the manager's document says what must be there", async () => {
  const { SubmitTaskRequest, TaskSpec } = (await documentOf(cluster.urls.manager)).components
    .schemas;
  expect([SubmitTaskRequest?.required, TaskSpec?.required]).toEqual([["spec"], ["image"]]);
});

describe("the page to try it", () => {
  test("needs nothing from elsewhere and runs nothing inline", async () => {
    const page = await fetch(`${cluster.urls.manager}/api`);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    const html = await page.text();
    const links = [...html.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, link]) => link);
    expect(links).toEqual(["/api/page.css", "/openapi.json", "/api/page.js"]);
    const statuses = links.map(async (link) => (await fetch(cluster.urls.manager + link)).status);
    expect(await Promise.all(statuses)).toEqual([200, 200, 200]);
    expect(html).not.toMatch(/<script>|<style|\son[a-z]+=/);
  });

  test("has a script that parses", async () => {
    const answer = await fetch(`${cluster.urls.manager}/api/page.js`);
    expect(answer.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    const script = await answer.text();
    expect(() => new Script(`(async () => {${script}})`)).not.toThrow();
  });
});
