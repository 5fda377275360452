#!/usr/bin/env node
// What the scripts ask of a Docker engine, without the `docker` command: a clean machine has none.
//
//   engine-api.mjs ping                 prints the engine's version
//   engine-api.mjs await                the same, once the engine's socket appears
//   engine-api.mjs pull IMAGE           fetches an image
//   engine-api.mjs has IMAGE            whether there is such an image
//   engine-api.mjs import IMAGE [CHANGE...] < tar   makes an image of one layer
//   engine-api.mjs containers [LABEL]   prints the IDs of running containers
//   engine-api.mjs healthy LABEL        waits until all containers with it are running and healthy
//   engine-api.mjs root                 prints the folder of the engine's data
//   engine-api.mjs kill ID              kills a container
//   engine-api.mjs purge [LABEL]        removes containers, running or not; without a label every
//                                       one, which is for an engine of our own only
//
// The engine is the one that DOCKER_HOST names (unix:// only). Exit code 1 means "no", with the
// reason on stderr.
import { once } from "node:events";
import { existsSync, watch } from "node:fs";
import { request } from "node:http";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

/** An engine that answers at all answers this fast. */
const PING_MS = 5_000;
/** A cold engine on a slow disk needs most of this. */
const AWAIT_MS = 60_000;
/** Loading a layer of a few MB or ending a container. */
const WORK_MS = 60_000;
/** A cold machine that is busy with other things needs most of this. */
const HEALTHY_MS = 300_000;
const HEALTHY_PAUSE_MS = 500;
/** A registry that has not said a word by then is taken to be out of reach. */
const PULL_SILENCE_MS = 20_000;
/** The whole pull of a small image. */
const PULL_MS = 120_000;

const verbs = {
  ping,
  await: awaitEngine,
  pull,
  has,
  import: importImage,
  containers: printContainers,
  healthy,
  root: printRoot,
  kill,
  purge,
};

const [verb, ...args] = process.argv.slice(2);
try {
  if (!Object.hasOwn(verbs, verb ?? "")) throw new Error(`no such verb: ${verb ?? "(none)"}`);
  await verbs[verb](...args);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

async function ping() {
  await call("GET", "/_ping", { timeoutMs: PING_MS });
  const version = JSON.parse(await call("GET", "/version", { timeoutMs: PING_MS }));
  process.stdout.write(`docker ${version.Version}\n`);
}

async function awaitEngine() {
  await socketExists(AbortSignal.timeout(AWAIT_MS));
  // The engine listens before it can serve: it answers the first request when it is ready.
  await call("GET", "/_ping", { timeoutMs: AWAIT_MS });
  await ping();
}

async function pull(image) {
  const { name, tag } = splitImage(image);
  const silence = new AbortController();
  const silent = () =>
    silence.abort(new Error(`no word from the registry in ${PULL_SILENCE_MS} ms`));
  const timer = setTimeout(silent, PULL_SILENCE_MS);
  const signal = AbortSignal.any([AbortSignal.timeout(PULL_MS), silence.signal]);
  try {
    await pullTo(name, tag, signal, () => clearTimeout(timer));
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

async function pullTo(name, tag, signal, onWord) {
  const query = new URLSearchParams({ fromImage: name, tag });
  const response = await send("POST", `/images/create?${query}`, { signal });
  for await (const line of createInterface({ input: response })) {
    const progress = JSON.parse(line);
    if (progress.error) throw new Error(progress.error);
    onWord();
  }
  // The lines' reader ends quietly when the connection breaks; the engine ends it properly.
  if (!response.complete) throw new Error("the engine broke off");
}

async function has(image) {
  const { name, tag } = splitImage(image);
  await call("GET", `/images/${name}:${tag}/json`, { timeoutMs: PING_MS });
}

async function importImage(image, ...changes) {
  const { name, tag } = splitImage(image);
  const query = new URLSearchParams({ fromSrc: "-", repo: name, tag });
  for (const change of changes) query.append("changes", change);
  const body = process.stdin;
  const answer = await call("POST", `/images/create?${query}`, { timeoutMs: WORK_MS, body });
  const failed = answer.split("\n").find((line) => line.includes('"error"'));
  if (failed) throw new Error(JSON.parse(failed).error);
}

async function printContainers(label) {
  for (const { Id } of await listContainers({ label })) process.stdout.write(`${Id}\n`);
}

async function printRoot() {
  const { DockerRootDir } = JSON.parse(await call("GET", "/info", { timeoutMs: WORK_MS }));
  process.stdout.write(`${DockerRootDir}\n`);
}

async function healthy(label) {
  const deadline = performance.now() + HEALTHY_MS;
  for (;;) {
    const found = await listContainers({ label, all: true });
    // The engine says "Up 5 seconds (healthy)" of a container that has a health check.
    const sick = found.filter(({ Status }) => !Status.endsWith("(healthy)"));
    if (found.length > 0 && sick.length === 0) return;
    if (performance.now() > deadline) {
      const words = sick.map(({ Names, Status }) => `${Names[0].slice(1)}: ${Status}`).join("; ");
      throw new Error(words || `no container has the label ${label}`);
    }
    await sleep(HEALTHY_PAUSE_MS);
  }
}

async function kill(id) {
  await call("POST", `/containers/${id}/kill`, { timeoutMs: WORK_MS });
}

async function purge(label) {
  const remove = ({ Id }) =>
    call("DELETE", `/containers/${Id}?force=true&v=true`, { timeoutMs: WORK_MS });
  await Promise.all((await listContainers({ label, all: true })).map(remove));
}

async function listContainers({ label, all = false }) {
  const filters = JSON.stringify(label ? { label: [label] } : {});
  const query = new URLSearchParams({ all, filters });
  return JSON.parse(await call("GET", `/containers/json?${query}`, { timeoutMs: WORK_MS }));
}

/** `name:tag`, where a colon before the last slash belongs to a registry's port. */
function splitImage(image) {
  const colon = image.indexOf(":", image.lastIndexOf("/") + 1);
  if (colon < 0) return { name: image, tag: "latest" };
  return { name: image.slice(0, colon), tag: image.slice(colon + 1) };
}

function socketPath() {
  const host = process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock";
  if (!host.startsWith("unix://"))
    throw new Error(`DOCKER_HOST is ${host}: must begin with unix://`);
  return host.slice("unix://".length);
}

async function socketExists(signal) {
  const path = socketPath();
  const watcher = watch(dirname(path));
  try {
    while (!existsSync(path)) await once(watcher, "change", { signal });
  } catch (cause) {
    throw new Error(`no socket at ${path} within ${AWAIT_MS / 1000} s`, { cause });
  } finally {
    watcher.close();
  }
}

/** The answer's body. Throws what the engine says when it says no. */
async function call(method, path, { timeoutMs, body }) {
  const response = await send(method, path, { signal: AbortSignal.timeout(timeoutMs), body });
  return textOf(response);
}

async function send(method, path, { signal, body }) {
  const options = { socketPath: socketPath(), method, path, signal, headers: { host: "docker" } };
  const sent = request(options);
  if (body) body.pipe(sent);
  else sent.end();
  const [response] = await once(sent, "response");
  if (response.statusCode < 400) return response;
  throw new Error(messageOf(await textOf(response)));
}

async function textOf(response) {
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk;
  return text;
}

/** Engines say no as `{"message": "..."}`. */
function messageOf(text) {
  try {
    return JSON.parse(text).message ?? text;
  } catch {
    return text;
  }
}
