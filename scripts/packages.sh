#!/usr/bin/env bash
# Gets packages of the distribution for the other scripts:
#
#   packages.sh can               whether this machine is one that does so: Debian or Ubuntu, as root
#   packages.sh install NAME...   installs them; no service that they bring is started
#
# Exit code 1 means "no", with the end of what apt said on stderr.
set -euo pipefail

policy=/usr/sbin/policy-rc.d
log=            # what apt says
is_our_policy=

main() {
  case ${1:-} in
    can) is_root_on_debian ;;
    install) install "${@:2}" ;;
    *)
      printf 'usage: packages.sh can | packages.sh install NAME...\n' >&2
      exit 64
      ;;
  esac
}

is_root_on_debian() {
  ((EUID == 0)) && command -v apt-get >/dev/null &&
    grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release
}

install() {
  trap clean_up EXIT
  log=$(mktemp)
  forbid_services
  # A fresh machine has no package lists.
  apt_get update >"$log" 2>&1 && apt_get install "$@" >>"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    printf 'could not install %s: see above\n' "$*" >&2
    exit 1
  }
}

# A package starts its service when installed, unless this file says no.
forbid_services() {
  [[ ! -e $policy ]] || return 0
  is_our_policy=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
}

clean_up() {
  rm -f "$log"
  [[ -z $is_our_policy ]] || rm -f "$policy"
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}

main "$@"
