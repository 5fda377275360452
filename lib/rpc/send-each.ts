import type { Pullable, Taker } from "./pulled.ts";

/**
 * Sends one message after the other, the next when `send` says so: at once, or when its promise
 * resolves. Resolves at the end of `messages`; rejects as they or `send` fail, and lets them go first.
 */
export function sendEach<T>(
  messages: Pullable<T>,
  send: (message: T) => Promise<void> | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    /** Of messages that are there already, each would be asked for from within the one before. */
    let isAsking = false;
    let isNextWanted = false;

    function ask(): void {
      isNextWanted = true;
      if (isAsking) return;
      isAsking = true;
      while (isNextWanted) {
        isNextWanted = false;
        messages.pull(taker);
      }
      isAsking = false;
    }

    function giveUp(error: unknown): void {
      const fail = () => reject(error);
      Promise.resolve(messages.return?.()).then(fail, fail);
    }

    const taker: Taker<T> = {
      take(message) {
        try {
          const room = send(message);
          if (room === undefined) ask();
          else room.then(ask, giveUp);
        } catch (error) {
          giveUp(error);
        }
      },
      end: resolve,
      fail: reject,
    };
    ask();
  });
}
