#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures what a client notices of failovers, ours and keepalived's on one kernel: this host's, or a virtual machine's.
# docs/benchmarks.md explains the figures. The last line holds them as key=value pairs.
set -euo pipefail
cd "$(dirname "$0")/.."

hack/packages.sh lab keepalived
binary=$PWD/bin/bench/failover.test
mkdir -p "$(dirname "$binary")"
go test -c -tags bench -o "$binary" ./test/failover

figures=bench-failover
exec 3>&1
# measure runs a benchmark, shows what it prints, and keeps the figures of its last line.
measure() {
	local line
	line=$("$@" -test.timeout 60m -test.v | sed -un '/^=== \|^ *--- \|^PASS$\|^ok /!p' | while IFS= read -r said; do
		echo "$said" >&3
		[[ $said != bench-failover* ]] || echo "${said#bench-failover}"
	done)
	figures+=$line
}
export LVS_AGENT=$PWD/bin/agent
measure bin/machine run -- env LVS_AGENT="$LVS_AGENT" "$binary" -test.run '^TestBenchFailover$'
measure "$binary" -test.run '^TestBenchProcessors$'
echo "$figures"
