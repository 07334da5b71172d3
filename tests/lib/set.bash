# shellcheck shell=bash
# Runs guestclock-set where it can do no harm, and examines what it did.  Load after lib/common.
#
# Each test has one sandbox: private user, mount and network namespaces (the sandbox of common.bash, but always with a
# user namespace; if root runs the tests, it also has the user and group nobody).  Inside, guestclock-set believes that
# it may set the clock.  The kernel would refuse, and is not even asked, because tests/helpers/fake-clock.c replaces the
# clock.  /etc, /run and /dev are the test's own; every port is free.

# The same objects as the installed program, linked with shared libraries so that a test can preload a fake clock.
GUESTCLOCK_SET=${GUESTCLOCK_SET:-$TOP/build/dynamic/guestclock-set}
FAKE_CLOCK_SO=$TOP/build/tests/fake-clock.so
export GUESTCLOCK_SET FAKE_CLOCK_SO

# syslog's numbers: facility * 8 + level (RFC 3164)
# shellcheck disable=SC2034 # for the tests
AUTH_WARNING=36 DAEMON_ERR=27 DAEMON_WARNING=28 DAEMON_NOTICE=29

# set_setup_file: for setup_file
set_setup_file() {
	python -c '' || return 1
	export PYTHON
	make -s -C "$TOP" -f tests/helpers/helpers.mk build/tests/fake-clock.so
}

