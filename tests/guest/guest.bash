# shellcheck shell=bash
# The test-bed: a real guest whose clock is really wrong.  Source this file and call its functions:
#
#	guest_start                     # boots the guest into February 2008 and waits until its sshd answers
#	guest_ssh date                  # a root shell in it
#	guest_clock                     # its clock's offset from this machine's: OFFSET BOUND DELAY, seconds
#	guest_stop                      # ends it and removes its files
#
# QEMU emulates the whole machine, so neither root nor KVM is needed.  In the guest this machine's loopback is
# 10.0.2.2, alias host.test; on this machine the guest's sshd and clock-answer are two loopback ports.  This
# machine's own clock is never touched.
#
# The guest's sshd checks the guest's hosts.allow and hosts.deny itself, as the daemon "sshd": a test that denies ALL
# must allow sshd, or it locks itself out.
#
# A guest has a directory, GUEST_DIR, that holds all its state; guest_start sets and exports it.  With several guests,
# keep their directories and select one: GUEST_DIR=$other guest_clock.  Do not call guest_start in a subshell (run,
# $(...)): the GUEST_DIR of a subshell is lost.
#
# A function that fails prints one line on standard error, unless its comment says that it prints nothing.  Every wait
# has a time limit.
#
# Settings, from the environment:
#	GUEST_BOOT_SECONDS  how long to wait for sshd (90)
#	GUEST_SSH_SECONDS   the longest that one guest_ssh may take (60)
#	GUEST_LIFE_SECONDS  QEMU is ended after this time in any case (3600)

guest_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# guest_complain TEXT: prints one line on standard error; status 1.
guest_complain() {
	printf 'guest: %s\n' "$*" >&2
	return 1
}

# guest_now_ms: prints this machine's uptime in milliseconds (10 ms steps), which does not change when a clock is set.
guest_now_ms() {
	local up
	read -r up _ </proc/uptime
	printf '%s\n' "$((10#${up/./} * 10))"
}

