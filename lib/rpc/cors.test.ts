import { describe, expect, test } from "@jest/globals";
import { createHttpRig } from "../http/testing/rig.ts";
import { SAY } from "./testing/rig.ts";

const { start } = createHttpRig();

const FRIEND = "https://ui.example:8443";
const corsOrigins = [FRIEND];

const preflight = (origin: string) => ({
  origin,
  "access-control-request-method": "POST",
  "access-control-request-headers": "content-type,connect-protocol-version,connect-timeout-ms",
});

describe("a page of an origin that is allowed", () => {
  test.each([SAY, "/say", "/say/hi"])("is told beforehand that it may call %s", async (path) => {
    const { ask } = await start(undefined, { corsOrigins });
    const { status, headers } = await ask("OPTIONS", path, undefined, preflight(FRIEND));
    expect([status, headers.get("access-control-allow-origin")]).toEqual([204, FRIEND]);
    const allowed = headers.get("access-control-allow-headers")?.toLowerCase().split(", ");
    for (const name of ["content-type", "connect-protocol-version", "connect-timeout-ms"])
      expect(allowed).toContain(name);
    expect(headers.get("access-control-allow-methods")).toContain("POST");
  });

  test.each([SAY, "/say"])("calls %s and may read the answer", async (path) => {
    const { ask } = await start(undefined, { corsOrigins });
    const answer = await ask("POST", path, '{"text":"hi"}', { origin: FRIEND });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ text: "hi" });
    expect(answer.headers.get("access-control-allow-origin")).toBe(FRIEND);
    expect(answer.headers.get("access-control-expose-headers")).toContain("berth-stale-ms");
    expect(answer.headers.get("vary")).toContain("origin");
  });

  test("may read why it was refused", async () => {
    const { ask } = await start(undefined, { corsOrigins });
    const answer = await ask("POST", SAY, '{"txet":1}', { origin: FRIEND });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([
      400,
      FRIEND,
    ]);
  });
});

describe("a page of another origin", () => {
  test.each([
    "https://evil.example",
    "https://ui.example",
    "http://ui.example:8443",
    `${FRIEND}.evil.example`,
    "null",
  ])("such as %s is allowed nothing", async (origin) => {
    const { ask } = await start(undefined, { corsOrigins });
    const asked = await ask("OPTIONS", SAY, undefined, preflight(origin));
    const read = await ask("GET", "/say?text=a", undefined, { origin });
    for (const { headers } of [asked, read])
      expect(headers.get("access-control-allow-origin")).toBeNull();
    expect((await ask("POST", "/say", '{"text":"hi"}', { origin })).status).toBe(403);
  });

  test("is allowed nothing where no origin was named, and answers are as before", async () => {
    const { ask } = await start();
    const answer = await ask("GET", "/say?text=a", undefined, { origin: FRIEND });
    expect([answer.headers.get("access-control-allow-origin"), answer.headers.get("vary")]).toEqual(
      [null, null],
    );
  });
});

test("OPTIONS that is no browser's question tells what a path takes, as before", async () => {
  const { ask } = await start(undefined, { corsOrigins });
  const { headers } = await ask("OPTIONS", "/say", undefined, { origin: FRIEND });
  expect(headers.get("allow")).toBe("GET, HEAD, OPTIONS, POST");
});
