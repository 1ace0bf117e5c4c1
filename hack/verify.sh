#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fails when generated files, go.mod or formatting differ from what the sources say. It works on a copy, so that it changes
# nothing here and needs no clean tree.
set -euo pipefail
cd "$(dirname "$0")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  [[ -e $file ]] && printf '%s\0' "$file"
done | tar --null -T - -cf - | tar -xf - -C "$copy"

cp -r "$copy" "$copy.before"
trap 'rm -rf "$copy" "$copy.before"' EXIT
(
  cd "$copy"
  make --no-print-directory -s generate
  go mod tidy
  gofmt -w $(find . -name '*.go')
)
if ! diff -ru "$copy.before" "$copy"; then
  echo "verify: the files above are stale: run 'make generate', 'go mod tidy' and 'gofmt', and commit what changes" >&2
  exit 1
fi
echo "verify: generated files, go.mod and formatting are as the sources say"
