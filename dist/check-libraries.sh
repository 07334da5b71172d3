#!/bin/sh
# Before anything is compiled: name the Debian packages of all headers and libraries that are missing.  CC and CPPFLAGS are
# those of the build.
set -u
CC=${CC:-gcc}

# shellcheck disable=SC2086 # a compiler may be "ccache gcc", and flags are many
has_header() { printf '#include <%s>\n' "$1" | $CC ${CPPFLAGS-} -E - >/dev/null 2>&1; }
# shellcheck disable=SC2086
has_library() { [ "$($CC -print-file-name="$1")" != "$1" ]; }

command -v "${CC%% *}" >/dev/null || {
	echo "no compiler ${CC%% *}: apt install gcc, or make CC=clang" >&2
	exit 1
}
missing=
while read -r package header library; do
	if ! has_header "$header" || ! has_library "$library"; then missing="$missing $package"; fi
done <<END
libc6-dev stdio.h libc.a
libwrap0-dev tcpd.h libwrap.a
libcap-dev sys/capability.h libcap.a
libseccomp-dev seccomp.h libseccomp.so
libmd-dev sha2.h libmd.a
END
[ -z "$missing" ] || {
	echo "headers or libraries for the build are missing: apt install$missing" >&2
	exit 1
}
