import { create } from "@bufbuild/protobuf";
import { toTimestamp } from "../../core/time.ts";
import { type FileFacts, FileFactsSchema, FileKind } from "../../gen/berth/v1/files_pb.ts";
import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import { readTar } from "../../lib/tar/read-tar.ts";
import type { TarEntry } from "../../lib/tar/tar-entry.ts";
import { beginEntry, endArchive, endEntry } from "../../lib/tar/write-tar.ts";
import { type ContainerFiles, RuntimeError } from "./runtime.ts";

/** What lies at a path of a fake container. */
export type FakeFile = Readonly<{ entry: TarEntry; content: Uint8Array }>;

/** Where fake files lie. */
type Holder = { files?: Map<string, FakeFile> };

/** As much of an engine as files need. */
type Engine = Readonly<{
  mode: "up" | "down" | "hung";
  containers: Readonly<{ get(id: string): Holder | undefined }>;
}>;

/** Every container has these. */
const ROOT: FakeFile = fileOf("folder", 0o755);
const BUILT_IN: ReadonlyMap<string, FakeFile> = new Map([
  ["/", ROOT],
  ["/tmp", fileOf("folder", 0o777)],
  ["/etc", ROOT],
  ["/etc/hostname", fileOf("file", 0o644, "fake\n")],
]);

function fileOf(kind: TarEntry["kind"], permissions: number, text = ""): FakeFile {
  const content = Buffer.from(text);
  const sizeBytes = content.length;
  const entry = { path: "", kind, permissions, sizeBytes, modifyMs: 0, target: "" };
  return { entry, content };
}

/** Files of fake containers, in memory: a few that all have, and what was written. */
export function createFakeFiles(engine: Engine): ContainerFiles {
  function containerOf(id: string): Holder {
    if (engine.mode !== "up")
      throw new RuntimeError("engine-unavailable", "the engine did not answer: files");
    const container = engine.containers.get(id);
    if (!container) throw refused("there is no such container");
    return container;
  }

  const at = (id: string, path: string) =>
    containerOf(id).files?.get(clean(path)) ?? BUILT_IN.get(clean(path));

  return {
    lookAt: async (id, path) => {
      const file = at(id, path);
      return file && factsOf(clean(path), file);
    },
    async *read(id, path) {
      const file = at(id, path);
      if (!file) throw refused(`there is no ${path}`);
      const from = clean(path);
      const all = [...BUILT_IN, ...(containerOf(id).files ?? [])];
      const below = all.filter(([each]) => each.startsWith(`${from === "/" ? "" : from}/`));
      const inside = file.entry.kind === "folder" ? below.filter(([each]) => each !== from) : [];
      for (const [each, { entry, content }] of [[from, file] as const, ...inside]) {
        const named = { ...entry, path: nameOf(from) + each.slice(from.length) };
        yield Buffer.concat([beginEntry(named), content, endEntry(named)]);
      }
      yield endArchive();
    },
    async write(id, folder, { archive }) {
      const container = containerOf(id);
      if (at(id, folder)?.entry.kind !== "folder") throw refused(`there is no folder ${folder}`);
      container.files ??= new Map();
      for await (const { entry, content } of readTar(archive)) {
        const parts: Uint8Array[] = [];
        for await (const part of content) parts.push(part);
        const path = clean(`${folder}/${entry.path}`);
        container.files.set(path, { entry, content: Buffer.concat(parts) });
      }
    },
  };
}

const refused = (words: string) => new RuntimeError(FailureReason.UNHEALTHY, words);

const isName = (part: string) => part !== "" && part !== ".";
const clean = (path: string) => `/${path.split("/").filter(isName).join("/")}`;
const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1) || "/";

const KINDS = {
  file: FileKind.FILE,
  hardLink: FileKind.FILE,
  folder: FileKind.FOLDER,
  link: FileKind.LINK,
  other: FileKind.OTHER,
};

const factsOf = (path: string, { entry, content }: FakeFile): FileFacts =>
  create(FileFactsSchema, {
    ...{ name: nameOf(path), kind: KINDS[entry.kind], permissions: entry.permissions },
    ...{ sizeBytes: BigInt(content.length), linkTarget: entry.target },
    modifyTime: toTimestamp(entry.modifyMs),
  });
