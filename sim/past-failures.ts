import type { SeedJob } from "./seed-job.ts";

/**
 * Seeds and plans that once showed a fault. They are run always, before all others. A seed's plan
 * changes when the way of drawing plans does; what must stay is kept as a plan.
 */
export const pastFailures: readonly SeedJob[] = [];
