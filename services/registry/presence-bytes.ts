import type { WorkerPresence } from "../../gen/berth/v1/worker_pb.ts";

/** What a worker takes beside what it may have many of. */
const PRESENCE_BYTES = 1_024;

/** The mark and the length of a text. */
const TEXT_BYTES = 4;

/** About how many bytes a worker takes in a message. */
export const presenceBytes = (presence: WorkerPresence): number =>
  textsOf(presence).reduce((bytes, text) => bytes + TEXT_BYTES + text.length, PRESENCE_BYTES);

function textsOf({ description }: WorkerPresence): readonly string[] {
  if (!description) return [];
  const { labels, capabilities, capacity } = description;
  const custom = Object.entries(capacity?.custom ?? {});
  return [
    ...Object.entries(labels).flat(),
    ...capabilities,
    ...custom.flatMap(([name, { ids }]) => [name, ...ids]),
  ];
}
