import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Command } from "commander";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { comments } from "../../gen/comments.ts";
import { BadRequestSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { decode } from "../../lib/http/decode.ts";
import { callMethod } from "../call-method.ts";
import { CommandError, usageError } from "../command-error.ts";
import type { Context, ManagerLink } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { allMethods, findMethod, methodName } from "../find-method.ts";
import { noSuchFile } from "../no-file.ts";
import { formatDocument, formatStreamed, jsonOf } from "../output/document.ts";
import { addFormatFlag, type Format } from "../output/output-flags.ts";
import { formatTable } from "../output/table.ts";
import { parseDuration } from "../parse/duration.ts";
import { readInput } from "../read-input.ts";
import { clientCommand, flagValue, type Run, withLink } from "./client-verb.ts";

type ApiFlags = Readonly<{ output: Format; data: string; timeout?: string }>;

export const apiCommand = (run: Run): Command =>
  addFormatFlag(clientCommand("api"), ["json", "yaml"], "json")
    .summary("call any method of the contract by its name")
    .description(
      "Call any method of the contract by its name, with a request in Protobuf's JSON; without a name list the methods. " +
        "A stream is a line of JSON, or a YAML document, for each message. Methods of registries and workers are called " +
        "where --addr says.",
    )
    .argument("[method]", "such as GetTask, RegistryService/ListWorkers")
    .option("-d, --data <json>", "the request; @FILE reads a file, - standard input", "{}")
    .option("--timeout <time>", "how long an answer may take (default: 5s, of a stream any time)")
    .action((method: string | undefined, flags: ApiFlags) =>
      run((context) =>
        method === undefined ? listMethods(context) : callApi(context, method, flags),
      ),
    );

async function listMethods({ terminal }: Context): Promise<ExitCode> {
  const rows = allMethods().map((method) => [methodName(method), kindOf(method), gist(method)]);
  const columns = [{ title: "METHOD" }, { title: "KIND" }, { title: "WHAT" }];
  const width = terminal.isTty ? terminal.columns : undefined;
  terminal.stdout.write(formatTable(columns, rows, { headers: true, width }));
  return exitCodes.ok;
}

const KINDS = {
  unary: "call",
  server_streaming: "stream",
  client_streaming: "upload",
  bidi_streaming: "talk",
};
const kindOf = ({ methodKind }: DescMethod): string => KINDS[methodKind];

/** The first sentence of the method's comment, which begins with its name. */
function gist({ parent, name }: DescMethod): string {
  const comment = comments[`${parent.typeName}.${name}`] ?? "";
  const sentence = /^.*?[.:;](?= |$)/.exec(comment.replace(/\s+/g, " "))?.[0] ?? comment;
  return sentence.replace(new RegExp(`^${name} `), "").replace(/[.:;]$/, "");
}

async function callApi(
  context: Context,
  reference: string,
  { data, timeout, output, ...flags }: ApiFlags,
): Promise<ExitCode> {
  const method = findMethod(reference);
  if (!["unary", "server_streaming"].includes(method.methodKind))
    throw usageError(
      [`${methodName(method)} is a talk in both directions, which -d cannot hold`],
      ["for a process in a container: berth exec", "for files of a container: berth cp"],
    );
  const request = requestOf(method, await textOf(context, data));
  const timeoutMs =
    timeout === undefined ? undefined : flagValue("--timeout", parseDuration(timeout));
  const call = { method, request, timeoutMs, output };
  return withLink(context, flags, (link) => answer(context, link, call));
}

async function textOf(context: Context, data: string): Promise<string> {
  if (data === "-") return readInput(context);
  if (!data.startsWith("@")) return data;
  const text = await context.readText(data.slice(1));
  if (text === undefined) throw usageError([noSuchFile(`--data ${data}`)]);
  return text;
}

function requestOf({ input }: DescMethod, text: string): Message {
  try {
    return decode(input, text);
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const violations = error.findDetails(BadRequestSchema).flatMap((it) => it.fieldViolations);
    throw usageError(
      violations.map(
        ({ field, description }) => `--data${field === "body" ? "" : ` ${field}`}: ${description}`,
      ),
      [`see its fields: ${input.name} in ${input.file.name}.proto`],
    );
  }
}

type Call = Readonly<{
  method: DescMethod;
  request: Message;
  timeoutMs: number | undefined;
  output: Format;
}>;

async function answer(
  { terminal, interrupted: signal }: Context,
  { transport }: ManagerLink,
  { method, request, timeoutMs, output }: Call,
): Promise<ExitCode> {
  const format = output === "yaml" ? "yaml" : "json";
  const print = method.methodKind === "unary" ? formatDocument : formatStreamed;
  try {
    for await (const message of callMethod(transport, method, { request, signal, timeoutMs })) {
      terminal.stdout.write(await print(format, jsonOf(method.output, message)));
      await terminal.stdout.drained();
    }
  } catch (error) {
    const isElsewhere = method.parent !== ManagerService;
    const { code } = ConnectError.from(error);
    throw isElsewhere && code === Code.Unimplemented ? notServed(method, error) : error;
  }
  return signal.aborted ? exitCodes.interrupted : exitCodes.ok;
}

const notServed = (method: DescMethod, cause: unknown) =>
  new CommandError(`who answers there does not serve ${methodName(method)}`, {
    cause,
    remedies: [
      `say with --addr where a ${method.parent.name} listens, such as 127.0.0.1:7071 of a registry`,
    ],
  });
