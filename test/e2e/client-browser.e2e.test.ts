import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest } from "@jest/globals";
import { build } from "esbuild";
import { consoleOf, servePages } from "./browser.ts";
import { startCluster, type TestCluster } from "./cluster.ts";
import { ensureImage, TEST_IMAGE } from "./engine.ts";
import { linesOf, SCENARIO, toolTest, withFolder } from "./example.ts";
import { installClient } from "./install-client.ts";

// A real browser, a page of another origin than the manager's, and the client as npm installs it.

jest.setTimeout(180_000);

const EXAMPLES = new URL("../../examples/", import.meta.url).pathname;
const chromium = { needs: "chromium", probe: "chromium --version" };

/** The page, made as its README says, and where it is served. */
async function withPage(body: (folder: string, port: number) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await installClient(folder);
    for (const name of ["browser", "node"]) {
      await mkdir(join(folder, name));
      await cp(join(EXAMPLES, name), join(folder, name), { recursive: true });
    }
    const pages = join(folder, "browser");
    await build({
      entryPoints: [join(pages, "page.mjs")],
      outfile: join(pages, "page.js"),
      bundle: true,
      format: "esm",
      logLevel: "warning",
    });
    const server = await servePages(pages);
    try {
      await body(folder, server.port);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}

let cluster: TestCluster | undefined;
beforeAll(() => ensureImage());
afterAll(() => cluster?.stop());

const isLast = (line: string) => line === "done" || line.startsWith("failed");

toolTest(
  "a page submits, watches, reads, stops and removes a task; one of another origin may not",
  chromium,
  () =>
    withPage(async (folder, port) => {
      const origin = `http://127.0.0.1:${port}`;
      cluster = await startCluster({ extraFlags: { manager: ["--cors-origin", origin] } });
      const query = new URLSearchParams({ manager: cluster.managerAddress, image: TEST_IMAGE });
      const allowed = await consoleOf(`${origin}/?${query}`, { folder, isLast });
      expect(linesOf(allowed.join("\n"))).toEqual([...SCENARIO, "done"]);

      // The same page under another name of this machine is of another origin.
      const other = await consoleOf(`http://localhost:${port}/?${query}`, { folder, isLast });
      expect(other.join("\n")).toContain("blocked by CORS policy");
      expect(other.at(-1)).toMatch(/^failed: /);
      expect((await cluster.client.listTasks({})).tasks).toEqual([]);
    }),
);
