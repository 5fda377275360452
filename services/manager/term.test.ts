import { expect, test } from "@jest/globals";
import type { Wire } from "../../lib/rpc/wire.ts";
import { createMeters } from "./meters.ts";
import { createTerm } from "./term.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const isOff = () => {
  throw new Error("this test has no network");
};
const wire: Wire = { serve: isOff, connect: isOff, find: isOff };
const config = {
  ...{ listen: "manager:7070", registryAddress: "registry:7071" },
  ...{ defaultScheduler: "spread", version: "test" },
};

test("a leadership that is over before it begins ends", async () => {
  const { ledger, store, clock, random, log } = await createManagerRig();
  const options = { ledger, store, config, startMs: 0, meters: createMeters(), connect: isOff };
  const term = createTerm(options, { wire, clock, random, log, probes: isOff });
  await expect(term.run(AbortSignal.abort())).resolves.toBeUndefined();
});
