#!/usr/bin/env bats
# The privileges that the programs have dropped, as seen from outside: /proc/PID while they wait for input, programs
# with a forbidden call planted in them, and strace.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it
# shellcheck disable=SC2016 # what stands in single quotes is for another shell

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/set
load ../lib/superserver
load ../lib/hosts
load ../lib/fakeguest

SHIPPED_SET=$TOP/build/guestclock-set
CLOCK_ONLY=0000000002000000 NOTHING=0000000000000000
# The user and group of a child of guestclock-set: without root there is no other than the tester's.
NOBODY=65534 OWN=("$(id -u)" "$(id -g)")

setup_file() {
	set_setup_file
	fakeguest_setup_file
	requires strace readelf
	make -s -C "$TOP" -f tests/helpers/helpers.mk build/tests/under-filter
	# Builds programs in which some functions make a planted call: tests/helpers/plant.c.
	PLANTED=$BATS_FILE_TMPDIR/planted
	mkdir -p "$PLANTED"
	export PLANTED
	unset MAKEFLAGS MFLAGS MAKELEVEL
	make -s --no-print-directory -C "$TOP" -f - planted <<-'END'
	include Makefile
	# The shell removes leading tabs here.
	.RECIPEPREFIX = >
	objects = $($(1)_objects)
	planted: all
	>$(compile) -Wno-missing-prototypes -c -o $(PLANTED)/plant.o tests/helpers/plant.c
	>$(compile) $(static) $(link) -Wl,--wrap=access_look_up,--wrap=query_open,--wrap=query_ask,--wrap=correct_clock \
	>	-Wl,--wrap=exchange_parse_order \
	>	-o $(PLANTED)/guestclock-set $(PLANTED)/plant.o $(call objects,guestclock-set) $(guestclock-set_libs)
	>$(compile) $(static) $(link) -Wl,--wrap=rfc868_encode -o $(PLANTED)/in.timed $(PLANTED)/plant.o \
	>	$(call objects,in.timed) $(in.timed_libs)
	END
}

setup() { common_setup; }
teardown() { common_teardown; }

# ----------------------------------------------------------------------------------------------------- what /proc shows

# field PID NAME: prints NAME of /proc/PID/status
field() {
	local name value rest
	# shellcheck disable=SC2034
	while IFS=$' \t' read -r name value rest; do
		[ "$name" != "$2:" ] || { printf '%s\n' "$value" && return; }
	done <"/proc/$1/status"
}

# limit PID NAME: prints the soft and the hard limit of /proc/PID/limits
limit() { sed -n "s/^$2  *\\([^ ]*\\)  *\\([^ ]*\\).*/\\1 \\2/p" "/proc/$1/limits"; }

# descriptors PID: prints what they refer to, with "pipe" and "socket" for those, in order of their numbers
descriptors() {
	(cd "/proc/$1/fd" && printf '%s\n' * | sort -n | xargs readlink) |
		sed 's/^\(pipe\|socket\):.*/\1/'
}

# sockets PID FILE...: prints how many of its descriptors from 3 up are sockets in these lists of the sandbox's
# /proc/net
sockets() {
	local pid=$1
	shift
	(cd "/proc/$SANDBOX/net" && cat "$@") |
		grep -owFf <(cd "/proc/$pid/fd" && printf '%s\n' * | grep -vx '[0-2]' | xargs readlink | sed -n 's/^socket:\[\(.*\)\]$/\1/p') |
		sort -u | wc -l
}

# confined PID CAPABILITIES FILTERS: checks what must hold for every process here
confined() {
	local name
	for name in CapPrm CapEff; do equal "$(field "$1" $name)" "$2" "$name" || return 1; done
	for name in CapInh CapAmb; do equal "$(field "$1" $name)" "$NOTHING" "$name" || return 1; done
	equal "$(field "$1" NoNewPrivs)" 1 NoNewPrivs || return 1
	equal "$(field "$1" Seccomp)" 2 Seccomp || return 1
	equal "$(field "$1" Seccomp_filters)" "$3" Seccomp_filters
}

# -------------------------------------------------------------------------------------------------- guestclock-set

# waits REQUEST [PROGRAM]: starts it as sshd does, with a standard input that stays open, descriptors that it does not
# need, and more environment than it needs.  The words of $LIMITS are its options, and $BEFORE starts it.
waits() {
	mkfifo "$WORK/feed"
	exec 8<>"$WORK/feed"
	export SSH_CONNECTION='127.0.0.1 40022 127.0.0.1 22' SSH_ORIGINAL_COMMAND=$1 SSH_CLIENT='127.0.0.1 40022 22' \
		SECRET=word LOCALDOMAIN=example.test
	# shellcheck disable=SC2086
	REDIRECT="<$WORK/feed 5</etc/passwd 6</dev/null 9</dev/null" background waiting enclosed "${BEFORE[@]}" "${2-$GUESTCLOCK_SET}" ${LIMITS-} 8<&-
	unset SSH_CONNECTION SSH_ORIGINAL_COMMAND SSH_CLIENT SECRET LOCALDOMAIN
}

# goes: ends that client; the program must end too
goes() {
	stop waiting
	exec 8>&-
	wait_for 5 sandbox_empty guestclock-set
	rm "$WORK/feed"
}

