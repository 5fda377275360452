import type { Endpoint } from "../../gen/berth/v1/endpoint_pb.ts";

/** An endpoint and the worker that tells of it. */
export type Instance = Readonly<{ workerId: string; endpoint: Endpoint }>;

/** Who serves which name. */
export interface Endpoints {
  /** These are now all that the worker serves. Nothing changes when it is the list of before. */
  replace(workerId: string, endpoints: readonly Endpoint[]): void;
  /** The worker serves nothing any more. */
  remove(workerId: string): void;
  /** All that the worker serves. The same list until that changes. */
  of(workerId: string): readonly Endpoint[];
  /** Who serves `name`, ordered by task, attempt and port. The same list until that changes. */
  instancesOf(name: string): readonly Instance[];
  /** The endpoints of `instancesOf`. */
  resolve(name: string): readonly Endpoint[];
}

/** Who serves a name, by worker, and the same in order once somebody has asked. */
type Served = { readonly workers: Map<string, readonly Endpoint[]>; ordered?: readonly Instance[] };

const NOBODY: readonly Instance[] = [];
const NOTHING: readonly Endpoint[] = [];

export function createEndpoints(): Endpoints {
  /** By name. */
  const served = new Map<string, Served>();
  /** What each worker serves, if anything. */
  const lists = new Map<string, readonly Endpoint[]>();

  function remove(workerId: string): void {
    const names = new Set(lists.get(workerId)?.map(({ name }) => name));
    for (const name of names) {
      const workers = served.get(name)?.workers ?? new Map();
      workers.delete(workerId);
      if (workers.size === 0) served.delete(name);
      else served.set(name, { workers });
    }
    lists.delete(workerId);
  }

  function replace(workerId: string, endpoints: readonly Endpoint[]): void {
    if (lists.get(workerId) === endpoints) return;
    remove(workerId);
    const byName = groupByName(endpoints);
    for (const [name, list] of byName) {
      const workers = served.get(name)?.workers ?? new Map();
      served.set(name, { workers: workers.set(workerId, list) });
    }
    if (endpoints.length > 0) lists.set(workerId, endpoints);
  }

  function instancesOf(name: string): readonly Instance[] {
    const found = served.get(name);
    if (!found) return NOBODY;
    found.ordered ??= inOrder(found.workers);
    return found.ordered;
  }

  return {
    replace,
    remove,
    of: (workerId) => lists.get(workerId) ?? NOTHING,
    instancesOf,
    resolve: (name) => instancesOf(name).map(({ endpoint }) => endpoint),
  };
}

const inOrder = (workers: ReadonlyMap<string, readonly Endpoint[]>): readonly Instance[] =>
  [...workers]
    .flatMap(([workerId, list]) => list.map((endpoint) => ({ workerId, endpoint })))
    .sort((a, b) => byTaskAttemptPort(a.endpoint, b.endpoint));

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
