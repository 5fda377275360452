import type { Input, Output, Terminal } from "../terminal.ts";

/** An input that is at its end. */
const nobody: Input = {
  isTty: false,
  async *read() {},
  makeRaw: () => () => undefined,
  size: () => undefined,
  onResize: () => () => undefined,
};

/** A terminal that remembers what was printed, in order. */
export type FakeTerminal = Terminal & Readonly<{ printed: () => string }>;

type Options = Readonly<{ env: Terminal["env"]; columns?: number }>;

/** Lines on stderr are marked with `! `. With `columns` it is a screen. */
export function createFakeTerminal({ env, columns }: Options): FakeTerminal {
  const lines: string[] = [];
  const decoder = new TextDecoder();
  function outputTo(mark: string): Output {
    let rest = "";
    return {
      write(data) {
        const text = rest + (typeof data === "string" ? data : decoder.decode(data));
        const parts = text.split("\n");
        rest = parts.pop() ?? "";
        lines.push(...parts.map((part) => `${mark}${part}`.trimEnd()));
      },
      drained: () => Promise.resolve(),
    };
  }
  return {
    stdin: nobody,
    stdout: outputTo(""),
    stderr: outputTo("! "),
    isTty: columns !== undefined,
    isErrorTty: columns !== undefined,
    columns: columns ?? 80,
    env,
    printed: () => lines.join("\n"),
  };
}
