# shellcheck shell=bash
# Helpers that every bats file loads.  They are strict: a wait has an end, a process that was started is
# stopped by its own pid, and a test that cannot run says why.
#
#	load lib/common
#	setup() { common_setup; }
#	teardown() { common_teardown; }

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PEERS=$TOP/build/peers
# shellcheck source=tests/lib/peers.bash
. "$TOP/tests/lib/peers.bash"

# What is tested.  Another program or another set of snippets may be named, to see that the tests notice.
IN_TIMED=${IN_TIMED:-$TOP/build/in.timed}
# Its objects with shared libraries, to preload a clock.
IN_TIMED_SHARED=${IN_TIMED_SHARED:-$TOP/build/dynamic/in.timed}
SNIPPETS=${SNIPPETS:-$TOP}
export TOP PEERS IN_TIMED IN_TIMED_SHARED SNIPPETS

# Messages and dates are compared with words, so the tester's own language and zone stay out of it.
export LC_ALL=C TZ=UTC

# ------------------------------------------------------------------------------------------ start and end

common_setup() {
	# Bats gives each test a directory of its own.
	WORK=$BATS_TEST_TMPDIR
	PIDS=$WORK/pids
	SANDBOX=
	mkdir -p "$PIDS"
	umask 022
}

common_teardown() {
	local status=0
	if [ -n "${SANDBOX-}" ]; then sandbox_stop || status=1; fi
	stop_all || status=1
	return $status
}

