import { expect, test } from "@jest/globals";
import { formatFamilies } from "../../lib/metrics/family.ts";
import { containerFamilies } from "./container-families.ts";
import { attemptAt } from "./test-attempt.ts";

const attempt = attemptAt(
  { kind: "running", container: { id: "abc", startTimeMs: 1_500, ports: [] } },
  { image: "web:1", name: 'a"b' },
);
const usage = {
  takenMs: 0,
  cpuNanos: 2.5e9,
  memoryBytes: 10,
  memoryUsageBytes: 20,
  memoryLimitBytes: 0,
  network: undefined,
  blockReadBytes: 1,
  blockWriteBytes: 2,
  processCount: 3,
};

test("a container has cAdvisor's names and labels, and no figures that it has not", () => {
  const text = formatFamilies(
    containerFamilies([
      { attempt, measured: { kind: "usage", usage } },
      { attempt, measured: { kind: "failed", message: "no engine" } },
      { attempt, measured: { kind: "absent" } },
    ]),
  );
  const labels =
    '{id="/docker/abc",name="berth-t1-1",image="web:1",task_id="t1",task_name="a\\"b"}';
  expect(text).toContain(`container_cpu_usage_seconds_total${labels} 2.5\n`);
  expect(text).toContain(`container_start_time_seconds${labels} 1.5\n`);
  expect(text).not.toContain("container_network");
  expect(text).toContain("berth_worker_unmeasured_containers 1\n");
});
