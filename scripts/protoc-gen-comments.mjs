#!/usr/bin/env node
// A plugin for buf: writes the comments of the contract to gen/comments.ts, by the full names of
// what they are about. Generated code holds them for people only; the OpenAPI documents need them.
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { createEcmaScriptPlugin, getComments, runNodeJs } from "@bufbuild/protoplugin";

/** What is served over HTTP. */
const PACKAGES = ["berth.v1", "grpc.health.v1"];

runNodeJs(
  createEcmaScriptPlugin({ name: "protoc-gen-comments", version: "v1", generateTs: writeComments }),
);

function writeComments({ files, generateFile }) {
  const entries = files
    .filter(({ proto }) => PACKAGES.includes(proto.package))
    .flatMap((file) => [...nestedTypes(file)].flatMap(elementsOf))
    .map((desc) => [nameOf(desc), textOf(desc)])
    .filter(([, text]) => text !== "")
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const file = generateFile("comments.ts");
  file.print("// Written by scripts/protoc-gen-comments.mjs from proto/. Not to be edited.");
  file.print();
  file.print("/** What the contract says about its elements, by their full names. */");
  file.print("export const comments: Readonly<Record<string, string>> = {");
  for (const [name, text] of entries)
    file.print("  ", JSON.stringify(name), ": ", JSON.stringify(text), ",");
  file.print("};");
}

function elementsOf(desc) {
  switch (desc.kind) {
    case "message":
      return [desc, ...desc.fields, ...desc.oneofs];
    case "enum":
      return [desc, ...desc.values];
    case "service":
      return [desc, ...desc.methods];
    default:
      return [];
  }
}

/** As `nameOf` of lib/http/comments.ts. */
const nameOf = (desc) => desc.typeName ?? `${desc.parent.typeName}.${desc.name}`;

/** A paragraph a line. */
const textOf = (desc) =>
  (getComments(desc).leading ?? "")
    .split(/\n\s*\n/)
    .map((paragraph) =>
      paragraph
        .split("\n")
        .map((line) => line.trim())
        .join(" ")
        .trim(),
    )
    .join("\n\n")
    .trim();
