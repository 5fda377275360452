import { create } from "@bufbuild/protobuf";
import { type Endpoint, EndpointSchema } from "../../gen/berth/v1/endpoint_pb.ts";
import type { PublishedPort } from "../../gen/berth/v1/task_pb.ts";
import { type Attempt, compareKeys } from "./attempt.ts";
import { vitalsOf } from "./prober-vitals.ts";

/** The most endpoints a worker tells of: what a registry takes from one. */
const ENDPOINTS_MAX = 10_000;

/**
 * Where those of the attempts that run and are ready can be reached on `host`: one entry a
 * name and a published port, ordered by attempt. Beyond `ENDPOINTS_MAX` they are left out.
 */
export function endpointsOf(attempts: readonly Attempt[], host: string): Endpoint[] {
  return [...attempts]
    .sort((a, b) => compareKeys(a.key, b.key))
    .flatMap((attempt) => endpointsOfOne(attempt, host))
    .slice(0, ENDPOINTS_MAX);
}

/** Whether a change of the attempt may change what is served: it has ports. */
export const touchesEndpoints = ({ stage }: Attempt): boolean =>
  "container" in stage && (stage.container?.ports.length ?? 0) > 0;

const endpointsOfOne = (attempt: Attempt, host: string): Endpoint[] => {
  const { stage } = attempt;
  if (stage.kind !== "running" || !vitalsOf(attempt).ready) return [];
  const { ports } = stage.container;
  return namesOf(attempt).flatMap((name) =>
    ports.map((port) => endpointAt(port, { ...attempt.key, name, host })),
  );
};

/** The task's own name, and the one that a label gave it. */
const namesOf = ({ name, orders: { alias } }: Attempt): readonly string[] =>
  alias === undefined || alias === name ? [name] : [name, alias];

const endpointAt = (
  { hostPort, protocol, name: portName, containerPort }: PublishedPort,
  what: Pick<Endpoint, "taskId" | "attempt" | "name" | "host">,
): Endpoint =>
  create(EndpointSchema, { ...what, port: hostPort, protocol, portName, containerPort });
