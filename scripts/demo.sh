#!/usr/bin/env bash
# Shows Berth at work: a cluster of this machine, a web server through it, and the end of both.
#
# Needs dist/ and an engine at DOCKER_HOST; `make demo` sees to both. Everything it makes is private:
# any free ports, a temporary state folder, containers of a worker of its own. It leaves nothing
# running, also when it fails or is interrupted.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# How long the cluster may take to serve, a container to be replaced, and the cluster to stop.
patience_seconds=60

folder=         # state and log of the cluster
worker=berth-demo-$$
cluster=        # process ID of `berth up`
followed=       # process ID of the command whose lines are being followed
failed=yes

bold='' cyan='' plain=''
[[ ! -t 1 || -n ${NO_COLOR:-} ]] || { bold=$'\e[1m' cyan=$'\e[36m' plain=$'\e[0m'; }

main() {
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  folder=$(mktemp -d "${TMPDIR:-/tmp}/berth-demo.XXXXXX")
  forget_settings

  title "An image to run"
  local image
  image=$("$here/demo-image.sh")

  title "A manager, a registry and a worker, in one process"
  start_cluster
  show berth workers

  title "A web server"
  show berth run --wait --name web --restart on-failure --publish 80 --memory 64m "$image"
  show berth ps
  show berth inspect web
  show_page

  title "Its container is killed: the next attempt takes over"
  kill_container
  show berth ps
  show_page
  show berth logs web

  title "A task that ends by itself"
  show_code 3 berth run --attach --name once "$image" sh -c 'echo "hello from $(hostname)"; exit 3'

  title "What happened to the web server"
  show berth events web

  title "The end"
  show berth stop --wait web
  show berth ps --all
  show berth rm web once
  stop_cluster
  explain
  failed=
}

# What the user has set for a cluster of their own is not meant for this one.
forget_settings() {
  unset "${!BERTH_@}"
  cd "$folder"
}

title() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }

# The command as one would type it.
prompt() {
  local word line=
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_./:=@%+-]+$ ]] || word="'${word//\'/\'\\\'\'}'"
    line+=" $word"
  done
  printf '\n%s$%s%s\n' "$cyan" "$line" "$plain"
}

show() {
  prompt "$@"
  "$@"
}

# As `show`, for a command that must end with a given exit code.
show_code() {
  local expected=$1 code=0
  shift
  prompt "$@"
  "$@" || code=$?
  printf '(exit code %s)\n' "$code"
  ((code == expected)) || fail "expected exit code $expected"
}

fail() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

berth() { node "$here/../bin/berth" "$@"; }

# Starts the cluster and prints what it says until it serves.
start_cluster() {
  local command=(up --manager-listen 127.0.0.1:0 --registry-listen 127.0.0.1:0
    --worker-listen 127.0.0.1:0 --worker-id "$worker" --state-dir "$folder/state")
  prompt berth "${command[@]}"
  follow_until '^Ctrl-C' node "$here/../bin/berth" "${command[@]}" || fail "the cluster did not start"
  cluster=$followed
  followed=
  BERTH_ADDR=$(sed -n 's/.*BERTH_ADDR=//p' "$folder/lines")
  export BERTH_ADDR
}

# Runs a command in the background and prints its lines until one matches. Sets `followed`.
follow_until() {
  local pattern=$1 line
  shift
  : >"$folder/lines"
  exec {output}< <(exec "$@" 2>>"$folder/log")
  followed=$!
  while IFS= read -r -t "$patience_seconds" line <&"$output"; do
    printf '%s\n' "$line" | tee -a "$folder/lines"
    [[ ! $line =~ $pattern ]] || return 0
  done
  return 1
}

address_of() {
  berth inspect -o json "$1" | node -e '
    const [task] = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    const [{ hostAddress, hostPort }] = task.attempt.status.ports;
    console.log(`${hostAddress}:${hostPort}`);'
}

show_page() {
  local url
  url=http://$(address_of web)/
  if command -v curl >/dev/null; then
    show curl --silent --show-error --fail --max-time 10 "$url"
  else
    prompt node -e 'fetch(…).then(…)' "$url"
    node -e 'fetch(process.argv[1]).then((answer) => answer.text()).then(console.log)' "$url"
  fi
}

# Behind Berth's back, by the engine itself.
kill_container() {
  local id
  id=$(node "$here/engine-api.mjs" containers "dev.berth.worker=$worker")
  prompt docker kill "${id:0:12}"
  node "$here/engine-api.mjs" kill "$id"
  prompt berth events --follow web
  follow_until '2 .*[Rr][Uu][Nn][Nn][Ii][Nn][Gg]' node "$here/../bin/berth" events --follow web ||
    fail "the container was not replaced"
  kill "$followed" 2>/dev/null || true
  followed=
}

stop_cluster() {
  prompt kill -TERM "$cluster"
  kill -TERM "$cluster"
  wait_for "$cluster" || fail "the cluster ended with exit code $?"
  cluster=
  printf 'the cluster has stopped\n'
}

# The exit code of a process that has been asked to end; one that does not is killed.
wait_for() {
  timeout "$patience_seconds" tail --pid "$1" -f /dev/null || kill -KILL "$1"
  wait "$1"
}

explain() {
  title "What you saw"
  cat <<'TEXT'
A manager made a task durable, chose a worker by score and pushed the task there. The worker ran it as
a Docker container and reported each step. When the container was killed, the worker told, and the
manager had a second attempt started at once. Stop was a wish in the manager's ledger, carried out by
the worker. All of it is in the task's events. Nothing that this demo started is still running.

Next: bin/berth up in one terminal, bin/berth run in another. README.md has the first steps.
TEXT
}

clean_up() {
  local code=$?
  trap '' INT TERM
  set +e
  [[ -z $failed || ! -s $folder/log ]] || {
    printf '\ndemo: failed with exit code %s; the end of the log:\n' "$code" >&2
    tail -n 30 "$folder/log" >&2
  }
  for process in $followed $cluster; do
    { kill -TERM "$process" && wait_for "$process"; } 2>/dev/null
  done
  node "$here/engine-api.mjs" purge "dev.berth.worker=$worker"
  rm -rf "$folder"
  exit "$code"
}

main "$@"
