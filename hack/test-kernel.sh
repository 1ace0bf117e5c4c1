#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the tests (build tag kernel) of the packages that it is given, and runs them on one machine whose kernel has IPVS.
#
#   hack/test-kernel.sh agent/kernel test/network
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

hack/packages.sh lab keepalived trace ftp servers
out=$root/bin/kernel
rm -rf "$out"
mkdir -p "$out"
{
  echo 'failed=()'
  for package in "$@"; do
    echo "test-kernel: building $package" >&2
    binary=$out/${package//\//-}.test
    go test -c -tags kernel -o "$binary" "./$package"
    printf 'echo "=== %s"; cd %q && %q -test.timeout=20m -test.v || failed+=(%q)\n' "$package" "$root/$package" "$binary" "$package"
  done
  # shellcheck disable=SC2016 # expanded on the machine
  echo 'if ((${#failed[@]})); then echo "FAIL: ${failed[*]}"; exit 1; fi; echo "PASS: every kernel test"'
} >"$out/run.sh"
# Where the lab needs its virtual machine, that is tested too.
if ! bin/machine probe 2>/dev/null; then
  echo "=== test/machine"
  go test -count=1 -tags vm ./test/machine
fi
# What the agent does on a kernel without IPVS can be seen only on one.
if [[ $EUID -eq 0 && " $* " == *" agent/kernel "* ]] && bin/machine probe 2>&1 | grep -q 'no module ip_vs'; then
  echo "=== agent/kernel, on this host's kernel, which has no IPVS"
  go test -count=1 -tags kernel,noipvs -run TestKernelWithoutIPVS -v ./agent/kernel
fi
bin/machine run -- bash "$out/run.sh"
