/** What a DNS server takes, sends and keeps at most, and how long it waits. */
export const dnsLimits = {
  /** Bytes of an answer over UDP: fits every network unfragmented, and repays no forged sender. */
  udpBytes: 1_232,
  /** Bytes of an answer over UDP to who does not say that more is welcome (RFC 1035). */
  udpBytesPlain: 512,
  /** Bytes of an answer over TCP: what its length field can say. */
  tcpBytes: 65_535,
  /** Bytes of a query. A name has 255, options rarely 100. */
  queryBytes: 1_232,
  /** Records beside the question in a query: EDNS, a signature, and room. */
  queryRecords: 4,
  /** TCP connections at a time; a new one takes the place of the one longest silent. */
  connections: 128,
  /** How long a connection may stay without a whole query. */
  idleMs: 10_000,
  /** Queries of one connection that wait for their answers; then no more are read. */
  pipelined: 16,
  /** Queries of one connection that are answered in one turn of the event loop. */
  queriesPerTurn: 8,
  /** Bytes of answers that one connection has not taken yet; then no more queries are read. */
  unsentBytes: 131_072,
  /** Answers that the UDP socket has not taken yet; then queries are dropped. */
  unsentDatagrams: 1_024,
  /** Forwarded queries that wait for their answers. */
  forwards: 256,
  /** How long one upstream may take. */
  forwardMs: 2_000,
} as const;
