import { create } from "@bufbuild/protobuf";
import {
  type CopyTaskFilesRequest,
  type CopyTaskFilesResponse,
  CopyTaskFilesResponseSchema,
  type CopyTaskFilesStart,
} from "../../gen/berth/v1/manager_service_pb.ts";
import { notFound, wrongState } from "../../lib/errors.ts";
import { createFakeFiles } from "../../services/worker/fake-runtime-files.ts";
import type { ContainerFiles } from "../../services/worker/runtime.ts";
import type { FakeLedger } from "./fake-ledger.ts";

type Words = AsyncIterable<CopyTaskFilesRequest>;
type Answers = AsyncGenerator<CopyTaskFilesResponse, void, undefined>;

const never = new AbortController().signal;

/** Files of a fake cluster's containers: a few that all have, and what is written. */
export function createFakeCopies(ledger: FakeLedger): (words: Words) => Answers {
  const holders = new Map<string, object>();
  const files = createFakeFiles({ mode: "up", containers: holders });
  return async function* copyTaskFiles(words) {
    const said = words[Symbol.asyncIterator]();
    const first = await said.next();
    if (first.done || first.value.word.case !== "start") throw new Error("the start comes first");
    const start = first.value.word.value;
    const { state, waitingReason } = ledger.find(start.taskId);
    if (waitingReason !== "" || state === undefined)
      throw wrongState(
        "NO_CONTAINER",
        `task ${start.taskId} has no container yet: ${waitingReason}`,
      );
    if (!holders.has(start.taskId)) holders.set(start.taskId, {});
    yield* answers(files, start, { [Symbol.asyncIterator]: () => said });
    yield answer({ word: { case: "end", value: {} } });
  };
}

async function* answers(files: ContainerFiles, start: CopyTaskFilesStart, words: Words): Answers {
  const { taskId, files: wanted } = start;
  const path = wanted?.way.value ?? "";
  if (wanted?.way.case === "writeInto")
    return files.write(taskId, path, { archive: dataIn(words), signal: never });
  const facts = await files.lookAt(taskId, path, never);
  if (!facts) throw notFound("path", `${path} of attempt ${taskId}`);
  yield answer({ word: { case: "facts", value: facts } });
  if (wanted?.way.case === "lookAt") return;
  for await (const data of files.read(taskId, path, never))
    yield answer({ word: { case: "data", value: data as Uint8Array<ArrayBuffer> } });
}

async function* dataIn(words: Words) {
  for await (const { word } of words)
    if (word.case === "input" && word.value.word.case === "data") yield word.value.word.value;
}

type Output = NonNullable<CopyTaskFilesResponse["output"]>["word"];
const answer = (output: Readonly<{ word: unknown }>) =>
  create(CopyTaskFilesResponseSchema, { output: output as { word: Output } });