# guest_wait SECONDS COMMAND...: tries COMMAND every 50 ms until it succeeds; status 1 after SECONDS.  Prints nothing.
guest_wait() {
	local end=$(($(guest_now_ms) + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		(($(guest_now_ms) < end)) || return 1
		sleep 0.05
	done
}

# guest_state NAME: prints the file NAME of the current guest (ssh.port, clock.port, qemu.pid ...).
guest_state() {
	[[ -n ${GUEST_DIR-} && -d ${GUEST_DIR-} ]] || { guest_complain "no guest: call guest_start first"; return 1; }
	[[ -s $GUEST_DIR/$1 ]] || { guest_complain "no $1 in $GUEST_DIR"; return 1; }
	printf '%s\n' "$(<"$GUEST_DIR/$1")"
}

# guest_owns PID: true if process PID exists and was started for the current guest: its command line names the guest's
# directory.  Prints nothing.
guest_owns() {
	local line=
	[[ $1 =~ ^[0-9]+$ && -n ${GUEST_DIR-} ]] || return 1
	{ line=$(tr '\0' ' ' <"/proc/$1/cmdline"); } 2>/dev/null || return 1
	[[ $line == *"$GUEST_DIR/"* ]]
}

# guest_alive PIDFILE: true if the process recorded in the current guest's PIDFILE exists.  Prints nothing.
guest_alive() {
	[[ -n ${GUEST_DIR-} && -s $GUEST_DIR/$1 ]] && guest_owns "$(<"$GUEST_DIR/$1")"
}

# guest_gone PID: true if no such process of ours exists.
guest_gone() {
	! guest_owns "$1"
}

# guest_end PIDFILE: ends the process recorded there: SIGTERM, after 5 s SIGKILL.  Prints nothing.
guest_end() {
	local pid
	guest_alive "$1" || return 0
	pid=$(<"$GUEST_DIR/$1")
	kill -TERM "$pid" 2>/dev/null || :
	guest_wait 5 guest_gone "$pid" && return 0
	kill -KILL "$pid" 2>/dev/null || :
	guest_wait 5 guest_gone "$pid"
}

# guest_monitor ARGUMENTS...: runs build/tests/qmp on the current guest's monitor: stop, monitor "info status" ...
guest_monitor() {
	guest_state qemu.pid >/dev/null || return 1
	"$guest_top/build/tests/qmp" "$GUEST_DIR/monitor" "$@" 3>&-
}

# guest_launch [QEMU OPTIONS...]: starts QEMU from the current guest's `machine` file and options; status 1 if it ends
# before it opens its monitor, for example because a port is in use.  Prints nothing.
guest_launch() {
	local machine=() ssh_port clock_port
	mapfile -t machine <"$GUEST_DIR/machine"
	ssh_port=$(guest_state ssh.port) || return 1
	clock_port=$(guest_state clock.port) || return 1
	rm -f "$GUEST_DIR"/{qemu.pid,qemu.pidfile,monitor,monitor2}
	: >"$GUEST_DIR/console.log"
	# Start in the guest's directory, because a Unix socket's path must be short.  Close the caller's descriptors:
	# bats waits until every process has closed them.
	(
		cd "$GUEST_DIR" || exit
		exec timeout -k 5 "${GUEST_LIFE_SECONDS:-3600}" qemu-system-x86_64 "${machine[@]}" \
			-netdev "$(guest_network "$ssh_port" "$clock_port")" \
			-device virtio-net-pci,netdev=net,romfile= \
			"$@" </dev/null >qemu.log 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
	) &
	printf '%s\n' "$!" >"$GUEST_DIR/timeout.pid"
	disown "$!" 2>/dev/null || :
	guest_wait 10 guest_launched || return 1
	# Copy the file: QEMU removes its own before it has ended.
	cp "$GUEST_DIR/qemu.pidfile" "$GUEST_DIR/qemu.pid" 2>/dev/null && guest_alive qemu.pid
}

# guest_network SSH-PORT CLOCK-PORT: prints QEMU's network: QEMU's own, or the tap interface of guest_start --tap
guest_network() {
	if [[ -s $GUEST_DIR/tap ]]; then
		printf 'tap,id=net,ifname=%s,script=no,downscript=no' "$(<"$GUEST_DIR/tap")"
	else
		printf 'user,id=net,ipv6=off,hostfwd=tcp:127.0.0.1:%s-:22,hostfwd=udp:127.0.0.1:%s-:9037' "$1" "$2"
	fi
}

# guest_address: prints the address at which this machine reaches the guest
guest_address() {
	if [[ -s $GUEST_DIR/tap ]]; then echo 10.0.2.15; else echo 127.0.0.1; fi
}

# guest_launched: true when QEMU has opened its monitor, or has already ended.
guest_launched() {
	[[ -S $GUEST_DIR/monitor2 && -s $GUEST_DIR/qemu.pidfile ]] || ! kill -0 "$(<"$GUEST_DIR/timeout.pid")"
}

# guest_choose_ports: writes ssh.port and clock.port, two ports below the kernel's ephemeral range.  Whether they are
# free shows when QEMU binds them.
guest_choose_ports() {
	local port=$((10000 + (RANDOM * 32768 + RANDOM) % 10000 * 2)) ports
	ports=("$port" "$((port + 1))")
	[[ ! -s $GUEST_DIR/tap ]] || ports=(22 9037)
	printf '%s\n' "${ports[0]}" >"$GUEST_DIR/ssh.port"
	printf '%s\n' "${ports[1]}" >"$GUEST_DIR/clock.port"
}

# guest_write_ssh_files: writes known_hosts and ssh_config for the current guest's port.  With `ssh -F
# $GUEST_DIR/ssh_config` the guest's name is guest.test.
guest_write_ssh_files() {
	local port key address
	port=$(guest_state ssh.port)
	key=$(guest_state host_key.pub)
	address=$(guest_address)
	# ssh writes an address without brackets if the port is 22.
	printf '[%s]:%s %s\n' "$address" "$port" "$key" >"$GUEST_DIR/known_hosts"
	[[ $port != 22 ]] || printf '%s %s\n' "$address" "$key" >"$GUEST_DIR/known_hosts"
	cat >"$GUEST_DIR/ssh_config" <<END
Host guest.test
	HostName $address
Host guest.test $address
	Port $port
	User root
	BatchMode yes
	IdentitiesOnly yes
	IdentityAgent none
	StrictHostKeyChecking yes
	UserKnownHostsFile "$GUEST_DIR/known_hosts"
	GlobalKnownHostsFile /dev/null
	KexAlgorithms curve25519-sha256
	ConnectTimeout 60
	LogLevel ERROR
END
}

# guest_make_machine BASE MEGABYTES ICOUNT APPEND [QEMU OPTIONS...]: writes QEMU's options, one a line, for the first
# start and for every restore.  ICOUNT is 1 or empty, APPEND more kernel arguments.
guest_make_machine() {
	local base=$1 megabytes=$2 icount=$3 append=$4 kernels
	shift 4
	kernels=("$guest_top"/build/peers/boot/vmlinuz-*)
	printf '%s\n' -name "guestclock-test" -nodefaults -no-user-config -display none -no-reboot \
		-machine pc,accel=tcg -cpu max -m "$megabytes" \
		-kernel "${kernels[-1]}" -initrd "$GUEST_DIR/initrd" \
		-append "console=ttyS0 quiet panic=-1 random.trust_cpu=on net.ifnames=0${append:+ $append}" \
		-rtc "base=$base" -serial file:console.log -pidfile qemu.pidfile \
		-qmp unix:monitor,server=on,wait=off -qmp unix:monitor2,server=on,wait=off \
		-drive if=none,id=disk,format=qcow2,file=snapshots.qcow2 "$@" >"$GUEST_DIR/machine"
	if [[ -n $icount ]]; then
		printf '%s\n' -icount shift=0,sleep=on >>"$GUEST_DIR/machine"
	fi
}

# guest_make_initrd: joins the archive common to all guests and this guest's own keys.
guest_make_initrd() {
	local own=$GUEST_DIR/own
	ssh-keygen -q -t ed25519 -N '' -C admin -f "$GUEST_DIR/admin_key" </dev/null 3>&- || return 1
	ssh-keygen -q -t ed25519 -N '' -C guest -f "$GUEST_DIR/host_key" </dev/null 3>&- || return 1
	mkdir -p "$own/etc/ssh" "$own/root/.ssh"
	cp "$GUEST_DIR/host_key" "$own/etc/ssh/host_key"
	cp "$GUEST_DIR/admin_key.pub" "$own/root/.ssh/authorized_keys"
	(
		cd "$own" || exit
		printf '%s\n' etc/ssh/host_key root/.ssh/authorized_keys | cpio --quiet -o -H newc --owner=+0:+0
	) >"$GUEST_DIR/own.cpio" || return 1
	cat "$guest_top/build/guest/initramfs.cpio" "$GUEST_DIR/own.cpio" >"$GUEST_DIR/initrd"
}

# guest_start [--base TIME] [--tsc-early-khz N] [--icount] [--tap INTERFACE] [--dir DIR] [--mem MB] [--append KERNEL-ARGUMENTS]
#             [-- QEMU OPTIONS...]
# Boots a guest, waits until its sshd answers, sets and exports GUEST_DIR.  Prints nothing.
#	--base TIME        the initial time of its RTC, and so of its clock, UTC (2008-02-15T20:49:00)
#	--tsc-early-khz N  its kernel assumes that the time-stamp counter runs at N kHz: its clock then runs at F / N of
#	                   the true rate, F being the true frequency (guest_tsc_khz); adjtimex does not show the error
#	--icount           derives time from counted instructions: the guest loses time under load, as with lost ticks
#	--dir DIR          an empty or new directory for the guest; guest_stop removes it (a new one in build/guest)
#	--mem MB           its memory in megabytes (256; 128 is enough)
#	--append ...       more arguments for its kernel
guest_start() {
	local base=2008-02-15T20:49:00 dir='' mem=256 icount='' append='' tap=''
	while (($#)); do
		case $1 in
		--base) base=$2 && shift 2 ;;
		# Without the other two timers the kernel cannot measure the frequency: with them it would correct one
		# that is within 1 %.
		--tsc-early-khz) append+=" tsc_early_khz=$2 tsc=reliable hpet=disable pmtmr=0" && shift 2 ;;
		--icount) icount=1 && shift ;;
		--tap) tap=$2 && shift 2 ;;
		--dir) dir=$2 && shift 2 ;;
		--mem) mem=$2 && shift 2 ;;
		--append) append+=" $2" && shift 2 ;;
		--) shift && break ;;
		*) guest_complain "guest_start: unknown option $1"; return 1 ;;
		esac
	done
	"$guest_top/tests/guest/build-initramfs" 3>&- || return 1
	if [[ -n $dir ]]; then
		mkdir -p "$dir" || return 1
		[[ -z $(ls -A "$dir") ]] || { guest_complain "$dir is not empty"; return 1; }
		dir=$(cd "$dir" && pwd)
	else
		dir=$(mktemp -d "$guest_top/build/guest/run.XXXXXX") || return 1
	fi
	export GUEST_DIR=$dir
	: >"$dir/guest"
	[[ -z $tap ]] || printf '%s\n' "$tap" >"$dir/tap"
	guest_make_initrd || { guest_stop; guest_complain "cannot make the guest's keys"; return 1; }
	guest_make_machine "$base" "$mem" "$icount" "${append# }" "$@"
	qemu-img create -q -f qcow2 "$dir/snapshots.qcow2" 64M 3>&- || { guest_stop; return 1; }

	local tries
	for ((tries = 0; tries < 20; tries++)); do
		guest_choose_ports
		guest_launch && break
		guest_end timeout.pid
		grep -q 'host forwarding' "$dir/qemu.log" || tries=20
	done
	if ((tries >= 20)); then
		guest_complain "QEMU does not start: $(tail -n 1 "$dir/qemu.log")"
		guest_stop
		return 1
	fi
	guest_write_ssh_files
	if ! guest_wait "${GUEST_BOOT_SECONDS:-90}" guest_booted || ! guest_alive qemu.pid || ! guest_ssh true </dev/null; then
		guest_complain "the guest did not come up; its console's last words:"
		tail -n 5 "$dir/console.log" >&2
		guest_stop
		return 1
	fi
}

