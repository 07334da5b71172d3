# shellcheck shell=bash
# Guests for guestclock watch: a program in ssh's place runs the real guestclock-set here, with a fake clock for each
# guest.  They can be paused, restored and shut off.  Load after lib/common and lib/fakeguest.
#
# A guest's files in $GUESTS: NAME.clock (tests/lib/fakeclock.py), NAME.run (its /run), NAME.pids (pid and
# start time of each session), NAME.paused (exists while it is paused) and NAME.off (exists while ssh fails: what ssh prints).

GUESTCLOCK_SET=${GUESTCLOCK_SET:-$TOP/build/dynamic/guestclock-set}

# localguest_setup: for setup, after common_setup
localguest_setup() {
	requires "$GUESTCLOCK_SET" "$GUESTCLOCK" "$TOP/build/tests/fake-clock.so"
	GUESTS=$WORK/guests
	STATE=$WORK/state
	BEFORE=()
	mkdir -p "$WORK/bin" "$GUESTS" "$WORK/dev"
	# A session whose lines no syslog takes may set the clock only five times.
	: >"$WORK/dev/null"
	mkfifo "$WORK/log.ack"
	background logsink python -I -S "$TOP/tests/lib/logsink.py" "$WORK/dev/log" "$WORK/guests.log" "$WORK/log.ack"
	wait_for 15 test -S "$WORK/dev/log"
	# The kernel refuses to set the real clock for a process in this user namespace; nobody asks it to.
	cat >"$WORK/bin/ssh" <<-END
		#!/bin/sh
		while [ "\$1" != -- ]; do shift; done
		guest=$GUESTS/\$2
		read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ start _ </proc/\$\$/stat
		echo "\$\$ \$start" >>\$guest.pids
		while [ -e \$guest.paused ]; do sleep 0.05; done
		[ ! -e \$guest.off ] || { cat \$guest.off >&2; exit 255; }
		exec unshare -Urm sh -c 'mount --bind "\$1.run" /run && mount --bind /dev/null "$WORK/dev/null" && mount --rbind "$WORK/dev" /dev &&
			exec env SSH_CONNECTION="127.0.0.1 1 127.0.0.1 22" \
			SSH_ORIGINAL_COMMAND=exchange FAKE_CLOCK="\$1.clock" LD_PRELOAD="$TOP/build/tests/fake-clock.so" "$GUESTCLOCK_SET"' \
			sh "\$guest"
	END
	chmod +x "$WORK/bin/ssh"
	GUEST_PATH=$WORK/bin:$PATH
}

# localguest_teardown: for teardown, before common_teardown
localguest_teardown() {
	local file pid
	for file in "$GUESTS"/*.pids; do
		[ -e "$file" ] || continue
		file=${file##*/}
		for pid in $(live_sessions "${file%.pids}"); do kill -s KILL "$pid" 2>/dev/null || :; done
	done
}

# live_sessions NAME: prints the pids of the guest's sessions
live_sessions() {
	local pid start
	while read -r pid start; do
		[ "$(start_of "$pid")" != "$start" ] || printf '%s\n' "$pid"
	done <"$GUESTS/$1.pids"
}

# new_guest NAME [FIELD=VALUE...]: a guest with this clock
new_guest() {
	local name=$1
	shift
	python -I -S "$TOP/tests/lib/fakeclock.py" new "$GUESTS/$name.clock" "$@"
	mkdir -p "$GUESTS/$name.run"
	: >>"$GUESTS/$name.pids"
}

# offset NAME: prints the guest's offset in nanoseconds
offset() { python -I -S "$TOP/tests/lib/fakeclock.py" get "$GUESTS/$1.clock" offset_ns; }

# is_right NAME [NANOSECONDS]: the guest's clock is within 1 ms, or so many nanoseconds
is_right() {
	local off
	off=$(offset "$1")
	printf '%s: %s ns\n' "$1" "$off"
	((${off#-} <= ${2:-1000000}))
}

# freeze NAME, thaw NAME SECONDS: pause a guest; its clocks then have lost SECONDS
freeze() {
	local pid
	: >"$GUESTS/$1.paused"
	for pid in $(live_sessions "$1"); do kill -s STOP "$pid" 2>/dev/null || :; done
}
thaw() {
	local off raw pid clock=("$TOP/tests/lib/fakeclock.py")
	read -r off raw < <(python -I -S "${clock[@]}" get "$GUESTS/$1.clock" offset_ns raw_ns)
	python -I -S "${clock[@]}" set "$GUESTS/$1.clock" offset_ns=$((off - $2 * 1000000000)) raw_ns=$((raw - $2 * 1000000000))
	# A session that was open runs again before one that waits to begin.
	for pid in $(live_sessions "$1"); do kill -s CONT "$pid" 2>/dev/null || :; done
	sleep 0.3
	rm "$GUESTS/$1.paused"
}

# cut NAME: ends the guest's sessions, as a crash of its sshd does
cut() {
	local pid
	for pid in $(live_sessions "$1"); do kill -s KILL "$pid" 2>/dev/null || :; done
}
