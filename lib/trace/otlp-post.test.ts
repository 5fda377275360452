import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { systemClock } from "../clock.ts";
import { createOtlpPost } from "./otlp-post.ts";

let status: number | undefined;
let heard: string[];
const server = createServer((request, response) => {
  heard.push(`${request.url} ${request.headers["content-type"]} ${request.headers["x-token"]}`);
  if (status !== undefined) response.writeHead(status).end("{}");
});

let url: string;
beforeEach(async () => {
  [status, heard] = [200, []];
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const never = new AbortController().signal;
const headers = { "x-token": "secret" };

test("a body is sent as JSON, with the headers that were asked for", async () => {
  expect(await createOtlpPost({ url, headers })("{}", never)).toEqual({ kind: "accepted" });
  expect(heard).toEqual(["/v1/traces application/json secret"]);
});

test.each([
  [400, "refused"],
  [401, "refused"],
  [429, "unavailable"],
  [503, "unavailable"],
])("status %d means %s", async (answer, kind) => {
  status = answer;
  expect(await createOtlpPost({ url, headers })("{}", never)).toEqual({
    kind,
    why: `the collector answered with status ${answer}`,
  });
});

test("a collector that does not answer is left when that is asked for", async () => {
  status = undefined;
  const leaving = new AbortController();
  const result = createOtlpPost({ url, headers })("{}", leaving.signal);
  while (heard.length === 0) await systemClock.turn();
  leaving.abort();
  expect(await result).toMatchObject({ kind: "unavailable" });
});

test("a collector that is not there is told of, without the headers", async () => {
  const post = createOtlpPost({ url: "http://127.0.0.1:1/v1/traces", headers });
  const result = await post("{}", never);
  expect(result).toMatchObject({
    kind: "unavailable",
    why: expect.stringContaining("not reached"),
  });
  expect(JSON.stringify(result)).not.toContain("secret");
});
