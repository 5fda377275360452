const transform = {
  "\\.ts$": [
    "@swc/jest",
    { jsc: { target: "es2023", parser: { syntax: "typescript" } }, module: { type: "es6" } },
  ],
};
const common = {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform,
  setupFiles: ["<rootDir>/test/fixed-seed.ts"],
};

export default {
  // For what hangs. No test waits for real time, but a busy machine may take its time for them.
  testTimeout: 120_000,
  projects: [
    {
      ...common,
      displayName: "unit",
      roots: ["client", "core", "lib", "services", "cli", "sim", "test"].map(
        (folder) => `<rootDir>/${folder}`,
      ),
      testPathIgnorePatterns: [
        "/node_modules/",
        "/test/e2e/",
        "/test/etcd/",
        "/test/compose/",
        "/test/faults/",
      ],
    },
    // Needs the program `etcd`: `make test` sees to one.
    { ...common, displayName: "etcd", roots: ["<rootDir>/test/etcd"] },
    // Needs a Docker engine and the program `etcd`: `make test` sees to both.
    { ...common, displayName: "e2e", roots: ["<rootDir>/test/e2e"] },
    // Builds images and starts the cluster of docker-compose.yml: minutes, and packages from npm.
    { ...common, displayName: "compose", roots: ["<rootDir>/test/compose"] },
    // Breaks real processes, engines, disks and networks. Most of it needs root: see docs/faults.md.
    { ...common, displayName: "faults", roots: ["<rootDir>/test/faults"] },
  ],
};
