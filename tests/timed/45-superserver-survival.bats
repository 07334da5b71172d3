#!/usr/bin/env bats
# Whatever clients send, the superservers continue to serve others, at the same time and afterwards.  Real superservers
# in a sandbox.  In the wait modes one process serves all requests.  In nowait only the superserver's own limits apply.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it
# shellcheck disable=SC2034 # OPTIONS and SERVER are for superserver_start

# alone: it keeps both processors busy.

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
	# The tables decide about each client: half of 127.0.0.0/8 is denied.
	hosts_allow 'in.timed: 127.0.0.0/255.128.0.0 10.37.0.0/255.255.0.0 [::1] [fd00::]/16'
	hosts_deny 'in.timed: ALL'
	OPTIONS='-i 60'
}

teardown() { common_teardown; }

patient() { in_net "$PYTHON" -I -S "$TOP/tests/lib/patient.py" "$@"; }

# served COUNT [OPTION...]: COUNT requests from allowed clients are answered
served() {
	local -a answers patience=(8 5)
	# A datagram is lost if the socket's buffer is full; a connection waits in the queue.
	[ $# -eq 1 ] || patience=(40 0.5)
	read -r -a answers < <(patient "${@:2}" "$1" "${patience[@]}" 127.0.0.1 37)
	equal "${answers[0]}" "$1" 'questions answered'
	read -r -a answers < <(patient "${@:2}" "$1" "${patience[@]}" ::1 37)
	equal "${answers[0]}" "$1" 'questions answered over IPv6'
}

# rude NAME COUNT ADDRESS: starts COUNT clients that misbehave in all ways in turn
rude() {
	rm -f "$WORK/$1.ready"
	background "$1" in_net "$PYTHON" -I -S "$TOP/tests/lib/rudeclient.py" --ready "$WORK/$1.ready" mixed "$2" 60 "$3" 37
}

# ------------------------------------------------------------------------------------------------------------- wait

connections() { # KIND
	local pid
	superserver_start "$1" stream-wait
	served 1
	mapfile -t pid < <(sandbox_pids in.timed)
	rude rude4 1000 127.0.0.1
	rude rude6 300 ::1
	served 5
	wait_for 20 test -e "$WORK/rude4.ready"
	wait_for 20 test -e "$WORK/rude6.ready"
	served 5
	stop rude4
	stop rude6
	served 5
	(($(logged 'refused connect from 127\.') > 0))
	equal "$(sandbox_pids in.timed | tr '\n' ' ')" "${pid[*]} " 'processes that serve'
	alive superserver
}

@test "xinetd: in.timed serves beside 1,300 reset, silent, urgent, half-closed or denied connections" { connections xinetd; }
@test "openbsd-inetd: in.timed serves beside 1,300 reset, silent, urgent, half-closed or denied connections" { connections openbsd; }
@test "inetutils-inetd: in.timed serves beside 1,300 reset, silent, urgent, half-closed or denied connections" { connections inetutils; }
@test "systemd socket: in.timed serves beside 1,300 reset, silent, urgent, half-closed or denied connections" { connections activate; }

@test "xinetd: a rule's options banners and linger let no client stop in.timed" {
	local pid
	mkdir "$ETC/banners"
	# libwrap writes each line by itself: the first meets the reset, the second SIGPIPE.
	printf 'No.\nGo away.\n' >"$ETC/banners/in.timed"
	hosts_allow 'in.timed: 127.0.0.1 [::1]'
	hosts_deny 'in.timed: ALL: banners /etc/banners'
	superserver_start xinetd stream-wait
	host_start alpha 1
	served 1
	mapfile -t pid < <(sandbox_pids in.timed)
	# Those that are denied reset before they get the banner.
	background resets in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/rudeclient.py" --ready "$WORK/resets.ready" reset 1000 20 10.37.1.1 37
	wait_for 20 test -e "$WORK/resets.ready"
	served 5
	stop resets
	(($(logged 'refused connect from 10\.37') > 0))
	# Connections whose clients cannot be reached any more: each close(2) would wait.
	hosts_allow 'in.timed: ALL: linger 30'
	background silent in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/rudeclient.py" --ready "$WORK/silent.ready" wait 200 20 10.37.1.1 37
	wait_for 20 test -e "$WORK/silent.ready"
	in_host alpha ip link set eth0 down
	served 5
	equal "$(sandbox_pids in.timed | tr '\n' ' ')" "${pid[*]} " 'processes that serve'
}

datagrams() { # KIND
	local pid octets port
	superserver_start "$1" dgram-wait
	served 1 --udp
	mapfile -t pid < <(sandbox_pids in.timed)
	for octets in 0 1 3 4 48 512 1472 9000 65507; do
		for port in 0 1 1023 1024; do
			in_net "$TOP/build/tests/flood" -l $octets -n 50 10.9.0.1+50 $port 127.0.0.1 37 >/dev/null
			# Sources: denied, both, allowed, reserved and broadcast, multicast.
			in_net "$TOP/build/tests/flood" -l $octets -n 20 127.127.255.250+12 $port 127.0.0.1 37 >/dev/null
			in_net "$TOP/build/tests/flood" -l $octets -n 1 127.0.0.1 $port 127.0.0.1 37 >/dev/null
			in_net "$TOP/build/tests/flood" -l $octets -n 6 255.255.255.250+6 $port 127.0.0.1 37 >/dev/null
			in_net "$TOP/build/tests/flood" -l $octets -n 6 224.0.0.1+6 $port 127.0.0.1 37 >/dev/null
		done
		served 1 --udp
	done
	served 5 --udp
	equal "$(sandbox_pids in.timed | tr '\n' ' ')" "${pid[*]} " 'processes that serve'
	alive superserver
}

@test "xinetd: in.timed serves after forged datagrams of 0 to 65507 octets from ports 0 to 1024" { datagrams xinetd; }
@test "openbsd-inetd: in.timed serves after forged datagrams of 0 to 65507 octets from ports 0 to 1024" { datagrams openbsd; }
@test "inetutils-inetd: in.timed serves after forged datagrams of 0 to 65507 octets from ports 0 to 1024" { datagrams inetutils; }
@test "systemd socket: in.timed serves after forged datagrams of 0 to 65507 octets from ports 0 to 1024" { datagrams activate; }

# A table with a host pattern makes libwrap examine the address, whose scope is the interface.
link_local() { # KIND STYLE
	local address udp=''
	[ "$2" != dgram-wait ] || udp=--udp
	superserver_start "$1" "$2"
	host_start alpha 1
	in_net ip -6 address add fe80::37:1/64 dev host1 nodad
	# The address that the kernel made may still be tentative.
	in_host alpha ip -6 address add fe80::37:2/64 dev eth0 nodad
	# shellcheck disable=SC2086 # one word or none
	served 1 $udp
	mapfile -t pid < <(sandbox_pids in.timed)
	# shellcheck disable=SC2086
	run_cmd in_host alpha "$PYTHON" -I -S "$TOP/tests/lib/patient.py" $udp 40 1 0.1 fe80::37:1%eth0 37
	equal "$output" '0 0 0' 'answers to a link-local address that is denied'
	# shellcheck disable=SC2086
	served 3 $udp
	equal "$(sandbox_pids in.timed | tr '\n' ' ')" "${pid[*]} " 'processes that serve'
	(($(logged 'refused connect from fe80::') > 0))
	alive superserver
}

@test "xinetd, stream: in.timed denies clients at IPv6 link-local addresses, and serves others" { link_local xinetd stream-wait; }
@test "xinetd, dgram: in.timed denies clients at IPv6 link-local addresses, and serves others" { link_local xinetd dgram-wait; }
@test "openbsd-inetd, stream: in.timed denies clients at IPv6 link-local addresses, and serves others" { link_local openbsd stream-wait; }
@test "openbsd-inetd, dgram: in.timed denies clients at IPv6 link-local addresses, and serves others" { link_local openbsd dgram-wait; }
@test "inetutils-inetd, stream: in.timed denies clients at IPv6 link-local addresses, and serves others" { link_local inetutils stream-wait; }
@test "inetutils-inetd, dgram: in.timed denies clients at IPv6 link-local addresses, and serves others" { link_local inetutils dgram-wait; }
@test "systemd socket, stream: in.timed denies clients at IPv6 link-local addresses, and serves others" { link_local activate stream-wait; }
@test "systemd socket, dgram: in.timed denies clients at IPv6 link-local addresses, and serves others" { link_local activate dgram-wait; }

# ----------------------------------------------------------------------------------------------------------- nowait

# statuses_kept: from now on each start of in.timed appends its exit status (128 and up for a signal) to $STATUSES
statuses_kept() {
	STATUSES=$ETC/statuses/log
	mkdir "$ETC/statuses"
	: >"$STATUSES"
	chmod -R a+rwX "$ETC/statuses"
	# shellcheck disable=SC2016 # for that shell
	printf '%s\n' '#!/bin/sh' '/usr/sbin/in.timed "$@"' 'echo $? >>/etc/statuses/log' >"$WORK/sbin/in.timed.kept"
	chmod a+rx "$WORK/sbin/in.timed.kept"
	SERVER=/usr/sbin/in.timed.kept
}

# statuses_good COUNT: at least COUNT starts have ended, each with 0 (answered, or client gone) or 1 (denied).  Some
# superservers themselves close the connection of a client that has gone.
statuses_good() {
	local count
	count=$(wc -l <"$STATUSES")
	equal "$(sort -u "$STATUSES" | tr '\n' ' ')" '0 1 ' 'exit statuses'
	((count >= $1)) || { printf 'only %s starts\n' "$count"; return 1; }
}

starts_end_well() { # KIND
	statuses_kept
	superserver_start "$1" stream-nowait
	rude rude4 240 127.0.0.1
	rude rude6 60 ::1
	served 5
	wait_for 20 test -e "$WORK/rude4.ready"
	wait_for 20 test -e "$WORK/rude6.ready"
	served 5
	wait_for 10 sandbox_empty in.timed
	wait_for 5 statuses_good 240
	alive superserver
}

@test "xinetd, nowait: in.timed ends with status 0 or 1 for each of 300 misbehaving clients" { starts_end_well xinetd; }
@test "openbsd-inetd, nowait: in.timed ends with status 0 or 1 for each of 300 misbehaving clients" { starts_end_well openbsd; }
@test "inetutils-inetd, nowait: in.timed ends with status 0 or 1 for each of 300 misbehaving clients" { starts_end_well inetutils; }
@test "systemd socket, nowait: in.timed ends with status 0 or 1 for each of 300 misbehaving clients" { starts_end_well activate; }

# The limit is xinetd's own, 20 a second and a pause of 2 seconds.
@test "xinetd, nowait: the limit cps disables the service for its pause, and then it serves again" {
	statuses_kept
	requires_superserver xinetd
	superserver_fill stream-nowait 37
	xinetd_install() {
		mkdir -p "$ETC/xinetd.d"
		xinetd_snippet stream | sed -E 's/^([[:blank:]]*cps[[:blank:]]*=).*/\1 20 2/' >"$ETC/xinetd.d/in-timed-stream"
		cp "$PEERS/etc/xinetd.conf" "$ETC/xinetd.conf"
		: >"$WORK/xinetd.log"
	}
	superserver_xinetd
	wait_for 5 superserver_ready
	background rude4 in_net "$PYTHON" -I -S "$TOP/tests/lib/rudeclient.py" --ready "$WORK/rude4.ready" reset 50 3 127.0.0.1 37
	wait_for 10 grep -q 'Deactivating service time' "$WORK/xinetd.log"
	wait_for 10 not alive rude4
	wait_for 10 grep -q 'Activating service time' "$WORK/xinetd.log"
	served 1
	equal "$(sort -u "$STATUSES" | tr '\n' ' ')" '0 ' 'exit statuses'
	alive superserver
}

# Their pause is ten minutes, too long for a test: check only that the count of starts caused it.
@test "openbsd-inetd and inetutils-inetd, nowait: the limit on starts disables the service, and no process fails" {
	local kind
	statuses_kept
	for kind in openbsd inetutils; do
		inetd_lines() {
			sed -E -n "s/^(time[[:blank:]]+stream[[:blank:]]+tcp[46a-z]*)[[:blank:]].*/\1 nowait.30 nobody ${SERVER//\//\\/} in.timed/p" \
				"$SNIPPETS/inetd/$1"
		}
		: >"$STATUSES"
		superserver_start $kind stream-nowait
		fails_with 1 ask --times 100 --timeout 0.5 127.0.0.1
		wait_for 5 sandbox_empty in.timed
		at_most "$(wc -l <"$STATUSES")" 32 'starts'
		equal "$(sort -u "$STATUSES" | tr '\n' ' ')" '0 ' 'exit statuses'
		alive superserver
		superserver_stop
		wait_for 2 sandbox_empty
	done
}
