import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

type Value = Readonly<{ stringValue?: string; intValue?: string; doubleValue?: number }>;
type KeyValue = Readonly<{ key: string; value: Value }>;

/** A span as a collector gets it. */
export type CollectedSpan = Readonly<{
  service: string;
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  links: readonly Readonly<{ traceId: string; spanId: string }>[];
  startNano: bigint;
  endNano: bigint;
  attributes: Readonly<Record<string, string | number | undefined>>;
  error: string | undefined;
}>;

type Wire = Readonly<{
  resourceSpans: readonly Readonly<{
    resource: Readonly<{ attributes: readonly KeyValue[] }>;
    scopeSpans: readonly Readonly<{ spans: readonly WireSpan[] }>[];
  }>[];
}>;

type WireSpan = Omit<CollectedSpan, "service" | "attributes" | "error" | "startNano" | "endNano"> &
  Readonly<{
    startTimeUnixNano: string;
    endTimeUnixNano: string;
    attributes: readonly KeyValue[];
    status: Readonly<{ code?: number; message?: string }>;
  }>;

/** A collector of OTLP over HTTP, as far as traces in JSON go. It is asked at `/v1/traces` only. */
export async function startCollector() {
  const spans: CollectedSpan[] = [];
  const bodies: string[] = [];
  const requests: Readonly<Record<string, unknown>>[] = [];
  let status = 200;
  const server = createServer(async (request, response) => {
    const body = await text(request);
    requests.push({ ...request.headers, method: request.method, url: request.url });
    const isRight = request.method === "POST" && request.url === "/v1/traces";
    const answer = isRight ? status : 404;
    if (answer === 200) {
      bodies.push(body);
      spans.push(...spansIn(JSON.parse(body) as Wire));
    }
    response.writeHead(answer, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    /** All that came, oldest first. */
    spans,
    bodies,
    requests,
    /** What it answers from now on. */
    answer: (next: number) => {
      status = next;
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

const spansIn = ({ resourceSpans }: Wire): CollectedSpan[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(factsIn(resource.attributes)["service.name"]);
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => spanIn(service, span)));
  });

const spanIn = (
  service: string,
  { startTimeUnixNano, endTimeUnixNano, attributes, status, ...names }: WireSpan,
): CollectedSpan => ({
  ...names,
  service,
  parentSpanId: names.parentSpanId,
  startNano: BigInt(startTimeUnixNano),
  endNano: BigInt(endTimeUnixNano),
  attributes: factsIn(attributes),
  error: status.code === 2 ? (status.message ?? "") : undefined,
});

const factsIn = (attributes: readonly KeyValue[]) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, factIn(value)]));

const factIn = ({ stringValue, intValue, doubleValue }: Value) =>
  stringValue ?? (intValue === undefined ? doubleValue : Number(intValue));
