# Makes every system call of guestclock-set and in.timed fail in turn, and kills guestclock-set and guestclock at every
# call: system_call_faults.py says what is tried and what must hold.  It prints the faults that it injects, and each
# case that failed.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/set

setup_file() {
	set_setup_file
	make -s -C "$TOP" -f tests/helpers/helpers.mk build/tests/inject
}

setup() {
	common_setup
	[ "$(uname -m)" = x86_64 ] || unmet 'tests/helpers/inject.c knows the registers of x86_64 only'
	requires "$TOP/build/tests/inject" "$IN_TIMED" "$TOP/build/guestclock-set" "$TOP/build/guestclock"
	set_start
	badsource tcp:37:good tcp:38:silent udp:37:good sntp:123:good
}
teardown() { common_teardown; }

# faults ARGUMENTS...: runs system_call_faults.py.  Its counts are always shown.
faults() {
	status=0
	# Many runs at once would starve the guest of the tests beside these.
	timeout 300 nice -n 10 "${ENTER[@]}" --mount env WORK="$WORK" IN_TIMED="$IN_TIMED" GUESTCLOCK_SET="$GUESTCLOCK_SET" \
		"$PYTHON" -I -S "$TOP/tests/confinement/system_call_faults.py" "$@" >"$WORK/faults" 2>&1 || status=$?
	if ((status == 0)); then sed 's/^/# /' "$WORK/faults" >&3; else cat "$WORK/faults"; fi
	equal "$status" 0 'status of system_call_faults.py'
}

# ------------------------------------------------------------------------------------------------ guestclock-set

@test "guestclock-set ends cleanly, in both processes, when any one system call of an rdate request over TCP fails" { faults errors rdate; }
@test "guestclock-set ends cleanly when any one system call of an rdate request over UDP or SNTP fails" { faults errors udp sntp; }
@test "guestclock-set ends cleanly when any one system call of an rfc868 request fails" { faults errors rfc868; }
@test "guestclock-set ends cleanly when any one system call of an exchange session fails" { faults errors exchange; }
@test "guestclock-set ends cleanly when any one system call of a request that does not set the clock fails" { faults errors status print within; }
@test "the statically linked guestclock-set ends cleanly when any one system call fails, including those before main" { faults errors static-status static-print; }

@test "guestclock-set killed at any system call leaves the clock unset or right, and serves the next request" {
	faults kill rdate sntp rfc868
	faults --jobs 16 kill silent
}
@test "guestclock-set killed at any system call of an exchange session leaves the clock unset or right" { faults kill exchange; }
@test "guestclock killed at any system call of a session leaves the guest's clock unset or right" { faults kill host; }

# ------------------------------------------------------------------------------------------------------ in.timed

@test "in.timed ends cleanly when any one system call fails while it serves one client or writes to a pipe" { faults --jobs 8 errors timed-pipe timed-nowait; }
@test "in.timed in wait mode answers the next client after any one system call has failed" { faults --jobs 16 errors timed-stream timed-dgram; }

# -------------------------------------------------------------------------------------------------- both programs

@test "the programs end cleanly under limits on descriptors, memory, file size and processes" {
	faults --jobs 16 limits rdate rfc868 exchange status static-status static-print \
		timed-pipe timed-nowait timed-stream timed-dgram
	# Standard output is a file that may not grow.
	# shellcheck disable=SC2016 # for that shell
	run -111 bash -c 'ulimit -f 0; exec "$0" </dev/null 2>&1 >"$1"' "$IN_TIMED" "$WORK/octets"
	[[ $output =~ ^in\.timed\[[0-9]+\]:\ cannot\ write\ to\ standard\ output:\ File\ too\ large$ ]]
}

@test "the programs end cleanly with strange program names and with empty, huge or malformed environments" {
	faults surroundings rdate exchange static-status timed-pipe timed-nowait timed-stream
	# So far in.timed's environment had only the strange strings.  Without one, guestclock-set knows no request and
	# no client.
	run -100 env -i "$TOP/build/guestclock-set"
	equal "${#lines[@]}" 1 'lines for an empty request'
	run -0 env -i "$TOP/build/guestclock-set" status
}

# denied_tables ALLOW DENY: makes another /etc, in which everybody is denied
denied_tables() {
	cp -a "$ETC" "$WORK/denied"
	printf '%s\n' "$1" >"$WORK/denied/hosts.allow"
	printf '%s\n' "$2" >"$WORK/denied/hosts.deny"
}

@test "a client that hosts.deny denies is not let in when any one system call fails" {
	denied_tables '' 'ALL: ALL'
	faults --denied "$WORK/denied" --jobs 8 errors status timed-nowait
}

@test "a client that a DENY rule in hosts.allow denies is not let in when any one system call fails" {
	denied_tables 'ALL: ALL: DENY' ''
	faults --denied "$WORK/denied" --jobs 8 errors rdate timed-nowait
}

@test "a client in a list file that hosts.deny names is not let in when any one system call fails" {
	denied_tables '' 'ALL: /etc/hosts.list'
	printf '127.0.0.1\n' >"$WORK/denied/hosts.list"
	faults --denied "$WORK/denied" --jobs 16 errors exchange timed-nowait timed-stream
}

@test "a client whose name hosts.deny denies is not let in when any one system call fails, or when the process that looks it up is killed" {
	denied_tables '' 'ALL: UNKNOWN PARANOID .denied.test'
	printf '127.0.0.1 client.denied.test\n' >"$WORK/denied/hosts"
	faults --denied "$WORK/denied" --jobs 8 errors status
}

@test "a client whose name hosts.allow does not have is not let in when any one system call fails, or when the process that looks it up is killed" {
	denied_tables 'ALL: .allowed.test' 'ALL: ALL'
	printf '127.0.0.1 client.denied.test\n' >"$WORK/denied/hosts"
	faults --denied "$WORK/denied" --jobs 8 errors status
}
