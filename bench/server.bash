# shellcheck shell=bash
# shellcheck disable=SC2153 # RUNS, TOOLS: from run and lib.bash
# in.timed under load, compared with the superservers' own time services and with a minimal server.

# Fill in the snippets as the tests do.
# shellcheck disable=SC1091
. tests/lib/superserver.bash

SNIPPETS=$TOP
declare -A SERVER_PID SERVER_AT

part_server() {
	server_rounds=5
	((RUNS >= 5)) || server_rounds=$RUNS
	server_place
	server_rules 5
	server_compare
	server_start_up
	server_memory
	server_cold
	server_growth
	local name
	for name in "${!SERVER_PID[@]}"; do stop "${SERVER_PID[$name]}"; done
}

# If there are two processors, the load runs on one and the servers on the other.
server_place() {
	local processors
	processors=$(taskset -cp $$ | sed 's/.*: //; s/-/,/' | tr ',' ' ')
	LOAD_ON=${processors%% *} SERVE_ON=${processors##* }
	echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
	# openbsd-inetd does not answer requests from 127.0.0.0/8.
	ip address add 10.37.0.1/32 dev lo
	printf '%s\n' 'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin' >>"$WORK/etc/passwd"
	printf '%s\n' nogroup:x:65534: >>"$WORK/etc/group"
}

# server_rules COUNT: writes COUNT plain rules to hosts.allow, of which only the last one lets us in; nobody else is let
# in
server_rules() {
	awk -v count="$1" 'BEGIN {
		for (i = 1; i < count; i++)
			print (i % 2 ? "sshd" : "ALL") ": 10." int(i / 250) % 250 "." i % 250 ".0/255.255.255.0"
		print "ALL: 127.0.0.0/255.0.0.0"
	}' >"$WORK/etc/hosts.allow"
	echo 'ALL: ALL' >"$WORK/etc/hosts.deny"
}

# ------------------------------------------------------------------------------------------------- the servers

# as_nobody COMMAND...: runs a superserver, on its processor, where it cannot change users
as_nobody() { exec taskset -c "$SERVE_ON" unshare --user --map-user=65534 --map-group=65534 "$@"; }

# server_add NAME TCP|UDP ADDRESS PORT COMMAND...: starts this server
server_add() {
	local name=$1 protocol=$2 address=$3 port=$4
	shift 4
	background as_nobody "$@"
	SERVER_PID[$name]=$PID
	SERVER_AT[$name]="$protocol $address $port"
	guest_wait 5 listens "$protocol" "$port" || die "$name does not listen"
}

server_bare() { server_add "$1" "$2" 127.0.0.1 "$3" "$TOOLS/bare" "$4" "$3"; }

# server_xinetd NAME TYPE-MODE PORT: starts the shipped snippet on another port
server_xinetd() {
	local conf=$WORK/$1.conf
	superserver_fill "$2" "$3"
	SERVER=$TOP/build/in.timed
	# No limit on starts may limit the measurement.
	xinetd_snippet "$SUPER_TYPE" | sed -E '/^\t(cps|instances|per_source)/d; s/^}/\tcps = 1000000 1\n\tinstances = UNLIMITED\n}/' >"$conf"
	server_xinetd_run "$1" "$conf"
}

# server_xinetd_own NAME TYPE PORT: starts xinetd's own time service, with the same rules
server_xinetd_own() {
	local wait=no conf=$WORK/$1.conf
	superserver_fill "$2-" "$3"
	[[ $2 = stream ]] || wait=yes
	cat >"$conf" <<-END
		service time
		{
			type = INTERNAL UNLISTED
			id = time-$2
			port = $3
			socket_type = $2
			protocol = $(server_protocol)
			wait = $wait
			user = nobody
			flags = IPv6
			cps = 1000000 1
			instances = UNLIMITED
		}
	END
	server_xinetd_run "$1" "$conf"
}

server_xinetd_run() {
	server_add "$1" "$(server_protocol)" 127.0.0.1 "$SUPER_PORT" "$PEERS/usr/sbin/xinetd" -dontfork -f "$2" \
		-pidfile "$WORK/$1.pid" -filelog "$WORK/$1.log"
}
server_protocol() { if [[ $SUPER_TYPE = stream ]]; then echo tcp; else echo udp; fi; }

# server_openbsd NAME TYPE-MODE PORT
server_openbsd() {
	superserver_fill "$2" "$3"
	SERVER=$TOP/build/in.timed
	inetd_lines openbsd-inetd.conf | sed 's/wait\.60/wait.60000/' >"$WORK/$1.conf"
	server_add "$1" "$(server_protocol)" 127.0.0.1 "$3" "$PEERS/usr/sbin/inetd" -i "$WORK/$1.conf"
}

