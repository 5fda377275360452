#!/usr/bin/env bash
# Sees to the tools that the fault tests break things with. Root on Debian or Ubuntu gets what is
# missing from the distribution. Elsewhere nothing is installed: a test that lacks its tool is not
# run, and says so.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Each tool and the package that brings it.
declare -A packages=(
  [strace]=strace
  [ip]=iproute2
  [iptables]=iptables
  [prlimit]=util-linux
  [etcd]=etcd-server
)
# Not a command: looked for by its file.
faketime_package=libfaketime

main() {
  local missing
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]})) || return 0
  "$here/packages.sh" can || {
    say "not installed: ${missing[*]}; the tests that need them will not run"
    return 0
  }
  say "installing ${missing[*]} from the distribution"
  "$here/packages.sh" install "${missing[@]}" ||
    say "the tests that need ${missing[*]} will not run"
}

say() { printf 'faults: %s\n' "$*" >&2; }

missing_packages() {
  local tool
  for tool in "${!packages[@]}"; do
    command -v "$tool" >/dev/null || printf '%s\n' "${packages[$tool]}"
  done
  compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || printf '%s\n' "$faketime_package"
}

main "$@"
