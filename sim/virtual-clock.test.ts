import { expect, test } from "@jest/globals";
import { createClock, createProcess, createVirtualTime } from "./virtual-clock.ts";

const never = () => false;

test("a sleeper wakes when its time has come, and time has not passed otherwise", async () => {
  const time = createVirtualTime();
  const clock = createClock(time, createProcess("p"));
  const woken: number[] = [];
  for (const ms of [3_000, 1_000, 2_000])
    void clock.sleep(ms).then(() => woken.push(clock.monotonic()));
  await time.run(2_500, never);
  expect(woken).toEqual([1_000, 2_000]);
  expect(time.elapsedMs()).toBe(2_500);
});

test("a sleeper wakes at once when its signal aborts", async () => {
  const time = createVirtualTime();
  const clock = createClock(time, createProcess("p"));
  const control = new AbortController();
  const sleep = clock.sleep(1e9, control.signal).then(() => clock.monotonic());
  await clock.sleep(5, AbortSignal.abort());
  control.abort();
  expect(await sleep).toBe(0);
});

test("a wrong calendar moves no deadline", async () => {
  const time = createVirtualTime();
  let skewMs = 0;
  const clock = createClock(time, createProcess("p"), () => skewMs);
  const start = clock.now();
  skewMs = -3_600_000;
  await time.run(1_000, never);
  expect(clock.now() - start).toBe(1_000 - 3_600_000);
  expect(clock.monotonic()).toBe(1_000);
});

test("what a dead process waited for never comes", async () => {
  const time = createVirtualTime();
  const process = createProcess("p");
  let isWoken = false;
  void createClock(time, process)
    .sleep(10)
    .then(() => {
      isWoken = true;
    });
  time.kill(process);
  await time.run(100, never);
  expect(isWoken).toBe(false);
});

test("a process that thaws gets everything late, its timers first", async () => {
  const time = createVirtualTime();
  const process = createProcess("p");
  const got: string[] = [];
  time.freeze(process);
  time.deliver(process, 10, () => got.push("message"));
  time.schedule(process, 20, () => got.push("timer"));
  await time.run(100, never);
  expect(got).toEqual([]);
  time.thaw(process);
  await time.run(100, never);
  expect(got).toEqual(["timer", "message"]);
});

test("a run ends early when it is told to", async () => {
  const time = createVirtualTime();
  const process = createProcess("p");
  for (const ms of [1, 2, 3]) time.schedule(process, ms, () => undefined);
  await time.run(10, () => time.elapsedMs() >= 2);
  expect(time.eventCount()).toBe(2);
});
