import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  SessionRequest,
  SessionResponseSchema,
} from "../../gen/berth/v1/registry_service_pb.ts";
import { type Pulled, pullable, pulled, type Taker } from "../../lib/rpc/pulled.ts";

export type Answer = MessageInitShape<typeof SessionResponseSchema>;

/** What the words of a session do: undefined when there is nothing to say to this one. */
type Talk = Readonly<{ answer: (word: SessionRequest) => Answer | "over" | undefined }>;

/** The registry's half of a session. */
export type Answers = Pulled<Answer> &
  Readonly<{
    /** Nothing more is said. With a reason, the reader is told that it failed. */
    end(reason?: Error): void;
  }>;

/**
 * Answers words one by one: takes the next when the answer to the last one is on its way. Calls
 * `onEnd` once, when nothing more is said.
 */
export function createAnswers(
  words: AsyncIterable<SessionRequest>,
  talk: Talk,
  onEnd: () => void,
): Answers {
  const source = pullable(words);
  const exit = createExit();

  function end(reason?: Error): void {
    if (exit.isOver()) return;
    exit.close(reason);
    onEnd();
    // If it waits for a word, it hears of this when the call is over.
    source.return?.().catch(() => undefined);
  }

  function fail(error: unknown): void {
    end(error instanceof Error ? error : new Error("the stream broke", { cause: error }));
  }

  const hearer: Taker<SessionRequest> = {
    take(word) {
      if (exit.isOver()) return;
      try {
        answer(word);
      } catch (error) {
        fail(error);
      }
    },
    end: () => end(),
    fail,
  };

  function answer(word: SessionRequest): void {
    const answered = talk.answer(word);
    if (answered === "over") end();
    else if (answered) exit.give(answered);
    else listen();
  }

  function listen(): void {
    if (!exit.isOver()) source.pull(hearer);
  }

  function pull(taker: Taker<Answer>): void {
    exit.wait(taker);
    listen();
  }

  return { ...pulled(pull, () => end()), end };
}

/** Where the reader waits for the next answer, or for the end. The end's reason is told once. */
function createExit() {
  let reader: Taker<Answer> | undefined;
  let failure: Error | undefined;
  let isOver = false;

  function leave(): void {
    const [left, reason] = [reader, failure];
    if (!left || !isOver) return;
    [reader, failure] = [undefined, undefined];
    if (reason) left.fail(reason);
    else left.end();
  }

  return {
    isOver: () => isOver,
    close(reason: Error | undefined): void {
      isOver = true;
      failure = reason;
      leave();
    },
    wait(newcomer: Taker<Answer>): void {
      reader = newcomer;
      leave();
    },
    give(value: Answer): void {
      const served = reader;
      reader = undefined;
      served?.take(value);
    },
  };
}
