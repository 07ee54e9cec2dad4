# Every command of the repository. `make help` lists them.
# Settings pass through to what a target starts: make run RATE_LIMIT_MAX=10000

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
.NOTPARALLEL:

# The pinned Node.js is an npm package and so the first `node` on PATH. On platforms without such a package
# the system's is used, if it is new enough.
SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

# Hundreds of short-lived test processes compile the same sources. Node.js caches the compiled code by content.
export NODE_COMPILE_CACHE := $(CURDIR)/build/compile-cache

# npm writes it last, after the lock file, on `npm ci` and when a package is added.
INSTALLED := node_modules/.package-lock.json
IMAGE ?= docker.io/local/runnerhub:dev
IMAGE_ARCHIVE ?= build/runnerhub.tar

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Set up

.PHONY: install
install: $(INSTALLED) ## Install the pinned packages and Node.js (npm ci; no install scripts run)

# Warnings are silenced because the system's npm may run on an older Node.js than the one it installs.
$(INSTALLED): package-lock.json
	@echo 'npm ci --ignore-scripts'
	@PATH='$(SYSTEM_PATH)' npm ci --ignore-scripts --loglevel=error
	@config/require-node
	@touch $@

##@ Check

.PHONY: generate
generate: $(INSTALLED) ## Write the generated files (crds, parts of the chart, the client) from their sources
	node src/print-crds.ts
	node config/chart/generate.ts
	node config/client/generate.ts

.PHONY: format
format: $(INSTALLED) ## Format the sources; one folder or file with PATHS=src/kube
	biome format --write --config-path=config/formatter.json $(PATHS)

.PHONY: format-check
format-check: $(INSTALLED) ## Fail where `make format` would change a file
	biome format --config-path=config/formatter.json $(PATHS)

.PHONY: typecheck
typecheck: $(INSTALLED) ## Check the types
	tsc --noEmit
	tsc --noEmit --project src/page

.PHONY: lint
lint: $(INSTALLED) ## Lint the sources; one folder or file with PATHS=src/kube
	oxlint --config=config/oxlint.json $(or $(PATHS),src test config)

.PHONY: lint-shell
lint-shell: ## Check the shell files
	config/lint-shell

.PHONY: unused
unused: $(INSTALLED) ## Find unused files, exports and packages
	knip --config config/knip.json --no-progress --no-config-hints

.PHONY: audit
audit: $(INSTALLED) ## Ask the registry for advisories on the packages
	@node config/audit/audit.ts

.PHONY: check
check: $(INSTALLED) ## All of the above, changing nothing
	config/generate-check
	@$(MAKE) --keep-going format-check typecheck lint lint-shell unused audit

.PHONY: verify
verify: generate check test-unit ## Everything that needs no cluster, then fail if the tree is not committed
	@config/clean-tree

##@ Test

.PHONY: test
test: $(INSTALLED) ## Everything, also from a fresh clone: checks and all suites with a cluster, then the totals
	@node test/run.ts

.PHONY: test-unit test-integration test-faults test-e2e test-cluster
test-unit: $(INSTALLED) ## Unit tests: no cluster, no network
	@node test/run.ts --only unit

test-integration: $(INSTALLED) ## Integration tests on the local cluster, which is started if necessary
	@node test/run.ts --only integration,faces

test-faults: $(INSTALLED) ## Fault tests: the same cluster through a TLS proxy that injects faults
	@node test/run.ts --only faults

test-e2e: $(INSTALLED) ## The whole operator, as an image, with real pods
	@node test/run.ts --only e2e,make-run

test-cluster: $(INSTALLED) ## Tests of up, down, status and kubeconfig, which stop the cluster; tests of images
	@node test/run.ts --only planes,builds,cluster

.PHONY: faults
faults: $(INSTALLED) ## Random faults under load: SEEDS=20 new seeds, or SEED=7 again; SECONDS=60 and RATE=20 jobs per second
	FAULT_SEEDS='$(or $(SEEDS),3)' FAULT_SEED='$(SEED)' FAULT_SECONDS='$(or $(SECONDS),60)' FAULT_RATE='$(or $(RATE),20)' \
	  node node_modules/mocha/bin/mocha.js --config config/mocharc.json test/faults/schedules/schedules.test.ts

