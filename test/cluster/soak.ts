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
    let complaints = await settle(witnesses);
    if (complaints.length === 0) complaints = await fill(witnesses);
    return complaints.length === 0 ? "" : report(seed, complaints, cluster);
  } finally {
    await follower.stop();
    await cluster.close();
  }
}

/** All that is free can be had to the last bit: nothing that has ended still counts. */
async function fill(witnesses: Witnesses): Promise<readonly string[]> {
  const { cluster, user } = witnesses;
  const { workers } = await cluster.client.listWorkers({});
  const free = workers.map(({ presence, allocation }) => {
    const capacity = presence?.description?.capacity?.cpuMillis ?? 0n;
    return capacity - (allocation?.reserved?.cpuMillis ?? 0n);
  });
  // The largest first: it has one place only, and leaves the others theirs.
  for (const cpuMillis of free.sort((a, b) => Number(b - a)))
    await user.submit({ image: "web:1", reservation: { cpuMillis } });
  return settle(witnesses);
}

const report = (seed: number, complaints: readonly string[], { events }: Cluster): string =>
  [`seed ${seed}`, ...complaints.map((complaint) => `- ${complaint}`), ...events.lines].join("\n");
