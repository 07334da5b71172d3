# shellcheck shell=bash
# in.timed under load beside every peer that answers RFC 868, and the machine's limit; its start-up cost; how the cost
# grows.  Processor time is of the server's side alone, all its processes, from /proc.

SERVE_SECONDS=${BENCH_SECONDS:-3}
SERVE_ROUNDS=$(((RUNS + 3) / 4))
RULES='in.timed: 127.0.0.0/255.0.0.0
time: 127.0.0.0/255.0.0.0
sshd: 10.0.0.0/8
in.timed: [fd00::]/64
ALL: 192.0.2.1'

part_serve() {
	serve_start
	serve_peers tcp 16
	serve_peers udp 128
	serve_burst
	serve_startup
	serve_growth
}

serve_start() {
	local tool
	for tool in load bare; do
		[[ $TOOLS/$tool -nt bench/$tool.c ]] || gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -o "$TOOLS/$tool" "bench/$tool.c"
	done
	cp build/in.timed "$WORK/in.timed"
	cp "$TOOLS/bare" "$WORK/bare"
	chmod 755 "$WORK" "$WORK"/{in.timed,bare}
	echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
	# A service that opens and closes 40,000 connections a second must not run out of ports.
	echo '1024 65535' >/proc/sys/net/ipv4/ip_local_port_range
	echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse 2>/dev/null || :
	serve_rules "$RULES"
}

serve_rules() {
	printf '%s\n' "$1" >/etc/hosts.allow
	printf 'ALL: ALL\n' >/etc/hosts.deny
}

# as_nobody COMMAND...: what comes before a superserver, whose setgroups(2) a user namespace like ours refuses
as_nobody() { exec unshare --user --map-user=65534 --map-group=65534 "$@"; }

# tree PID: it and all its descendants
tree() {
	local child
	printf '%s\n' "$1"
	for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do tree "$child"; done
}

# processor PID: time of its tree, reaped children too, in ticks of 10 ms
processor() {
	local pid sum=0 stat
	for pid in $(tree "$1"); do
		stat=$(sed 's/^.*) //' "/proc/$pid/stat" 2>/dev/null) || continue
		sum=$((sum + $(awk '{ print $12 + $13 + $14 + $15 }' <<<"$stat")))
	done
	printf '%s\n' "$sum"
}

# serve_launch KIND: starts a server on port 37 of this namespace; PID is its process
serve_launch() {
	local kind=$1 type=stream protocol=tcp wait=yes
	case $kind in *-udp*) type=dgram protocol=udp ;; esac
	case $kind in *-nowait) wait=no ;; esac
	case $kind in
	bare-tcp) background python3 bench/socket.py tcp "$WORK/bare" accept ;;
	bare-udp) background python3 bench/socket.py udp "$WORK/bare" recvmmsg ;;
	plain-*) background python3 bench/socket.py "$protocol" "$WORK/in.timed" -i 600 ;;
	xinetd-*)
		printf 'service time\n{\n\tdisable = no\n\tsocket_type = %s\n\tprotocol = %s\n\twait = %s\n\tuser = nobody\n' \
			"$type" "$protocol" "$wait" >"$WORK/xinetd.conf"
		printf '\tserver = %s\n\tflags = NOLIBWRAP\n\tinstances = UNLIMITED\n\tper_source = UNLIMITED\n\tcps = 100000 1\n}\n' \
			"$WORK/in.timed" >>"$WORK/xinetd.conf"
		background as_nobody "$PEERS/usr/sbin/xinetd" -dontfork -f "$WORK/xinetd.conf" -pidfile "$WORK/xinetd.pid"
		;;
	own.xinetd-*)
		[[ $type = dgram ]] || wait=no
		printf 'service time\n{\n\tdisable = no\n\ttype = INTERNAL\n\tid = own\n\tsocket_type = %s\n\tprotocol = %s\n\twait = %s\n' \
			"$type" "$protocol" "$wait" >"$WORK/xinetd.conf"
		printf '\tuser = nobody\n\tinstances = UNLIMITED\n\tper_source = UNLIMITED\n\tcps = 10000000 1\n}\n' >>"$WORK/xinetd.conf"
		background as_nobody "$PEERS/usr/sbin/xinetd" -dontfork -f "$WORK/xinetd.conf" -pidfile "$WORK/xinetd.pid"
		;;
	openbsd-* | inetutils-* | own.openbsd-* | own.inetutils-*)
		local mode=wait program="$WORK/in.timed in.timed"
		[[ $wait = yes ]] || mode=nowait.1000000
		case $kind in own.*) program=internal mode=wait ;; esac
		[[ $kind != own.*-tcp ]] || mode=nowait
		printf 'time %s %s %s nobody %s\n' "$type" "$protocol" "$mode" "$program" >"$WORK/inetd.conf"
		case $kind in
		*openbsd*) background as_nobody "$PEERS/usr/sbin/inetd" -i -R 100000000 "$WORK/inetd.conf" ;;
		*) background as_nobody "$PEERS/usr/sbin/inetutils-inetd" -d -R 100000000 "$WORK/inetd.conf" ;;
		esac
		;;
	systemd-*)
		local how=(--inetd)
		[[ $type = stream ]] || how+=(--datagram)
		background systemd-socket-activate "${how[@]}" --listen=127.0.0.1:37 "$WORK/in.timed" -i 600
		;;
	esac
	guest_wait 5 listens "$protocol" 37 || return 1
	# The helper is there and warm before the clock starts.
	"$TOOLS/load" "$protocol" 127.0.0.1 37 1 1 >/dev/null || :
}

