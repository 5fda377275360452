import {
  type Assigned,
  type CustomCapacity,
  type CustomNeed,
  type CustomOffer,
  customNeedsOf,
  variableOf,
} from "../../core/custom-resources.ts";
import type { TaskSpec } from "../../gen/berth/v1/task_pb.ts";

/** What an attempt runs: its task's spec, and which of the worker's named things it was given. */
export type AttemptSpec = TaskSpec & Readonly<{ assigned?: Assigned | undefined }>;

/** Variables that tell a container what it was given: the IDs, or how many where nothing has one. */
export const resourceEnv = ({ reservation, assigned }: AttemptSpec): string[] =>
  (customNeedsOf(reservation) ?? []).map(
    ({ name, count }) => `${variableOf(name)}=${assigned?.get(name)?.join(",") ?? count}`,
  );

/** An ID that begins so is a device of the machine. */
const DEVICE_PREFIX = "/dev/";

/**
 * The devices among what an attempt was given, as the engine takes them. The container may read and
 * write them; to make nodes of its own (`m`) it has no business.
 */
export const devicesOf = ({ reservation, assigned }: AttemptSpec) =>
  (customNeedsOf(reservation) ?? [])
    .flatMap(({ name }) => assigned?.get(name) ?? [])
    .filter((id) => id.startsWith(DEVICE_PREFIX))
    .map((path) => ({ PathOnHost: path, PathInContainer: path, CgroupPermissions: "rw" }));

/**
 * Why a worker that offers this cannot start an attempt: it was placed on what the worker offered
 * before it was started anew. Undefined when it can. So no manager, and nobody who speaks for one,
 * gives a container a device that the worker's operator did not name.
 */
export function whyNotOffered(
  { reservation, assigned }: AttemptSpec,
  offers: CustomCapacity | undefined,
): string | undefined {
  for (const need of customNeedsOf(reservation) ?? []) {
    const why = whyNot(need, offers?.get(need.name), assigned?.get(need.name) ?? []);
    if (why !== undefined) return why;
  }
  return undefined;
}

function whyNot(
  { name, count }: CustomNeed,
  offer: CustomOffer | undefined,
  ids: readonly string[],
): string | undefined {
  if (!offer) return `this worker offers no ${name}`;
  const stranger = ids.find((id) => !offer.ids.includes(id));
  if (stranger !== undefined) return `this worker offers no ${name} that is named ${stranger}`;
  if (offer.ids.length === 0 || ids.length === count) return undefined;
  return `this worker gives out ${name} by name, and the attempt has ${ids.length} of ${count}`;
}
