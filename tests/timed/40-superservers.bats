# Each superserver that guestclock names, started from the snippet that is shipped for it, must give the time to each
# client that our users have: Debian's rdate, busybox rdate and a raw one.
#
# It runs in a sandbox (tests/lib/common.bash): port 37 and /etc are the test's own, so the snippets are used as they
# are, but enabled.  The clients only print (-p); none of them could set this machine's clock.

load ../lib/common
load ../lib/superserver

setup_file() { superserver_setup_file; }

setup() {
	common_setup
	requires "$IN_TIMED" rdate busybox
	sandbox_start
}

teardown() { common_teardown; }

# printed_second TEXT: prints the second of a date in rdate's format
printed_second() { date -d "$1" +%s; }

# right_within_a_second COMMAND...: it prints a date that is this machine's, within a second
right_within_a_second() {
	local before after second
	before=${EPOCHREALTIME%.*}
	run_cmd in_net "${BOUND[@]}" "$@" || return 1
	after=${EPOCHREALTIME%.*}
	# Debian's rdate prints its name first, busybox does not.
	second=$(printed_second "${output#rdate: }") || return 1
	((second >= before - 1 && second <= after + 1)) && return 0
	printf '%s printed "%s", which is %d; expected %d to %d\n' "$*" "$output" "$second" "$before" "$after"
	return 1
}

# answers KIND STYLE FAMILY: starts this superserver, and asks it with every client
answers() {
	local kind=$1 style=$2 family=$3 address
	superserver_start "$kind" "$style"
	case $family in 4) address=127.0.0.1 ;; 6) address=::1 ;; esac
	case $style in
	stream-*)
		right_within_a_second rdate -p -"$family" "$address"
		right_within_a_second busybox rdate -p "$address"
		run_cmd ask "$address"
		# The raw client got the very second in which it asked, in exactly four octets.
		equal "$output" "0 4" "delta and octets"
		;;
	dgram-*)
		right_within_a_second rdate -u -p -"$family" "$address"
		run_cmd ask --udp "$address"
		equal "$output" "0 4" "delta and octets"
		# An answer from another address or port would not reach a connected socket.
		run_cmd ask --udp --connect "$address"
		equal "$output" "0 4" "delta and octets, connected"
		;;
	esac
	case $style in
	# With wait, one process answered all of them.
	*-wait) helper >/dev/null ;;
	# With nowait, no process stays.
	*-nowait) wait_for 3 sandbox_empty in.timed ;;
	esac
}

@test "xinetd, stream, wait, IPv4: every client gets the right time" { answers xinetd stream-wait 4; }
@test "xinetd, stream, wait, IPv6: every client gets the right time" { answers xinetd stream-wait 6; }
@test "xinetd, dgram, wait, IPv4: every client gets the right time" { answers xinetd dgram-wait 4; }
@test "xinetd, dgram, wait, IPv6: every client gets the right time" { answers xinetd dgram-wait 6; }
@test "xinetd, stream, nowait, IPv4: every client gets the right time" { answers xinetd stream-nowait 4; }
@test "xinetd, stream, nowait, IPv6: every client gets the right time" { answers xinetd stream-nowait 6; }

@test "openbsd-inetd, stream, wait, IPv4: every client gets the right time" { answers openbsd stream-wait 4; }
@test "openbsd-inetd, stream, wait, IPv6: every client gets the right time" { answers openbsd stream-wait 6; }
@test "openbsd-inetd, dgram, wait, IPv4: every client gets the right time" { answers openbsd dgram-wait 4; }
@test "openbsd-inetd, dgram, wait, IPv6: every client gets the right time" { answers openbsd dgram-wait 6; }
@test "openbsd-inetd, stream, nowait, IPv4: every client gets the right time" { answers openbsd stream-nowait 4; }
@test "openbsd-inetd, stream, nowait, IPv6: every client gets the right time" { answers openbsd stream-nowait 6; }

