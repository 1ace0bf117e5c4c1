#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Prints the directory that holds etcd, kube-apiserver and kubectl for the tests that need a real API server. The
# directory is all that goes to standard output; progress and errors go to standard error.
#
# Where it looks, in this order:
#   1. KUBEBUILDER_ASSETS, if set: nothing else is tried.
#   2. The cache: ${LVS_OPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lvs-operator}/controlplane/<version>.
#   3. setup-envtest's download of the released programs, which the cache then points at.
#   4. A build from Go modules (hack/controlplane) into the cache: minutes, once.
set -euo pipefail

readonly programs=(etcd kube-apiserver kubectl)
readonly setup_envtest=sigs.k8s.io/controller-runtime/tools/setup-envtest@v0.25.1
readonly download_seconds=120
readonly lock_seconds=3600
readonly progress_seconds=15

module=$(cd "$(dirname "${BASH_SOURCE[0]}")/controlplane" && pwd)
work=
builder=

say() { printf 'controlplane: %s\n' "$*" >&2; }

fail() {
	say "$*"
	exit 1
}

# missing names the programs that directory $1 lacks.
missing() {
	local program absent=()
	for program in "${programs[@]}"; do
		[[ -x $1/$program ]] || absent+=("$program")
	done
	printf '%s' "${absent[*]}"
}

complete() { [[ -z $(missing "$1") ]]; }

# kubernetes_version is the one that hack/controlplane/go.mod requires, as in 1.37.2.
kubernetes_version() {
	awk '$1 == "k8s.io/kubernetes" && $2 ~ /^v/ { print substr($2, 2); exit }' "$module/go.mod"
}

# cache_key changes with everything that decides what a build makes.
cache_key() {
	local hash
	hash=$(cat "$module/go.mod" "$module/main.go" | sha256sum)
	printf 'v%s-%s' "$version" "${hash:0:12}"
}

# publish makes the finished directory $1 the cache's entry in one rename, so that no reader ever sees half of it.
publish() {
	rm -rf "$cache"
	mv -T "$1" "$cache"
}

# reason is the last line of log $1 that says more than that go run failed.
reason() { awk '!/^exit status / { last = $0 } END { print substr(last, 1, 160) }' "$1"; }

# download leaves symbolic links to setup-envtest's programs in the cache. It fails without a network, and says why in
# one line.
download() {
	local found
	if ! found=$(GOWORK=off timeout "$download_seconds" go run "$setup_envtest" \
		use "${version%.*}.x" --bin-dir "$root/envtest" -p path 2>"$work/download.log"); then
		say "no download by setup-envtest ($(reason "$work/download.log")); building instead"
		return 1
	fi
	if ! complete "$found"; then
		say "setup-envtest's $found lacks $(missing "$found"); building instead"
		return 1
	fi
	mkdir "$work/links" && ln -s "${programs[@]/#/$found/}" "$work/links/" && publish "$work/links"
}

# build compiles the one program that is all three, and reports progress while the compiler says nothing.
build() {
	local out=$work/build pkg=k8s.io/component-base/version major minor next=$progress_seconds
	IFS=. read -r major minor _ <<<"$version"
	mkdir "$out"
	say "building Kubernetes v$version from Go modules into $cache: about 5 to 7 minutes on 2 cores, once"
	SECONDS=0
	GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -C "$module" -buildvcs=false -trimpath \
		-ldflags "-s -w -X $pkg.gitVersion=v$version -X $pkg.gitMajor=$major -X $pkg.gitMinor=$minor" \
		-o "$out/controlplane" . >&2 &
	builder=$!
	while kill -0 "$builder" 2>/dev/null; do
		sleep 1
		if ((SECONDS >= next)); then
			say "building for $((SECONDS / 60))m$((SECONDS % 60))s (about 5 to 7 minutes on 2 cores, once)"
			next=$((SECONDS + progress_seconds))
		fi
	done
	if ! wait "$builder"; then
		builder=
		fail "build of $module failed; its errors stand above. Set KUBEBUILDER_ASSETS to a directory with ${programs[*]} to do without"
	fi
	builder=
	for program in "${programs[@]}"; do
		ln -s controlplane "$out/$program"
	done
	publish "$out"
	say "built in $((SECONDS / 60))m$((SECONDS % 60))s"
}

clean_up() {
	if [[ -n $builder ]]; then
		kill "$builder" 2>/dev/null || true
		wait "$builder" || true
	fi
	if [[ -n $work ]]; then
		rm -rf "$work"
	fi
}

if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
	complete "$KUBEBUILDER_ASSETS" ||
		fail "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS lacks $(missing "$KUBEBUILDER_ASSETS"); add them, or unset it to have them built"
	(cd "$KUBEBUILDER_ASSETS" && pwd)
	exit
fi

version=$(kubernetes_version)
[[ -n $version ]] || fail "no k8s.io/kubernetes version in $module/go.mod"
root=${LVS_OPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lvs-operator}/controlplane
mkdir -p "$root"
root=$(cd "$root" && pwd)
cache=$root/$(cache_key)

if ! complete "$cache"; then
	exec 9>"$root/lock"
	if ! flock -n 9; then
		say "another run is filling $root; waiting for it"
		flock -w "$lock_seconds" 9 || fail "another run has held $root/lock for $((lock_seconds / 60)) minutes; end it and try again"
	fi
	if ! complete "$cache"; then
		trap clean_up EXIT
		trap 'exit 129' HUP
		trap 'exit 130' INT
		trap 'exit 143' TERM
		rm -rf "$root"/.work.* # what a killed run left; the lock says that none is at work
		work=$(mktemp -d "$root/.work.XXXXXX")
		download || build
	fi
fi
printf '%s\n' "$cache"
