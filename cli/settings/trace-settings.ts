import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { malformed, type Parsed, parsed } from "../parse/parsed.ts";
import type { TracePlace } from "../services.ts";
import { version } from "../version.ts";
import type { Values } from "./resolve.ts";
import { optional, type Setting, single } from "./setting.ts";

const otlpEndpoint = optional(
  {
    name: "otlp-endpoint",
    variable: "OTEL_EXPORTER_OTLP_ENDPOINT",
    valueName: "url",
    help: "OpenTelemetry collector to send traces to by HTTP, http://host:4318",
    fallbackText: "none",
  },
  parseEndpoint,
);

const traceRatio: Setting<number> = single({
  name: "trace-ratio",
  variable: "OTEL_TRACES_SAMPLER_ARG",
  valueName: "number",
  help: "how many of the traces that begin here are sent, 0 to 1",
  parseText: parseRatio,
  fallback: 1,
  fallbackText: "1",
});

/** How a verb is told where traces go. */
export const traceShape = { otlpEndpoint, traceRatio };

function parseEndpoint(text: string): Parsed<string> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !["http:", "https:"].includes(url.protocol))
    return malformed(text, "must be an URL, such as http://127.0.0.1:4318");
  if (url.username !== "" || url.password !== "")
    return { kind: "malformed", problem: `holds a password: set ${HEADERS} instead` };
  return parsed(text);
}

function parseRatio(text: string): Parsed<number> {
  const value = /^[01]?(\.\d{1,9})?$/.test(text) && text !== "" ? Number(text) : Number.NaN;
  return value >= 0 && value <= 1 ? parsed(value) : malformed(text, "must be from 0 to 1");
}

/** Variables of OpenTelemetry that need no flag. The first may hold a token, which flags must not. */
const HEADERS = "OTEL_EXPORTER_OTLP_HEADERS";
const TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL";
const SAMPLER = "OTEL_TRACES_SAMPLER";
const RESOURCE = "OTEL_RESOURCE_ATTRIBUTES";

type Variables = Context["terminal"]["env"];

/** Where traces go and which; undefined when they go nowhere. Throws for what cannot be done. */
export function tracePlaceOf(
  { terminal: { env } }: Context,
  { otlpEndpoint, traceRatio }: Values<typeof traceShape>,
): TracePlace | undefined {
  const isOff = env["OTEL_SDK_DISABLED"] === "true" || env["OTEL_TRACES_EXPORTER"] === "none";
  const url = isOff ? undefined : urlOf(otlpEndpoint, env);
  if (url === undefined) return undefined;
  const [headers, resource] = [pairsIn(env[HEADERS]), pairsIn(env[RESOURCE])];
  const problems = [
    ...whyNot(env),
    ...(headers ? [] : [`${HEADERS} must be NAME=VALUE,NAME=VALUE, with % before odd signs`]),
    ...(resource ? [] : [`${RESOURCE} must be NAME=VALUE,NAME=VALUE, with % before odd signs`]),
  ];
  if (problems.length > 0) throw usageError(problems);
  const ratio = ratioOf(env[SAMPLER], traceRatio);
  return { url, headers: headers ?? {}, ratio, resource: { ...resource, ...namesIn(env) } };
}

const namesIn = ({ OTEL_SERVICE_NAME: name }: Variables): Readonly<Record<string, string>> => ({
  "service.version": version,
  ...(name && { "service.name": name }),
});

/** The endpoint of traces is taken as it is; that of all signals is where a path begins. */
function urlOf(base: string | undefined, env: Variables): string | undefined {
  if (base !== undefined) return `${base.replace(/\/+$/, "")}/v1/traces`;
  const own = env[TRACES_ENDPOINT];
  return own ? endpointIn(own) : undefined;
}

function endpointIn(text: string): string {
  const result = parseEndpoint(text);
  if (result.kind === "malformed") throw usageError([`${TRACES_ENDPOINT} ${result.problem}`]);
  return result.value;
}

function* whyNot(env: Variables): Generator<string, void, undefined> {
  if (env[PROTOCOL] === "grpc")
    yield `${PROTOCOL} is grpc, and Berth sends traces by HTTP: leave it out, and name the port for HTTP, such as 4318`;
  const sampler = env[SAMPLER] || "parentbased_traceidratio";
  if (!(sampler in SAMPLERS))
    yield `${SAMPLER} is ${JSON.stringify(sampler)}: must be one of ${Object.keys(SAMPLERS).join(", ")}`;
}

/** Who called decides before any of them. */
const SAMPLERS: Readonly<Record<string, "all" | "none" | "ratio">> = {
  always_on: "all",
  always_off: "none",
  traceidratio: "ratio",
  parentbased_always_on: "all",
  parentbased_always_off: "none",
  parentbased_traceidratio: "ratio",
};

function ratioOf(sampler: string | undefined, ratio: number): number {
  const kind = SAMPLERS[sampler || "parentbased_traceidratio"];
  return kind === "ratio" ? ratio : Number(kind === "all");
}

/** Undefined when the text is not as OpenTelemetry has it. Nothing of it is told: it may be secret. */
function pairsIn(text = ""): Readonly<Record<string, string>> | undefined {
  const entries = text.split(",").filter((entry) => entry.trim() !== "");
  try {
    const pairs = entries.map((entry) => {
      const at = entry.indexOf("=");
      const name = decodeURIComponent(entry.slice(0, at).trim());
      return [name, decodeURIComponent(entry.slice(at + 1).trim()), at > 0] as const;
    });
    if (pairs.some(([name, , isPair]) => !isPair || name === "")) return undefined;
    return Object.fromEntries(pairs.map(([name, value]) => [name, value]));
  } catch {
    // What % stands before is not two digits.
    return undefined;
  }
}
