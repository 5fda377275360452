#!/usr/bin/env bash
# Fails when gen/ is not what proto/ says. Leaves the tree as it is.
set -euo pipefail

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
buf generate -o "$fresh"
diff -r gen "$fresh/gen" || {
  echo "gen/ is not what proto/ says: run \`make gen\` and commit the result" >&2
  exit 1
}
