import { ConnectError } from "@connectrpc/connect";
import { describe, expect, jest, test } from "@jest/globals";
import type { Log, LogFields } from "../log.ts";
import { createRig, post } from "./testing/rig.ts";

// Real sockets, on machines that may be busy; nothing here waits for time to pass.
jest.setTimeout(60_000);

const { start } = createRig();

describe("the log", () => {
  type Line = Readonly<{ level: string; fields: LogFields; message: string }>;
  const recorder = () => {
    const lines: Line[] = [];
    const at = (level: string) => (fields: LogFields, message: string) =>
      void lines.push({ level, fields, message });
    const log: Log = {
      error: at("error"),
      warn: at("warn"),
      info: at("info"),
      debug: at("debug"),
      child: () => log,
    };
    return { log, rpcs: () => lines.filter(({ message }) => message.startsWith("rpc")) };
  };

  test("has a line for every call, whatever its end", async () => {
    const { log, rpcs } = recorder();
    const { client, server, url } = await start(undefined, { log });
    await client.say({});
    for await (const _ of client.count({ count: 5 })) break;
    await post(url, "{}");
    await server.stop(1_000);
    const summary = rpcs().map(({ level, fields }) => [level, fields["method"], fields["code"]]);
    expect(summary).toEqual([
      ["debug", "berth.testing.EchoService/Say", "OK"],
      ["debug", "berth.testing.EchoService/Count", expect.stringMatching(/OK|CANCELLED/)],
      ["debug", "berth.testing.EchoService/Say", "OK"],
    ]);
    expect(rpcs()[0]?.fields["peer"]).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test("has the cause of an internal error under the incident that the caller was told", async () => {
    const { log, rpcs } = recorder();
    const cause = new TypeError("secret of the house");
    const { client } = await start(
      {
        say() {
          throw cause;
        },
      },
      { log },
    );
    const error = ConnectError.from(await client.say({}).catch((e: unknown) => e));
    const [line] = rpcs();
    expect([line?.level, line?.fields["err"]]).toEqual(["warn", cause]);
    expect(error.rawMessage).toContain(String(line?.fields["incident"]));
  });
});