# guest_booted: true when the guest reports that sshd listens, or QEMU has ended.
guest_booted() {
	grep -q '^guest ready' "$GUEST_DIR/console.log" || ! guest_alive qemu.pid
}

# guest_ssh_options ARRAY: sets the caller's ARRAY to the ssh options for the current guest, without a key, so that the
# caller can add its own: guest_ssh_options opts; ssh "${opts[@]}" -i KEY root@127.0.0.1 COMMAND.  scp and sftp accept
# the same options.
guest_ssh_options() {
	local -n guest_ssh_options_out=$1
	local port
	port=$(guest_state ssh.port) || return 1
	# shellcheck disable=SC2034 # the caller's array
	guest_ssh_options_out=(-F none -o "Port=$port" -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none
		-o StrictHostKeyChecking=yes -o "UserKnownHostsFile=\"$GUEST_DIR/known_hosts\""
		-o GlobalKnownHostsFile=/dev/null -o KexAlgorithms=curve25519-sha256 -o ConnectTimeout=60 -o LogLevel=ERROR)
}

# guest_ssh COMMAND...: runs COMMAND in the guest, as root, in its shell; standard input, output and status are the
# command's (124 after GUEST_SSH_SECONDS).  If standard input is a terminal, or a pipe that nobody closes, redirect it:
# guest_ssh date </dev/null.
guest_ssh() {
	local guest_opts
	guest_ssh_options guest_opts || return 1
	timeout -k 2 "${GUEST_SSH_SECONDS:-60}" ssh "${guest_opts[@]}" -i "$GUEST_DIR/admin_key" "root@$(guest_address)" "$@" 3>&-
}