.PHONY: soak
soak: $(INSTALLED) ## Two replicas under a steady load: MINUTES=120, RATE=20 jobs per second; fails on growth or a lost job
	SOAK_MINUTES='$(or $(MINUTES),10)' SOAK_RATE='$(or $(RATE),20)' \
	  node node_modules/mocha/bin/mocha.js --config config/mocharc.json test/soak/main.ts

.PHONY: limits
limits: $(INSTALLED) ## One process with CONNECTIONS=10000 idle WebSockets, and with JOBS=10000 in a heap of HEAP=128 MiB
	LIMIT_CONNECTIONS='$(or $(CONNECTIONS),10000)' LIMIT_JOBS='$(or $(JOBS),10000)' LIMIT_HEAP='$(or $(HEAP),128)' \
	  node node_modules/mocha/bin/mocha.js --config config/mocharc.json test/limits/main.ts

.PHONY: mocha
mocha: $(INSTALLED) ## Single test files: make mocha FILES=test/unit/kube/cache/store.test.ts
	node node_modules/mocha/bin/mocha.js --config config/mocharc.json --timeout 60s $(FILES)

# The image needs a cluster's base image: it is built only with a cluster.
.PHONY: tools
tools: $(INSTALLED) ## Build the tools of the tests: Helm, kube-score, promtool, images with Prometheus, a stand-in runner and an S3 server (the first time takes minutes)
	config/local/helm-path
	config/local/kube-score-path
	config/local/promtool-path
	config/local/chromium-path
	config/local/shells || echo "the completion in zsh and fish will not be tried"
	config/local/prometheus-image "$$(config/local/cluster env | sed -n 's/^RUNNERHUB_BASE_IMAGE=//p')"
	config/local/runner-image "$$(config/local/cluster env | sed -n 's/^RUNNERHUB_BASE_IMAGE=//p')"
	config/local/s3-image "$$(config/local/cluster env | sed -n 's/^RUNNERHUB_BASE_IMAGE=//p')"

##@ Cluster

.PHONY: up down status kubeconfig
up: $(INSTALLED) ## Start the local cluster (no effect if it runs already)
	config/local/cluster up

down: ## Stop the local cluster and remove everything that it created
	config/local/cluster down

status: ## Show whether the local cluster runs
	@config/local/cluster status

kubeconfig: ## Print the path of the local cluster's kubeconfig
	@config/local/cluster kubeconfig

##@ Run

.PHONY: run
run: $(INSTALLED) ## Deploy the operator into the local cluster and show it at work; see config/local/run --help
	@config/local/run

.PHONY: image load-image
image: $(INSTALLED) ## Build the image as an archive and print its size; set IMAGE, IMAGE_ARCHIVE and BASE_IMAGE
	@mkdir -p build
	flock build/image.lock config/image/build $(IMAGE) $(IMAGE_ARCHIVE)

load-image: image ## Build the image and load it into the local cluster
	config/local/cluster load-image $(IMAGE_ARCHIVE)

.PHONY: runnerhub-worker
runnerhub-worker: $(INSTALLED) ## Bundle what the proxy runners run, as build/runnerhub-worker.cjs
	config/proxy/build

.PHONY: page screenshots
page: $(INSTALLED) ## Bundle the page into build/page and print its size
	node config/page/build.ts

screenshots: $(INSTALLED) ## Write the pictures of the page into docs/screenshots
	node node_modules/mocha/bin/mocha.js --config config/mocharc.json test/browser/screenshots.ts

.PHONY: client
client: $(INSTALLED) ## Build the client library, which others import as github-runnerhub/client, into dist
	tsc --project config/tsconfig.client.json

.PHONY: kubectl-runnerhub
kubectl-runnerhub: $(INSTALLED) ## Bundle the plugin of kubectl, as build/kubectl-runnerhub.cjs
	config/plugin/build

.PHONY: bench
bench: $(INSTALLED) ## Measure throughput, latency and API writes
	node test/bench/main.ts

##@ Clean

.PHONY: clean
clean: ## Remove build output (not the cluster, not node_modules)
	rm -rf build dist
