#!/usr/bin/env bats
# The error messages of tests/on-debian and tests/setup.sh.  .ci/run runs on-debian itself, on the other release.

bats_require_minimum_version 1.5.0

load ../lib/common

setup() { common_setup; }
teardown() { common_teardown; }

@test "on-debian reports a usage error in one line, and makes nothing" {
	local -a call
	while read -ra call; do
		fails_with 100 "$TOP/tests/on-debian" "${call[@]}" || return 1
		[[ $output == 'on-debian: '*': expected '* && $output != *$'\n'* ]] || { printf '%s\n' "$output"; return 1; }
	done <<-'END'

		13
		trixie
		14 make check
		--fresh
		--fresh 12
		make check
	END
}

@test "on-debian refuses to run without root in one line" {
	# Outside the namespace it is the same user, so it can read this tree wherever it is.
	[ "$(id -u)" -ne 0 ] || set -- unshare --user --
	fails_with 111 "$@" "$TOP/tests/on-debian" 13 true
	equal "$output" 'on-debian: not root: run it as root, which making and entering a system takes'
}

# Fake commands replace apt's: this machine has no package, and its sources lack socat.
@test "setup.sh names the packages that the package sources lack, and installs none" {
	local tool
	mkdir -p "$WORK/bin" "$WORK/tree/tests"
	cp "$TOP/tests/setup.sh" "$WORK/tree/tests/"
	cat >"$WORK/bin/dpkg-query" <<-'END'
		#!/bin/sh
		exit 1
	END
	cat >"$WORK/bin/apt-cache" <<-'END'
		#!/bin/sh
		[ "$2" != socat ]
	END
	cat >"$WORK/bin/apt-get" <<-END
		#!/bin/sh
		echo "\$1" >>"$WORK/calls"
	END
	printf '#!/bin/sh\nexec "$@"\n' >"$WORK/bin/sudo"
	chmod +x "$WORK/bin"/*
	PATH=$WORK/bin:$PATH fails_with 111 "$WORK/tree/tests/setup.sh"
	equal "$output" "setup: not in this machine's package sources: socat; expected Debian 12 or 13, section main"
	equal "$(<"$WORK/calls")" update 'arguments of apt-get'
}
