#!/usr/bin/env bats
# hosts.allow and hosts.deny, for hosts with their own addresses: two beside the sandbox (tests/lib/hosts.bash), each
# with three IPv4 and two IPv6 addresses.  For each pair of tables, all of them ask every superserver in every style.
# Then guestclock-set with the same tables, by SSH_CONNECTION.  41 tests denied clients of a process that serves many,
# and how soon an edited table takes effect.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it
# shellcheck disable=SC2034 # OPTIONS and the like are for the libraries

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/superserver
load ../lib/set
load ../lib/hosts

setup_file() {
	set_setup_file
	make -s -C "$TOP" -f tests/helpers/helpers.mk build/tests/flood build/tests/inject
}

setup() {
	common_setup
	case $BATS_TEST_DESCRIPTION in
	guestclock-set*)
		set_start
		;;
	*)
		requires "$IN_TIMED" "$TOP/build/tests/flood"
		sandbox_start
		log_start
		;;
	esac
}

teardown() { common_teardown; }

# hosts_and_superservers: starts alpha (10.37.1.*, fd37:1::*), beta (10.37.2.*, fd37:2::*) and all superservers
hosts_and_superservers() {
	host_start alpha 1
	host_start beta 2
	superservers_start
}

# ------------------------------------------------------------------------------------------------- addresses

@test "hosts.allow and hosts.deny match addresses, networks with masks and prefixes, and list files" {
	hosts_deny 'in.timed: ALL'
	hosts_allow 'in.timed: 10.37.1.2 10.37.2.130, [fd37:1::2]'
	hosts_and_superservers
	let_in 10.37.1.2 10.37.2.130 fd37:1::2
	# Masks, prefixes, a trailing dot; a single address as a prefix.
	with_tables 'in.timed: 10.37.1.0/255.255.255.0 10.37.2.128/255.255.255.128, [fd37:2::]/64' 'in.timed: ALL'
	let_in 10.37.1.2 10.37.1.3 10.37.1.130 10.37.2.130 fd37:2::2 fd37:2::3
	with_tables 'in.timed: 10.37.1.0/25 10.37.2.130/32 [fd37:1::2]/127 [fd37:2::3]/128' 'in.timed: ALL'
	let_in 10.37.1.2 10.37.1.3 10.37.2.130 fd37:1::2 fd37:1::3 fd37:2::3
	with_tables 'in.timed: 10.37.2.' 'in.timed: ALL'
	let_in 10.37.2.2 10.37.2.3 10.37.2.130
	# The same patterns in hosts.deny alone let everybody else in.
	with_tables '' 'in.timed: 10.37.1.0/255.255.255.0, [fd37:1::]/64, 10.37.2.2'
	let_in 10.37.2.3 10.37.2.130 fd37:2::2 fd37:2::3
	# Addresses that begin alike are different.
	with_tables 'in.timed: 10.37.1.1 10.37.1.13 [fd37:1::22]' 'in.timed: ALL'
	let_in
	# A list of addresses in a file; a continued line; a comment.
	printf '10.37.1.3\n[fd37:2::2]\n' >"$ETC/guests"
	with_tables $'# in.timed: ALL\nin.timed: 10.37.2.2, \\\n\t/etc/guests' 'in.timed: ALL'
	let_in 10.37.1.3 10.37.2.2 fd37:2::2
	equal "$(logged 'error: ')" 0 'errors in the tables'
}

@test "hosts.allow and hosts.deny understand ALL and EXCEPT, and rules for other daemons are ignored" {
	hosts_allow 'in.timed: 10.37. EXCEPT 10.37.1.3 10.37.2.0/255.255.255.0'
	hosts_deny 'ALL: ALL'
	hosts_and_superservers
	let_in 10.37.1.2 10.37.1.130
	with_tables 'in.timed: 10.37. EXCEPT 10.37.2. EXCEPT 10.37.2.3' 'ALL: ALL'
	let_in 10.37.1.2 10.37.1.3 10.37.1.130 10.37.2.3
	with_tables '' 'ALL EXCEPT sshd: ALL EXCEPT [fd37:1::]/64'
	let_in fd37:1::2 fd37:1::3
	with_tables '' 'ALL EXCEPT in.timed: ALL'
	let_in 10.37.1.2 10.37.1.3 10.37.1.130 fd37:1::2 fd37:1::3 10.37.2.2 10.37.2.3 10.37.2.130 fd37:2::2 fd37:2::3
	# The first rule that matches decides; hosts.allow precedes hosts.deny.
	with_tables $'sshd in.timed: 10.37.1.2: deny\nsshd, in.timed: 10.37.1. : allow\nsshd: ALL' 'in.timed: ALL'
	let_in 10.37.1.3 10.37.1.130
	# in.timed asks for no user names and does not know the server's address: such a rule matches nobody.
	with_tables $'in.timed: root@10.37.1.2\nin.timed@10.37.2.1: ALL\nin.timed: 10.37.2.2' 'in.timed: ALL'
	let_in 10.37.2.2
}

# ----------------------------------------------------------------------------------------------------- names

@test "hosts.allow and hosts.deny match names from /etc/hosts and DNS, LOCAL, KNOWN, UNKNOWN and PARANOID" {
	printf '%s\n' '10.37.1.2 alpha' 'fd37:1::2 alpha6.guests.test' '10.37.1.3 three.guests.test' \
		'10.37.2.2 two.other.test' >>"$ETC/hosts"
	# 10.37.2.3 claims another host's name, and 10.37.2.130 a name that does not exist.
	resolver_start 'ptr 10.37.1.130 dns.guests.test
a dns.guests.test 10.37.1.130
ptr fd37:1::3 dns6.guests.test
a dns6.guests.test fd37:1::3
ptr 10.37.2.3 liar.guests.test
a liar.guests.test 10.37.1.130
ptr 10.37.2.130 gone.guests.test'
	hosts_allow 'in.timed: two.other.test .guests.test'
	hosts_deny 'in.timed: ALL'
	hosts_and_superservers
	let_in 10.37.1.3 10.37.1.130 10.37.2.2 fd37:1::2 fd37:1::3
	with_tables 'in.timed: LOCAL' 'in.timed: ALL'
	let_in 10.37.1.2
	with_tables 'in.timed: KNOWN' 'in.timed: ALL'
	let_in 10.37.1.2 10.37.1.3 10.37.1.130 fd37:1::2 fd37:1::3 10.37.2.2
	with_tables 'in.timed: UNKNOWN' 'in.timed: ALL'
	let_in fd37:2::2 fd37:2::3
	with_tables '' 'in.timed: PARANOID'
	let_in 10.37.1.2 10.37.1.3 10.37.1.130 10.37.2.2 fd37:1::2 fd37:1::3 fd37:2::2 fd37:2::3
	# If an address decides about a client, its name is not looked up.
	: >"$WORK/resolver.out"
	with_tables 'in.timed: 10.37., [fd37::]/16, .guests.test' 'in.timed: ALL'
	let_in 10.37.1.2 10.37.1.3 10.37.1.130 fd37:1::2 fd37:1::3 10.37.2.2 10.37.2.3 10.37.2.130 fd37:2::2 fd37:2::3
	equal "$(cat "$WORK/resolver.out")" '' 'questions to the name server'
}