in_filter() { # COUNT: this many processes of guestclock-set run, all of them in their last filter
	local pid pids
	mapfile -t pids < <(sandbox_pids guestclock-set)
	((${#pids[@]} == $1)) || return 1
	for pid in "${pids[@]}"; do
		[ "$(field "$pid" Seccomp)" = 2 ] || return 1
		# The process that asks must be in its second filter; a process without it is in its first.
		[[ " ${pids[*]} " != *" $(field "$pid" PPid) "* ]] || [ "$(field "$pid" Seccomp_filters)" = 2 ] || return 1
	done
}

# two: sets $setter and $asker, once both are in their filters
two() {
	wait_for 8 in_filter 2 || { cat "$WORK/waiting.out"; return 1; }
	local pids
	mapfile -t pids < <(sandbox_pids guestclock-set | sort -n)
	setter=${pids[0]} asker=${pids[1]}
	[ "$(field "$setter" PPid)" != "$asker" ] || setter=${pids[1]} asker=${pids[0]}
	equal "$(field "$asker" PPid)" "$setter" 'parent of the one that asks' || return 1
	# Over UDP it gives up after five seconds, and on a busy machine the checks may take that long.
	kill -s STOP "$asker"
}

# enclosed_setter PID CAPABILITIES: checks the process that sets, or one that is alone
enclosed_setter() {
	local name
	confined "$1" "$2" 1 || return 1
	equal "$(field "$1" CapBnd)" "$NOTHING" CapBnd || return 1
	equal "$(field "$1" Umask)" 0077 Umask || return 1
	equal "$(limit "$1" 'Max core file size')" '0 0' 'core files' || return 1
	equal "$(limit "$1" 'Max processes')" '0 0' 'processes' || return 1
	equal "$(limit "$1" 'Max open files')" '3 3' 'new descriptors' || return 1
	equal "$(limit "$1" 'Max address space')" '67108864 67108864' 'address space' || return 1
	# It keeps the variables that it uses; the others were overwritten.
	equal "$(tr -s '\0' '\n' <"/proc/$1/environ" | grep -v '^$' | sed 's/=.*//' | sort | tr '\n' ' ')" \
		'SSH_CONNECTION SSH_ORIGINAL_COMMAND ' environment || return 1
	# No network sockets, and only the log's socket.
	equal "$(sockets "$1" tcp tcp6 udp udp6 raw raw6 packet netlink)" 0 'sockets of the network' || return 1
	for name in /etc/passwd /dev/null; do
		! descriptors "$1" | tail -n +4 | grep -qx "$name" || { printf 'still open: %s\n' "$name"; return 1; }
	done
}

# ids PID: prints the user and group ids of a process (real, effective, saved, file system), and its groups
ids() { sed -n 's/^\(Uid\|Gid\|Groups\)://p' "/proc/$1/status" | xargs; }

# enclosed_child PID FILTERS: checks a process that parses what comes from the network
enclosed_child() {
	confined "$1" "$NOTHING" "$2" || return 1
	equal "$(field "$1" CapBnd)" "$NOTHING" CapBnd || return 1
	equal "$(limit "$1" 'Max core file size')" '0 0' 'core files' || return 1
	if ((OWN[0] == 0)); then
		equal "$(ids "$1")" "$(printf "$NOBODY %.0s" 1 2 3 4 5 6 7 8 | sed 's/ $//')" 'user, group and groups' || return 1
	else
		equal "$(field "$1" Uid) $(field "$1" Gid)" "${OWN[*]}" 'user and group' || return 1
	fi
	# Its three descriptors are its pipe to the parent; it has no local socket, and neither the lock nor the log.
	equal "$(descriptors "$1" | head -n 3 | tr '\n' ' ')" 'pipe pipe pipe ' 'descriptors 0, 1 and 2' || return 1
	equal "$(cd "/proc/$1/fd" && readlink 0 1 2 | sort -u | wc -l)" 1 'pipes' || return 1
	equal "$(descriptors "$1" | tail -n +4 | grep -vx socket)" '' 'descriptors from 3 up that are no sockets' || return 1
	equal "$(sockets "$1" unix)" 0 'local sockets' || return 1
}

# enclosed_asker PID SOCKETS: checks the process that asks; it has at least SOCKETS sockets to the source
enclosed_asker() {
	enclosed_child "$1" 2 || return 1
	equal "$(limit "$1" 'Max processes')" '0 0' 'processes' || return 1
	equal "$(limit "$1" 'Max open files')" '3 3' 'new descriptors' || return 1
	equal "$(limit "$1" 'Max file size')" '0 0' 'octets in files' || return 1
	equal "$(limit "$1" 'Max address space')" '67108864 67108864' 'address space' || return 1
	! tr '\0' '\n' <"/proc/$1/environ" | grep -q 'SECRET\|word' || { printf 'its environment is there\n'; return 1; }
	(($(sockets "$1" tcp udp) >= $2)) || { descriptors "$1"; return 1; }
	equal "$(sockets "$1" netlink)" 0 'other sockets' || return 1
}

# its_like COMMAND...: runs COMMAND as the user of a child, also without capabilities
its_like() {
	local -a user=()
	((OWN[0] != 0)) || user=(--reuid "$NOBODY" --regid "$NOBODY" --clear-groups)
	$EXEC "${ENTER[@]}" --mount setpriv "${user[@]}" --bounding-set -all --inh-caps -all "$@"
}

# readable_by_its_like PID: another process of the same user, also without capabilities, can read its environment
readable_by_its_like() { EXEC='' its_like cat "/proc/$1/environ" >/dev/null 2>&1; }

# while_it_asks PROGRAM OPTIONS...: checks rdate during one request for each of OPTIONS
while_it_asks() {
	local program=$1
	shift
	badsource tcp:37:silent udp:37:silent sntp:123:silent
	local words open
	for words in "$@"; do
		waits "rdate -s -t 60000 $words 127.0.0.1" "$program"
		two
		printf 'rdate %s\n' "$words"
		enclosed_setter "$setter" "$CLOCK_ONLY"
		case $words in '') open=1 ;; *) open=5 ;; esac
		enclosed_asker "$asker" "$open"
		# The setter has its lock, the log, the answer's pipe and both ends of the one that ends the asker.
		equal "$(descriptors "$setter" | tail -n +4 | sort | tr '\n' ' ')" '/run/guestclock/lock pipe pipe pipe socket ' 'descriptors from 3 up'
		equal "$(sockets "$setter" unix)" 1 'local sockets'
		# No process of its user may trace or dump it; a process that had not made itself undumpable could be
		# read.
		not readable_by_its_like "$asker"
		goes
	done
	# A request that may not set has no capability at all.
	waits 'rdate -p -t 60000 127.0.0.1' "$program"
	two
	enclosed_setter "$setter" "$NOTHING"
	enclosed_asker "$asker" 1
	goes
	LIMITS=--dry-run
	waits 'rdate -t 60000 127.0.0.1' "$program"
	two
	enclosed_setter "$setter" "$NOTHING"
	goes
}

@test "while rdate waits for an answer, the setting process has only CAP_SYS_TIME and no network, the asking process has no capability" {
	set_start
	background like its_like sleep 60
	wait_for 5 readable_by_its_like "$PID"
	while_it_asks "$GUESTCLOCK_SET" '' -u -n -e
}

@test "while rdate waits for an answer, the processes of the installed program are confined in the same way" {
	set_start
	while_it_asks "$SHIPPED_SET" '' -u
}

@test "while guestclock-set waits for rfc868 input or exchange orders, its only capability is CAP_SYS_TIME" {
	set_start
	local program request
	for program in "$GUESTCLOCK_SET" "$SHIPPED_SET"; do
		for request in rfc868 exchange; do
			waits "$request" "$program"
			wait_for 8 in_filter 1
			printf '%s: %s\n' "$program" "$request"
			setter=$(sandbox_pids guestclock-set)
			enclosed_setter "$setter" "$CLOCK_ONLY"
			equal "$(descriptors "$setter" | tail -n +4 | sort | tr '\n' ' ')" '/run/guestclock/lock socket ' 'descriptors from 3 up'
			if [ "$request" = exchange ]; then
				# After the greeting, and after an order.
				wait_for 5 grep -q '^guestclock 1 ' "$WORK/waiting.out"
				printf 'now\n' >&8
				wait_for 5 grep -q '^now ' "$WORK/waiting.out"
				enclosed_setter "$setter" "$CLOCK_ONLY"
			fi
			goes
			LIMITS=--dry-run waits "$request" "$program"
			wait_for 8 in_filter 1
			setter=$(sandbox_pids guestclock-set)
			# An exchange keeps the capability even with --dry-run, which is judged order by order.
			enclosed_setter "$setter" "$([ "$request" = exchange ] && printf %s "$CLOCK_ONLY" || printf %s "$NOTHING")"
			goes
		done
	done
}

# -------------------------------------------------------------------------------------------------------- in.timed

# hold: starts a client that keeps its connection open
hold() {
	background client in_net "$PYTHON" -I -S -c 'import socket, time
s = socket.create_connection(("127.0.0.1", 37))
s.recv(4, socket.MSG_WAITALL)
print("answered", flush=True)
time.sleep(30)'
	wait_for 5 grep -q answered "$WORK/client.out"
}

# serves_confined KIND STYLE
serves_confined() {
	local pid
	sandbox_start
	superserver_start "$1" "$2"
	case $2 in
	stream-nowait) hold ;;
	stream-*) ask 127.0.0.1 ;;
	dgram-*) ask --udp 127.0.0.1 ;;
	esac
	pid=$(helper)
	[ "$(readlink "/proc/$pid/root")" = / ]
	confined "$pid" "$NOTHING" 1
	equal "$(field "$pid" Uid)" "${USER_ID-65534}" Uid
	# Not dumpable: its user does not own its files in /proc.
	equal "$(stat -c %u "/proc/$pid/mem")" 0 'owner of /proc/PID/mem'
	# The socket, and the log's if there is a log.
	equal "$(descriptors "$pid" | tail -n +4 | grep -vx socket)" '' 'descriptors from 3 up'
	(($(descriptors "$pid" | wc -l) <= 5)) || { descriptors "$pid"; return 1; }
}