# guest_authorize [--user NAME] LINE: appends LINE to the authorized_keys of root, or of NAME (guestclock).
guest_authorize() {
	local home=/root
	if [[ $1 == --user ]]; then
		[[ $2 == root ]] || home=/var/lib/$2
		shift 2
	fi
	guest_ssh "cat >>$home/.ssh/authorized_keys" <<<"$1"
}

# guest_put FILE PATH: copies FILE of this machine to PATH in the guest, by rename, executable if FILE is.
guest_put() {
	local mode=644
	[[ -x $1 ]] && mode=755
	guest_ssh "cat >'$2.new' && chmod $mode '$2.new' && mv '$2.new' '$2'" <"$1"
}

# guest_clock [COUNT]: prints `OFFSET BOUND DELAY`, seconds with nine decimals: guest minus host, the half-width of the
# interval that contains the true offset, and the shortest round-trip delay of COUNT (32).
guest_clock() {
	local port
	port=$(guest_state clock.port) || return 1
	"$guest_top/build/tests/clock-compare" -h "$(guest_address)" -p "$port" -n "${1:-32}" 3>&-
}

# guest_tsc_khz: prints the frequency of the time-stamp counter in kHz, as the current guest's kernel measured it; true
# in a guest that was started without --tsc-early-khz.
guest_tsc_khz() {
	local number='([0-9]+)\.([0-9]{3}) MHz' log end
	# The kernel logs a better figure about two seconds after boot, but not always.
	end=$(($(guest_now_ms) + 5000))
	while :; do
		log=$(guest_ssh "dmesg | grep tsc:" </dev/null) || return 1
		[[ $log =~ Refined\ TSC\ clocksource\ calibration:\ $number ]] && break
		(($(guest_now_ms) < end)) && continue
		[[ $log =~ Detected\ $number ]] && break
		guest_complain "guest_tsc_khz: the kernel does not say"
		return 1
	done
	printf '%s%s\n' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
}

