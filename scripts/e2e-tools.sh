#!/usr/bin/env bash
# Sees to the tools that the e2e tests look at Berth with. Root on Debian or Ubuntu gets what is
# missing from the distribution; elsewhere it says what to install, and the tests that need it fail.
set -euo pipefail

# dig: what people ask DNS with.
command -v dig >/dev/null && exit 0

say() { printf 'e2e: %s\n' "$*" >&2; }

((EUID == 0)) && command -v apt-get >/dev/null &&
  grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release || {
  say "dig is missing: install dnsutils or bind-utils"
  exit 0
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}

say "installing dig (bind9-dnsutils) from the distribution"
log=$(mktemp)
apt_get update >"$log" 2>&1 && apt_get install bind9-dnsutils >>"$log" 2>&1 || {
  tail -n 5 "$log" >&2
  say "could not install bind9-dnsutils; the tests that need dig will fail"
}
rm -f "$log"
