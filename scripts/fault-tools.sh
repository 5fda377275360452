#!/usr/bin/env bash
# Sees to the tools that the fault tests break things with. Root on Debian or Ubuntu gets what is
# missing from the distribution. Elsewhere nothing is installed: a test that lacks its tool is not
# run, and says so.
set -euo pipefail

# Each tool and the package that brings it.
declare -A packages=(
  [strace]=strace
  [ip]=iproute2
  [iptables]=iptables
  [prlimit]=util-linux
)
# Not a command: looked for by its file.
faketime_package=libfaketime

main() {
  local missing
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]})) || return 0
  can_install || {
    say "not installed: ${missing[*]}; the tests that need them will not run"
    return 0
  }
  say "installing ${missing[*]} from the distribution"
  install "${missing[@]}" || say "could not install ${missing[*]}; the tests that need them will not run"
}

say() { printf 'faults: %s\n' "$*" >&2; }

missing_packages() {
  local tool
  for tool in "${!packages[@]}"; do
    command -v "$tool" >/dev/null || printf '%s\n' "${packages[$tool]}"
  done
  compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || printf '%s\n' "$faketime_package"
}

can_install() {
  ((EUID == 0)) && command -v apt-get >/dev/null &&
    grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release
}

install() {
  local log
  log=$(mktemp)
  apt_get update >"$log" 2>&1 && apt_get install "$@" >>"$log" 2>&1 || {
    tail -n 5 "$log" >&2
    rm -f "$log"
    return 1
  }
  rm -f "$log"
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}

main "$@"