@test "in.timed under xinetd, stream, runs as nobody without capabilities and in a system call filter" { serves_confined xinetd stream-wait; }
@test "in.timed under xinetd, dgram, runs as nobody without capabilities and in a system call filter" { serves_confined xinetd dgram-wait; }
@test "in.timed under xinetd, stream, nowait, runs as nobody without capabilities and in a system call filter" { serves_confined xinetd stream-nowait; }
@test "in.timed under openbsd-inetd, dgram, runs as nobody without capabilities and in a system call filter" { serves_confined openbsd dgram-wait; }
@test "in.timed under inetutils-inetd, stream, runs as nobody without capabilities and in a system call filter" { serves_confined inetutils stream-wait; }

# ------------------------------------------------------------------------------------------------------ planted calls

# planted_set FUNCTION CALL REQUEST: runs REQUEST with CALL planted in FUNCTION, and with "now" on standard input.  Sets
# $fate, how the processes ended, the parent first, and $said, the result of the planted call.
planted_set() {
	: >"$WORK/strace"
	export SSH_CONNECTION='127.0.0.1 40022 127.0.0.1 22' SSH_ORIGINAL_COMMAND=$3 PLANT_IN=$1 PLANT=$2
	enclosed strace -f -e trace=none -o "$WORK/strace" "$PLANTED/guestclock-set" <<<now 2>"$WORK/errors" >"$WORK/out" || :
	unset SSH_CONNECTION SSH_ORIGINAL_COMMAND PLANT PLANT_IN
	fate=$(sort -n "$WORK/strace" | sed -n 's/^[0-9]* *+++ \(.*\) +++$/\1/p' | paste -sd ',')
	said=$(sed -n 's/^planted .*: //p' "$WORK/errors")
}

