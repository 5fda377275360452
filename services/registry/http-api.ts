import { healthRoute } from "../../lib/http/health-route.ts";
import type { HttpApi } from "../../lib/http/route.ts";

/** What a registry offers over plain HTTP: whether it can be asked. The rest is for managers. */
export const registryApi = (version: string): HttpApi => ({
  title: "Berth registry",
  version,
  routes: [healthRoute],
  comments: async () => (await import("../../gen/comments.ts")).comments,
});
