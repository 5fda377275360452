import fc from "fast-check";

/** Another one is tried with `FC_SEED=7 make unit`; what it finds is worth a seed of its own. */
const SEED = 20_260_101;

// A run tells of the code, not of luck: property tests that name no seed have this one.
fc.configureGlobal({ seed: Number(process.env["FC_SEED"] ?? SEED) });
