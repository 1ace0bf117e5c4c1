#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures the agent's IPVS against its peers on one kernel: this host's, or a virtual machine's. docs/benchmarks.md explains
# the figures. The last line holds them as key=value pairs.
set -euo pipefail
cd "$(dirname "$0")/.."

hack/packages.sh lab
binary=$PWD/bin/bench/agent.test
mkdir -p "$(dirname "$binary")"
go test -c -tags bench -o "$binary" ./agent
bin/machine run -- "$binary" -test.run '^TestBenchIPVS$' -test.timeout 60m -test.v | sed -un '/Running modprobe\|^=== \|^ *--- \|^PASS$\|^ok /!p'
