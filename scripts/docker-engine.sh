#!/usr/bin/env bash
# Runs a command with a Docker engine:   scripts/docker-engine.sh COMMAND [ARGS...]
#
# Uses the engine that answers at DOCKER_HOST or at the default socket. Where none does, root on
# Debian or Ubuntu gets one: docker.io is installed if missing, and a private dockerd is started
# with everything it owns in one temporary folder. The command finds the engine in DOCKER_HOST.
# Whatever was started here is gone when the command has ended, also after Ctrl-C.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
default_host=unix:///var/run/docker.sock
packages=(docker.io iptables iproute2)

# How long dockerd may take to stop, then the command after a signal, before each is killed.
stop_seconds=20

private=        # folder of the private engine; empty: none was started
bridge=         # its network bridge
dockerd=        # process ID of its dockerd
command=        # process ID, and process group, of the command
signalled=      # the last signal that was passed on
interrupted=    # whether a signal came while waiting for the command

main() {
  (($#)) || fail "usage: ${BASH_SOURCE[0]} COMMAND [ARGS...]"
  trap stop_engine EXIT
  trap 'on_signal INT' INT
  trap 'on_signal TERM' TERM
  trap 'on_signal HUP' HUP
  use_answering_engine || start_private_engine
  run_command "$@"
}

say() { printf 'docker: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

# --- an engine that is there -------------------------------------------------

use_answering_engine() {
  local host version
  for host in ${DOCKER_HOST:+"$DOCKER_HOST"} "$default_host"; do
    if version=$(DOCKER_HOST=$host node "$here/engine-api.mjs" ping 2>&1); then
      say "using $version at $host"
      export DOCKER_HOST=$host
      return
    fi
    say "no engine at $host: $version"
  done
  return 1
}

# --- an engine of our own ----------------------------------------------------

start_private_engine() {
  can_start_engine || explain_and_fail
  command -v dockerd >/dev/null && command -v ip >/dev/null || install_docker
  private=$(mktemp -d "${TMPDIR:-/tmp}/berth-engine.XXXXXX")
  bridge=berth$$
  export DOCKER_HOST=unix://$private/docker.sock
  add_bridge
  write_config
  # In a session of its own: a Ctrl-C must reach the command, and the engine only through us.
  setsid dockerd --config-file "$private/daemon.json" --containerd-namespace "$bridge" \
    --containerd-plugins-namespace "$bridge-plugins" >"$private/dockerd.log" 2>&1 &
  dockerd=$!
  await_engine
}

can_start_engine() {
  ((EUID == 0)) || return 1
  command -v dockerd >/dev/null && command -v ip >/dev/null || "$here/packages.sh" can
}

is_debian() { command -v apt-get >/dev/null && grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release; }

explain_and_fail() {
  say "no Docker engine answers, and only root on Debian or Ubuntu gets one from here. Type:"
  if command -v dockerd >/dev/null; then
    printf '  sudo service docker start\n  sudo usermod -aG docker "$USER"   # then log in anew\n' >&2
  elif is_debian; then
    printf '  sudo apt-get update\n' >&2
    printf '  sudo apt-get install -y --no-install-recommends %s\n' "${packages[*]}" >&2
    printf '  sudo service docker start\n' >&2
    printf '  sudo usermod -aG docker "$USER"   # then log in anew\n' >&2
  else
    printf '  install Docker with the means of your system, start it, then:\n' >&2
    printf '  export DOCKER_HOST=unix:///path/to/docker.sock\n' >&2
  fi
  exit 1
}

# Its service is not started: we start our own.
install_docker() {
  say "installing ${packages[*]} from the distribution"
  "$here/packages.sh" install "${packages[@]}" || fail "no Docker engine without them"
}

# A bridge of its own, on a subnet that nothing on this host uses.
add_bridge() {
  local third routes
  routes=$(ip -4 route show table all)
  for third in $(seq 0 255); do
    [[ $routes == *"10.198.$third."* ]] || break
  done
  ip link add "$bridge" type bridge
  ip addr add "10.198.$third.1/24" dev "$bridge"
  ip link set "$bridge" up
}

# Without iptables and forwarding the host's firewall stays as it is, and a second engine's rules
# too: published ports go through docker-proxy, and containers do not reach the internet.
write_config() {
  cat >"$private/daemon.json" <<JSON
{
  "hosts": ["$DOCKER_HOST"],
  "data-root": "$private/data",
  "exec-root": "$private/exec",
  "pidfile": "$private/dockerd.pid",
  "bridge": "$bridge",
  "iptables": false,
  "ip6tables": false,
  "ip-forward": false,
  "ip-masq": false
}
JSON
}

# Until the engine answers, ends, or takes too long.
await_engine() {
  local version waiter
  node "$here/engine-api.mjs" await >"$private/version" 2>&1 &
  waiter=$!
  wait -n "$waiter" "$dockerd" || true
  if kill -0 "$dockerd" 2>/dev/null && wait "$waiter"; then
    version=$(<"$private/version")
    say "started a private $version at $DOCKER_HOST; it stops when this command ends"
    return
  fi
  kill "$waiter" 2>/dev/null || true
  tail -n 20 "$private/dockerd.log" >&2
  fail "the private dockerd did not start: its last words are above"
}

# --- the command -------------------------------------------------------------

# In the background, so that a signal is handled at once; in a process group of its own, so that
# it can be passed on to all of it.
run_command() {
  local code
  [[ -z $signalled ]] || exit 130
  set -m
  "$@" </dev/null &
  command=$!
  set +m
  while :; do
    code=0
    interrupted=
    wait "$command" || code=$?
    [[ -n $interrupted ]] || exit "$code"
  done
}

# The first signal asks the command to end, the second kills it.
on_signal() {
  local signal=$1
  [[ -z $signalled ]] || signal=KILL
  signalled=$signal
  interrupted=1
  [[ -n $command ]] || exit 130
  kill "-$signal" -- "-$command" 2>/dev/null || true
}

# --- the end -----------------------------------------------------------------

stop_engine() {
  local code=$?
  trap '' INT TERM HUP
  set +e
  [[ -z $private ]] || {
    stop_dockerd
    remove_traces
  }
  exit "$code"
}

stop_dockerd() {
  [[ -n $dockerd ]] || return
  node "$here/engine-api.mjs" purge 2>/dev/null
  kill "$dockerd" 2>/dev/null
  timeout "$stop_seconds" tail --pid "$dockerd" -f /dev/null || kill -KILL "$dockerd"
  wait "$dockerd" 2>/dev/null
}

# What a dockerd that died badly leaves behind: containers, then containerd, shims and proxies,
# whose command lines name the folder or the namespace.
remove_traces() {
  local file mount
  for file in $(find "$private/exec" "/run/containerd/io.containerd.runtime.v2.task/$bridge" \
    -name init.pid 2>/dev/null); do
    kill -KILL "$(<"$file")" 2>/dev/null
  done
  for file in /proc/[0-9]*/cmdline; do
    { tr '\0' ' ' <"$file"; } 2>/dev/null | grep -qF -e "$private/exec" -e "-namespace $bridge " ||
      continue
    kill -KILL "$(basename "$(dirname "$file")")" 2>/dev/null
  done
  for mount in $(awk -v top="$private/" 'index($5, top) == 1 { print $5 }' /proc/self/mountinfo | sort -r); do
    umount -l "$mount"
  done
  ip link del "$bridge" 2>/dev/null
  rm -rf --one-file-system "$private"
}

main "$@"