@test "netgroups are those of /etc/netgroup, and a libwrap that knows none denies where a rule has one" {
	printf '%s\n' '10.37.1.2 alpha' '10.37.1.3 three.guests.test' '10.37.2.2 two' >>"$ETC/hosts"
	printf 'guests (alpha,,) (three.guests.test,-,domain)\n' >"$ETC/netgroup"
	etc_replace nsswitch.conf 'netgroup: nis'
	hosts_allow 'in.timed: @guests'
	hosts_deny 'in.timed: ALL'
	hosts_and_superservers
	if grep -q 'netgroup support is disabled' "$IN_TIMED"; then
		let_in
		with_tables 'in.timed: 10.37.1.2' 'in.timed: @guests'
		let_in 10.37.1.2
		(($(logged 'netgroup support is disabled') > 0))
		return
	fi
	let_in 10.37.1.2 10.37.1.3
	with_tables '' 'in.timed: ALL EXCEPT @guests'
	let_in 10.37.1.2 10.37.1.3
	with_tables 'in.timed: @nobody' 'in.timed: ALL'
	let_in
}

@test "a look-up at a dead name server ends after two seconds, and then no name is looked up for a while" {
	resolver_start silent
	# The rule has the addresses before the name, so their names are never looked up.
	hosts_allow 'in.timed: 10.37.1.2 [fd37:1::2] .guests.test'
	hosts_deny 'in.timed: ALL'
	host_start alpha 1
	superservers_start
	# All clients that need a name ask before the two that do not.  Those two are answered within six seconds
	# (askmany.py); it was ten.
	let_in 10.37.1.2 fd37:1::2
	(($(logged 'looking up the name of [0-9a-f.:]+ took [12][0-9]{3} ms') > 0))
	# These processes have just looked up names, and will not for a while.
	ASKED=xinetd-dgram-wait:udp:1037,inetutils-dgram-wait:udp:1039
	let_in 10.37.1.2 fd37:1::2
	# A name server that is back is asked again: no verdict is cached for a client that was put off.
	printf '%s\n' 'ptr 10.37.1.77 new.guests.test' 'a new.guests.test 10.37.1.77' >"$WORK/names"
	in_host alpha ip address add 10.37.1.77/24 dev eth0
	let_in 10.37.1.2 fd37:1::2 10.37.1.77
}

# served_beside NAME-SERVER MOST LEAST: while clients need NAME-SERVER for their names, another client is served: its
# longest wait is MOST milliseconds, and it gets LEAST answers in seven seconds
served_beside() {
	resolver_start "$1"
	hosts_allow 'in.timed: 10.37.1.2 .guests.test'
	hosts_deny 'in.timed: ALL'
	host_start alpha 1
	superserver_start xinetd both-wait
	local start took worst=0 answered=0 lines
	background flood in_net "$TOP/build/tests/flood" -r 100 -s 20 10.9.0.1+2000 5000 10.37.1.1 37
	start=$(now_ms)
	while (($(now_ms) < start + 7000)); do
		took=$(now_ms)
		# Repeat a lost request, as any client must.
		retry 3 0 in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/timeclient.py" --udp --timeout 3 --source 10.37.1.2 10.37.1.1 37
		took=$(($(now_ms) - took))
		((took <= worst)) || worst=$took
		answered=$((answered + 1))
	done
	at_most "$worst" "$2" 'milliseconds until an answer'
	# During half of the time nothing is looked up: then answers come at once, apart from the time that a client takes to
	# start.
	((answered >= $3)) || { printf 'answered %s\n' "$answered"; return 1; }
	alive flood
	stop flood
	lines=$(logged .)
	at_most "$lines" 60 'lines logged'
	printf '# %s answers in 7 s, the latest after %s ms, %s lines logged\n' "$answered" "$worst" "$lines" >&3
}

# Without a bound on look-ups each answer took ten seconds, and there was one.
@test "clients whose names need a dead name server do not keep another client from being served" {
	served_beside silent 6000 2
}

@test "clients whose names need a slow name server do not keep another client from being served" {
	served_beside 'delay 110' 3000 8
}

# ---------------------------------------------------------------------------------- options: spawn, twist, severity

# spawned SOURCE: prints how many times a rule's program has run for SOURCE
spawned() { grep -cx -- "$1" "$ETC/spawned/log" || :; }
at_least() { (($("${@:2}") >= $1)); }
# in.timed's user writes this file: root under systemd-socket-activate, nobody elsewhere.
with_spawned() {
	mkdir "$ETC/spawned"
	: >"$ETC/spawned/log"
	chmod -R a+rwX "$ETC/spawned"
}
SPAWN='spawn (echo %a >>/etc/spawned/log) &'

@test "a rule with spawn runs its program once for each request, allowed or denied" {
	with_spawned
	hosts_allow "in.timed: 10.37.1.2 [fd37:1::2]: $SPAWN"
	hosts_deny "in.timed: 10.37.1.3: $SPAWN"$'\nin.timed: ALL'
	host_start alpha 1
	superservers_start
	let_in 10.37.1.2 fd37:1::2
	# Twelve services, each at least once.
	wait_for 5 at_least 12 spawned 10.37.1.2
	wait_for 5 at_least 12 spawned fd37:1::2
	wait_for 5 at_least 12 spawned 10.37.1.3
	equal "$(spawned 10.37.1.130)" 0 'runs for a source without such a rule'
	# Once for each request: such a verdict is never cached.
	local before
	ASKED=xinetd-dgram-wait:udp:1037
	let_in 10.37.1.2 fd37:1::2
	wait_for 5 at_least 13 spawned 10.37.1.2
	before=$(spawned 10.37.1.2)
	in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/timeclient.py" --udp --times 20 --source 10.37.1.2 10.37.1.1 1037
	wait_for 5 at_least $((before + 20)) spawned 10.37.1.2
	equal "$(spawned 10.37.1.2)" $((before + 20)) 'runs after 20 more questions'
}

