import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import type { FilesWantedSchema } from "../../gen/berth/v1/files_pb.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { WorkerServiceCopyTaskFilesRequestSchema } from "../../gen/berth/v1/worker_service_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { createPipe } from "../../lib/pipe.ts";
import { beginEntry, endArchive, endEntry } from "../../lib/tar/write-tar.ts";
import { COPIES_MAX } from "./handlers-files.ts";
import { describeWorker, errorOf, start, type TestWorker, waitFor } from "./test-worker.ts";

type Word = MessageInitShape<typeof WorkerServiceCopyTaskFilesRequestSchema>;
type Way = NonNullable<MessageInitShape<typeof FilesWantedSchema>["way"]>;

const key = { taskId: "t1", attempt: 1 };
const startOf = (way: Way, at = key): Word => ({
  word: { case: "start", value: { ...at, files: { way } } },
});
const read = (path: string) => startOf({ case: "readFrom", value: path });
const write = (folder: string) => startOf({ case: "writeInto", value: folder });
const data = (bytes: Uint8Array): Word => ({
  word: { case: "input", value: { word: { case: "data", value: bytes } } },
});
const end: Word = { word: { case: "input", value: { word: { case: "end", value: {} } } } };

function archiveOf(path: string, text: string): Uint8Array {
  const facts = { permissions: 0o644, modifyMs: 0, target: "" };
  const entry = { ...facts, path, kind: "file", sizeBytes: text.length } as const;
  return Buffer.concat([beginEntry(entry), Buffer.from(text), endEntry(entry), endArchive()]);
}

async function* said(...words: readonly Word[]) {
  yield* words;
}

/** Says all and listens to the end. */
async function copy({ client }: TestWorker, ...words: readonly Word[]) {
  const heard = { kind: 0, bytes: "", ended: 0 };
  for await (const { output } of client.copyTaskFiles(said(...words))) {
    const word = output?.word;
    if (word?.case === "facts") heard.kind = word.value.kind;
    if (word?.case === "data") heard.bytes += Buffer.from(word.value).toString("latin1");
    if (word?.case === "end") heard.ended++;
  }
  return heard;
}

describeWorker("a copy", (worker) => {
  async function running(): Promise<TestWorker> {
    await worker().client.startTask(start());
    await waitFor(worker(), "t1", TaskState.RUNNING);
    return worker();
  }

  test("of what a path leads to says what it is, and that it is whole", async () => {
    const heard = await copy(await running(), read("/etc/hostname"));
    expect(heard).toMatchObject({ kind: 10, ended: 1 });
    expect(heard.bytes).toContain("fake\n");
    const look = startOf({ case: "lookAt", value: "/etc" });
    expect(await copy(worker(), look)).toEqual({ kind: 20, bytes: "", ended: 1 });
  });

  test("into a container is read again, in messages of any size", async () => {
    const w = await running();
    const text = "y".repeat(200_000);
    const bytes = archiveOf("big", text);
    const parts = [bytes.subarray(0, 65_536), bytes.subarray(65_536, 131_072)];
    const rest = [bytes.subarray(131_072, 190_000), bytes.subarray(190_000)];
    const words = [...parts, ...rest].map(data);
    expect(await copy(w, write("/tmp"), ...words, end)).toMatchObject({ ended: 1, kind: 0 });
    expect((await copy(w, read("/tmp/big"))).bytes).toContain(text);
  });

  test("from what is not there says so", async () => {
    const error = await errorOf(copy(await running(), read("/nothing")));
    expect(error?.code).toBe(Code.NotFound);
    expect(error?.rawMessage).toContain("path /nothing of attempt t1/1 does not exist");
  });

  test("whose archive has no end is not taken for whole", async () => {
    const w = await running();
    const part = data(archiveOf("half", "text").subarray(0, 600));
    const error = await errorOf(copy(w, write("/tmp"), part));
    expect(error?.code).toBe(Code.InvalidArgument);
    expect(error?.rawMessage).toContain("the archive has no end");
  });

  test.each<[string, readonly Word[], string]>([
    ["no word", [], "word"],
    ["data before the start", [data(Buffer.from("x"))], "word"],
    ["a second start", [write("/tmp"), read("/etc")], "word"],
    ["a start without a way", [{ word: { case: "start", value: key } }], "start.files"],
    ["a path that begins nowhere", [read("etc")], "start.files.read_from"],
    ["a path with a NUL", [write("/a\0b")], "start.files.write_into"],
    ["too much in a word", [write("/tmp"), data(new Uint8Array(65_537))], "input.data"],
    ["an empty word", [write("/tmp"), { word: { case: "input", value: {} } }], "input"],
  ])("with %s is refused by name", async (_what, words, field) => {
    const error = await errorOf(copy(await running(), ...words));
    expect(error?.code).toBe(Code.InvalidArgument);
    expect(error?.rawMessage).toContain(field);
  });

  test("of an attempt that is not here, or has no container, is refused", async () => {
    const way = { case: "readFrom", value: "/etc" } as const;
    const missing = await errorOf(
      copy(await running(), startOf(way, { taskId: "t9", attempt: 1 })),
    );
    expect(missing?.code).toBe(Code.NotFound);
  });

  test("too many at once is refused", async () => {
    const w = await running();
    const pipes = Array.from({ length: COPIES_MAX }, () => createPipe<Word>());
    const left = new AbortController();
    const copies = pipes.map(async (pipe) => {
      for await (const _ of w.client.copyTaskFiles(pipe.read(left.signal)));
    });
    for (const pipe of pipes) {
      await pipe.put(write("/tmp"));
    }
    const error = await errorOf(copy(w, read("/etc")));
    expect(reasonOf(error)).toBe("TOO_MANY_COPIES");
    for (const pipe of pipes) pipe.end();
    await Promise.allSettled(copies);
    expect((await copy(w, read("/etc"))).ended).toBe(1);
  });
});
