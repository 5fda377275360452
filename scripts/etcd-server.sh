#!/usr/bin/env bash
# Runs a command where the program `etcd` is there:   scripts/etcd-server.sh COMMAND [ARGS...]
#
# Where it is missing, root on Debian or Ubuntu gets it from the distribution; its service is not
# started, for the tests start etcds of their own.
set -euo pipefail

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
  local policy=/usr/sbin/policy-rc.d log
  can_install || fail "etcd is not installed, and only root on Debian or Ubuntu gets it from here.
Type: sudo apt-get install -y --no-install-recommends $package, or install etcd 3.4 or later
with the means of your system."
  say "installing $package from the distribution"
  # The package starts its service when installed, unless this file says no.
  [[ -e $policy ]] && policy= || printf '#!/bin/sh\nexit 101\n' >"$policy"
  [[ -z $policy ]] || chmod +x "$policy"
  log=$(mktemp)
  apt_get update >"$log" 2>&1 && apt_get install "$package" >>"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    rm -f "$log" "$policy"
    fail "could not install $package: see above"
  }
  rm -f "$log" "$policy"
}

can_install() {
  ((EUID == 0)) && command -v apt-get >/dev/null &&
    grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}

main "$@"
