import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { RestartMode, type RestartPolicySchema, TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";
import { checkPolicy } from "./validate-policy.ts";

const check = (init: MessageInitShape<typeof TaskSpecSchema>) => [
  ...checkPolicy(create(TaskSpecSchema, init)),
];

/** Not a value of any enumeration. */
const UNKNOWN: number = 999;

const mode = RestartMode.ON_FAILURE;
const hour = { seconds: 3_600n };
const policy = (init: MessageInitShape<typeof RestartPolicySchema>) => ({
  restartPolicy: { mode, ...init },
});

const REFUSED: readonly (readonly [string, MessageInitShape<typeof TaskSpecSchema>])[] = [
  ["restart_policy.mode", policy({ mode: UNKNOWN })],
  ["restart_policy.restarts_max", policy({ mode: RestartMode.NO, restartsMax: 0 })],
  ["restart_policy.window", { restartPolicy: { window: hour } }],
  ["restart_policy.backoff_first", policy({ mode: RestartMode.NO, backoffFirst: hour })],
  ["restart_policy.backoff_max", policy({ mode: RestartMode.NO, backoffMax: hour })],
  ["restart_policy.window", policy({ window: hour })],
  ["restart_policy.window", policy({ restartsMax: 1, window: { nanos: 999_999_999 } })],
  ["restart_policy.window", policy({ restartsMax: 1, window: { seconds: 2_592_000n, nanos: 1 } })],
  ["restart_policy.restarts_max", policy({ restartsMax: 101, window: hour })],
  ["restart_policy.backoff_first", policy({ backoffFirst: { seconds: -1n } })],
  ["restart_policy.backoff_max", policy({ backoffMax: { seconds: 3_601n } })],
  ["restart_policy.backoff_first", policy({ backoffFirst: { seconds: 2n }, backoffMax: {} })],
  ["on_disconnect", { onDisconnect: UNKNOWN }],
  ["placement_timeout", { placementTimeout: { seconds: 0n, nanos: 1 } }],
  ["placement_timeout", { placementTimeout: { seconds: 2_592_001n } }],
  ["pull_timeout", { pullTimeout: { seconds: 86_401n } }],
  ["start_timeout", { startTimeout: { seconds: 1n, nanos: -1 } }],
  ["start_timeout", { startTimeout: { seconds: 3_600n, nanos: 1 } }],
];

test.each(REFUSED.map(([field, init], index) => ({ field, init, index })))(
  "$field is refused ($index)",
  ({ field, init }) => {
    expect(check(init).map((violation) => violation.field)).toEqual([`spec.${field}`]);
  },
);

test("what is refused is named with its value and the remedy", () => {
  expect(check(policy({ window: { seconds: 60n } }))).toEqual([
    {
      field: "spec.restart_policy.window",
      description:
        "is 60 s although there is no restarts_max to count in it: set restarts_max or leave it out",
    },
  ]);
  expect(check({ pullTimeout: { seconds: 1n, nanos: -1 } })[0]?.description).toBe(
    "is 1 s and -1 ns: must be 1 to 86400 s",
  );
});

test("what is at its limits is taken", () => {
  const window = { seconds: 2_592_000n };
  const backoff = { backoffFirst: hour, backoffMax: hour };
  expect(check(policy({ restartsMax: 100, window, ...backoff }))).toEqual([]);
  expect(check(policy({ restartsMax: 2 ** 32 - 1, backoffFirst: {} }))).toEqual([]);
  expect(check({ placementTimeout: { seconds: 1n }, startTimeout: hour })).toEqual([]);
});
