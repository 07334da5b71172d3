# shellcheck shell=bash
# Other hosts, with their own addresses, around the sandbox of common.bash; all superservers at once; a log; a name
# server.  Load after lib/common and lib/superserver.

# host_start NAME NUMBER: starts a host: a network namespace that a veth pair connects to the sandbox.  On this link the
# sandbox is 10.37.NUMBER.1 and fd37:NUMBER::1, the host 10.37.NUMBER.2, .3 and .130, fd37:NUMBER::2 and fd37:NUMBER::3.
# On every such link the sandbox is also fe80::1, and the host fe80::2 and fe80::3.
host_start() {
	local name=$1 number=$2 ready=$WORK/host_$1.ready pid
	# shellcheck disable=SC2016,SC2153
	host_hold() { no_clock "${ENTER[@]}" --mount unshare --net sh -c ': >"$1"; exec sleep 300' sh "$ready"; }
	background "host_$name" host_hold
	pid=$PID
	wait_for 5 test -e "$ready" || { cat "$WORK/host_$name.out"; return 1; }
	in_net ip -batch - <<-END || return 1
		link add host$number type veth peer name eth0 netns $pid
		link set host$number addrgenmode none
		address add 10.37.$number.1/24 dev host$number
		address add fd37:$number::1/64 dev host$number nodad
		address add fe80::1/64 dev host$number nodad
		link set host$number up
	END
	in_host "$name" ip -batch - <<-END
		link set lo up
		link set eth0 addrgenmode none
		address add 10.37.$number.2/24 dev eth0
		address add 10.37.$number.3/24 dev eth0
		address add 10.37.$number.130/24 dev eth0
		address add fd37:$number::2/64 dev eth0 nodad
		address add fd37:$number::3/64 dev eth0 nodad
		address add fe80::2/64 dev eth0 nodad
		address add fe80::3/64 dev eth0 nodad
		link set eth0 up
	END
}

# in_host NAME COMMAND...
in_host() {
	local name=$1
	shift
	local -a enter=(nsenter --target "$(pid_of "host_$name")" --net)
	[ "$EUID" -eq 0 ] || enter+=(--user --preserve-credentials)
	no_clock "${enter[@]}" "$@"
}

# ------------------------------------------------------------------------------------------ log, name server

# log_start: gives the sandbox its own /dev, in which programs log to $LOG.  Call it before they start.
log_start() {
	DEV=$WORK/dev
	LOG=$WORK/log
	mkdir -p "$DEV"
	mkfifo "$WORK/log.ack"
	: >"$LOG"
	background logsink "$PYTHON" -I -S "$TOP/tests/lib/logsink.py" "$DEV/log" "$LOG" "$WORK/log.ack"
	wait_for 15 test -S "$DEV/log" || { cat "$WORK/logsink.out"; return 1; }
	dev_make "$DEV"
	# shellcheck disable=SC2016 # for that shell
	"${ENTER[@]}" --mount sh -c 'mount -a -T "$1.fstab" && mount --rbind "$1" /dev' sh "$DEV"
}

# logged REGEX: prints how many lines of the log match
logged() { grep -cE -- "$1" "$LOG" || :; }

# resolver_start TABLE [ADDRESSES]: starts a name server in the sandbox, at 127.0.0.1 or ADDRESSES, and names 127.0.0.1
# in /etc/resolv.conf.  TABLE: lines for tests/lib/resolver.py.
resolver_start() {
	printf '%s\n' "$1" >"$WORK/names"
	rm -f "$WORK/resolver.ready"
	etc_replace resolv.conf 'nameserver 127.0.0.1'
	background resolver in_net "$PYTHON" -I -S "$TOP/tests/lib/resolver.py" --ready "$WORK/resolver.ready" \
		"${2-127.0.0.1}" "$WORK/names"
	wait_for 5 test -e "$WORK/resolver.ready" || { cat "$WORK/resolver.out"; return 1; }
}

# ------------------------------------------------------------------------------------- every superserver at once

# superservers_start: starts each superserver in each style on its own port; SERVICES is "name:protocol:port,...".
superservers_start() {
	local kind port=1037
	SERVICES=
	for kind in xinetd openbsd inetutils activate; do
		case $kind in
		activate)
			ACTIVATE_PORT=$port
			superserver_one $kind stream-wait $port
			superserver_one $kind dgram-wait $port
			;;
		*) superserver_one $kind both-wait $port ;;
		esac
		superserver_one $kind stream-nowait $((port + 1000))
		SERVICES+=${SERVICES:+,}$kind-stream-wait:tcp:$port,$kind-dgram-wait:udp:$port
		SERVICES+=,$kind-stream-nowait:tcp:$((port + 1000))
		port=$((port + 1))
	done
}

superserver_one() { # KIND STYLE PORT
	superserver_start "$1" "$2" "$3" || return 1
	# superserver_start records one at a time: rename its record.
	mv "$PIDS/superserver" "$PIDS/superserver_$1_$2"
}

# superservers_revive: restarts each systemd-socket-activate that has ended.  systemd starts its service again for the
# next request, but systemd-socket-activate without --accept becomes the service and ends with it.
superservers_revive() {
	local style
	for style in stream-wait dgram-wait; do
		[ ! -e "$PIDS/superserver_activate_$style" ] || alive "superserver_activate_$style" ||
			superserver_one activate $style "$ACTIVATE_PORT" || return 1
	done
}

# let_in [--link] SOURCE...: checks that every service answers these of all the hosts' global (or link-local) addresses,
# and no others.  Repeats the check until it succeeds, for 30 seconds: on a busy machine look-ups of names are slow, and
# in.timed then denies for a while.
let_in() {
	local end=$(($(now_ms) + 30000)) name wrong
	local -a names=() asking=() link=()
	[ "${1-}" != --link ] || { link=(--link) && shift; }
	for name in "$PIDS"/host_*; do names+=("${name##*/host_}"); done
	while :; do
		superservers_revive || return 1
		asking=()
		for name in "${names[@]}"; do
			in_host "$name" "$PYTHON" -I -S "$TOP/tests/lib/askmany.py" "${link[@]}" --services "${ASKED-$SERVICES}" "$@" \
				>"$WORK/asked_$name" 2>&1 3>&- &
			asking+=($!)
		done
		wrong=0
		for name in "${!asking[@]}"; do wait "${asking[name]}" || wrong=1; done
		((wrong)) || return 0
		(($(now_ms) < end)) || break
		sleep 0.1
	done
	for name in "${names[@]}"; do sed "s/^/host $name: /" "$WORK/asked_$name"; done
	printf -- '--- hosts.allow\n%s\n--- hosts.deny\n%s\n---\n' "$(cat "$ETC/hosts.allow" 2>&1)" "$(cat "$ETC/hosts.deny" 2>&1)"
	return 1
}

# with_tables ALLOW DENY: replaces both tables, and makes in.timed check them
with_tables() {
	hosts_allow "$1"
	hosts_deny "$2"
	tables_count
}

# tables_count: in.timed checks the tables once a second, on its timer's signal.  Send it that signal now; other tests
# measure how long it takes by itself.
tables_count() {
	local pid
	for pid in $(sandbox_pids in.timed); do kill -s ALRM "$pid" 2>/dev/null || :; done
}
