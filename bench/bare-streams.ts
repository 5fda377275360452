import grpc from "@grpc/grpc-js";

/**
 * Heartbeats and their answers over grpc-js and nothing else: the floor of what sessions of workers
 * cost. `serve` answers every message with one as long as an acknowledgement, `beat ADDRESS COUNT
 * EVERY_MS` opens as many streams, each over its own connection, and sends that often on each.
 */
const [role, address = "", count = "0", everyMs = "0"] = process.argv.slice(2);

/** As a heartbeat of a hollow worker takes, and its answer. */
const [HEARTBEAT_BYTES, ANSWER_BYTES] = [120, 6];

const asIs = (bytes: Buffer): Buffer => bytes;
const serialization = {
  ...{ requestSerialize: asIs, requestDeserialize: asIs },
  ...{ responseSerialize: asIs, responseDeserialize: asIs },
};
const talk = { path: "/bare/Talk", requestStream: true, responseStream: true, ...serialization };

function serve(): void {
  const server = new grpc.Server();
  const answer = Buffer.alloc(ANSWER_BYTES);
  const onTalk: grpc.handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    call.on("data", () => call.write(answer));
    call.on("end", () => call.end());
  };
  server.addService({ talk }, { talk: onTalk });
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.stdout.write(`127.0.0.1:${port}\n`);
  });
}

/** The first messages are spread over the interval, as those of workers are. */
function beat(streams: number, intervalMs: number): void {
  const heartbeat = Buffer.alloc(HEARTBEAT_BYTES, 1);
  const options = { "grpc.use_local_subchannel_pool": 1 };
  for (let index = 0; index < streams; index++) {
    const client = new grpc.Client(address, grpc.credentials.createInsecure(), options);
    const call = client.makeBidiStreamRequest(talk.path, asIs, asIs);
    call.on("data", () => undefined);
    const send = () => call.write(heartbeat);
    setTimeout(() => setInterval(send, intervalMs), (index / streams) * intervalMs);
  }
}

if (role === "serve") serve();
else beat(Number(count), Number(everyMs));
