#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures what the checks of 10,000 real servers cost, ours and keepalived's on one kernel: this host's, or a virtual machine's.
# docs/benchmarks.md explains the figures. The last line holds them as key=value pairs.
set -euo pipefail
cd "$(dirname "$0")/.."

hack/packages.sh lab keepalived web
binary=$PWD/bin/bench/health.test
mkdir -p "$(dirname "$binary")"
go test -c -tags bench -o "$binary" ./test/health
bin/machine run -- env LVS_AGENT="$PWD/bin/agent" "$binary" -test.run '^TestBenchHealth$' -test.timeout 60m -test.v |
	sed -un '/^=== \|^ *--- \|^PASS$\|^ok /!p'
