#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs each fuzz test of the given folders, of all if none is given, for FUZZTIME (10s): it tries input that nobody thought of on
# the code that reads what came from elsewhere. Input that breaks it is kept beside the test, under testdata/fuzz.
#
#   FUZZTIME=5m hack/test-fuzz.sh agent/vrrp
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t fuzzers < <(grep -rHoP --include='*_test.go' '^func \KFuzz\w+(?=\()' "${@:-.}" | sort)
if ((${#fuzzers[@]} == 0)); then
  echo "test-fuzz: no fuzz test in ${*:-the repository}" >&2
  exit 1
fi
said=$(mktemp)
trap 'rm -f "$said"' EXIT
for fuzzer in "${fuzzers[@]}"; do
  folder=./$(dirname "${fuzzer%%:*}") name=${fuzzer##*:}
  echo "=== $name, $folder"
  go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-10s}" -parallel 2 "$folder" 2>&1 | tee "$said" && continue
  # Before Go 1.27 the end of the time can be taken for a failure (go.dev/issue/75804). It leaves no input behind.
  if grep -q 'Failing input written' "$said" || ! grep -qE '^ +context deadline exceeded$' "$said"; then
    exit 1
  fi
done
