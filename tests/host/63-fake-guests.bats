# Faults of one guest, or of all: no result is lost, and the other guests are set right in the same run.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it
# shellcheck disable=SC2016 # what stands in single quotes is for another shell, or for none
# shellcheck disable=SC2034 # BEFORE is for tests/lib/fakeguest.bash

load ../lib/common
load ../lib/fakeguest

# Every run with a fault must set these right.
GOOD=(good.-5200.1 good.0.2 good.3600000.3 good.-5000.4)

setup_file() { fakeguest_setup_file; }
setup() {
	common_setup
	fakeguest_setup
}
teardown() {
	fakeguest_teardown
	common_teardown
}

# faulty ARGUMENTS... -- GUEST...: syncs these guests among the good ones, with JSON in $WORK/json.  Checks that the
# good ones are right and reported as right, standard error is empty, the state is whole, and no process is left.
faulty() {
	local -a options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	guestclock sync --json "${options[@]}" "${GOOD[@]:0:2}" "$@" "${GOOD[@]:2}"
	printf '%s\n' "$output" >"$WORK/json"
	equal "$errors" '' 'standard error' || return 1
	guest_right "${GOOD[@]}" || return 1
	json "$WORK/json" "len(g) == ${#GOOD[@]} + $#" \
		'all(g[name]["result"] == "ok" and abs(g[name]["residual"]) < 0.005 for name in g if name.startswith("good."))' || return 1
	equal "$(guest good.0.2 steps slews)" '0 0' 'steps and slews of a guest that is right' || return 1
	equal "$(guest good.-5200.1 steps)" 1 'steps of a guest that is wrong' || return 1
	none_left && state_whole || return 1
	equal "$(wc -l <"$STATE/log")" $((${#GOOD[@]} + $#)) 'lines of the log'
}

# failed GUEST REGEX: GUEST failed in the last faulty, with one line that gives the reason
failed() {
	equal "$status" 1 status || return 1
	json "$WORK/json" "g['$1']['result'] == 'failed'" "__import__('re').search(r'''$2''', g['$1']['error']) is not None" \
		"g['$1']['offset'] is None and g['$1']['residual'] is None"
}

# ------------------------------------------------------------------------------------------------ ssh itself

@test "guestclock reports for each guest that ssh is missing or cannot be executed" {
	rm "$WORK/bin/ssh"
	GUEST_PATH=$WORK/bin BEFORE=()
	local timeout
	timeout=$(type -P timeout)
	status=0
	output=$(PATH=$WORK/bin "$timeout" 20 "$GUESTCLOCK" sync --state "$STATE" good.0.1 good.0.2 2>"$WORK/stderr") || status=$?
	errors=$(<"$WORK/stderr")
	tells 1 'good\.0\.1: cannot run ssh: No such file or directory' 'good\.0\.2: cannot run ssh: No such file or directory'
	status=0
	output=$(PATH=$WORK/bin "$timeout" 20 "$GUESTCLOCK" check --state "$STATE" good.0.1 good.0.2 2>"$WORK/stderr") || status=$?
	errors=$(<"$WORK/stderr")
	tells 3
	equal "$output" 'GUESTCLOCK UNKNOWN - 2 guests: 0 ok, 0 warning, 0 critical, 2 unknown; good.0.1: cannot run ssh: No such file or directory' output
	# It exists, but is no program.
	: >"$WORK/bin/ssh"
	status=0
	output=$(PATH=$WORK/bin "$timeout" 20 "$GUESTCLOCK" sync --state "$STATE" good.0.1 2>"$WORK/stderr") || status=$?
	errors=$(<"$WORK/stderr")
	tells 1 'good\.0\.1: cannot run ssh: Permission denied'
	state_whole
}

@test "a guest fails when ssh ends before the session does, and not when ssh fails after it" {
	faulty -- exit255 halfway exit255late
	failed exit255 '^ssh: connect to host x port 22: Connection refused: no sshd listens there: start it, or'
	failed halfway '^ssh ended with exit status 7 before the exchange was complete$'
	# A result before that is kept.
	json "$WORK/json" 'g["exit255late"]["result"] == "ok"'
}

@test "guestclock reports the first of ssh's messages with a known cause, with its remedy, and shortens long ones between words" {
	faulty -- openkey longerror refusedlater
	failed openkey "^Permissions 0644 for '/etc/guestclock/id_guest' are too open: chmod 600 the key file$"
	failed longerror '^ssh or the guest says: (longword )+\.\.\.$'
	# A message of the forced command is not one of ssh's.
	failed refusedlater '^the guest says: guestclock-set: refused: exchange is not among the requests$'
	equal "$(for guest in openkey refusedlater; do guest $guest starts; done | tr '\n' ' ')" '1 1 ' tries
}

@test "exit status 127 is a program's that is missing, on either side: guestclock says so, tries once, and prints no remedy of ssh's" {
	faulty -- noloader noprogram silent127
	failed noloader '^ssh or the guest says: ssh: error while loading shared libraries: .*'
	failed noprogram '^ssh or the guest says: sh: 1: /usr/libexec/guestclock-set: not found$'
	failed silent127 '^ssh ended with exit status 127 before the exchange was complete$'
	equal "$(for guest in noloader noprogram silent127; do guest $guest starts; done | tr '\n' ' ')" '1 1 1 ' tries
}

@test "text of the other side's that ssh quotes, with line ends in it, chooses no remedy" {
	faulty -- disconnected offers
	failed disconnected '^ssh or the guest says: Received disconnect from 192.0.2.1 port 22:2: forged$'
	failed offers '^ssh or the guest says: Unable to negotiate with 192.0.2.1 port 22: no matching cipher found. Their offer: x$'
}

@test "when ssh fails, guestclock names the files from ssh_config that cannot be read" {
	printf '%s\n' 'Host *' $'\tIdentityFile '"$WORK/no-key" $'\tGlobalKnownHostsFile /dev/null' \
		"  UserKnownHostsFile $WORK/no-hosts" >"$WORK/config"
	faulty --ssh-config "$WORK/config" -- denied unknownkey exit255
	failed denied "Permission denied \(publickey\): IdentityFile $WORK/no-key: No such file or directory; make it with ssh-keygen"
	failed unknownkey "^No ED25519 host key is known for x and .*: UserKnownHostsFile $WORK/no-hosts: No such file or directory; make it"
	failed exit255 'Connection refused: no sshd listens there'
	# Now the files exist.
	: >"$WORK/no-key"
	: >"$WORK/no-hosts"
	guestclock sync --ssh-config "$WORK/config" denied unknownkey
	tells 1 'denied: .*Permission denied \(publickey\): the guest refuses this key.*' \
		'unknownkey: No ED25519 host key is known for x .*: compare the guest.*'
}

@test "sync raises its limit on descriptors for many guests, or sets fewer guests at once" {
	local guests
	guests=$(printf 'slow.-5000.%d ' {1..120})
	ulimit -S -n 128
	# shellcheck disable=SC2086
	guestclock sync -j 120 -t 10 $guests
	silent
	ulimit -H -n 128
	# With too few descriptors, fewer guests at once: -j is the maximum, not a promise.
	# shellcheck disable=SC2086
	guestclock sync --json -j 120 -t 10 $guests
	((took < 20000))
	printf '%s\n' "$output" >"$WORK/json"
	json "$WORK/json" 'len(g) == 120' 'all(o["result"] == "ok" for o in g.values())'
}

# ------------------------------------------------------------------------------------------- hanging guests

@test "a guest that hangs before the greeting, in a line, after a step or at the end fails within the time limit" {
	faulty -t 1 -- hang midline afterstep.-5000 lingers deaf closes
	# The time to kill ssh is added.
	((took < 6000))
	failed hang '^no answer in 1 s$'
	failed midline '^the exchange was not complete after 1 s$'
	failed closes '^no answer in 1 s$'
	failed deaf '^no answer in 1 s$'
	failed afterstep.-5000 '^\(it was -[45]\.[0-9]{9} s off and a step was ordered\) the exchange was not complete after 1 s$'
	equal "$(guest hang starts)" 1 'tries of a guest that hangs: it has had its time'
	# A guest whose exchange was complete is right.
	json "$WORK/json" 'g["lingers"]["result"] == "ok"'
	equal "$(guest afterstep.-5000 steps starts)" '1 1' 'steps and tries of a guest that hung after its first'
	guest_right afterstep.-5000
}

@test "the log records a step whose guest hung or died after it" {
	guestclock sync --json -t 1 afterstep.-5000 killed.-6000
	equal "$(guest afterstep.-5000 steps)" 1 'steps'
	equal "$(guest killed.-6000 steps)" 1 'steps'
	grep ' afterstep\.-5000 ' "$STATE/log" | grep -qE 'step.*-[45]\.[0-9]{9}' || { cat "$STATE/log"; return 1; }
	grep ' killed\.-6000 ' "$STATE/log" | grep -qE 'step' || { cat "$STATE/log"; return 1; }
}

@test "sync tries a guest once more, after the others, if ssh ended before the greeting, unless its key was refused" {
	faulty -- fullonce.-5000 full denied otherkey refused
	equal "$status" 1 status
	json "$WORK/json" 'g["fullonce.-5000"]["result"] == "ok" and g["fullonce.-5000"]["action"] == "step"'
	guest_right fullonce.-5000
	equal "$(guest fullonce.-5000 starts steps)" '2 1' 'tries and steps'
	failed full '^kex_exchange_identification: .*Connection closed by remote host: sshd .a gateway.s, perhaps. turns this host away: too many'
	failed denied '^root@denied: Permission denied \(publickey\): the guest refuses this key or user: check'
	failed otherkey '^Host key verification failed: compare the guest.s host key with'
	failed refused '^the guest says: guestclock-set: refused: exchange is not among'
	equal "$(for guest in full denied otherkey refused; do guest $guest starts; done | tr '\n' ' ')" '2 1 1 1 ' tries
	# They were tried again after all the others.
	equal "$(cut -f 13 "$FAKE_SSH/argv" | tail -n 2 | sort | tr '\n' ' ')" 'full fullonce.-5000 ' 'the last tries'
	# A single guest is tried again too, after a moment.
	guestclock sync fullonce.0.2
	silent
	((took >= 300))
}

@test "at most eight guests that are tried again wait for their greeting at once" {
	local guests
	guests=$(printf 'fullslow.-5000.%d ' {1..40})
	# shellcheck disable=SC2086
	guestclock sync -j 40 $guests
	silent
	# shellcheck disable=SC2086
	guest_right $guests
	at_most "$(most_at_once)" 8 'guests at once when tried again'
}

# most_at_once: prints how many second tries, at most, waited for their greetings at the same time
most_at_once() {
	python -I -S -c 'import sys
events = sorted(tuple(map(int, line.split())) for line in open(sys.argv[1]))
now = most = 0
for _, by in events:
    now += by
    most = max(most, now)
print(most)' "$FAKE_SSH/waits"
}

@test "a ProxyCommand that ssh started ends with ssh" {
	faulty -t 1 -- proxy
	failed proxy '^no answer in 1 s$'
	wait_for 3 not running "$(<"$FAKE_SSH/proxy")"
}

@test "guests that hang do not delay the others, which are set and reported meanwhile" {
	# More guests hang than are handled at once.
	guestclock_background run sync --json -j 4 -t 1 hang.0.{1,2,3} "${GOOD[@]}" hang.0.{4,5}
	wait_for 0.8 told_of "${GOOD[@]}"
	ended run
	equal "$status" 1 status
	none_left
}

@test "eight guests that hang before the greeting hold up the second tries of others for 5 s, not for their time limit" {
	guestclock_background run sync --json -t 14 hang.0.{1,2,3,4,5,6,7,8} fullonce.-5000.{1,2,3}
	wait_for 7 told_of fullonce.-5000.{1,2,3}
	guest_right fullonce.-5000.{1,2,3}
	ended run
	equal "$status" 1 status
	none_left
}

told_of() {
	local guest
	for guest in "$@"; do grep -qF "\"$guest\"" "$WORK/run.out" || return 1; done
}

# ------------------------------------------------------------------------------------------- babbling guests

@test "a guest that sends endless output fails, and the other guests are set" {
	faulty -t 5 -- flood floodlines floodlater.-5000 flooderr flooderrlines
	((took < 5000))
	failed flood '^it sent a line longer than 255 octets$'
	failed floodlines '^(it answered before it was asked|expected guestclock-set.s greeting, got "flood")$'
	failed floodlater.-5000 'it answered before it was asked|its clock'
	failed flooderrlines .
	# ssh's standard error does not count against the guest.
	json "$WORK/json" 'g["flooderr"]["result"] == "ok"'
	equal "$(guest floodlater.-5000 steps)" 0 'steps'
}

@test "endless output of guests does not raise guestclock's memory above 8 MiB" {
	local peak=
	BEFORE=("$PYTHON" -I -S -c 'import os, resource, sys
pid = os.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w") as file:
    print(usage.ru_maxrss, file=file)
sys.exit(os.waitstatus_to_exitcode(status))' "$WORK/peak")
	guestclock sync flood floodlines floodlater flooderr flooderrlines good
	equal "$status" 1 status
	peak=$(<"$WORK/peak")
	at_most "$peak" 8192 'peak memory in KiB'
}

@test "a guest that violates the protocol fails with the reason, and its clock is not set" {
	local guest
	faulty -- garbage.-5000 nul.-5000 longline.-5000 early.-5000 wrongreply.-5000 banner.-5000 version.-5000 beyond64
	failed garbage.-5000 'not an answer of guestclock-set: "\?\?\?\[2J'
	failed nul.-5000 'not an answer of guestclock-set'
	failed longline.-5000 '^it sent a line longer than 255 octets$'
	failed early.-5000 '^it answered before it was asked$'
	failed wrongreply.-5000 '^its answer does not fit the order that it was given$'
	failed banner.-5000 'expected guestclock-set.s greeting, got "Welcome to the guest! |it answered before it was asked'
	failed version.-5000 '^it speaks version 2 of the exchange, this host version 1: install the same release on both$'
	failed beyond64 'not an answer of guestclock-set: "now 9223372036.854775808"'
	for guest in garbage nul longline early wrongreply banner version; do
		equal "$(guest $guest.-5000 offset steps slews tells)" '-5000000000 0 0 0' "clock of $guest" || return 1
	done
	# One attempt: such a guest does not improve when asked again.
	equal "$(guest garbage.-5000 starts)" 1 attempts
	[ ! -e garbage ]
	[ ! -e "$WORK/garbage" ]
	# None of its output reaches the terminal unchanged.
	guestclock sync garbage.-5000
	tells 1 'garbage'
	not grep -q '[^ -~]' "$WORK/stderr"
	not grep -q '[^ -~]' "$STATE/log"
}

@test "sync orders by the number of the last set from a guest that has numbers, and measures again if another host sets its clock" {
	faulty -- raw.-5000 raw.50 stale.-5000 stale.50
	json "$WORK/json" 'g["raw.-5000"]["action"] == "step" and g["raw.50"]["action"] == "slew"' \
		'all(g[name]["result"] == "ok" for name in g)' \
		'g["stale.-5000"]["action"] == g["stale.50"]["action"] == "none"' \
		'abs(g["stale.-5000"]["offset"]) < 0.005 and abs(g["stale.50"]["offset"]) < 0.005'
	equal "$(guest raw.-5000 steps slews tells)" '1 0 1' 'a step'
	equal "$(guest raw.50 steps slews tells)" '0 1 1' 'a slew'
	equal "$(guest stale.-5000 offset steps slews tells)" '0 0 0 1' 'the clock that another host set'
	equal "$(guest stale.50 offset steps slews tells)" '0 0 0 1' 'the clock that another host set'
	state_whole
}

# -------------------------------------------------------------------------------------------- strange clocks

@test "sync reports a clock that goes backwards or does not stay set, and repeats a set that failed once" {
	faulty -- backwards.-5000 undo.-5000 badonce.-5000 nobound.-5000
	failed backwards.-5000 '^its clock went back while it was measured$'
	equal "$(guest backwards.-5000 steps)" 0 'steps of a clock that goes backwards'
	failed undo.-5000 '^its clock was set 3 times and does not stay: it is -(5\.0|4\.9)[0-9]{8} s off again; '
	# Only once: the second round sets it right, and the report has the final state.
	json "$WORK/json" 'g["badonce.-5000"]["result"] == "ok" and abs(g["badonce.-5000"]["residual"]) < 0.002' \
		'g["nobound.-5000"]["result"] == "ok" and g["nobound.-5000"]["action"] == "step"'
	equal "$(guest badonce.-5000 steps)" 2 'steps of a clock that was off again once'
	guest_right badonce.-5000 nobound.-5000
}

@test "clocks at the limits of 64 bits fail in sync and are reported by check" {
	faulty -- edge64 epoch digits beyond64
	failed beyond64 'not an answer of guestclock-set'
	failed edge64 .
	failed epoch '^its clock .*was set 3 times'
	failed digits '^its clock .*was set 3 times'
	# check reports their offsets as they are.
	guestclock check --json edge64.0.2 epoch.0.2
	equal "$status" 2 status
	printf '%s\n' "$output" >"$WORK/json"
	json "$WORK/json" '7.4e9 < g["edge64.0.2"]["offset"] < 7.5e9' '-1.9e9 < g["epoch.0.2"]["offset"] < -1.7e9'
	guestclock check edge64.0.2
	tells 2
	state_whole
}

@test "sync sets a clock that stands still, and reports that it stands still" {
	faulty -- still.-5000
	(($(guest still.-5000 steps) >= 1))
	# The fake's clock runs on, although it reports a constant time: check how far it was moved.
	within_ms "$(guest still.-5000 offset)" 0 100
	# On a busy machine the readings may be too imprecise to distinguish a clock that stands still from one that is
	# set back.
	failed still.-5000 '^its clock (stands still or runs at 0 % of the true rate; it was set [1-3] times$|was set 3 times and does not stay: )'
	guestclock check --json still.0.2
	printf '%s\n' "$output" >"$WORK/json"
	equal "$status" 0 status
	json "$WORK/json" 'abs(g["still.0.2"]["offset"]) < 0.1'
}

# within_ms NANOSECONDS FROM TO: checks that it is between FROM and TO milliseconds, inclusive
within_ms() {
	(($1 >= $2 * 1000000 && $1 <= $3 * 1000000)) && return 0
	printf 'is %s ns, expected %s to %s ms\n' "$1" "$2" "$3"
	return 1
}

@test "sync reports a guest's refusal in the guest's words, and leaves a clock of another time service alone" {
	faulty -- toofar.-5000 exit255late.50 other.300 other.3000
	equal "$status" 1 status
	json "$WORK/json" 'g["toofar.-5000"]["result"] == "refused"' 'g["toofar.-5000"]["error"] == "too-far the clock would move by more than --max-step in an hour"' \
		'g["other.300"]["action"] == "other-service"' 'g["other.3000"]["action"] == "step"'
	equal "$(guest toofar.-5000 steps byes)" '0 1' 'steps and byes of a guest that refuses'
	equal "$(guest other.300 steps slews tells)" '0 0 0' 'a clock that another service keeps'
	equal "$(guest exit255late.50 steps slews)" '0 1' 'a clock that is slewed'
}

@test "a guest that is killed between step and check fails, and the next run finds its clock right" {
	faulty -- killed.-5000
	failed killed.-5000 'ssh was ended by signal 9'
	equal "$(guest killed.-5000 steps starts)" '1 1' 'steps and attempts'
	# It had been set, and the next run finds it right.
	guest_right killed.-5000
	guestclock check --json killed.-5000
	printf '%s\n' "$output" >"$WORK/json"
	json "$WORK/json" 'abs(g["killed.-5000"]["offset"]) < 0.005'
}

# ----------------------------------------------------------------------------------------------- interrupted

# interrupted SIGNAL TARGET: interrupts a run when four guests are done, some hang and some have not begun
interrupted() {
	rm -rf "$FAKE_SSH" "$STATE"
	mkdir "$FAKE_SSH"
	BEFORE=(setsid)
	guestclock_background run sync -j 10 -t 30 "${GOOD[@]}" deaf hang.0.{1..9} good.-5000.{11..30}
	wait_for 5 started_at_least 14
	wait_for 5 guest_right "${GOOD[@]}"
	wait_for 5 log_has 4
	local start
	start=$(now_ms)
	kill -s "$1" -- "$2$(pid_of run)"
	ended run
	# A deaf ssh takes two seconds more.
	((status != 0 && $(now_ms) - start < 6000)) || { printf 'status %s after %s ms\n' "$status" $(($(now_ms) - start)); return 1; }
	none_left || return 1
	grep -qx 'guestclock: interrupted: 34 guests, 4 right, 30 failed' <<<"$output" || { shown; return 1; }
	equal "$(grep -cx 'guestclock: \(hang\.0\.[1-9]\|deaf\): interrupted' <<<"$output")" 10 'lines for guests that were interrupted' || return 1
	equal "$(grep -c 'guestclock: good\.-5000\.[1-3][0-9]: interrupted before it was begun$' <<<"$output")" 20 'lines for guests that were not begun' || return 1
	equal "$(wc -l <<<"$output")" 31 'lines in all' || return 1
	equal "$(wc -l <"$STATE/log")" 34 'lines of the log' || return 1
	state_whole
}

log_has() { [ "$(wc -l <"$STATE/log")" -eq "$1" ]; }

@test "SIGINT ends a run, and each guest is reported as right, interrupted or not begun" { interrupted INT ''; }
@test "SIGINT to the process group, as from the terminal, ends a run in the same way" { interrupted INT -; }
@test "SIGTERM ends a run, and each guest is reported as right, interrupted or not begun" { interrupted TERM ''; }

@test "check that is interrupted ends with UNKNOWN in one line" {
	guestclock_background run check -j 3 -t 30 good.0.1 hang good.0.2 hang.0.2 hang.0.3 good.0.3
	wait_for 5 started_at_least 5
	wait_for 5 log_has 2
	kill -s TERM "$(pid_of run)"
	ended run
	equal "$status" 3 status
	[[ $output =~ ^'GUESTCLOCK UNKNOWN - 6 guests: 2 ok, 0 warning, 0 critical, 4 unknown; '[^$'\n']*$ ]] || { shown; return 1; }
	none_left
}

@test "when guestclock is killed, the ssh processes that it started end" {
	guestclock_background run sync -j 10 good.0.{1..4} midline.0.{1..3} slow.0.{1..3}
	wait_for 5 started_at_least 10
	stop run KILL
	# Real guests end when their standard input ends; guests that hang would have to be killed.
	wait_for 3 not serving
}

# serving: a guest that should not hang still runs.
serving() {
	local pid
	while read -r pid; do
		grep -qaE 'good|slow' "/proc/$pid/cmdline" 2>/dev/null && return 0
	done <"$FAKE_SSH/pids"
	return 1
}

# ---------------------------------------------------------------------------------------------- surroundings

@test "sync works when its parent ignores SIGCHLD, SIGINT, SIGTERM and SIGPIPE" {
	BEFORE=("$PYTHON" -I -S -c 'import os, signal, sys
for number in signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE:
    signal.signal(number, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])')
	LIMIT=10 guestclock sync good.-5000 good.0.2
	silent
	guest_right good.-5000
}

@test "sync works without standard input, output or error" {
	local closed
	for closed in '<&-' '>&-' '2>&-' '<&- >&- 2>&-'; do
		rm -f "$FAKE_SSH"/clock-good*
		status=0
		PATH=$GUEST_PATH timeout 20 sh -c '"$0" sync --state "$1" good.-5000 good.0.2 '"$closed" "$GUESTCLOCK" "$STATE" || status=$?
		equal "$status" 0 "status with $closed"
		guest_right good.-5000
	done
	state_whole
}

@test "a run ends although another process holds the lock of the log" {
	requires flock
	guestclock sync good
	background holder flock --no-fork "$STATE/log" sleep 30
	wait_for 3 not flock -n "$STATE/log" true
	LIMIT=5 guestclock sync -t 1 good.-5000
	((status != 124 && status != 137)) || { printf 'it still ran after 5 s, and even SIGTERM did not end it\n'; return 1; }
	guest_right good.-5000
}

# ----------------------------------------------------------------------------------------------------- many

@test "sync of 500 guests, of which 100 hang, sets the other 400 within 20 s" {
	local i
	for i in {1..500}; do
		if ((i % 5 == 0)); then printf 'hang.0.%d\n' "$i"; else printf 'good.%d.%d\n' $((-1000 - i)) "$i"; fi
	done >"$WORK/list"
	guestclock sync --json -j 100 -t 5 -f "$WORK/list"
	equal "$status" 1 status
	printf '%s\n' "$output" >"$WORK/json"
	json "$WORK/json" 'len(g) == 500' 'sum(o["result"] == "ok" for o in g.values()) == 400' \
		'all((o["result"] == "ok") == name.startswith("good") for name, o in g.items())' \
		'all(abs(o["residual"]) < 0.2 and o["action"] == "step" for o in g.values() if o["result"] == "ok")'
	# 5 s each, a hundred at once: at the end all guests that hang are in flight.
	((took < 20000)) || { printf 'took %s ms\n' "$took"; return 1; }
	none_left
	equal "$(find "$STATE" -name '*.state' | wc -l)" 500 'state files'
	equal "$(wc -l <"$STATE/log")" 500 'lines of the log'
	state_whole
}