@test "processes that may start no program end when a rule with spawn is added, and their successors run it" {
	with_spawned
	hosts_allow 'in.timed: 10.37.1.2'
	hosts_deny 'in.timed: ALL'
	host_start alpha 1
	superservers_start
	let_in 10.37.1.2
	local pid confined
	confined=$(sandbox_pids in.timed)
	[ -n "$confined" ]
	for pid in $confined; do grep -qx 'Seccomp:[[:blank:]]2' "/proc/$pid/status"; done
	hosts_allow "in.timed: 10.37.1.2: $SPAWN"
	for pid in $confined; do wait_for 4 not running "$pid"; done
	: >"$ETC/spawned/log"
	let_in 10.37.1.2
	wait_for 5 at_least 12 spawned 10.37.1.2
	# These processes may start programs as long as a rule needs it, and no longer.
	for pid in $(sandbox_pids in.timed); do grep -qx 'Seccomp:[[:blank:]]0' "/proc/$pid/status"; done
	pid=$(sandbox_pids in.timed | head -n 1)
	hosts_allow 'in.timed: 10.37.1.2'
	wait_for 4 grep -qx 'Seccomp:[[:blank:]]2' "/proc/$pid/status"
}

# log_number PID: prints the number of its log socket, which is the last that it opened
log_number() {
	find "/proc/$1/fd" -mindepth 1 -lname 'socket:*' -printf '%f\n' | sort -n | tail -n 1
}