# requires TOOL...: without one the test is skipped on a developer's machine, and fails where everything was
# set up to be there: a skip that nobody reads is how a test is lost.
requires() {
	local tool missing=
	for tool in "$@"; do
		case $tool in
		*/*) [ -x "$tool" ] || missing="$missing $tool" ;;
		*) PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool" ;;
		esac
	done
	[ -z "$missing" ] || unmet "missing:$missing (make setup)"
}

unmet() { # REASON
	if [ -n "${CI-}${GUESTCLOCK_STRICT-}" ]; then
		printf 'cannot run, and may not be skipped here: %s\n' "$*"
		return 1
	fi
	skip "$*"
}

# ------------------------------------------------------------------------------------------------ waiting

# retry COUNT DELAY COMMAND...: until it succeeds, COUNT times at most.
retry() {
	local count=$1 delay=$2 i
	shift 2
	for ((i = 1; i <= count; i++)); do
		"$@" && return 0
		((i == count)) || sleep "$delay"
	done
	printf 'retry: %d times in vain: %s\n' "$count" "$*"
	return 1
}

# now_ms: milliseconds, for the deadlines of the helpers.
now_ms() {
	local us=${EPOCHREALTIME/./}
	printf '%s\n' "${us%???}"
}

# wait_for SECONDS COMMAND...: look again every 20 ms until it succeeds or the time is up.  What the last
# look printed is shown when it never did.
wait_for() {
	local ms=${1/./} end out
	case $1 in *.*) ms=$((10#$ms * 100)) ;; *) ms=$((ms * 1000)) ;; esac	# seconds, or seconds and tenths
	end=$(($(now_ms) + ms))
	local limit=$1
	shift
	while ! out=$("$@" 2>&1); do
		if (($(now_ms) >= end)); then
			printf 'waited %s s in vain for: %s\n%s\n' "$limit" "$*" "$out"
			return 1
		fi
		sleep 0.02
	done
}

# not COMMAND...: for wait_for, and because a bare ! never fails a bats test.
not() {
	if "$@"; then return 1; fi
}

# ------------------------------------------------------------------------------------------------ commands

# A client that waits for ever would make the tests wait for ever: "timeout" bounds every one that has no limit
# of its own.
# shellcheck disable=SC2034 # for the tests
BOUND=(timeout -k 1 10)

# run_cmd COMMAND...: runs it, leaves $output and $status as bats' run does, and on failure tells command,
# status and output: a red test should be understood from its log.
run_cmd() {
	status=0
	output=$("$@" 2>&1) || status=$?
	((status == 0)) && return 0
	printf -- '--- command: %s\n--- status: %d\n--- output:\n%s\n---\n' "$*" "$status" "$output"
	return "$status"
}

# fails_with STATUS COMMAND...: the same for a command that has to fail, and in one way only.
fails_with() {
	local want=$1
	shift
	status=0
	output=$("$@" 2>&1) || status=$?
	((status == want)) && return 0
	printf -- '--- command: %s\n--- status: %d, expected %d\n--- output:\n%s\n---\n' \
		"$*" "$status" "$want" "$output"
	return 1
}

# equal ACTUAL EXPECTED WHAT
equal() {
	[ "$1" = "$2" ] && return 0
	printf '%s: is "%s", expected "%s"\n' "${3-value}" "$1" "$2"
	return 1
}

# at_most ACTUAL LIMIT WHAT
at_most() {
	(($1 <= $2)) && return 0
	printf '%s: is %s, expected at most %s\n' "${3-value}" "$1" "$2"
	return 1
}

# The interpreter itself, found once: a shim in front of it may cost more than the test.
python() {
	if [ -z "${PYTHON-}" ]; then
		PYTHON=$(python3 -c 'import sys; print(sys.executable)') || return 1
		export PYTHON
	fi
	"$PYTHON" "$@"
}

# free_port: prints a port that nobody uses for TCP or UDP, on 127.0.0.1 and ::1 alike.
free_port() {
	python - <<-'END'
	import socket, sys
	for attempt in range(200):
	    held = []
	    try:
	        port = 0
	        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
	            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
	                s = socket.socket(family, kind)
	                held.append(s)
	                s.bind((address, port))
	                port = s.getsockname()[1]
	        print(port)
	        sys.exit(0)
	    except OSError:
	        continue
	    finally:
	        for s in held:
	            s.close()
	sys.exit("no port is free for both protocols and both families")
	END
}

# ----------------------------------------------------------------------------------------------- processes

# background NAME COMMAND...: starts it, with its output in $WORK/NAME.out, and records its pid, which is
# left in $PID as well.  COMMAND is a program, or one of the functions below that end in a program.
background() {
	local name=$1
	shift
	# Descriptor 3 is bats' own: whoever keeps it keeps bats from ending.
	{
		# shellcheck disable=SC2030 # for this subshell is what is meant
		EXEC='exec'
		if [ "$(type -t "$1")" = function ]; then "$@"; else exec "$@"; fi
	} >"$WORK/$name.out" 2>&1 </dev/null 3>&- &
	PID=$!
	printf '%s %s\n' "$PID" "$(start_of "$PID")" >"$PIDS/$name"
}

# pid_of NAME
pid_of() {
	local pid rest
	# shellcheck disable=SC2034 # the start time is for alive
	read -r pid rest <"$PIDS/$1" && printf '%s\n' "$pid"
}

# start_of PID: when it was started, in ticks since boot.  A pid alone can be another process by the time
# that it is killed.
start_of() {
	local line
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
	# The name stands in brackets and may hold anything: count behind the last one.
	# shellcheck disable=SC2086
	set -- ${line##*) }
	printf '%s\n' "${20}"
}

# state_of PID: R, S, Z ... or nothing
state_of() {
	local line
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
	line=${line##*) }
	printf '%s\n' "${line%% *}"
}

# cpu_of PID: processor time so far, in ticks (of 10 ms on every Linux in use)
cpu_of() {
	local line
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
	# shellcheck disable=SC2086
	set -- ${line##*) }
	printf '%s\n' $((${12} + ${13}))
}

# running PID: alive, and not a zombie that only waits to be reaped
running() {
	case $(state_of "$1") in '' | Z | X) return 1 ;; esac
}

# alive NAME
alive() {
	local pid start
	[ -e "$PIDS/$1" ] && read -r pid start <"$PIDS/$1" && running "$pid" && [ "$(start_of "$pid")" = "$start" ]
}

# stop NAME [SIGNAL]: ends what background started, and waits until it has ended.
stop() {
	local name=$1 signal=${2-TERM} pid start
	[ -e "$PIDS/$name" ] || return 0
	read -r pid start <"$PIDS/$name"
	rm -f "$PIDS/$name"
	[ -n "$start" ] && [ "$(start_of "$pid")" = "$start" ] || return 0
	kill -s "$signal" "$pid" 2>/dev/null || :
	if ! wait_for 2 not running "$pid" >/dev/null; then
		kill -s KILL "$pid" 2>/dev/null || :
		wait_for 2 not running "$pid" || return 1
	fi
	# Reaped here, so that bash does not announce it in the middle of a later test.
	{ wait "$pid" || :; } 2>/dev/null
}

stop_all() {
	local file status=0
	for file in "$PIDS"/*; do
		[ -e "$file" ] || continue
		stop "${file##*/}" || status=1
	done
	return $status
}

# --------------------------------------------------------------------------------- an /etc of the test's own