# fates FUNCTION REQUEST FATE CALL...: each CALL leads to FATE, and nothing is printed
fates() {
	local where=$1 request=$2 want=$3 call
	shift 3
	for call in "$@"; do
		planted_set "$where" "$call" "$request"
		[ "$fate" = "$want" ] && [ "$said" = '' ] && continue
		printf '%s in %s: %s, expected %s\n' "$call" "$where" "$fate" "$want"
		cat "$WORK/errors" "$WORK/strace"
		return 1
	done
}

# told_no FUNCTION REQUEST CALL...: each CALL fails with EACCES, and the request continues
told_no() {
	local where=$1 request=$2 call
	shift 2
	for call in "$@"; do
		planted_set "$where" "$call" "$request"
		equal "$said" EACCES "$call in $where" || { cat "$WORK/errors" "$WORK/strace"; return 1; }
		# The setter may end its asker.
		[[ $fate != *SIGSYS* ]]
	done
}

# Calls that no process may make.
FORBIDDEN=(
	# programs and processes
	execve execveat clone clone3 kill tkill tgkill rt_sigqueueinfo ptrace process_vm_readv process_vm_writev pidfd_open pidfd_getfd
	pidfd_send_signal
	# code, and the kernel's own interpreters
	'mmap executable' mprotect pkey_mprotect memfd_create shmat bpf io_uring_setup perf_event_open userfaultfd
	# privileges
	setuid setresuid setgroups capset prctl keyctl unshare setns chroot pivot_root
	# files
	open_by_handle_at unlinkat renameat2 linkat symlinkat mkdirat mknodat fchmodat fchownat truncate
	# the network and the system
	listen mount open_tree reboot kexec_load init_module finit_module
)
# getpid(2) under its number for x32, which a filter for x86_64 does not know.
[ "$(uname -m)" != x86_64 ] || FORBIDDEN+=(iopl x32)

# harmless FUNCTION REQUEST: the planting itself does no harm.
harmless() {
	planted_set "$1" getpid "$2"
	equal "$said" 'done' "getpid in $1" || { cat "$WORK/errors" "$WORK/strace"; return 1; }
	[[ $fate != *SIGSYS* ]]
}

# unforeseen FUNCTION REQUEST: 1000 calls that no filter lists fail, one line in the log reports them, and nothing else
# changes.
unforeseen() {
	local call number
	log_take
	for call in times 'a call of the future'; do
		PLANT_TIMES=1000 planted_set "$1" "$call" "$2"
		equal "$said" ENOSYS "$call in $1" || { cat "$WORK/errors" "$WORK/strace"; return 1; }
		[[ $fate != *SIGSYS* && $fate == *'exited with 0'* ]] || { printf '%s: %s\n' "$call" "$fate"; return 1; }
		log_take
		number=$([ "$call" = times ] && printf '[0-9]+' || printf 900)
		equal "$(printf '%s\n' "${logged[@]}" | grep -cE "^<$DAEMON_WARNING>.* system call $number is not in the filter of this program: \
it failed with ENOSYS, 1000 times so far; please report\$")" 1 "$call in $1: lines in the log" || { printf '%s\n' "${logged[@]}"; return 1; }
		equal "$(printf '%s\n' "${logged[@]}" | grep -c 'system call')" 1 "$call in $1: lines in the log"
	done
}

@test "a harmless system call that the filter does not list fails in guestclock-set with ENOSYS and is logged once" {
	set_start
	badsource tcp:37:good
	unforeseen query_open 'rdate 127.0.0.1'
	unforeseen query_ask 'rdate 127.0.0.1'
	unforeseen correct_clock 'rdate 127.0.0.1'
	unforeseen exchange_parse_order exchange
}

# The setter reports that the asker ended without a valid answer: 111.
ASKER_DIES='exited with 111,killed by SIGSYS'

@test "the filter kills the asking process of guestclock-set at a forbidden system call" {
	set_start
	badsource tcp:37:good
	harmless query_ask 'rdate -p 127.0.0.1'
	fates query_ask 'rdate -p 127.0.0.1' "$ASKER_DIES" "${FORBIDDEN[@]}" clock_settime clock_adjtime adjtimex settimeofday \
		seccomp prlimit64 bind sendmsg 'sendto an address' 'openat to write' 'socket of packets'
	told_no query_ask 'rdate -p 127.0.0.1' openat newfstatat socket 'local socket' connect
	# Before it has a connection, while it looks up names.
	harmless query_open 'rdate -p 127.0.0.1'
	fates query_open 'rdate -p 127.0.0.1' "$ASKER_DIES" "${FORBIDDEN[@]}" clock_settime clock_adjtime adjtimex settimeofday \
		prlimit64 'openat to write' 'openat to create' 'socket of packets'
	told_no query_open 'rdate -p 127.0.0.1' 'local socket'
}

