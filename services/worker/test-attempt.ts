import type { Attempt, Stage } from "./attempt.ts";

/** An attempt with nothing special about it, changed by `changes`. */
export const attemptAt = (stage: Stage, changes: Partial<Attempt> = {}): Attempt => ({
  key: { taskId: "t1", attempt: 1 },
  name: "web",
  spec: undefined,
  engine: "fake 1.0",
  orders: { onDisconnect: { kind: "keep-running" } },
  wish: { kind: "run" },
  stage,
  effortMs: 0,
  trouble: undefined,
  observeTimeMs: 0,
  ...changes,
});
