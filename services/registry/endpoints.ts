import type { Endpoint } from "../../gen/berth/v1/endpoint_pb.ts";

/** Who serves which name. */
export interface Endpoints {
  /** These are now all that the worker serves. */
  replace(workerId: string, endpoints: readonly Endpoint[]): void;
  /** The worker serves nothing any more. */
  remove(workerId: string): void;
  /** Who serves `name`, ordered by task, attempt and port. */
  resolve(name: string): readonly Endpoint[];
}

export function createEndpoints(): Endpoints {
  /** By name, then by worker. */
  const served = new Map<string, Map<string, readonly Endpoint[]>>();
  /** The names that each worker serves. */
  const names = new Map<string, ReadonlySet<string>>();

  function remove(workerId: string): void {
    for (const name of names.get(workerId) ?? []) {
      const workers = served.get(name);
      workers?.delete(workerId);
      if (workers?.size === 0) served.delete(name);
    }
    names.delete(workerId);
  }

  function replace(workerId: string, endpoints: readonly Endpoint[]): void {
    remove(workerId);
    const byName = groupByName(endpoints);
    for (const [name, list] of byName) {
      const workers = served.get(name) ?? new Map();
      served.set(name, workers.set(workerId, list));
    }
    if (byName.size > 0) names.set(workerId, new Set(byName.keys()));
  }

  return {
    replace,
    remove,
    resolve: (name) => [...(served.get(name)?.values() ?? [])].flat().sort(byTaskAttemptPort),
  };
}

function groupByName(endpoints: readonly Endpoint[]): ReadonlyMap<string, readonly Endpoint[]> {
  const groups = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    const group = groups.get(endpoint.name);
    if (group) group.push(endpoint);
    else groups.set(endpoint.name, [endpoint]);
  }
  return groups;
}

function byTaskAttemptPort(a: Endpoint, b: Endpoint): number {
  if (a.taskId !== b.taskId) return a.taskId < b.taskId ? -1 : 1;
  return a.attempt - b.attempt || a.port - b.port || a.protocol - b.protocol;
}
