import { expect, test } from "@jest/globals";
import { settle } from "./audit.ts";
import { followTasks } from "./follower.ts";
import { startCluster } from "./harness.ts";
import { createUser } from "./user.ts";

const TASKS = 40;

test("a watch that is cut and resumed sees each change once, in order, to the last", async () => {
  const cluster = await startCluster({ seed: 3, workerCount: 2 });
  const { client, clock } = cluster;
  const user = createUser(client, clock);
  const follower = followTasks(client, clock);
  try {
    for (let count = 0; count < TASKS; count++) {
      const submitted = user.submit({ image: "job:after-200.exit-0" });
      if (count % 4 === 0) cluster.cut("manager");
      await submitted;
      await clock.sleep(50);
    }
    expect(await settle({ cluster, user, follower })).toEqual([]);

    const { revision = 0n } = await client.listTasks({ pageSize: 1 });
    const seen = follower.events.map((event) => event.revision);
    const [first = 0n] = seen;
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, index) => first + BigInt(index)));
    expect(seen.at(-1)).toBe(revision);
    expect(seen.length).toBeGreaterThan(TASKS * 2);
    expect(follower.relistCount).toBe(0);
  } finally {
    await follower.stop();
    await cluster.close();
  }
}, 60_000);

test("a watch of a manager that restarted is told that its history is gone, and lists again", async () => {
  const cluster = await startCluster({ seed: 4, workerCount: 1 });
  const { client, clock } = cluster;
  const user = createUser(client, clock);
  const { revision: before } = await client.listTasks({});
  const follower = followTasks(client, clock);
  try {
    await user.submit({ image: "web:1" });
    await cluster.restart("manager", "crash");
    await expect(firstOf(client.watchTasks({ afterRevision: before }))).rejects.toThrow(
      "changes after revision 0 are no longer kept",
    );
    await user.submit({ image: "web:1" });
    expect(await settle({ cluster, user, follower })).toEqual([]);
  } finally {
    await follower.stop();
    await cluster.close();
  }
}, 60_000);

async function firstOf<T>(messages: AsyncIterable<T>): Promise<T | undefined> {
  for await (const message of messages) return message;
  return undefined;
}
