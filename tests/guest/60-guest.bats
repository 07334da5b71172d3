#!/usr/bin/env bats
# guestclock-set on the real guest: its clock is really wrong, and is really set right.  One guest serves all tests, in
# order; a second one runs at a wrong rate beside it.  tests/guest measures the offsets, not guestclock.

# Each test is a separate process, so what it sets is meant for itself.  Code in single quotes is for the guest's shell.
# shellcheck disable=SC2030,SC2031,SC2016

bats_require_minimum_version 1.5.0

load ../lib/common
load guest
load ../lib/xinetd

# xinetd_start waits for this: a datagram service accepts no connection to try.
xinetd_listens() {
	local port
	printf -v port '0100007F:%04X' "$XINETD_PORT"
	grep -qE "^ *[0-9]+: $port [0-9A-F:]+ 0[7A] " /proc/net/tcp /proc/net/udp
}

setup_file() {
	WORK=$BATS_FILE_TMPDIR PIDS=$BATS_FILE_TMPDIR/pids
	mkdir -p "$PIDS"
	python -c '' || return 1
	cd "$TOP" || return 1
	# in.timed runs as nobody, who cannot search bats' own directories.
	HOST_DIR=$(mktemp -d)
	chmod 755 "$HOST_DIR"
	xinetd_start "$HOST_DIR/stream" xinetd.d/in-timed-stream 3>&-
	STREAM=$XINETD_PORT STREAM_PID=$XINETD_PID
	xinetd_start "$HOST_DIR/dgram" xinetd.d/in-timed-dgram 3>&-
	DGRAM=$XINETD_PORT DGRAM_PID=$XINETD_PID
	# Accepts connections and never sends anything.  Ends by itself, in case nobody stops it.
	background silent "$PYTHON" -I -S -c 'import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(64)
print(s.getsockname()[1], flush=True)
time.sleep(600)'
	wait_for 5 test -s "$WORK/silent.out"
	SILENT=$(<"$WORK/silent.out")

	guest_start
	KEYS=$HOST_DIR/keys
	mkdir -p "$KEYS"
	export HOST_DIR STREAM DGRAM SILENT KEYS GUEST_DIR STREAM_PID DGRAM_PID
	allow_key plain '/usr/libexec/guestclock-set --any-port'
	allow_key dry '/usr/libexec/guestclock-set --any-port --dry-run'
	allow_key narrow '/usr/libexec/guestclock-set --max-step 10'
	admin_start
	# Boots while the first tests run.
	background second second_guest
}

# second_guest: it assumes a counter that is a seventh faster than the real one, so it loses an eighth of the time.
second_guest() {
	local true_khz
	true_khz=$(guest_tsc_khz)
	guest_start --dir "$HOST_DIR/second" --tsc-early-khz $((true_khz * 8 / 7))
	allow_key exact '/usr/libexec/guestclock-set --any-port --edge'
	guest_authorize "restrict,command=\"/usr/libexec/guestclock-set --any-port\" $(<"$KEYS/plain.pub")"
	: >"$HOST_DIR/second.ready"
}

teardown_file() {
	WORK=$BATS_FILE_TMPDIR PIDS=$BATS_FILE_TMPDIR/pids
	local pid
	admin_stop
	guest_stop
	stop second
	GUEST_DIR=$HOST_DIR/second guest_stop
	for pid in "${STREAM_PID-}" "${DGRAM_PID-}"; do
		XINETD_PID=$pid
		xinetd_stop
	done
	stop_all
	[ -z "${HOST_DIR-}" ] || rm -rf "$HOST_DIR"
}

setup() {
	common_setup
	cd "$TOP" || return 1
	# Every test begins with a running guest and a wrong clock.
	wrong_clock
}

teardown() {
	guest_unthrottle
	common_teardown
}

# ------------------------------------------------------------------------------------------ the administrator

# admin COMMAND...: runs COMMAND in root's shell in the guest, over one connection for all tests.
admin_start() {
	local options
	guest_ssh_options options
	timeout 30 ssh "${options[@]}" -i "$GUEST_DIR/admin_key" -f -N -M -S "$HOST_DIR/admin" root@127.0.0.1 \
		</dev/null >/dev/null 2>&1 3>&-
}
admin() { timeout -k 1 30 ssh -F none -S "$HOST_DIR/admin" -o BatchMode=yes root@127.0.0.1 "$@" </dev/null 3>&-; }
admin_stop() {
	[ -z "${HOST_DIR-}" ] || ssh -F none -S "$HOST_DIR/admin" -O exit root@127.0.0.1 >/dev/null 2>&1 3>&- || :
}

