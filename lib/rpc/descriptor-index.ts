import { type DescFile, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** Finds files of a schema by what is in them. */
export interface DescriptorIndex {
  fileNamed(name: string): DescFile | undefined;
  /** Of a message, enum, service, method, field, enum value or extension, by its full name. */
  fileWith(symbol: string): DescFile | undefined;
  fileExtending(typeName: string, extensionNumber: number): DescFile | undefined;
  /** In ascending order. */
  extensionNumbers(typeName: string): number[];
  /** The file as bytes, and what it imports unless it is in `sent`, to which all are added. */
  closure(file: DescFile, sent: Set<string>): Uint8Array[];
}

/** Indexes `roots` and everything they import. */
export function createDescriptorIndex(roots: readonly DescFile[]): DescriptorIndex {
  const files = new Map(roots.flatMap(withImports).map((file) => [file.proto.name, file]));
  const bySymbol = new Map<string, DescFile>();
  const byExtension = new Map<string, Map<number, DescFile>>();
  for (const file of files.values()) {
    for (const symbol of symbolsOf(file)) bySymbol.set(symbol, file);
    for (const { extendee, number } of extensionsOf(file)) {
      const known = byExtension.get(extendee.typeName) ?? new Map<number, DescFile>();
      byExtension.set(extendee.typeName, known.set(number, file));
    }
  }
  return {
    fileNamed: (name) => files.get(name),
    fileWith: (symbol) => bySymbol.get(symbol.replace(/^\./, "")),
    fileExtending: (typeName, number) => byExtension.get(typeName)?.get(number),
    extensionNumbers: (typeName) =>
      [...(byExtension.get(typeName)?.keys() ?? [])].sort((a, b) => a - b),
    closure: (file, sent) =>
      withImports(file)
        .filter((each) => each === file || !sent.has(each.proto.name))
        .map(({ proto }) => {
          sent.add(proto.name);
          return toBinary(FileDescriptorProtoSchema, proto);
        }),
  };
}

/** The file itself first; each file once. */
function withImports(file: DescFile): DescFile[] {
  const found = new Set([file]);
  // A Set's iterator goes on to what is added on the way.
  for (const each of found) for (const imported of each.dependencies) found.add(imported);
  return [...found];
}

const extensionsOf = (file: DescFile) =>
  [...nestedTypes(file)].filter((type) => type.kind === "extension");

function symbolsOf(file: DescFile): string[] {
  return [...nestedTypes(file)].flatMap((type) => [type.typeName, ...partsOf(type)]);
}

type NestedType = ReturnType<typeof nestedTypes> extends Iterable<infer T> ? T : never;

function partsOf(type: NestedType): string[] {
  switch (type.kind) {
    case "message":
      return [...type.fields, ...type.oneofs].map(({ name }) => `${type.typeName}.${name}`);
    case "service":
      return type.methods.map(({ name }) => `${type.typeName}.${name}`);
    case "enum":
      // protoc puts the values of an enum beside it, not inside.
      return type.values.map(({ name }) => type.typeName.replace(/[^.]+$/, name));
    case "extension":
      return [];
  }
}
