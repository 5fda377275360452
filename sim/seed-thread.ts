import { parentPort } from "node:worker_threads";
import { runJob, type SeedJob } from "./seed-job.ts";

// Runs what it is sent, one after the other, and answers each.
parentPort?.on("message", async (job: SeedJob) => {
  parentPort?.postMessage(await runJob(job));
});