@test "in.timed exits, even if it is busy, if it cannot enter its sandbox after a rule with spawn is removed" {
	local style pid
	requires "$TOP/build/tests/inject"
	with_spawned
	hosts_deny 'in.timed: ALL'
	cp "$TOP/build/tests/inject" "$WORK/sbin/"
	# 157 is prctl(2) on x86_64, 1 is EPERM.  The first call is for the end of the superserver.
	# shellcheck disable=SC2016 # for that shell
	printf '%s\n' '#!/bin/sh' 'exec /usr/sbin/inject -1 -f 0:157:2+:e1 /dev/null /usr/sbin/in.timed "$@"' >"$WORK/sbin/in.timed.unconfined"
	chmod go+rx "$WORK/sbin"/*
	SERVER=/usr/sbin/in.timed.unconfined OPTIONS='-i 60'
	for style in stream-wait dgram-wait; do
		hosts_allow "in.timed: 10.37.0.2: $SPAWN"
		superserver_start openbsd $style
		case $style in dgram*) set -- --udp ;; *) set -- ;; esac
		run_cmd ask "$@" --source 10.37.0.2 10.37.0.1
		pid=$(helper)
		background busy in_net "$TOP/build/tests/flood" -s 10 -r 50000 10.37.0.2 5000 10.37.0.1 37
		hosts_allow 'in.timed: 10.37.0.2'
		wait_for 5 not running "$pid"
		stop busy
		(($(logged 'cannot give up privileges') > 0))
		superserver_stop
		: >"$LOG"
	done
}

@test "after a rule with spawn is removed, log messages still go to the log and never to a client" {
	local style pid number before
	with_spawned
	hosts_deny 'in.timed: ALL'
	OPTIONS='-i 60'
	for style in stream-wait dgram-wait stream-nowait; do
		asked() { # SOURCE OCTETS [OPTION...]
			local -a how=(--source "$1" --expect "$2" "${@:3}")
			# That no datagram arrives shows only by waiting.
			[ $style != dgram-wait ] || how+=(--udp --timeout "$((1 + $2))")
			run_cmd ask "${how[@]}" 10.37.0.1
		}
		hosts_allow "in.timed: 10.37.0.2: $SPAWN"
		superserver_start xinetd $style
		asked 10.37.0.1 0
		number=4
		if [ $style != stream-nowait ]; then
			pid=$(helper)
			grep -qx 'Seccomp:[[:blank:]]0' "/proc/$pid/status"
			number=$(log_number "$pid")
		fi
		hosts_allow 'in.timed: 10.37.0.2'
		[ $style = stream-nowait ] || wait_for 4 grep -qx 'Seccomp:[[:blank:]]2' "/proc/$pid/status"
		before=$(logged 'refused connect from 10\.37\.0\.1 ')
		# These connections stay open for a second, with the numbers from 3 up.  If the log's number were free,
		# the next one would have it.
		asked 10.37.0.2 4 --burst $((number - 3))
		for _ in 1 2 3; do asked 10.37.0.1 0; done
		wait_for 2 at_least $((before + 3)) logged 'refused connect from 10\.37\.0\.1 '
		asked 10.37.0.2 4
		[ $style = stream-nowait ] || equal "$(helper)" "$pid" 'the process that serves'
		superserver_stop
		wait_for 2 sandbox_empty in.timed
	done
}

@test "a rule with spawn takes effect in a process that always has a request waiting" {
	with_spawned
	hosts_allow 'in.timed: 10.37.1.2'
	hosts_deny 'in.timed: ALL'
	host_start alpha 1
	local pid
	superserver_start xinetd dgram-wait
	in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/timeclient.py" --udp --source 10.37.1.2 10.37.1.1 37
	pid=$(helper)
	background flood in_net "$TOP/build/tests/flood" -s 20 10.9.0.1 5000 10.37.1.1 37
	# Wait until the last edit is no longer new: until then each tick would notice a change.
	sleep 2.1
	running "$pid"
	hosts_allow "in.timed: 10.37.1.2: $SPAWN"
	wait_for 5 not running "$pid"
	alive flood
	stop flood
	# The next process, or the one after it, answers.
	retry 10 0.1 in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/timeclient.py" --udp --timeout 1 --source 10.37.1.2 10.37.1.1 37
	wait_for 5 at_least 1 spawned 10.37.1.2
}

@test "a rule with twist replaces a process for one client, and denies in a process for many" {
	hosts_allow $'in.timed: 10.37.1.2: twist echo "not here, %a"\nin.timed: 10.37.1.3'
	hosts_deny 'in.timed: ALL'
	host_start alpha 1
	superservers_start
	local kind port pids
	# First a process meets the rule at its start, then later.
	ASKED=$(tr , '\n' <<<"$SERVICES" | grep -- -wait: | paste -sd ,)
	let_in 10.37.1.3
	let_in 10.37.1.3
	(($(logged 'error: /etc/hosts.allow, line 1: twist option in resident process') > 0))
	pids=$(sandbox_pids in.timed)
	let_in 10.37.1.3
	equal "$(sandbox_pids in.timed)" "$pids" 'processes that serve'
	port=2037
	for kind in xinetd openbsd inetutils activate; do
		run -0 in_host alpha "$PYTHON" -I -S -c '
import socket, sys
s = socket.create_connection(("10.37.1.1", int(sys.argv[1])), 5, ("10.37.1.2", 0))
print(s.makefile().read())' $port
		[[ $output == 'not here, 10.37.1.2'* ]] || { printf '%s: "%s"\n' "$kind" "$output"; return 1; }
		port=$((port + 1))
	done
}

@test "a rule with severity sets the priority of logged refusals, and libwrap's complaints are logged" {
	# 27: daemon.err; 28: daemon.warning; 132: local0.warning
	hosts_deny $'in.timed: 10.37.1.2: severity local0.warning\nin.timed: 10.37.1.3: severity err\nin.timed: 10.37.1.130'
	host_start alpha 1
	superservers_start
	let_in fd37:1::2 fd37:1::3
	local transport
	for transport in tcp udp; do
		(($(logged "^<132>.* in\\.timed\\[[0-9]+\\]: refused connect from 10\\.37\\.1\\.2 \\($transport\\)\$") >= 4))
		(($(logged "^<27>.* in\\.timed\\[[0-9]+\\]: refused connect from 10\\.37\\.1\\.3 \\($transport\\)\$") >= 4))
		(($(logged "^<28>.* in\\.timed\\[[0-9]+\\]: refused connect from 10\\.37\\.1\\.130 \\($transport\\)\$") >= 4))
	done
	equal "$(logged 'refused connect from fd37')" 0
	# An invalid severity denies, and is reported.
	with_tables 'in.timed: 10.37.1.2: severity loud' ''
	let_in 10.37.1.3 10.37.1.130 fd37:1::2 fd37:1::3
	(($(logged 'error: /etc/hosts.allow, line 1: bad syslog facility or severity: "loud"') > 0))
}

# -------------------------------------------------------------------------------------- missing and unreadable tables

everybody='10.37.1.2 10.37.1.3 10.37.1.130 fd37:1::2 fd37:1::3'

@test "without tables every client is let in" {
	rm "$ETC/hosts.allow" "$ETC/hosts.deny"
	host_start alpha 1
	superservers_start
	# shellcheck disable=SC2086 # several
	let_in $everybody
	equal "$(logged .)" 0 'lines logged'
}

@test "with --strict-access and without tables no client is let in, and one table is enough" {
	rm "$ETC/hosts.allow" "$ETC/hosts.deny"
	host_start alpha 1
	OPTIONS=--strict-access
	superservers_start
	let_in
	(($(logged 'neither /etc/hosts\.allow nor /etc/hosts\.deny exists \(--strict-access\): everybody is denied') > 0))
	hosts_deny 'in.timed: 10.37.1.3'
	tables_count
	let_in 10.37.1.2 10.37.1.130 fd37:1::2 fd37:1::3
	rm "$ETC/hosts.deny"
	hosts_allow 'in.timed: 10.37.1.3: deny'
	tables_count
	let_in 10.37.1.2 10.37.1.130 fd37:1::2 fd37:1::3
	rm "$ETC/hosts.allow"
	tables_count
	let_in
}

@test "a table that is unreadable, a directory, a pipe or a loop of links denies every client" {
	host_start alpha 1
	superservers_start
	# shellcheck disable=SC2086
	let_in $everybody
	local table why
	for why in hosts.allow:mode hosts.allow:directory hosts.deny:mode hosts.deny:directory hosts.deny:pipe hosts.deny:loop; do
		table=$ETC/${why%:*}
		rm -rf "$ETC/hosts.allow" "$ETC/hosts.deny"
		case $why in
		*:mode) : >"$table" && chmod 0 "$table" ;;
		*:directory) mkdir "$table" ;;
		*:pipe) mkfifo "$table" ;;
		*:loop) ln -s "${why%:*}" "$table" ;;
		esac
		tables_count
		let_in || { printf '%s\n' "$why"; return 1; }
		(($(logged "cannot read /etc/${why%:*}: .*: everybody is denied") > 0))
		: >"$LOG"
	done
	# A link to an empty file is a readable table.
	rm "$ETC/hosts.deny"
	ln -s /dev/null "$ETC/hosts.allow"
	ln -s /dev/null "$ETC/hosts.deny"
	tables_count
	# shellcheck disable=SC2086
	let_in $everybody
}

# ----------------------------------------------------------- tables that libwrap would read or understand only in part

# fault_cases DAEMON CLIENT: for each case a name, "TABLE, line N" of the complaint, a part of the complaint,
# hosts.allow, hosts.deny and /etc/guests, as printf formats; - means no file.  In each case hosts.allow lets CLIENT in,
# and the fault must keep it out.
fault_cases() { # DAEMON CLIENT
	local rule="$1: $2\\n" long blank
	printf -v long '%2050s' ''
	printf -v blank '%8192s' ''
	long=${long// /b} blank=${blank// /b}
	cases=(
		'rule too long' 'hosts.deny, line 2' 'line is too long' "$rule" "\\nALL: $long\\nALL: ALL\\n" -
		'option too long' 'hosts.allow, line 2' 'line is too long' "$rule$1: ALL: severity $long\\n" '' -
		'comment too long' 'hosts.deny, line 1' 'line is too long' "$rule" "#$long\\nALL: ALL\\n" -
		'joined too long' 'hosts.deny, line 1' 'line is too long' "$rule" "ALL: ${long:0:1100}\\\\\\n${long:0:1100}\\n" -
		'no newline' 'hosts.allow, line 2' 'without a newline' "$rule$1: ALL" '' -
		'no newline in hosts.deny' 'hosts.deny, line 3' 'without a newline' "$rule" '\n\nALL: ALL' -
		'comment continued' 'hosts.deny, line 2' 'ends in a backslash' "$rule" '# note \\\nALL: ALL\n' -
		'rule swallowed' 'hosts.deny, line 1' 'no such option' "$rule" 'sshd: ALL \\\nALL: ALL\n' -
		'backslash at the end' 'hosts.deny, line 1' 'a backslash ends the last line' "$rule" 'ALL: ALL \\\n' -
		'NUL' 'hosts.deny, line 2' 'NUL octet' "$rule" '\nx\0y\nALL: ALL\n' -
		'no colon' 'hosts.deny, line 1' 'without a colon' "$rule" 'ALL ALL\n' -
		'no clients' 'hosts.deny, line 1' 'list has no pattern' "$rule" 'ALL:\n' -
		'no daemons' 'hosts.deny, line 1' 'daemons is empty' "$rule" ': ALL\n' -
		'comment behind blanks' 'hosts.allow, line 2' 'no daemon can have this name' "$rule  # ALL: ALL\\n" '' -
		'option' 'hosts.allow, line 2' 'no such option' "$rule$1: ALL: alow\\n" '' -
		'option missing' 'hosts.allow, line 2' 'option is missing' "$rule$1: ALL:\\n" '' -
		'banners' 'hosts.allow, line 2' 'value is missing' "$rule$1: ALL: banners\\n" '' -
		'mask' 'hosts.deny, line 1' 'no mask' "$rule" 'ALL: 10.0.0.0/33\n' -
		'bits outside of the mask' 'hosts.deny, line 1' 'bits outside' "$rule" 'ALL: 10.37.1.2/24\n' -
		'prefix' 'hosts.allow, line 2' 'prefix length' "$rule$1: [fd37::]/x\\n" '' -
		'IPv6 without brackets' 'hosts.deny, line 1' 'IPv6 addresses in brackets' "$rule" 'ALL: fd37::1\n' -
		'scope' 'hosts.deny, line 1' 'scope' "$rule" 'ALL: [fe80::1%%eth0]\n' -
		'IPv4 in IPv6' 'hosts.deny, line 1' 'IPv4 form' "$rule" 'ALL: [::ffff:10.37.1.2]\n' -
		'prefix of four numbers' 'hosts.deny, line 1' 'prefix never matches' "$rule" 'ALL: 10.37.1.2.\n' -
		'range' 'hosts.deny, line 1' 'range of addresses' "$rule" 'ALL: 10.37.1.2-10.37.1.9\n' -
		'no address' 'hosts.deny, line 1' 'no client has' "$rule" 'ALL: 0.0.0.0\n' -
		'name with a dot at its end' 'hosts.allow, line 2' 'ends in a dot' "$rule$1: guest.test.\n" '' -
		'too many stars' 'hosts.deny, line 1' 'more than 3' "$rule" 'ALL: *a*a*a*a*b\n' -
		'list missing' 'hosts.deny, line 2' 'cannot read /etc/guests: No such file' "$rule" '\nALL: /etc/guests\n' -
		'list without end' 'hosts.deny, line 1' 'deep' "$rule" 'ALL: /etc/guests\n' '/etc/guests\n'
		'list with a word too long' 'hosts.deny, line 1' 'word is too long' "$rule" 'ALL: /etc/guests\n' "10.0.0.1 $blank\\n"
		'list with a comment' 'hosts.allow, line 2: /etc/guests, line 2' 'a list file cannot have comments' "$rule$1: /etc/guests\\n" '' '10.37.1.2\n# ALL'
		'list with EXCEPT' 'hosts.allow, line 2: /etc/guests, line 1' 'EXCEPT has no meaning' "$rule$1: /etc/guests\\n" '' '10. EXCEPT 10.37.1.2\n'
	)
}

# fault_tables N: writes the files of the case that begins at N
fault_tables() {
	local at=$1 table text
	rm -rf "$ETC/hosts.allow" "$ETC/hosts.deny" "$ETC/guests"
	for table in hosts.allow hosts.deny guests; do
		text=${cases[at + 3]}
		# shellcheck disable=SC2059 # a format is what it is
		[ "$text" = - ] || printf "$text" >"$ETC/$table"
		at=$((at + 1))
	done
}

# complained CASE: a line of the log names the file and the line
complained() { (($(logged "/etc/${cases[$1 + 1]}: .*${cases[$1 + 2]}.*everybody is denied\$") > 0)); }

@test "a table that libwrap would not understand completely denies every client until it is repaired" {
	local at
	local -a cases
	fault_cases in.timed 10.37.1.2
	host_start alpha 1
	# Every mode: a process for each connection, one for all streams, one for all datagrams.
	superserver_one xinetd both-wait 1037
	superserver_one xinetd stream-nowait 2037
	ASKED=stream-wait:tcp:1037,dgram-wait:udp:1037,stream-nowait:tcp:2037
	SERVICES=$ASKED
	for ((at = 0; at < ${#cases[@]}; at += 6)); do
		: >"$LOG"
		fault_tables "$at"
		tables_count
		let_in || { printf '%s\n' "${cases[at]}"; return 1; }
		complained "$at" || { printf '%s: %s\n' "${cases[at]}" "$(cat "$LOG")"; return 1; }
		equal "$(logged 'stack|signal')" 0 'processes that died'
		# After the repair the same processes serve the next client.
		with_tables 'in.timed: 10.37.1.2' 'ALL: ALL'
		let_in 10.37.1.2 || { printf 'after %s\n' "${cases[at]}"; return 1; }
	done
}

@test "a process for many clients logs a fault in a table once, and notices edits of list files" {
	hosts_allow 'in.timed: 10.37.1.2'
	hosts_deny 'ALL: /etc/guests'
	host_start alpha 1
	superserver_start xinetd dgram-wait
	local at
	for ((at = 0; at < 5; at++)); do
		fails_with 1 in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/timeclient.py" --udp --timeout 0.3 --source 10.37.1.2 10.37.1.1 37
		tables_count
	done
	equal "$(logged 'hosts.deny, line 1: cannot read /etc/guests')" 1 complaints
	# A list is checked like the tables: when it appears, when it is edited and when it is removed.
	printf '10.37.1.3\n' >"$ETC/guests"
	wait_for 3 in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/timeclient.py" --udp --timeout 0.3 --source 10.37.1.2 10.37.1.1 37
	printf '10.37.1.2\n' >"$ETC/guests"
	hosts_allow ''
	wait_for 3 fails_with 1 in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/timeclient.py" --udp --timeout 0.3 --source 10.37.1.2 10.37.1.1 37
	# Wait until no time stamp is recent: then only the list itself shows the change.
	sleep 2.1
	printf '10.37.1.3\n' >"$ETC/guests"
	wait_for 3 in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/timeclient.py" --udp --timeout 0.3 --source 10.37.1.2 10.37.1.1 37
	# The same for a list that the list names.
	printf '10.37.1.2\n' >"$ETC/more"
	printf '/etc/more\n' >"$ETC/guests"
	wait_for 3 fails_with 1 in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/timeclient.py" --udp --timeout 0.3 --source 10.37.1.2 10.37.1.1 37
	sleep 2.1
	printf '10.37.1.3\n' >"$ETC/more"
	wait_for 3 in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/timeclient.py" --udp --timeout 0.3 --source 10.37.1.2 10.37.1.1 37
	rm "$ETC/guests"
	wait_for 3 fails_with 1 in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/timeclient.py" --udp --timeout 0.3 --source 10.37.1.2 10.37.1.1 37
	equal "$(logged 'hosts.deny, line 1: cannot read /etc/guests')" 2 complaints
}

# asks_beside_writer SOURCE tcp|udp: asks for the time from SOURCE, and adds 1 to $answers if it comes.  The answer or the
# refusal comes in time, whatever the tables are.
asks_beside_writer() {
	local start udp=()
	[ "$2" = tcp ] || udp=(--udp)
	start=$(now_ms)
	# Over UDP a refusal is silence.
	if in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/timeclient.py" "${udp[@]}" --timeout 3 --source "$1" 10.37.1.1 37 >"$WORK/answer" 2>&1; then
		answers=$((answers + 1))
	fi
	at_most $(($(now_ms) - start)) 5000 'milliseconds until an answer or none'
}

@test "a list whose writer never pauses lets nobody else in, holds no client up, and counts when the writer ends" {
	local style at answers=0
	hosts_allow 'in.timed: /etc/guests'
	hosts_deny 'in.timed: ALL'
	printf '10.37.1.2\n' >"$ETC/guests"
	host_start alpha 1
	# A process for each connection, which looks at the list once, and one for all datagrams, which looks each second.
	for style in stream-nowait:tcp dgram-wait:udp; do
		: >"$LOG"
		ASKED=one:${style#*:}:37
		superserver_start xinetd ${style%:*}
		background writer "$PYTHON" -I -S -c 'import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
while True:
    for _ in range(8192):
        os.write(fd, b"192.0.2.9\n")
    os.truncate(fd, 10)' "$ETC/guests"
		for ((at = 0; at < 100 && $(logged '/etc/hosts.allow, line 1: /etc/guests grew while it was read: everybody is denied') == 0; at++)); do
			asks_beside_writer 10.37.1.3 ${style#*:}
		done
		alive writer
		equal "$answers" 0 'answers to a client that the list does not let in'
		((at < 100)) || { printf 'no look found that the list grew\n'; return 1; }
		stop writer
		let_in 10.37.1.2
		superserver_stop
	done
}

# note_cases DAEMON: for each note FILE, line N; the pattern, as a regular expression; and a part of the note
note_cases() {
	notes=(
		'hosts.allow, line 2: root@10\.37\.1\.2: .*never matches.*user'
		'hosts.allow, line 2: 10\.37\.1\.\*: .*also matches names'
		'hosts.allow, line 3: '"$1"'@10\.37\.1\.1: .*never matches.*address'
		'guests, line 1: \[fd37:1::2\]/64: .*outside of its prefix'
		'guests, line 2: @none: a netgroup'
		'hosts.deny, line 1: 37: a port .*never matches'
		'hosts.deny, line 1: \*guest\.test: .*other domains'
	)
	hosts_allow "# notes
$1: root@10.37.1.2 10.37.1.* EXCEPT 10.37.1.3
$1@10.37.1.1: ALL
$1: 10.37.1.130: deny
$1: /etc/guests"
	printf '[fd37:1::2]/64\n@none' >"$ETC/guests"
	hosts_deny "37 $1: *guest.test
$1: ALL"
}

@test "a pattern that never matches here, or more than it seems to, is logged once, and the other patterns hold" {
	local -a notes
	local note
	note_cases in.timed
	resolver_start 'a none.test 10.37.9.9'
	host_start alpha 1
	OPTIONS='-i 60'
	superserver_one xinetd dgram-wait 1037
	ASKED=dgram-wait:udp:1037
	SERVICES=$ASKED
	# While the tables are new, the process reads them each second.
	let_in 10.37.1.2 10.37.1.130 fd37:1::2 fd37:1::3
	tables_count
	let_in 10.37.1.2 10.37.1.130 fd37:1::2 fd37:1::3
	for note in "${notes[@]}"; do equal "$(logged "/etc/$note")" 1 "lines with $note"; done
}

# table_lines PROGRAM: of $output, the lines that --check-tables prints about rules and the verdict, without /etc
table_lines() { grep -v ': warning: ' <<<"$output" | sed 's|/etc/hosts\.||g'; }

@test "in.timed --check-tables prints each rule and note, and which rule decides about an address" {
	local -a notes
	local note
	etc_replace nsswitch.conf 'netgroup: files'
	: >"$ETC/netgroup"
	note_cases in.timed
	run_cmd sandbox /usr/sbin/in.timed --check-tables
	for note in "${notes[@]}"; do
		grep -qE "^/etc/${note/: /: warning: }" <<<"$output" || { printf '%s\n' "$note" "$output"; return 1; }
	done
	equal "$(table_lines)" "allow, line 2: allows: in.timed: root@10.37.1.2 10.37.1.* EXCEPT 10.37.1.3
allow, line 3: allows: in.timed@10.37.1.1: ALL
allow, line 4: denies: in.timed: 10.37.1.130: deny
allow, line 5: allows: in.timed: /etc/guests
deny, line 1: denies: 37 in.timed: *guest.test
deny, line 2: denies: in.timed: ALL
6 rules for this daemon; clients that none matches are allowed" rules
	hosts_allow $'in.timed: 10.37.1.2: deny\nin.timed: 10.37. [fd37:1::]/64: spawn (touch /etc/spawned)'
	hosts_deny 'in.timed: ALL EXCEPT 10.38.1.2'
	fails_with 1 sandbox /usr/sbin/in.timed --check-tables 10.37.1.2
	equal "$(table_lines)" "allow, line 1: matches, and denies: in.timed: 10.37.1.2: deny
allow, line 2: matches, but an earlier rule decides: in.timed: 10.37. [fd37:1::]/64: spawn (touch /etc/spawned)
deny, line 1: matches, but an earlier rule decides: in.timed: ALL EXCEPT 10.38.1.2
10.37.1.2 is denied by allow, line 1" 'about 10.37.1.2'
	run_cmd sandbox /usr/sbin/in.timed --check-tables fd37:1::9
	grep -qx 'fd37:1::9 is allowed by /etc/hosts.allow, line 2' <<<"$output"
	run_cmd sandbox /usr/sbin/in.timed --check-tables ::ffff:10.37.2.1
	grep -qx '::ffff:10.37.2.1 is allowed by /etc/hosts.allow, line 2' <<<"$output"
	run_cmd sandbox /usr/sbin/in.timed --check-tables 10.38.1.2
	grep -qx '10.38.1.2 is allowed: no rule matches' <<<"$output"
	for client in 10.38.1.3 unknown fe80::1%lo; do
		fails_with 1 sandbox /usr/sbin/in.timed --check-tables $client
		grep -qx "$client is denied by /etc/hosts.deny, line 1" <<<"$output"
	done
	[ ! -e "$ETC/spawned" ]
	# Another daemon's rules; a name.
	run_cmd sandbox /usr/sbin/in.timed -n sshd --check-tables
	equal "$output" '0 rules for this daemon; clients that none matches are allowed' 'rules for sshd'
	printf '10.37.1.9 nine.guests.test\n' >>"$ETC/hosts"
	hosts_allow 'in.timed: .guests.test'
	run_cmd sandbox /usr/sbin/in.timed --check-tables 10.37.1.9
	grep -qx '10.37.1.9 is allowed by /etc/hosts.allow, line 1' <<<"$output"
}

@test "in.timed --check-tables prints a fault, refuses a wrong address, and prints nothing to a network connection" {
	hosts_allow $'in.timed: 10.37.1.2\nin.timed: fd37::1'
	hosts_deny ''
	fails_with 1 sandbox /usr/sbin/in.timed --check-tables 10.37.1.2
	[[ $output == *'/etc/hosts.allow, line 2: '*'IPv6 addresses in brackets): everybody is denied' ]]
	hosts_allow ''
	for words in 10.37.1 10.37.1.2:37 guest '10.37.1.2 10.37.1.3'; do
		# shellcheck disable=SC2086 # two words
		fails_with 100 sandbox /usr/sbin/in.timed --check-tables $words
		[[ $output == *"--check-tables, then \"${words##* }\": expected one IPv4 or IPv6 address"* ]]
	done
	fails_with 111 sandbox sh -c '/usr/sbin/in.timed --check-tables >/dev/full'
	[[ $output == *'cannot write to standard output: No space left on device' ]]
	OPTIONS=--check-tables
	superserver_start xinetd stream-nowait
	fails_with 1 in_net "$PYTHON" -I -S "$TOP/tests/lib/timeclient.py" --timeout 2 10.37.0.1 37
	(($(logged 'standard input or output is a network connection') > 0))
}

@test "Debian's default tables and other valid tables have no fault" {
	host_start alpha 1
	superserver_one xinetd both-wait 1037
	superserver_one xinetd stream-nowait 2037
	ASKED=stream-wait:tcp:1037,dgram-wait:udp:1037,stream-nowait:tcp:2037
	SERVICES=$ASKED
	printf '%s\n' '# /etc/hosts.allow: list of hosts that are allowed to access the system.' \
		'#                   See the manual pages hosts_access(5) and hosts_options(5).' '#' \
		'# Example:    ALL: LOCAL @some_netgroup' '#             ALL: .foobar.edu EXCEPT terminalserver.foobar.edu' '#' \
		"# If you're going to protect the portmapper use the name \"rpcbind\" for the" '# daemon name.' '#' '' >"$ETC/hosts.allow"
	cp "$ETC/hosts.allow" "$ETC/hosts.deny"
	tables_count
	# shellcheck disable=SC2086
	let_in $everybody
	# Another daemon's list, a user, a list of lists, no newline after a comment, DOS's line ends.
	printf '10.37.1.3\t/etc/more' >"$ETC/guests"
	printf '10.37.1.130\n' >"$ETC/more"
	printf 'sshd: /nowhere fd37::1\r\nin.timed: root@10.37.1.2 /etc/guests\r\n# end' >"$ETC/hosts.allow"
	printf 'in.timed: ALL: deny\n' >"$ETC/hosts.deny"
	tables_count
	let_in 10.37.1.3 10.37.1.130
	equal "$(logged 'everybody is denied')" 0 complaints
}

# ------------------------------------------------------------------------------- guestclock-set, by SSH_CONNECTION

# lets_in ADDRESS...: of $clients, these are let in and the others refused
clients='10.37.1.2 10.37.1.3 10.37.2.130 ::ffff:10.37.1.2 fd37:1::2 fd37:2::3'
lets_in() {
	local client
	for client in $clients; do
		set_by_ssh_env "$client" status
		case " $* " in
		*" $client "*) expect 0 ;;
		*) expect 1 "refused: hosts\\.allow and hosts\\.deny do not let ${client#::ffff:} in\$" && equal "$output" '' ;;
		esac || { printf 'client %s, hosts.allow:\n%s\n' "$client" "$(cat "$ETC/hosts.allow")"; return 1; }
	done
	assert_untouched
}

set_tables() {
	hosts_allow "$1"
	hosts_deny "$2"
}

@test "guestclock-set matches addresses, networks and EXCEPT in hosts.allow and hosts.deny" {
	set_tables 'guestclock-set: 10.37.1.2 [fd37:1::2]' 'ALL: ALL'
	lets_in 10.37.1.2 ::ffff:10.37.1.2 fd37:1::2
	set_tables 'guestclock-set: 10.37.1.0/255.255.255.0 [fd37:2::]/64' 'guestclock-set: ALL'
	lets_in 10.37.1.2 10.37.1.3 ::ffff:10.37.1.2 fd37:2::3
	set_tables 'guestclock-set: 10.37.2.128/25 10.37.1.3/32 [fd37::]/16 EXCEPT [fd37:2::3]' 'ALL: ALL'
	lets_in 10.37.1.3 10.37.2.130 fd37:1::2
	set_tables '' 'ALL EXCEPT in.timed: 10.37.1.'
	lets_in 10.37.2.130 fd37:1::2 fd37:2::3
	set_tables '' 'in.timed: ALL'
	# shellcheck disable=SC2086
	lets_in $clients
}

@test "guestclock-set matches names, LOCAL, KNOWN, UNKNOWN and PARANOID in hosts.allow and hosts.deny" {
	printf '%s\n' '10.37.1.2 alpha' '10.37.1.3 three.guests.test' >>"$ETC/hosts"
	resolver_start 'ptr fd37:1::2 six.guests.test
a six.guests.test fd37:1::2
ptr 10.37.2.130 liar.guests.test
a liar.guests.test 10.37.1.3'
	set_tables 'guestclock-set: .guests.test' 'ALL: ALL'
	lets_in 10.37.1.3 fd37:1::2
	set_tables 'guestclock-set: LOCAL' 'ALL: ALL'
	lets_in 10.37.1.2 ::ffff:10.37.1.2
	set_tables 'guestclock-set: KNOWN' 'ALL: ALL'
	lets_in 10.37.1.2 ::ffff:10.37.1.2 10.37.1.3 fd37:1::2
	set_tables '' 'guestclock-set: UNKNOWN, PARANOID'
	lets_in 10.37.1.2 ::ffff:10.37.1.2 10.37.1.3 fd37:1::2
}

@test "guestclock-set waits two seconds for a dead name server, and only if no rule on addresses decides" {
	resolver_start silent
	set_tables 'guestclock-set: 10.37.1.2 .guests.test' 'ALL: ALL'
	set_by_ssh_env 10.37.1.2 status
	expect 0
	equal "$(cat "$WORK/resolver.out")" '' 'questions to the name server'
	set_by_ssh_env 10.37.1.3 status
	expect 1 'do not let 10.37.1.3 in$'
	within "$took" 1900 5000 'milliseconds'
	assert_untouched
}

@test "guestclock-set obeys spawn and severity, and refuses a client at twist" {
	with_spawned
	set_tables "guestclock-set: 10.37.1.2: spawn (echo %a >>/etc/spawned/log)
guestclock-set: 10.37.1.3: severity local0.info
guestclock-set: [fd37:1::2] 10.37.2.130: twist echo %a" "guestclock-set: ALL: spawn (echo denied %a >>/etc/spawned/log)"
	set_by_ssh_env 10.37.1.2 status
	expect 0
	set_by_ssh_env 10.37.1.3 status
	expect 0
	set_by_ssh_env fd37:2::3 status
	expect 1 'do not let fd37:2::3 in$'
	equal "$(cat "$ETC/spawned/log")" $'10.37.1.2\ndenied fd37:2::3' 'clients that spawn ran for'
	# No program replaces one that sets clocks: twist is a refusal like others, at once, and not silent.
	log_take
	for client in 10.37.2.130 fd37:1::2; do
		set_by_ssh_env $client status
		expect 1 "do not let ${client#::ffff:} in\$"
		equal "$output" ''
		within "$took" 0 3000 'milliseconds'
		log_take
		equal "${#logged[@]}" 2 'lines logged'
		[[ ${logged[0]} == *'error: /etc/hosts.allow, line 3: twist option in resident process' ]]
	done
	assert_untouched
}

@test "guestclock-set lets every client in without tables, and none with --strict-access or an unreadable table" {
	rm "$ETC/hosts.allow" "$ETC/hosts.deny"
	# shellcheck disable=SC2086
	lets_in $clients
	set_by_ssh_env 10.37.1.2 status --strict-access
	refused_both() { expect 1 'do not let 10.37.1.2 in$' && equal "$output" ''; }
	refused_both
	: >"$ETC/hosts.deny"
	set_by_ssh_env 10.37.1.2 status --strict-access
	expect 0
	local table
	for table in hosts.allow hosts.deny; do
		rm -rf "$ETC/hosts.allow" "$ETC/hosts.deny"
		mkdir "$ETC/$table"
		set_by_ssh_env 10.37.1.2 status
		refused_both
		rmdir "$ETC/$table"
		mkfifo "$ETC/$table"
		set_by_ssh_env 10.37.1.2 status
		refused_both
	done
	assert_untouched
}

@test "guestclock-set refuses every client while a table is not understood completely, until it is repaired" {
	local at
	local -a cases
	fault_cases guestclock-set 10.37.1.2
	for ((at = 0; at < ${#cases[@]}; at += 6)); do
		fault_tables "$at"
		log_take
		set_by_ssh_env 10.37.1.2 status
		expect 1 'do not let 10.37.1.2 in$' || { printf '%s\n' "${cases[at]}"; return 1; }
		equal "$output" ''
		log_take
		[[ ${logged[0]} == *"/etc/${cases[at + 1]}: "*"${cases[at + 2]}"*'everybody is denied' ]] || {
			printf '%s: %s\n' "${cases[at]}" "${logged[*]}"
			return 1
		}
		set_tables 'guestclock-set: 10.37.1.2' 'ALL: ALL'
		set_by_ssh_env 10.37.1.2 status
		expect 0
	done
	assert_untouched
}

@test "guestclock-set logs a note on a pattern in each session for ten minutes after the edit, and obeys the rules" {
	set_tables 'guestclock-set: root@10.37.1.2 10.37.1.3' 'ALL: ALL'
	local client
	for client in 10.37.1.2 10.37.1.3; do
		log_take
		set_by_ssh_env $client status
		log_take
		[[ ${logged[0]} == *'/etc/hosts.allow, line 1: root@10.37.1.2: '*'never matches'* ]]
	done
	expect 0
	assert_untouched
}

@test "guestclock-set --check-tables is for the administrator: no ssh client can request it" {
	set_tables 'guestclock-set: 10.37.1.2' 'ALL: ALL'
	set_by_hand --check-tables 10.37.1.2
	expect 0
	equal "$output" '/etc/hosts.allow, line 1: matches, and allows: guestclock-set: 10.37.1.2
/etc/hosts.deny, line 1: matches, but an earlier rule decides: ALL: ALL
10.37.1.2 is allowed by /etc/hosts.allow, line 1'
	set_by_hand --check-tables 10.37.1.3
	expect 1
	set_by_hand --check-tables guest
	expect 100 '--check-tables, then "guest": expected one IPv4 or IPv6 address'
	# As a request, and in a forced command.
	set_by_ssh_env 10.37.1.2 '--check-tables'
	expect 100 'unknown request'
	equal "$output" ''
	set_by_ssh_env 10.37.1.2 'status --check-tables'
	expect 100 .
	equal "$output" ''
	set_by_ssh_env 10.37.1.2 status --check-tables
	expect 100 '--check-tables in a forced command: expected it by hand'
	equal "$output" ''
	assert_untouched
}