# server_own NAME TYPE ADDRESS PROGRAM OPTION...: starts an inetd's own service, which is always on port 37.  CONF is
# its configuration.
server_own() {
	local name=$1 address=$3 wait=nowait
	superserver_fill "$2-" 37
	[[ $2 = stream ]] || wait='wait'
	printf '%s:time %s %s %s nobody internal\n' "$address" "$2" "$(server_protocol)" "$wait" >"$WORK/$name.conf"
	shift 3
	server_add "$name" "$(server_protocol)" "$address" 37 "$@" "$WORK/$name.conf"
}

# server_own_detached NAME TYPE ADDRESS PROGRAM...: the same for one that in the foreground reports each request
server_own_detached() {
	server_own "$@" --pidfile="$WORK/$1.pid"
	guest_wait 5 test -s "$WORK/$1.pid" || die "$1 writes no pid"
	SERVER_PID[$1]=$(<"$WORK/$1.pid")
	BENCH_PIDS+=("${SERVER_PID[$1]}")
}

# server_activate NAME TYPE PORT
server_activate() {
	local how=()
	superserver_fill "$2-wait" "$3"
	[[ $2 = stream ]] || how=(--datagram)
	# shellcheck disable=SC2086
	server_add "$1" "$(server_protocol)" 127.0.0.1 "$3" systemd-socket-activate --inetd "${how[@]}" --listen="$3" \
		"$TOP/build/in.timed" $OPTIONS
}