# serve_once KIND PROTOCOL WINDOW [SOURCES]: a line "rate µs-each wrong lost p50 p99", or nothing where it did not run
serve_once() {
	local kind=$1 protocol=$2 window=$3 before after line
	serve_launch "$kind" || { stop "$PID"; return 0; }
	before=$(processor "$PID")
	line=$("$TOOLS/load" "$protocol" 127.0.0.1 37 "$window" "$SERVE_SECONDS" "${4-1}" || :)
	after=$(processor "$PID")
	serve_stop
	awk -v ticks=$((after - before)) '{
		for (at = 1; at <= NF; at++) { split($at, pair, "="); v[pair[1]] = pair[2] }
		if (v["answers"] > 0)
			print v["rate"], ticks * 10000 / v["answers"], v["wrong"], v["lost"], v["p50"], v["p99"]
	}' <<<"$line"
}

serve_stop() {
	local pids pid
	mapfile -t pids < <(tree "$PID")
	stop "$PID"
	for pid in "${pids[@]}"; do
		guest_wait 2 serve_gone "$pid" || kill -s KILL "$pid" 2>/dev/null || :
	done
}
serve_gone() { [[ ! -e /proc/$1 || $(sed 's/^.*) //;s/ .*//' "/proc/$1/stat" 2>/dev/null) = Z ]]; }

# serve_peers PROTOCOL WINDOW: all of them in turn, round after round
serve_peers() {
	local protocol=$1 window=$2 kind round
	local kinds=(bare plain xinetd openbsd inetutils systemd own.xinetd own.openbsd own.inetutils)
	for ((round = 0; round < SERVE_ROUNDS; round++)); do
		for kind in "${kinds[@]}"; do
			serve_once "$kind-$protocol" "$protocol" "$window" >>"$WORK/serve.$kind-$protocol"
		done
	done
	title "RFC 868 over ${protocol^^}, $window at once, five rules; medians of $SERVE_ROUNDS rounds of $SERVE_SECONDS s in turn"
	header server 'answers/s' 'processor time each' 'p50' 'p99' wrong lost
	for kind in "${kinds[@]}"; do
		[[ -s $WORK/serve.$kind-$protocol ]] || { row "$(serve_name "$kind")" 'did not run' '' '' '' '' ''; continue; }
		row "$(serve_name "$kind")" "$(column "serve.$kind-$protocol" 1 | median)" \
			"$(us "$(calc "$(column "serve.$kind-$protocol" 2 | median) / 1e6")")" \
			"$(us "$(calc "$(column "serve.$kind-$protocol" 5 | median) / 1e6")")" \
			"$(us "$(calc "$(column "serve.$kind-$protocol" 6 | median) / 1e6")")" \
			"$(column "serve.$kind-$protocol" 3 | quantile 1)" "$(column "serve.$kind-$protocol" 4 | quantile 1)"
	done
	printf '\n'
	if [[ $protocol = tcp ]]; then
		serve_target "TCP under xinetd, processor time: at most 0.75 of xinetd's own" xinetd-tcp own.xinetd-tcp 2 '<=' 0.75
		serve_target "TCP under xinetd, processor time: at most 1.0 of a bare accept loop" xinetd-tcp bare-tcp 2 '<=' 1.0
		serve_target "TCP under xinetd, answers a second: those of the bare loop" xinetd-tcp bare-tcp 1 '>=' 0.97
	else
		local best=own.openbsd-udp
		[[ -s $WORK/serve.own.inetutils-udp ]] && best=own.inetutils-udp
		serve_target "UDP under xinetd, answers a second: at least 1.35 of the best superserver's own" xinetd-udp "$best" 1 '>=' 1.35
		serve_target "UDP under xinetd, answers a second: at least 0.95 of the bare loop" xinetd-udp bare-udp 1 '>=' 0.95
	fi
}

