#!/usr/bin/env bash
# Runs jest projects and adds up their results:   scripts/test.sh PROJECT...
#
# Ends in the line `N passed, N failed`. Fails when a test failed, or when a project ran none.
# Needs JEST, the command that starts jest (see Makefile), and for `e2e` an engine at DOCKER_HOST.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
results=.test

main() {
  local project
  mkdir -p "$results"
  for project in "$@"; do
    printf '\n== %s tests\n' "$project"
    rm -f "$results/$project.json"
    # What failed is in the results; a project without results has failed.
    run_project "$project" || true
  done
  printf '\n'
  node "$here/test-summary.mjs" "${@/%/.json}"
}

run_project() {
  # The image that the e2e tests make is a static busybox.
  [[ $1 != e2e ]] || export BERTH_TEST_BUSYBOX=$("$here/busybox.sh" "$results/busybox")
  eval "$JEST --selectProjects $1 --json --outputFile $results/$1.json" >/dev/null
}

main "$@"
