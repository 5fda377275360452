import type { ServiceImpl } from "@connectrpc/connect";
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/health/v1/health_pb.ts";
import { notFound } from "../errors.ts";
import { mountService, type ServiceMount } from "./service-mount.ts";

/** The standard gRPC health service, for a server whose services all serve or all do not. */
export interface Health {
  readonly mount: ServiceMount;
  setServing(serving: boolean): void;
}

/** Knows `serviceNames` and "", which stands for the server. At first all serve. */
export function createHealth(serviceNames: readonly string[]): Health {
  const names = new Set(["", ...serviceNames]);
  const watchers = new Set<() => void>();
  let status = Status.SERVING;

  const impl: ServiceImpl<typeof HealthService> = {
    check({ service }) {
      if (!names.has(service)) throw notFound("service", service);
      return { status };
    },
    list: () => ({ statuses: Object.fromEntries([...names].map((name) => [name, { status }])) }),
    async *watch({ service }, { signal }) {
      let sent: Status | undefined;
      while (!signal.aborted) {
        const now = names.has(service) ? status : Status.SERVICE_UNKNOWN;
        if (now === sent) await change(signal);
        else yield { status: now };
        sent = now;
      }
    },
  };

  const change = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      watchers.add(done);
      signal.addEventListener("abort", done, { once: true });
      function done() {
        watchers.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      }
    });

  return {
    mount: mountService(HealthService, impl),
    setServing(serving) {
      status = serving ? Status.SERVING : Status.NOT_SERVING;
      for (const wake of watchers) wake();
    },
  };
}
