import { access } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { FileKind } from "../../gen/berth/v1/files_pb.ts";
import { readTar } from "../../lib/tar/read-tar.ts";
import type { TarEntry } from "../../lib/tar/tar-entry.ts";
import { beginEntry, endArchive, endEntry } from "../../lib/tar/write-tar.ts";
import { createDockerRig, IDLE, shell } from "./docker-rig.ts";

const { runtime, startOne } = createDockerRig("docker-files");
const { files } = runtime;
const never = new AbortController().signal;

const MAKE = [
  "mkdir -p /data/sub",
  "sh -c 'echo hello >/data/file'",
  "ln -s /data/file /data/link",
  "ln /data/file /data/sub/same",
  "chmod 640 /data/file",
  "mkfifo /data/pipe",
  "touch /ready",
].map((command) => `busybox ${command}`);

async function startWithFiles(): Promise<string> {
  const id = await startOne(shell(`${MAKE.join(" && ")}; trap 'exit 0' TERM; sleep 1000 & wait`));
  while (!(await files.lookAt(id, "/ready", never))) await new Promise((go) => setTimeout(go, 50));
  return id;
}

async function readAll(id: string, path: string) {
  const found: Record<string, string> = {};
  for await (const { entry, content } of readTar(files.read(id, path, never))) {
    const parts: Uint8Array[] = [];
    for await (const part of content) parts.push(part);
    found[entry.path] = `${entry.kind} ${entry.target}${Buffer.concat(parts).toString()}`.trim();
  }
  return found;
}

const entryOf = (path: string, sizeBytes: number): TarEntry => ({
  ...{ path, kind: "file", permissions: 0o751, sizeBytes, modifyMs: 1.7e12, target: "" },
});

async function* archive(path: string, ...contents: readonly string[]) {
  for (const content of contents) {
    const entry = entryOf(path, content.length);
    yield Buffer.concat([beginEntry(entry), Buffer.from(content), endEntry(entry)]);
  }
  yield endArchive();
}

describe("files of a container", () => {
  test("are told of: what they are, who may read them, how large they are", async () => {
    const id = await startWithFiles();
    expect(await files.lookAt(id, "/data/file", never)).toMatchObject({
      ...{ name: "file", kind: FileKind.FILE, permissions: 0o640, sizeBytes: 6n, linkTarget: "" },
    });
    expect(await files.lookAt(id, "/data", never)).toMatchObject({ kind: FileKind.FOLDER });
    const link = { kind: FileKind.LINK, linkTarget: "/data/file", sizeBytes: 0n };
    expect(await files.lookAt(id, "/data/link", never)).toMatchObject(link);
    expect(await files.lookAt(id, "/data/pipe", never)).toMatchObject({ kind: FileKind.OTHER });
    expect(await files.lookAt(id, "/nothing", never)).toBeUndefined();
  });

  test("are read as an archive, folders and links as they are", async () => {
    const id = await startWithFiles();
    expect(await readAll(id, "/data")).toEqual({
      data: "folder",
      "data/file": "file hello",
      "data/link": "link /data/file",
      "data/pipe": "other",
      "data/sub": "folder",
      "data/sub/same": "hardLink data/file",
    });
    const root = Object.keys(await readAll(id, "/"));
    expect(root.filter((path) => path.endsWith("data/file"))).toEqual(["/data/file"]);
    expect(await readAll(id, "/data/file")).toEqual({ file: "file hello" });
  });

  test("are written, also of one that has ended; what is there is replaced", async () => {
    const id = await startWithFiles();
    await files.write(id, "/data", { archive: archive("file", "new"), signal: never });
    await runtime.stop(id, 1_000);
    await files.write(id, "/data", {
      archive: archive("more", "x".repeat(300_000)),
      signal: never,
    });
    const found = await readAll(id, "/data");
    expect(found["data/file"]).toBe("file new");
    expect(found["data/more"]).toHaveLength(300_005);
    const facts = { permissions: 0o751, sizeBytes: 300_000n };
    expect(await files.lookAt(id, "/data/more", never)).toMatchObject(facts);
  });

  test.each([
    ["/nothing", "nothing"],
    ["/data/file", "not a directory"],
  ])("are not written into %s, which is no folder", async (folder, words) => {
    const id = await startWithFiles();
    const writing = files.write(id, folder, { archive: archive("x", "y"), signal: never });
    await expect(writing).rejects.toMatchObject({
      ...{ name: "RuntimeError", message: expect.stringContaining(words) },
    });
  });

  test("cannot be written outside of it, whatever the archive says", async () => {
    const id = await startWithFiles();
    const path = `${"../".repeat(12)}tmp/berth-escaped`;
    await files.write(id, "/data", { archive: archive(path, "x"), signal: never }).catch(() => 0);
    await expect(access("/tmp/berth-escaped")).rejects.toThrow("ENOENT");
    expect(await readAll(id, "/tmp").catch(() => ({}))).not.toHaveProperty("berth-escaped");
  });

  test("stop being read when nobody wants more", async () => {
    const id = await startOne(IDLE);
    const left = new AbortController();
    let bytes = 0;
    for await (const chunk of files.read(id, "/bin", left.signal)) {
      bytes += chunk.length;
      left.abort();
    }
    expect(bytes).toBeLessThan(1_000_000);
  });

  test("of an archive that breaks off are an error with its reason", async () => {
    const id = await startOne(IDLE);
    async function* broken() {
      yield beginEntry(entryOf("half", 1_000));
      throw new Error("the sender went away");
    }
    await expect(files.write(id, "/", { archive: broken(), signal: never })).rejects.toThrow(
      "the sender went away",
    );
  });
});
