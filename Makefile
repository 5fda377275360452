.DEFAULT_GOAL := help
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

# jest runs ES modules by a feature of Node that still has to be asked for.
test test-all test-ci unit etcd e2e compose faults fuzz-http: export NODE_OPTIONS := --experimental-vm-modules --disable-warning=ExperimentalWarning

INSTALLED := node_modules/.package-lock.json
MINUTES ?= 10
SEEDS ?= 100
PACKETS ?= 1000000
REQUESTS ?= 10000
SEED ?= 1
STORE ?= embedded

demo: build ## Run a container through a cluster of this machine, and show what happens
	@scripts/docker-engine.sh scripts/demo.sh

test: build ## Run all tests, those that need a Docker engine or an etcd too
	@scripts/e2e-tools.sh
	@scripts/docker-engine.sh scripts/etcd-server.sh scripts/test.mjs unit etcd e2e

test-ci: build ## Run what CI does: `make test`, and e2e with the store in etcd
	@scripts/e2e-tools.sh
	@scripts/docker-engine.sh scripts/etcd-server.sh scripts/test.mjs unit etcd e2e e2e-etcd

test-all: build ## Run all tests, and break real things
	@scripts/e2e-tools.sh
	@scripts/fault-tools.sh
	@scripts/docker-engine.sh scripts/etcd-server.sh scripts/fault-sweep.sh scripts/test.mjs unit etcd e2e e2e-etcd compose faults

unit: $(INSTALLED) ## Run the tests that need nothing but Node
	@scripts/test.mjs unit

etcd: build ## Run the tests that need an etcd
	@scripts/etcd-server.sh scripts/test.mjs etcd

e2e: build ## Run the tests that need a Docker engine, and an etcd. STORE=etcd: with the manager's store in it
	@scripts/e2e-tools.sh
	@scripts/docker-engine.sh scripts/etcd-server.sh scripts/test.mjs $(if $(filter etcd,$(STORE)),e2e-etcd,e2e)

compose: build ## Start the cluster of docker-compose.yml, kill it piece by piece, and end it
	@scripts/e2e-tools.sh
	@scripts/docker-engine.sh scripts/test.mjs compose

faults: build ## Break real processes, engines, disks and networks; most of it needs root
	@scripts/fault-tools.sh
	@scripts/docker-engine.sh scripts/fault-sweep.sh scripts/test.mjs faults

sim: build ## Run SEEDS=100 random clusters in simulated time, with faults, and check every promise
	@node dist/sim/bugs/main.js --check
	@bin/berth sim --seeds $(SEEDS)

sim-bugs: build ## Put known bugs back, one at a time, and show that the simulation finds each
	@node dist/sim/bugs/main.js

check: $(INSTALLED) ## Everything that needs no test to be known wrong, fastest first
	buf format --diff --exit-code proto
	buf format --diff --exit-code lib/store/etcd/proto
	scripts/check-files.mjs
	biome ci --error-on-warnings
	buf lint proto
	buf lint lib/store/etcd/proto
	scripts/check-breaking.sh
	scripts/check-gen.sh
	scripts/check-units.sh
	tsc --noEmit
	knip --no-config-hints

gen: $(INSTALLED) ## Write gen/ from proto/
	buf generate

fmt: $(INSTALLED) ## Format everything, and mend what can be mended
	buf format -w proto
	buf format -w lib/store/etcd/proto
	biome check --write

build: $(INSTALLED) ## Compile to dist/
	@tsc
	@scripts/bundle.mjs
	@scripts/client-package.mjs

bench: build ## Run the benchmarks, each beside its floor
	@scripts/docker-engine.sh bash -c 'BENCH_IMAGE=$$(scripts/demo-image.sh) node dist/bench/main.js'

bench-restart: build ## How long a manager with 100,000 tasks in its store takes to serve again
	@node dist/bench/restart.js

bench-recovery: build ## How fast Berth recovers, beside Docker Swarm on the same engine
	@scripts/docker-engine.sh bash -c 'BENCH_IMAGE=$$(scripts/demo-image.sh) node dist/bench/recovery.js'

bench-scheduler: build ## How many tasks a second the scheduler alone places
	@node --expose-gc dist/bench/scheduler.js

bench-store: build ## Batches a second through the store in etcd, beside etcd's own rate and LMDB's
	@scripts/etcd-server.sh node dist/bench/store.js

bench-cluster: build ## The whole control plane: tasks a second with 1,000 hollow workers, and what idle ones cost
	@node dist/bench/cluster.js

bench-dns: build ## Answers of DNS a second, beside an echo of as many bytes, and how soon they know what is ready
	@node dist/bench/dns.js
	@node dist/bench/dns-delay.js

fuzz-dns: build ## Send PACKETS=1000000 malformed packets through all that answers DNS
	@node dist/bench/dns-fuzz.js $(PACKETS)

fuzz-http: $(INSTALLED) ## Send REQUESTS=10000 made from the OpenAPI documents, of SEED=1, to a manager and a worker
	@FUZZ_REQUESTS=$(REQUESTS) FUZZ_SEED=$(SEED) jest --selectProjects unit --testPathPatterns test/http/fuzz

churn: build ## Load hollow workers for MINUTES=10 and print what grows
	@MINUTES=$(MINUTES) node dist/bench/churn.js

cluster: ## Start a cluster of containers on this machine, and wait until it is healthy
	@scripts/cluster.sh up

cluster-down: ## End what `make cluster` started, and leave nothing behind
	@scripts/cluster.sh down

clean: ## Remove what the other targets made
	rm -rf dist node_modules .test .demo

help: ## Show this
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

# Not `npm ci`: it refuses a lock file that lacks the optional packages of other platforms, and
# some mirrors of the registry do not have them.
$(INSTALLED): package-lock.json
	npm install --no-save --no-audit --no-fund
	@touch $@

.PHONY: demo test test-all test-ci unit etcd e2e compose faults sim sim-bugs check gen fmt build bench bench-restart bench-recovery bench-scheduler bench-store bench-cluster bench-dns fuzz-dns fuzz-http churn cluster cluster-down clean help
