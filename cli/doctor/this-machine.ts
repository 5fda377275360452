import { lookup } from "node:dns/promises";
import { constants } from "node:fs";
import { access, readFile, statfs } from "node:fs/promises";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { connect, createServer } from "node:net";
import { dirname, resolve } from "node:path";
import type { Answer, Machine } from "./machine.ts";

/** Whoever has not answered by then does not. */
const ANSWER_MS = 5_000;
const BODY_BYTES_MAX = 4 * 1024 * 1024;

/** The machine that the process runs on. */
export const thisMachine: Machine = {
  nodeVersion: process.versions.node,
  async read(path) {
    try {
      return await readFile(path, "utf8");
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
  },
  async folder(path) {
    const found = await nearestThere(resolve(path));
    const { bavail, blocks, bsize } = await statfs(found);
    const isWritable = await access(found, constants.W_OK).then(
      () => true,
      () => false,
    );
    return { path: found, isWritable, availableBytes: bavail * bsize, totalBytes: blocks * bsize };
  },
  askEngine: (socketPath, path) =>
    answerTo((onAnswer) => requestHttp({ socketPath, path }, onAnswer)),
  fetch: (url) =>
    answerTo((onAnswer) =>
      url.startsWith("https:") ? requestHttps(url, onAnswer) : requestHttp(url, onAnswer),
    ),
  isTaken: ({ host, port }) =>
    new Promise((settle, reject) => {
      const server = createServer();
      server.once("error", (error) =>
        codeOf(error) === "EADDRINUSE" ? settle(true) : reject(error),
      );
      server.listen({ host, port, exclusive: true }, () => server.close(() => settle(false)));
    }),
  reach: ({ host, port }) =>
    new Promise((settle, reject) => {
      const socket = connect({ host, port, timeout: ANSWER_MS });
      socket.once("timeout", () => socket.destroy(new Error(`no answer in ${ANSWER_MS} ms`)));
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.destroy();
        settle();
      });
    }),
  resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
};

const codeOf = (error: unknown): unknown => Object(error).code;

/** The folder itself, or the first above it that is there. */
async function nearestThere(path: string): Promise<string> {
  try {
    await access(path, constants.F_OK);
    return path;
  } catch (error) {
    if (codeOf(error) !== "ENOENT" || dirname(path) === path) throw error;
    return nearestThere(dirname(path));
  }
}

type Begin = (onAnswer: (response: IncomingMessage) => void) => ReturnType<typeof requestHttp>;

function answerTo(begin: Begin): Promise<Answer> {
  return new Promise((settle, reject) => {
    const call = begin((response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () =>
        settle({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    call.setTimeout(ANSWER_MS, () => call.destroy(new Error(`no answer in ${ANSWER_MS} ms`)));
    call.on("error", reject);
    call.end();
  });
}
