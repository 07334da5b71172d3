#!/usr/bin/env bats
# Forged datagrams that should make two services answer each other, floods of datagrams, and clients that misbehave:
# real superservers in a sandbox, with all traffic on its loopback interface, where 10.9.0.0/16 stands for foreign
# hosts.  The kernel counts the datagrams.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/superserver
load ../lib/hosts

setup_file() { superserver_setup_file flood; }

setup() {
	common_setup
	requires "$IN_TIMED" "$TOP/build/tests/flood"
	sandbox_start
	log_start
	in_net ip route add local 10.9.0.0/16 dev lo
}

teardown() { common_teardown; }

# figures TEXT: prints TEXT for readers of the log
figures() { printf '# %s\n' "$*" >&3; }

flood() { in_net "$TOP/build/tests/flood" "$@"; }
patient() { in_net "$PYTHON" -I -S "$TOP/tests/lib/patient.py" "$@"; }

# processor_us PID: prints its processor time so far, in microseconds
processor_us() {
	local ns rest
	read -r ns rest <"/proc/$1/schedstat" && printf '%s\n' $((ns / 1000))
}

# at_least ACTUAL LIMIT WHAT
at_least() {
	(($1 >= $2)) && return 0
	printf '%s: is %s, expected at least %s\n' "$3" "$1" "$2"
	return 1
}

more_than() { (($("${@:2}") > $1)); }

# ------------------------------------------------------------------------------------------------------- loops

# in.timed serves 10.37.0.1; KIND's own services are at 10.37.0.2, on their own ports.
declare -gA own=([echo]=7 [discard]=9 [daytime]=13 [chargen]=19 [time]=37)

peer_start() { # KIND
	local service
	case $1 in
	xinetd)
		for service in "${!own[@]}"; do
			printf 'service %s\n{\n\tid = own-%s\n\ttype = INTERNAL\n\tbind = 10.37.0.2\n\tuser = root\n' "$service" "$service"
			printf '\tsocket_type = dgram\n\tprotocol = udp\n\twait = yes\n\tcps = 1000000 1\n}\n'
		done >"$ETC/peer.conf"
		background peer sandbox "$PEERS/usr/sbin/xinetd" -dontfork -f /etc/peer.conf -pidfile /run/peer.pid
		;;
	openbsd | inetutils)
		for service in "${!own[@]}"; do printf '10.37.0.2:%s dgram udp wait root internal\n' "$service"; done \
			>"$ETC/peer.conf"
		if [ "$1" = openbsd ]; then background peer sandbox "$PEERS/usr/sbin/inetd" -i /etc/peer.conf
		else background peer sandbox "$PEERS/usr/sbin/inetutils-inetd" -d /etc/peer.conf; fi
		;;
	esac
	for service in "${!own[@]}"; do wait_for 5 bound_at 0200250A "${own[$service]}"; done
}

# bound_at ADDRESS PORT: a datagram socket has this IPv4 address, in the hexadecimal form of /proc/net/udp, and PORT
bound_at() { grep -q "$(printf ' %s:%04X ' "$1" "$2")" "/proc/$SANDBOX/net/udp"; }

# forged SOURCE PORT DESTINATION PORT LEAST OCTETS...: see forged.py
forged() { in_net "$PYTHON" -I -S "$TOP/tests/lib/forged.py" "$TOP/build/tests/flood" "$@"; }

faces() { # KIND
	local service port in out least
	printf '10.37.0.1:%s\n' "$(superserver_fill dgram-wait 37; inetd_lines openbsd-inetd.conf | sed '/^#/d')" >"$ETC/inetd.conf"
	background superserver sandbox "$PEERS/usr/sbin/inetd" -i /etc/inetd.conf
	wait_for 5 bound_at 0100250A 37
	peer_start "$1"
	for service in "${!own[@]}"; do
		port=${own[$service]}
		read -r in out < <(forged 10.37.0.2 "$port" 10.37.0.1 37 0 0)
		equal "$in $out" '1 0' "received and sent, in.timed asked in the name of $service"
		# A service without an answer shows nothing.
		case $service in discard) least=0 ;; *) least=1 ;; esac
		read -r in out < <(forged 10.37.0.1 37 10.37.0.2 "$port" $least 0)
		at_most "$in" 2 "received, $service asked in the name of in.timed"
		equal "$out" $least "sent by $service"
	done
	# in.timed has received all this, and still answers others.
	patient --udp --source 10.37.0.2 1 1 5 10.37.0.1 37 | grep '^1 1 '
}

