import { create } from "@bufbuild/protobuf";
import { createRouterTransport } from "@connectrpc/connect";
import {
  type AttemptReport,
  type PushResult,
  PushResultSchema,
  WorkerService,
  type WorkerServiceWatchTasksResponse,
} from "../../../gen/berth/v1/worker_service_pb.ts";
import type { Status } from "../../../gen/google/rpc/status_pb.ts";
import { systemClock } from "../../../lib/clock.ts";
import { createMailbox } from "../../../lib/mailbox.ts";
import type { Channel } from "../../../lib/rpc/channel.ts";
import { toStatus } from "../../../lib/status.ts";
import { asChannel } from "./manager-rig.ts";

type Named = Readonly<{ taskId: string; attempt: number }>;
type News = Pick<WorkerServiceWatchTasksResponse, "news">["news"];

/** A worker that notes what it is told and reports what a test says. */
export function createFakeWorker(held: readonly AttemptReport[] = []) {
  const told: string[] = [];
  const refusals = new Map<string, Status>();
  let box = createMailbox<News>({ clock: systemClock, limit: 1_000 });
  let connections = 0;
  let answering: Promise<void> = Promise.resolve();

  async function take(kind: string, requests: readonly Named[]): Promise<PushResult[]> {
    const refused = requests.flatMap(({ taskId, attempt }): PushResult[] => {
      told.push(`${kind} ${taskId}/${attempt}`);
      const error = refusals.get(taskId);
      return error ? [create(PushResultSchema, { taskId, attempt, error })] : [];
    });
    await answering;
    return refused;
  }

  const transport = createRouterTransport(({ service }) =>
    service(WorkerService, {
      async *pushTasks(messages) {
        for await (const { stops, starts, forgets } of messages)
          yield {
            stops: await take("stop", stops),
            starts: await take("start", starts),
            forgets: await take("forget", forgets),
          };
      },
      async *watchTasks(_request, { signal }) {
        connections++;
        yield {
          news: { case: "snapshot" as const, value: { reports: [...held], complete: true } },
        } as never;
        for await (const batch of box.read(signal))
          for (const news of batch) yield { news } as never;
      },
    }),
  );

  return {
    told,
    connect: (): Channel => asChannel(transport),
    connections: () => connections,
    /** Answers no push before the promise resolves. */
    hold: (until: Promise<void>) => {
      answering = until;
    },
    refuse: (taskId: string, error: Error) => void refusals.set(taskId, toStatus(error)),
    report: (...reports: AttemptReport[]) =>
      box.post({ case: "reports", value: { reports } } as unknown as News),
    /** Tells again of all that it holds, in `parts`. */
    snapshot: (...parts: AttemptReport[][]) =>
      parts.forEach((reports, i) => {
        const value = { reports, complete: i === parts.length - 1 };
        box.post({ case: "snapshot", value } as unknown as News);
      }),
    /** Ends the stream of reports, as a restart of the worker would. */
    hangUp() {
      box.close();
      box = createMailbox<News>({ clock: systemClock, limit: 1_000 });
    },
  };
}
