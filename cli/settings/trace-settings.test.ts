import { expect, test } from "@jest/globals";
import { createFakeContext } from "../testing/fake-context.ts";
import { createFakeTerminal } from "../testing/fake-terminal.ts";
import { version } from "../version.ts";
import { resolve } from "./resolve.ts";
import { tracePlaceOf, traceShape } from "./trace-settings.ts";

type Variables = Record<string, string>;

/** Where these flags and variables send traces. */
function placeOf(flags: Record<string, string>, env: Variables = {}) {
  const { context } = createFakeContext();
  const terminal = createFakeTerminal({ env });
  return tracePlaceOf(
    { ...context, terminal },
    resolve(traceShape, { flags, env, file: new Map() }),
  );
}

const ENDPOINT = { otlpEndpoint: "http://127.0.0.1:4318" };
const PLACE = {
  url: "http://127.0.0.1:4318/v1/traces",
  headers: {},
  ratio: 1,
  resource: { "service.version": version },
};

test("traces go to the path of the endpoint that OTLP has for them", () => {
  expect(placeOf(ENDPOINT)).toEqual(PLACE);
  expect(placeOf({ otlpEndpoint: "https://c.example/otlp/" })?.url).toBe(
    "https://c.example/otlp/v1/traces",
  );
  expect(placeOf({}, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" })).toEqual(PLACE);
  const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:1/as-it-is" };
  expect(placeOf({}, own)?.url).toBe("http://127.0.0.1:1/as-it-is");
});

test("without an endpoint, or where OpenTelemetry is switched off, they go nowhere", () => {
  expect(placeOf({})).toBeUndefined();
  expect(placeOf(ENDPOINT, { OTEL_SDK_DISABLED: "true" })).toBeUndefined();
  expect(placeOf(ENDPOINT, { OTEL_TRACES_EXPORTER: "none" })).toBeUndefined();
});

test.each<[Variables, number]>([
  [{}, 0.5],
  [{ OTEL_TRACES_SAMPLER: "parentbased_traceidratio" }, 0.5],
  [{ OTEL_TRACES_SAMPLER: "always_off" }, 0],
  [{ OTEL_TRACES_SAMPLER: "parentbased_always_on" }, 1],
])("of a ratio of a half, %j makes %d", (env, ratio) => {
  expect(placeOf({ ...ENDPOINT, traceRatio: "0.5" }, env)?.ratio).toBe(ratio);
});

test("headers and facts about the process come from the environment", () => {
  const place = placeOf(ENDPOINT, {
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abc, x-team=berth",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=lab",
    OTEL_SERVICE_NAME: "orchestrator",
  });
  expect(place).toMatchObject({
    headers: { authorization: "Bearer abc", "x-team": "berth" },
    resource: { "deployment.environment.name": "lab", "service.name": "orchestrator" },
  });
});

test.each<[string, Record<string, string>, Variables]>([
  ["an URL that is none", { otlpEndpoint: "127.0.0.1:4318" }, {}],
  ["a password in the URL", { otlpEndpoint: "http://me:hunter2@127.0.0.1:4318" }, {}],
  ["a ratio beyond 1", { traceRatio: "1.5" }, {}],
  ["a protocol that is not spoken", ENDPOINT, { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }],
  ["a sampler that is not known", ENDPOINT, { OTEL_TRACES_SAMPLER: "jaeger_remote" }],
  ["headers that are none", ENDPOINT, { OTEL_EXPORTER_OTLP_HEADERS: "hunter2" }],
  ["headers that cannot be read", ENDPOINT, { OTEL_EXPORTER_OTLP_HEADERS: "a=hunter2%zz" }],
])("%s is refused, and no secret is told", (_, flags, env) => {
  expect(() => placeOf(flags, env)).toThrow(/must be|holds a password|leave it out/);
  expect(() => placeOf(flags, env)).not.toThrow(/hunter2/);
});