# allow_key NAME COMMAND [USER]: makes a key, and the line that lets it run COMMAND.
allow_key() {
	ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$KEYS/$1" </dev/null 3>&-
	guest_authorize --user "${3-root}" "restrict,command=\"$2\" $(<"$KEYS/$1.pub")"
}

# wrong_clock: sets the guest to February 2008 again, and empties its log.
wrong_clock() {
	admin 'date -u -s "2008-02-15 20:49:00" >/dev/null; : >/var/log/messages'
}

# ---------------------------------------------------------------------------------------------- the host

# ask KEY REQUEST: sends REQUEST as cron's ssh does, with an empty standard input.  Sets $status, $output, $errors and
# $took (milliseconds).  $ACCOUNT is a user other than root.
ask() { talk "$@" </dev/null; }

# ssh options for a test whose sessions must be short: they share one connection, which is made first.
OPEN=()

talk() {
	local key=$1 options start
	shift
	guest_ssh_options options
	start=$(guest_now_ms)
	status=0
	output=$(timeout -k 1 150 ssh "${options[@]}" "${OPEN[@]}" -i "$KEYS/$key" "${ACCOUNT-root}@127.0.0.1" "$@" \
		2>"$WORK/errors" 3>&-) || status=$?
	errors=$(<"$WORK/errors")
	took=$(($(guest_now_ms) - start))
}

# ask_in_background KEY REQUEST: sends REQUEST; the ssh client is the background process "client".
ask_in_background() {
	local options
	guest_ssh_options options
	background client ssh "${options[@]}" -i "$KEYS/$1" "${ACCOUNT-root}@127.0.0.1" "$2"
}

# expect STATUS [REGEX]: checks that the last request ended with STATUS, and printed one line on standard error that
# matches, or none without REGEX.
expect() {
	if ((status == $1)); then
		if [ -z "${2-}" ]; then
			[ ! -s "$WORK/errors" ] && return 0
		elif [ "$(wc -l <"$WORK/errors")" -eq 1 ]; then
			[[ $errors =~ $2 ]] && return 0
		fi
	fi
	printf -- '--- status %s, expected %s\n--- standard output:\n%s\n--- standard error, expected "%s":\n%s\n---\n' \
		"$status" "$1" "$output" "${2-}" "$errors"
	return 1
}

