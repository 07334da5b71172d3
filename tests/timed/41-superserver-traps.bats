# Known failures of time services under superservers: each test shows that one does not happen here.  Real superservers,
# started from the shipped snippets, in a sandbox (tests/lib/common.bash).

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it
# shellcheck disable=SC2034 # OPTIONS and SERVER are for superserver_start

load ../lib/common
load ../lib/superserver

setup_file() { superserver_setup_file; }

setup() {
	common_setup
	requires "$IN_TIMED"
	sandbox_start
}

teardown() { common_teardown; }

# over_udp: prints the option for ask that fits the last superserver_start
over_udp() { [ "$SUPER_TYPE" != dgram ] || printf '%s\n' --udp; }

# answered SOURCE, denied SOURCE: SOURCE asks 127.0.0.1 or ::1.  A denied connection is closed, which shows at once;
# that no datagram arrives shows only by waiting.
answered() { from "$1" 4 2 && equal "$output" "0 4" "delta and octets"; }
denied() { from "$1" 0 "$([ "$SUPER_TYPE" = dgram ] && echo 0.15 || echo 3)"; }
from() { # SOURCE OCTETS SECONDS
	local source=$1 address=127.0.0.1
	case $1 in *:*) address=::1 source="[$1]" ;; esac
	# shellcheck disable=SC2046 # one word or none
	run_cmd ask $(over_udp) --expect "$2" --timeout "$3" --source "$source" "$address"
}

# ------------------------------------------------------------------------- xinetd's bind beside flags IPv6

# bound_to LINE...: starts xinetd with the snippet and this bind line, and prints where it listens at port 37 in the sandbox,
# as /proc/net/tcp and tcp6 have it.
bound_to() {
	local EDIT=$1
	xinetd_snippet() { sed -E "s/^(\t*disable.*=).*/\\1 no/; $EDIT" "$SNIPPETS/xinetd.d/in-timed-$1"; }
	superserver_start xinetd stream-wait
	cat "/proc/$SANDBOX/net/tcp" "/proc/$SANDBOX/net/tcp6" | awk '$4 == "0A" && $2 ~ /:0025$/ { print $2 }'
	superserver_stop
}

@test "xinetd listens on every address with an IPv4 bind beside IPv6, as the snippets and superservers.md say, but not with their cures" {
	local file loopback=0100007F:0025 mapped=0000000000000000FFFF00000100007F:0025
	equal "$(bound_to '/^}/i \\tbind = 127.0.0.1')" 00000000000000000000000000000000:0025 'bind = 127.0.0.1'
	equal "$(bound_to '/^}/i \\tbind = ::ffff:127.0.0.1')" "$mapped" 'bind = ::ffff:127.0.0.1'
	equal "$(bound_to '/^}/i \\tbind = 127.0.0.1
		s/^(\t*flags.*) IPv6$/\1/')" "$loopback" 'bind = 127.0.0.1 without IPv6'
	for file in "$SNIPPETS"/xinetd.d/in-timed-stream "$SNIPPETS"/xinetd.d/in-timed-dgram "$TOP/doc/superservers.md"; do
		tr '\n\t#' '   ' <"$file" | tr -s ' ' | grep -q 'bind = 127\.0\.0\.1.*every address.*bind = ::ffff:127\.0\.0\.1' ||
			{ printf 'not in %s\n' "$file"; return 1; }
	done
}

# ------------------------------------------------- access, for every client of a process that serves many

# A superserver's own access check, if it has one, sees only the first client.
denied_while_helper_lives() { # KIND STYLE
	hosts_allow 'in.timed: 127.0.0.2 [fd00::2]'
	hosts_deny 'ALL: ALL'
	superserver_start "$1" "$2"
	local pid address
	for address in 127.0.0.% fd00::%; do
		answered "${address/\%/2}"
		denied "${address/\%/3}"
		answered "${address/\%/2}"
		denied "${address/\%/3}"
	done
	# The processes that answered still run: the last is the one that serves IPv6, or both.
	[ -n "$(sandbox_pids in.timed)" ]
	equal "$(unread 37)" 0 "octets left unread"
}

