#!/usr/bin/env bats
# The test-bed itself: a guest in 2008 whose clock can be read, paused, slowed, stopped, given a wrong rate and
# restored.  One guest serves nearly all the tests, in order; a second one runs at a wrong rate beside it.
#
# Optional arguments are omitted on purpose, each test has its own GUEST_DIR, and code in single quotes is for the
# guest's shell:
# shellcheck disable=SC2119,SC2030,SC2031,SC2016

bats_require_minimum_version 1.5.0

setup_file() {
	load_bed
	local start
	start=$(guest_now_ms)
	guest_start
	printf '%s\n' "$(($(guest_now_ms) - start))" >"$BATS_FILE_TMPDIR/boot.ms"
}

teardown_file() {
	load_bed
	guest_stop
	if [[ -s $BATS_FILE_TMPDIR/second ]]; then
		GUEST_DIR=$(<"$BATS_FILE_TMPDIR/second")
		guest_stop
	fi
}

setup() {
	load_bed
}

load_bed() {
	# shellcheck source=tests/guest/guest.bash
	source "$BATS_TEST_DIRNAME/guest.bash"
}

# holds EXPRESSION [NAME=NUMBER...]: true if awk finds the arithmetic EXPRESSION true; otherwise prints the numbers.
holds() {
	local expression=$1 settings=()
	shift
	while (($#)); do
		settings+=(-v "$1")
		shift
	done
	awk "${settings[@]}" "BEGIN { exit !($expression) }" || {
		printf 'does not hold: %s %s\n' "$expression" "${settings[*]}" >&2
		return 1
	}
}

# uptime: prints this machine's uptime in seconds, with three decimals.
uptime() {
	local ms
	ms=$(guest_now_ms)
	printf '%d.%03d\n' "$((ms / 1000))" "$((ms % 1000))"
}

# sample: sets `offset` and `bound` (seconds) with guest_clock, measured between `at` and `till` (seconds of this
# machine's uptime).
sample() {
	at=$(uptime)
	read -r offset bound _ < <(guest_clock)
	till=$(uptime)
	[[ -n $offset ]]
}

sum() { awk 'BEGIN { for (i = 1; i < ARGC; i++) s += ARGV[i]; printf "%.6f", s }' "$@"; }

# ended PID: true if that process has ended, whether or not its parent has reaped it.
ended() {
	[[ ! -e /proc/$1 ]] || grep -q '^State:.*zombie' "/proc/$1/status"
}

@test "guest_start boots a guest within 60 s, with a clock in February 2008" {
	holds 'ms < 60000' "ms=$(<"$BATS_FILE_TMPDIR/boot.ms")"
	run -0 guest_ssh date +%Y-%m-%d </dev/null
	[ "$output" = 2008-02-15 ]
	run -0 guest_ssh cat /proc/sys/kernel/hostname /etc/guestclock-test-guest </dev/null
	[ "$output" = guest ]
	sample
	expected=$(($(date -u -d 2008-02-15T20:49:00 +%s) - $(date +%s)))
	holds 'offset - expected > -1 && offset - expected < 60' "offset=$offset" "expected=$expected"
}

@test "the guest has a hardware clock in 2008, an account guestclock, libwrap's tables and a log" {
	run -0 guest_ssh 'hwclock -r -u; test ! -e /etc/localtime; id -un guestclock; ls /etc/hosts.allow /etc/hosts.deny;
		grep host.test /etc/hosts; stat -c %U /var/lib/guestclock; id -u sshd' </dev/null
	[[ ${lines[0]} == 'Fri Feb 15 20:'*' 2008'* ]]
	[ "${lines[1]}" = guestclock ]
	[ "${lines[4]}" = "10.0.2.2 host.test" ]
	[ "${lines[5]}" = guestclock ]
	run -0 guest_ssh 'logger -t bed "a line for the log"' </dev/null
	run -0 guest_log
	[[ $output == *'bed: a line for the log'* ]]
	[[ $output == *'Accepted publickey for root'* ]]
}

@test "guest_clock prints the guest's offset with an error bound below 5 ms" {
	run -0 guest_clock
	[[ $output =~ ^-[0-9]+\.[0-9]{9}\ 0\.[0-9]{9}\ 0\.[0-9]{9}$ ]]
	sample
	first=$offset
	holds 'bound > 0 && bound < 0.005' "bound=$bound"
	sample
	holds 'bound > 0 && bound < 0.005' "bound=$bound"
	# The guest's rate is nearly true, so the two agree.
	holds 'a - b < 0.01 && b - a < 0.01' "a=$first" "b=$offset"
}

@test "clock-compare reports a port that does not answer in one line" {
	run -1 "$BATS_TEST_DIRNAME/../../build/tests/clock-compare" -p 9 -n 3
	[ "$output" = 'clock-compare: 127.0.0.1 port 9: no answer' ]
}

@test "guest_authorize lets a key run its forced command, as root and as guestclock" {
	key=$BATS_TEST_TMPDIR/key
	ssh-keygen -q -t ed25519 -N '' -f "$key"
	guest_authorize "restrict,command=\"echo asked: \$SSH_ORIGINAL_COMMAND from \${SSH_CONNECTION%% *}\" $(<"$key.pub")"
	guest_authorize --user guestclock "restrict,command=\"id -un; cat \$SSH_USER_AUTH\" $(<"$key.pub")"
	opts=()
	guest_ssh_options opts
	run -0 ssh "${opts[@]}" -i "$key" root@127.0.0.1 "rdate -s host.test" </dev/null
	[ "$output" = 'asked: rdate -s host.test from 10.0.2.2' ]
	run -0 ssh "${opts[@]}" -i "$key" guestclock@127.0.0.1 x </dev/null
	[ "${lines[0]}" = guestclock ]
	[[ ${lines[1]} == 'publickey ssh-ed25519 '* ]]
	run -0 ssh -F "$GUEST_DIR/ssh_config" -i "$key" guest.test status </dev/null
	[ "$output" = 'asked: status from 10.0.2.2' ]
	# No login without an authorized key, and no trust in another machine's host key.
	ssh-keygen -q -t ed25519 -N '' -f "$key.other"
	run -255 ssh "${opts[@]}" -i "$key.other" root@127.0.0.1 true </dev/null
	run -255 ssh -o UserKnownHostsFile=/dev/null -o LogLevel=INFO "${opts[@]}" -i "$key" root@127.0.0.1 true </dev/null
	[[ $output == *'Host key verification failed.'* ]]
}

@test "the guest reaches this machine's loopback interface as host.test, over TCP and UDP" {
	# The guest's clock answers on this UDP port.  The same port over TCP, and the next, are almost certainly free.
	port=$(guest_state clock.port)
	timeout 20 socat -u SYSTEM:'printf over-TCP' "TCP-LISTEN:$port,bind=127.0.0.1" 3>&- &
	listener=$!
	guest_wait 5 grep -qi "0100007F:$(printf %04X "$port") 00000000:0000 0A" /proc/net/tcp
	run -0 guest_ssh "timeout 5 nc host.test $port" </dev/null
	[ "$output" = over-TCP ]
	wait "$listener"
	timeout 20 socat -u "UDP-RECV:$((port + 1)),bind=127.0.0.1" "CREATE:$BATS_TEST_TMPDIR/datagram" 3>&- &
	listener=$!
	guest_wait 5 grep -qi "0100007F:$(printf %04X "$((port + 1))") " /proc/net/udp
	guest_put "$BATS_TEST_DIRNAME/../../build/tests/clock-compare" /tmp/clock-compare
	run -1 guest_ssh "/tmp/clock-compare -h host.test -p $((port + 1)) -n 1" </dev/null
	[ "$output" = "clock-compare: host.test port $((port + 1)): no answer" ]
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/datagram")" -eq 16 ]
	kill "$listener"
}

@test "guest_put copies a file and its execute bit" {
	printf '#!/bin/sh\necho it runs\n' >"$BATS_TEST_TMPDIR/program"
	chmod 755 "$BATS_TEST_TMPDIR/program"
	guest_put "$BATS_TEST_TMPDIR/program" "/tmp/a program"
	run -0 guest_ssh "'/tmp/a program'" </dev/null
	[ "$output" = 'it runs' ]
}

@test "guest_put and guest_ssh fail when the copy or the command fails" {
	run guest_put "$BATS_TEST_DIRNAME/15-guest-bed.bats" /no/such/directory/file
	[ "$status" -ne 0 ]
	run -7 guest_ssh exit 7 </dev/null
}

@test "setcap gives a program in the guest the capability to set the clock" {
	run -0 guest_ssh 'cp /usr/bin/clock-answer /tmp/capable && setcap cap_sys_time+ep /tmp/capable && getcap /tmp/capable' </dev/null
	[[ $output == *'cap_sys_time=ep' ]]
}

@test "guest_pause 3 makes the guest's clock lose 3 s" {
	sample
	before=$offset
	guest_pause 3
	sample
	holds 'before - after > 2.8 && before - after < 3.2' "before=$before" "after=$offset"
}

@test "guest_throttle makes the guest's clock lose more than 80 % of the time, until guest_unthrottle" {
	sample
	before=$offset
	guest_throttle
	from=$(guest_now_ms)
	sleep 3
	run ! guest_pause 1
	[ "$output" = 'guest: guest_pause: the guest is throttled' ]
	helper=$(<"$GUEST_DIR/throttle.pid")
	to=$(guest_now_ms)
	guest_unthrottle
	ended "$helper"
	[ ! -e "$GUEST_DIR/throttle.pid" ]
	sample
	# In the time that it was surely throttled; a busy machine takes long to measure before and after.
	holds '(before - after) > 0.8 * (to - from) / 1000' "before=$before" "after=$offset" "from=$from" "to=$to"
	before=$offset
	sleep 1
	sample
	holds 'before - after < 0.1' "before=$before" "after=$offset"
}

@test "guest_restore brings back the clock and the files of the snapshot" {
	sample
	before=$offset from=$at
	guest_save
	guest_ssh 'touch /tmp/later' </dev/null
	# The later the restore, the further behind is the guest's clock.
	sleep 1
	guest_restore
	sample
	guest_ssh 'test ! -e /tmp/later' </dev/null
	# The guest's clock lacks the time between the save and the restore.
	holds 'before - after > 1 && before - after < to - from + 0.01' "before=$before" "after=$offset" \
		"from=$from" "to=$till"
	before=$offset
	sleep 1
	sample
	holds 'before - after < 0.1 && after - before < 0.1' "before=$before" "after=$offset"
}

@test "still-clock stops the guest's clock: the offset falls by one second in each second" {
	guest_ssh 'still-clock 60 >/dev/null 2>&1 & echo $! >/run/still.pid' </dev/null
	samples=()
	for _ in 1 2 3 4; do
		sample
		samples+=("$offset $at $till")
		sleep 1
	done
	guest_ssh 'kill "$(cat /run/still.pid)"' </dev/null
	for i in 1 2 3; do
		read -r before from_low from_high <<<"${samples[i - 1]}"
		read -r after to_low to_high <<<"${samples[i]}"
		# The clock stopped for as long as the time between the two samples, +- 10 ms.
		holds 'before - after > t1 - s2 - 0.01 && before - after < t2 - s1 + 0.01' "before=$before" "after=$after" \
			"s1=$from_low" "s2=$from_high" "t1=$to_low" "t2=$to_high"
	done
	sample
	before=$offset
	sleep 1
	sample
	holds 'before - after < 0.1' "before=$before" "after=$offset"
}

@test "still-clock refuses to run outside the test guest" {
	[ ! -e /etc/guestclock-test-guest ]
	run -111 "$BATS_TEST_DIRNAME/../../build/tests/still-clock" 1
	[[ $output == 'still-clock: no /etc/guestclock-test-guest here'* ]]
}

@test "guest_start runs a second guest beside the first, at the clock rate that it is given" {
	run -0 guest_tsc_khz
	[[ $output =~ ^[0-9]+$ ]]
	true_khz=$output
	# Less than 1 % wrong: a kernel with another timer for comparison would correct it.
	believed_khz=$((true_khz * 1009 / 1000))
	first=$GUEST_DIR
	guest_start --tsc-early-khz "$believed_khz" --base 2012-03-04T05:06:07
	printf '%s\n' "$GUEST_DIR" >"$BATS_FILE_TMPDIR/second"
	[ "$GUEST_DIR" != "$first" ]
	run -0 guest_ssh date +%F </dev/null
	[ "$output" = 2012-03-04 ]
	GUEST_DIR=$first run -0 guest_ssh date +%Y </dev/null
	[ "$output" = 2008 ]
	# Wait until its kernel has chosen a clocksource.
	guest_wait 30 guest_ssh 'grep -qx tsc /sys/devices/system/clocksource/clocksource0/current_clocksource' </dev/null
	sample
	before=$offset before_bound=$bound from=$at from_till=$till
	sleep 4
	sample
	wanted=$(awk -v f="$true_khz" -v n="$believed_khz" 'BEGIN { printf "%.6f", f / n - 1 }')
	# On a busy machine a sample takes a second, and the clock was read at any time in it.
	holds 'b - a > wanted * (t2 - s1) - e && b - a < wanted * (t1 - s2) + e && e < 0.02' "a=$before" "b=$offset" \
		"wanted=$wanted" "s1=$from" "s2=$from_till" "t1=$at" "t2=$till" "e=$(sum "$before_bound" "$bound" 0.004)"
	# The kernel's own correction does not explain the rate.
	run -0 guest_ssh "adjtimex | awk '/freq.adjust:/ { print \$3 } / tick:/ { print \$3 }'" </dev/null
	[ "$output" = $'0\n10000' ]
	# The first guest still runs at the true rate.
	GUEST_DIR=$first
	sample
	before=$offset before_bound=$bound
	sleep 1
	sample
	holds 'before - after < e && after - before < e' "before=$before" "after=$offset" \
		"e=$(sum "$before_bound" "$bound" 0.004)"
}

@test "guest_stop leaves no process and no file of a throttled guest, and may be called twice" {
	first=$GUEST_DIR
	export GUEST_DIR
	GUEST_DIR=$(<"$BATS_FILE_TMPDIR/second")
	guest_throttle
	pids=$(cat "$GUEST_DIR"/{qemu,timeout,throttle}.pid)
	[ "$(wc -w <<<"$pids")" -eq 3 ]
	guest_stop
	[ ! -e "$GUEST_DIR" ]
	for pid in $pids; do
		ended "$pid"
	done
	guest_stop
	run ! grep -la "$GUEST_DIR/" /proc/[0-9]*/cmdline
	run -1 guest_clock
	[[ $output == 'guest: no guest:'* ]]
	# The other guest still runs.
	GUEST_DIR=$first
	run -0 guest_clock
}

@test "guest_start reports a wrong option or directory, and leaves nothing behind" {
	unset GUEST_DIR
	run -1 guest_start --no-such-option
	[ "$output" = 'guest: guest_start: unknown option --no-such-option' ]
	mkdir "$BATS_TEST_TMPDIR/full"
	: >"$BATS_TEST_TMPDIR/full/file"
	run -1 guest_start --dir "$BATS_TEST_TMPDIR/full"
	[[ $output == *"is not empty" ]]
	[ -e "$BATS_TEST_TMPDIR/full/file" ]
	run -1 guest_start --dir "$BATS_TEST_TMPDIR/bad" -- -no-such-qemu-option
	[[ $output == *'QEMU does not start'* ]]
	[ ! -e "$BATS_TEST_TMPDIR/bad" ]
}
