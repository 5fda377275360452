import type { FakeContainer, FakeEngine } from "./fake-runtime-engine.ts";
import type { ContainerUsage } from "./runtime.ts";
import type { Glance } from "./usage-cgroup.ts";

const MEBIBYTE = 2 ** 20;
const MEMORY_BYTES = 16 * MEBIBYTE;
const PROCESSES = 2;

/** A twentieth of a CPU, in nanoseconds for each millisecond. */
const CPU_NANOS_PER_MS = 50_000;

/** A KiB a second each way, in bytes for each millisecond. */
const BYTES_PER_MS = 1;

/** A container that does a little all the time. */
export function usageOf(
  { clock }: FakeEngine,
  container: FakeContainer | undefined,
): ContainerUsage | undefined {
  if (container?.state.kind !== "running") return undefined;
  const takenMs = clock.now();
  const runMs = Math.max(0, Math.floor(takenMs - container.state.startTimeMs));
  const bytes = runMs * BYTES_PER_MS;
  return {
    takenMs,
    cpuNanos: runMs * CPU_NANOS_PER_MS,
    memoryBytes: MEMORY_BYTES,
    memoryUsageBytes: MEMORY_BYTES,
    memoryLimitBytes: Number(container.spec.limit?.memoryBytes ?? 0n),
    network: { receiveBytes: bytes, transmitBytes: bytes },
    blockReadBytes: 0,
    blockWriteBytes: bytes,
    processCount: PROCESSES,
  };
}

/** A machine that shows what the containers of an engine use. */
export const createFakeGlance =
  (engine: FakeEngine): Glance =>
  (containerId) =>
    usageOf(engine, engine.containers.get(containerId));