@test "the filter kills the setting process of guestclock-set at a forbidden system call" {
	set_start
	badsource tcp:37:good
	harmless correct_clock 'rdate 127.0.0.1'
	# The process that asks has finished, and may have ended or been killed.
	planted_set correct_clock execve 'rdate 127.0.0.1'
	[[ $fate == 'killed by SIGSYS,'* && $said == '' ]] || { cat "$WORK/errors" "$WORK/strace"; return 1; }
	harmless exchange_parse_order exchange
	fates exchange_parse_order exchange 'killed by SIGSYS' "${FORBIDDEN[@]}" seccomp prlimit64 bind sendmsg 'sendto an address'
	told_no exchange_parse_order exchange openat 'openat to write' newfstatat socket 'local socket' 'socket of packets' connect
}

# lets_in_all_but_evil: tables for which a client whose name is unknown is let in, and which need the name
lets_in_all_but_evil() {
	hosts_allow ''
	hosts_deny 'guestclock-set: .evil.test'
}

@test "the filter kills the process that looks up the client's name at a forbidden system call, and the client is refused" {
	set_start
	lets_in_all_but_evil
	harmless access_look_up status
	[[ $fate == 'exited with 0,'* ]]
	fates access_look_up status 'exited with 1,killed by SIGSYS' "${FORBIDDEN[@]}" clock_settime clock_adjtime adjtimex settimeofday \
		prlimit64 'openat to write' 'openat to create' 'socket of packets'
	told_no access_look_up status 'local socket'
	unforeseen access_look_up status
}

@test "guestclock-set refuses the client if the process that looks up its name ends, or answers with anything but a name" {
	set_start
	lets_in_all_but_evil
	local call
	for call in exit 'answer zeros' 'answer an endless name'; do
		log_take
		planted_set access_look_up "$call" status
		printf '%s: %s\n' "$call" "$fate"
		[[ $fate == 'exited with 1,'* ]]
		equal "$(<"$WORK/out")" '' 'standard output'
		equal "$(grep -c 'hosts.allow and hosts.deny do not let 127.0.0.1 in$' "$WORK/errors")" 1 'lines on standard error'
		log_take
		equal "${#logged[@]}" 2 'lines in the log' || { printf '%s\n' "${logged[@]}"; return 1; }
		[[ ${logged[0]} == "<$DAEMON_ERR>"*"cannot look up the client's name, so it is denied: "* ]]
	done
}

@test "in guestclock-set, the processes that look up names reach no file that only root may read" {
	((OWN[0] == 0)) || unmet 'not root: a user namespace of one user has no place for another'
	set_start
	badsource tcp:37:good
	lets_in_all_but_evil
	printf 'secret\n' >"$ETC/private"
	chmod 600 "$ETC/private"
	told_no query_open 'rdate -p 127.0.0.1' 'openat of a private file'
	told_no access_look_up status 'openat of a private file'
	# Nothing else forbids it.
	chmod 644 "$ETC/private"
	planted_set query_open 'openat of a private file' 'rdate -p 127.0.0.1'
	equal "$said" 'done' 'openat of a public file, asking'
	planted_set access_look_up 'openat of a private file' status
	equal "$said" 'done' 'openat of a public file, looking up'
}

# looks_up: sets $parent and $child, once the child is in its filter
looks_up() {
	local pid
	for pid in $(sandbox_pids guestclock-set); do
		[ "$(field "$pid" Seccomp)" != 2 ] || { child=$pid parent=$(field "$pid" PPid) && return; }
	done
	return 1
}

# while_it_looks_up: checks the process that looks up the client's name, ends it, and then the client must be refused
while_it_looks_up() {
	waits status "$SHIPPED_SET"
	wait_for 5 looks_up
	# The look-up itself lasts two seconds.
	kill -s STOP "$child"
	enclosed_child "$child" 1
	not readable_by_its_like "$child"
	# The parent has no socket of the network, and has read nothing from one.
	equal "$(sockets "$parent" tcp tcp6 udp udp6 raw raw6 packet netlink)" 0 'sockets of the network'
	kill -s KILL "$child"
	wait_for 5 sandbox_empty guestclock-set
	grep -q 'hosts.allow and hosts.deny do not let 127.0.0.1 in$' "$WORK/waiting.out" || { cat "$WORK/waiting.out"; return 1; }
	goes
}

@test "the process that looks up the client's name is nobody, without a capability and in a filter, and if it is killed, the client is refused" {
	set_start
	: >"$ETC/hosts"
	resolver_start silent
	lets_in_all_but_evil
	while_it_looks_up
	# It ends with its parent.
	waits status "$SHIPPED_SET"
	wait_for 5 looks_up
	kill -s STOP "$child"
	kill -s KILL "$parent"
	wait_for 5 not running "$child"
	goes
}

