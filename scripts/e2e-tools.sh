#!/usr/bin/env bash
# Sees to the tools that the e2e tests look at Berth with. Root on Debian or Ubuntu gets what is
# missing from the distribution; elsewhere it says what to install, and the tests that need it fail.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Each tool and the package that brings it. dig: what people ask DNS with. tmux: a terminal to sit at.
# promtool: what Prometheus itself thinks of what it is told. protoc and grpc_python_plugin: what makes
# stubs for Python. fish, zsh: shells that complete words.
declare -A packages=(
  [dig]=bind9-dnsutils
  [docker-compose]=docker-compose
  [fish]=fish
  [grpc_python_plugin]=protobuf-compiler-grpc
  [promtool]=prometheus
  [protoc]=protobuf-compiler
  [tmux]=tmux
  [zsh]=zsh
)
# Not a command: what the distribution's own Python has to know.
python_package=python3-grpcio

main() {
  get_needed
  # By itself: some distributions have it only as a snap, and the others should not go without for that.
  command -v chromium >/dev/null || ! "$here/packages.sh" can ||
    "$here/packages.sh" install chromium || say "the test with a browser will not run"
}

get_needed() {
  local tool missing=()
  for tool in "${!packages[@]}"; do
    command -v "$tool" >/dev/null || missing+=("${packages[$tool]}")
  done
  /usr/bin/python3 -c 'import grpc' 2>/dev/null || missing+=("$python_package")
  ((${#missing[@]})) || return 0
  "$here/packages.sh" can || {
    say "missing: ${missing[*]}: install them with the means of your system"
    return 0
  }
  say "installing ${missing[*]} from the distribution"
  "$here/packages.sh" install "${missing[@]}" ||
    say "the tests that need ${missing[*]} will fail"
}

say() { printf 'e2e: %s\n' "$*" >&2; }

main "$@"
