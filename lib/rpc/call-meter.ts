import type { DescMethod } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { type Family, labelText, type Point } from "../metrics/family.ts";
import { createHistogram, type Histogram, SECONDS } from "../metrics/histogram.ts";

/** Counts the calls that a server answers. */
export interface CallMeter {
  begin(method: DescMethod): void;
  end(method: DescMethod, code: number, durationMs: number): void;
  families(): readonly Family[];
}

/** `durations` of calls by code; of streams, which last as long as they are wanted, none. */
type Calls = {
  openCount: number;
  readonly durations: Map<number, Histogram>;
  readonly ended: Map<number, number>;
};

/** Numbers by method, which the contract bounds, and by code, of which there are 17. */
export function createCallMeter(): CallMeter {
  const methods = new Map<DescMethod, Calls>();

  function callsOf(method: DescMethod): Calls {
    const known = methods.get(method);
    if (known) return known;
    const calls: Calls = { openCount: 0, durations: new Map(), ended: new Map() };
    methods.set(method, calls);
    return calls;
  }

  return {
    begin: (method) => void callsOf(method).openCount++,
    end(method, code, durationMs) {
      const calls = callsOf(method);
      calls.openCount--;
      if (method.methodKind === "unary") durationsOf(calls, code).observe(durationMs / 1_000);
      else calls.ended.set(code, (calls.ended.get(code) ?? 0) + 1);
    },
    families: () => familiesOf(methods),
  };
}

function durationsOf({ durations }: Calls, code: number): Histogram {
  const known = durations.get(code);
  if (known) return known;
  const histogram = createHistogram(SECONDS);
  durations.set(code, histogram);
  return histogram;
}

function familiesOf(methods: ReadonlyMap<DescMethod, Calls>): readonly Family[] {
  const all = [...methods];
  return [
    {
      name: "rpc_server_call_duration_seconds",
      kind: "histogram",
      help: "How long calls with one answer took, by method and gRPC code.",
      points: all.flatMap(([method, { durations }]) =>
        [...durations].flatMap(([code, each]) => each.points(codeLabels(method, code))),
      ),
    },
    {
      name: "rpc_server_streams_total",
      kind: "counter",
      help: "Streams that have ended, by method and gRPC code.",
      points: all.flatMap(([method, { ended }]) =>
        [...ended].map(([code, value]) => ({ labels: codeLabels(method, code), value })),
      ),
    },
    {
      name: "rpc_server_calls_open",
      kind: "gauge",
      help: "Calls and streams that are under way, by method.",
      points: all.map(([method, { openCount }]): Point => {
        return { labels: labelText({ rpc_method: nameOf(method) }), value: openCount };
      }),
    },
  ];
}

const nameOf = ({ parent, name }: DescMethod): string => `${parent.typeName}/${name}`;

const codeLabels = (method: DescMethod, code: number): string =>
  labelText({ rpc_method: nameOf(method), rpc_response_status_code: status[code] ?? String(code) });