@test "a user with the file capability has the same process for the client's name, without the capability" {
	((OWN[0] == 0)) || unmet 'not root: a user namespace of one user has no place for another'
	set_start
	: >"$ETC/hosts"
	resolver_start silent
	lets_in_all_but_evil
	BEFORE=(setpriv --reuid "$NOBODY" --regid "$NOBODY" --clear-groups --inh-caps '-all,+sys_time' --ambient-caps '-all,+sys_time')
	waits status "$SHIPPED_SET"
	wait_for 5 looks_up
	kill -s STOP "$child"
	equal "$(field "$parent" CapEff)" "$CLOCK_ONLY" 'CapEff of the parent'
	confined "$child" "$NOTHING" 1
	kill -s KILL "$child"
	wait_for 5 sandbox_empty guestclock-set
	goes
}

# in_timed_alone FILE ARGUMENTS...: runs a Python program with its own loopback and empty tables
in_timed_alone() {
	private_etc '' '' unshare --net sh -c 'PATH=$PATH:/usr/sbin:/sbin; ip link set lo up && exec "$@"' sh "$PYTHON" -I -S "$@"
}

@test "a harmless system call that the filter does not list fails in in.timed with ENOSYS, is logged once, and the next client is served" {
	requires_namespaces
	# A listening socket, as with "wait", and 3 clients of one process, which makes 1000 of the calls for the first;
	# then a connection, as with "nowait".  Standard error is a pipe, which receives the log.
	cat >"$WORK/serve.py" <<-'END'
	import socket, subprocess, sys
	def answered(client):
	    client.shutdown(socket.SHUT_WR)
	    return len(client.recv(64, socket.MSG_WAITALL))
	def start(program, call, given):
	    return subprocess.Popen([program, "-i", "2"], stdin=given, stdout=given, stderr=subprocess.PIPE,
	                            env={"PLANT": call, "PLANT_IN": "rfc868_encode", "PLANT_TIMES": "1000"})
	def end(name, process, octets):
	    said = process.communicate(timeout=20)[1].decode().splitlines()
	    lines = [line.partition("]: ")[2] for line in said if "system call" in line]
	    print(name, octets, process.returncode, sum("ENOSYS" in line and "planted" in line for line in said), *lines, sep=",")
	program, call = sys.argv[1:]
	with socket.create_server(("127.0.0.1", 0)) as listener:
	    process = start(program, call, listener)
	    end("wait", process, [answered(socket.create_connection(listener.getsockname())) for client in range(3)])
	with socket.create_server(("127.0.0.1", 0)) as listener:
	    client = socket.create_connection(listener.getsockname())
	    with listener.accept()[0] as served:
	        process = start(program, call, served)
	    end("nowait", process, [answered(client)])
	END
	local outcome line
	line='system call 900 is not in the filter of this program: it failed with ENOSYS, 1000 times so far; please report'
	outcome=$(in_timed_alone "$WORK/serve.py" "$PLANTED/in.timed" 'a call of the future')
	equal "$outcome" "wait,[4, 4, 4],0,1,$line"$'\n'"nowait,[4],0,1,$line"
}

