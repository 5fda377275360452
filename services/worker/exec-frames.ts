import { type ExecNews, RuntimeError } from "./runtime.ts";

/** A frame begins with its stream, three zeros and the length of its payload, big-endian. */
const HEADER_BYTES = 8;

/** What the first byte of a frame means (moby, pkg/stdcopy). 0 and 3 are the engine's own words. */
const STREAMS = ["stdout", "stdout", "stderr", "stderr"] as const;

type Output = Exclude<ExecNews, { kind: "exit" }>;

/**
 * Takes apart what a process without a terminal writes, chunk by chunk. A payload is passed on as
 * far as it is there, whatever length its header claims: nothing is kept but a broken header.
 */
export function createExecFrames(): (chunk: Uint8Array) => readonly Output[] {
  let header: Buffer = Buffer.alloc(0);
  let kind: Output["kind"] = "stdout";
  /** Bytes of the payload that did not come yet. */
  let missing = 0;

  /** Takes what belongs to a header, and answers with the rest. */
  function takeHeader(bytes: Buffer): Buffer {
    const count = HEADER_BYTES - header.length;
    header = Buffer.concat([header, bytes.subarray(0, count)]);
    if (header.length === HEADER_BYTES) {
      [kind, missing] = readHeader(header);
      header = Buffer.alloc(0);
    }
    return bytes.subarray(count);
  }

  return (chunk) => {
    const outputs: Output[] = [];
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (bytes.length > 0) {
      if (missing === 0) {
        bytes = takeHeader(bytes);
        continue;
      }
      const data = bytes.subarray(0, missing);
      outputs.push({ kind, data });
      missing -= data.length;
      bytes = bytes.subarray(data.length);
    }
    return outputs;
  };
}

function readHeader(header: Buffer): [Output["kind"], number] {
  const kind = STREAMS[header.readUInt8(0)];
  if (kind === undefined || header.readUIntBE(1, 3) !== 0) {
    const words = `exec: ${header.toString("hex")} is no header of a frame`;
    throw new RuntimeError("engine-unavailable", words);
  }
  return [kind, header.readUInt32BE(4)];
}
