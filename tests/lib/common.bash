# shellcheck shell=bash
# Helpers that every bats file loads.  They are strict: every wait has a time limit, stop ends each process by its own
# pid, and a test that cannot run prints the reason.
#
#	load lib/common
#	setup() { common_setup; }
#	teardown() { common_teardown; }

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PEERS=$TOP/build/peers
# shellcheck source=tests/lib/peers.bash
. "$TOP/tests/lib/peers.bash"

# The programs and snippets under test.  Set these variables to test another build, or to check that the tests notice a
# broken one.
IN_TIMED=${IN_TIMED:-$TOP/build/in.timed}
# in.timed linked with shared libraries, so that a test can preload a fake clock.
IN_TIMED_SHARED=${IN_TIMED_SHARED:-$TOP/build/dynamic/in.timed}
SNIPPETS=${SNIPPETS:-$TOP}
export TOP PEERS IN_TIMED IN_TIMED_SHARED SNIPPETS

# Tests compare messages and dates as text, so the tester's own language and time zone must not change them.
export LC_ALL=C TZ=UTC

# ------------------------------------------------------------------------------------------ start and end

# note_failure: keeps the stack of the first command that failed, for bats' report
note_failure() {
	[ -z "${NOTED-}" ] || return 0
	NOTED=1
	bats_capture_stack_trace
}

common_setup() {
	# Bats keeps the stack before each command, in a DEBUG trap that takes longer than most commands.  Since bash 5.2 the
	# stack is still right in the ERR trap, so it is enough to keep it there.
	trap - DEBUG
	trap 'bats_error_trap; note_failure' ERR
	# Bats gives each test a directory of its own.
	WORK=$BATS_TEST_TMPDIR
	PIDS=$WORK/pids
	SANDBOX=
	mkdir -p "$PIDS"
	umask 022
}