@test "xinetd: a forged datagram between in.timed and echo, discard, daytime, chargen or time gets at most one answer" { faces xinetd; }
@test "openbsd-inetd: a forged datagram between in.timed and echo, discard, daytime, chargen or time gets at most one answer" { faces openbsd; }
@test "inetutils-inetd: a forged datagram between in.timed and echo, discard, daytime, chargen or time gets at most one answer" { faces inetutils; }

@test "the test detects two services that answer each other" {
	local -A own=([echo]=7 [time]=37)
	local in
	peer_start openbsd
	printf '10.37.0.1:time dgram udp wait root internal\n' >"$ETC/inetd.conf"
	background superserver sandbox "$PEERS/usr/sbin/inetd" -i /etc/inetd.conf
	wait_for 5 bound_at 0100250A 37
	read -r in _ < <(forged 10.37.0.2 7 10.37.0.1 37 1 0)
	((in > 1000)) || { printf 'received %s\n' "$in"; return 1; }
}

# Ports from 1024 up belong to clients, to services that were moved, and to services behind an address translator.

# services_moved: moves the superservers' own services to ports 10,000 above the usual ones
services_moved() {
	local service
	for service in "${!own[@]}"; do
		sed -i "s|^$service\([[:blank:]]*\)${own[$service]}/udp|$service\1$((own[$service] + 10000))/udp|" "$ETC/services"
		own[$service]=$((own[$service] + 10000))
	done
}

# dies_out PEER PORT: in.timed is at 10.37.0.1, port 1037.  Datagrams of 0 to 3 octets are requests to it, longer ones
# are not.  Whichever of the two gets a request in the other's name, at most four datagrams are received: the forged
# one, an echo of it, the answer to that and an echo of the answer.
dies_out() {
	local octets in out
	while read -r octets in out; do
		at_most "$in" 4 "received, in.timed asked with $octets octets in the name of $1 port $2"
		at_least "$out" 1 "sent, in.timed asked with $octets octets"
	done < <(paste <(printf '%s\n' 0 1 3) <(forged "$1" "$2" 10.37.0.1 1037 1 0 1 3))
	while read -r octets in out; do
		equal "$in $out" '1 0' "received and sent, in.timed got $octets octets in the name of $1 port $2"
	done < <(paste <(printf '%s\n' 4 5 60) <(forged "$1" "$2" 10.37.0.1 1037 0 4 5 60))
	while read -r octets in out; do
		at_least "$in" 1 "received, $1 port $2 asked with $octets octets in the name of in.timed"
		at_most "$in" 4 "received, $1 port $2 asked with $octets octets in the name of in.timed"
	done < <(paste <(printf '%s\n' 0 1 3 4 5 60) <(forged 10.37.0.1 1037 "$1" "$2" 0 0 1 3 4 5 60))
}

moved_faces() { # KIND
	local service
	services_moved
	superserver_fill dgram-wait 1037
	printf '10.37.0.1:%s\n' "$(inetd_lines openbsd-inetd.conf | sed '/^#/d')" >"$ETC/inetd.conf"
	background superserver sandbox "$PEERS/usr/sbin/inetd" -i /etc/inetd.conf
	wait_for 5 bound_at 0100250A 1037
	peer_start "$1"
	for service in "${!own[@]}"; do dies_out 10.37.0.2 "${own[$service]}"; done
	patient --udp --source 10.37.0.2 1 1 5 10.37.0.1 1037 | grep '^1 1 '
}