@test "xinetd, stream: in.timed denies a source while it serves an allowed one" {
	denied_while_helper_lives xinetd stream-wait
}
@test "xinetd, dgram: in.timed denies a source while it serves an allowed one" {
	denied_while_helper_lives xinetd dgram-wait
}
@test "openbsd-inetd, stream: in.timed denies a source while it serves an allowed one" {
	denied_while_helper_lives openbsd stream-wait
}
@test "openbsd-inetd, dgram: in.timed denies a source while it serves an allowed one" {
	denied_while_helper_lives openbsd dgram-wait
}
@test "inetutils-inetd, stream: in.timed denies a source while it serves an allowed one" {
	denied_while_helper_lives inetutils stream-wait
}
@test "inetutils-inetd, dgram: in.timed denies a source while it serves an allowed one" {
	denied_while_helper_lives inetutils dgram-wait
}
@test "systemd socket, stream: in.timed denies a source while it serves an allowed one" {
	denied_while_helper_lives activate stream-wait
}
@test "systemd socket, dgram: in.timed denies a source while it serves an allowed one" {
	denied_while_helper_lives activate dgram-wait
}

@test "stream, nowait: in.timed denies clients that hosts.allow does not let in, under each superserver" {
	local kind
	hosts_allow 'in.timed: 127.0.0.2'
	hosts_deny 'ALL: ALL'
	for kind in xinetd openbsd inetutils activate; do
		superserver_start "$kind" stream-nowait
		answered 127.0.0.2
		denied 127.0.0.3
		superserver_stop
	done
}

# An edited table takes effect within about a second, in the process that already runs.
edit_takes_effect() { # STYLE
	local pid start
	superserver_start xinetd "$1"
	answered 127.0.0.3
	pid=$(helper)
	soon_answered() { from "$1" 4 0.2; }
	# Ask repeatedly meanwhile: use must not prolong the life of a cached verdict.
	hosts_deny 'in.timed: 127.0.0.3'
	start=$(now_ms)
	wait_for 5 denied 127.0.0.3
	at_most $(($(now_ms) - start)) 2500 "milliseconds until an added deny counted"
	answered 127.0.0.2
	hosts_deny 'in.timed: 127.0.0.2'
	start=$(now_ms)
	wait_for 5 soon_answered 127.0.0.3
	at_most $(($(now_ms) - start)) 2500 "milliseconds until a removed deny counted"
	wait_for 2 denied 127.0.0.2
	equal "$(helper)" "$pid" "the process that serves"
}

@test "stream: an edited hosts.deny takes effect within 2.5 s in a running process" { edit_takes_effect stream-wait; }
@test "dgram: an edited hosts.deny takes effect within 2.5 s in a running process" { edit_takes_effect dgram-wait; }

@test "xinetd's socket serves IPv4 and IPv6, and the tables match IPv4 clients by their IPv4 addresses" {
	hosts_allow 'in.timed: 127.0.0.0/255.255.255.253 [::1]'
	hosts_deny 'in.timed: ALL'
	local style
	for style in stream-wait dgram-wait; do
		superserver_start xinetd "$style"
		# With a socket for IPv4 as well, this test would show nothing.
		not grep -q ':0025 ' "/proc/$SANDBOX/net/tcp" "/proc/$SANDBOX/net/udp"
		answered 127.0.0.2
		denied 127.0.0.1
		answered ::1
		denied fd00::3
		helper >/dev/null
		superserver_stop
	done
}

# For a service that waits, xinetd's own check refuses everybody and leaves the connection in the queue.  So xinetd
# finds it again at once, without end.
@test "xinetd uses no processor time when every client is denied, and in.timed reads denied datagrams" {
	local i before
	hosts_deny 'ALL: ALL'
	superserver_start xinetd both-wait
	SUPER_TYPE=dgram
	run_cmd ask --udp --burst 100 --expect 0 --timeout 0.3 127.0.0.1
	for i in 1 2 3; do denied "127.0.0.$i"; done
	SUPER_TYPE=stream
	for i in 1 2 3; do denied "127.0.0.$i"; done
	equal "$(unread 37)" 0 "octets left unread"
	before=$(processor_time)
	sleep 1
	at_most $(($(processor_time) - before)) 5 "ticks of processor time in a second in which nobody asks"
	# Denied requests started no further process: the one for each protocol still runs.
	equal "$(sandbox_pids in.timed | wc -l)" 2 "processes"
}

