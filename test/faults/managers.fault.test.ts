import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, expect, jest } from "@jest/globals";
import { systemClock } from "../../lib/clock.ts";
import { allTasks } from "../all-tasks.ts";
import { ensureImage } from "../e2e/engine.ts";
import { identityOf } from "./audit.ts";
import { eventually } from "./eventually.ts";
import { faketimeLibrary, faultTest } from "./needs.ts";
import { filesFolder } from "./traces.ts";
import { type Member, startTurns, type Turns } from "./turns.ts";
import { type Load, startLoad } from "./turns-load.ts";

jest.setTimeout(240_000);

/** Of a leader, as `berth manager` has it. */
const LEASE_SECONDS = 2;
/** How long the load goes on before the fault and after it. */
const LOAD_MS = 2_000;
const FROZEN_MS = 30_000;
/** How long a call may wait for a manager that is frozen. */
const PATIENCE_MS = FROZEN_MS + 60_000;

let turns: Turns;
let load: Load;
/** What their calendars are read from. */
const clockFiles: string[] = [];
let before: readonly ReturnType<typeof identityOf>[];
beforeAll(() => ensureImage());
afterEach(async () => {
  await turns?.stop();
  for (const file of clockFiles.splice(0)) rmSync(file);
});

/** Tasks that run from the beginning, and then calls without a pause. */
async function begin(given: Turns): Promise<Member> {
  turns = given;
  await turns.rig.sleepers(4);
  before = (await turns.rig.containers()).map(identityOf);
  load = startLoad(turns.members);
  await systemClock.sleep(LOAD_MS);
  return turns.leader();
}

/** What every fault here must leave: nothing lost, nothing restarted, nothing done by a former leader. */
async function allIsWell(title: string): Promise<void> {
  const { rig, witness } = turns;
  await systemClock.sleep(LOAD_MS);
  const callCount = await load.end();
  await rig.sleeper();
  await rig.agrees();
  expect((await rig.containers()).map(identityOf)).toEqual(expect.arrayContaining([...before]));
  const tasks = await allTasks(rig.client, { timeoutMs: 5_000 });
  expect(tasks.filter(({ attempt }) => attempt?.number !== 1)).toEqual([]);
  expect(witness.complaints).toEqual([]);
  const terms = [...witness.obeyed].map(([epoch, count]) => `${count} by epoch ${epoch}`);
  tell(
    `${title}: ${callCount} calls acknowledged, 0 lost; ${before.length} containers, 0 restarted; ` +
      `commands to ${witness.count} workers: ${terms.join(", ")}, 0 by a former leader`,
  );
}

const tell = (text: string) => void process.stderr.write(`faults: ${text}\n`);

const answered = (member: Member, sinceMs: number) =>
  eventually("a manager answers", async () => load.answeredMs(member, sinceMs), PATIENCE_MS);

faultTest(
  "a leader killed under load is replaced by a standby; nothing is lost or restarted",
  ["etcd"],
  async () => {
    const leader = await begin(await startTurns());
    const standby = turns.other(leader);
    const sinceMs = systemClock.monotonic();
    await leader.role.kill();
    const [leaseMs, answeredMs] = await Promise.all([
      turns.leaseEndsMs(LEASE_SECONDS),
      answered(standby, sinceMs),
    ]);
    tell(
      `leader killed: a standby answers a new call ${Math.round(answeredMs - sinceMs)} ms later; ` +
        `a lease of ${LEASE_SECONDS} s ends in etcd after ${Math.round(leaseMs)} ms`,
    );
    expect(await turns.leader()).toBe(standby);
    leader.role.start();
    await allIsWell("leader killed");
    expect(turns.witness.obeyed.size).toBe(2);
  },
);

faultTest(
  "a leader frozen for 30 s under load finds another one in its place, and commands nobody",
  ["etcd"],
  async () => {
    const leader = await begin(await startTurns());
    const standby = turns.other(leader);
    const sinceMs = systemClock.monotonic();
    leader.role.pause();
    await answered(standby, sinceMs);
    await systemClock.sleep(FROZEN_MS - (systemClock.monotonic() - sinceMs));
    leader.role.resume();
    await answered(leader, sinceMs);
    expect(await turns.leader()).toBe(standby);
    await allIsWell("leader frozen");
    expect(turns.witness.obeyed.size).toBe(2);
  },
);

faultTest(
  "a leader cut off from etcd under load steps down, and passes on what it is asked once it is back",
  ["etcd"],
  async () => {
    const leader = await begin(await startTurns());
    const standby = turns.other(leader);
    const sinceMs = systemClock.monotonic();
    leader.relay.mute();
    await answered(standby, sinceMs);
    expect(await turns.leader()).toBe(standby);
    leader.relay.cut();
    await answered(leader, systemClock.monotonic());
    await allIsWell("leader cut off from etcd");
    expect(turns.witness.obeyed.size).toBe(2);
  },
);

faultTest(
  "a leader whose clock goes back by an hour under load leads on, and so does the next one",
  ["etcd", "faketime"],
  async () => {
    const clock = clocks();
    const leader = await begin(await startTurns(clock.envOf));
    const standby = turns.other(leader);
    const number = turns.members.indexOf(leader);
    clock.set(number, "-3600");
    const steppedMs = systemClock.monotonic();
    await Promise.all(turns.members.map((member) => answered(member, steppedMs)));
    await systemClock.sleep(LOAD_MS);
    expect(await turns.leader()).toBe(leader);
    expect(turns.witness.obeyed.size).toBe(1);
    await leader.role.kill();
    await answered(standby, systemClock.monotonic());
    clock.set(number, "+0");
    leader.role.start({ env: clock.envOf(number) });
    await allIsWell("leader's clock an hour back, then killed");
    expect(turns.witness.obeyed.size).toBe(2);
  },
);

/** A calendar for each manager. */
function clocks() {
  const fileOf = (number: number) => join(filesFolder(), `clock-${process.pid}-${number}`);
  const set = (number: number, step: string) => writeFileSync(fileOf(number), `${step}\n`);
  return {
    set,
    envOf(number: number) {
      set(number, "+0");
      if (!clockFiles.includes(fileOf(number))) clockFiles.push(fileOf(number));
      return {
        LD_PRELOAD: faketimeLibrary() ?? "",
        FAKETIME_TIMESTAMP_FILE: fileOf(number),
        FAKETIME_NO_CACHE: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      };
    },
  };
}
