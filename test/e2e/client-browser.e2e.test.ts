import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, expect, jest } from "@jest/globals";
import { build } from "esbuild";
import { createBerthClient } from "../../client/client.ts";
import { consoleOf, servePages } from "./browser.ts";
import { startCluster, type TestCluster } from "./cluster.ts";
import { ensureImage, TEST_IMAGE } from "./engine.ts";
import { linesOf, SCENARIO, toolTest, withFolder } from "./example.ts";
import { installClient } from "./install-client.ts";

// A real browser, a page of another origin than the manager's, and the client as npm installs it.

jest.setTimeout(180_000);

const EXAMPLES = new URL("../../examples/", import.meta.url).pathname;
const chromium = { needs: "chromium", probe: "chromium --version" };

const SPEC = { image: TEST_IMAGE, command: ["sleep", "100"] };

/** Says what its watch says. */
const WATCHING = `
import { createBerthClient } from "@berth/client";
const manager = new URLSearchParams(location.search).get("manager");
for await (const word of createBerthClient({ addresses: [manager] }).watchTasks()) {
  const tasks = word.tasks ?? word.changes?.map(({ task }) => task) ?? [];
  console.log([word.kind, ...new Set(tasks.map(({ spec }) => spec.name))].join(" "));
}
`;

/** The page, made as its README says, and where it is served. */
async function withPage(body: (folder: string, port: number) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await installClient(folder);
    for (const name of ["browser", "node"]) {
      await mkdir(join(folder, name));
      await cp(join(EXAMPLES, name), join(folder, name), { recursive: true });
    }
    const pages = join(folder, "browser");
    await writeFile(join(pages, "watching.mjs"), WATCHING);
    await writeFile(
      join(pages, "watching.html"),
      '<script type="module" src="watching.js"></script>',
    );
    await build({
      entryPoints: [join(pages, "page.mjs"), join(pages, "watching.mjs")],
      outdir: pages,
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
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

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

toolTest(
  "a page's watch outlives its manager: it says that it is stale, and then what is true",
  chromium,
  () =>
    withPage(async (folder, port) => {
      const origin = `http://127.0.0.1:${port}`;
      const started = await startCluster({ extraFlags: { manager: ["--cors-origin", origin] } });
      cluster = started;
      const heard: string[] = [];
      async function isLast(line: string): Promise<boolean> {
        heard.push(line.split(" ", 1)[0] ?? "");
        if (heard.length === 1) await started.crash("manager");
        if (heard.filter((kind) => kind === "stale").length === 1 && line === "stale") {
          started.start("manager");
          const berth = createBerthClient({ addresses: [started.managerAddress] });
          await berth.submitTask({ spec: { ...SPEC, name: "after" } });
        }
        return line.endsWith(" after");
      }
      const query = new URLSearchParams({ manager: started.managerAddress });
      await consoleOf(`${origin}/watching.html?${query}`, { folder, isLast });
      expect(heard.slice(0, 2)).toEqual(["listed", "stale"]);
    }),
);
