import { startBerth } from "./berth-process.ts";
import { table } from "./figures.ts";

/** Long enough for several heartbeats and a resync. */
const IDLE_MS = Number(process.env["IDLE_MS"] ?? 70_000);

const PORTS = { registry: 17081, worker: 17082 };

/** What a worker costs that has nothing to do, in a process of its own, beside an empty Node. */
export async function measureIdle(socketPath: string): Promise<string> {
  const registry = await startBerth({
    managerAddress: "",
    readyWhen: /registry started/,
    isStateful: false,
    args: ["registry", "--listen", `127.0.0.1:${PORTS.registry}`],
  });
  const worker = await startBerth({
    managerAddress: "",
    readyWhen: /"registered"/,
    isStateful: true,
    args: [
      "worker",
      ...["--listen", `127.0.0.1:${PORTS.worker}`, "--registry", `127.0.0.1:${PORTS.registry}`],
      ...["--docker-host", `unix://${socketPath}`],
    ],
  });
  try {
    await pause(5_000);
    const before = worker.cpuSeconds();
    await pause(IDLE_MS);
    const cores = (worker.cpuSeconds() - before) / (IDLE_MS / 1000);
    return [
      `## An idle worker over ${IDLE_MS / 1000} s`,
      "",
      table(
        ["", "resident memory", "share of a core"],
        [
          [
            "berth worker",
            `${Math.round(worker.rssBytes() / 1e6)} MB`,
            `${(cores * 100).toFixed(2)} %`,
          ],
        ],
      ),
    ].join("\n");
  } finally {
    await worker.stop();
    await registry.stop();
  }
}

const pause = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs));
