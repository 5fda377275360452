#!/usr/bin/env bash
# Sees to an image of etcd; prints its name, and on stderr how it came.
#
# Tries a pull. Where no registry can be reached, makes one of the distribution's etcd-server and
# etcd-client, which are not installed. BERTH_ETCD=image names another; BERTH_ETCD=local asks no
# registry. Asks the engine at DOCKER_HOST.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/root-folder.sh"
pulled=quay.io/coreos/etcd:v3.5.21
built=berth-etcd:local

main() {
  local wanted=${BERTH_ETCD:-$pulled} why
  if [[ $wanted == local ]]; then
    build
  elif why=$(node "$here/engine-api.mjs" pull "$wanted" 2>&1); then
    printf '%s\n' "$wanted"
  elif [[ -n ${BERTH_ETCD:-} ]]; then
    fail "could not pull $wanted: $why"
  else
    say "could not pull $wanted: $why"
    build
  fi
}

say() { printf 'etcd image: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

build() {
  local folder
  if node "$here/engine-api.mjs" has "$built" 2>/dev/null; then
    say "using $built, made before"
  else
    folder=$(mktemp -d)
    trap "rm -rf '$folder'" EXIT
    unpack "$folder/packages"
    root_with_busybox "$folder/root"
    add_program "$folder/root" "$folder/packages/usr/bin/etcd"
    add_program "$folder/root" "$folder/packages/usr/bin/etcdctl"
    import_root "$folder/root" "$built" 'ENV PATH=/usr/local/bin:/bin' 'CMD ["etcd"]'
    say "made $built of the distribution's etcd-server and etcd-client"
  fi
  printf '%s\n' "$built"
}

unpack() {
  local file
  mkdir -p "$1"
  cd "$1"
  # A fresh machine has no package lists; only root may fetch them.
  apt-get -q download etcd-server etcd-client >&2 || {
    ((EUID == 0)) && apt-get -q update >&2 && apt-get -q download etcd-server etcd-client >&2
  } || fail "no etcd: name an image with BERTH_ETCD, or type: sudo apt-get update"
  for file in *.deb; do dpkg-deb -x "$file" .; done
}

main "$@"