# common_teardown: ends what the test started.  If the test failed, prints the end of each log and of the output of each
# process in the background.
common_teardown() {
	local status=0
	[ -n "${BATS_TEST_COMPLETED-}" ] || tail -n 20 "$WORK"/*.out "$WORK/xinetd.log" "$WORK/log" 2>/dev/null || :
	if [ -n "${SANDBOX-}" ]; then sandbox_stop || status=1; fi
	stop_all || status=1
	return $status
}

# requires TOOL...: if a tool is missing, skips the test on a developer's machine, and fails it under CI or
# GUESTCLOCK_STRICT, where every tool should be installed: nobody reads a list of skipped tests.
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

# retry COUNT DELAY COMMAND...: runs COMMAND until it succeeds, COUNT times at most, DELAY (as in sleep(1)) apart.
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

# now_ms: prints the time of day in milliseconds, for the helpers' deadlines.
now_ms() {
	local us=${EPOCHREALTIME/./}
	printf '%s\n' "${us%???}"
}

# wait_for SECONDS COMMAND...: runs COMMAND in this shell every 20 ms until it succeeds or SECONDS have passed.  Then it
# prints the output of the last run and fails.
wait_for() {
	local limit=$1 us=${1/./} end nap=${WORK:-$BATS_FILE_TMPDIR}/nap
	case $1 in *.*) us=$((10#$us * 100000)) ;; *) us=$((us * 1000000)) ;; esac	# seconds, or seconds and tenths
	end=$((${EPOCHREALTIME/./} + us))
	shift
	while ! "$@" >"$nap.out" 2>&1; do
		if ((${EPOCHREALTIME/./} >= end)); then
			printf 'waited %s s in vain for: %s\n%s\n' "$limit" "$*" "$(<"$nap.out")"
			return 1
		fi
		# To read from a FIFO that nobody writes to takes no process, as sleep does.
		[ -p "$nap" ] || mkfifo "$nap"
		read -rt 0.02 <>"$nap" || :
	done
}

# not COMMAND...: inverts the status, for wait_for, and because a bare ! never fails a bats test.
not() {
	if "$@"; then return 1; fi
}

# ------------------------------------------------------------------------------------------------ commands

# Put this before a client that has no time limit of its own: a client that waits forever would hang the tests.
# shellcheck disable=SC2034 # for the tests
BOUND=(timeout -k 1 10)

# run_cmd COMMAND...: runs COMMAND, sets $output and $status as bats' run does, and returns the status.  On failure it
# prints the command, the status and the output, so that the log explains the failure.
run_cmd() {
	status=0
	output=$("$@" 2>&1) || status=$?
	((status == 0)) && return 0
	printf -- '--- command: %s\n--- status: %d\n--- output:\n%s\n---\n' "$*" "$status" "$output"
	return "$status"
}

# fails_with STATUS COMMAND...: the same for a command that must fail, and with exactly this status.
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

# Finds the interpreter itself, once: a wrapper in front of it may take longer than the test.
python() {
	if [ -z "${PYTHON-}" ]; then
		PYTHON=$(python3 -c 'import sys; print(sys.executable)') || return 1
		export PYTHON
	fi
	"$PYTHON" "$@"
}

# free_port: prints a port that is free for TCP and for UDP, on 127.0.0.1 and on ::1.
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

# background NAME COMMAND...: starts COMMAND with its output in $WORK/NAME.out, sets $PID, and records the pid in
# $PIDS/NAME.  COMMAND is a program, or one of the functions below that end by running a program with $EXEC.
background() {
	local name=$1
	shift
	# Descriptor 3 is bats' own: bats does not end while a process has it open.
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

# start_of PID: prints the start time in clock ticks since boot, or nothing.  A pid alone may belong to another process
# by the time we kill it.
start_of() {
	local line
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
	# The name is in brackets and may contain any character: count fields after the last bracket.
	# shellcheck disable=SC2086
	set -- ${line##*) }
	printf '%s\n' "${20}"
}

# cpu_of PID: prints the user and system time so far, in clock ticks (of 10 ms on every Linux in use)
cpu_of() {
	local line
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
	# shellcheck disable=SC2086
	set -- ${line##*) }
	printf '%s\n' $((${12} + ${13}))
}

# running PID: the process exists and is not a zombie that waits to be reaped
running() {
	local line
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
	case ${line##*) } in [ZX]*) return 1 ;; esac
}

# alive NAME: the process that background started as NAME is running
alive() {
	local pid start
	[ -e "$PIDS/$1" ] && read -r pid start <"$PIDS/$1" && running "$pid" && [ "$(start_of "$pid")" = "$start" ]
}

# stop NAME [SIGNAL]: ends the process that background started, with SIGKILL if it takes more than 2 s, and waits for
# its end.
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
	# Reap it here: otherwise bash reports its end in the middle of a later test.
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

# etc_make DIRECTORY: makes an /etc with only the files that programs look up.  Tests replace the whole /etc, not
# hosts.allow alone: the machine may have no hosts.allow to mount over; an editor replaces the file instead of writing
# into it; and the names that libwrap looks up must come from these files, never from the network.
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

# Shell code for the private mount namespace: mounts the directory $1 over /etc.  awk and other programs are links
# through /etc/alternatives.  Those are hundreds of links: mounting them is faster than copying.
# shellcheck disable=SC2016 # for that shell
ETC_MOUNT='{ [ ! -d /etc/alternatives ] || mount --bind /etc/alternatives "$1/alternatives"; } &&
	mount --rbind "$1" /etc'

# No process of a test may be able to set this machine's clock.  As root, drop CAP_SYS_TIME from the bounding set: no
# later exec regains it.  In a user namespace the kernel always refuses to set the clock.
# shellcheck disable=SC2031 # set for background's subshell
no_clock() {
	if [ "$EUID" -eq 0 ]; then
		$EXEC setpriv --bounding-set -sys_time --inh-caps -sys_time -- "$@"
	else
		$EXEC "$@"
	fi
}

# background sets this to "exec" in its subshell, so that a function replaces the subshell with its program and the
# recorded pid is the program's own.
EXEC=

# ns_flags: prints the unshare flags for a private mount namespace; an ordinary user needs a user namespace too
ns_flags() {
	if [ "$EUID" -eq 0 ]; then printf '%s\n' --mount; else printf '%s\n' --user --map-root-user --mount; fi
}

# requires_namespaces: skips or fails the test unless private mount and network namespaces can be made here
requires_namespaces() {
	requires unshare nsenter setpriv ip
	# shellcheck disable=SC2046
	unshare $(ns_flags) --net true 2>/dev/null ||
		unmet "neither root nor user namespaces: /etc/hosts.allow cannot be replaced for a test"
}

# private_etc ALLOW DENY COMMAND...: runs COMMAND with these texts in /etc/hosts.allow and /etc/hosts.deny, and without
# the power to set the clock.  The machine's own /etc does not change.  If an ordinary user runs the tests, COMMAND runs
# as root of a user namespace, which has no privileges outside it.
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

# sandbox_start: makes private mount and network namespaces for one test, held by one process.  Inside, port 37 is free,
# this host has the addresses 127.0.0.0/8, 10.37.0.1, 10.37.0.2 and fd00::1 to fd00::9, /etc is $ETC, and
# /usr/sbin/in.timed is the program under test, so that a test can use a shipped snippet unchanged.
sandbox_start() {
	requires_namespaces
	ETC=$WORK/etc
	etc_make "$ETC"
	mkdir -p "$WORK/sbin"
	[ ! -e "$IN_TIMED" ] || cp "$IN_TIMED" "$WORK/sbin/in.timed"
	chmod -R go+rX "$ETC" "$WORK/sbin"
	# shellcheck disable=SC2016
	local inside='
		# Matters only to an ordinary user, whose superserver runs without any capability.
		echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
		{
			echo link set lo up
			for i in 1 2 3 4 5 6 7 8 9; do echo "address add fd00::$i/128 dev lo nodad"; done
			# Some superservers treat 127.0.0.0/8 specially.
			for i in 1 2; do echo "address add 10.37.0.$i/32 dev lo"; done
		} | ip -batch - || exit
		# Superservers write their pid files to /run.  An empty /run also hides systemd and other services of
		# this machine.
		mount --bind "$2" /usr/sbin && mount -t tmpfs tmpfs /run || exit
		: >"$3"
		# A time limit, in case no teardown stops it.
		exec sleep 300'
	# shellcheck disable=SC2046
	background sandbox unshare $(ns_flags) --net sh -c "PATH=\$PATH:/usr/sbin:/sbin; $ETC_MOUNT && $inside" \
		sh "$ETC" "$WORK/sbin" "$WORK/ready"
	wait_for 15 test -e "$WORK/ready" || { cat "$WORK/sandbox.out"; return 1; }
	SANDBOX=$PID
	ENTER=(nsenter --target "$SANDBOX" --net)
	[ "$EUID" -eq 0 ] || ENTER+=(--user --preserve-credentials)
}

# sandbox [unshare FLAG... --] COMMAND...: runs COMMAND in both namespaces, as the superservers run.  If an ordinary
# user runs the tests, COMMAND runs as nobody, without any capability, in one more user namespace.  Root of a user
# namespace with a single user would not do: the kernel refuses it setgroups(2), which xinetd requires.
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
	if [ "$EUID" -ne 0 ]; then more=(unshare --user --map-user=65534 --map-group=65534 "${more[@]:1}"); fi
	# End a background process with its test, even if the test is killed before its teardown.
	[ -z "$EXEC" ] || more=("${more[@]}" setpriv --pdeathsig TERM --)
	no_clock "${ENTER[@]}" --mount "${more[@]}" "$@"
}

# in_net COMMAND...: runs a client in the network namespace alone, with the machine's own files.
in_net() { no_clock "${ENTER[@]}" "$@"; }

# sandbox_pids [NAME]: prints the pids of all processes (of this NAME) in the sandbox's network namespace.  It searches
# /proc instead of using recorded pids, so it finds orphans too.
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

# dev_make DIRECTORY: makes files for the devices that programs need, and DIRECTORY.fstab, by which mount -a in a mount
# namespace places the devices on them
dev_make() {
	local node
	for node in null zero full random urandom tty; do
		: >"$1/$node"
		printf '/dev/%s %s none bind\n' "$node" "$1/$node"
	done >"$1.fstab"
}

# sandbox_stop: ends the processes that the test left running.  Only processes that the test started can be in its
# namespace.
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

# hosts_allow TEXT, hosts_deny TEXT: replace the file as an editor does: write a new file and rename it.
hosts_allow() { etc_replace hosts.allow "$1"; }
hosts_deny() { etc_replace hosts.deny "$1"; }
etc_replace() {
	printf '%s\n' "$2" >"$ETC/.$1.new"
	mv "$ETC/.$1.new" "$ETC/$1"
}

# bound KIND PORT: a socket of the sandbox listens (stream) or is bound (dgram) at PORT.  Uses grep because under load
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

# counter PROTOCOL NAME: prints one of the sandbox's counters from /proc/net/snmp: Udp InDatagrams (read by a program),
# OutDatagrams, RcvbufErrors; Tcp OutRsts.  Tcp counts IPv4 and IPv6 together, Udp counts IPv4 alone.
counter() {
	awk -v protocol="$1:" -v name="$2" '
		$1 != protocol { next }
		!at { for (i = 2; i <= NF; i++) if ($i == name) at = i; next }
		{ print $at; exit }' "/proc/$SANDBOX/net/snmp"
}

# unread PORT: prints how many octets of kernel memory the unread datagrams in that port's sockets occupy
unread() {
	local hex sum=0 line address peer state queue rest
	printf -v hex '%04X' "$1"
	# shellcheck disable=SC2034
	while read -r line address peer state queue rest; do
		case $address in *:"$hex") sum=$((sum + 16#${queue#*:})) ;; esac
	done < <(cat "/proc/$SANDBOX/net/udp" "/proc/$SANDBOX/net/udp6" 2>/dev/null)
	printf '%s\n' "$sum"
}
