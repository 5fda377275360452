import type { DescFile } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import * as contract from "./contract.ts";

const isFile = (value: unknown): value is DescFile =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "file";

test("all of Berth that the manager's calls speak of is in it", () => {
  const offered = Object.values(contract).filter(isFile);
  const needed = new Set([contract.ManagerService.file]);
  for (const file of needed)
    for (const imported of file.dependencies)
      if (imported.name.startsWith("berth/")) needed.add(imported);
  const names = (files: Iterable<DescFile>) => [...files].map(({ name }) => name).toSorted();
  expect(names(offered)).toEqual(names(needed));
});
