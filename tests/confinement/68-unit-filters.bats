#!/usr/bin/env bats
# The units' system call filters.  systemd is not process 1 where these tests run, so they expand its sets and make a
# filter of them as systemd would.  The programs must do their work in that filter.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/superserver

setup_file() {
	python -c '' || return 1
	export PYTHON
	make -s -C "$TOP" -f tests/helpers/helpers.mk build/tests/under-filter
}

setup() {
	common_setup
	requires systemd-analyze "$IN_TIMED"
}

teardown() { common_teardown; }

# expand NAME...: prints the calls of the sets, and the names that are no sets, one a line
expand() {
	local name
	for name in "$@"; do
		case $name in
		@*)
			# shellcheck disable=SC2046
			expand $(systemd-analyze syscall-filter "$name" | sed -n 's/^    \([@a-z0-9_-]*\)$/\1/p')
			;;
		*) printf '%s\n' "$name" ;;
		esac
	done
}

# allowed UNIT: writes the result of its SystemCallFilter lines, in their order (systemd.exec(5)), to $WORK/allowed
allowed() {
	local words
	: >"$WORK/allowed"
	while read -r words; do
		# shellcheck disable=SC2086
		case $words in
		'~'*)
			expand ${words#?} | sort -u >"$WORK/less"
			comm -23 <(sort -u "$WORK/allowed") "$WORK/less" >"$WORK/left"
			mv "$WORK/left" "$WORK/allowed"
			;;
		*) expand $words >>"$WORK/allowed" ;;
		esac
	done < <(sed -n 's/^SystemCallFilter=//p' "$SNIPPETS/systemd/$1")
	# execve and what a start needs are in @default, which systemd always adds.
	expand @default execve >>"$WORK/allowed"
}

# under UNIT COMMAND...: runs COMMAND in a filter like that unit's, with standard input unchanged
under() {
	allowed "$1"
	shift
	no_clock "$TOP/build/tests/under-filter" "$@" 3<&0 <"$WORK/allowed"
}

@test "the system call sets in the units expand to lists of calls" {
	allowed in.timed-stream.service
	grep -qx accept4 "$WORK/allowed"
	grep -qx execve "$WORK/allowed"
	not grep -qxE 'capset|mount|clock_settime' "$WORK/allowed"
}

@test "a filter that is built from a unit makes unlisted system calls fail" {
	allowed in.timed-stream.service
	fails_with 125 "$TOP/build/tests/under-filter" chroot / true <"$WORK/allowed"
	[[ $output == *'Operation not permitted'* ]]
	run_cmd "$TOP/build/tests/under-filter" true <"$WORK/allowed"
}

@test "in.timed answers connections and datagrams under its units' filters, and enters its own filter" {
	local type as_nobody=
	sandbox_start
	# The units' users have no capability.  If an ordinary user runs the tests, sandbox ensures that.
	[ "$(id -u)" -ne 0 ] || as_nobody='setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all'
	chmod go+rx "$WORK"
	for type in stream dgram; do
		allowed "in.timed-$type.service"
		cat >"$WORK/sbin/filtered-$type" <<-END
			#!/bin/sh
			exec $as_nobody "$TOP/build/tests/under-filter" /usr/sbin/in.timed 3<&0 <"$WORK/allowed.$type"
		END
		cp "$WORK/allowed" "$WORK/allowed.$type"
		chmod 755 "$WORK/sbin/filtered-$type"
		SERVER=/usr/sbin/filtered-$type
		hosts_allow 'in.timed: 127.0.0.0/8'
		hosts_deny 'in.timed: ALL'
		superserver_start activate "$type-wait"
		if [ "$type" = stream ]; then run_cmd ask 127.0.0.1; else run_cmd ask --udp 127.0.0.1; fi
		equal "$output" '0 4' 'the answer'
		grep -qx $'Seccomp:\t2' "/proc/$(helper)/status"
		equal "$(sed -n 's/^Seccomp_filters:\t//p' "/proc/$(helper)/status")" 2 'filters'
		equal "$(sed -n 's/^CapPrm:\t//p' "/proc/$(helper)/status")" 0000000000000000 'capabilities'
		superserver_stop
		wait_for 5 sandbox_empty in.timed
	done
}