@test "inetutils-inetd, stream, wait, IPv4: every client gets the right time" { answers inetutils stream-wait 4; }
@test "inetutils-inetd, stream, wait, IPv6: every client gets the right time" { answers inetutils stream-wait 6; }
@test "inetutils-inetd, dgram, wait, IPv4: every client gets the right time" { answers inetutils dgram-wait 4; }
@test "inetutils-inetd, dgram, wait, IPv6: every client gets the right time" { answers inetutils dgram-wait 6; }
@test "inetutils-inetd, stream, nowait, IPv4: every client gets the right time" { answers inetutils stream-nowait 4; }
@test "inetutils-inetd, stream, nowait, IPv6: every client gets the right time" { answers inetutils stream-nowait 6; }

@test "systemd-socket-activate, stream, wait, IPv4: every client gets the right time" { answers activate stream-wait 4; }
@test "systemd-socket-activate, stream, wait, IPv6: every client gets the right time" { answers activate stream-wait 6; }
@test "systemd-socket-activate, dgram, wait, IPv4: every client gets the right time" { answers activate dgram-wait 4; }
@test "systemd-socket-activate, dgram, wait, IPv6: every client gets the right time" { answers activate dgram-wait 6; }
@test "systemd-socket-activate, stream, nowait, IPv4: every client gets the right time" { answers activate stream-nowait 4; }
@test "systemd-socket-activate, stream, nowait, IPv6: every client gets the right time" { answers activate stream-nowait 6; }

@test "every superserver serves another port than 37 from the same snippets" {
	local kind port
	port=$(free_port)
	for kind in xinetd openbsd inetutils activate; do
		superserver_start "$kind" stream-wait "$port"
		run_cmd ask 127.0.0.1 "$port"
		superserver_stop
		superserver_start "$kind" dgram-wait "$port"
		run_cmd ask --udp ::1 "$port"
		superserver_stop
	done
}

@test "the xinetd snippets are disabled until the administrator enables them" {
	local type
	for type in stream dgram; do
		run_cmd grep -Ex '[[:blank:]]*disable[[:blank:]]*=[[:blank:]]*yes' "$SNIPPETS/xinetd.d/in-timed-$type"
		cp "$SNIPPETS/xinetd.d/in-timed-$type" "$ETC/xinetd.d/"
	done
	cp "$PEERS/etc/xinetd.conf" "$ETC/"
	background superserver sandbox "$PEERS/usr/sbin/xinetd" -dontfork -stayalive -pidfile /run/xinetd.pid \
		-filelog "$WORK/xinetd.log"
	# Disabled because of "disable": xinetd has read the files.  It silently ignores a file with a dot in its name.
	for type in stream dgram; do
		wait_for 3 grep -q "configuration file: /etc/xinetd.d/in-timed-$type" "$WORK/xinetd.log"
	done
	wait_for 3 grep -q 'Started working: 0 available services' "$WORK/xinetd.log"
	not bound stream 37
	not bound dgram 37
}

@test "both xinetd snippets together serve TCP and UDP, over IPv4 and IPv6" {
	superserver_start xinetd both-wait
	run_cmd ask 127.0.0.1
	run_cmd ask --udp 127.0.0.1
	run_cmd ask ::1
	run_cmd ask --udp ::1
	# If a newer xinetd dislikes the snippets, it says so in its log.
	run grep -iE 'error|warn' "$WORK/xinetd.log"
	equal "$output" "" "complaints in xinetd's log"
}

@test "the systemd units pass systemd-analyze verify, and have an exposure below 2.0" {
	requires systemd-analyze
	local type
	mkdir "$WORK/units"
	cp "$SNIPPETS"/systemd/in.timed-*.socket "$SNIPPETS"/systemd/in.timed-*.service "$WORK/units/"
	# verify looks for the program and the manual page, which are not installed here.
	sed -i -e 's|/usr/sbin/in\.timed|/bin/true|' -e '/^Documentation=/d' "$WORK"/units/*
	run_cmd systemd-analyze verify "$WORK"/units/*
	equal "$output" "" "complaints of systemd-analyze"
	for type in stream dgram; do
		run_cmd systemd-analyze security --offline=yes --threshold=20 "$WORK/units/in.timed-$type.service"
	done
}
