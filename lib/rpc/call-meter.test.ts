import { expect, jest, test } from "@jest/globals";
import { formatFamilies } from "../metrics/family.ts";
import { createCallMeter } from "./call-meter.ts";
import { createRig, post } from "./testing/rig.ts";

// Real sockets, on machines that may be busy; nothing here waits for time to pass.
jest.setTimeout(60_000);

const { start } = createRig();
const SAY = 'rpc_method="berth.testing.EchoService/Say"';
const COUNT = 'rpc_method="berth.testing.EchoService/Count"';

test("calls on both wires are counted by method and code, streams apart", async () => {
  const meter = createCallMeter();
  const { client, url, server } = await start(undefined, { meter });
  await client.say({});
  await post(url, "{}");
  for await (const _ of client.count({ count: 2 }));
  await server.stop(1_000);
  const text = formatFamilies(meter.families());
  const ok = 'rpc_response_status_code="OK"';
  expect(text).toContain(`rpc_server_call_duration_seconds_count{${SAY},${ok}} 2\n`);
  expect(text).toContain(`rpc_server_streams_total{${COUNT},${ok}} 1\n`);
  expect(text).toContain(`rpc_server_calls_open{${SAY}} 0\n`);
  expect(text).not.toContain(`rpc_server_call_duration_seconds_count{${COUNT}`);
});
