import { create } from "@bufbuild/protobuf";
import { type CustomCapacity, toCustom } from "../../core/custom-resources.ts";
import { ResourcesSchema } from "../../gen/berth/v1/resources_pb.ts";
import {
  type Role,
  type WorkerDescription,
  WorkerDescriptionSchema,
} from "../../gen/berth/v1/worker_pb.ts";
import type { EngineDescription } from "./runtime.ts";
import type { HostMetrics } from "./worker-metrics.ts";

/** What is known of a worker before any engine is asked. */
export type WorkerFacts = Readonly<{
  hostname: string;
  /** Where managers reach the worker: `host:port`. */
  address: string;
  labels: Readonly<Record<string, string>>;
  roles: readonly Role[];
  version: string;
  allowHostNetwork: boolean;
  capacity: CapacityOverrides;
}>;

/** What the operator offers to tasks. Whatever is absent is all that the machine has. */
export type CapacityOverrides = Readonly<{
  cpuMillis?: bigint | undefined;
  memoryBytes?: bigint | undefined;
  diskBytes?: bigint | undefined;
  /** What no machine tells of itself, such as GPUs. Absent: none. */
  custom?: CustomCapacity | undefined;
}>;

/** What a worker says of itself. Nothing is set aside for the system unless the operator does. */
export function describeWorker(
  facts: WorkerFacts,
  engine: EngineDescription,
  host: Pick<HostMetrics, "diskTotalBytes">,
): WorkerDescription {
  const { cpuMillis, memoryBytes, diskBytes, custom } = facts.capacity;
  return create(WorkerDescriptionSchema, {
    hostname: facts.hostname,
    address: facts.address,
    os: engine.os,
    architecture: engine.architecture,
    capacity: create(ResourcesSchema, {
      cpuMillis: cpuMillis ?? BigInt(Math.floor(engine.cpuMillis)),
      memoryBytes: memoryBytes ?? BigInt(Math.floor(engine.memoryBytes)),
      diskBytes: diskBytes ?? BigInt(Math.floor(host.diskTotalBytes)),
      custom: toCustom(custom),
    }),
    labels: { ...facts.labels },
    version: facts.version,
    capabilities: facts.allowHostNetwork ? ["network-host"] : [],
    engine: engine.engine,
    roles: [...facts.roles],
  });
}
