#!/bin/sh
# Install what guestclock's build, tests, demo and bench need on Debian 12 and 13.
#
#   tests/setup.sh            install missing packages, then unpack those that must not be installed
#   tests/setup.sh --check    print what is missing; change nothing; status 1 if anything is
#
# This is the only list of packages.  A second run changes nothing and needs no network.
set -eu

# Installed with apt.
install='
gcc make libc6-dev libwrap0-dev libcap-dev libseccomp-dev libmd-dev
bats libcmocka-dev
clang libclang-rt-dev llvm clang-tidy cppcheck shellcheck mandoc valgrind libc6-dbg strace git
rdate dropbear-bin busybox-static socat netcat-openbsd openssh-client
qemu-system-x86 qemu-utils cpio kmod python3
iproute2 netbase util-linux libcap2-bin procps xz-utils systemd mmdebstrap
gnuplot-nox
'

# Unpacked under build/peers, not installed: the superservers conflict with one another, the tests must not leave a new
# sshd or inetd listening on this machine, and the test guest's kernel does not belong in /boot.
unpack='
xinetd openbsd-inetd inetutils-inetd
openssh-server openssh-sftp-server
chrony ntpsec-ntpdate ntpsec-ntpdig python3-ntp
linux-image-cloud-amd64
'

top=$(cd "$(dirname "$0")/.." && pwd)
peers=$top/build/peers

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 111; }

for tool in apt-get dpkg-query; do
	command -v $tool >/dev/null 2>&1 || die "no $tool: this script knows Debian only; the lists are in it"
done

missing=
for package in $install; do
	case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || :) in
	installed) ;;
	*) missing="$missing $package" ;;
	esac
done

unpacked() { [ -e "$peers/.unpacked/$1" ]; }
absent=
for package in $unpack; do
	unpacked "$package" || absent="$absent $package"
done

if [ "${1-}" = --check ]; then
	[ -z "$missing$absent" ] && exit 0
	say "missing:$missing$absent"
	exit 1
fi
[ $# -eq 0 ] || { printf 'setup: unknown argument "%s"; expected --check or nothing\n' "$1" >&2; exit 100; }
[ -n "$missing$absent" ] || exit 0

root=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null 2>&1 || [ -z "$missing" ] || die "not root and no sudo: install$missing"
	root=sudo
fi

log=$top/build/setup.log
mkdir -p "$top/build"
# A new machine may have no package lists, or old ones that name files which the mirror has removed.
update() { $root apt-get update >>"$log" 2>&1 || die "apt-get update failed; see build/setup.log"; }

status_of() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || :; }

install_now() { # PACKAGE...
	[ $# -gt 0 ] || return 0
	unknown=
	for package; do
		apt-cache show "$package" >/dev/null 2>&1 || unknown="$unknown $package"
	done
	[ -z "$unknown" ] || die "not in this machine's package sources:$unknown; expected Debian 12 or 13, section main"
	say "installing $*"
	$root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1 ||
		die "apt-get install failed; see build/setup.log"
}

if [ -n "$missing" ]; then
	update
	# shellcheck disable=SC2086 # a list of words
	install_now $missing
fi

fetch() { # PACKAGE: unpack it under $peers
	rm -rf "$peers/.fetch" && mkdir -p "$peers/.fetch" "$peers/.unpacked"
	(cd "$peers/.fetch" && apt-get -o APT::Sandbox::User=root download "$1") >>"$log" 2>&1 || return 1
	for deb in "$peers/.fetch"/*.deb; do
		dpkg-deb -x "$deb" "$peers" || return 1
	done
	rm -rf "$peers/.fetch"
}

if [ -n "$absent" ]; then
	say "unpacking$absent into build/peers"
	[ -n "$missing" ] || apt-cache show xinetd >/dev/null 2>&1 || update
	# Unpacking a package does not install its dependencies: install the libraries here.
	libraries=
	# shellcheck disable=SC2086 # a list of words
	for package in $(apt-cache depends $absent | awk '/^  Depends: lib/ { print $2 }' | sort -u); do
		[ "$(status_of "$package")" = installed ] || libraries="$libraries $package"
	done
	# shellcheck disable=SC2086
	install_now $libraries
	for package in $absent; do
		names=$package
		# That package is empty: the kernel is in the package that it depends on.
		if [ "$package" = linux-image-cloud-amd64 ]; then
			names=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-[0-9]/ { print $2; exit }')
			[ -n "$names" ] || die "no kernel package found behind linux-image-cloud-amd64"
		fi
		for name in $names; do
			fetch "$name" || { update; fetch "$name"; } || die "cannot fetch $name; see build/setup.log"
		done
		: >"$peers/.unpacked/$package"
	done
fi
