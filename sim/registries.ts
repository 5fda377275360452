import { startRegistry } from "../services/registry/registry.ts";
import type { Life, PartDeps } from "./lives.ts";
import { createPart, type Part } from "./part.ts";

/** The machines of so many registries. */
export const registryNames = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => (index === 0 ? "registry" : `registry-${index + 1}`));

export const registryAddress = (name: string): string => `${name}:7071`;

/** Where all registries are, as a list of addresses; the one with this number comes first. */
export const registriesFrom = (names: readonly string[], first: number): string =>
  names.map((_, i) => registryAddress(names[(first + i) % names.length] ?? "")).join(",");

/** One, or several that know each other. */
export const createRegistries = (deps: PartDeps, names: readonly string[]): readonly Part[] =>
  names.map((machine) => {
    const peers = names.length > 1 ? registriesFrom(names, 0) : undefined;
    const listen = registryAddress(machine);
    const begin = (life: Life) => startRegistry({ listen, peers }, life);
    return createPart(deps, { machine, mayEnd: () => false, begin });
  });
