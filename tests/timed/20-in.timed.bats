#!/usr/bin/env bats
# in.timed by itself: its options, each kind of standard input, and the cases in which it has no time to give.  40 and
# 41 test it under a superserver.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it

bats_require_minimum_version 1.5.0

load ../lib/common

setup_file() {
	python -c '' || return 1
	export PYTHON
	make -s -C "$TOP" -f tests/helpers/helpers.mk build/tests/fake-clock.so
}

setup() {
	common_setup
	requires "$IN_TIMED" "$TOP/build/tests/fake-clock.so"
}

teardown() { common_teardown; }

# run_timed [ARGUMENTS...]: runs in.timed with an empty standard input.  Sets $status, $octets (standard output in hex;
# also in $WORK/out) and $errors.  $BEFORE precedes the program.
BEFORE=()
run_timed() {
	status=0
	no_clock timeout 20 "${BEFORE[@]}" "$IN_TIMED" "$@" </dev/null >"$WORK/out" 2>"$WORK/errors" || status=$?
	octets=$(od -An -tx1 "$WORK/out" | tr -d ' \n')
	errors=$(<"$WORK/errors")
}

# failed STATUS REGEX: the last run ended with STATUS, one line on standard error that matches, and an empty standard
# output
failed() {
	if ((status == $1)) && [ "$(wc -l <"$WORK/errors")" -eq 1 ] && [[ $errors =~ ^in\.timed\[[0-9]+\]:\ $2 ]]; then
		equal "$octets" '' 'octets on standard output'
		return
	fi
	printf -- '--- status %s, expected %s; standard error, expected one line "%s":\n%s\n---\n' "$status" "$1" "$2" "$errors"
	return 1
}

# told TIME: the octets written are TIME, in seconds since 1970
told() { equal "$octets" "$(printf '%08x' $((($1 + 2208988800) % 4294967296)))" 'octets on standard output'; }

