import type { RegistryServiceListWorkersRequest } from "../../gen/berth/v1/registry_service_pb.ts";
import type { WorkerPresence } from "../../gen/berth/v1/worker_pb.ts";
import { chunks } from "../../lib/chunks.ts";
import { invalidFields } from "../../lib/errors.ts";
import { registryLimits } from "./limits.ts";
import { presenceBytes } from "./presence-bytes.ts";

/** Page sizes as the contract names them. */
const PAGE_SIZE_DEFAULT = 100;
const PAGE_SIZE_MAX = 1_000;

/** A token is the last worker's ID, marked with its kind and wrapped so that nobody builds on it. */
const TOKEN_PATTERN = /^worker:([a-z0-9-]{1,64})$/;

export type WorkerPage = Readonly<{ workers: WorkerPresence[]; nextPageToken: string }>;

/** One page of `all`, which is ordered by ID: what fits into a message. Throws INVALID_ARGUMENT. */
export function pageOf(
  all: readonly WorkerPresence[],
  { pageSize, pageToken }: RegistryServiceListWorkersRequest,
): WorkerPage {
  const entriesMax = sizeOf(pageSize);
  const after = idIn(pageToken);
  const rest = all.filter(({ workerId }) => workerId > after);
  const bytesMax = registryLimits.bytesPerMessage;
  const [workers = []] = chunks(rest, { entriesMax, bytesMax, sizeOf: presenceBytes });
  const last = workers.at(-1);
  return {
    workers,
    nextPageToken: last && rest.length > workers.length ? tokenOf(last.workerId) : "",
  };
}

function sizeOf(pageSize: number): number {
  if (pageSize < 0) throw invalid("page_size", `${pageSize}: must be 0 or more`);
  return pageSize === 0 ? PAGE_SIZE_DEFAULT : Math.min(pageSize, PAGE_SIZE_MAX);
}

const tokenOf = (workerId: string) => Buffer.from(`worker:${workerId}`).toString("base64url");

function idIn(token: string): string {
  if (token === "") return "";
  const [, workerId] = TOKEN_PATTERN.exec(Buffer.from(token, "base64url").toString()) ?? [];
  if (workerId === undefined)
    throw invalid("page_token", "is not a token of this list: leave it empty for the first page");
  return workerId;
}

const invalid = (field: string, description: string) => invalidFields([{ field, description }]);
