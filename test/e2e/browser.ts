import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** How long a page may take. */
const PAGE_MS = 60_000;

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
};

/** Serves the files of a folder on a port of its own, on every name of this machine. */
export async function servePages(folder: string): Promise<Server & { readonly port: number }> {
  const server = createServer((request, response) => {
    const name = (request.url ?? "").split("?", 1)[0]?.slice(1) || "index.html";
    readFile(join(folder, name.replaceAll("..", ""))).then(
      (bytes) => {
        const type = TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream";
        response.writeHead(200, { "content-type": type }).end(bytes);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(server, { port: (server.address() as AddressInfo).port });
}

/** What a page wrote to its console, each line as it comes, until one that is the last. */
export async function consoleOf(
  url: string,
  {
    folder,
    isLast,
  }: Readonly<{ folder: string; isLast: (line: string) => boolean | Promise<boolean> }>,
): Promise<readonly string[]> {
  const flags = [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"],
    ...["--enable-logging=stderr", `--user-data-dir=${join(folder, "profile")}`],
  ];
  const browser = spawn("chromium", [...flags, url], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => browser.once("close", resolve));
  const timer = setTimeout(() => browser.kill("SIGKILL"), PAGE_MS);
  const lines: string[] = [];
  const all: string[] = [];
  try {
    for await (const text of createInterface({ input: browser.stderr })) {
      all.push(text);
      const [, line] = /CONSOLE[:(]\d+[)\]]* "(.*)", source: /.exec(text) ?? [];
      if (line === undefined) continue;
      lines.push(line);
      if (await isLast(line)) return lines;
    }
  } finally {
    clearTimeout(timer);
    browser.kill("SIGTERM");
    await ended;
  }
  throw new Error(`the browser ended before its page had:\n${all.join("\n")}`);
}
