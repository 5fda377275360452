#!/usr/bin/env bash
# Prints the path of a statically linked busybox:   scripts/busybox.sh FOLDER
#
# The host's own if it has one. Otherwise Debian's busybox-static, unpacked into FOLDER and not
# installed: it would push out the busybox that the boot image of many machines needs.
set -euo pipefail

main() {
  local folder=${1:?usage: scripts/busybox.sh FOLDER} candidate
  for candidate in "$folder/bin/busybox" /bin/busybox /usr/bin/busybox; do
    is_static "$candidate" || continue
    printf '%s\n' "$candidate"
    return
  done
  unpack_from_distribution "$folder"
  printf '%s\n' "$folder/bin/busybox"
}

# A static program names no loader: it runs in an empty root.
is_static() { [[ -x $1 ]] && ! grep -qaE '/ld-(linux|musl)' "$1"; }

unpack_from_distribution() {
  local folder
  folder=$(mkdir -p "$1" && cd "$1" && pwd)
  cd "$folder"
  # A fresh machine has no package lists; only root may fetch them.
  apt-get -q download busybox-static >&2 || {
    ((EUID == 0)) || fail "sudo apt-get update && sudo apt-get install busybox-static"
    apt-get -q update >&2 && apt-get -q download busybox-static >&2
  } || fail "apt-get update && apt-get install busybox-static"
  dpkg-deb -x busybox-static_*.deb .
  rm busybox-static_*.deb
  [[ -x bin/busybox ]] || { mkdir -p bin && mv usr/bin/busybox bin/; }
}

fail() {
  printf 'no static busybox, and it could not be fetched. Type:\n  %s\n' "$1" >&2
  exit 1
}

main "$@"
