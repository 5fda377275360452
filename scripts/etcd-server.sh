#!/usr/bin/env bash
# Runs a command where the program `etcd` is there:   scripts/etcd-server.sh COMMAND [ARGS...]
#
# Where it is missing, root on Debian or Ubuntu gets it from the distribution; its service is not
# started, for the tests start etcds of their own.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
package=etcd-server

main() {
  (($#)) || fail "usage: ${BASH_SOURCE[0]} COMMAND [ARGS...]"
  command -v etcd >/dev/null || install_etcd
  exec "$@"
}

say() { printf 'etcd: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

install_etcd() {
  "$here/packages.sh" can || fail "etcd is not installed, and only root on Debian or Ubuntu gets it from here.
Type: sudo apt-get install -y --no-install-recommends $package, or install etcd 3.4 or later
with the means of your system."
  say "installing $package from the distribution"
  "$here/packages.sh" install "$package"
}

main "$@"