# etc_make DIRECTORY: an /etc with just what programs look up.  A whole directory, not hosts.allow alone: the
# machine may have no hosts.allow to mount over, an editor replaces the file instead of writing into it, and
# the names that libwrap looks up must come from here, never from the network.
etc_make() {
	local dir=$1 file
	local -a files=()
	mkdir -p "$dir/xinetd.d" "$dir/inetd.d" "$dir/alternatives"
	for file in passwd group services protocols rpc networks host.conf gai.conf \
		ld.so.cache ld.so.conf ld.so.conf.d localtime; do
		[ ! -e "/etc/$file" ] || files+=("/etc/$file")
	done
	cp -a "${files[@]}" "$dir/"
	printf '%s\n' 'passwd: files' 'group: files' 'hosts: files' 'services: files' 'protocols: files' \
		'netgroup: files' >"$dir/nsswitch.conf"
	printf '%s\n' '127.0.0.1 localhost' '::1 localhost ip6-localhost' '127.0.0.2 allowed.test' \
		'127.0.0.3 denied.test' >"$dir/hosts"
	: >"$dir/hosts.allow"
	: >"$dir/hosts.deny"
	: >"$dir/resolv.conf"
	printf 'guestclock-test\n' >"$dir/hostname"
}

# What a shell in the private mount namespace does with that directory.  /etc/alternatives, without which awk and
# others are not found, is hundreds of links, faster mounted than copied.
# shellcheck disable=SC2016 # for that shell
ETC_MOUNT='{ [ ! -d /etc/alternatives ] || mount --bind /etc/alternatives "$1/alternatives"; } &&
	mount --rbind "$1" /etc'

# No process of a test may have the means to set this machine's clock.  Root's own lose the capability from
# the bounding set, which no later exec gives back; in a user namespace the kernel refuses by itself.
# shellcheck disable=SC2031 # set for background's subshell
no_clock() {
	if [ "$(id -u)" -eq 0 ]; then
		$EXEC setpriv --bounding-set -sys_time --inh-caps -sys_time -- "$@"
	else
		$EXEC "$@"
	fi
}

# What background puts before a command that a function starts, so that the pid recorded is the program's own.
EXEC=

# ns_flags: what unshare needs to make private namespaces, for root and for others
ns_flags() {
	if [ "$(id -u)" -eq 0 ]; then printf '%s\n' --mount; else printf '%s\n' --user --map-root-user --mount; fi
}

# requires_namespaces: private mount and network namespaces can be made here
requires_namespaces() {
	requires unshare nsenter setpriv ip
	# shellcheck disable=SC2046
	unshare $(ns_flags) --net true 2>/dev/null ||
		unmet "neither root nor user namespaces: /etc/hosts.allow cannot be replaced for a test"
}

# private_etc ALLOW DENY COMMAND...: runs COMMAND where /etc/hosts.allow and /etc/hosts.deny hold these
# texts, and without the power to set the clock.  The machine's own /etc is not touched.  As an ordinary user
# it runs as root of a user namespace, which is nobody in particular outside.
private_etc() {
	local dir
	dir=$(mktemp -d "$WORK/etc.XXXXXX")
	etc_make "$dir"
	[ -z "$1" ] || printf '%s\n' "$1" >"$dir/hosts.allow"
	[ -z "$2" ] || printf '%s\n' "$2" >"$dir/hosts.deny"
	shift 2
	# shellcheck disable=SC2046 # several words are meant
	no_clock unshare $(ns_flags) sh -c "$ETC_MOUNT"' && shift && exec "$@"' sh "$dir" "$@"
}

# ------------------------------------------------------------------------------------------------- sandbox

# sandbox_start: private mount and network namespaces for one test, held by one process.  Inside, port 37 is
# free, this host has the addresses 127.0.0.0/8, 10.37.0.1, 10.37.0.2 and fd00::1 to fd00::9, /etc is $ETC, and
# /usr/sbin/in.timed is the program under test, so that a shipped snippet can be used to the letter.
sandbox_start() {
	requires_namespaces
	ETC=$WORK/etc
	etc_make "$ETC"
	mkdir -p "$WORK/sbin"
	[ ! -e "$IN_TIMED" ] || cp "$IN_TIMED" "$WORK/sbin/in.timed"
	chmod -R go+rX "$ETC" "$WORK/sbin"
	# shellcheck disable=SC2016
	local inside='
		# Only matters to those who are not root: their superserver runs without any capability.
		echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
		{
			echo link set lo up
			for i in 1 2 3 4 5 6 7 8 9; do echo "address add fd00::$i/128 dev lo nodad"; done
			# Some superservers treat 127.0.0.0/8 in a way of their own.
			for i in 1 2; do echo "address add 10.37.0.$i/32 dev lo"; done
		} | ip -batch - || exit
		# Superservers write their pid files to /run; systemd and others of this machine are not met there.
		mount --bind "$2" /usr/sbin && mount -t tmpfs tmpfs /run || exit
		: >"$3"
		# Bounded, should nobody come to stop it.
		exec sleep 300'
	# shellcheck disable=SC2046
	background sandbox unshare $(ns_flags) --net sh -c "PATH=\$PATH:/usr/sbin:/sbin; $ETC_MOUNT && $inside" \
		sh "$ETC" "$WORK/sbin" "$WORK/ready"
	wait_for 5 test -e "$WORK/ready" || { cat "$WORK/sandbox.out"; return 1; }
	SANDBOX=$PID
	ENTER=(nsenter --target "$SANDBOX" --net)
	[ "$(id -u)" -eq 0 ] || ENTER+=(--user --preserve-credentials)
}

