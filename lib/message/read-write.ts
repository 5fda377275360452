import type { Message } from "@bufbuild/protobuf";
import type { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";

/** Reads a message up to `end`, or adds what it reads to the message that it is given. */
export type Read = (reader: BinaryReader, end: number, into?: Message) => Message;

/** Writes a message, or what one is made of. */
export type Write = (writer: BinaryWriter, message: object) => void;