@test "the filter kills in.timed at a forbidden system call" {
	requires_namespaces
	# Serves one connection with each CALL, as nobody; prints how the process ended and the result of the planted
	# call.
	local outcomes call
	cat >"$WORK/serve.py" <<-'END'
	import os, signal, socket, subprocess, sys
	program, *calls = sys.argv[1:]
	for call in calls:
	    with socket.create_server(("127.0.0.1", 0)) as listener:
	        client = socket.create_connection(listener.getsockname())
	        served, _ = listener.accept()
	        client.shutdown(socket.SHUT_WR)
	        done = subprocess.run([program], stdin=served, stdout=served, stderr=subprocess.PIPE, timeout=20,
	                              env={"PLANT": call, "PLANT_IN": "rfc868_encode"})
	        served.close()
	        got = client.recv(64, socket.MSG_WAITALL)
	        client.close()
	    said = done.stderr.decode().strip().rpartition(": ")[2]
	    print(call, len(got), "SIGSYS" if done.returncode == -signal.SIGSYS else done.returncode, said, sep=",")
	END
	chmod 755 "$WORK" "$BATS_FILE_TMPDIR"
	outcomes=$(in_timed_alone "$WORK/serve.py" "$PLANTED/in.timed" getpid "${FORBIDDEN[@]}" clock_settime settimeofday \
		seccomp prlimit64 'openat to write' 'openat to create' 'socket of packets')
	printf '%s\n' "$outcomes"
	equal "$(head -n 1 <<<"$outcomes")" 'getpid,4,0,done'
	while IFS=, read -r call octets fate said; do
		case $call in
		getpid) ;;
		# A rule of an edited table may want to start a program: the call fails, and the client gets its answer.
		execve | execveat | clone | clone3 | setuid | setgroups) equal "$octets $fate $said" '4 0 EACCES' "$call" ;;
		*) equal "$octets $fate $said" '0 SIGSYS ' "$call" ;;
		esac
	done <<<"$outcomes"
	equal "$(wc -l <<<"$outcomes")" $((${#FORBIDDEN[@]} + 8)) 'calls planted'
}

# --------------------------------------------------------------------------------------------------------- no seccomp

# The errors of kernels and containers without seccomp: ENOSYS, EINVAL, EPERM, EACCES.
NO_SECCOMP=(38 22 1 13)
NO_FILTER='this kernel or container offers no system call filter \(seccomp\): [A-Z][a-z ]+; the option --no-filter runs this program without one'

@test "without seccomp guestclock-set refuses to run in one line, unless the command line, not the request, says --no-filter" {
	set_start
	badsource tcp:37:good
	local number request
	chmod 755 "$WORK"
	for number in "${NO_SECCOMP[@]}"; do
		BEFORE=("$TOP/build/tests/under-filter" --no-seccomp "$number")
		for request in status exchange 'rdate 127.0.0.1'; do
			set_by_ssh_env 127.0.0.1 "$request" </dev/null
			printf '%s: %s\n' "$number" "$request"
			refused 111 "^guestclock-set: $NO_FILTER\$"
		done
	done
	for request in 'status --no-filter' '--no-filter status'; do
		set_by_ssh_env 127.0.0.1 "$request"
		((status == 100)) || { shown; return 1; }
		log_take
	done
	set_by_ssh_env 127.0.0.1 status --no-filter
	expect 0
	grep -qx 'no-filter yes' <<<"$output"
	set_by_ssh_env 127.0.0.1 'rdate -p 127.0.0.1' --no-filter
	expect 0
	assert_not_logged
	# If there is seccomp, the option is obeyed all the same.
	BEFORE=()
	set_by_ssh_env 127.0.0.1 status
	grep -qx 'no-filter no' <<<"$output"
	export SSH_CONNECTION='127.0.0.1 40022 127.0.0.1 22' SSH_ORIGINAL_COMMAND=exchange
	enclosed strace -f -qq -e trace=seccomp -o "$WORK/strace" "$SHIPPED_SET" --no-filter <<<bye
	equal "$(<"$WORK/strace")" '' 'filters entered'
}

@test "without seccomp in.timed refuses to run in one line, and serves with --no-filter" {
	requires_namespaces
	cat >"$WORK/serve.py" <<-'END'
	import socket, subprocess, sys
	filtered, program, *numbers = sys.argv[1:]
	def serve(number, listening, *options):
	    with socket.create_server(("127.0.0.1", 0)) as listener:
	        client = socket.create_connection(listener.getsockname())
	        given = listener if listening else listener.accept()[0]
	        client.shutdown(socket.SHUT_WR)
	        done = subprocess.run([filtered, "--no-seccomp", number, program, "-i", "1", *options], stdin=given, stdout=given,
	                              stderr=subprocess.PIPE, timeout=20)
	        given.close()
	        try: octets = len(client.recv(64, socket.MSG_WAITALL))
	        except ConnectionResetError: octets = 0
	        client.close()
	    lines = [line.partition("]: ")[2] for line in done.stderr.decode().splitlines()]
	    print("wait" if listening else "nowait", octets, done.returncode, *lines, sep=",")
	for number in numbers:
	    for listening in True, False:
	        serve(number, listening)
	        serve(number, listening, "--no-filter")
	END
	chmod 755 "$WORK"
	local style octets end line starts=0
	in_timed_alone "$WORK/serve.py" "$TOP/build/tests/under-filter" "$IN_TIMED" "${NO_SECCOMP[@]}" >"$WORK/outcomes"
	cat "$WORK/outcomes"
	while IFS=, read -r style octets end line; do
		starts=$((starts + 1))
		if ((starts % 2)); then
			equal "$octets $end" '0 111' "$style, octets and status"
			[[ $line =~ ^$NO_FILTER$ ]]
		else
			equal "$octets $end $line" '4 0 ' "$style with --no-filter"
		fi
	done <"$WORK/outcomes"
	equal "$starts" $((${#NO_SECCOMP[@]} * 4)) 'starts'
}

# ------------------------------------------------------------------------------------------------------------ strace

# traced REQUEST [LIMITS...]: runs REQUEST for one client under strace, with $SAY on standard input
traced() {
	local request=$1
	shift
	export SSH_CONNECTION='127.0.0.1 40022 127.0.0.1 22' SSH_ORIGINAL_COMMAND=$request
	status=0
	enclosed strace -f -qq -o "$WORK/strace" "$SHIPPED_SET" "$@" <<<"${SAY-}" >"$WORK/out" 2>"$WORK/errors" || status=$?
	unset SSH_CONNECTION SSH_ORIGINAL_COMMAND
}

# executed: prints how many programs were executed, including strace's own start of the first
executed() { grep -cE '^[0-9]+ +execve(at)?\(' "$WORK/strace"; }
processes() { awk '{ print $1 }' "$WORK/strace" | sort -u | wc -l; }

# filtered_first: no process reads from the source, the pipe or standard input before it is in its last filter; after
# that, none looks anything up by name, makes a socket or connects.
filtered_first() {
	awk '
	/^[0-9]+ +[a-z_0-9]+\(/ {
		pid = $1
		line[pid, ++lines[pid]] = $0
		if ($0 ~ /seccomp\(SECCOMP_SET_MODE_FILTER/) filter[pid] = lines[pid]
	}
	END {
		for (pid in lines) {
			if (!(pid in filter)) { print "no filter: " pid; bad = 1; continue }
			for (at = 1; at <= lines[pid]; at++) {
				call = line[pid, at]
				sub(/^[0-9]+ +/, "", call)
				if (at < filter[pid] && call ~ /^(read|recv|recvfrom|recvmsg)\(0,/) { print "too early: " call; bad = 1 }
				if (at < filter[pid] && call ~ /^recv(from)?\(.*\) = [1-9]/ && call !~ /nlmsg|NLMSG/) { print "too early: " call; bad = 1 }
				if (at > filter[pid] && call ~ /^(openat|open|newfstatat|stat|lstat|access|faccessat2?|readlink|readlinkat|connect|socket|bind)\(/) {
					print "too late: " call; bad = 1
				}
			}
		}
		exit bad
	}' "$WORK/strace" || { cat "$WORK/strace"; return 1; }
}

@test "guestclock-set executes no program, whatever the request, and enters its filter before it reads input" {
	set_start
	badsource tcp:37:good udp:37:good sntp:123:good
	local request
	for request in 'rdate -s 127.0.0.1' 'rdate -v 127.0.0.1' 'rdate -su 127.0.0.1' 'rdate -sn 127.0.0.1' 'rdate -p 127.0.0.1'; do
		traced "$request"
		printf '%s\n' "$request"
		equal "$status" 0 status || { cat "$WORK/errors"; return 1; }
		equal "$(executed)" 1 'programs'
		equal "$(processes)" 2 'processes'
		filtered_first
	done
	# A name in the forced command's list is looked up inside a filter too.
	printf '127.0.0.1 source.test\n' >>"$ETC/hosts"
	traced 'rdate -s source.test' --host source.test
	equal "$status" 0 status || { cat "$WORK/errors"; return 1; }
	filtered_first
	awk '/seccomp\(SECCOMP_SET_MODE_FILTER/ { filtered[$1] = 1 }
		/openat\(.*"\/etc\/hosts"/ { seen++; if (!($1 in filtered)) bad = 1 }
		END { exit bad || !seen }' "$WORK/strace"
	SAY='abc' traced rfc868
	equal "$(executed) $(processes)" '1 1' 'programs and processes'
	filtered_first
	SAY=$'now\nraw\nstep +1.000000000\nslew +0.010000000\nrate +1.000\nbound 0.001000000\nnonsense\nbye' traced exchange
	equal "$(executed) $(processes)" '1 1' 'programs and processes'
	filtered_first
	grep -q '^guestclock 1 ' "$WORK/out"
	traced status
	equal "$status $(executed) $(processes)" '0 1 1' 'status, programs and processes'
	filtered_first
	for request in '' id 'sh -c id' 'rdate -s 127.0.0.2' 'rdate' 'rdate -s $(id)'; do
		traced "$request"
		[[ $status == 1 || $status == 100 ]]
		equal "$(executed) $(processes)" '1 1' 'programs and processes'
	done
}

@test "in.timed executes no program, in any superserver mode" {
	local style
	sandbox_start
	for style in stream-wait dgram-wait stream-nowait; do
		superserver_fill "$style" 37
		xinetd_install
		background superserver sandbox strace -f -qq -e trace=execve,execveat -o "$WORK/strace" \
			"$PEERS/usr/sbin/xinetd" -dontfork -stayalive -pidfile /run/xinetd.pid -filelog "$WORK/xinetd.log"
		wait_for 10 superserver_ready
		case $style in dgram-*) ask --udp 127.0.0.1 ;; *) ask 127.0.0.1 ;; esac
		# xinetd itself, not strace, which is the background process.
		kill "$(sandbox_pids xinetd)"
		wait_for 5 sandbox_empty
		stop superserver
		# strace's own start of xinetd, and xinetd's of in.timed.
		equal "$(grep -oE 'execve(at)?\("[^"]*"' "$WORK/strace" | tr '\n' ' ')" \
			"execve(\"$PEERS/usr/sbin/xinetd\" execve(\"/usr/sbin/in.timed\" " "programs executed, $style"
	done
}

@test "guestclock executes only ssh, and ssh never reads a guest's name as an option" {
	fakeguest_setup
	local program
	printf '%s\n' good.0.1 root@good ssh://good:22 'good.0.a=b,c' '=good' +good fe80::1%eth0 vsock/3 a@b@good >"$WORK/guests.list"
	status=0
	# One file for each process: in a single file, strace splits the line of a long call, with other lines between.
	PATH=$GUEST_PATH timeout 30 strace -ff -qq -s 300 -e trace=execve,execveat -o "$WORK/strace" "$GUESTCLOCK" sync --state "$STATE" \
		-f "$WORK/guests.list" >"$WORK/out" 2>&1 || status=$?
	cat "$WORK"/strace.* >"$WORK/strace"
	((status <= 1)) || { cat "$WORK/out"; return 1; }
	program=$(sed -n 's/^[0-9]* *execve(\("[^"]*"\), .* = 0$/\1/p' "$WORK/strace" | sort | uniq -c | sort -n | sed 's/^ *//')
	equal "$program" "1 \"$GUESTCLOCK\""$'\n'"9 \"$WORK/bin/ssh\"" 'programs executed'
	# Every name follows "--", whole, once.
	sed -n 's/.*\["ssh", \(.*\)\], .*/\1/p' "$WORK/strace" >"$WORK/vectors"
	equal "$(grep -c ' "--", ' "$WORK/vectors")" "$(wc -l <"$WORK/vectors")" 'vectors with --'
	equal "$(sed -n 's/.* "--", "\(.*\)", "exchange"$/\1/p' "$WORK/vectors" | sort -u)" "$(sed 's|^ssh://\(.*\):22|\1|' "$WORK/guests.list" | sort -u)" 'destinations'
	# A name that would be an option is refused before any program starts.
	printf '%s\n' -oProxyCommand=id >"$WORK/guests.list"
	status=0
	PATH=$GUEST_PATH timeout 30 strace -f -qq -e trace=execve,execveat -o "$WORK/strace" "$GUESTCLOCK" sync --state "$STATE" \
		-f "$WORK/guests.list" >"$WORK/out" 2>&1 || status=$?
	equal "$status" 2 status
	equal "$(executed)" 1 'programs executed'
}
