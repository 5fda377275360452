import { expect, test } from "@jest/globals";
import { CommandError } from "../command-error.ts";
import { exitCodes } from "../exit-codes.ts";
import { printLine } from "../terminal.ts";
import { createFakeContext } from "../testing/fake-context.ts";
import { watched } from "./watched.ts";

const away = () => new CommandError("nobody is there", { exitCode: exitCodes.unreachable });

/** Shows what each look at the world finds; after the last one the user leaves. */
async function watchedOver(looks: readonly (string | CommandError)[], isTty = false) {
  const { context, terminal, interruption } = createFakeContext();
  let at = 0;
  const clock = {
    ...context.clock,
    sleep: async () => {
      if (at === looks.length) interruption.abort();
    },
  };
  const here = { ...context, clock, terminal: { ...terminal, isTty } };
  const exitCode = await watched(here, { watch: true }, async ({ terminal: { stdout } }) => {
    const look = looks[at++];
    if (look instanceof CommandError) throw look;
    printLine(stdout, look ?? "");
    return exitCodes.ok;
  });
  return { exitCode, printed: terminal.printed() };
}

test("elsewhere than on a screen something is printed when it has changed", async () => {
  const { exitCode, printed } = await watchedOver(["one", "one", "two"]);
  expect(printed).toBe("one\ntwo");
  expect(exitCode).toBe(exitCodes.interrupted);
});

test("a manager that is away is told of once, and asked again", async () => {
  const { printed } = await watchedOver(["one", away(), away(), "one", away()]);
  expect(printed).toBe("one\n! error: nobody is there\n! error: nobody is there");
});

test("on a screen a page takes the place of the one before", async () => {
  const { printed } = await watchedOver(["one", "one"], true);
  expect(printed).toBe("\u001b[H\u001b[2Jone\n\u001b[H\u001b[2Jone");
});

test("any other trouble ends it", async () => {
  await expect(watchedOver([new CommandError("no such task")])).rejects.toThrow("no such task");
});
