# shellcheck shell=bash
# Shared by the parts of the bench: the private system, an sshd, ssh_config, figures and targets.

TOP=$PWD
PEERS=$TOP/build/peers
# shellcheck source=tests/lib/peers.bash
. "$TOP/tests/lib/peers.bash"
GUESTCLOCK=$TOP/build/guestclock
TOOLS=$TOP/build/bench
SSHD_PORT=2222
MET=0
MISSED=0
BENCH_PIDS=()
export TOP PEERS

# ---------------------------------------------------------------------------------------- the private system

# bench_start: sets up our own /etc, /run and network.
bench_start() {
	local tool
	mkdir -p "$TOOLS"
	for tool in measure fake-ssh shift-clock load bare starts; do
		[[ $TOOLS/$tool -nt bench/$tool.c ]] || gcc -std=c11 -Wall -Wextra -Werror -O2 -o "$TOOLS/$tool" "bench/$tool.c"
	done
	# A short path: the path of a socket is limited to 108 octets.
	WORK=$(mktemp -d)
	mkdir -p "$WORK"/{etc,home/.ssh,masters,state}
	ip link set lo up
	printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' "guest:x:1000:1000:guest:$WORK/home:/bin/sh" >"$WORK/etc/passwd"
	printf '%s\n' root:x:0: guest:x:1000: >"$WORK/etc/group"
	printf '%s\n' /bin/sh >"$WORK/etc/shells"
	printf '%s\n' 'passwd: files' 'group: files' 'hosts: files' >"$WORK/etc/nsswitch.conf"
	printf '127.0.0.1 localhost\n' >"$WORK/etc/hosts"
	: >"$WORK/etc/hosts.allow"
	: >"$WORK/etc/hosts.deny"
	local file
	for file in "$WORK"/etc/*; do
		[[ ! -e /etc/${file##*/} ]] || mount --bind "$file" "/etc/${file##*/}"
	done
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p /run/sshd /run/guestclock
	for file in host key admin; do
		ssh-keygen -q -t ed25519 -N '' -C "$file" -f "$WORK/$file" </dev/null
	done
}

# bench_end: ends every process and removes every file that the bench left.
bench_end() {
	local status=$? pid
	trap - EXIT
	mux_close
	guest_stop || :
	for pid in "${BENCH_PIDS[@]}"; do
		kill "$pid" 2>/dev/null || :
	done
	[[ -z ${WORK-} ]] || rm -rf "$WORK"
	exit "$status"
}

# background COMMAND...: starts COMMAND; bench_end or stop "$PID" ends it
background() {
	"$@" </dev/null >>"$WORK/background.out" 2>&1 &
	PID=$!
	BENCH_PIDS+=("$PID")
}

stop() {
	kill "$1" 2>/dev/null || return 0
	wait "$1" 2>/dev/null || :
}

die() {
	printf 'bench: %s\n' "$*" >&2
	[[ ! -s $WORK/background.out ]] || tail -n 5 "$WORK/background.out" >&2
	exit 111
}

# listens PROTOCOL PORT: a socket is bound to PORT, on any address
listens() { grep -qiE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$2") [0-9A-F:]+ 0[7A] " "/proc/net/$1" "/proc/net/${1}6"; }

# forced_command PROGRAM: prints the key's line for authorized_keys.  It runs PROGRAM for every command except `true`,
# which guestclock is compared with.
forced_command() {
	# shellcheck disable=SC2016
	printf 'restrict,command="[ \\"$SSH_ORIGINAL_COMMAND\\" = true ] || exec %s" %s\n' "$1" "$(<"$WORK/key.pub")"
}

# sshd_start: starts an sshd on all of 127/8, as an ordinary user, unless it runs already
sshd_start() {
	[[ -z ${SSHD_PID-} ]] || return 0
	forced_command "$TOP/build/guestclock-set" >"$WORK/home/.ssh/authorized_keys"
	chmod 700 "$WORK/home/.ssh"
	chmod 600 "$WORK/home/.ssh/authorized_keys"
	cat >"$WORK/sshd_config" <<-END
		Port $SSHD_PORT
		ListenAddress 0.0.0.0
		HostKey $WORK/host
		PidFile none
		UsePAM no
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		StrictModes no
		AuthorizedKeysFile $WORK/home/.ssh/authorized_keys
		MaxStartups 1000
		MaxSessions 1000
		LogLevel ERROR
		$(sshd_paths "$PEERS")
	END
	background unshare -U --map-user=1000 --map-group=1000 "$PEERS/usr/sbin/sshd" -D -e -f "$WORK/sshd_config"
	SSHD_PID=$PID
	guest_wait 5 listens tcp "$SSHD_PORT" || die 'sshd does not listen'
	printf '* %s\n' "$(<"$WORK/host.pub")" >"$WORK/known_hosts"
	ssh_config new
	ssh -F "$WORK/new" 127.0.0.1 true </dev/null || die 'sshd does not let us in'
}

