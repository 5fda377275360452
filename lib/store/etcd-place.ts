import type { ClientTls } from "../rpc/connection.ts";
import type { User } from "./etcd/etcd-session.ts";

/** Where clusters are in etcd that were not given a prefix of their own. */
export const DEFAULT_PREFIX = "/berth/";

/** Where a store in etcd is, and what it takes to get in. */
export type EtcdPlace = Readonly<{
  /** Of the members, `host:port` each. At least one. */
  endpoints: readonly string[];
  /** What all keys of the cluster begin with; ends in `/`. */
  prefix: string;
  tls?: ClientTls;
  user?: User;
}>;

/** The place as people name it, without secrets. */
export function formatEtcdPlace({ endpoints, prefix, user }: EtcdPlace): string {
  const who = user ? `${user.name}@` : "";
  return `etcd://${who}${endpoints.join(",")}${prefix.slice(0, -1)}`;
}
