#!/usr/bin/env bash
# Sees to an image that deploy/Dockerfile can begin with; prints its name, and on stderr how it came.
#
# Tries a pull. Where no registry can be reached, makes one of this machine: its Node and npm, the
# libraries that they need, a static busybox as shell, and the certificates that npm is to trust.
# BERTH_BASE=image names another; BERTH_BASE=local asks no registry. Asks the engine at DOCKER_HOST.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/root-folder.sh"
pulled=node:20-bookworm-slim
certificates=/etc/ssl/certs/ca-certificates.crt

main() {
  local wanted=${BERTH_BASE:-$pulled} why
  if [[ $wanted == local ]]; then
    build
  elif why=$(node "$here/engine-api.mjs" pull "$wanted" 2>&1); then
    printf '%s\n' "$wanted"
  elif [[ -n ${BERTH_BASE:-} ]]; then
    fail "could not pull $wanted: $why"
  else
    say "could not pull $wanted: $why"
    build
  fi
}

say() { printf 'base image: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

build() {
  local built folder changes=('ENV PATH=/usr/local/bin:/usr/bin:/bin' 'CMD ["node"]')
  built=berth-base:$(made_of)
  ! node "$here/engine-api.mjs" has "$built" 2>/dev/null || {
    say "using $built, made before"
    printf '%s\n' "$built"
    return
  }
  # One that is to trust more than Node's own list says so where this runs.
  [[ -z ${NODE_EXTRA_CA_CERTS:-} ]] || changes+=("ENV NODE_EXTRA_CA_CERTS=$certificates")
  folder=$(mktemp -d)
  trap "rm -rf '$folder'" EXIT
  make_root "$folder/root"
  import_root "$folder/root" "$built" "${changes[@]}"
  say "made $built of this machine's Node $(node --version)"
  printf '%s\n' "$built"
}

# What changes when the image would: one that was made before is used again, and what was built on it.
made_of() {
  {
    node --version
    npm --version
    cat "${BASH_SOURCE[0]}" "$here/root-folder.sh" "${NODE_EXTRA_CA_CERTS:-/dev/null}"
  } | sha256sum | cut -c 1-12
}

make_root() {
  local root=$1
  root_with_busybox "$root"
  add_program "$root" "$(readlink -f "$(command -v node)")"
  add_npm "$root"
  add_accounts "$root"
  add_certificates "$root"
}

add_npm() {
  local root=$1 npm name
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  mkdir -p "$root/usr/local/lib/node_modules"
  cp -r "$npm" "$root/usr/local/lib/node_modules/npm"
  for name in npm npx; do
    ln -s "../lib/node_modules/npm/bin/$name-cli.js" "$root/usr/local/bin/$name"
  done
}

# The same user as in Node's own images.
add_accounts() {
  printf 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/tmp:/bin/sh\n' >"$1/etc/passwd"
  printf 'root:x:0:\nnode:x:1000:\n' >"$1/etc/group"
}

add_certificates() {
  local from=${NODE_EXTRA_CA_CERTS:-$certificates}
  [[ -e $from ]] || return 0
  mkdir -p "$1$(dirname "$certificates")"
  cp --dereference "$from" "$1$certificates"
}

main "$@"
