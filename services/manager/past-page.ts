import type { HistoryGap } from "../../gen/berth/v1/past_pb.ts";
import { revisionKey } from "./ledger-records.ts";
import { MESSAGE_BYTES_MAX } from "./message-size.ts";
import { type PageRequest, readPageRequest, tokenOf } from "./paging.ts";
import { type Asked, checkMoment, type PastDeps, readMoment, revisionAt } from "./past-moment.ts";
import { type Story, storiesOf } from "./past-tasks.ts";

/** What a page tells of one task: something, that it cannot be told, or nothing. */
export type Told<T> =
  | Readonly<{ kind: "found"; entry: T; bytes: number }>
  | Readonly<{ kind: "gap"; gap: HistoryGap }>
  | undefined;

export type PastPage<T> = Readonly<{
  entries: T[];
  gaps: HistoryGap[];
  nextPageToken: string;
  /** Of the times asked about, in their order. */
  revisions: readonly bigint[];
}>;

/** How many tasks one page looks at, so that no call is long. */
const LOOKED_AT_MAX = 10_000;

/** What a token of ours carries: the revisions of all times asked about, and the last task's ID. */
const PAST_KEY = /^[0-9a-f]{16}(?:-[0-9a-f]{16})?\/[a-z0-9-]+$/;

type Question = Readonly<{ paging: PageRequest; asked: readonly Asked[] }>;

/** One page of what `tell` makes of tasks. All pages are about the moments of the first. */
export async function readPastPage<T>(
  { paging, asked }: Question,
  deps: PastDeps,
  tell: (story: Story, revisions: readonly bigint[]) => Told<T>,
): Promise<PastPage<T>> {
  const { size, after: key } = readPageRequest(paging, PAST_KEY);
  const [head = "", after = ""] = key.split("/");
  const revisions = head === "" ? await revisionsAt(asked, deps) : readRevisions(head);
  const page = createPage<T>(size);
  let nextPageToken = "";
  for await (const story of storiesOf({ after, revisions }, deps)) {
    if (page.isFull()) {
      nextPageToken = tokenOf(`${revisions.map(revisionKey).join("-")}/${page.last()}`);
      break;
    }
    page.take(story.taskId, tell(story, revisions));
  }
  // Afterwards: what was deleted meanwhile would be missing.
  for (const revision of revisions) await checkMoment(revision, deps);
  return { ...page.told, nextPageToken, revisions };
}

function createPage<T>(size: number) {
  const told = { entries: [] as T[], gaps: [] as HistoryGap[] };
  let [bytes, lookedAt, last] = [0, 0, ""];
  return {
    told,
    last: () => last,
    isFull: () =>
      told.entries.length + told.gaps.length === size ||
      bytes > MESSAGE_BYTES_MAX ||
      lookedAt === LOOKED_AT_MAX,
    take(taskId: string, one: Told<T>): void {
      if (one?.kind === "found") told.entries.push(one.entry);
      if (one?.kind === "found") bytes += one.bytes;
      if (one?.kind === "gap") told.gaps.push(one.gap);
      lookedAt++;
      last = taskId;
    },
  };
}

async function revisionsAt(asked: readonly Asked[], deps: PastDeps): Promise<readonly bigint[]> {
  const times = asked.map((each) => readMoment(each, deps.clock.now()));
  return Promise.all(times.map((ms) => revisionAt(ms, deps)));
}

const readRevisions = (head: string): readonly bigint[] =>
  head.split("-").map((hex) => BigInt(`0x${hex}`));
