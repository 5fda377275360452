import { create } from "@bufbuild/protobuf";
import type { AssignedResource, Placement } from "../gen/berth/v1/placement_pb.ts";
import {
  type CustomResource,
  CustomResourceSchema,
  type Resources,
} from "../gen/berth/v1/resources_pb.ts";

/** What a worker offers of custom resources, by name. Undefined stands for none. */
export type CustomCapacity = ReadonlyMap<string, CustomOffer>;

export type CustomOffer = Readonly<{
  count: number;
  /** The things' names, in the order in which they are given out. Empty: they are only counted. */
  ids: readonly string[];
}>;

/** How many of a custom resource a task asks for. */
export type CustomNeed = Readonly<{ name: string; count: number }>;

/** Which named things an attempt was given, by the name of the resource. */
export type Assigned = ReadonlyMap<string, readonly string[]>;

/** The environment variable that tells a container what it got of a resource. */
export const variableOf = (name: string): string =>
  `BERTH_RESOURCE_${name.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`;

/** What is offered, from a capacity of the contract. */
export function customCapacityOf(resources: Resources | undefined): CustomCapacity | undefined {
  const offers = Object.entries(resources?.custom ?? {}).map(
    ([name, { count, ids }]) => [name, { count: ids.length || Number(count), ids }] as const,
  );
  return offers.length === 0 ? undefined : new Map(offers);
}

/** What is asked for, from a reservation of the contract, in the order of names. */
export function customNeedsOf(resources: Resources | undefined): readonly CustomNeed[] | undefined {
  const custom = resources?.custom ?? {};
  if (Object.keys(custom).length === 0) return undefined;
  return Object.entries(custom)
    .map(([name, { count }]) => ({ name, count: Number(count) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What an attempt was given, from its placement. Undefined where nothing has a name. */
export const assignedOf = (placement: Placement | undefined): Assigned | undefined =>
  assignedIn(placement?.assigned ?? {});

/** The same from the contract's map: it is a plain object, where any name might mean something. */
export function assignedIn(
  assigned: Readonly<Record<string, Readonly<{ ids: readonly string[] }>>>,
): Assigned | undefined {
  const entries = Object.entries(assigned).map(([name, { ids }]) => [name, ids] as const);
  return entries.length === 0 ? undefined : new Map(entries);
}

/** As the contract's map of named things. */
export const toAssigned = (assigned: Assigned | undefined): Record<string, AssignedResource> =>
  Object.fromEntries(
    [...(assigned ?? [])].map(([name, ids]) => [
      name,
      { $typeName: "berth.v1.AssignedResource", ids: [...ids] },
    ]),
  );

/** As the contract's map of custom resources. */
export const toCustom = (
  resources: ReadonlyMap<string, Readonly<{ count: number; ids: Iterable<string> }>> | undefined,
): Record<string, CustomResource> =>
  Object.fromEntries(
    [...(resources ?? [])].map(([name, { count, ids }]) => [
      name,
      create(CustomResourceSchema, { count: BigInt(count), ids: [...ids] }),
    ]),
  );
