#!/usr/bin/env bash
# Fails when the contract breaks what clients already rely on.
#
# Compares proto/ as it lies here with what the world has: the commit in BREAKING_BASE if set,
# else the newest release (a `v*` tag), else origin/main, else main, else HEAD. Of these the first
# that is not the very commit checked out; on main itself without a release that leaves HEAD, so
# that a change is checked before it is committed.
set -euo pipefail

main() {
  local base
  base=$(find_base) || {
    echo "breaking changes: not checked, there is no commit to compare with"
    return
  }
  echo "breaking changes: compared with $base"
  compare_with "$base"
}

# A checkout that belongs to somebody else is read all the same.
repository() { git -c safe.directory='*' "$@"; }

find_base() {
  local candidate head release
  head=$(repository rev-parse --verify --quiet HEAD) || return 1
  release=$(repository describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)
  for candidate in ${BREAKING_BASE:-} $release origin/main main; do
    [[ $(repository rev-parse --verify --quiet "$candidate^{commit}") == "$head" ]] && continue
    has_contract "$candidate" && printf '%s\n' "$candidate" && return
  done
  has_contract HEAD && printf 'HEAD\n'
}

has_contract() { repository cat-file -e "$1:proto/berth/v1" 2>/dev/null; }

# The base needs the contracts of others beside it; they come with npm and are not in git.
compare_with() {
  local folder modules
  folder=$(mktemp -d)
  trap "rm -rf '$folder'" EXIT
  # Every folder of ours that buf.yaml names must be there.
  mapfile -t modules < <(repository show "$1:buf.yaml" | sed -n 's/^  - path: \(proto\|lib\)/\1/p')
  repository archive "$1" buf.yaml "${modules[@]}" | tar -x -C "$folder"
  ln -s "$PWD/node_modules" "$folder/node_modules"
  buf breaking proto --against "$folder/proto"
}

main "$@"