# half_past: waits until the middle of a second.
half_past() {
	local fraction=$((10#${EPOCHREALTIME#*.}))
	sleep "$(printf '0.%06d' $(((1500000 - fraction) % 1000000)))"
}

# raw_answer: prints what an RFC 868 server would answer now
raw_answer() {
	local hex
	printf -v hex '%08x' $(((EPOCHSECONDS + 2208988800) % 4294967296))
	# shellcheck disable=SC2059 # the format is what it is about
	printf "\\x${hex:0:2}\\x${hex:2:2}\\x${hex:4:2}\\x${hex:6:2}"
}

# ---------------------------------------------------------------------------------------------- the clock

# to_ns SECONDS: prints nanoseconds: "-1.5" is -1500000000
to_ns() {
	local sign='' whole=$1 part=0
	case $whole in -*) sign=- whole=${whole#-} ;; +*) whole=${whole#+} ;; esac
	case $whole in *.*) part=${whole#*.} whole=${whole%%.*} ;; esac
	part=${part}000000000
	printf '%s\n' "$sign$((10#$whole * 1000000000 + 10#${part:0:9}))"
}

# sample: measures the guest's clock against this machine's: sets $offset and $bound, in nanoseconds
sample() {
	read -r offset bound _ < <(guest_clock 32)
	[ -n "$offset" ] || return 1
	offset=$(to_ns "$offset") bound=$(to_ns "$bound")
}

# within LIMIT: the last sample's offset is no more than LIMIT nanoseconds from zero, within its bound
within() {
	((${offset#-} <= $1 + bound)) && return 0
	printf 'the guest is %s ns off (+- %s): expected at most %s\n' "$offset" "$bound" "$1"
	return 1
}

# pushed: the last sample has an offset that a pushed time leaves: at most 1.5 s.  On a loaded machine a session takes
# longer than the second that guestclock-set allows it, and four octets cannot show that.
pushed() { within $((3 * SECOND / 2 + (took > 1000 ? took - 1000 : 0) * 1000000)); }

# far: the last sample was years off
far() { ((${offset#-} > 10 ** 17)); }

# unmoved FROM: the clock was not set between a sample with offset FROM and the last one.  The tolerance is for two
# bounds of guest_clock on a noisy machine, at a true rate.
unmoved() {
	local moved=$((offset - $1))
	((${moved#-} < 20000000)) && return 0
	printf 'the clock moved by %s ns\n' "$moved"
	return 1
}

# logged REGEX COUNT: exactly COUNT lines of guestclock-set in the guest's log match
logged() {
	local lines
	lines=$(admin 'grep "guestclock-set\[" /var/log/messages; :')
	equal "$(grep -cE "$1" <<<"$lines")" "$2" "lines in the log that match $1" || { printf '%s\n' "$lines"; return 1; }
}

# told: parses "offset O s, DECISION, now R +- B s" in $output: sets $told_offset, $told_residual and $told_bound in
# nanoseconds, and $decision
told() {
	[[ $output =~ offset\ ([-+][0-9.]+)\ s,\ (.*),\ now\ ([-+][0-9.]+)\ \+-\ ([0-9.]+)\ s$ ]] || return 1
	decision=${BASH_REMATCH[2]}
	told_offset=$(to_ns "${BASH_REMATCH[1]}") told_residual=$(to_ns "${BASH_REMATCH[3]}")
	told_bound=$(to_ns "${BASH_REMATCH[4]}")
}

setters() { admin pidof guestclock-set; }
no_setter() { [ -z "$(setters)" ]; }

SECOND=1000000000

# ------------------------------------------------------------------------------------------------- the main job

@test "an rfc868 request with four octets from printf steps a clock in 2008 to the host's time" {
	sample
	far
	talk plain rfc868 < <(raw_answer)
	expect 0
	equal "$output" ''
	sample
	pushed
	logged ' request "rfc868": step: offset -[0-9]{9}\.[0-9]{9} ' 1
}

@test "an rfc868 request with in.timed's output steps a clock in 2008 to the host's time" {
	sample
	far
	talk plain rfc868 < <("$IN_TIMED")
	expect 0
	equal "$output" ''
	sample
	pushed
	logged ' request "rfc868": step: ' 1
}

@test "a second rfc868 request does not set a clock that is right" {
	# At the same time of the second, and in sessions that take less than a second each: on a loaded machine not
	# every try succeeds.
	local first try
	OPEN=(-o ControlMaster=auto -o "ControlPath=$WORK/open" -o ControlPersist=60)
	ask plain status
	expect 0
	for try in 1 2 3 4 5 6 7 8; do
		wrong_clock
		half_past
		talk plain rfc868 < <("$IN_TIMED")
		expect 0
		first=$took
		sample
		from=$offset
		half_past
		talk plain rfc868 < <("$IN_TIMED")
		expect 0
		sample
		((took < 900 && first < 900)) || continue
		unmoved "$from"
		logged ' request "rfc868": step: ' 1
		timeout 5 ssh -F none -o "ControlPath=$WORK/open" -O exit guest
		return
	done
	printf 'no session in %s tries that took less than 0.9 s\n' "$try"
	return 1
}

# left_alone KEY REQUEST: repeats the request; it must not set the clock.  A whole-second source proves a clock that is
# 0.4 s ahead wrong during 0.4 s of each second; during the rest the clock may be right.  The request is timed for the
# rest.  A loaded machine can miss it; then the clock must have been proved wrong, and the test tries again.
left_alone() {
	local try from fraction wait proved
	for try in 1 2 3 4; do
		sample
		from=$offset
		fraction=$((10#${EPOCHREALTIME#*.} * 1000))
		# A session takes some 0.35 s before it asks the source.
		wait=$(((2 * SECOND + SECOND / 2 - offset / 2 - fraction - 350000000) % SECOND))
		sleep "$(printf '0.%09d' "$wait")"
		admin ': >/var/log/messages'
		ask "$1" "$2"
		expect 0
		equal "$output" ''
		sample
		proved=$(admin 'grep "guestclock-set\[.* step: " /var/log/messages; :')
		[ -n "$proved" ] || { unmoved "$from"; return; }
		printf 'try %s, %s ns off: %s\n' "$try" "$from" "$proved"
		[[ $proved =~ step:\ offset\ ([-+.0-9]+)\ \+-\ ([.0-9]+)\ s, ]]
		told_offset=$(to_ns "${BASH_REMATCH[1]}") told_bound=$(to_ns "${BASH_REMATCH[2]}")
		((${told_offset#-} > told_bound))
		from=$((told_offset - from))
		((${from#-} < told_bound + 20000000))
	done
	return 1
}

# synced_by REQUEST: sets a guest in 2008 to within a second, silently; the next request does not set it.
synced_by() {
	sample
	far
	ask plain "$1"
	expect 0
	equal "$output" ''
	sample
	within "$SECOND"
	logged ' step: offset ' 1
	left_alone plain "$1"
}

@test "rdate over TCP from xinetd sets the clock within one second, and a second request does not set it" {
	synced_by "rdate -s -o $STREAM 10.0.2.2"
}

@test "rdate over UDP from xinetd sets the clock within one second, and a second request does not set it" {
	synced_by "rdate -u -s -o $DGRAM 10.0.2.2"
}

@test "after a set the kernel reports a synchronised clock, with a bound on its error" {
	local state
	# The clock is set to the middle of the source's second: the bound is half a second and the round-trip delay.
	[[ $(admin /usr/libexec/guestclock-set -- status) == *$'\nsynchronised no\n'* ]]
	[[ $(admin adjtimex) =~ status:\ +[0-9]+\ \(.*UNSYNC ]]
	ask plain "rdate -s -o $STREAM 10.0.2.2"
	expect 0
	run -0 admin /usr/libexec/guestclock-set -- status
	[[ $output == *$'\nsynchronised yes, by guestclock-set\n'* ]]
	[[ $output =~ maxerror\ ([0-9]+\.[0-9]{9}) ]]
	(($(to_ns "${BASH_REMATCH[1]}") > SECOND / 2 && $(to_ns "${BASH_REMATCH[1]}") < 2 * SECOND))
	[[ $output =~ esterror\ ([0-9]+\.[0-9]{9}) ]]
	(($(to_ns "${BASH_REMATCH[1]}") > SECOND / 2 && $(to_ns "${BASH_REMATCH[1]}") < 2 * SECOND))
	# In the kernel's own report.
	state=$(admin adjtimex)
	printf '%s\n' "$state"
	[[ $state =~ status:\ +([0-9]+)\  ]]
	(((BASH_REMATCH[1] & 64) == 0))
	[[ $state =~ maxerror:\ +([0-9]+) ]]
	((BASH_REMATCH[1] > 500000 && BASH_REMATCH[1] < 2000000))
	[[ $state == *'return value: 0 (clock synchronized)'* ]]
	# A status request changes none of it.
	[[ $(admin /usr/libexec/guestclock-set -- status) == *$'\nsynchronised yes, by guestclock-set\n'* ]]
}

@test "rdate -e sets the clock with an error bound below 10 ms, which contains the true offset" {
	local try
	for try in 1 2 3 4 5 6; do
		wrong_clock
		ask plain "rdate -e -v -o $DGRAM 10.0.2.2"
		expect 0
		told
		equal "$decision" step decision
		sample
		# 0.3 ms: the possible drift until the measurement 0.1 s later.
		within $((told_bound + ${told_residual#-} + 300000))
		((told_bound >= 10000000)) || return 0
		printf 'bound %s ns, try %s: this machine is busy\n' "$told_bound" "$try"
	done
	return 1
}

# ----------------------------------------------------------------------------------------- limits in the forced command

@test "with --dry-run in the forced command a request reports what it would do and does not set the clock" {
	local from
	sample
	from=$offset
	ask dry "rdate -v -o $STREAM 10.0.2.2"
	expect 0
	told
	equal "$decision" 'not done (--dry-run): step' decision
	((${told_offset#-} - ${from#-} < 60 * SECOND && ${told_offset#-} - ${from#-} > -60 * SECOND))
	talk dry rfc868 < <("$IN_TIMED")
	expect 0
	told
	equal "$decision" 'not done (--dry-run): step' decision
	sample
	unmoved "$from"
	[[ $(admin adjtimex) == *UNSYNC* ]]
	logged 'step|slew' 0
}

# ------------------------------------------------------------------------------------------------- privileges

# status_field PID FIELD
status_field() { sed -n "s/^== $1\$/&/;/^== $1\$/,/^==/s/^$2:[[:space:]]*\\([^[:space:]]*\\).*/\\1/p" <<<"$statuses" | head -n 1; }

# confined: two processes of guestclock-set run in the guest, both in their filters.
confined() {
	statuses=$(admin 'for pid in $(pidof guestclock-set); do echo "== $pid"; cat "/proc/$pid/status"; done')
	(($(grep -c '^== ' <<<"$statuses") == 2)) && (($(grep -cE '^Seccomp:[[:space:]]+2$' <<<"$statuses") == 2))
}

# holds_little USER ASKING-USER: checks the privileges of the two processes that wait for a silent source; the numbers of
# the users that set the clock and ask the source
holds_little() {
	local pids parent child pid
	wait_for 20 confined
	confined
	mapfile -t pids < <(sed -n 's/^== //p' <<<"$statuses")
	parent=${pids[0]} child=${pids[1]}
	if [ "$(status_field "$child" PPid)" != "$parent" ]; then parent=${pids[1]} child=${pids[0]}; fi
	equal "$(status_field "$child" PPid)" "$parent" 'parent of the one that asks'
	equal "$(status_field "$parent" CapEff)" 0000000002000000 'CapEff of the one that sets'
	equal "$(status_field "$parent" CapPrm)" 0000000002000000 'CapPrm of the one that sets'
	equal "$(status_field "$parent" Uid)" "$1" 'user of the one that sets'
	equal "$(status_field "$child" Uid)" "$2" 'user of the one that asks'
	equal "$(status_field "$child" CapEff)" 0000000000000000 'CapEff of the one that asks'
	equal "$(status_field "$child" CapPrm)" 0000000000000000 'CapPrm of the one that asks'
	for pid in "${pids[@]}"; do
		equal "$(status_field "$pid" CapInh)" 0000000000000000 CapInh
		equal "$(status_field "$pid" CapAmb)" 0000000000000000 CapAmb
		equal "$(status_field "$pid" NoNewPrivs)" 1 NoNewPrivs
		equal "$(status_field "$pid" Seccomp)" 2 Seccomp
		[ "$1" != 0 ] || equal "$(status_field "$pid" CapBnd)" 0000000000000000 CapBnd
	done
}

@test "while rdate waits for an answer, the setting process has only CAP_SYS_TIME, and the asking process no capability" {
	ask_in_background plain "rdate -s -t 30000 -o $SILENT 10.0.2.2"
	holds_little 0 65534
	stop client
	wait_for 10 no_setter
}

@test "a request that waits for a silent source does not block other requests" {
	ask_in_background plain "rdate -s -t 600000 -o $SILENT 10.0.2.2"
	wait_for 20 confined
	ask plain "rdate -s -o $STREAM 10.0.2.2"
	expect 0
	sample
	within "$SECOND"
	wrong_clock
	talk plain rfc868 < <("$IN_TIMED")
	expect 0
	sample
	pushed
	setters
	stop client
	wait_for 10 no_setter
}

# dedicated_user: gives the account guestclock a copy of the program that may set the clock.
dedicated_user() {
	admin 'rm -rf /run/guestclock && mkdir -p /usr/local/libexec && mkdir -m 755 /run/guestclock && chown guestclock:guestclock /run/guestclock &&
		cp /usr/libexec/guestclock-set /usr/local/libexec/guestclock-set &&
		chown root:guestclock /usr/local/libexec/guestclock-set && chmod 750 /usr/local/libexec/guestclock-set &&
		setcap cap_sys_time=ep /usr/local/libexec/guestclock-set && getcap /usr/local/libexec/guestclock-set'
}

@test "a dedicated user whose copy of guestclock-set has CAP_SYS_TIME sets the clock" {
	ACCOUNT=guestclock
	run -0 dedicated_user
	equal "$output" '/usr/local/libexec/guestclock-set cap_sys_time=ep'
	allow_key user '/usr/local/libexec/guestclock-set --any-port' guestclock
	sample
	far
	ask user "rdate -s -o $STREAM 10.0.2.2"
	expect 0
	equal "$output" ''
	sample
	within "$SECOND"
	logged ' step: offset ' 1
	left_alone user "rdate -s -o $STREAM 10.0.2.2"
	ask user status
	expect 0
	[[ $output == *$'\nsynchronised yes, by guestclock-set\n'* ]]
	wrong_clock
	talk user rfc868 < <("$IN_TIMED")
	expect 0
	sample
	pushed
	# And it has as few privileges as root's copy.
	ask_in_background user "rdate -s -t 30000 -o $SILENT 10.0.2.2"
	holds_little 101 101
	stop client
	wait_for 10 no_setter
	# Nobody else may run that copy.
	run admin 'su -s /bin/sh nobody -c "/usr/local/libexec/guestclock-set -- status"'
	[ "$status" -ne 0 ]
	[[ $output == *'ermission denied'* ]]
}

@test "without CAP_SYS_TIME a request fails in one line that names both remedies, and does not set the clock" {
	local cures='^guestclock-set: no CAP_SYS_TIME, .*run as root, or .*mode 0750, then setcap cap_sys_time=ep\)'
	ACCOUNT=guestclock
	allow_key incapable '/usr/libexec/guestclock-set --any-port' guestclock
	sample
	from=$offset
	ask incapable "rdate -s -o $STREAM 10.0.2.2"
	expect 111 "$cures"
	equal "$output" ''
	talk incapable rfc868 < <("$IN_TIMED")
	expect 111 "$cures"
	sample
	unmoved "$from"
	logged 'no CAP_SYS_TIME' 2
	# Reading is allowed all the same.
	ask incapable "rdate -p -o $STREAM 10.0.2.2"
	expect 0
	ask incapable status
	expect 0
}

# ------------------------------------------------------------------------------------------- a guest in trouble

# until_refused COMMAND...: up to ten times, because a busy machine can hold back the guest's timers, and with them the
# program that keeps setting the same time, for the few milliseconds in which guestclock-set watches the clock; or it can
# make the measurement so long that guestclock-set sees that program set the clock.
until_refused() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$@"
		[[ $status == 0 || $errors == *'set by another request or program'* ]] || break
	done
}
push() { talk plain rfc868 < <("$IN_TIMED"); }

@test "a request to a guest whose clock stands still fails in one line, which says that the clock did not stay set" {
	admin 'still-clock 60 >/dev/null 2>&1 & echo $! >/run/still.pid'
	until_refused ask plain "rdate -s -o $STREAM 10.0.2.2"
	still_status=$status
	until_refused push
	# Clean up first: later tests need a clock.
	admin 'kill "$(cat /run/still.pid)"'
	expect 111 '^guestclock-set: .*did not stay'
	equal "$output" ''
	equal "$still_status" 111 'status of rdate'
	# The kernel must not consider such a clock synchronised.
	[[ $(admin adjtimex) == *UNSYNC* ]]
	# When time runs again, the request succeeds.
	ask plain "rdate -s -o $STREAM 10.0.2.2"
	expect 0
	sample
	within "$SECOND"
}

# ordered KEY LINE...: sends each LINE in an exchange of its own, and sets the array $answers to the first words of the
# guest's answers
ordered() {
	local key=$1 line
	shift
	answers=()
	for line in "$@"; do
		talk "$key" exchange < <(printf '%s\nbye\n' "$line")
		answers+=("$(sed -n '2s/^\(done\|no [a-z-]*\) .*/\1/p' <<<"$output")")
	done
}

@test "sessions together move a clock by at most --max-step in an hour, also by slews that they cut off" {
	local before
	admin rm -f /run/guestclock/lock
	talk plain rfc868 < <(raw_answer)
	expect 0
	sample
	before=$offset
	ordered narrow 'step +6.000000000' 'step +6.000000000' 'step -6.000000000' 'step -11.500000000'
	equal "${answers[*]}" 'done no too-far done no too-far' 'answers'
	sample
	unmoved "$before"
	# The step ends the slew, of which a few milliseconds were done.  So the clock is 9 s back after it.
	admin rm -f /run/guestclock/lock
	ordered narrow 'slew +9.000000000' 'step -9.000000000' 'step -1.500000000' 'slew +9.000000000' 'step -9.000000000'
	equal "${answers[*]}" 'done done no too-far done no too-far' 'answers'
	talk plain rfc868 < <(raw_answer)
	# The rate of one session ends with the next that orders none.
	ordered plain 'rate +1000.000' 'bound 5.000000000'
	equal "${answers[*]}" 'done done' 'answers'
	talk plain status </dev/null
	[[ $output == *$'\nfrequency-ppb 0\ntick-us 10000\n'* ]]
	logged 'rate \+1000\.000000000 ppm of an earlier request undone' 1
}

# words LINE: sets the array $raw to the words of that line of $output
words() { read -r -a raw <<<"$(sed -n "$1p" <<<"$output")"; }

@test "an order with the number of the last set is carried out once, and raw has the rate that the kernel has" {
	local real
	talk plain rfc868 < <(raw_answer)
	expect 0
	talk plain exchange < <(printf 'raw\nbye\n')
	expect 0
	words 2
	equal "${raw[0]} ${#raw[@]} ${raw[7]}" 'raw 9 guestclock' 'the reply'
	real=$(($(to_ns "${raw[1]}") - $(to_ns "${raw[2]}")))
	talk plain exchange < <(printf 'step +5.000000000 %s\nstep +5.000000000 %s\nrate +740.123\nraw\nbye\n' "${raw[3]}" "${raw[3]}")
	equal "$status" 111 status
	equal "$(sed -nE '2,4s/^(done|no [a-z-]*) .*/\1/p' <<<"$output" | paste -sd ' ')" 'done no stale done' 'answers'
	words 5
	# 740.123 ppm are 7 of the tick's 100 ppm and 40.123 of the frequency's.
	[[ "${raw[4]} ${raw[5]}" =~ ^\+40\.12[23]\ 10007$ ]]
	# The step moved the clock, and not the raw clock.
	real=$(($(to_ns "${raw[1]}") - $(to_ns "${raw[2]}") - real))
	printf 'moved by %s ns against the raw clock\n' "$real"
	((real > 4900000000 && real < 5100000000))
	talk plain exchange < <(printf 'rate +0.000\nraw\nbye\n')
	expect 0
	words 3
	equal "${raw[4]} ${raw[5]}" '+0.000 10000' 'the rate'
}

@test "a request sets right the clock of a guest that was paused for 10 s" {
	ask plain "rdate -s -o $STREAM 10.0.2.2"
	expect 0
	guest_pause 10
	sample
	((offset < -9 * SECOND && offset > -12 * SECOND))
	ask plain "rdate -s -o $STREAM 10.0.2.2"
	expect 0
	sample
	within "$SECOND"
	logged ' step: offset -(8|9|10|11)\.' 1
}

# watch_setters: prints a line on the guest's console when no guestclock-set runs any more.  It does not use ssh, which
# takes long in a guest that hardly runs.
watch_setters() {
	admin '{ while pidof guestclock-set >/dev/null; do usleep 20000; done; echo "setters: none" >/dev/console; } \
		>/dev/null 2>&1 &'
}

@test "in a guest with very little processor time, killing the ssh client ends a request to a silent source" {
	# Ten minutes of the guest's own time: no timer ends the request.
	ask_in_background plain "rdate -s -t 600000 -o $SILENT 10.0.2.2"
	wait_for 20 confined
	watch_setters
	guest_throttle
	not grep -q 'setters: none' "$GUEST_DIR/console.log"
	stop client KILL
	wait_for 20 grep -q 'setters: none' "$GUEST_DIR/console.log"
	guest_alive throttle.pid
	guest_unthrottle
	no_setter
}

# keep_sampling: samples the guest's clock again and again: prints "START OFFSET BOUND END", times of this machine's
# uptime in milliseconds.
keep_sampling() {
	local i start
	for ((i = 0; i < 400; i++)); do
		start=$(guest_now_ms)
		printf '%s %s %s\n' "$start" "$(guest_clock 2 | cut -d' ' -f1,2)" "$(guest_now_ms)" >>"$WORK/samples"
		sleep 0.05
	done
}

@test "one request sets right the clock of a guest that runs 5 ms in each 100 ms" {
	local last first start end gap
	guest_throttle 5 100
	background sampler keep_sampling
	ask plain "rdate -v -o $STREAM 10.0.2.2"
	guest_alive throttle.pid
	wait_for 60 not awk '$2 > -1000 { found = 1 } END { exit found }' "$WORK/samples"
	guest_unthrottle
	expect 0
	told
	equal "$decision" step decision
	stop sampler
	last=$(awk '$2 < -1000000' "$WORK/samples" | tail -n 1)
	first=$(awk '$2 != "" && $2 > -1000' "$WORK/samples" | head -n 1)
	printf 'last before the set: %s\nfirst after it:      %s\n' "$last" "$first"
	[ -n "$last" ] && [ -n "$first" ]
	read -r start _ <<<"$last"
	read -r _ offset bound end <<<"$first"
	offset=$(to_ns "$offset") bound=$(to_ns "$bound")
	gap=$(((end - start) * 1000000))
	# It was set between those two samples and has hardly run since.  Allow a second more: the ten or so
	# milliseconds of processor time between the source's answer and the set take twenty times as long here.
	within $((told_bound + gap + SECOND))
	logged ' step: offset ' 1
	# When the guest runs again, it needs another request.  If the measured offset is within the bound, the clock is
	# left alone: the true offset is then at most two bounds.
	ask plain "rdate -v -o $STREAM 10.0.2.2"
	expect 0
	told
	sample
	within $((2 * told_bound))
}

@test "each request sets right a clock that runs at a wrong rate, and with --edge to within the error bound" {
	local before from drift ended
	# lost: the most that the clock has lost since the request ended, in nanoseconds
	lost() { printf '%s\n' $((($(guest_now_ms) - ended) * 135000)); }
	wait_for 60 test -e "$HOST_DIR/second.ready"
	GUEST_DIR=$HOST_DIR/second
	sample
	far
	ask plain "rdate -v -o $STREAM 10.0.2.2"
	ended=$(guest_now_ms)
	expect 0
	told
	equal "$decision" step decision
	sample
	# Half a second, the round-trip delay, and what the clock lost before the request ended, and since.
	within $((told_bound + SECOND / 4 + $(lost)))
	before=$offset from=$(guest_now_ms)
	sleep 4
	sample
	drift=$(((offset - before) / ($(guest_now_ms) - from)))
	printf 'drift: %s us a second\n' "$drift"
	((drift < -115000 && drift > -135000))
	ask plain "rdate -s -o $STREAM 10.0.2.2"
	ended=$(guest_now_ms)
	expect 0
	sample
	within $((SECOND + SECOND / 4 + $(lost)))
	# Even with a clock that runs wrong, the edge of a second is within the printed bound.
	ask exact "rdate -v -u -o $DGRAM 10.0.2.2"
	ended=$(guest_now_ms)
	expect 0
	told
	sample
	printf 'bound %s ns\n' "$told_bound"
	# Without --edge it is at least half a second.
	((told_bound < SECOND / 2))
	within $((told_bound + ${told_residual#-} + SECOND / 10 + $(lost)))
}

@test "a request sets right the clock of a guest that was restored from a snapshot" {
	ask plain "rdate -s -o $STREAM 10.0.2.2"
	expect 0
	guest_save
	talk plain exchange < <(printf 'step +0.000000001\nraw\nbye\n')
	expect 0
	words 3
	sleep 2
	guest_restore
	# The administrator's connection was to the guest before the restore.
	admin_stop
	admin_start
	sample
	((offset < -3 * SECOND / 2))
	ask plain "rdate -v -o $STREAM 10.0.2.2"
	expect 0
	told
	equal "$decision" step decision
	sample
	within "$SECOND"
	# An order that was computed before the restore: one set has followed, as then, but it is another one.
	talk plain exchange < <(printf 'step +1.000000000 %s\nbye\n' "${raw[3]}")
	equal "$status" 111 status
	[[ $output == *$'\nno stale '* ]]
}

# exchange_said COUNT: the session in the background has printed at least COUNT lines
exchange_said() { (($(wc -l <"$WORK/exchange.out") >= $1)); }

# exchange_open KEY: starts a session in the background, with the name "exchange"; what goes to descriptor 8 are its orders.
exchange_open() {
	local options
	guest_ssh_options options
	# Open for reading too, so that the session does not end after the written lines.
	mkfifo "$WORK/orders"
	exec 8<>"$WORK/orders"
	# shellcheck disable=SC2016 # for that shell
	background exchange sh -c 'exec "$@" <"$0"' "$WORK/orders" ssh "${options[@]}" -i "$KEYS/$1" root@127.0.0.1 exchange 8<&-
}

@test "SECURITY.md's commands revoke a key at once: its open session ends, and it opens no other" {
	local commands
	mapfile -t commands < <(sed -n '/^## How to revoke/,/^## /s/^    //p' "$TOP/SECURITY.md")
	((${#commands[@]} == 2))
	allow_key revoked /usr/libexec/guestclock-set
	exchange_open revoked
	wait_for 20 exchange_said 1
	admin "${commands[0]/COMMENT/revoked}"
	printf 'now\n' >&8
	wait_for 20 exchange_said 2
	ask revoked status
	expect 255 'Permission denied'
	admin "${commands[1]}"
	wait_for 20 no_setter
	wait_for 20 not alive exchange
	exec 8>&-
	ask plain status
	expect 0
}

@test "an exchange session from before a restore does not block a request that sets the restored guest right" {
	exchange_open plain
	printf 'now\nbound 1.000000000\nnow\n' >&8
	wait_for 20 exchange_said 4
	grep -q '^done ' "$WORK/exchange.out"
	guest_save
	stop exchange KILL
	exec 8>&-
	guest_restore
	admin_stop
	admin_start
	# The session was restored with the guest, and waits for its host.
	[ -n "$(setters)" ]
	ask plain "rdate -s -o $STREAM 10.0.2.2"
	expect 0
	sample
	within "$SECOND"
}
