import { invalidFields } from "../../lib/errors.ts";

/** Where Docker listens unless told otherwise. */
const SOCKET_DEFAULT = "/var/run/docker.sock";

const UNIX = "unix://";

/**
 * The engine's socket by the value of `DOCKER_HOST`. Only unix sockets: who reaches an
 * engine over TCP without TLS is root on its machine, containers on it included.
 */
export function engineSocketPath(dockerHost: string | undefined): string {
  if (!dockerHost) return SOCKET_DEFAULT;
  if (dockerHost.startsWith(UNIX)) return dockerHost.slice(UNIX.length) || SOCKET_DEFAULT;
  throw invalidFields([
    {
      field: "DOCKER_HOST",
      description: `${dockerHost} is no unix socket; use one, such as unix://${SOCKET_DEFAULT}`,
    },
  ]);
}
