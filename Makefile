# SPDX-License-Identifier: Apache-2.0
# `make help` lists every target.

SHELL := /usr/bin/env bash -o pipefail
.SHELLFLAGS := -ec
.DEFAULT_GOAL := help

export CGO_ENABLED := 0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
GO_BUILD := go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"

CONTROLLER_GEN := go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0
GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
BOILERPLATE := headerFile=hack/boilerplate

# Packages whose tests need a kernel with IPVS: they are built here and run on the machine of the lab.
KERNEL_TESTS = $(shell grep -rlE '^//go:build .*\bkernel\b' --include=*_test.go agent test | xargs -r -n1 dirname | sort -u)

##@ Use

.PHONY: demo
demo: controlplane build ## Play the tutorial on a real kernel, VRRP and API server. KEEP=1 leaves it running, `make demo-down` ends it.
	bin/lab demo $(if $(KEEP),--keep)

.PHONY: demo-down
demo-down: build-lab ## End what `make demo KEEP=1` left running.
	bin/lab down

.PHONY: test
test: test-race test-fuzz test-api test-chart test-kernel test-e2e ## Run every test: unit, fuzz, API server, chart, kernel, end to end.

##@ Measure

.PHONY: bench-ipvs
bench-ipvs: build-lab ## Measure IPVS: loading, reading back, one change, memory; against ipvsadm and moby/ipvs. About 15 minutes.
	hack/bench-ipvs.sh

.PHONY: bench-failover
bench-failover: build ## Measure failovers: what a client notices when a director dies or is stopped; beside keepalived. About 15 minutes.
	hack/bench-failover.sh

.PHONY: bench-health
bench-health: build ## Measure the checks of 10,000 real servers: processor, memory, how soon a dead one is out; beside keepalived.
	hack/bench-health.sh

##@ Build

.PHONY: build
build: build-lab ## Build manager, agent and the lab's programs into bin/.
	$(GO_BUILD) -o bin/ ./cmd/...

.PHONY: build-lab
build-lab: ## Build the lab's programs only.
	$(GO_BUILD) -o bin/ ./hack/lab ./hack/machine ./test/network/cmd/...

.PHONY: controlplane
controlplane: ## Find, download or build etcd, kube-apiserver and kubectl, and print their folder.
	hack/controlplane.sh

.PHONY: generate
generate: ## Regenerate deepcopy functions, CRDs and RBAC from the markers in the code, and their copies in the chart.
	$(CONTROLLER_GEN) object:$(BOILERPLATE).go.txt paths=./api/...
	$(CONTROLLER_GEN) crd:$(BOILERPLATE).yaml.txt paths=./api/... output:crd:artifacts:config=config/crd/bases
	$(CONTROLLER_GEN) rbac:roleName=lvs-operator-manager,$(BOILERPLATE).yaml.txt,fileName=manager_role.yaml paths=./controllers output:rbac:artifacts:config=config/rbac
	$(CONTROLLER_GEN) rbac:roleName=lvs-operator-agent,$(BOILERPLATE).yaml.txt,fileName=agent_role.yaml paths=./agent output:rbac:artifacts:config=config/rbac
	cp config/crd/bases/*.yaml charts/lvs-operator/crds/
	cp config/rbac/*_role.yaml charts/lvs-operator/rbac/

.PHONY: clean
clean: ## Remove what was built here. The cache of the lab (control plane, kernel) stays.
	rm -rf bin

##@ Check

.PHONY: lint
lint: ## Run golangci-lint with the settings of .golangci.yml.
	$(GOLANGCI_LINT) run ./...

.PHONY: verify
verify: ## Fail if generated files or go.mod are stale, or code is not formatted.
	hack/verify.sh

.PHONY: test-unit
test-unit: ## Run the tests that need nothing but Go.
	go test ./...

.PHONY: test-race
test-race: ## Run the same under the race detector, which needs a C compiler.
	hack/packages.sh race
	CGO_ENABLED=1 go test -race -timeout 20m ./...

.PHONY: test-fuzz
test-fuzz: ## Try input that nobody thought of on all that reads packets and files: 10 seconds each fuzz test, or FUZZTIME.
	hack/test-fuzz.sh

.PHONY: test-api
test-api: controlplane ## Run the tests of the API and the manager against a real API server.
	go test -tags apiserver -count=1 -timeout 20m ./test/controlplane/... ./test/api/... ./agent/watch/...

.PHONY: test-chart
test-chart: controlplane ## Compare the Helm chart with config/default, and install it into a real API server.
	go test -tags chart -count=1 -timeout 20m ./test/chart/...

.PHONY: test-kernel
test-kernel: build-lab ## Run the tests of the agent against a real kernel: this host's, or a virtual machine's.
	hack/test-kernel.sh $(KERNEL_TESTS)

.PHONY: test-e2e
test-e2e: controlplane build ## Play the tutorial and the stories of the other samples as tests.
	go test -tags e2e -count=1 -timeout 45m -v ./test/e2e/...

##@ Help

.PHONY: help
help: ## Show this text.
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*##/ {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
