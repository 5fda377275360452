import { settle, type Witnesses } from "./audit.ts";
import { wreakHavoc } from "./chaos.ts";
import { followTasks } from "./follower.ts";
import { type Cluster, startCluster } from "./harness.ts";
import { createUser } from "./user.ts";

/** One cluster, one seed, much trouble. Returns what is not right afterwards, or nothing. */
export async function soak(seed: number): Promise<string> {
  const cluster = await startCluster({ seed, workerCount: 1 + (seed % 3) });
  const user = createUser(cluster.client, cluster.clock);
  const follower = followTasks(cluster.client, cluster.clock);
  const witnesses: Witnesses = { cluster, user, follower };
  try {
    await wreakHavoc(cluster, user, seed);
    const complaints = await settle(witnesses);
    return complaints.length === 0 ? "" : report(seed, complaints, cluster);
  } finally {
    await follower.stop();
    await cluster.close();
  }
}

const report = (seed: number, complaints: readonly string[], { events }: Cluster): string =>
  [`seed ${seed}`, ...complaints.map((complaint) => `- ${complaint}`), ...events.lines].join("\n");
