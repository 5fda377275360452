import { create } from "@bufbuild/protobuf";
import { createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { TaskSchema, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { createFakeContext } from "../testing/fake-context.ts";
import { watchTable } from "./ps-watch.ts";

const task = (id: string, state: TaskState) => create(TaskSchema, { id, state });

test("a task that leaves the selection is printed once more, one that was never in it is not", async () => {
  const { context, terminal, interruption } = createFakeContext();
  const transport = createRouterTransport((router) =>
    router.service(ManagerService, {
      async *watchTasks() {
        yield { changes: [{ task: task("a", TaskState.RUNNING) }] };
        yield { changes: [{ task: task("b", TaskState.FAILED) }] };
        yield { changes: [{ task: task("a", TaskState.COMPLETED) }] };
        yield { changes: [{ task: task("a", TaskState.COMPLETED), removed: true }] };
        interruption.abort();
      },
    }),
  );
  const flags = { output: "name", headers: true, trunc: true } as const;
  const selection = { states: [TaskState.RUNNING], labels: {} };
  await watchTable(context, createClient(ManagerService, transport), selection, flags);
  expect(terminal.printed()).toBe("a\na");
});
