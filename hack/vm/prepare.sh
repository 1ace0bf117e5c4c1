#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Prints the folder that holds a Debian kernel with IPVS for the virtual machine, after making it where it is absent:
#
#   vmlinuz          the kernel
#   version          its release, as `uname -r` prints it
#   modules/         what belongs at /lib/modules/<release>, with modules.dep
#   initramfs-<id>   busybox, the modules that reach the host's files, and hack/vm/init; <id> is the hash of what went in
#   initramfs        link to the initramfs of this work tree's hack/vm/init
#
# The kernel package is downloaded and unpacked, never installed. A kernel that is in the cache is used as it is, with no
# network; remove the cache folder to get a newer one. Progress goes to standard error.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${LVS_OPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lvs-operator}/kernel
# What init loads before it has the host's files; their dependencies come from modules.dep.
boot_modules='virtio_pci 9pnet_virtio 9p overlay virtio_net'

say() { echo "kernel: $*" >&2; }
fail() {
	say "$@"
	exit 1
}

# newest prints the cached kernel with the highest version, or nothing. Only finished folders have a version file.
newest() {
	find "$cache" -mindepth 2 -maxdepth 2 -name version -exec dirname {} \; 2>/dev/null | sort -V | tail -n 1
}

# download leaves the kernel package of this distribution in the current folder.
download() {
	package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
	if [ -z "$package" ] && [ "$(id -u)" -eq 0 ]; then
		apt-get -qq update >&2
		package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
	fi
	[ -n "$package" ] || fail "apt knows no linux-image-amd64. On Debian, run apt-get update as root; elsewhere, use a host whose kernel has IPVS (modprobe ip_vs)"
	say "downloading $package"
	# A list older than the archive names a file that is gone: one update as root, one more try.
	if ! apt-get -qq -o APT::Sandbox::User=root download "$package" >apt.log 2>&1; then
		{ [ "$(id -u)" -eq 0 ] && apt-get -qq update && apt-get -qq -o APT::Sandbox::User=root download "$package"; } >>apt.log 2>&1 || {
			cat apt.log >&2
			fail "download of $package failed; run apt-get update as root and try again"
		}
	fi
}

# unpack turns the package in the current folder into the layout above, in kernel/.
unpack() {
	say "unpacking"
	dpkg-deb -x ./*.deb root
	rm -f ./*.deb
	version=$(basename "$(find root/lib/modules root/usr/lib/modules -mindepth 1 -maxdepth 1 2>/dev/null | head -n 1)")
	[ -n "$version" ] || fail "the kernel package holds no modules"
	if [ ! -d root/lib ]; then mv root/usr/lib root/lib; fi
	# busybox reads plain modules whatever it was built with; newer Debian kernels compress theirs.
	find root/lib/modules -name '*.ko.xz' -print0 | xargs -0 -r -n 64 busybox unxz
	busybox depmod -b root "$version"
	mkdir kernel
	mv "root/boot/vmlinuz-$version" kernel/vmlinuz
	mv "root/lib/modules/$version" kernel/modules
	rm -rf root
	printf '%s\n' "$version" >kernel/version
}

# initramfs makes $1/initramfs, or only points it at one that fits.
initramfs() {
	kernel=$1
	id=$( (cat "$here/init" "$kernel/version" "$0" && sha256sum <"$(command -v busybox)") | sha256sum | cut -c1-12)
	if [ ! -f "$kernel/initramfs-$id" ]; then
		say "making the initramfs"
		rm -rf "$work/initramfs"
		mkdir -p "$work/initramfs/bin" "$work/initramfs/modules"
		cp "$(command -v busybox)" "$work/initramfs/bin/busybox"
		cp "$here/init" "$work/initramfs/init"
		chmod 0755 "$work/initramfs/init" "$work/initramfs/bin/busybox"
		: >"$work/initramfs/modules/order"
		for file in $(loading_order "$kernel/modules/modules.dep"); do
			cp "$kernel/modules/$file" "$work/initramfs/modules/"
			basename "$file" >>"$work/initramfs/modules/order"
		done
		(cd "$work/initramfs" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) | gzip -1 >"$work/image"
		mv "$work/image" "$kernel/initramfs-$id"
	fi
	ln -sfn "initramfs-$id" "$work/link"
	mv -T "$work/link" "$kernel/initramfs"
}

# loading_order prints, from the modules.dep file $1, the files of boot_modules and of all they need, each once and
# after what it needs. A line of modules.dep is "module: needed ...", complete and nearest first. A module that is
# absent is built into the kernel.
loading_order() {
	for name in $boot_modules; do
		awk -F: -v name="$name" '
			{ file = $1; sub(/.*\//, "", file); sub(/\.ko$/, "", file); gsub(/-/, "_", file) }
			file == name {
				count = split($2, needed, " ")
				for (i = count; i >= 1; i--) print needed[i]
				print $1
			}' "$1"
	done | awk '!seen[$0]++'
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
work=$(mktemp -d "$cache/.making.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

kernel=$(newest)
if [ -z "$kernel" ]; then
	(cd "$work" && download && unpack)
	kernel=$cache/$(cat "$work/kernel/version")
	mv -T "$work/kernel" "$kernel"
fi
initramfs "$kernel"
echo "$kernel"
