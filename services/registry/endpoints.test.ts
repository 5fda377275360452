import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Endpoint, EndpointSchema } from "../../gen/berth/v1/endpoint_pb.ts";
import { createEndpoints } from "./endpoints.ts";

const endpointOf = (name: string, taskId: string, attempt = 1, port = 80): Endpoint =>
  create(EndpointSchema, { name, taskId, attempt, host: "10.0.0.1", port });
const outline = (endpoints: readonly Endpoint[]) =>
  endpoints.map(({ taskId, attempt, port }) => `${taskId}.${attempt}:${port}`);

test("orders by task, attempt and port, whichever worker serves them", () => {
  const endpoints = createEndpoints();
  endpoints.replace("w1", [endpointOf("web", "t2"), endpointOf("web", "t1", 2, 443)]);
  endpoints.replace("w2", [endpointOf("web", "t1", 10), endpointOf("web", "t1", 2, 80)]);
  expect(outline(endpoints.resolve("web"))).toEqual(["t1.2:80", "t1.2:443", "t1.10:80", "t2.1:80"]);
});

test("forgets what a worker no longer serves", () => {
  const endpoints = createEndpoints();
  endpoints.replace("w1", [endpointOf("web", "t1"), endpointOf("db", "t2")]);
  endpoints.replace("w2", [endpointOf("web", "t3")]);
  endpoints.replace("w1", [endpointOf("db", "t2")]);
  expect(outline(endpoints.resolve("web"))).toEqual(["t3.1:80"]);
  endpoints.remove("w1");
  expect(endpoints.resolve("db")).toEqual([]);
});

test("resolves what the workers said last, after any sequence of words", () => {
  const name = fc.constantFrom("a", "b");
  const served = fc.array(
    fc.tuple(name, fc.constantFrom("t1", "t2"), fc.integer({ min: 1, max: 3 })),
  );
  const word = fc.tuple(fc.constantFrom("w1", "w2", "w3"), fc.option(served, { nil: undefined }));
  fc.assert(
    fc.property(fc.array(word), (words) => {
      const endpoints = createEndpoints();
      const latest = new Map<string, Endpoint[]>();
      for (const [workerId, list] of words) {
        const said = (list ?? []).map(([text, task, attempt]) => endpointOf(text, task, attempt));
        if (list) endpoints.replace(workerId, said);
        else endpoints.remove(workerId);
        latest.set(workerId, said);
      }
      for (const text of ["a", "b"]) {
        const expected = [...latest.values()].flat().filter((endpoint) => endpoint.name === text);
        expect(outline(endpoints.resolve(text)).sort()).toEqual(outline(expected).sort());
      }
    }),
  );
});
