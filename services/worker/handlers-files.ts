import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { INPUT_BYTES_MAX } from "../../core/limits.ts";
import { validateFilesInput } from "../../core/validate-files.ts";
import type { FilesOutputSchema } from "../../gen/berth/v1/files_pb.ts";
import {
  type WorkerServiceCopyTaskFilesRequest,
  type WorkerServiceCopyTaskFilesResponse,
  WorkerServiceCopyTaskFilesResponseSchema,
  type WorkerServiceCopyTaskFilesStart,
} from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { exhausted, notFound, timedOut, unavailable, wrongState } from "../../lib/errors.ts";
import { badWord, createTalks, type Talk } from "../../lib/rpc/talks.ts";
import { keyText } from "./attempt.ts";
import { checkFiles, refuse } from "./handlers-checks.ts";
import { type Runtime, RuntimeError } from "./runtime.ts";
import type { Supervisor } from "./supervisor.ts";

type Deps = Readonly<{
  supervisor: Pick<Supervisor, "adopted" | "find">;
  runtime: Pick<Runtime, "files">;
  clock: Clock;
}>;

/** Copies at once: each holds a connection to the engine, which packs or unpacks. */
export const COPIES_MAX = 16;

/** For how long nothing may move, in either direction: who sleeps does not keep others out. */
const STALL_MS = 60_000;

type CopyTalk = Talk<WorkerServiceCopyTaskFilesRequest, WorkerServiceCopyTaskFilesStart>;
type Answers = AsyncGenerator<WorkerServiceCopyTaskFilesResponse, void, undefined>;

/** Copies files from and to containers, each copy as fast as its caller and the engine are. */
export const createFilesHandler = (deps: Deps) =>
  createTalks(
    {
      clock: deps.clock,
      countMax: COPIES_MAX,
      tooMany: (count) => exhausted("TOO_MANY_COPIES", `${count} copies are under way: end some`),
      hint: "say what to copy first",
      startIn,
    },
    (talk: CopyTalk) => copy(deps, talk),
  );

function startIn({
  word,
}: WorkerServiceCopyTaskFilesRequest): WorkerServiceCopyTaskFilesStart | undefined {
  if (word.case !== "start") return undefined;
  refuse(checkFiles(word.value));
  return word.value;
}

async function* copy(deps: Deps, talk: CopyTalk): Answers {
  await deps.supervisor.adopted();
  const { start, over } = talk;
  const watch = createStallWatch(deps.clock, over);
  const copying = { files: deps.runtime.files, containerId: containerOf(deps, start), talk, watch };
  try {
    yield* carryOut(copying);
  } catch (error) {
    throw error instanceof RuntimeError && !over.signal.aborted ? asRpcError(error, start) : error;
  } finally {
    watch.end();
  }
  if (over.signal.aborted) throw over.signal.reason;
  yield answer({ case: "end", value: {} });
}

type StallWatch = ReturnType<typeof createStallWatch>;

function createStallWatch(clock: Clock, over: AbortController) {
  const stalled = () => over.abort(timedOut("COPY_STALLED", `nothing moved for ${STALL_MS} ms`));
  let disarm = clock.after(STALL_MS, stalled);
  return {
    moved(): void {
      disarm();
      disarm = clock.after(STALL_MS, stalled);
    },
    end: () => disarm(),
  };
}

type Copying = Readonly<{
  files: Runtime["files"];
  containerId: string;
  talk: CopyTalk;
  watch: StallWatch;
}>;

async function* carryOut({ files, containerId, talk, watch }: Copying): Answers {
  const { start, words, signal, over } = talk;
  const way = start.files?.way;
  if (way?.case === "writeInto") {
    const archive = archiveIn(words, watch);
    return await files.write(containerId, way.value, { archive, signal }).catch((error) => {
      // What was wrong with the archive, rather than how the engine took its end.
      throw over.signal.aborted ? over.signal.reason : (archive.error ?? error);
    });
  }
  const path = way?.value ?? "";
  const facts = await files.lookAt(containerId, path, signal);
  if (!facts) throw notFound("path", `${path} of attempt ${keyText(start)}`);
  yield answer({ case: "facts", value: facts });
  if (way?.case !== "readFrom") return;
  for await (const chunk of files.read(containerId, path, signal))
    for (let at = 0; at < chunk.length; at += INPUT_BYTES_MAX) {
      yield answer({
        case: "data",
        value: Uint8Array.from(chunk.subarray(at, at + INPUT_BYTES_MAX)),
      });
      watch.moved();
    }
}

/** The bytes of the archive that a caller sends, and what was wrong with its words. */
function archiveIn(words: CopyTalk["words"], watch: StallWatch) {
  const archive = { error: undefined as unknown, [Symbol.asyncIterator]: bytes };
  async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* dataIn(words, watch);
    } catch (error) {
      archive.error = error;
      throw error;
    }
  }
  return archive;
}

async function* dataIn(words: CopyTalk["words"], watch: StallWatch) {
  for await (const { word } of words) {
    if (word.case !== "input") throw badWord("is no input: after the start only input is sent");
    refuse(validateFilesInput("input", word.value));
    if (word.value.word.case === "end") return;
    if (word.value.word.case === "data") yield word.value.word.value;
    watch.moved();
  }
  throw badWord("is missing: the archive has no end");
}

/** It may run or have ended, as long as it was not removed. */
function containerOf({ supervisor }: Deps, key: WorkerServiceCopyTaskFilesStart): string {
  const attempt = supervisor.find(key);
  if (!attempt) throw notFound("attempt", keyText(key));
  const { stage } = attempt;
  const isGone = stage.kind === "ended" && stage.remains !== "kept";
  if ("container" in stage && stage.container && !isGone) return stage.container.id;
  const why = isGone ? "it was removed" : "it is not made yet";
  throw wrongState("NO_CONTAINER", `attempt ${keyText(key)} has no container: ${why}`);
}

type Output = NonNullable<MessageInitShape<typeof FilesOutputSchema>["word"]>;

const answer = (word: Output): WorkerServiceCopyTaskFilesResponse =>
  create(WorkerServiceCopyTaskFilesResponseSchema, { output: { word } });

function asRpcError(error: RuntimeError, key: WorkerServiceCopyTaskFilesStart) {
  const { kind, message } = error;
  const options = { cause: error };
  if (kind === "engine-unavailable")
    return unavailable("ENGINE_UNAVAILABLE", message, { ...options, retryMs: 1_000 });
  return wrongState("COPY_REFUSED", `attempt ${keyText(key)}: ${message}`, options);
}