# sandbox [unshare FLAG... --] COMMAND...: runs it in both namespaces, as the superservers are.  Started by an
# ordinary user it is nobody there, without any capability, in one more user namespace: root of one that holds
# a single user would not do, because setgroups(2) is refused to it and xinetd insists.
sandbox() {
	local -a more=()
	if [ "$1" = unshare ]; then
		more=(unshare)
		shift
		while [ "$1" != -- ]; do
			more+=("$1")
			shift
		done
		shift
	fi
	if [ "$(id -u)" -ne 0 ]; then more=(unshare --user --map-user=65534 --map-group=65534 "${more[@]:1}"); fi
	# What runs in the background goes with its test, even if that is killed and never comes to its teardown.
	[ -z "$EXEC" ] || more=("${more[@]}" setpriv --pdeathsig TERM --)
	no_clock "${ENTER[@]}" --mount "${more[@]}" "$@"
}

# in_net COMMAND...: runs it in the network namespace alone, with the machine's own files: for the clients.
in_net() { no_clock "${ENTER[@]}" "$@"; }

# sandbox_pids [NAME]: everything that runs in the sandbox's network, by way of nobody's bookkeeping: an
# orphan is found too.
sandbox_pids() {
	local link pid comm
	for link in /proc/[0-9]*/ns/net; do
		[ "$link" -ef "/proc/$SANDBOX/ns/net" ] || continue
		pid=${link#/proc/}
		pid=${pid%%/*}
		[ "$pid" != "$SANDBOX" ] || continue
		if [ -n "${1-}" ]; then
			{ read -r comm <"/proc/$pid/comm"; } 2>/dev/null || continue
			[ "$comm" = "$1" ] || continue
		fi
		running "$pid" || continue
		printf '%s\n' "$pid"
	done
}

sandbox_empty() { [ -z "$(sandbox_pids "$@")" ]; }

# sandbox_stop: ends what the test left behind.  Only what the test started can be in its namespace.
sandbox_stop() {
	local pid file
	for file in "$PIDS"/*; do
		[ "${file##*/}" = sandbox ] || [ ! -e "$file" ] || stop "${file##*/}"
	done
	for pid in $(sandbox_pids); do kill -s KILL "$pid" 2>/dev/null || :; done
	wait_for 2 sandbox_empty || return 1
	stop sandbox
	SANDBOX=
}

# hosts_allow TEXT, hosts_deny TEXT: replaced as an editor does, by a new file that takes the name.
hosts_allow() { etc_replace hosts.allow "$1"; }
hosts_deny() { etc_replace hosts.deny "$1"; }
etc_replace() {
	printf '%s\n' "$2" >"$ETC/.$1.new"
	mv "$ETC/.$1.new" "$ETC/$1"
}

# bound KIND PORT: some socket of the sandbox listens (stream) or is bound (dgram) there.  By grep: under load
# there are thousands of lines.
bound() {
	local hex file state
	printf -v hex '%04X' "$2"
	case $1 in
	stream) file=tcp state=0A ;;
	dgram) file=udp state=07 ;;
	esac
	grep -qE "^ *[0-9]+: [0-9A-F]+:$hex [0-9A-F]+:[0-9A-F]+ $state " \
		"/proc/$SANDBOX/net/$file" "/proc/$SANDBOX/net/${file}6"
}

# counter PROTOCOL NAME: one of the sandbox's own counts, IPv4 and IPv6 together for Tcp: Udp InDatagrams (read by
# a program), OutDatagrams, RcvbufErrors; Tcp OutRsts
counter() {
	awk -v protocol="$1:" -v name="$2" '
		$1 != protocol { next }
		!at { for (i = 2; i <= NF; i++) if ($i == name) at = i; next }
		{ print $at; exit }' "/proc/$SANDBOX/net/snmp"
}

# unread PORT: octets that wait unread in the datagram sockets of that port
unread() {
	local hex sum=0 line address peer state queue rest
	printf -v hex '%04X' "$1"
	# shellcheck disable=SC2034
	while read -r line address peer state queue rest; do
		case $address in *:"$hex") sum=$((sum + 16#${queue#*:})) ;; esac
	done < <(cat "/proc/$SANDBOX/net/udp" "/proc/$SANDBOX/net/udp6" 2>/dev/null)
	printf '%s\n' "$sum"
}