# guest_pause SECONDS: stops the whole guest for SECONDS of this machine's clock.  The guest's clock is then that much
# further behind.
guest_pause() {
	if guest_alive throttle.pid; then
		guest_complain "guest_pause: the guest is throttled"
		return 1
	fi
	guest_monitor pause "$1"
}

# guest_priority NICE: sets the priority of the guest's threads, if root runs the tests.  On a busy machine a throttled
# guest would otherwise not get the few milliseconds that it may run.
guest_priority() {
	local tasks=("/proc/$(guest_state qemu.pid)/task"/*)
	renice -n "$1" -p "${tasks[@]##*/}" >/dev/null 2>&1 || :
}

# guest_throttle [RUN PERIOD [SECONDS]]: from now on the guest runs RUN (5) milliseconds in every PERIOD (100), until
# guest_unthrottle, for SECONDS (600) at most.  A new ssh session then takes some 15 s.
guest_throttle() {
	guest_unthrottle
	guest_state qemu.pid >/dev/null || return 1
	guest_priority -15
	: >"$GUEST_DIR/throttle.log"
	"$guest_top/build/tests/qmp" "$GUEST_DIR/monitor2" throttle "${1:-5}" "${2:-100}" "${3:-600}" \
		</dev/null >"$GUEST_DIR/throttle.log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
	printf '%s\n' "$!" >"$GUEST_DIR/throttle.pid"
	disown "$!" 2>/dev/null || :
	guest_wait 10 grep -q . "$GUEST_DIR/throttle.log" && guest_alive throttle.pid && return 0
	guest_complain "guest_throttle: $(<"$GUEST_DIR/throttle.log")"
}

# guest_unthrottle: lets the guest run freely again; does nothing if it is not throttled.
guest_unthrottle() {
	[[ -n ${GUEST_DIR-} && -e $GUEST_DIR/throttle.pid ]] || return 0
	guest_end throttle.pid || return 1
	guest_priority 0
	rm -f "$GUEST_DIR/throttle.pid"
}

# guest_log: prints the guest's syslog.
guest_log() {
	guest_ssh cat /var/log/messages </dev/null
}

# guest_save [NAME]: takes a snapshot (NAME: saved) of the running guest, which continues to run.
guest_save() {
	guest_unthrottle
	guest_monitor monitor "savevm ${1:-saved}"
}

# guest_restore [NAME]: ends QEMU and starts it again, on the same ports, from the snapshot: the guest's clock continues
# from the time of the snapshot.  Connections made since then are dead.
guest_restore() {
	local tries
	guest_unthrottle
	guest_end qemu.pid
	guest_end timeout.pid
	for ((tries = 0; tries < 20; tries++)); do
		if guest_launch -loadvm "${1:-saved}"; then
			guest_wait 10 guest_clock 1 && return 0
			break
		fi
		guest_end timeout.pid
		grep -q 'host forwarding' "$GUEST_DIR/qemu.log" || break
		sleep 0.2
	done
	guest_complain "guest_restore: $(tail -n 1 "$GUEST_DIR/qemu.log")"
}

# guest_stop: ends the current guest and removes its directory.  Safe when there is none, twice, and in a trap.
guest_stop() {
	[[ -n ${GUEST_DIR-} && -e $GUEST_DIR/guest ]] || return 0
	guest_end throttle.pid || :
	guest_end qemu.pid || :
	guest_end timeout.pid || :
	rm -rf "$GUEST_DIR"
}
