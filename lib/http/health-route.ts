import { Code } from "@connectrpc/connect";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/health/v1/health_pb.ts";
import { route } from "./route.ts";

/** Every server's own: 200 while it serves calls of every kind, 503 otherwise. */
export const healthRoute = route("GET", "/health", Health.method.check, {
  errors: [Code.NotFound],
  isAvailable: ({ status }) => status === Status.SERVING,
});