# processor_time: prints that of all processes in the sandbox, in ticks
processor_time() {
	local pid sum=0
	for pid in $(sandbox_pids); do sum=$((sum + $(cpu_of "$pid" || echo 0))); done
	printf '%s\n' "$sum"
}

# -------------------------------------------------------------------------------------- no request is lost

# The burst starts the program: datagrams that arrive during the start count as much as later ones.
burst_of_250() { # KIND
	superserver_start "$1" dgram-wait
	run_cmd ask --udp --burst 250 127.0.0.1
	equal "$output" "0 250" "delta and answers of the burst that starts the program"
	run_cmd ask --udp --burst 250 127.0.0.1
	equal "$output" "0 250" "delta and answers of the next"
	run_cmd ask --udp --burst 250 ::1
	equal "$output" "0 250" "delta and answers over IPv6"
	equal "$(counter Udp RcvbufErrors)" 0 "datagrams that found the buffer full"
}

@test "xinetd: in.timed answers every request of a burst of 250" { burst_of_250 xinetd; }
@test "openbsd-inetd: in.timed answers every request of a burst of 250" { burst_of_250 openbsd; }
@test "inetutils-inetd: in.timed answers every request of a burst of 250" { burst_of_250 inetutils; }
@test "systemd socket: in.timed answers every request of a burst of 250" { burst_of_250 activate; }

# After a process for datagrams has ended, xinetd discards waiting datagrams.  After a process for connections has
# ended, a superserver that did not notice would no longer listen.
idle_and_again() { # KIND
	local first second
	OPTIONS='-i 1'
	superserver_start "$1" both-wait
	run_cmd ask 127.0.0.1
	run_cmd ask --udp 127.0.0.1
	first=$(sandbox_pids in.timed)
	equal "$(echo "$first" | wc -l)" 2 "processes"
	wait_for 4 sandbox_empty in.timed
	run_cmd ask 127.0.0.1
	run_cmd ask --udp 127.0.0.1
	second=$(sandbox_pids in.timed)
	not equal "$second" "$first" >/dev/null
	# One request resets the idle time once, not for ever.
	wait_for 4 sandbox_empty in.timed
}

@test "xinetd: in.timed ends when idle, and a new process answers the next request" {
	idle_and_again xinetd
}
@test "openbsd-inetd: in.timed ends when idle, and a new process answers the next request" {
	idle_and_again openbsd
}
@test "inetutils-inetd: in.timed ends when idle, and a new process answers the next request" {
	idle_and_again inetutils
}

@test "systemd socket: in.timed ends when idle" {
	OPTIONS='-i 1'
	superserver_start activate dgram-wait
	run_cmd ask --udp 127.0.0.1
	wait_for 4 sandbox_empty in.timed
}

@test "xinetd: no request is lost while in.timed ends when idle and is started again" {
	OPTIONS='-i 1'
	superserver_start xinetd both-wait
	# A lost request is never answered: the time limit is for a busy machine.
	# Gaps of different lengths, so that the requests meet different moments of a process's life.
	local i
	for i in 1 2 3 4; do
		run_cmd ask --udp --timeout 10 127.0.0.1
		run_cmd ask --timeout 10 127.0.0.1
		sleep "0.$((i * 2))"
	done
}

# -------------------------------------------------------------------------------------------- rate limits

@test "xinetd: more than 50 connections in a second are answered, the limit cps on starts" {
	superserver_start xinetd stream-wait
	local i
	# 60 at a time: the queue holds 64, and the kernel makes a client that finds it full wait for a second.
	for i in 1 2 3 4; do
		run_cmd ask --burst 60 127.0.0.1
		equal "$output" "0 60" "delta and answers"
	done
}

