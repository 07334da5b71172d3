# guestclock watch with guests whose clocks are really wrong, paused, restored and lost.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it
# shellcheck disable=SC2154 # output, errors and status come from tests/lib/fakeguest.bash

load ../lib/common
load ../lib/fakeguest
load ../lib/localguest

setup_file() {
	fakeguest_setup_file
	make -s -C "$TOP" dynamic
}

setup() {
	common_setup
	export WORK
	localguest_setup
}

teardown() {
	localguest_teardown
	common_teardown
}

# watch NAME ARGUMENTS...: starts guestclock watch in the background
watch() {
	local name=$1
	shift
	guestclock_background "$name" watch "$@"
}

# ends NAME: stops watch, and checks that it ends with status 0
ends() {
	kill -s TERM "$(pid_of "$1")"
	ended "$1"
	[ "$status" -eq 0 ] || { shown; return 1; }
}

# says NAME REGEX: watch has printed a line that matches
says() { grep -E "$2" "$WORK/$1.out"; }

# sessions NAME: prints how many sessions the guest has
sessions() { live_sessions "$1" | wc -l; }
has_sessions() { printf 'sessions: %s\n' "$(sessions "$1")" && [ "$(sessions "$1")" -eq "$2" ]; }

@test "watch steps a guest that is wrong, learns its rate, and then leaves it alone" {
	new_guest slow offset_ns=-5000000000 drift_ppb=-740000
	watch run --json slow
	wait_for 30 is_right slow
	wait_for 30 says run '"rate":-7[34]'
	# The fake clock does not slew: what a slew would still remove stays.
	local first i now
	sleep 2
	first=$(offset slow)
	for i in {1..30}; do
		sleep 0.1
		now=$(($(offset slow) - first))
		((${now#-} < 20000)) || { printf 'moved by %s ns\n' "$now"; return 1; }
	done
	ends run
	run_cmd head -n 1 "$WORK/run.out"
	[[ $output =~ '"offset":-5.'.*'"action":"step"' ]]
	says run '^guestclock: watched for [0-9]+ s: 1 guest, 1 right, 0 failed; [0-9]+ corrections?$'
	# The state and the log are as sync writes them.
	state_whole
	equal "$(wc -l <"$STATE/log")" "$(grep -c '^{' "$WORK/run.out")" 'lines of the log'
}

@test "watch corrects a paused guest at once when it runs again, in the session that was open" {
	new_guest vm offset_ns=-3000000000
	watch run vm
	wait_for 30 is_right vm
	# Until a few readings have told its rate, a pause is not told from one that runs slow.
	sleep 4
	local before pause
	before=$(live_sessions vm)
	for pause in 2 5; do
		freeze vm
		sleep "$pause"
		thaw vm "$pause"
		wait_for 5 is_right vm
		wait_for 15 says run "vm .* -($pause\.0|$((pause - 1))\.9).*step.*pause"
		wait_for 15 has_sessions vm 1
		equal "$(live_sessions vm)" "$before" session
	done
	ends run
}

@test "watch corrects a guest in a new session when its sessions are cut, and after a restored snapshot" {
	new_guest vm offset_ns=1000
	watch run --json vm
	wait_for 30 is_right vm
	wait_for 15 has_sessions vm 1
	sleep 1.2
	cut vm
	wait_for 10 has_sessions vm 1
	# Nothing is said of a session that ends when another begins.
	equal "$(grep -c . "$WORK/run.out")" 1 lines
	cp -r "$GUESTS/vm.run" "$WORK/saved.run"
	local saved
	saved=$(python -I -S "$TOP/tests/lib/fakeclock.py" get "$GUESTS/vm.clock" raw_ns)
	: >"$GUESTS/vm.paused"
	cut vm
	sleep 1
	# 30 s earlier: its raw clock, its clock and its numbers.
	cp -r "$WORK/saved.run/." "$GUESTS/vm.run/"
	python -I -S "$TOP/tests/lib/fakeclock.py" set "$GUESTS/vm.clock" offset_ns=-30000000000 raw_ns=$((saved - 30000000000))
	rm "$GUESTS/vm.paused"
	wait_for 10 is_right vm
	wait_for 15 says run '"offset":-(30\.0|29\.9).*"event":"restore"'
	ends run
}

@test "watch reports a guest once when it is lost, and again when it is right" {
	new_guest vm
	printf 'ssh: connect to host vm port 22: Connection refused\n' >"$GUESTS/vm.off"
	watch run -t 2 vm
	wait_for 15 says run '^vm +failed: .*Connection refused'
	sleep 2
	equal "$(grep -c . "$WORK/run.out")" 1 lines
	rm "$GUESTS/vm.off"
	wait_for 10 says run '^vm +[-+]0\.'
	ends run
	says run '1 guest, 1 right, 0 failed'
	# A refused key does not heal by itself: it is reported at once, and tried rarely.
	printf 'guest@vm: Permission denied (publickey).\n' >"$GUESTS/vm.off"
	: >"$GUESTS/vm.pids"
	watch again -t 20 vm
	wait_for 10 says again '^vm +failed: .*Permission denied'
	sleep 2
	equal "$(wc -l <"$GUESTS/vm.pids")" 1 tries
	ends again
}

@test "SIGHUP reads the list again: new guests begin, removed ones end, and the others' sessions stay" {
	local name kept
	for name in a b c; do new_guest "$name" offset_ns=-2000000000; done
	printf '%s\n' a b >"$WORK/list"
	watch run -f "$WORK/list"
	wait_for 30 is_right a
	wait_for 30 is_right b
	kept=$(live_sessions b)
	printf '%s\n' b c '-wrong' >"$WORK/list"
	kill -s HUP "$(pid_of run)"
	wait_for 30 is_right c
	wait_for 15 has_sessions a 0
	wait_for 15 says run 'line 3 of the list .*: expected one ssh destination on each line'
	equal "$(live_sessions b)" "$kept" "b's session"
	# A list that cannot be read changes nothing.
	rm "$WORK/list"
	kill -s HUP "$(pid_of run)"
	wait_for 15 says run "list of guests $WORK/list: No such file"
	python -I -S "$TOP/tests/lib/fakeclock.py" set "$GUESTS/c.clock" offset_ns=7000000000
	wait_for 10 is_right c
	ends run
	says run ': 2 guests, 2 right, 0 failed'
}

@test "sync beside watch touches nothing, prints what watch knows, and ends by it; check measures; a second watch refuses" {
	new_guest good offset_ns=-2000000000
	new_guest bad
	printf 'guest@bad: Permission denied (publickey).\n' >"$GUESTS/bad.off"
	watch run good bad
	wait_for 30 is_right good
	wait_for 30 says run '^bad +failed'
	local started
	started=$(cat "$GUESTS"/*.pids | wc -l)
	guestclock sync --json good
	tells 0
	[[ $output =~ '"guest":"good"'.*'"offset":'.*'"result":"ok"' ]]
	guestclock sync good bad
	tells 1 'bad: .*Permission denied'
	guestclock sync good other
	tells 1 'other: guestclock watch is running and does not know it'
	equal "$(cat "$GUESTS"/*.pids | wc -l)" "$started" 'sessions begun'
	# A check leaves the state of a guest that watch does not keep as it is, so that sync does not call it right.
	new_guest other
	guestclock check good other
	tells 0
	guestclock sync other
	tells 1 'other: guestclock watch is running and does not know it'
	guestclock watch good
	tells 1 'another sync or watch is running with this state directory: nothing was done'
	ends run
	# When watch has ended, sync works again.
	guestclock sync good
	silent
}

@test "watch --prometheus rewrites the file as guests change, and leaves out removed ones" {
	new_guest a
	new_guest b
	printf '%s\n' a b >"$WORK/list"
	watch run --prometheus "$WORK/metrics.prom" -f "$WORK/list"
	wait_for 30 grep -q '^guestclock_success{guest="b"} 1.000000000$' "$WORK/metrics.prom"
	printf 'a\n' >"$WORK/list"
	kill -s HUP "$(pid_of run)"
	wait_for 15 not grep -q '"b"' "$WORK/metrics.prom"
	grep -q '^guestclock_offset_seconds{guest="a"}' "$WORK/metrics.prom"
	printf 'ssh: connect to host a port 22: Connection refused\n' >"$GUESTS/a.off"
	ends run
	watch run -t 1 --prometheus "$WORK/metrics.prom" a
	wait_for 30 grep -q '^guestclock_success{guest="a"} 0.000000000$' "$WORK/metrics.prom"
	ends run
}

@test "on a terminal watch draws a line for each guest in place, the worst where not all fit" {
	local name names=()
	for name in {1..12}; do
		new_guest "g$name"
		names+=("g$name")
	done
	printf 'guest@g7: Permission denied (publickey).\n' >"$GUESTS/g7.off"
	PATH=$GUEST_PATH run_cmd python -I -S - "$GUESTCLOCK" "$STATE" "${names[@]}" <<-'END'
	import fcntl, os, pty, re, select, signal, struct, sys, termios, time
	pid, fd = pty.fork()
	if pid == 0:
	    os.execv(sys.argv[1], ["guestclock", "watch", "--state", sys.argv[2]] + sys.argv[3:])
	fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 8, 60, 0, 0))
	text, end, stopped = b"", time.monotonic() + 20, False
	while time.monotonic() < end:
	    if select.select([fd], [], [], 0.1)[0]:
	        try:
	            got = os.read(fd, 65536)
	        except OSError:
	            break
	        if not got:
	            break
	        text += got
	    if not stopped and text.count(b"11 right, 1 failed") >= 2:
	        os.kill(pid, signal.SIGTERM)
	        stopped = True
	print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	last = text.split(b"\x1b[J")[-1].decode().split("\r\n")
	print("drawn", text.count(b"\x1b[7A\r\x1b[J") > 0)
	print("\n".join(last))
	END
	[[ $output == 'status 0'* ]]
	[[ $output == *'drawn True'* ]]
	[[ $output == *'12 guests, 11 right, 1 failed (the worst are shown)'* ]]
	# The failed one comes first, and no line is wider than the terminal.
	[[ $(sed -n 3p <<<"$output") =~ ^g7\ +failed:\ .*Permission ]]
	awk 'NR > 2 && length > 60 && !/^guestclock: watched/ { exit 1 }' <<<"$output"
	equal "$(grep -c '^g[0-9]' <<<"$output")" 6 'guests shown'
}

@test "watch leaves the guests alone after a step of the host's clock until it stays, and with --require-sync until it is synchronised" {
	new_guest vm
	with_clock offset_ns=0
	watch run --json vm
	wait_for 30 is_right vm
	python -I -S "$TOP/tests/lib/fakeclock.py" set "$WORK/hostclock" offset_ns=60000000000
	wait_for 15 says run "this host's clock was stepped: the guests are left alone until it stays"
	sleep 3
	is_right vm
	wait_for 30 says run "this host's clock is good again"
	wait_for 15 says run '"offset":-(60\.0|59\.9).*"action":"step"'
	ends run
	# The fake clock begins unsynchronised, as after boot.
	with_clock offset_ns=0
	new_guest vm offset_ns=-9000000000
	rm -r "$STATE"
	watch wait --require-sync --json vm
	wait_for 15 says wait "this host's clock is not synchronised: the guests are left alone until it is"
	equal "$(sessions vm)" 0 sessions
	python -I -S "$TOP/tests/lib/fakeclock.py" set "$WORK/hostclock" status=0 maxerror_us=1000
	wait_for 15 is_right vm
	ends wait
}

@test "watch tells the service manager that it is ready, alive, reloading and stopping, and ssh does not get the socket" {
	new_guest vm
	python -I -S - "$WORK/notify" >"$WORK/notified" <<-'END' &
	import os, socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.settimeout(20)
	s.bind(sys.argv[1])
	while True:
	    text = s.recv(4096).decode()
	    print(text.split("\n")[0], flush=True)
	    if text.startswith("STOPPING"):
	        break
	END
	local listener=$!
	wait_for 15 test -S "$WORK/notify"
	sed -i "2i env >$WORK/ssh.env" "$WORK/bin/ssh"
	BEFORE=(env "NOTIFY_SOCKET=$WORK/notify" WATCHDOG_USEC=500000)
	watch run vm
	wait_for 30 is_right vm
	wait_for 15 grep -q '^WATCHDOG=1' "$WORK/notified"
	kill -s HUP "$(pid_of run)"
	wait_for 15 grep -q '^RELOADING=1' "$WORK/notified"
	ends run
	wait "$listener"
	equal "$(head -n 1 "$WORK/notified")" READY=1 'first message'
	equal "$(tail -n 1 "$WORK/notified")" STOPPING=1 'last message'
	not grep -E '^(NOTIFY_SOCKET|WATCHDOG)' "$WORK/ssh.env"
}

@test "a reader of watch's output that stands still stops neither watch nor its end" {
	new_guest vm offset_ns=-3000000000
	PATH=$GUEST_PATH run_cmd python -I -S - "$GUESTCLOCK" "$STATE" <<-'END'
	import os, subprocess, sys, time
	r, w = os.pipe()
	os.set_blocking(w, False)
	try:
	    while True:
	        os.write(w, b"x" * 4096)
	except BlockingIOError:
	    pass
	os.set_blocking(w, True)
	watch = subprocess.Popen([sys.argv[1], "watch", "--state", sys.argv[2], "vm"], stdout=w, stderr=subprocess.PIPE)
	end = time.monotonic() + 20
	while time.monotonic() < end and not os.path.exists(sys.argv[2] + "/vm.state"):
	    time.sleep(0.1)
	time.sleep(1)
	watch.terminate()
	print(watch.wait(timeout=20), watch.stderr.read().decode())
	END
	is_right vm
	[[ $output == *'standard output takes no more: what is not printed is in the log'* ]]
	[[ $output == *'watched for '* ]]
	grep -q 'vm watch ok step' "$STATE/log"
}

@test "watch refuses wrong options and an empty list in one line" {
	guestclock watch -i 0 vm
	tells 2 'expected seconds, such as 30 or 0.5, from 0.1 to 300'
	guestclock watch -i 301 vm
	tells 2 'from 0.1 to 300'
	guestclock watch -i x vm
	tells 2 'from 0.1 to 300'
	: >"$WORK/list"
	guestclock watch -f "$WORK/list"
	tells 1 'names no guest: nothing was done'
	guestclock watch -- '-x'
	tells 2 'expected an ssh destination'
}

@test "for three minutes watch keeps 20 guests that are paused, cut, stepped and listed anew at random" {
	local seed=${SOAK_SEED:-$RANDOM} seconds=${SOAK_SECONDS:-180} end name names=() what
	printf 'SOAK_SEED=%s\n' "$seed"
	RANDOM=$seed
	for name in {1..20}; do
		new_guest "g$name" offset_ns=$((RANDOM * 100000 - 1600000000)) drift_ppb=$((RANDOM * 60 - 980000))
		names+=("g$name")
	done
	printf '%s\n' "${names[@]}" >"$WORK/list"
	watch run -f "$WORK/list" --prometheus "$WORK/metrics.prom"
	end=$((EPOCHSECONDS + seconds))
	while ((EPOCHSECONDS < end)); do
		name=${names[RANDOM % 20]}
		what=$((RANDOM % 10))
		if ((what < 4)); then
			freeze "$name"
			sleep 1
			thaw "$name" $((RANDOM % 4))
		elif ((what < 7)); then
			cut "$name"
		elif ((what < 9)); then
			python -I -S "$TOP/tests/lib/fakeclock.py" set "$GUESTS/$name.clock" offset_ns=$((RANDOM * 10000000 - 160000000000))
		else
			grep -vx "$name" "$WORK/list" >"$WORK/list.new" || :
			mv "$WORK/list.new" "$WORK/list"
			kill -s HUP "$(pid_of run)"
			sleep 0.2
			printf '%s\n' "$name" >>"$WORK/list"
			kill -s HUP "$(pid_of run)"
		fi
		sleep "0.$((RANDOM % 5))"
	done
	for name in "${names[@]}"; do
		wait_for 30 is_right "$name"
		wait_for 30 has_sessions "$name" 1
	done
	ends run
	for name in "${names[@]}"; do wait_for 15 has_sessions "$name" 0; done
	says run ': 20 guests, 20 right, 0 failed'
	state_whole
	equal "$(find "$STATE" -name '*.new' -o -name '*.damaged*' | wc -l)" 0 'files left behind'
}
