import type { TaskEvent } from "../../gen/berth/v1/task_event_pb.ts";
import type { Store } from "../../lib/store/store.ts";
import { prefixes, readEvent, revisionKey, versionsOf } from "./ledger-records.ts";

/** Which events: of one task or, without a task ID, of all; after a revision; at most so many. */
export type EventSelection = Readonly<{ taskId: string; after: bigint; limit: number }>;

/** Events as stored, oldest first. */
export async function listEvents(
  store: Pick<Store, "get" | "list">,
  { taskId, after, limit }: EventSelection,
): Promise<readonly TaskEvent[]> {
  if (taskId === "") {
    const page = { after: prefixes.event + revisionKey(after), limit };
    return (await store.list(prefixes.event, page)).map(readEvent);
  }
  const prefix = versionsOf(taskId);
  const marks = await store.list(prefix, { after: prefix + revisionKey(after), limit });
  const keys = marks.map(({ key }) => prefixes.event + key.slice(prefix.length));
  const entries = await Promise.all(keys.map((key) => store.get(key)));
  return entries.flatMap((entry) => (entry ? [readEvent(entry)] : []));
}
