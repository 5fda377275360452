import type { Client, Transport } from "@connectrpc/connect";
import type { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import type { CheckResult } from "../lib/checks/check-result.ts";
import type { Clock } from "../lib/clock.ts";
import type { HostPort } from "../lib/host-port.ts";
import type { Random } from "../lib/random.ts";
import type { LocalFiles } from "./copy/local-files.ts";
import type { Machine } from "./doctor/machine.ts";
import type { Services } from "./services.ts";
import type { Terminal } from "./terminal.ts";

export type Manager = Client<typeof ManagerService>;

/** An open way to a manager. */
export type ManagerLink = Readonly<{
  manager: Manager;
  /** The same way, for calls of any service. */
  transport: Transport;
  close: () => void;
}>;

/** All that verbs need of the world. Made by main.ts, and by tests. */
export type Context = Readonly<{
  terminal: Terminal;
  clock: Clock;
  random: Random;
  /** Opens a way to managers, as `parseAddressList` reads them. Never fails: the first call does. */
  connect: (addresses: string) => Promise<ManagerLink>;
  /** Asks whether who listens there serves, or one gRPC service of it. Never rejects. */
  checkHealth: (where: HostPort, service: string) => Promise<CheckResult>;
  /** Loads the code of the services, which client verbs do without. */
  loadServices: () => Promise<Services>;
  /** The content of a file, or undefined when there is none. */
  readText: (path: string) => Promise<string | undefined>;
  /** Replaces the content of a file at once, for nobody but the user to read; makes its folder too. */
  writeText: (path: string, content: string) => Promise<void>;
  /** Loads what copies files of this machine. */
  openFiles: () => Promise<LocalFiles>;
  /** Loads what examines this machine. */
  openMachine: () => Promise<Machine>;
  /** Aborts when the user or the system asks the process to end. */
  interrupted: AbortSignal;
  /** Whether the user is root. */
  isRoot: boolean;
}>;
