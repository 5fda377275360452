import { Readable } from "node:stream";
import { create } from "@bufbuild/protobuf";
import { toTimestamp } from "../../core/time.ts";
import { type FileFacts, FileFactsSchema, FileKind } from "../../gen/berth/v1/files_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { EngineClient, EngineRequest, EngineTask } from "./engine-client.ts";
import { isRefusal, OverdueError, toRuntimeError } from "./engine-error.ts";
import { isJson } from "./engine-json.ts";
import type { EngineLimits } from "./engine-limits.ts";
import { readChunks } from "./engine-stream.ts";
import { type ContainerFiles, RuntimeError } from "./runtime.ts";

type Deps = Readonly<{ engine: EngineClient; clock: Clock; limits: EngineLimits }>;

/** Files of containers, by the engine's archives (Docker Engine API 1.41): the image needs nothing. */
export function createContainerFiles({ engine, clock, limits }: Deps): ContainerFiles {
  const taskOf = (containerId: string, request: Asked): EngineTask => ({
    ...{ verb: "copy files of", subject: containerId, deadlineMs: limits.lookMs },
    request: { ...request, path: `/containers/${containerId}/archive` },
  });

  async function lookAt(containerId: string, path: string, signal: AbortSignal) {
    const task = taskOf(containerId, { method: "HEAD", query: { path } });
    const answer = await engine.open(task, signal).catch(unlessMissing);
    answer?.destroy();
    return answer && factsIn(answer);
  }

  return {
    lookAt,
    async *read(containerId, path, signal) {
      const task = taskOf(containerId, { method: "GET", query: { path } });
      const idle = {
        limitMs: limits.logStallMs,
        error: () => new OverdueError(task, limits.logStallMs),
      };
      try {
        const stream = await engine.open(task, signal);
        yield* readChunks(stream, { clock, signal, idle });
      } catch (error) {
        if (!signal.aborted) throw toRuntimeError(task, error);
      }
    },
    async write(containerId, folder, { archive, signal }) {
      const query = { path: folder, noOverwriteDirNonDir: true };
      const upload = Readable.from(archive, { objectMode: false });
      const task = taskOf(containerId, { method: "PUT", query, upload });
      try {
        await engine.tell({ ...task, deadlineMs: limits.pullMs }, signal);
      } finally {
        upload.destroy();
      }
    },
  };
}

type Asked = Omit<EngineRequest, "path">;

function unlessMissing(error: unknown): undefined {
  if (!isRefusal(error, 404)) throw error;
}

const FACTS_HEADER = "x-docker-container-path-stat";

/** What the engine tells beside an archive. */
function factsIn(answer: Readable): FileFacts {
  const headers = "headers" in answer && isJson(answer.headers) ? answer.headers : {};
  const told = parse(String(headers[FACTS_HEADER] ?? ""));
  const { name, size, mode, mtime, linkTarget } = told;
  if (typeof name !== "string" || typeof mode !== "number") throw nonsense();
  const kind = kindOf(mode);
  const isFile = kind === FileKind.FILE && typeof size === "number";
  const modifyMs = typeof mtime === "string" ? Date.parse(mtime) : Number.NaN;
  return create(FileFactsSchema, {
    ...{ name, kind, permissions: mode % 0o1000 },
    ...{ sizeBytes: BigInt(isFile ? size : 0) },
    ...(Number.isFinite(modifyMs) && { modifyTime: toTimestamp(modifyMs) }),
    linkTarget: typeof linkTarget === "string" ? linkTarget : "",
  });
}

function parse(header: string) {
  try {
    const told: unknown = JSON.parse(Buffer.from(header, "base64").toString("utf8"));
    return isJson(told) ? told : {};
  } catch {
    throw nonsense();
  }
}

const nonsense = () =>
  new RuntimeError("engine-unavailable", "the engine does not say what is at the path");

/** Bits of a mode as Go has it (io/fs): those of a folder, a link, and of all that is no file. */
const FOLDER_BIT = 2 ** 31;
const LINK_BIT = 2 ** 27;
const OTHER_BITS = [2 ** 26, 2 ** 25, 2 ** 24, 2 ** 21, 2 ** 19];

function kindOf(mode: number): FileKind {
  const has = (bit: number) => Math.floor(mode / bit) % 2 === 1;
  if (has(FOLDER_BIT)) return FileKind.FOLDER;
  if (has(LINK_BIT)) return FileKind.LINK;
  return OTHER_BITS.some(has) ? FileKind.OTHER : FileKind.FILE;
}
