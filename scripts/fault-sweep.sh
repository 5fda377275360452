#!/usr/bin/env bash
# Runs a command of fault tests and removes what it leaves behind:
#
#   scripts/fault-sweep.sh COMMAND [ARGS...]
#
# A run that ends by itself leaves nothing. One that is broken off leaves processes, engines,
# containers, namespaces and mounts. Its tests keep their files in FAULTS_DIR and note there what
# they make elsewhere. Whatever is found is told and removed, also after Ctrl-C.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

main() {
  local code=0
  folder=$(mktemp -d "${TMPDIR:-/tmp}/berth-f.XXXXXX")
  # The command gets the signal too, and ends: then comes the sweep.
  trap : INT TERM HUP
  FAULTS_DIR=$folder "$@" || code=$?
  trap '' INT TERM HUP
  set +e
  sweep
  exit "$code"
}

say() { printf 'faults: left behind and removed: %s\n' "$*" >&2; }

sweep() {
  end_containers_of_private_engines
  end_processes
  remove_containers
  remove_traces_of_private_engines
  sweep_traces
  unmount_all
  rm -f "$folder/traces"
  [[ -z $(ls -A "$folder") ]] || say "$(cd "$folder" && echo *)"
  rm -rf --one-file-system "$folder"
}

# A container is no child of its engine, and outlives it. Its process ID may be another's by now:
# the control group has the container's ID, as has the folder of the file.
end_containers_of_private_engines() {
  local file pid
  for file in $(find "$folder" -name init.pid); do
    pid=$(<"$file")
    grep -qsF "$(basename "$(dirname "$file")")" "/proc/$pid/cgroup" || continue
    kill -KILL "$pid" && say "container process $pid"
  done
}

# All that descends from the command has its environment.
end_processes() {
  local pids pid
  pids=$(grep -slzxF "FAULTS_DIR=$folder" /proc/[0-9]*/environ | cut -d/ -f3)
  for pid in $pids; do
    kill -KILL "$pid" 2>/dev/null && say "process $pid"
  done
}

# What shims leave outside the folder: their sockets and the control groups of their containers.
remove_traces_of_private_engines() {
  local file bundle socket
  for file in $(find "$folder" -name init.pid); do
    bundle=$(dirname "$file")
    socket=$(<"$bundle/address")
    [[ $socket != unix:///run/containerd/s/* ]] || rm -f "${socket#unix://}"
    find /sys/fs/cgroup -depth -type d -name "*$(basename "$bundle")*" -exec rmdir {} + &&
      say "control groups of container $(basename "$bundle")"
  done
}

# What was noted and has been removed is no longer there.
sweep_traces() {
  local kind name
  [[ -f $folder/traces ]] || return 0
  while read -r kind name; do
    case $kind in
      cgroup) rmdir "$name" 2>/dev/null && say "cgroup $name" ;;
      netns) ip netns del "$name" 2>/dev/null && say "network namespace $name" ;;
    esac
  done <"$folder/traces"
}

# A cluster that was stopped has taken its folder along, and its containers before that.
remove_containers() {
  local id
  for id in $(cat "$folder"/*/worker-ids 2>/dev/null); do
    node "$here/engine-api.mjs" purge "dev.berth.worker=$id" && say "the containers of worker $id"
  done
}

unmount_all() {
  local mount
  for mount in $(awk -v top="$folder/" 'index($5, top) == 1 { print $5 }' /proc/self/mountinfo | sort -r); do
    umount -l "$mount" && say "mount $mount"
  done
}

main "$@"
