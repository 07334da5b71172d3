# shellcheck shell=bash
# Starts the real superservers from the snippets as they are shipped, in the sandbox of common.bash.
#
#	superserver_start KIND STYLE [PORT]
#
#	KIND	xinetd | openbsd | inetutils | activate (systemd-socket-activate)
#	STYLE	stream-wait | dgram-wait | stream-nowait | both-wait (not with activate)
#
# In the sandbox, port 37, /usr/sbin/in.timed and /etc/xinetd.d are the test's own.  So a snippet needs only the change
# that its administrator makes: xinetd's disable = yes becomes no.  Other changes are:
#	- PORT, if given;
#	- $OPTIONS, the options of in.timed, if a test sets them;
#	- $SERVER, another program inside the sandbox, if a test sets it;
#	- stream-nowait: no snippet is shipped so; "wait" becomes "nowait" here, and the limit on starts is raised, as
#	  the snippets require.

requires_superserver() { # KIND
	case $1 in
	xinetd) requires "$PEERS/usr/sbin/xinetd" ;;
	openbsd) requires "$PEERS/usr/sbin/inetd" ;;
	inetutils) requires "$PEERS/usr/sbin/inetutils-inetd" ;;
	activate) requires systemd-socket-activate ;;
	*)
		printf 'no such superserver: %s\n' "$1"
		return 1
		;;
	esac
}

superserver_start() {
	requires_superserver "$1"
	superserver_fill "$2" "${3-37}"
	"superserver_$1"
	wait_for 5 superserver_ready
}

# superserver_fill STYLE PORT: sets the values to fill in the snippets
superserver_fill() {
	SUPER_TYPE=${1%-*} SUPER_WAIT=${1#*-} SUPER_PORT=$2
}

superserver_ready() {
	case $SUPER_TYPE in
	both) bound stream "$SUPER_PORT" && bound dgram "$SUPER_PORT" ;;
	*) bound "$SUPER_TYPE" "$SUPER_PORT" ;;
	esac
}

# superserver_stop [SIGNAL]
superserver_stop() { stop superserver "${1-TERM}"; }

# superserver_setup_file [HELPER...]: finds python once for all tests of a file, and builds the HELPERs
superserver_setup_file() {
	python -c '' || return 1
	export PYTHON
	[ $# -eq 0 ] || make -s -C "$TOP" -f tests/helpers/helpers.mk "${@/#/build/tests/}"
}

superserver_xinetd() {
	xinetd_install
	# Debian starts it with -stayalive.  The log goes to a file instead of the machine's syslog.
	background superserver sandbox "$PEERS/usr/sbin/xinetd" -dontfork -stayalive -pidfile /run/xinetd.pid \
		-filelog "$WORK/xinetd.log"
}

# xinetd_install: puts the snippets of $SUPER_TYPE in /etc/xinetd.d, with Debian's own xinetd.conf
xinetd_install() {
	local type
	rm -f "$ETC"/xinetd.d/*
	for type in stream dgram; do
		case $SUPER_TYPE in both | "$type") xinetd_snippet "$type" >"$ETC/xinetd.d/in-timed-$type" ;; esac
	done
	cp "$PEERS/etc/xinetd.conf" "$ETC/xinetd.conf"
	: >"$WORK/xinetd.log"
}

# xinetd_snippet TYPE: prints the snippet with the changes listed above
xinetd_snippet() {
	local script='s/^([[:blank:]]*disable[[:blank:]]*=[[:blank:]]*)yes$/\1no/'
	[ "$SUPER_WAIT" = wait ] ||
		script="$script; s/^([[:blank:]]*wait[[:blank:]]*=).*/\\1 no/; s/^([[:blank:]]*cps[[:blank:]]*=).*/\\1 1000 1/; s/^([[:blank:]]*instances[[:blank:]]*=).*/\\1 1000/"
	[ -z "${SERVER-}" ] || script="$script; s|^([[:blank:]]*server[[:blank:]]*=).*|\\1 $SERVER|"
	# Insert each before the last line, the only one that begins with a closing brace.
	[ -z "${OPTIONS-}" ] || script="$script; /^}/i \\\tserver_args = $OPTIONS"
	[ "$SUPER_PORT" = 37 ] || script="$script
		/^}/i \\\ttype = UNLISTED\n\tport = $SUPER_PORT"
	sed -E "$script" "$SNIPPETS/xinetd.d/in-timed-$1"
}

superserver_openbsd() {
	inetd_lines openbsd-inetd.conf >"$ETC/inetd.conf"
	background superserver sandbox "$PEERS/usr/sbin/inetd" -i /etc/inetd.conf
}

superserver_inetutils() {
	inetd_lines inetutils-inetd.conf >"$ETC/inetd.conf"
	# -d keeps it in the foreground; its output is the test's log.
	background superserver sandbox "$PEERS/usr/sbin/inetutils-inetd" -d
}

# inetd_lines FILE: prints the lines of $SUPER_TYPE with the changes listed above.
inetd_lines() {
	awk -v OFS='\t' -v type="$SUPER_TYPE" -v mode="$SUPER_WAIT" -v port="$SUPER_PORT" \
		-v server="${SERVER-}" -v options="${OPTIONS-}" '
		/^#/ || NF == 0 { print; next }
		type != "both" && $2 != type { next }
		{
			if (port != 37) $1 = port
			if (mode == "nowait") sub(/^wait[.0-9]*/, "nowait.10000", $4)
			if (server != "") $6 = server
			if (options != "") $0 = $0 OFS options
			print
		}' "$SNIPPETS/inetd/$1"
}

# A test cannot start systemd as process 1.  So the units' settings go to the tool that systemd ships for this purpose:
# the socket's address and type, and the service's command.
superserver_activate() {
	local socket=$SNIPPETS/systemd/in.timed-$SUPER_TYPE.socket key=ListenStream listen server
	local -a how=(--inetd)
	[ "$SUPER_TYPE" = stream ] || { key=ListenDatagram how+=(--datagram); }
	[ "$SUPER_WAIT" = wait ] || how+=(--accept)
	listen=$(sed -n "s/^$key=//p" "$socket")
	[ "$SUPER_PORT" = 37 ] || listen=${listen/%37/$SUPER_PORT}
	server=$(sed -n 's/^ExecStart=//p' "${socket%.socket}.service")
	# shellcheck disable=SC2086 # the command's words
	background superserver sandbox "$(command -v systemd-socket-activate)" "${how[@]}" --listen="$listen" \
		${SERVER-$server} ${OPTIONS-}
}

# helper: prints the pid of the in.timed that serves; fails unless there is exactly one
helper() {
	local pids
	pids=$(sandbox_pids in.timed)
	case $pids in
	'') printf 'no in.timed runs\n' >&2 ;;
	*[!0-9]*) printf 'more than one in.timed: %s\n' "$(echo "$pids" | tr '\n' ' ')" >&2 ;;
	*) printf '%s\n' "$pids" && return 0 ;;
	esac
	return 1
}

# ask [OPTION...] ADDRESS [PORT]: sends one request to the service with the raw client
ask() {
	local -a words=("$@")
	case ${words[-1]} in *[.:]*) words+=("${SUPER_PORT:-37}") ;; esac
	# -S: without site packages python starts in half the time.
	in_net "$PYTHON" -I -S "$TOP/tests/lib/timeclient.py" "${words[@]}"
}