# told_now FROM: the octets written are a time between FROM and now, and standard error is empty
told_now() {
	# $EPOCHSECONDS begins a second late, with the next tick of the kernel.
	local now=${EPOCHREALTIME%.*} time
	equal "${#octets}" 8 'hexadecimal digits written'
	equal "$errors" '' 'standard error'
	time=$((16#$octets - 2208988800))
	((time >= $1 && time <= now)) || { printf 'the answer is %s, expected %s to %s\n' "$time" "$1" "$now"; return 1; }
}

# --------------------------------------------------------------------------------------------------- options

@test "-i accepts whole seconds from 1 to 3600 and refuses anything else" {
	local value
	for value in '' 0 3601 99999 -1 +5 1.5 5s ' 5' 0x10 abc 4294967301; do
		run_timed -i "$value"
		failed 100 "-i \"${value//+/\\+}\": expected whole seconds from 1 to 3600" || {
			printf 'value: "%s"\n' "$value"
			return 1
		}
	done
	run_timed -i
	failed 100 'no value for "-i": expected in\.timed '
	for value in 1 5 3600 0060; do
		from=$EPOCHSECONDS
		run_timed -i "$value"
		equal "$status" 0 status
		told_now "$from"
	done
}

@test "-n accepts a daemon name as in hosts.allow and refuses anything else" {
	local value long
	printf -v long '%064d' 0
	for value in '' 'a b' 'a:b' 'a,b' 'a@b' $'a\tb' "$long"; do
		run_timed -n "$value"
		failed 100 '-n ".*": expected a daemon name as in hosts\.allow' || {
			printf 'value: "%s"\n' "$value"
			return 1
		}
	done
	run_timed -n
	failed 100 'no value for "-n": expected in\.timed '
	for value in timed "${long:1}"; do
		from=$EPOCHSECONDS
		run_timed -n "$value"
		equal "$status" 0 status
		told_now "$from"
	done
}

@test "-l and -s refuse a value" {
	run_timed -l yes
	failed 100 'unexpected argument "yes": expected in\.timed '
	run_timed -lyes
	failed 100 'unknown option "-y": expected in\.timed '
	run_timed -l=1
	failed 100 'unknown option "-=": expected in\.timed '
	run_timed -s yes
	failed 100 'unexpected argument "yes": expected in\.timed '
	run_timed -sx
	failed 100 'unknown option "-x": expected in\.timed '
	run_timed -s=1
	failed 100 'unknown option "-=": expected in\.timed '
}

@test "unknown options and any arguments are refused" {
	run_timed -x
	failed 100 'unknown option "-x": expected in\.timed '
	run_timed --strict-access=1
	failed 100 'unknown option "--strict-access=1": expected in\.timed '
	run_timed 37
	failed 100 'unexpected argument "37": expected in\.timed '
	run_timed -- -l
	failed 100 'unexpected argument "-l": expected in\.timed '
	run_timed ''
	failed 100 'unexpected argument "": expected in\.timed '
}

@test "a usage error is one line of printable text, even for unprintable options and arguments" {
	local value
	for value in $'5\n6' $'\e[2J' $'a\rb' $'\x80\xff'; do
		run_timed -i "$value"
		failed 100 '-i '
		run_timed "$value"
		failed 100 'unexpected argument '
		[[ $errors != *[![:print:]]* ]] || { printf 'not printable: %q\n' "$errors"; return 1; }
	done
	run_timed $'-\n'
	failed 100 'unknown option '
}

@test "--help and --version print to standard output and end with status 0" {
	run -0 --separate-stderr no_clock "$IN_TIMED" --version </dev/null
	[[ $output =~ ^'in.timed '[0-9]+\.[0-9]+\.[0-9]+' ('(static|shared)', libwrap)'$ && $stderr == '' ]] || { printf '%s\n' "$output"; return 1; }
	run -0 --separate-stderr no_clock "$IN_TIMED" --help </dev/null
	[[ $output == 'usage: in.timed [option ...]'$'\n'*$'\nSee in.timed(8).' && $stderr == '' ]] || { printf '%s\n' "$output"; return 1; }
	[ "$(no_clock "$IN_TIMED" -h </dev/null)" = "$output" ]
	# shellcheck disable=SC2016 # the shell that is started expands it
	run -111 no_clock sh -c '"$0" --help </dev/null >/dev/full' "$IN_TIMED"
}

# ------------------------------------------------------------------------------------------------------- pipes

@test "in.timed writes four octets with the current time to a pipe" {
	local from=$EPOCHSECONDS
	run_timed
	equal "$status" 0 status
	told_now "$from"
	# As in ordinary use: standard input is whatever the shell has.
	from=$EPOCHSECONDS
	octets=$("$IN_TIMED" </dev/null | od -An -tx1 | tr -d ' \n')
	told_now "$from"
	octets=$(printf 'ignored' | "$IN_TIMED_SHARED" | od -An -tx1 | tr -d ' \n')
	told_now "$from"
}

@test "in.timed gives the new second as soon as it begins" {
	# time(2) returns the previous second for some milliseconds more.  The program takes that long to start, so a
	# run may not show the error.  So check that the program does not import these calls.
	local edge
	requires readelf
	run -0 readelf -W --dyn-syms "$IN_TIMED_SHARED"
	[[ $output =~ \ clock_gettime(@|$'\n') ]]
	[[ ! $output =~ \ UND\ (time|gettimeofday)(@|$'\n') ]]
	for _ in 1 2; do
		edge=$((EPOCHSECONDS + 1))
		while ((EPOCHSECONDS < edge)); do :; done
		octets=$("$IN_TIMED" </dev/null | od -An -tx1 | tr -d ' \n')
		equal "$((16#$octets - 2208988800))" "$edge" 'second in the answer'
	done
}

@test "in.timed works with standard input or error closed, and fails with standard output closed" {
	local from=$EPOCHSECONDS
	octets=$("$IN_TIMED" <&- | od -An -tx1 | tr -d ' \n')
	errors=
	told_now "$from"
	octets=$("$IN_TIMED" </dev/null 2>&- | od -An -tx1 | tr -d ' \n')
	told_now "$from"
	octets=$("$IN_TIMED" <&- 2>&- | od -An -tx1 | tr -d ' \n')
	told_now "$from"
	status=0
	"$IN_TIMED" </dev/null >&- 2>"$WORK/errors" || status=$?
	errors=$(<"$WORK/errors") octets=
	failed 111 'cannot write to standard output: '
	status=0
	"$IN_TIMED" <&- >&- 2>&- || status=$?
	equal "$status" 111 'status with all three closed'
}

@test "in.timed fails when it cannot write to standard output" {
	status=0
	"$IN_TIMED" </dev/null >/dev/full 2>"$WORK/errors" || status=$?
	errors=$(<"$WORK/errors") octets=
	failed 111 'cannot write to standard output: No space left on device'
	# A pipe without a reader: the program must fail, by status or by SIGPIPE.
	mkfifo "$WORK/fifo"
	: <"$WORK/fifo" &
	exec 8>"$WORK/fifo"
	wait $!
	status=0
	"$IN_TIMED" </dev/null >&8 2>"$WORK/errors" 8>&- || status=$?
	exec 8>&-
	((status == 111 || status == 141))
}

# ------------------------------------------------------------------------------------------------------ sockets

# on_socket KIND [ARGUMENTS...]: runs in.timed with this kind of socket as its standard input: prints what arrives at
# the other end (for "local" and "raw": at standard output), in hexadecimal, then its status and standard error.
on_socket() {
	local kind=$1
	shift
	run private_etc "${ALLOW-}" "${DENY-}" timeout 20 "$PYTHON" -I -S -c '
import os, socket, subprocess, sys
kind, err, *command = sys.argv[1:]
other = None
if kind == "tcp":
    listener = socket.create_server(("127.0.0.1", 0))
    other = socket.create_connection(listener.getsockname())
    mine, _ = listener.accept()
elif kind == "gone":
    listener = socket.create_server(("127.0.0.1", 0))
    other = socket.create_connection(listener.getsockname())
    mine, _ = listener.accept()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    other.close()
    other = None
elif kind == "local":
    other, mine = socket.socketpair()
elif kind == "packets":
    other, mine = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
elif kind == "raw":
    mine = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
# Like inetd for tcp: the connection is all three descriptors.
out = mine if kind == "tcp" else subprocess.PIPE
terminal, slave = os.openpty() if err == "terminal" else (None, None)
errors = {"socket": mine, "null": subprocess.DEVNULL, "terminal": slave, "pipe": subprocess.PIPE}[err]
child = subprocess.Popen(command, stdin=mine, stdout=out, stderr=errors)
mine.close()
heard = b""
if kind == "tcp":
    other.settimeout(10)
    while True:
        got = other.recv(64)
        if not got:
            break
        heard += got
    other.close()
written, said = child.communicate(timeout=10)
if kind == "local" or kind == "packets":
    other.setblocking(False)
    try:
        heard += other.recv(64)
    except BlockingIOError:
        pass
if terminal is not None:
    os.set_blocking(terminal, False)
    said = os.read(terminal, 4096)
print("socket", heard.hex())
print("output", (written or b"").hex())
print("status", child.returncode)
print("errors", (said or b"").decode())
' "$kind" "${ERRORS-pipe}" "$IN_TIMED" "$@"
	equal "$status" 0 'status of the client'
	heard=$(sed -n 's/^socket //p' <<<"$output")
	octets=$(sed -n 's/^output //p' <<<"$output")
	errors=$(sed -n 's/^errors //p' <<<"$output")
	status=$(sed -n 's/^status //p' <<<"$output")
	printf '%s' "${errors:+$errors$'\n'}" >"$WORK/errors"
}

@test "on a connected stream socket in.timed sends four octets and closes the connection" {
	requires_namespaces
	local from=$EPOCHSECONDS
	on_socket tcp
	equal "$status" 0 status
	octets=$heard
	told_now "$from"
	# The client's connection is standard error as well, so nothing may be written there.
	ERRORS=socket
	on_socket tcp -l
	equal "$status" 0 status
	equal "${#heard}" 8 'hexadecimal digits received'
}

@test "log messages also go to standard error if that is a device or a terminal" {
	requires_namespaces
	# The C library asks whether such a descriptor is a terminal.
	for ERRORS in null terminal; do
		on_socket tcp -l
		equal "$status" 0 "status with a $ERRORS"
		equal "${#heard}" 8 "hexadecimal digits received with a $ERRORS"
	done
	[[ $errors =~ ^in\.timed\[[0-9]+\]:\ answered\ 127\.0\.0\.1\ \(tcp\) ]]
}

@test "on a connected stream socket in.timed closes a denied client's connection without an octet" {
	requires_namespaces
	ERRORS=socket DENY='in.timed: ALL'
	on_socket tcp
	equal "$status" 1 status
	equal "$heard" '' 'octets that the client received'
	# The name in the rules is the one that -n gives.
	on_socket tcp -n another
	equal "$status" 0 status
	equal "${#heard}" 8 'hexadecimal digits received'
	DENY='another: ALL'
	on_socket tcp -n another
	equal "$status" 1 status
	equal "$heard" ''
}

@test "a client that has already closed its connection is no error" {
	requires_namespaces
	on_socket gone
	equal "$status" 0 status
	equal "$octets" '' 'standard output'
}

@test "in.timed writes no usage error, help or refusal to standard error that is the client's connection" {
	requires_namespaces
	ERRORS=socket
	on_socket tcp -x
	equal "$status" 100 status
	equal "$heard" '' 'octets that the client received'
	on_socket tcp -i 0
	equal "$status" 100 status
	equal "$heard" '' 'octets that the client received'
	# Help is for users at a shell: a client must not read it as the time.
	local option
	for option in --help --version -h; do
		on_socket tcp "$option"
		equal "$status" 100 status
		equal "$heard" '' 'octets that the client received'
	done
	# Nothing is written when access is denied, either.
	DENY='in.timed: ALL'
	on_socket tcp
	equal "$status" 1 status
	equal "$heard" '' 'octets that the client received'
}

@test "in.timed treats a local socket, which sshd gives a command, as a pipe" {
	requires_namespaces
	local from=$EPOCHSECONDS
	DENY='ALL: ALL'
	on_socket local
	equal "$status" 0 status
	equal "$heard" '' 'what was written to standard input'
	told_now "$from"
	on_socket packets
	equal "$status" 0 status
	equal "$heard" '' 'what was written to standard input'
	told_now "$from"
	on_socket local --version
	equal "$status" 0 status
	[[ $octets == "$(printf 'in.timed ' | od -An -tx1 | tr -d ' \n')"* ]]
}

@test "in.timed refuses a socket that is neither stream nor datagram" {
	requires_namespaces
	on_socket raw
	failed 100 'standard input is a socket of type 3; expected a stream or datagram socket$'
}

# -------------------------------------------------------------------------------------------------- no time to give

# with_clock UNIX-SECONDS [FIELD=VALUE...]: gives the programs a fake clock that reads UNIX-SECONDS
with_clock() {
	local at=$1 offset
	shift
	offset=$(python -I -S -c 'import sys, time
print(int(sys.argv[1]) * 10**9 + 10**8 - time.clock_gettime_ns(time.CLOCK_REALTIME))' "$at")
	python -I -S "$TOP/tests/lib/fakeclock.py" new "$WORK/clock" offset_ns="$offset" "$@"
	BEFORE=(env FAKE_CLOCK="$WORK/clock" LD_PRELOAD="$TOP/build/tests/fake-clock.so")
	# Nothing can be preloaded into a static program.
	IN_TIMED=$IN_TIMED_SHARED
}

release=$(sed -n 's/^#define RELEASE_SECONDS INT64_C(\([0-9]*\))$/\1/p' "$TOP/src/lib/version.h")

@test "in.timed gives no time while the clock reads before the release date" {
	local at
	for at in 0 1203108540 $((release - 100)) $((release - 1)); do
		with_clock "$at"
		run_timed
		failed 111 'no time to give: the clock reads before [0-9-]+, when this program was released$' || {
			printf 'clock: %s\n' "$at"
			return 1
		}
	done
	with_clock -86400
	run_timed
	failed 111 'no time to give: '
	with_clock "$release"
	run_timed
	equal "$status" 0 status
	told "$release"
}

@test "in.timed's count of seconds wraps in 2036 and continues after 2038 and 2106" {
	# 2036-02-07 06:28:15 and 16, 2038-01-19 03:14:07 and 08, 2106-02-07 06:28:15 and 16
	local at
	for at in 2085978495 2085978496 2147483647 2147483648 4294967295 4294967296; do
		with_clock "$at"
		run_timed
		equal "$status" 0 status
		told "$at"
	done
	with_clock 2085978495
	run_timed
	equal "$octets" ffffffff
	with_clock 2085978496
	run_timed
	equal "$octets" 00000000
}

@test "with -s in.timed gives the time only while the kernel reports a synchronised clock" {
	local at=$((release + 86400))
	with_clock "$at"
	run_timed -s
	failed 111 "no time to give: the kernel does not report that its clock is synchronised \\(-s\\)\$"
	run_timed
	equal "$status" 0 'status without -s'
	told "$at"
	with_clock "$at" status=0 maxerror_us=1000
	run_timed -s
	equal "$status" 0 'status, synchronised'
	told "$at"
}

@test "in.timed changes nothing in the clock's state" {
	with_clock $((release + 86400)) status=0
	cp "$WORK/clock" "$WORK/before"
	run_timed -s
	run_timed -l
	cmp "$WORK/clock" "$WORK/before"
}
