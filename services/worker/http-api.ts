import { Code } from "@connectrpc/connect";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import { healthRoute } from "../../lib/http/health-route.ts";
import { type HttpApi, type Route, route } from "../../lib/http/route.ts";

const { FailedPrecondition, NotFound, PermissionDenied } = Code;

const calls = WorkerService.method;

/** What a worker offers over plain HTTP: see docs/http.md. */
const routes: readonly Route[] = [
  route("GET", "/tasks", calls.listTasks),
  route("POST", "/tasks", calls.startTask, { errors: [FailedPrecondition, PermissionDenied] }),
  route("DELETE", "/tasks/{taskId}", calls.stopTask, { errors: [FailedPrecondition] }),
  route("GET", "/tasks/{taskId}/logs", calls.streamTaskLogs, {
    errors: [NotFound, FailedPrecondition],
    text: ({ entries }) => entries.map(({ data }) => data),
  }),
  route("GET", "/tasks/{taskId}/crash-evidence", calls.getCrashEvidence, {
    errors: [NotFound, FailedPrecondition],
  }),
  route("GET", "/stats", calls.getStats),
  healthRoute,
];

export const workerApi = (version: string): HttpApi => ({
  title: "Berth worker",
  version,
  routes,
  comments: async () => (await import("../../gen/comments.ts")).comments,
});
