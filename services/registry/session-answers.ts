import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  SessionRequest,
  SessionResponseSchema,
} from "../../gen/berth/v1/registry_service_pb.ts";

export type Answer = MessageInitShape<typeof SessionResponseSchema>;

/** What the words of a session do: undefined when there is nothing to say to this one. */
type Talk = Readonly<{ answer: (word: SessionRequest) => Answer | "over" | undefined }>;

/** The registry's half of a session. */
export interface Answers extends AsyncIterableIterator<Answer, undefined> {
  /** Nothing more is said. With a reason, the reader is told by an exception. */
  end(reason?: Error): void;
}

type Result = IteratorResult<Answer, undefined>;
type Reader = Readonly<{ resolve: (result: Result) => void; reject: (reason: Error) => void }>;

const DONE = { done: true, value: undefined } as const;

/**
 * Answers words one by one: takes the next when the answer to the last one is on its way. Calls
 * `onEnd` once, when nothing more is said.
 *
 * Written out because a registry does little else: as generators with a mailbox between them it took
 * several promises and a turn of the event loop more for each heartbeat.
 */
export function createAnswers(
  words: AsyncIterable<SessionRequest>,
  talk: Talk,
  onEnd: () => void,
): Answers {
  const source = words[Symbol.asyncIterator]();
  const exit = createExit();

  function end(reason?: Error): void {
    if (exit.isOver()) return;
    exit.close(reason);
    onEnd();
    // If it waits for a word, it hears of this when the call is over.
    source.return?.().catch(() => undefined);
  }

  function take(result: IteratorResult<SessionRequest>): void {
    const answer = exit.isOver() || result.done ? "over" : talk.answer(result.value);
    if (answer === "over") end();
    else if (answer) exit.give(answer);
    else listen();
  }

  function listen(): void {
    if (!exit.isOver()) source.next().then(take).catch(fail);
  }

  function fail(error: unknown): void {
    end(error instanceof Error ? error : new Error("the stream broke", { cause: error }));
  }

  return {
    end,
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () =>
      new Promise((resolve, reject) => {
        exit.wait({ resolve, reject });
        listen();
      }),
    async return() {
      end();
      return DONE;
    },
  };
}

/** Where the reader waits for the next answer, or for the end. The end's reason is told once. */
function createExit() {
  let reader: Reader | undefined;
  let failure: Error | undefined;
  let isOver = false;

  function leave(): void {
    const [left, reason] = [reader, failure];
    if (!left || !isOver) return;
    [reader, failure] = [undefined, undefined];
    if (reason) left.reject(reason);
    else left.resolve(DONE);
  }

  return {
    isOver: () => isOver,
    close(reason: Error | undefined): void {
      isOver = true;
      failure = reason;
      leave();
    },
    wait(newcomer: Reader): void {
      reader = newcomer;
      leave();
    },
    give(value: Answer): void {
      const served = reader;
      reader = undefined;
      served?.resolve({ done: false, value });
    },
  };
}