serve_name() {
	case $1 in
	bare) echo 'bare loop, no check' ;;
	plain) echo 'in.timed alone' ;;
	own.*) echo "${1#own.}'s own service" ;;
	*) echo "in.timed, wait, $1" ;;
	esac
}

# serve_target WHAT A B COLUMN COMPARE LIMIT: the ratio of A to B, round by round, its median
serve_target() {
	local ratio
	ratio=$(paste <(column "serve.$2" "$4") <(column "serve.$3" "$4") | awk 'NF == 2 && $2 > 0 { print $1 / $2 }' | median)
	target "$1" "${ratio:-0} $5 $6" "$(printf %.2f "${ratio:-0}")"
}

# Every one of a burst of 250, also as the first burst, which starts the program.
serve_burst() {
	local round answered least=250
	for ((round = 0; round < SERVE_ROUNDS; round++)); do
		PID=
		serve_launch_cold
		answered=$(timeout 20 python3 tests/lib/timeclient.py --udp --burst 250 127.0.0.1 37 2>/dev/null |
			sed -n 's/.*answers=\([0-9]*\).*/\1/p')
		((${answered:-0} >= least)) || least=${answered:-0}
		serve_stop
	done
	printf '\n'
	target 'UDP: all of a burst of 250 answered, which starts the program' "$least == 250" "$least of 250 at worst"
}
serve_launch_cold() {
	printf 'service time\n{\n\tdisable = no\n\tsocket_type = dgram\n\tprotocol = udp\n\twait = yes\n\tuser = nobody\n\tserver = %s\n\tflags = NOLIBWRAP\n}\n' \
		"$WORK/in.timed" >"$WORK/xinetd.conf"
	background as_nobody "$PEERS/usr/sbin/xinetd" -dontfork -f "$WORK/xinetd.conf" -pidfile "$WORK/xinetd.pid"
	guest_wait 5 listens udp 37
}

# Instructions, system calls and opens of one nowait start, with a connection on standard input.
serve_startup() {
	local instructions calls opens
	instructions=$(python3 bench/socket.py connected valgrind --tool=callgrind --callgrind-out-file=/dev/null "$WORK/in.timed" 2>&1 |
		sed -n 's/.*Collected : *//p')
	python3 bench/socket.py connected strace -qq -o "$WORK/strace" "$WORK/in.timed" >/dev/null 2>&1 || :
	calls=$(grep -c '(' "$WORK/strace")
	opens=$(grep -c '^open[a-z]*(' "$WORK/strace")
	title 'A nowait start'
	header what in.timed
	row instructions "$instructions"
	row 'system calls' "$calls"
	row opens "$opens"
	printf '\n'
	target 'nowait: at most 160,000 instructions' "$instructions <= 160000" "$instructions"
	target 'nowait: at most 45 system calls' "$calls <= 45" "$calls"
	target 'nowait: at most 3 opens' "$opens <= 3" "$opens"
}

# How the cost grows with rules, sources and connections.
serve_growth() {
	local rules sources window figures resident
	title 'How the cost grows (in.timed alone, wait)'
	header what 'UDP: processor time each' 'TCP: processor time each'
	for rules in 10 100 1000 10000; do
		serve_rules "$(for ((at = 1; at < rules; at++)); do echo "in.timed: 10.$((at / 65536)).$((at / 256 % 256)).$((at % 256))"; done)
in.timed: 127.0.0.0/255.0.0.0"
		row "$rules rules" "$(serve_cost plain-udp udp 128)" "$(serve_cost plain-tcp tcp 16)"
	done
	serve_rules "$RULES"
	for sources in 1 100 10000; do
		row "$sources client addresses" "$(serve_cost plain-udp udp 128 "$sources")" "$(serve_cost plain-tcp tcp 16 "$sources")"
	done
	for window in 1 16 256; do
		row "$window at once" "$(serve_cost plain-udp udp "$window")" "$(serve_cost plain-tcp tcp "$window")"
	done
	printf '\n'
	serve_launch plain-udp
	"$TOOLS/load" udp 127.0.0.1 37 128 3 10000 >/dev/null || :
	resident=$(awk '/^VmHWM/ { print $2 }' "/proc/$PID/status")
	serve_stop
	target 'resident memory, wait, 10,000 sources: at most 2 MiB' "$resident <= 2048" "$resident KiB"
}
serve_cost() { us "$(calc "$(serve_once "$@" | awk '{ print $2 }') / 1e6")"; }
