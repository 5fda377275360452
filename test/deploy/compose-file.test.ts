import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { createFakeWorld } from "../../cli/testing/fake-world.ts";

type Service = Readonly<{
  command: readonly string[];
  image: string;
  environment?: Readonly<Record<string, string>>;
  healthcheck: Readonly<{ test: readonly string[] }>;
}>;

const path = join(import.meta.dirname, "../../docker-compose.yml");
const text = readFileSync(path, "utf8").replace(/\$\{\w+:-([^}]*)\}/g, "$1");
const file: { services: Record<string, Service> } = parse(text, { merge: true });
const ours = Object.entries(file.services).filter(([, { image }]) => image === "berth:local");
const run = createFakeWorld({});

const listenOf = ({ command }: Service): string =>
  command.find((word) => word.startsWith("--listen="))?.split("=")[1] ?? "";

describe.each(ours)("%s of docker-compose.yml", (_, service) => {
  test("starts with these flags", async () => {
    const env = Object.entries(service.environment ?? {}).map(([key, value]) => `${key}=${value}`);
    const printed = await run([...env, "berth", ...service.command].join(" "));
    expect(printed).toContain("starts with");
    expect(printed).not.toContain("exit code");
  });

  test("is asked for its health where it listens", () => {
    expect(service.healthcheck.test).toEqual(["CMD", "berth", "health", listenOf(service)]);
    expect(listenOf(service)).toMatch(/^127\.0\.0\.1:/);
  });
});

test("no two services listen on one port", () => {
  const places = ours.map(([, service]) => listenOf(service));
  expect(new Set(places).size).toBe(places.length);
});
