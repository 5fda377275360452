import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { DesiredState, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import type { Complain } from "./complain.ts";
import type { Wish } from "./wish.ts";

/** Says of an answer that it may be behind. */
const STALE_HEADER = "berth-stale-ms";

type Deps = Readonly<{
  /** Asks any of several managers. */
  client: Client<typeof ManagerService>;
  complain: Complain;
}>;

/**
 * Reads what was confirmed a moment ago, at whatever manager. Whoever does not say that its answer
 * may be behind must know of it. No answer at all is none.
 */
export function createReadBack({ client, complain }: Deps): (wish: Wish) => Promise<void> {
  async function read(taskId: string): Promise<Readonly<{ task?: Task | undefined }> | undefined> {
    let isStale = false;
    const onHeader = (header: Headers) => {
      isStale = header.has(STALE_HEADER);
    };
    try {
      const answer = await client.getTask({ taskId }, { onHeader });
      return isStale ? undefined : answer;
    } catch (error) {
      const { code, metadata } = ConnectError.from(error);
      return code === Code.NotFound && !metadata.has(STALE_HEADER) ? {} : undefined;
    }
  }

  return async (wish) => {
    const { name, taskId = "", confirmed } = wish;
    const answer = await read(taskId);
    if (!answer) return;
    const { task } = answer;
    const mayBeGone = wish.mayBeRemoved || wish.asked === DesiredState.REMOVE;
    if (!task && !mayBeGone) complain("reads-are-fresh", `${name} was confirmed and is not found`);
    if (task && task.desiredState < confirmed && task.state < TaskState.COMPLETED)
      complain("reads-are-fresh", `${name} was confirmed to be wished ${confirmed}, and is not so`);
  };
}
