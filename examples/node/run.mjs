#!/usr/bin/env node
// A typed client: submits a task, follows its changes until it runs or fails, and removes it.
// The types come from gen/, compiled by `make build`.
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ManagerService } from "../../dist/gen/berth/v1/manager_service_pb.js";
import { TaskState } from "../../dist/gen/berth/v1/task_pb.js";

const baseUrl = `http://${process.env.BERTH_ADDR ?? "127.0.0.1:7070"}`;
const image = process.env.IMAGE ?? "nginx:1.27-alpine";
const sessionManager = new Http2SessionManager(baseUrl);
const manager = createClient(ManagerService, createGrpcTransport({ baseUrl, sessionManager }));

const { task } = await manager.submitTask({
  requestId: crypto.randomUUID(),
  spec: { image, ports: [{ containerPort: 80 }], limit: { memoryBytes: 64n << 20n } },
});
console.log(`submitted ${task.id}`);

const settled = await follow(task.id);
for (const { hostAddress, hostPort } of settled.attempt.status.ports) {
  console.log(`serves on http://${hostAddress}:${hostPort}/`);
}
await manager.removeTask({ taskId: task.id, force: true });
console.log("removed");
// The connection would otherwise be kept for later calls, and the program with it.
sessionManager.abort();

/** Prints each change, and returns the task once it runs or has ended. */
async function follow(taskId) {
  for await (const { changes } of manager.watchTasks({})) {
    for (const { task: changed, event } of changes) {
      if (changed.id !== taskId) continue;
      console.log(`${TaskState[changed.state].toLowerCase()}: ${event?.reason ?? ""}`);
      if (changed.state >= TaskState.RUNNING) return changed;
    }
  }
}
