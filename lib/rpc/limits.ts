/**
 * What one peer, or all together, may take of a server. Every wait and every buffer
 * of this folder is bounded by one of these.
 */
export type RpcLimits = Readonly<{
  /** The largest message, received or sent. grpc-js has the same default for what it receives. */
  messageBytes: number;
  /** Deadline of a unary call that came without one. */
  unaryMs: number;
  /**
   * Calls at the same time on one gRPC connection. grpc-js lets further calls of the same
   * channel wait without a word, so this is far above what an honest client holds open.
   */
  streamsPerConnection: number;
  /** Open connections, all together. */
  connections: number;
  /** Open connections from one address. Nomad's default is 100; here many workers may share one NAT. */
  connectionsPerAddress: number;
  /** Open connections from this machine, where whole fleets are tried out. */
  connectionsFromLoopback: number;
  /** Until a connection must have said which protocol it speaks (CVE-2020-7218). */
  firstBytesMs: number;
  /** Until the headers of an HTTP/1.1 request must be complete. */
  httpHeadersMs: number;
  /** Until the whole of an HTTP/1.1 request must be there. */
  httpRequestMs: number;
  /** The largest body of a request that is no call by its content type: JSON says more at length. */
  httpBodyBytes: number;
  /** Such bodies that are being read, all together. */
  httpBodiesBytes: number;
  /** After this long the answer of a stream that has nothing to say yet begins all the same. */
  httpBeginMs: number;
  /** How long an HTTP/1.1 connection waits for its next request. */
  httpIdleMs: number;
  /**
   * Between two pings of a gRPC client, also of one that is heard from. Rare: sessions and links notice
   * sooner by themselves, and a thousand workers' answers are not for nothing.
   */
  keepaliveMs: number;
  /** Until a ping must be answered. */
  keepaliveTimeoutMs: number;
  /** How long a gRPC connection may be open without a call. */
  connectionIdleMs: number;
}>;

const MEBIBYTE = 2 ** 20;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

export const defaultLimits: RpcLimits = {
  messageBytes: 4 * MEBIBYTE,
  unaryMs: 30 * SECOND_MS,
  streamsPerConnection: 1_000,
  connections: 12_288,
  connectionsPerAddress: 256,
  connectionsFromLoopback: 8_192,
  firstBytesMs: 5 * SECOND_MS,
  httpHeadersMs: 10 * SECOND_MS,
  httpRequestMs: MINUTE_MS,
  httpBodyBytes: 10 * MEBIBYTE,
  httpBodiesBytes: 64 * MEBIBYTE,
  httpBeginMs: 5 * SECOND_MS,
  httpIdleMs: 5 * SECOND_MS,
  keepaliveMs: MINUTE_MS,
  keepaliveTimeoutMs: 10 * SECOND_MS,
  connectionIdleMs: 5 * MINUTE_MS,
};

/** What a client allows itself and its server. */
export const clientLimits = {
  /** Deadline of a unary call that is made without one. */
  unaryMs: 5 * SECOND_MS,
  /** Until a connection must be usable. */
  connectMs: 5 * SECOND_MS,
  /** The same where another server can be called instead. */
  connectMsWithChoice: 2 * SECOND_MS,
  /** Pauses between attempts to connect: our servers are near and back soon. */
  reconnectMsMin: 100,
  reconnectMsMax: 2 * SECOND_MS,
  /** Between two pings of a server, and until one must be answered. */
  keepaliveMs: 20 * SECOND_MS,
  keepaliveTimeoutMs: 10 * SECOND_MS,
  /** What is kept of a call in case the server refuses it unseen: the first window of HTTP/2. */
  resendBytes: 2 ** 16,
} as const;

/** The longest error message that travels. */
export const MESSAGE_CHARS_MAX = 2_048;

/** The largest error details that travel: what common proxies let pass in a header block. */
export const DETAILS_BYTES_MAX = 8_192;
