import type { MessageInitShape } from "@bufbuild/protobuf";
import { toCustom } from "../../core/custom-resources.ts";
import type { PlanWorkerSchema } from "../../gen/berth/v1/plan_pb.ts";
import { parseCpus } from "./cpus.ts";
import { malformed, type Parsed, parsed, parseWhole } from "./parsed.ts";
import { parseOffers } from "./resource.ts";
import { parseSize } from "./size.ts";

export type NewWorkerInit = MessageInitShape<typeof PlanWorkerSchema>;

/** As the contract says of how many workers a plan adds. */
const COUNT_MAX = 100;

const RULE =
  "must be KEY=VALUE,… with cpu, memory, disk, platform, count, capability, label:KEY or " +
  "resource:NAME, such as cpu=4,memory=8g,label:zone=a";

/**
 * Reads a worker that might join: `cpu=4,memory=8g,disk=100g,platform=linux/arm64,label:zone=a,
 * resource:gpu=2,capability=network-host,count=2`.
 */
export function parseNewWorker(text: string): Parsed<NewWorkerInit> {
  const draft = createDraft();
  const seen = new Set<string>();
  for (const part of text.split(",")) {
    const [key = "", value = ""] = part.split(/=(.*)/s, 2);
    if (seen.has(key) && key !== "capability")
      return malformed(text, `gives ${key} a second time: give it once`);
    seen.add(key);
    const taken = draft.take(key, value);
    if (taken.kind === "malformed")
      return { kind: "malformed", problem: `has ${key} that ${taken.problem}` };
    if (!taken.value) return malformed(text, RULE);
  }
  return parsed(draft.worker());
}

/** Takes one part after another. Each answers whether its key means something. */
function createDraft() {
  const amounts: Partial<Record<"cpuMillis" | "memoryBytes" | "diskBytes", bigint>> = {};
  const labels: Record<string, string> = {};
  const offers: string[] = [];
  const capabilities: string[] = [];
  const others: { platform?: string; count?: number } = {};
  const known = parsed(true);

  const amount = (field: keyof typeof amounts, value: Parsed<bigint>): Parsed<boolean> => {
    if (value.kind === "malformed") return value;
    amounts[field] = value.value;
    return known;
  };

  function takeNamed(key: string, value: string): Parsed<boolean> {
    const [kind, name = ""] = key.split(/:(.*)/s, 2);
    if (name === "" || (kind !== "label" && kind !== "resource")) return parsed(false);
    if (kind === "label") labels[name] = value;
    else offers.push(`${name}=${value}`);
    const read = parseOffers(offers);
    return read.kind === "malformed" ? read : known;
  }

  return {
    take(key: string, value: string): Parsed<boolean> {
      switch (key) {
        case "cpu":
          return amount("cpuMillis", parseCpus(value));
        case "memory":
          return amount("memoryBytes", parseSize(value));
        case "disk":
          return amount("diskBytes", parseSize(value));
        case "platform":
          others.platform = value;
          return known;
        case "capability":
          capabilities.push(value);
          return known;
        case "count": {
          const count = parseWhole(value, 1, COUNT_MAX);
          if (count.kind === "malformed") return count;
          others.count = count.value;
          return known;
        }
        default:
          return takeNamed(key, value);
      }
    },
    worker(): NewWorkerInit {
      const read = parseOffers(offers);
      const custom = read.kind === "parsed" ? toCustom(read.value) : {};
      return { ...others, labels, capabilities, capacity: { ...amounts, custom } };
    },
  };
}
