import type { MessageInitShape } from "@bufbuild/protobuf";
import { INPUT_BYTES_MAX } from "../../core/limits.ts";
import type { FileFacts, FilesWantedSchema } from "../../gen/berth/v1/files_pb.ts";
import type { CopyTaskFilesRequestSchema } from "../../gen/berth/v1/manager_service_pb.ts";
import { reasonOf, unavailable } from "../../lib/errors.ts";
import type { Manager } from "../context.ts";

/** Whose files are meant. */
export type Container = Readonly<{ taskId: string; attempt: number }>;

type Way = NonNullable<MessageInitShape<typeof FilesWantedSchema>["way"]>;
type Word = MessageInitShape<typeof CopyTaskFilesRequestSchema>;
type Call = Readonly<{ signal: AbortSignal }>;

const startOf = (container: Container, way: Way): Word => ({
  word: { case: "start", value: { ...container, files: { way } } },
});

/** What is at a path of a container; undefined where there is nothing. */
export async function lookAt(
  manager: Manager,
  container: Container,
  { path, signal }: Call & Readonly<{ path: string }>,
): Promise<FileFacts | undefined> {
  const words = only(startOf(container, { case: "lookAt", value: path }));
  try {
    for await (const { output } of manager.copyTaskFiles(words, { signal }))
      if (output?.word.case === "facts") return output.word.value;
  } catch (error) {
    if (reasonOf(error) === "PATH_NOT_FOUND") return undefined;
    throw error;
  }
  throw brokenOff();
}

/** A tar archive of what is at a path of a container. Throws when it does not come whole. */
export async function* readFrom(
  manager: Manager,
  container: Container,
  { path, signal }: Call & Readonly<{ path: string }>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const words = only(startOf(container, { case: "readFrom", value: path }));
  for await (const { output } of manager.copyTaskFiles(words, { signal })) {
    if (output?.word.case === "data") yield output.word.value;
    if (output?.word.case === "end") return;
  }
  throw brokenOff();
}

type Writing = Call & Readonly<{ folder: string; archive: AsyncIterable<Uint8Array> }>;

/** Unpacks a tar archive into a folder of a container. Resolves once all of it is there. */
export async function writeInto(
  manager: Manager,
  container: Container,
  { folder, archive, signal }: Writing,
): Promise<void> {
  let trouble: unknown;
  async function* words(): AsyncGenerator<Word, void, undefined> {
    yield startOf(container, { case: "writeInto", value: folder });
    try {
      for await (const chunk of archive)
        for (let at = 0; at < chunk.length; at += INPUT_BYTES_MAX)
          yield inputOf({ case: "data", value: chunk.subarray(at, at + INPUT_BYTES_MAX) });
    } catch (error) {
      trouble = error;
      throw error;
    }
    yield inputOf({ case: "end", value: {} });
  }
  try {
    for await (const { output } of manager.copyTaskFiles(words(), { signal }))
      if (output?.word.case === "end") return;
  } catch (error) {
    // What the call makes of it says less.
    throw trouble ?? error;
  }
  throw brokenOff();
}

type Input = Extract<NonNullable<Word["word"]>, { case: "input" }>["value"]["word"];
const inputOf = (word: NonNullable<Input>): Word => ({
  word: { case: "input", value: { word } },
});

async function* only<T>(item: T): AsyncGenerator<T, void, undefined> {
  yield item;
}

const brokenOff = () => unavailable("COPY_BROKEN_OFF", "the copy broke off before its end");
