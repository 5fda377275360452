import type { StateFile, StateFolder } from "./state-folder.ts";

/** What a worker remembers for as long as its process lives. `owner` is for messages. */
export function createMemoryFolder(owner: string): StateFolder {
  const path = `the memory of ${owner}`;
  return { identity: createMemoryFile(path), verdicts: createMemoryFile(path) };
}

function createMemoryFile(path: string): StateFile {
  let held: string | undefined;
  return {
    path,
    read: async () => held,
    write: async (text) => {
      held = text;
    },
  };
}