# More requests than openbsd-inetd (256) or inetutils-inetd (40) allows starts of a service in a minute.
more_than_the_rate() { # KIND
	superserver_start "$1" both-wait
	run_cmd ask --times 300 127.0.0.1
	run_cmd ask --udp --times 300 127.0.0.1
	run_cmd ask --times 300 ::1
	run_cmd ask --udp --times 300 ::1
}

@test "openbsd-inetd: more than 256 requests in a minute are answered, its limit on starts" { more_than_the_rate openbsd; }
@test "inetutils-inetd: more than 40 requests in a minute are answered, its limit on starts" { more_than_the_rate inetutils; }

# With -i 1 there may be one start a second.
@test "the inetd snippets allow 60 starts in a minute, as many as -i 1 can cause" {
	local file
	for file in openbsd-inetd inetutils-inetd; do
		# shellcheck disable=SC2016 # awk's own
		run_cmd awk '!/^#/ && NF { split($4, a, "."); if (a[1] != "wait" || a[2] < 60) bad = 1; n++ }
			END { exit bad || n < 2 }' "$SNIPPETS/inetd/$file.conf"
	done
}

# xinetd's cps, and the number after wait, are limits for this case.
program_that_fails() { # KIND
	SERVER=/bin/false
	superserver_start "$1" both-wait
	fails_with 1 ask --timeout 0.5 127.0.0.1
	fails_with 1 ask --udp --timeout 0.5 127.0.0.1
	# A busy machine needs some time to reach the limit.
	wait_for 20 idle
}

idle() {
	local before
	before=$(processor_time)
	sleep 0.5
	at_most $(($(processor_time) - before)) 2 "ticks of processor time in half a second"
}

@test "xinetd: a service program that always fails uses no processor time" { program_that_fails xinetd; }
@test "openbsd-inetd: a service program that always fails uses no processor time" { program_that_fails openbsd; }
@test "inetutils-inetd: a service program that always fails uses no processor time" { program_that_fails inetutils; }

# ------------------------------------------------------------------------- in.timed ends with its superserver

# A process that stays would hold the port: the new superserver cannot bind it, and the service stays off although the
# superserver looks healthy.
restart_under_load() { # KIND STYLE SIGNAL
	local pid start
	superserver_start "$1" "$2"
	# shellcheck disable=SC2046 # one word or none
	background load ask $(over_udp) --timeout 0.3 --for 20 127.0.0.1
	wait_for 3 helper
	pid=$(helper)
	start=$(now_ms)
	superserver_stop "$3"
	wait_for 3 not bound "$SUPER_TYPE" 37
	at_most $(($(now_ms) - start)) 2000 "milliseconds until the port was free"
	not running "$pid"
	superserver_start "$1" "$2"
	answered 127.0.0.1
	wait_for 2 helper
	not equal "$(helper)" "$pid" >/dev/null
}

@test "xinetd, stream: after it is stopped under load the port is free, and a new one serves" {
	restart_under_load xinetd stream-wait TERM
}
@test "xinetd, stream: after it is killed under load the port is free, and a new one serves" {
	restart_under_load xinetd stream-wait KILL
}
@test "xinetd, dgram: after it is stopped under load the port is free, and a new one serves" {
	restart_under_load xinetd dgram-wait TERM
}
@test "xinetd, dgram: after it is killed under load the port is free, and a new one serves" {
	restart_under_load xinetd dgram-wait KILL
}
@test "openbsd-inetd, stream: after it is stopped under load the port is free, and a new one serves" {
	restart_under_load openbsd stream-wait TERM
}
@test "openbsd-inetd, stream: after it is killed under load the port is free, and a new one serves" {
	restart_under_load openbsd stream-wait KILL
}
@test "openbsd-inetd, dgram: after it is stopped under load the port is free, and a new one serves" {
	restart_under_load openbsd dgram-wait TERM
}
@test "openbsd-inetd, dgram: after it is killed under load the port is free, and a new one serves" {
	restart_under_load openbsd dgram-wait KILL
}
@test "inetutils-inetd, stream: after it is stopped under load the port is free, and a new one serves" {
	restart_under_load inetutils stream-wait TERM
}
@test "inetutils-inetd, stream: after it is killed under load the port is free, and a new one serves" {
	restart_under_load inetutils stream-wait KILL
}
@test "inetutils-inetd, dgram: after it is stopped under load the port is free, and a new one serves" {
	restart_under_load inetutils dgram-wait TERM
}
@test "inetutils-inetd, dgram: after it is killed under load the port is free, and a new one serves" {
	restart_under_load inetutils dgram-wait KILL
}

