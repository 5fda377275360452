import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { NetworkMode } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import type { SpecInit } from "./rig.ts";
import type { Member } from "./turns.ts";
import { HOLLOW } from "./witness.ts";

/** Users who submit and stop without a pause, at each of the managers. */
export interface Load {
  /** When a call at a manager was answered that had been made after `sinceMs`, the earliest. */
  answeredMs(member: Member, sinceMs: number): number | undefined;
  /** Ends it once all that was asked is answered. How many calls were acknowledged. */
  end(): Promise<number>;
}

/** One that ends by itself at once, where there are no containers. */
const SHORT: SpecInit = {
  ...{ image: "hollow:after-50.exit-0", networkMode: NetworkMode.BRIDGE },
  constraints: [HOLLOW],
};
/** One that runs until it is stopped. */
const LONG: SpecInit = { ...SHORT, image: "hollow:1" };
/** A real container. */
const REAL: SpecInit = { command: ["true"] };

/** How many have no pause, at each manager. */
const USERS = 4;

/** A real container takes an engine a good part of a second. */
const REAL_PAUSE_MS = 1_000;

type Answer = Readonly<{ member: Member; askedMs: number; answeredMs: number }>;

export function startLoad(members: readonly Member[]): Load {
  const answers: Answer[] = [];
  let isOver = false;

  async function timed<T>(member: Member, call: () => Promise<T>): Promise<T> {
    const askedMs = systemClock.monotonic();
    const answer = await call();
    answers.push({ member, askedMs, answeredMs: systemClock.monotonic() });
    return answer;
  }

  const submit = (member: Member, spec: SpecInit): Promise<Task> =>
    timed(member, () => member.submit(spec));

  async function keepBusy(member: Member): Promise<void> {
    while (!isOver) {
      await submit(member, SHORT);
      const { id } = await submit(member, LONG);
      await timed(member, () => member.stopTask(id));
    }
  }

  async function keepEngineBusy(member: Member): Promise<void> {
    while (!isOver) {
      await submit(member, REAL);
      await systemClock.sleep(REAL_PAUSE_MS);
    }
  }

  const busy = members.flatMap((member) => [
    ...Array.from({ length: USERS }, () => keepBusy(member)),
    keepEngineBusy(member),
  ]);
  return {
    answeredMs(member, sinceMs) {
      const later = answers.filter((each) => each.member === member && each.askedMs > sinceMs);
      return later.length === 0 ? undefined : Math.min(...later.map((each) => each.answeredMs));
    },
    async end() {
      isOver = true;
      await Promise.all(busy);
      return answers.length;
    },
  };
}
