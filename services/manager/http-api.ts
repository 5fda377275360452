import { Code } from "@connectrpc/connect";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { healthRoute } from "../../lib/http/health-route.ts";
import { type HttpApi, type Route, route } from "../../lib/http/route.ts";

const { Aborted, FailedPrecondition, NotFound, OutOfRange, PermissionDenied } = Code;

const calls = ManagerService.method;

/** What a manager offers over plain HTTP: see docs/http.md. */
const routes: readonly Route[] = [
  // What is no longer kept of the past is out of range.
  route("GET", "/tasks", calls.listTasks, { spread: "filter", errors: [OutOfRange] }),
  // A repeated request whose task has been removed since does not find it.
  route("POST", "/tasks", calls.submitTask, { errors: [Aborted, NotFound] }),
  route("GET", "/tasks/{taskId}", calls.getTask, { errors: [NotFound, OutOfRange] }),
  route("DELETE", "/tasks/{taskId}", calls.stopTask, { errors: [NotFound] }),
  route("POST", "/tasks/{taskId}/remove", calls.removeTask, {
    errors: [NotFound, FailedPrecondition],
  }),
  route("GET", "/tasks/{taskId}/events", calls.listTaskEvents, {
    name: "listEventsOfTask",
    errors: [NotFound],
  }),
  route("GET", "/tasks/{taskId}/explanation", calls.explainTask, { errors: [NotFound] }),
  route("GET", "/tasks/{taskId}/crash-reports", calls.listCrashReports, { errors: [NotFound] }),
  route("GET", "/tasks/{taskId}/logs", calls.streamTaskLogs, {
    errors: [NotFound, FailedPrecondition],
    text: ({ entries }) => entries.map(({ data }) => data),
  }),
  route("GET", "/tasks/{taskId}/stats", calls.streamTaskStats, {
    name: "streamStatsOfTask",
    errors: [NotFound],
  }),
  route("GET", "/logs", calls.streamTaskLogs, {
    name: "streamLogs",
    spread: "filter",
    errors: [NotFound, FailedPrecondition],
  }),
  route("GET", "/stats", calls.streamTaskStats, { spread: "filter", errors: [NotFound] }),
  route("GET", "/events", calls.listTaskEvents, { errors: [NotFound] }),
  route("GET", "/differences", calls.listDifferences, { errors: [OutOfRange] }),
  route("GET", "/watch", calls.watchTasks, { spread: "filter", errors: [OutOfRange] }),
  route("GET", "/nodes", calls.listWorkers, { errors: [OutOfRange] }),
  route("GET", "/nodes/{workerId}", calls.getWorker, { errors: [NotFound, OutOfRange] }),
  route("PATCH", "/nodes/{workerId}", calls.updateWorker, { errors: [NotFound] }),
  route("POST", "/plan", calls.planTasks, { errors: [NotFound, PermissionDenied] }),
  route("GET", "/cluster", calls.getCluster),
  healthRoute,
];

export const managerApi = (version: string): HttpApi => ({
  title: "Berth manager",
  version,
  routes,
  comments: async () => (await import("../../gen/comments.ts")).comments,
});