@test "xinetd: a forged datagram between in.timed and a service at a port above 1023 starts no loop" { moved_faces xinetd; }
@test "openbsd-inetd: a forged datagram between in.timed and a service at a port above 1023 starts no loop" { moved_faces openbsd; }
@test "inetutils-inetd: a forged datagram between in.timed and a service at a port above 1023 starts no loop" { moved_faces inetutils; }

@test "a forged datagram between two in.timed at ports above 1023 starts no loop, whatever their clocks read" {
	local address offset
	requires "$IN_TIMED_SHARED" "$TOP/build/tests/fake-clock.so"
	cp "$TOP/build/tests/fake-clock.so" "$WORK/sbin/"
	cp "$IN_TIMED_SHARED" "$WORK/sbin/in.timed"
	# shellcheck disable=SC2016 # for that shell
	printf '%s\n' '#!/bin/sh' 'FAKE_CLOCK=/usr/sbin/clock LD_PRELOAD=/usr/sbin/fake-clock.so exec /usr/sbin/in.timed "$@"' \
		>"$WORK/sbin/in.timed.wrong"
	chmod go+rx "$WORK/sbin"/*
	superserver_fill dgram-wait 1037
	printf '10.37.0.1:%s\n' "$(inetd_lines openbsd-inetd.conf | sed '/^#/d')" >"$ETC/inetd.conf"
	printf '10.37.0.2:%s\n' "$(SERVER=/usr/sbin/in.timed.wrong inetd_lines openbsd-inetd.conf | sed '/^#/d')" >>"$ETC/inetd.conf"
	for offset in 0 -9 -11 1000000; do
		"$PYTHON" -I -S "$TOP/tests/lib/fakeclock.py" new "$WORK/sbin/clock" offset_ns=${offset}000000000
		chmod a+rw "$WORK/sbin/clock"
		background superserver sandbox "$PEERS/usr/sbin/inetd" -i /etc/inetd.conf
		for address in 1 2; do wait_for 5 bound_at 0${address}00250A 1037; done
		run_cmd ask --udp --source 10.37.0.2 10.37.0.1
		equal "$output" '0 4' 'delta and octets, the right clock'
		run_cmd ask --udp --offset "$offset" --source 10.37.0.1 10.37.0.2
		equal "$output" '0 4' 'delta and octets, the other clock'
		dies_out 10.37.0.2 1037
		superserver_stop
		wait_for 2 sandbox_empty
	done
}

# RFC 864: an answer has a random length of 0 to 512 octets.  Four of these 513 lengths are requests to in.timed, so one
# forged datagram causes 1.008 answers on average.
@test "in.timed and a chargen with answers of random length stop answering each other" {
	local in out
	superserver_start xinetd dgram-wait 1037
	background chargen in_net "$PYTHON" -I -S -c '
import random, socket
random.seed(864)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(("10.37.0.2", 10019))
    while True:
        _, client = s.recvfrom(1)
        s.sendto(bytes(random.randint(0, 512)), client)'
	wait_for 5 bound_at 0200250A 10019
	read -r in out < <(forged -n 2000 10.37.0.2 10019 10.37.0.1 1037 4000 0)
	figures "2,000 forged: $in received, $out sent"
	# Each of the 2,000 is received and answered, and the answer is answered.
	at_least "$in" 6000 'received'
	at_most "$in" 6200 'received'
}

# ----------------------------------------------------------------------------------------------- floods of datagrams

# under_flood NAME FLAG... SOURCE: floods for two seconds, while a guest asks; then prints figures and checks bounds:
#	- each of the guest's 20 requests is answered within twenty tries of a quarter of a second;
#	- a datagram costs in.timed at most 40 microseconds of processor time, and none after the flood;
#	- at most 25 lines are logged: 20 at once, then one in six seconds.
under_flood() {
	local name=$1 pid before read sent took cpu lines
	local -a answers
	shift
	pid=$(helper)
	: >"$LOG"
	before=$(counter Udp InDatagrams) cpu=$(processor_us "$pid")
	background flood flood -s 2 "$@" 5000 10.37.0.1 37
	wait_for 2 more_than $((before + 100)) counter Udp InDatagrams
	read -r -a answers < <(patient --udp --source 10.37.0.2 20 20 0.25 10.37.0.1 37)
	wait_for 5 not alive flood
	read -r sent took <"$WORK/flood.out"
	wait_for 5 drained
	read=$(($(counter Udp InDatagrams) - before)) cpu=$(($(processor_us "$pid") - cpu))
	lines=$(logged .)
	figures "$name: offered $((sent * 1000 / took)) a second, read $((read * 1000 / took))," \
		"in.timed's processor time $((cpu / took / 10)) %, $((cpu * 10 / read))e-7 s each; guest: ${answers[0]} of 20 answered," \
		"${answers[1]} at once, worst ${answers[2]} ms; $lines lines logged"
	equal "${answers[0]}" 20 'questions answered'
	at_most "${answers[2]}" 5500 'milliseconds until an answer'
	at_most $((cpu / read)) 40 'microseconds of processor time for a datagram'
	at_most "$lines" 25 'lines logged'
	equal "$(helper)" "$pid" 'the process that serves'
	cpu=$(processor_us "$pid")
	sleep 0.3
	at_most $(($(processor_us "$pid") - cpu)) 20000 'microseconds of processor time afterwards'
}

drained() { [ "$(unread 37)" -eq 0 ]; }

flood_tables() {
	hosts_allow 'in.timed: 10.37.0.0/24 [fd00::]/16'
	hosts_deny 'in.timed: ALL'
	superserver_start "$1" dgram-wait
	patient --udp --source 10.37.0.2 1 3 1 10.37.0.1 37
}

@test "in.timed serves a client under a flood of 100,000 datagrams a second from a denied source" {
	flood_tables xinetd
	under_flood 'one source' -r 100000 10.9.0.1
}

@test "in.timed serves a client under a flood from 10,000 denied sources" {
	flood_tables xinetd
	under_flood '10,000 sources' 10.9.0.1+10000
}

@test "in.timed serves a client under a flood from 60,000 denied sources, more than its cache of verdicts holds" {
	flood_tables inetutils
	under_flood '60,000 sources' 10.9.0.1+60000
}

@test "in.timed serves a client under a flood when an invalid rule makes libwrap complain of every source" {
	flood_tables openbsd
	hosts_allow 'in.timed: 10.37.0.0/24'
	hosts_deny 'in.timed: 10.9. : severity loud'
	tables_count
	under_flood 'a mistake in a table' 10.9.0.1+10000
	(($(logged 'bad syslog facility or severity') > 0))
}

@test "in.timed answers an allowed source that floods, and serves another client" {
	hosts_allow 'in.timed: 10.'
	hosts_deny 'in.timed: ALL'
	superserver_start activate dgram-wait
	patient --udp --source 10.37.0.2 1 3 1 10.37.0.1 37
	under_flood 'an allowed source' -r 50000 10.9.0.1
}

@test "in.timed drops datagrams from port 37 of 10,000 sources without looking anything up" {
	flood_tables xinetd
	local before
	before=$(counter Udp InDatagrams)
	flood -n 50000 -s 5 10.37.0.3+10000 37 10.37.0.1 37 >/dev/null
	wait_for 5 drained
	equal "$(logged .)" 0 'lines logged'
	at_least $(($(counter Udp InDatagrams) - before)) 1000 'datagrams read'
	run_cmd patient --udp --source 10.37.0.2 5 3 1 10.37.0.1 37
	[[ $output == '5 '* ]]
}

killed_in_a_flood() { # KIND
	local pid
	flood_tables "$1"
	background flood flood -s 20 -r 50000 10.9.0.1+10000 5000 10.37.0.1 37
	for _ in 1 2 3; do
		pid=$(helper)
		kill -s KILL "$pid"
		another() { [ "$(helper)" != "$pid" ]; }
		wait_for 5 another
		run_cmd patient --udp --source 10.37.0.2 3 20 0.25 10.37.0.1 37
		[[ $output == '3 '* ]] || { printf 'answers: %s\n' "$output"; return 1; }
	done
	alive flood
}

@test "xinetd: when in.timed is killed during a flood, a new process serves clients" { killed_in_a_flood xinetd; }
@test "openbsd-inetd: when in.timed is killed during a flood, a new process serves clients" { killed_in_a_flood openbsd; }
@test "inetutils-inetd: when in.timed is killed during a flood, a new process serves clients" { killed_in_a_flood inetutils; }

@test "datagrams of 0 to 3 octets are answered with four octets, and longer ones are not answered" {
	local text
	superserver_start xinetd dgram-wait
	for text in '' '\0' '\n' '\r\n' 'now'; do
		run_cmd ask --udp --send-first "$text" 127.0.0.1
		equal "$output" '0 4' 'delta and octets'
		run_cmd ask --udp --send-first "$text" ::1
		equal "$output" '0 4' 'delta and octets'
	done
	for text in '\0\0\0\0' 'what time is it' "$(printf '%060000d' 0)" "$(printf '%065507d' 0)"; do
		run_cmd ask --udp --expect 0 --timeout 0.2 --send-first "$text" 127.0.0.1
	done
	run_cmd ask --udp --expect 0 --timeout 0.2 --send-first "$(printf '%060000d' 0)" ::1
	run_cmd ask --udp 127.0.0.1
}

# ------------------------------------------------------------------------------------------------------ connections

# rude MANNER COUNT: starts COUNT such clients
rude() {
	rm -f "$WORK/rude_$1.ready"
	background "rude_$1" in_net "$PYTHON" -I -S "$TOP/tests/lib/rudeclient.py" --ready "$WORK/rude_$1.ready" "$1" "$2" 120 127.0.0.1 37
	wait_for 20 test -e "$WORK/rude_$1.ready"
}

descriptors() { find "/proc/$1/fd" -mindepth 1 | wc -l; }

# nobody_waits: ten clients, one after the other, must each be answered at the first try within three seconds.  If the
# queue of connections is full, the kernel tries again after one second.
nobody_waits() { # WHAT
	local -a answers
	read -r -a answers < <(patient 10 1 3.5 127.0.0.1 37)
	figures "$1: ${answers[0]} of 10 answered, worst ${answers[2]} ms, $(descriptors "$(helper)") descriptors"
	equal "${answers[*]:0:2}" '10 10' 'answered, and at once'
	at_most "${answers[2]}" 3000 'milliseconds until an answer'
	# 64 that linger, in.timed's own, and one connection that is being answered.
	at_most "$(descriptors "$(helper)")" 72 'descriptors'
}

rude_clients() { # KIND
	local pid
	# On a busy machine some seconds pass without a request.
	OPTIONS='-i 60'
	superserver_start "$1" stream-wait
	run_cmd ask 127.0.0.1
	pid=$(helper)
	rude wait 1000
	nobody_waits "$1, 1,000 that connect and wait, and never read"
	rude send 20
	nobody_waits "$1, and 20 that send for ever"
	rude reset 50
	nobody_waits "$1, and 50 at a time that reset"
	alive rude_wait
	alive rude_send
	alive rude_reset
	equal "$(helper)" "$pid" 'the process that serves'
}

@test "xinetd: clients that wait, send endlessly or reset do not delay other clients" { rude_clients xinetd; }
@test "openbsd-inetd: clients that wait, send endlessly or reset do not delay other clients" { rude_clients openbsd; }
@test "inetutils-inetd: clients that wait, send endlessly or reset do not delay other clients" { rude_clients inetutils; }
@test "systemd socket: clients that wait, send endlessly or reset do not delay other clients" { rude_clients activate; }