# ssh_config NAME [LINE...]: writes $WORK/NAME, the shipped ssh_config except for the lines that locate hosts and files.
# The alias gNNN is 127.1.0.NNN; all aliases mNNNN are the same address.
ssh_config() {
	local name=$1 number
	shift
	{
		printf '%s\n' 'Host m*' '	HostName 127.0.0.1'
		for ((number = 1; number <= 200; number++)); do
			printf 'Host g%d\n\tHostName 127.1.0.%d\n' "$number" "$number"
		done
		printf 'Host *\n'
		(($# == 0)) || printf '	%s\n' "$@"
		printf '	%s\n' "Port $SSHD_PORT" 'User guest' "IdentityFile $WORK/key" "UserKnownHostsFile $WORK/known_hosts"
		grep -vE '^\s*(Host|User|IdentityFile|UserKnownHostsFile|Control[A-Za-z]+)\s' ssh_config
	} >"$WORK/$name"
}

# mux_close: ends the masters of the connections to the guest that bench/guest.bash keeps open
mux_close() {
	local socket
	for socket in "${WORK-/nonexistent}"/masters/*; do
		[[ ! -S $socket ]] || timeout 5 ssh -F none -o ControlPath="$socket" -O exit any >/dev/null 2>&1 || :
	done
}

# ------------------------------------------------------------------------------------------------- figures

# measured NAME COMMAND...: runs COMMAND and appends its figures to $WORK/NAME (see measure.c).
measured() {
	local name=$1
	shift
	"$TOOLS/measure" "$WORK/$name" "$@"
}

# figures NAME: prints the values of NAME in the JSON lines on standard input, without null
figures() { sed -n "s/.*\"$1\":\\(-\\{0,1\\}[0-9.][0-9.]*\\).*/\\1/p"; }

# column NAME NUMBER: prints that column of $WORK/NAME
column() { awk -v at="$2" '{ print $at }' "$WORK/$1"; }

# quantile Q: prints this quantile of the numbers on standard input (0.5 is the median, 1 the largest)
quantile() {
	sort -g | awk -v q="$1" '{ v[NR] = $1 }
		END {
			if (NR == 0) exit
			at = 1 + q * (NR - 1)
			low = int(at)
			high = low < NR ? low + 1 : low
			printf "%.12g\n", v[low] + (at - low) * (v[high] - v[low])
		}'
}

median() { quantile 0.5; }

magnitudes() { awk '{ print $1 < 0 ? -$1 : $1 + 0 }'; }

# calc EXPRESSION: prints the value of awk's EXPRESSION
calc() { awk "BEGIN { printf \"%.12g\", $1 }"; }

# us SECONDS, ms SECONDS, ms_ns NANOSECONDS: print it with a unit, for a table
us() { awk -v s="$1" 'BEGIN { printf "%.1f µs", s * 1e6 }'; }
ms() { awk -v s="$1" 'BEGIN { v = s * 1e3; printf (v < 0.995 ? "%.3f ms" : v < 99.5 ? "%.2f ms" : "%.0f ms"), v }'; }
ms_ns() { ms "$(calc "$1 / 1e9")"; }

title() { printf '\n## %s\n\n' "$*"; }

# row CELL...: prints a row of a table; header also prints the line below it
row() {
	printf '|'
	printf ' %s |' "$@"
	printf '\n'
}
header() {
	local cell
	row "$@"
	printf '|'
	for cell in "$@"; do printf -- '---|'; done
	printf '\n'
}

# target WHAT EXPRESSION SAID: prints whether awk's EXPRESSION is true, and counts it.  SAID is the measured value.
target() {
	if awk "BEGIN { exit !($2) }"; then
		MET=$((MET + 1))
		printf -- '- target: %s: %s: met\n' "$1" "$3"
	else
		MISSED=$((MISSED + 1))
		printf -- '- target: %s: %s: **missed**\n' "$1" "$3"
	fi
}

say_machine() {
	printf '# guestclock: figures of %s\n\n' "$(date -u +%F)"
	printf '%s; %d processors; Linux %s; %s; load %s\n' "$(sed -n 's/^model name[^:]*: //p;T;q' /proc/cpuinfo)" "$(nproc)" \
		"$(uname -r)" "$(ssh -V 2>&1 | sed 's/,.*//')" "$(cut -d' ' -f1-3 /proc/loadavg)"
}
