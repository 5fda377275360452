import type { CallOptions, Client } from "@connectrpc/connect";
import type { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import type { Task } from "../gen/berth/v1/task_pb.ts";

/** Every task there is, a page at a time: a page holds what fits into a message, however many are asked for. */
export async function allTasks(
  client: Pick<Client<typeof ManagerService>, "listTasks">,
  options?: CallOptions,
): Promise<readonly Task[]> {
  const all: Task[] = [];
  for (let pageToken = ""; ; ) {
    const page = await client.listTasks({ pageSize: 1_000, pageToken }, options);
    all.push(...page.tasks);
    if (page.nextPageToken === "") return all;
    pageToken = page.nextPageToken;
  }
}
