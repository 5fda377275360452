import { validatePage } from "../../core/validate.ts";
import type { WorkerServiceListTasksRequest } from "../../gen/berth/v1/worker_service_pb.ts";
import { type Attempt, compareKeys } from "./attempt.ts";
import { refuse } from "./handlers-checks.ts";
import { reportOf } from "./reports.ts";
import type { AttemptKey } from "./runtime.ts";

/** Marks a token as this listing's own, so that another one's is refused, not misread. */
const TOKEN = /^attempt:([a-z0-9-]{1,64}):([0-9]{1,10})$/;

/** One page of attempts, which are ordered by their keys. Throws INVALID_ARGUMENT. */
export function listPage(attempts: readonly Attempt[], request: WorkerServiceListTasksRequest) {
  const { violations, size } = validatePage(request.pageSize);
  const after = parseToken(request.pageToken);
  const description = "is no token of this listing: take next_page_token from the page before";
  refuse(
    after === "malformed" ? [...violations, { field: "page_token", description }] : violations,
  );
  const rest = attempts.filter(({ key }) => isAfter(key, after));
  const page = rest.slice(0, size);
  const last = page.at(-1);
  return {
    reports: page.map(reportOf),
    nextPageToken: last && rest.length > size ? tokenAfter(last.key) : "",
  };
}

const isAfter = (key: AttemptKey, after: AttemptKey | "malformed" | undefined) =>
  after === undefined || after === "malformed" || compareKeys(key, after) > 0;

const tokenAfter = ({ taskId, attempt }: AttemptKey) =>
  Buffer.from(`attempt:${taskId}:${attempt}`).toString("base64url");

/** Undefined for the first page. */
function parseToken(token: string): AttemptKey | "malformed" | undefined {
  if (token === "") return undefined;
  const [, taskId, attempt] = TOKEN.exec(Buffer.from(token, "base64url").toString()) ?? [];
  if (taskId === undefined) return "malformed";
  return { taskId, attempt: Number(attempt) };
}
