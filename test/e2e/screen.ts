import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { systemClock } from "../../lib/clock.ts";

const run = promisify(execFile);

/** How long a test waits for something to be seen: the machine may be busy. */
const PATIENCE_MS = 60_000;

/** A real terminal with a shell in it, at which a test sits. */
export interface Screen {
  /** Types text, and then Enter. */
  enter(line: string): Promise<void>;
  /** Types text alone. */
  type(text: string): Promise<void>;
  /** Types keys as tmux names them: `C-c`, `Enter`. */
  keys(...names: readonly string[]): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  /** Rows and columns, as `stty size` prints them. */
  size(): Promise<string>;
  /** All that is and was to be seen, once a line of it matches. */
  until(pattern: RegExp): Promise<string>;
  close(): Promise<void>;
}

/** Opens a terminal (tmux) of 80 by 24 on a server of its own. */
export async function openScreen(): Promise<Screen> {
  const socket = `berth-e2e-${process.pid}-${systemClock.now()}`;
  const tmux = async (...args: readonly string[]) =>
    (await run("tmux", ["-L", socket, "-f", "/dev/null", ...args], { env: ENVIRONMENT })).stdout;
  await tmux("new-session", "-d", "-x", "80", "-y", "24", "sh");
  await tmux("set-option", "-g", "window-size", "manual");
  const look = () => tmux("capture-pane", "-p", "-J", "-S", "-200");

  return {
    type: async (text) => void (await tmux("send-keys", "-l", "--", text)),
    async enter(line) {
      await tmux("send-keys", "-l", line);
      await tmux("send-keys", "Enter");
    },
    keys: async (...names) => void (await tmux("send-keys", ...names)),
    resize: async (columns, rows) =>
      void (await tmux("resize-window", "-x", String(columns), "-y", String(rows))),
    size: async () => (await tmux("display-message", "-p", "#{pane_height} #{pane_width}")).trim(),
    async until(pattern) {
      const deadline = systemClock.monotonic() + PATIENCE_MS;
      for (;;) {
        const text = await look();
        if (text.split("\n").some((line) => pattern.test(line))) return text;
        if (systemClock.monotonic() > deadline)
          throw new Error(`the screen never showed ${pattern}:\n${text}`);
        await systemClock.sleep(50);
      }
    },
    close: async () => void (await tmux("kill-server").catch(() => undefined)),
  };
}

const ENVIRONMENT = { ...process.env, PS1: "$ ", TERM: "xterm", LC_ALL: "C.UTF-8" };