# set_start: for setup, after common_setup.  Starts the sandbox, a log and a clock.
set_start() {
	requires "$GUESTCLOCK_SET" unshare nsenter setpriv ip timeout logger mount
	unshare -Urmn true 2>/dev/null || unmet 'no user namespaces: nothing else keeps guestclock-set from the clock'
	# Remove the variables of the tester's own ssh session.
	unset SSH_CONNECTION SSH_ORIGINAL_COMMAND SSH_USER_AUTH SSH_CLIENT
	ETC=$WORK/etc
	DEV=$WORK/dev
	LOG=$WORK/log
	CLOCK=$WORK/clock
	etc_make "$ETC"
	mkdir -p "$DEV/pts" "$DEV/shm"
	ln -s pts/ptmx "$DEV/ptmx"
	dev_make "$DEV"
	mkfifo "$WORK/log.ack"
	background logsink "$PYTHON" -I -S "$TOP/tests/lib/logsink.py" "$DEV/log" "$LOG" "$WORK/log.ack"
	# shellcheck disable=SC2016
	local inside='
		ip link set lo up && ip address add fd00::1/128 dev lo nodad || exit
		mount -a -T "$1.fstab" || exit
		mount -t devpts devpts "$1/pts" -o newinstance,ptmxmode=0666,mode=620 || exit
		mount --rbind "$1" /dev && mount --bind "$2" /etc && mount -t tmpfs -o mode=755 tmpfs /run || exit
		: >"$3"
		# A time limit, in case no teardown stops it.
		exec sleep 300'
	local -a unshare=(unshare -Urmn)
	# Only root can map a second user, and only from outside.  The second sh gets the capabilities of the mapped root.
	# shellcheck disable=SC2016
	[ "$(id -u)" -ne 0 ] || unshare=(unshare -Umn sh -c 'looks=0
		until [ "$(id -u)" = 0 ]; do
			looks=$((looks + 1))
			[ $looks -lt 750 ] && sleep 0.02 || exit
		done
		exec "$@"' sh)
	background sandbox "${unshare[@]}" sh -c "PATH=\$PATH:/usr/sbin:/sbin; $inside" sh "$DEV" "$ETC" "$WORK/ready"
	if [ "$(id -u)" -eq 0 ]; then
		wait_for 15 own_user_namespace "$PID" || { cat "$WORK/sandbox.out"; return 1; }
		env printf '0 0 1\n65534 65534 1\n' >"/proc/$PID/gid_map"
		env printf '0 0 1\n65534 65534 1\n' >"/proc/$PID/uid_map"
	fi
	wait_for 15 test -e "$WORK/ready" || { cat "$WORK/sandbox.out"; return 1; }
	wait_for 15 test -S "$DEV/log" || { cat "$WORK/logsink.out"; return 1; }
	SANDBOX=$PID
	ENTER=(nsenter --target "$SANDBOX" --user --preserve-credentials --net)
	clock_new
}

own_user_namespace() { [ -e "/proc/$1/ns/user" ] && ! [ "/proc/$1/ns/user" -ef /proc/self/ns/user ]; }

# ----------------------------------------------------------------------------------------------- the clock

# clock_new [FIELD=VALUE...]: makes a clock that runs as this machine's does, off by offset_ns (a value with a point is
# in seconds), and not synchronised.  Fields: tests/lib/fakeclock.py.
clock_new() { fakeclock new "$@" && cp "$CLOCK" "$CLOCK.before"; }
clock_set() { fakeclock set "$@" && cp "$CLOCK" "$CLOCK.before"; }

# account_new: makes guestclock-set forget how far it has moved the clock
account_new() { "${ENTER[@]}" --mount rm -f /run/guestclock/lock; }
# clock_later SECONDS: lets the raw clock run on by this
clock_later() { clock_set raw_ns=$(($(clock_get raw_ns) + $1 * 1000000000)); }
clock_get() { fakeclock get "$@"; }
fakeclock() {
	local verb=$1
	shift
	python -I -S "$TOP/tests/lib/fakeclock.py" "$verb" "$CLOCK" "$@"
}

# clock_reads UNIX-SECONDS [FIELD=VALUE...]: makes a clock that reads about this now.  Fractions are allowed.
clock_reads() {
	local at=$1 offset
	shift
	offset=$(python -I -S -c 'import sys, time
whole, _, part = sys.argv[1].partition(".")
print(int(whole) * 10**9 + int((part + "0" * 9)[:9]) - time.clock_gettime_ns(time.CLOCK_REALTIME))' "$at")
	clock_new offset_ns="$offset" "$@"
}

# clock_now: prints the fake clock's time, in nanoseconds since 1970
clock_now() {
	local offset
	offset=$(clock_get offset_ns) || return 1
	printf '%s\n' $((${EPOCHREALTIME/./} * 1000 + offset))
}

# within ACTUAL LOW HIGH WHAT: checks that ACTUAL is between LOW and HIGH, inclusive; whole numbers
within() {
	(($1 >= $2 && $1 <= $3)) && return 0
	printf '%s: is %s, expected %s to %s\n' "${4-value}" "$1" "$2" "$3"
	return 1
}

# assert_untouched: the clock's state has not changed since clock_new or clock_set: no step, slew or report to the
# kernel.
assert_untouched() {
	cmp -s "$CLOCK" "$CLOCK.before" && return 0
	printf 'the clock was touched: steps, slews, tells: %s\n' "$(clock_get steps slews tells)"
	return 1
}

# assert_unset: no step and no slew.  The program may have reported the clock's quality to the kernel.
assert_unset() { equal "$(clock_get steps slews)" '0 0' 'steps and slews of the clock'; }

# assert_stepped SECONDS TOLERANCE: one step and no slew, by SECONDS (with a sign and a point) +- TOLERANCE
assert_stepped() {
	local steps slews step by tolerance
	read -r steps slews step <<<"$(clock_get steps slews last_step_ns)"
	equal "$steps $slews" '1 0' 'steps and slews of the clock' || return 1
	by=$(nanoseconds "$1")
	tolerance=$(nanoseconds "$2")
	within "$step" $((by - tolerance)) $((by + tolerance)) 'step in nanoseconds'
}

# nanoseconds SECONDS: prints nanoseconds: "-1.5" is -1500000000
nanoseconds() {
	local sign='' whole=$1 part=''
	case $whole in -*) sign=- ;; esac
	whole=${whole#[-+]}
	case $whole in *.*) part=${whole#*.} whole=${whole%%.*} ;; esac
	part=${part}000000000
	printf '%s%s\n' "$sign" "$((10#$whole * 1000000000 + 10#${part:0:9}))"
}

# ------------------------------------------------------------------------------------------- guestclock-set

# Redirections that the shell makes just before guestclock-set starts, such as "<&-".
REDIRECT=
# Words before the program inside the sandbox, such as setpriv.
BEFORE=()

# enclosed COMMAND...: runs COMMAND in the sandbox with the test's clock, for 20 s at most.
enclosed() {
	# EXEC: under background, this process replaces the recorded one, and inherits none of the shell's descriptors.
	# shellcheck disable=SC2016
	$EXEC timeout 60 "${ENTER[@]}" --mount sh -c '
		clock=$1 preload=$2
		shift 2
		export FAKE_CLOCK="$clock" LD_PRELOAD="$preload"
		exec "$@" '"$REDIRECT" sh "$CLOCK" "$FAKE_CLOCK_SO" "$@"
}

# set_by_hand ARGUMENTS...: runs guestclock-set in the environment as it is, and sets $status, $output (standard
# output), $errors (standard error) and $took (milliseconds).
set_by_hand() {
	local start
	start=$(now_ms)
	status=0
	output=$(enclosed "${BEFORE[@]}" "$GUESTCLOCK_SET" "$@" 2>"$WORK/stderr") || status=$?
	# shellcheck disable=SC2034 # for the tests
	took=$(($(now_ms) - start))
	errors=$(<"$WORK/stderr")
}

# set_by_ssh_env CLIENT COMMAND [LIMITS...]: runs it as sshd would, for a client at address CLIENT that requests
# COMMAND.
set_by_ssh_env() {
	local client=$1 command=$2
	shift 2
	export SSH_CONNECTION="$client 40022 192.0.2.22 22" SSH_ORIGINAL_COMMAND=$command
	[ -n "$command" ] || unset SSH_ORIGINAL_COMMAND
	set_by_hand "$@"
	unset SSH_CONNECTION SSH_ORIGINAL_COMMAND
}

shown() {
	printf -- '--- status: %s\n--- standard output:\n%s\n--- standard error:\n%s\n---\n' "$status" "$output" "$errors"
}

# expect STATUS [REGEX]: checks that the last run ended with STATUS and printed one line on standard error, which
# matches REGEX; without REGEX, nothing.
expect() {
	local -a lines
	if ((status != $1)); then
		printf 'status %s, expected %s\n' "$status" "$1"
		shown
		return 1
	fi
	if [ -z "${2-}" ]; then
		[ ! -s "$WORK/stderr" ] && return 0
		printf 'expected nothing on standard error\n'
	elif mapfile lines <"$WORK/stderr" && [[ ${#lines[@]} != 1 || ${lines[0]} != *$'\n' ]]; then
		printf 'expected exactly one line on standard error\n'
	elif [[ $errors != 'guestclock-set: '* ]]; then
		printf 'the line does not say who complains\n'
	else
		[[ $errors =~ $2 ]] && return 0
		printf 'the line does not match: %s\n' "$2"
	fi
	shown
	return 1
}

# log_take: moves the messages logged since the last call into the array $logged.
log_take() {
	local mark
	logged=()
	logger -u "$DEV/log" --socket-errors=on -t mark mark || return 1
	# shellcheck disable=SC2034 # that it comes is all that matters
	if ! read -r -t 5 mark <>"$WORK/log.ack"; then
		printf 'no word from the log sink\n'
		return 1
	fi
	mapfile -t logged <"$LOG"
	: >"$LOG"
}

# assert_logged PRIORITY REGEX: exactly one message was logged since the last log_take; it has this priority and
# matches.
assert_logged() {
	log_take || return 1
	if ((${#logged[@]} != 1)); then
		printf 'syslog lines: %s, expected exactly one\n' "${#logged[@]}"
	elif [[ ${logged[0]} != "<$1>"* ]]; then
		printf 'syslog priority is not %s\n' "$1"
	elif ! [[ ${logged[0]} =~ \ guestclock-set\[[0-9]+\]:\ .*$2 ]]; then
		printf 'the syslog line does not match: %s\n' "$2"
	else
		return 0
	fi
	printf '%s\n' "${logged[@]}"
	[ -z "${errors-}" ] || shown
	return 1
}

# assert_not_logged: no message was logged since the last log_take.
assert_not_logged() {
	log_take || return 1
	((${#logged[@]} == 0)) && return 0
	printf 'unexpected syslog lines:\n'
	printf '%s\n' "${logged[@]}"
	return 1
}

# literally TEXT: prints a regular expression that matches only TEXT
literally() {
	printf '%s\n' "${1//[][\\.*^$+?(){\}|]/\\&}"
}

# refused STATUS REGEX: checks that the last request got one line and STATUS, was logged once in the same words and with
# the right priority, and left the clock alone.
refused() {
	local priority=$AUTH_WARNING what
	expect "$1" "$2" || return 1
	(($1 != 111)) || priority=$DAEMON_ERR
	what=${errors#guestclock-set: }
	if (($1 == 111)); then
		[[ $what != 'refused: '* ]] || { printf 'a failure is called a refusal\n'; shown; return 1; }
	else
		[[ $what == 'refused: '* ]] || { printf 'a refusal is not called one\n'; shown; return 1; }
	fi
	[ -z "$output" ] || { printf 'unexpected output\n'; shown; return 1; }
	assert_logged "$priority" "$(literally "${what#refused: }")\$" || return 1
	assert_untouched
}

# --------------------------------------------------------------------------------------------- time sources

# badsource SPEC...: starts tests/lib/badsource.py in the sandbox and waits until it listens.
badsource() {
	rm -f "$WORK/badsource.ready"
	background badsource "${ENTER[@]}" --mount "$PYTHON" -I -S "$TOP/tests/lib/badsource.py" --ready "$WORK/badsource.ready" "$@"
	wait_for 5 test -e "$WORK/badsource.ready" || { cat "$WORK/badsource.out"; return 1; }
}
