import type { CustomCapacity } from "../../core/custom-resources.ts";
import { parseCpus } from "../parse/cpus.ts";
import { parseOffers } from "../parse/resource.ts";
import { parseSize } from "../parse/size.ts";
import { optional, type Setting } from "./setting.ts";

export const capacityCpus = optional(
  {
    name: "capacity-cpus",
    valueName: "number",
    help: "CPUs to offer to tasks",
    fallbackText: "all",
  },
  parseCpus,
);
export const capacityMemory = optional(
  {
    name: "capacity-memory",
    valueName: "size",
    help: "memory to offer to tasks",
    fallbackText: "all",
  },
  parseSize,
);
export const capacityDisk = optional(
  {
    name: "capacity-disk",
    valueName: "size",
    help: "disk to offer to tasks",
    fallbackText: "all",
  },
  parseSize,
);

export const resources: Setting<CustomCapacity | undefined> = {
  name: "resources",
  flag: "resource",
  valueName: "name=ids",
  help: "what only this machine has, such as gpu=/dev/a,/dev/b or licence=4; repeatable",
  isList: true,
  parse: parseOffers,
  fallback: undefined,
};
