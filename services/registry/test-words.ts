import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type SessionRequest_Heartbeat,
  SessionRequest_HeartbeatSchema,
  type SessionRequest_Registration,
  SessionRequest_RegistrationSchema,
} from "../../gen/berth/v1/registry_service_pb.ts";
import { type Resources, ResourcesSchema } from "../../gen/berth/v1/resources_pb.ts";
import { type WorkerDescription, WorkerDescriptionSchema } from "../../gen/berth/v1/worker_pb.ts";

/** A registration with nothing wrong, changed by `changes`. */
export const registrationOf = (
  workerId: string,
  changes: MessageInitShape<typeof SessionRequest_RegistrationSchema> = {},
): SessionRequest_Registration =>
  create(SessionRequest_RegistrationSchema, {
    workerId,
    instanceId: `${workerId}-first`,
    description: descriptionOf(workerId),
    ...changes,
  });

export const descriptionOf = (
  hostname: string,
  changes: MessageInitShape<typeof WorkerDescriptionSchema> = {},
): WorkerDescription =>
  create(WorkerDescriptionSchema, {
    hostname,
    address: "127.0.0.1:7072",
    os: "linux",
    architecture: "amd64",
    capacity: capacityOf(),
    ...changes,
  });

export const capacityOf = (changes: MessageInitShape<typeof ResourcesSchema> = {}): Resources =>
  create(ResourcesSchema, {
    cpuMillis: 2_000n,
    memoryBytes: 4_000_000_000n,
    diskBytes: 9_000_000_000n,
    ...changes,
  });

/** A registration with all the named things that a worker may offer: some 130 KiB. */
export function bigRegistrationOf(workerId: string): SessionRequest_Registration {
  const ids = Array.from({ length: 64 }, (_, i) => `${i}`.padEnd(128, "x"));
  const custom = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`r${i}`, { ids }]));
  const capacity = capacityOf({ custom });
  return registrationOf(workerId, { description: descriptionOf(workerId, { capacity }) });
}

export const heartbeatOf = (
  changes: MessageInitShape<typeof SessionRequest_HeartbeatSchema> = {},
): SessionRequest_Heartbeat => create(SessionRequest_HeartbeatSchema, { sequence: 1n, ...changes });
