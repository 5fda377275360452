import { isJson, type Json, jsonAt, listAt, numberAt, textAt } from "./engine-json.ts";
import { parseEngineTimeMs } from "./engine-time.ts";
import type { ContainerUsage } from "./runtime.ts";

/** Reads the engine's answer to `stats`. Undefined of a container that does not run. */
export function usageFromEngine(stats: Json): ContainerUsage | undefined {
  const takenMs = parseEngineTimeMs(textAt(stats, "read"));
  const memory = jsonAt(stats, "memory_stats");
  if (takenMs === undefined || numberAt(memory, "usage") === 0) return undefined;
  return {
    takenMs,
    cpuNanos: numberAt(jsonAt(jsonAt(stats, "cpu_stats"), "cpu_usage"), "total_usage"),
    ...memoryOf(memory),
    network: networkOf(stats),
    ...blocksOf(jsonAt(stats, "blkio_stats")),
    processCount: numberAt(jsonAt(stats, "pids_stats"), "current"),
  };
}

/** The engine writes the machine's memory for "no limit"; the kernel's own word is under `stats`. */
function memoryOf(memory: Json) {
  const stats = jsonAt(memory, "stats");
  const usage = numberAt(memory, "usage");
  const stale = numberAt(stats, "total_inactive_file") || numberAt(stats, "inactive_file");
  const limit = numberAt(memory, "limit");
  const own = numberAt(stats, "hierarchical_memory_limit");
  return {
    memoryBytes: Math.max(0, usage - stale),
    memoryUsageBytes: usage,
    memoryLimitBytes: own > limit ? 0 : limit,
  };
}

/** Undefined where the container has no interface of its own, as on the machine's network. */
function networkOf(stats: Json): ContainerUsage["network"] {
  const interfaces = Object.values(jsonAt(stats, "networks")).filter(isJson);
  if (interfaces.length === 0) return undefined;
  const sum = (name: string) => interfaces.reduce((total, each) => total + numberAt(each, name), 0);
  return { receiveBytes: sum("rx_bytes"), transmitBytes: sum("tx_bytes") };
}

function blocksOf(blocks: Json) {
  const entries = listAt(blocks, "io_service_bytes_recursive").filter(isJson);
  const sum = (kind: string) =>
    entries
      .filter((entry) => textAt(entry, "op").toLowerCase() === kind)
      .reduce((total, entry) => total + numberAt(entry, "value"), 0);
  return { blockReadBytes: sum("read"), blockWriteBytes: sum("write") };
}
