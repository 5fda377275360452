import { expect, test } from "@jest/globals";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { systemClock } from "../clock.ts";
import { silentLog } from "../log.ts";
import { openChannel } from "./channel.ts";
import { createClient } from "./client.ts";
import { isRefused } from "./connection-refused.ts";

test("a port without a listener refuses; any other error does not", async () => {
  const channel = openChannel({ address: "127.0.0.1:1", clock: systemClock, log: silentLog });
  const call = createClient(ManagerService, channel).getCluster({});
  const error: unknown = await call.catch((reason: unknown) => reason);
  expect(isRefused(error)).toBe(true);
  channel.close();
  expect(isRefused(new Error("ECONNREFUSED"))).toBe(false);
});