@test "xinetd reloaded continues the services, and ends them when the snippets disable them" {
	superserver_start xinetd both-wait
	run_cmd ask 127.0.0.1
	run_cmd ask --udp 127.0.0.1
	kill -HUP "$(pid_of superserver)"
	wait_for 3 grep -q 'Reconfigured' "$WORK/xinetd.log"
	run_cmd ask 127.0.0.1
	run_cmd ask --udp 127.0.0.1
	cp "$SNIPPETS"/xinetd.d/* "$ETC/xinetd.d/"
	kill -HUP "$(pid_of superserver)"
	wait_for 3 not bound stream 37
	wait_for 3 not bound dgram 37
	sandbox_empty in.timed
}

@test "in.timed serves under an xinetd that is process 1 of a container, and ends with it" {
	local counts
	superserver_container() {
		sandbox unshare --pid --fork --kill-child -- "$PEERS/usr/sbin/xinetd" -dontfork -stayalive \
			-pidfile /run/xinetd.pid -filelog "$WORK/xinetd.log"
	}
	requires_superserver xinetd
	OPTIONS='-i 1'
	superserver_fill both-wait 37
	xinetd_install
	background superserver superserver_container
	wait_for 3 superserver_ready
	# For longer than the idle time: its parent is process 1, as an orphan's is.
	run_cmd ask --for 2.5 127.0.0.1
	read -r -a counts <<<"$output"
	equal "${counts[1]}" 0 "connections that got no answer"
	((counts[0] > 100))
	superserver_stop KILL
	wait_for 2 sandbox_empty
}

# ---------------------------------------------------------------------------------- clients that misbehave

@test "a client that sends data first gets its four octets, and no reset before them" {
	local style resets
	for style in stream-wait stream-nowait; do
		superserver_start xinetd "$style"
		resets=$(counter Tcp OutRsts)
		run_cmd ask --send-first 'GET / HTTP/1.0\r\n\r\n' 127.0.0.1
		equal "$output" "0 4" "delta and octets, a request"
		# The request is unread when the answer is written.  Closing now would reset the connection, and some
		# clients' systems then discard an answer that had already arrived.
		run_cmd ask --send-first "$(printf '%020000d' 0)" --hold-before 0.2 127.0.0.1
		equal "$output" "0 4" "delta and octets, 20,000 octets"
		run_cmd ask --send-first "$(printf '%020000d' 0)" --hold-before 0.2 ::1
		equal "$(counter Tcp OutRsts)" "$resets" "resets so far"
		superserver_stop
	done
}

@test "a client that keeps its connection open does not delay other clients" {
	superserver_start xinetd stream-wait
	local i start
	for i in 1 2 3 4 5; do background "holder$i" ask --hold 20 127.0.0.1; done
	# All of them are answered before the others ask.
	wait_for 3 established 5
	start=$(now_ms)
	for i in 1 2 3; do run_cmd ask 127.0.0.1; done
	at_most $(($(now_ms) - start)) 3000 "milliseconds for three more clients"
	for i in 1 2 3 4 5; do alive "holder$i"; done
}

# established COUNT: at least COUNT connections to port 37 have been answered and are still open at the client (its
# socket has received the server's FIN and is in CLOSE_WAIT, 08)
established() {
	local count
	count=$(grep -c ':0025 08 ' "/proc/$SANDBOX/net/tcp")
	((count >= $1))
}

@test "over UDP in.timed does not answer a source port below 1024, including 0" {
	local source out
	superserver_start xinetd dgram-wait
	run_cmd ask --udp --source 127.0.0.1:1024 127.0.0.1
	run_cmd ask --udp --source '[::1]:1024' ::1
	for source in 127.0.0.1:1023 127.0.0.1:123 127.0.0.1:7 127.0.0.1:1 '[::1]:1023' '[::1]:7'; do
		case $source in
		\[*) run_cmd ask --udp --expect 0 --timeout 0.2 --source "$source" ::1 ;;
		*) run_cmd ask --udp --expect 0 --timeout 0.2 --source "$source" 127.0.0.1 ;;
		esac
	done
	# No socket can have port 0, so count the datagrams that are sent.
	local in
	in=$(counter Udp InDatagrams) out=$(counter Udp OutDatagrams)
	run_cmd ask --udp --forge --source 127.0.0.1:0 127.0.0.1
	wait_for 2 more_than "$in" counter Udp InDatagrams
	run_cmd ask --udp --source 127.0.0.1:1024 127.0.0.1
	# The request and its answer, and nothing to port 0.
	equal "$(counter Udp OutDatagrams)" $((out + 2)) "datagrams sent"
}

# more_than NUMBER COMMAND...: COMMAND prints a greater number
more_than() {
	local limit=$1
	shift
	(($("$@") > limit))
}

@test "over UDP the answer comes from the address to which the request was sent" {
	local kind
	for kind in xinetd openbsd inetutils activate; do
		superserver_start "$kind" dgram-wait
		# The first datagram arrived before the program could ask the kernel for destination addresses.
		run_cmd ask --udp --source 127.0.0.1 127.0.0.5
		run_cmd ask --udp --source 127.0.0.1 127.0.0.5
		run_cmd ask --udp --source 127.0.0.1 127.0.0.6
		run_cmd ask --udp --source '[fd00::1]' fd00::5
		run_cmd ask --udp --source '[fd00::1]' fd00::5
		run_cmd ask --udp --source '[fd00::1]' fd00::6
		superserver_stop
	done
}

@test "over UDP the answer comes from the requested address when an IPv6 request starts in.timed" {
	local kind
	for kind in xinetd activate; do
		superserver_start "$kind" dgram-wait
		run_cmd ask --udp --source '[fd00::1]' fd00::5
		run_cmd ask --udp --source 127.0.0.1 127.0.0.5
		superserver_stop
	done
}

# If two services answer every datagram, one forged datagram from the port of the one to the port of the other never
# stops.
@test "in.timed does not loop when a forged datagram makes it face another time service" {
	local in out
	superserver_fill dgram-wait 37
	face() { # LINE...: starts inetd with them, forges one datagram from 10.37.0.2 to 10.37.0.1, waits
		printf '%s\n' "$@" >"$ETC/inetd.conf"
		background superserver sandbox "$PEERS/usr/sbin/inetd" -i /etc/inetd.conf
		wait_for 3 bound dgram 37
		in=$(counter Udp InDatagrams) out=$(counter Udp OutDatagrams)
		run_cmd ask --udp --forge --source 10.37.0.2:37 10.37.0.1
		wait_for 2 more_than "$in" counter Udp InDatagrams
		sleep 0.3
		in=$(($(counter Udp InDatagrams) - in)) out=$(($(counter Udp OutDatagrams) - out))
		superserver_stop
		wait_for 2 sandbox_empty
	}
	local internal='time dgram udp wait root internal' ours
	ours=$(inetd_lines openbsd-inetd.conf | sed '/^#/d')
	# Show with inetd's own services that this makes two services loop.
	face "10.37.0.1:$internal" "10.37.0.2:$internal"
	((in > 1000)) || { echo "the forged datagram made no loop: $in received"; return 1; }
	face "10.37.0.1:$ours" "10.37.0.2:$ours"
	equal "$in $out" "1 0" "datagrams received and sent, ours and ours"
	face "10.37.0.1:$ours" "10.37.0.2:$internal"
	equal "$in $out" "1 0" "datagrams received and sent, ours asked in the name of another"
	face "10.37.0.1:$internal" "10.37.0.2:$ours"
	equal "$in $out" "2 1" "datagrams received and sent, another asked in the name of ours"
}
