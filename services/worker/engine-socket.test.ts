import { expect, test } from "@jest/globals";
import { engineSocketPath } from "./engine-socket.ts";

test.each([
  [undefined, "/var/run/docker.sock"],
  ["", "/var/run/docker.sock"],
  ["unix://", "/var/run/docker.sock"],
  ["unix:///run/user/1000/docker.sock", "/run/user/1000/docker.sock"],
])("%s is %s", (dockerHost, path) => {
  expect(engineSocketPath(dockerHost)).toBe(path);
});

test.each(["tcp://10.0.0.1:2375", "ssh://host", "/run/docker.sock"])(
  "%s is refused",
  (dockerHost) => {
    expect(() => engineSocketPath(dockerHost)).toThrow(`${dockerHost} is no unix socket`);
  },
);
