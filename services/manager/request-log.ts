import type { Clock } from "../../lib/clock.ts";
import type { Write } from "../../lib/store/store.ts";
import { deleteKey, prefixes, putRequest, type RequestRecord } from "./ledger-records.ts";

/** How many expired records one commit takes along at most, so that no commit is long. */
const EXPIRED_PER_COMMIT = 16;

/** Remembers what requests did until they expire. `records` are ordered by age, oldest first. */
export function createRequestLog(records: Map<string, RequestRecord>, clock: Clock) {
  return {
    find(requestId: string): RequestRecord | undefined {
      const record = records.get(requestId);
      return record && record.expireMs > clock.now() ? record : undefined;
    },
    /** The writes that keep a record and delete a few expired ones. */
    remember(record: RequestRecord): readonly Write[] {
      const expired = oldest(records, clock.now());
      for (const { requestId } of expired) records.delete(requestId);
      records.set(record.requestId, record);
      const deletes = expired.map(({ requestId }) => deleteKey(prefixes.request + requestId));
      return [...deletes, putRequest(record)];
    },
  };
}

function oldest(records: ReadonlyMap<string, RequestRecord>, now: number): RequestRecord[] {
  const expired: RequestRecord[] = [];
  for (const record of records.values()) {
    if (record.expireMs > now || expired.length === EXPIRED_PER_COMMIT) break;
    expired.push(record);
  }
  return expired;
}
