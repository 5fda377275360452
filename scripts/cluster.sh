#!/usr/bin/env bash
# A cluster of containers on this machine (docker-compose.yml):
#
#   cluster.sh up      builds the image, starts all, waits until all are healthy
#   cluster.sh down    ends all, and removes what was started through it: the tasks' containers,
#                      volumes and networks too; images stay
#
# Asks the engine at DOCKER_HOST (a socket of this machine). BERTH_IMAGE names an image that is there
# already: nothing is built then. COMPOSE_PROJECT_NAME and the ports of docker-compose.yml tell
# clusters apart.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
manager_1=127.0.0.1:${BERTH_MANAGER_1_PORT:-7070}
manager_2=127.0.0.1:${BERTH_MANAGER_2_PORT:-7080}
registry_1=127.0.0.1:${BERTH_REGISTRY_1_PORT:-7071}
registry_2=127.0.0.1:${BERTH_REGISTRY_2_PORT:-7081}
export COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-berth}
of_project=com.docker.compose.project=$COMPOSE_PROJECT_NAME
workers=(1 2 3)

main() {
  find_compose
  case ${1:-} in
    up) up ;;
    down) down ;;
    *) fail "usage: cluster.sh up | cluster.sh down" ;;
  esac
}

say() { printf 'cluster: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

find_compose() {
  cd "$here/.."
  if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
  elif command -v docker-compose >/dev/null; then
    compose=(docker-compose)
  else
    fail "docker compose is missing: install docker-compose-plugin or docker-compose"
  fi
  export DOCKER_HOST=${DOCKER_HOST:-unix:///var/run/docker.sock}
  export BERTH_ENGINE_SOCKET=${DOCKER_HOST#unix://}
}

up() {
  BERTH_ENGINE_ROOT=$(node "$here/engine-api.mjs" root)
  export BERTH_ENGINE_ROOT
  BERTH_ETCD=$("$here/etcd-image.sh")
  export BERTH_ETCD
  [[ -n ${BERTH_IMAGE:-} ]] || build
  "${compose[@]}" up --detach --no-build
  say "waiting until all are healthy"
  node "$here/engine-api.mjs" healthy "$of_project" || {
    "${compose[@]}" logs --tail 20 >&2
    fail "not all became healthy: their last words are above"
  }
  explain
}

build() {
  BERTH_BASE=$("$here/base-image.sh")
  BERTH_NPM_REGISTRY=$(npm config get registry)
  export BERTH_BASE BERTH_NPM_REGISTRY
  "${compose[@]}" build manager-1
}

down() {
  local worker
  # Tasks first end when nobody is left to start them anew.
  "${compose[@]}" down --volumes --remove-orphans
  for worker in "${workers[@]}"; do
    node "$here/engine-api.mjs" purge "dev.berth.worker=$COMPOSE_PROJECT_NAME-$worker"
  done
  say "nothing of $COMPOSE_PROJECT_NAME is left"
}

explain() {
  local exec="${compose[*]} -p $COMPOSE_PROJECT_NAME exec manager-1 berth"
  cat <<TEXT

  etcd        127.0.0.1:${BERTH_ETCD_PORT:-2379}
     │
  manager-1   $manager_1       manager-2   $manager_2
     │
  registry-1  $registry_1       registry-2  $registry_2
     │
  worker-1    127.0.0.1:${BERTH_WORKER_1_PORT:-7072}       worker-2    127.0.0.1:${BERTH_WORKER_2_PORT:-7082}       worker-3  127.0.0.1:${BERTH_WORKER_3_PORT:-7092}
     │
  the engine  $DOCKER_HOST

All are healthy. Next:

  $exec workers
  $exec run --wait --name web -p 8080:80 nginx:1.27-alpine

Then http://127.0.0.1:8080/ answers. \`make cluster-down\` ends it and leaves nothing behind.
TEXT
}

main "$@"