# tree_ns PID: prints the processor time of PID and its children, including those that have ended, in nanoseconds
tree_ns() {
	local line sum=0 pid time rest
	read -r line <"/proc/$1/stat"
	# shellcheck disable=SC2086
	set -- "$1" ${line##*) }
	sum=$(((${15} + ${16}) * 1000000000 / $(getconf CLK_TCK)))
	# shellcheck disable=SC2034
	for pid in "$1" $(pgrep -P "$1"); do
		{ read -r time rest <"/proc/$pid/schedstat"; } 2>/dev/null && sum=$((sum + time))
	done
	printf '%s\n' "$sum"
}

# load KIND NAME WIDTH SECONDS [SOURCES]: runs bench/load.c against NAME
load() {
	local kind=$1 name=$2
	shift 2
	# shellcheck disable=SC2086
	set -- ${SERVER_AT[$name]} "$@"
	taskset -c "$LOAD_ON" "$TOOLS/load" "$kind" "$2" "$3" "${@:4}"
}

# loaded NAME FIGURES WIDTH SECONDS [SOURCES]: loads NAME and appends "RATE CPU-US P50 P99 WRONG LONG LOST" to
# $WORK/FIGURES
loaded() {
	local name=$1 figures=$2 before after line
	shift 2
	before=$(tree_ns "${SERVER_PID[$name]}")
	line=$(load "${SERVER_AT[$name]%% *}" "$name" "$@")
	after=$(tree_ns "${SERVER_PID[$name]}")
	awk -v ns=$((after - before)) '{ print $1 / $2, $1 ? ns / $1 / 1000 : 0, $3, $5, $7, $8, $9 }' <<<"$line" >>"$WORK/$figures"
}

# ------------------------------------------------------------------------------------------------- side by side

server_compare() {
	local name round
	local -a tcp=(bare-accept xinetd-wait openbsd-wait activate-wait xinetd-own openbsd-own inetutils-own xinetd-nowait openbsd-nowait)
	local -a udp=(bare-recvfrom bare-recvmmsg xinetd-dgram openbsd-dgram activate-dgram xinetd-own-dgram openbsd-own-dgram
		inetutils-own-dgram)
	OPTIONS='-i 600'
	server_bare bare-accept tcp 4000 accept
	server_xinetd xinetd-wait stream-wait 4001
	server_openbsd openbsd-wait stream-wait 4002
	server_activate activate-wait stream 4003
	server_xinetd_own xinetd-own stream 4004
	server_own openbsd-own stream 10.37.0.1 "$PEERS/usr/sbin/inetd" -R 0 -i
	server_own_detached inetutils-own stream 127.0.37.2 "$PEERS/usr/sbin/inetutils-inetd"
	server_xinetd xinetd-nowait stream-nowait 4005
	server_openbsd openbsd-nowait stream-nowait 4006
	server_bare bare-recvfrom udp 4000 recvfrom
	server_bare bare-recvmmsg udp 4007 recvmmsg
	server_xinetd xinetd-dgram dgram-wait 4001
	server_openbsd openbsd-dgram dgram-wait 4002
	server_activate activate-dgram dgram 4003
	server_xinetd_own xinetd-own-dgram dgram 4004
	server_own openbsd-own-dgram dgram 10.37.0.1 "$PEERS/usr/sbin/inetd" -R 0 -i
	server_own_detached inetutils-own-dgram dgram 127.0.37.4 "$PEERS/usr/sbin/inetutils-inetd"

	for name in "${tcp[@]}"; do loaded "$name" warm-up 16 1; done
	for name in "${udp[@]}"; do loaded "$name" warm-up 128 1; done
	for ((round = 0; round < server_rounds; round++)); do
		for name in "${tcp[@]}"; do loaded "$name" "$name" 16 1; done
		for name in "${udp[@]}"; do loaded "$name" "$name" 128 1; done
	done
	title "The time over TCP: 16 connections at once, five rules in hosts.allow, $server_rounds rounds in turn"
	server_table "${tcp[@]}"
	printf '\n'
	server_ratio 'TCP, wait: processor time at most 0.75 of that of xinetd'\''s own service' 2 xinetd-wait xinetd-own '<= 0.75'
	server_ratio 'TCP, wait: processor time at most that of a bare accept loop' 2 xinetd-wait bare-accept '<= 1.0'
	server_ratio 'TCP, wait: as many requests a second as a bare accept loop' 1 xinetd-wait bare-accept '>= 1.0'
	title "The time over UDP: 128 datagrams under way, $server_rounds rounds in turn"
	server_table "${udp[@]}"
	printf '\n'
	local best
	best=$(for name in xinetd-own-dgram openbsd-own-dgram inetutils-own-dgram; do
		printf '%s %s\n' "$(column "$name" 1 | median)" "$name"
	done | sort -g | tail -n 1)
	server_ratio "UDP: at least 1.35 times the rate of the best superserver's own service (${best#* })" 1 xinetd-dgram "${best#* }" '>= 1.35'
	server_ratio 'UDP: at least 0.95 of the rate of a bare recvfrom loop' 1 xinetd-dgram bare-recvfrom '>= 0.95'
	server_ratio 'UDP: beside a bare loop of recvmmsg and sendmmsg, which answers from whatever address' 1 xinetd-dgram bare-recvmmsg
	for name in xinetd-own xinetd-own-dgram openbsd-own openbsd-own-dgram inetutils-own inetutils-own-dgram xinetd-nowait \
		openbsd-nowait openbsd-wait openbsd-dgram activate-wait activate-dgram bare-accept bare-recvfrom bare-recvmmsg; do
		stop "${SERVER_PID[$name]}"
		unset "SERVER_PID[$name]"
	done
}

declare -A SERVER_SAYS=(
	[bare-accept]='a bare accept loop, no check' [bare-recvfrom]='a bare recvfrom loop, no check'
	[bare-recvmmsg]='a bare recvmmsg and sendmmsg loop, no check'
	[xinetd-wait]='**in.timed**, wait, xinetd' [openbsd-wait]='**in.timed**, wait, openbsd-inetd'
	[activate-wait]='**in.timed**, wait, systemd' [xinetd-nowait]='**in.timed**, nowait, xinetd'
	[openbsd-nowait]='**in.timed**, nowait, openbsd-inetd' [xinetd-own]="xinetd's own, its libwrap"
	[openbsd-own]="openbsd-inetd's own, no check" [inetutils-own]="inetutils' own, no check; sends 8 octets"
	[xinetd-dgram]='**in.timed**, xinetd' [openbsd-dgram]='**in.timed**, openbsd-inetd' [activate-dgram]='**in.timed**, systemd'
	[xinetd-own-dgram]="xinetd's own, its libwrap" [openbsd-own-dgram]="openbsd-inetd's own, no check"
	[inetutils-own-dgram]="inetutils' own, no check"
)

server_table() {
	local name
	header '' 'a second' 'processor time each' 'latency, median' '99 in 100' 'wrong' 'lost'
	for name in "$@"; do
		row "${SERVER_SAYS[$name]}" "$(printf %.0f "$(column "$name" 1 | median)")" "$(printf '%.2f µs' "$(column "$name" 2 | median)")" \
			"$(column "$name" 3 | median) µs" "$(column "$name" 4 | median) µs" \
			"$(server_sum "$name" 5)" "$(server_sum "$name" 7)"
		[[ $name = *own* || $(server_sum "$name" 5) = 0 ]] || die "$name: wrong answers"
	done
}
server_sum() { column "$1" "$2" | awk '{ sum += $1 } END { print sum + 0 }'; }

# server_ratio WHAT COLUMN ONE OTHER [CONDITION]: prints the median of ONE / OTHER over the rounds
server_ratio() {
	local ratio
	ratio=$(paste -d ' ' <(column "$3" "$2") <(column "$4" "$2") | awk '$2 > 0 { print $1 / $2 }' | median)
	if (($# > 4)); then
		target "$1" "$ratio $5" "$(printf %.2f "$ratio")"
	else
		printf -- '- %s: %.2f\n' "$1" "$ratio"
	fi
}

# ---------------------------------------------------------------------------------------------------- starting up

server_start_up() {
	local round name count=200
	local -A program=([minimal]="$TOOLS/bare answer" [shipped]="$TOP/build/in.timed"
		[shared-libc]="$TOP/build/dynamic/in.timed" [shared-libwrap]="$TOOLS/in.timed-libwrap.so -n in.timed")
	local -A says=([minimal]='a minimal program with shared libc: writes 4 octets' [shipped]='**in.timed**, as shipped: static'
		[shared-libc]='the same objects, libwrap.a and shared libc' [shared-libwrap]='the same objects, libwrap.so')
	((RUNS >= 5)) || count=50
	for ((round = 0; round < server_rounds; round++)); do
		for name in minimal shipped shared-libc shared-libwrap; do
			# shellcheck disable=SC2086
			"$TOOLS/starts" "$count" ${program[$name]} >>"$WORK/start.$name" || die "$name does not answer"
		done
	done
	title "What a start under nowait costs: $count starts, $server_rounds rounds in turn"
	header '' instructions 'system calls' opens 'page faults' 'processor time' 'until answered'
	for name in minimal shipped shared-libc shared-libwrap; do
		# shellcheck disable=SC2086
		server_count "$name" ${program[$name]}
		row "${says[$name]}" "${start_instructions[$name]}" "${start_calls[$name]}" "${start_opens[$name]}" \
			"$(column "start.$name" 2 | median)" "$(column "start.$name" 1 | median) µs" "$(column "start.$name" 3 | median) µs"
	done
	printf '\n'
	target 'nowait: at most 160,000 instructions' "${start_instructions[shipped]} <= 160000" "${start_instructions[shipped]}"
	target 'nowait: at most 45 system calls' "${start_calls[shipped]} <= 45" "${start_calls[shipped]}"
	target 'nowait: at most 3 opens' "${start_opens[shipped]} <= 3" "${start_opens[shipped]}"
	server_ratio 'nowait: processor time at most 1.15 of that of a minimal program with shared libc' 1 start.shipped start.minimal '<= 1.15'
	server_ratio 'nowait: processor time at most 0.7 of that of the same with libwrap.so' 1 start.shipped start.shared-libwrap '<= 0.7'
}

declare -A start_instructions start_calls start_opens

# server_count NAME PROGRAM...: counts the instructions, system calls and opens of one start
server_count() {
	local name=$1
	shift
	"$TOOLS/starts" 1 "$(command -v strace)" -f -o "$WORK/calls" "$@" >/dev/null
	start_calls[$name]=$(grep -c '(' "$WORK/calls")
	start_opens[$name]=$(grep -c ' open\(at\)\?(' "$WORK/calls")
	# valgrind cannot follow a process into a filter.  in.timed enters no filter if a rule may start a program; this
	# rule does not match our address.
	cp "$WORK/etc/hosts.allow" "$WORK/rules"
	sed -i '1s/.*/in.timed: 192.0.2.1: spawn true/' "$WORK/rules"
	cat "$WORK/rules" >"$WORK/etc/hosts.allow"
	"$TOOLS/starts" 1 "$(command -v valgrind)" --tool=callgrind --callgrind-out-file=/dev/null --log-file="$WORK/callgrind" "$@" >/dev/null
	start_instructions[$name]=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$WORK/callgrind")
	server_rules 5
}

# ------------------------------------------------------------------------------------- memory, the first, growth

server_memory() {
	local pid memory
	# Make verdicts for more sources than fit in the cache.
	load udp xinetd-dgram 128 3 65000 >/dev/null
	pid=$(pgrep -P "${SERVER_PID[xinetd-dgram]}")
	memory=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status")
	title 'Memory in wait mode'
	printf 'Resident after questions from 65,000 addresses: %d KiB, of which shared with its file: %s KiB.\n\n' "$memory" \
		"$(awk '$1 == "RssFile:" { print $2 }' "/proc/$pid/status")"
	target 'resident memory at most 2 MiB with the verdict cache full' "$memory <= 2048" "$memory KiB"
}

server_cold() {
	local times=20 at answered=0
	((RUNS >= 20)) || times=$RUNS
	OPTIONS='-i 1'
	server_xinetd cold-wait stream-wait 4010
	server_xinetd cold-nowait stream-nowait 4011
	server_xinetd cold-dgram dgram-wait 4010
	for ((at = 0; at < times; at++)); do
		guest_wait 5 server_is_cold cold-wait || die 'in.timed does not leave'
		guest_wait 5 server_is_cold cold-dgram || die 'in.timed does not leave'
		# In turn, because the second one finds the program's pages in memory.
		if ((at % 2)); then
			load once cold-wait 1 5 >>"$WORK/first.wait"
			load once cold-nowait 1 5 >>"$WORK/first.nowait"
		else
			load once cold-nowait 1 5 >>"$WORK/first.nowait"
			load once cold-wait 1 5 >>"$WORK/first.wait"
		fi
		answered=$((answered + $(load burst cold-dgram 250 5 | cut -d' ' -f1)))
	done
	title "The first request to a service that is not running, $times times"
	header '' 'until answered: median'
	row 'wait' "$(column first.wait 3 | median) µs"
	row 'nowait' "$(column first.nowait 3 | median) µs"
	printf '\n'
	server_ratio 'the first request under wait takes no longer than under nowait (within 5 %)' 3 first.wait first.nowait '<= 1.05'
	target 'every one of a first burst of 250 datagrams is answered' "$answered == 250 * $times" "$answered of $((250 * times))"
}
server_is_cold() { ! pgrep -P "${SERVER_PID[$1]}" >/dev/null; }

server_growth() {
	local count name
	title 'How the cost grows with the rules: processor time each, 100 addresses'
	header 'rules' 'TCP' 'UDP' 'UDP, the first of an address'
	for count in 10 100 1000 10000; do
		server_rules "$count"
		server_settle
		server_first "first.$count" 200
		loaded xinetd-wait "rules.tcp.$count" 16 1 100
		loaded xinetd-dgram "rules.udp.$count" 128 1 100
		row "$count" "$(server_us "rules.tcp.$count")" "$(server_us "rules.udp.$count")" "$(server_us "first.$count")"
	done
	server_rules 5
	server_settle
	title 'How it grows with the addresses that ask: processor time each, five rules'
	header addresses TCP UDP
	for count in 1 100 10000 60000; do
		for name in xinetd-wait xinetd-dgram; do
			# The first run fills the cache.
			loaded "$name" warm-up 16 2 "$count"
			loaded "$name" "addresses.$name.$count" "$([[ $name = *wait ]] && echo 16 || echo 128)" 1 "$count"
		done
		row "$count" "$(server_us "addresses.xinetd-wait.$count")" "$(server_us "addresses.xinetd-dgram.$count")"
	done
	title 'How it grows with the connections at once'
	header connections 'a second' 'processor time each' 'latency, median' '99 in 100'
	for count in 1 4 16 64 256; do
		loaded xinetd-wait "connections.$count" "$count" 1
		row "$count" "$(printf %.0f "$(column "connections.$count" 1)")" "$(server_us "connections.$count")" \
			"$(column "connections.$count" 3) µs" "$(column "connections.$count" 4) µs"
	done
}

server_us() { printf '%.2f µs' "$(column "$1" 2 | median)"; }

# in.timed checks new tables every second, and caches no verdict until they are two seconds old.
server_settle() {
	local end=$((EPOCHSECONDS + 4))
	while ((EPOCHSECONDS < end)); do load burst xinetd-dgram 1 1 >/dev/null; done
}

# server_first FIGURES COUNT: sends COUNT datagrams, each from an address that has not asked since the tables changed
server_first() {
	local before after line
	before=$(tree_ns "${SERVER_PID[xinetd-dgram]}")
	line=$(load burst xinetd-dgram "$2" 20 "$2")
	after=$(tree_ns "${SERVER_PID[xinetd-dgram]}")
	awk -v ns=$((after - before)) '{ print $1 / $2, $1 ? ns / $1 / 1000 : 0 }' <<<"$line" >>"$WORK/$1"
}
