import { expect, test } from "@jest/globals";
import { createDetachKeys } from "./detach-keys.ts";

const P = "\x10";
const Q = "\x11";

test.each<[string, string[], string, boolean]>([
  ["other keys", ["ls\n", "q"], "ls\nq", false],
  ["the two keys", ["ls", `${P}${Q}more`], `ls${P}`, true],
  ["the two keys, one by one", [P, Q], P, true],
  ["the first key alone", [P, "a", Q], `${P}a${Q}`, false],
  ["the second key alone", [Q], Q, false],
])("%s", (_what, chunks, passed, leaves) => {
  const look = createDetachKeys();
  let text = "";
  let isLeaving = false;
  for (const chunk of chunks) {
    const typed = look(Buffer.from(chunk));
    text += Buffer.from(typed.bytes).toString();
    isLeaving = typed.isLeaving;
  }
  expect([text, isLeaving]).toEqual([passed, leaves]);
});
