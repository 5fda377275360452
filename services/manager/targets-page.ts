import type { IncomingMessage, ServerResponse } from "node:http";
import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { parseAddressList } from "../../lib/address-list.ts";
import { formatHostPort } from "../../lib/host-port.ts";
import type { ManagerView } from "./manager-metrics.ts";

/** One entry of Prometheus' HTTP service discovery. */
type Target = Readonly<{ targets: readonly string[]; labels: Readonly<Record<string, string>> }>;

/** Before each label: Prometheus drops them after relabelling. */
const META = "__meta_berth_";

/**
 * Tells Prometheus what to scrape: this manager, by the address that it was asked at; the registries
 * whose addresses are known; and every worker that is up. The workers' own labels come along.
 */
export const createTargetsPage =
  (view: () => ManagerView | undefined, registryAddress: string) =>
  (request: IncomingMessage, response: ServerResponse): void => {
    const { host = "" } = request.headers;
    const targets = [
      ...(host === "" ? [] : [target(host, { service: "manager" })]),
      ...registriesIn(registryAddress).map((each) => target(each, { service: "registry" })),
      ...workersIn(view()),
    ];
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(targets));
  };

const target = (address: string, labels: Readonly<Record<string, string>>): Target => ({
  targets: [address],
  labels: Object.fromEntries(Object.entries(labels).map(([name, value]) => [META + name, value])),
});

/** Not those that are found by SRV records: Prometheus finds them by `dns_sd_configs`. */
function registriesIn(addresses: string): readonly string[] {
  const list = parseAddressList(addresses);
  if (list.kind === "malformed") return [];
  return list.entries.flatMap((entry) => (entry.kind === "host" ? [formatHostPort(entry)] : []));
}

function workersIn(view: ManagerView | undefined): readonly Target[] {
  return (view?.workers.all() ?? []).flatMap(({ workerId, presence }) => {
    const { description, state } = presence;
    if (state !== WorkerState.UP || !description?.address) return [];
    const own = Object.entries(description.labels).map(([key, value]) => [labelName(key), value]);
    const { hostname } = description;
    const labels = { ...Object.fromEntries(own), service: "worker", worker_id: workerId, hostname };
    return [target(description.address, labels)];
  });
}

/** A label of Prometheus is made of fewer characters: `example.com/zone` is `example_com_zone`. */
const labelName = (key: string): string => `label_${key.replace(/[^a-zA-Z0-9_]/g, "_")}`;
