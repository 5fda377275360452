import type { HostPort } from "../../lib/host-port.ts";

/** What a folder, or the nearest one above it that is there, has. */
export type FolderFacts = Readonly<{
  /** The folder that was looked at. */
  path: string;
  isWritable: boolean;
  availableBytes: number;
  totalBytes: number;
}>;

/** The answer to an HTTP request. */
export type Answer = Readonly<{ status: number; body: string }>;

/** The machine that the command runs on, as far as it is examined. What cannot be done rejects. */
export interface Machine {
  /** Of Node, such as `20.20.0`. */
  readonly nodeVersion: string;
  /** A file of the kernel's, or undefined where there is none. */
  read(path: string): Promise<string | undefined>;
  folder(path: string): Promise<FolderFacts>;
  /** Asks the engine behind a socket. Rejects with an error whose `code` is the system's. */
  askEngine(socketPath: string, path: string): Promise<Answer>;
  /** Fetches a page, over TLS where the URL says so. */
  fetch(url: string): Promise<Answer>;
  /** Whether somebody listens there already. */
  isTaken(where: HostPort): Promise<boolean>;
  /** Connects, and goes. Rejects when nobody listens. */
  reach(where: HostPort): Promise<void>;
  /** Asks the system's resolver for addresses. */
  resolve(name: string): Promise<readonly string[]>;
}
