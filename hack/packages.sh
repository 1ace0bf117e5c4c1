#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Debian packages that the lab needs, or names those that are missing where it may not install.
#
#   hack/packages.sh lab    what makes and inspects test hosts: ip, ipvsadm, nft
#   hack/packages.sh vm     what runs a kernel with IPVS where the host's has none: qemu, busybox, cpio
#   hack/packages.sh keepalived, trace   what some tests compare with or record with: keepalived; tcpdump
#   hack/packages.sh ftp    a server and a client of the application helper's tests: vsftpd, curl
#   hack/packages.sh web    real servers of the health checks' benchmark: nginx
#   hack/packages.sh race   what the race detector is linked with: gcc
#   hack/packages.sh servers   real servers of the health checks' tests: nginx, dnsmasq, exim
#
# Several sets may be named at once. Nothing happens when everything is there. No package's service is started.
set -eu

# wanted prints lines of one set: a command and the packages that bring it. They count as there when the command is.
wanted() {
	case $1 in
	lab) printf '%s\n' 'ip iproute2' 'ipvsadm ipvsadm' 'nft nftables' ;;
	vm) printf '%s\n' 'qemu-system-x86_64 qemu-system-x86' 'busybox busybox-static' 'cpio cpio' ;;
	keepalived) printf '%s\n' 'keepalived keepalived' ;;
	trace) printf '%s\n' 'tcpdump tcpdump' ;;
	ftp) printf '%s\n' 'vsftpd vsftpd' 'curl curl' ;;
	web) printf '%s\n' 'nginx nginx-light' ;;
	race) printf '%s\n' 'gcc gcc libc6-dev' ;;
	servers) printf '%s\n' 'nginx nginx-light' 'dnsmasq dnsmasq-base' 'exim4 exim4-daemon-light' ;;
	*)
		echo "hack/packages.sh: unknown set \"$1\"; the sets are lab, vm, keepalived, trace, ftp, web, race and servers" >&2
		return 2
		;;
	esac
}

missing() {
	for set in "$@"; do
		pairs=$(wanted "$set") || exit 2
		printf '%s\n' "$pairs" | while read -r command package; do
			PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null 2>&1 || printf '%s ' "$package"
		done
	done
}

# install keeps services down with a policy-rc.d that says "not allowed" (101) for the time of the installation, in place
# of none. A policy that is there already is the machine's own and stays.
install() {
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		trap 'rm -f "$policy"' EXIT
		trap 'exit 130' HUP INT TERM
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 0755 "$policy"
	fi
	log=$(mktemp)
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086 # the packages are separate words
	if ! { apt-get -qq update && apt-get -qq install --yes --no-install-recommends $1; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		echo "hack/packages.sh: apt-get could not install: $1" >&2
		exit 1
	fi
	rm -f "$log"
	echo "installed: $1" >&2
}

[ $# -gt 0 ] || {
	echo "usage: hack/packages.sh lab|vm|keepalived|trace|ftp|web|race|servers ..." >&2
	exit 2
}
packages=$(missing "$@")
packages=${packages% }
[ -n "$packages" ] || exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
	install "$packages"
else
	echo "hack/packages.sh: missing Debian packages: $packages. As root: apt-get install --no-install-recommends $packages" >&2
	exit 1
fi
