# shellcheck shell=bash
# Runs xinetd for the demo and the guest's tests: from a shipped snippet, on a free loopback port, as the current user.

# xinetd_start DIRECTORY SNIPPET: makes DIRECTORY, starts xinetd there, and waits until it listens.  Sets XINETD_PORT.
# Changes in the snippet: port, address and its family, the path of in.timed, disable, and the user if this is not root.
xinetd_start() {
	local directory=$1 snippet=$2 user=nobody
	[ "$EUID" -eq 0 ] || user=$(id -un)
	mkdir -p "$directory"
	chmod 755 "$directory"
	# The build may be in a directory that the user nobody cannot search.
	install -m 755 build/in.timed "$directory/in.timed"
	# The port may be in use.
	for _ in 1 2 3 4 5; do
		XINETD_PORT=$((20000 + (RANDOM * 32768 + RANDOM) % 10000))
		sed -e 's/^\(\s*disable\s*=\).*/\1 no/' -e "s|^\(\s*server\s*=\).*|\1 $directory/in.timed|" \
			-e "s/^\(\s*user\s*=\).*/\1 $user/" -e 's/^\(\s*flags\s*=.*\)IPv6/\1IPv4/' \
			-e "s/^}/\ttype = UNLISTED\n\tport = $XINETD_PORT\n\tbind = 127.0.0.1\n}/" "$snippet" >"$directory/xinetd.conf"
		build/peers/usr/sbin/xinetd -dontfork -f "$directory/xinetd.conf" -pidfile "$directory/pid" \
			-filelog "$directory/log" </dev/null >"$directory/out" 2>&1 &
		XINETD_PID=$!
		if guest_wait 5 xinetd_listens; then
			return 0
		fi
		xinetd_stop
	done
	printf 'xinetd did not start: %s\n' "$(cat "$directory/log" "$directory/out" 2>/dev/null | tail -n 1)" >&2
	return 1
}

xinetd_listens() { (exec 3<>"/dev/tcp/127.0.0.1/$XINETD_PORT") 2>/dev/null; }

# xinetd_stop: ends xinetd and the servers that it started.  Safe when there is none.
xinetd_stop() {
	[ -n "${XINETD_PID-}" ] || return 0
	kill "$XINETD_PID" 2>/dev/null || :
	wait "$XINETD_PID" 2>/dev/null || :
	XINETD_PID=
}
