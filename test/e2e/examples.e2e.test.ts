import { cp } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { startCluster, type TestCluster } from "./cluster.ts";
import { ensureImage } from "./engine.ts";
import { linesOf, runIn, SCENARIO, settingsFor, toolTest, withFolder } from "./example.ts";

// Every example is held to the same lines. What it says of errors comes from the details of an error
// as its language reads them.

jest.setTimeout(300_000);

let cluster: TestCluster;
beforeAll(async () => {
  await ensureImage();
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

const settings = () => settingsFor(cluster.managerAddress);

async function expectScenario(output: string): Promise<void> {
  expect(linesOf(output)).toEqual(SCENARIO);
  expect((await cluster.client.listTasks({})).tasks).toEqual([]);
}

test("curl", async () => {
  await expectScenario(await runIn("curl", ["./run.sh"], settings()));
});

test("Python, with stubs made from the contract", () =>
  withFolder(async (folder) => {
    const stubs = join(folder, "stubs");
    await runIn("python", ["./generate.sh", stubs]);
    const env = { ...settings(), PYTHONPATH: stubs, PYTHONDONTWRITEBYTECODE: "1" };
    // The distribution's own, for which the distribution has grpcio.
    await expectScenario(await runIn("python", ["/usr/bin/python3", "run.py"], env));
  }));

toolTest(
  "Go, with stubs made from the contract",
  { needs: "go and its modules", probe: "cd go && go mod download" },
  () =>
    withFolder(async (folder) => {
      await cp(new URL("../../examples/go", import.meta.url), folder, { recursive: true });
      const template = join(folder, "buf.gen.yaml");
      await runIn("go", ["buf", "generate", "--template", template, "--output", folder]);
      const program = join(folder, "program");
      await runIn("go", ["go", "-C", folder, "build", "-o", program, "."]);
      await expectScenario(await runIn("go", [program], settings()));
    }),
);

toolTest(
  "grpcurl, knowing no proto file",
  { needs: "grpcurl", probe: "grpcurl -version" },
  async () => {
    await expectScenario(await runIn("grpcurl", ["./run.sh"], settings()));
  },
);

toolTest(
  "Java, with stubs made from the contract",
  { needs: "mvn, a JDK and their packages", probe: "javac -version && mvn -q -B -f java validate" },
  () =>
    withFolder(async (folder) => {
      const examples = new URL("../../examples/java", import.meta.url);
      await cp(examples, folder, { recursive: true });
      const root = new URL("../..", import.meta.url).pathname;
      const maven = ["mvn", "-q", "-B", "-f", folder, `-Droot=${root}`, "compile", "exec:java"];
      await expectScenario(await runIn("java", maven, settings()));
    }),
);
