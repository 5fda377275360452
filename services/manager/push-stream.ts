import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type {
  PushTasksRequestSchema,
  PushTasksResponse,
  WorkerService,
} from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { timedOut, unavailable } from "../../lib/errors.ts";

type Message = MessageInitShape<typeof PushTasksRequestSchema>;

/**
 * How long a worker may take to answer: as long as a link may be silent, which is how a worker that
 * is gone is found out. One that is only busy has most likely taken what it was told, and to break
 * its link and compare everything anew would make it busier.
 */
const ANSWER_MS_MAX = 15_000;

/**
 * A stream of pushes to one worker: a message on it costs about a quarter of what a call costs. It
 * is opened by the first one, so that a worker with nothing to do has none, and ends with `signal`.
 */
export interface PushStream {
  /**
   * Not to be called before the message before has been answered. Throws UNAVAILABLE or
   * DEADLINE_EXCEEDED when there will be no answer: the stream is of no use then.
   */
  tell(message: Message): Promise<PushTasksResponse>;
}

type Deps = Readonly<{ clock: Clock; signal: AbortSignal }>;

export function createPushStream(
  client: Pick<Client<typeof WorkerService>, "pushTasks">,
  { clock, signal }: Deps,
): PushStream {
  const silent = new AbortController();
  const outbox = createOutbox();
  let answers: AsyncIterator<PushTasksResponse> | undefined;

  function open(): AsyncIterator<PushTasksResponse> {
    const either = AbortSignal.any([signal, silent.signal]);
    return client.pushTasks(outbox.messages(), { signal: either })[Symbol.asyncIterator]();
  }

  function giveUp(): void {
    const message = `the worker did not answer a push for ${ANSWER_MS_MAX / 1_000} s`;
    silent.abort(timedOut("PUSH_UNANSWERED", message));
  }

  return {
    async tell(message) {
      const disarm = clock.after(ANSWER_MS_MAX, giveUp);
      try {
        outbox.put(message);
        answers ??= open();
        const answer = await answers.next();
        if (!answer.done) return answer.value;
      } finally {
        disarm();
      }
      throw unavailable("PUSHES_ENDED", "the worker ended its stream of pushes");
    },
  };
}

/** Room for the one message that is under way. */
function createOutbox() {
  let put: (message: Message) => void = () => undefined;
  let next = expect();

  function expect(): Promise<Message> {
    return new Promise((resolve) => {
      put = resolve;
    });
  }

  async function* messages(): AsyncGenerator<Message, void, undefined> {
    for (;;) {
      const message = await next;
      next = expect();
      yield message;
    }
  }

  return { put: (message: Message) => put(message), messages };
}
