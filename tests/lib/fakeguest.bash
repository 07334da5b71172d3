# shellcheck shell=bash
# Runs guestclock against guests that tests/helpers/fake-ssh.c simulates.  Load after lib/common.
#
# The fake replaces ssh in guestclock's PATH.  A guest's name selects its behaviour (fake-ssh.c has the list).  Each
# guest has its own clock in $FAKE_SSH.

GUESTCLOCK=${GUESTCLOCK:-$TOP/build/guestclock}
export GUESTCLOCK

# Build the helpers here, so that a single file of tests can run.
fakeguest_setup_file() {
	python -c '' || return 1
	export PYTHON
	make -s -C "$TOP" -f tests/helpers/helpers.mk build/tests/fake-ssh build/tests/fake-clock.so
}

# fakeguest_setup: for setup, after common_setup
fakeguest_setup() {
	requires "$GUESTCLOCK" timeout
	FAKE_SSH=$WORK/guests
	STATE=$WORK/state
	mkdir -p "$WORK/bin" "$FAKE_SSH"
	# A copy, so that a user without access to this tree can run it.
	cp "$TOP/build/tests/fake-ssh" "$WORK/bin/ssh"
	export WORK FAKE_SSH
	# Words before the guestclock command.
	BEFORE=()
	# shellcheck disable=SC2031
	GUEST_PATH=$WORK/bin:$PATH
}

# fakeguest_teardown: for teardown, before common_teardown
fakeguest_teardown() {
	local pid
	[ -e "$FAKE_SSH/pids" ] || return 0
	while read -r pid; do
		[ "/proc/$pid/exe" -ef "$WORK/bin/ssh" ] || continue
		kill -s KILL "$pid" 2>/dev/null || :
	done <"$FAKE_SSH/pids"
}

# guestclock_raw ARGUMENTS...: runs guestclock, for $LIMIT (60) seconds at most, and sets $status, $output (standard
# output), $errors (standard error) and $took (milliseconds).
guestclock_raw() {
	local start
	start=$(now_ms)
	status=0
	output=$(PATH=$GUEST_PATH timeout -k 1 "${LIMIT:-60}" "${BEFORE[@]}" "$GUESTCLOCK" "$@" 2>"$WORK/stderr") || status=$?
	errors=$(<"$WORK/stderr")
	took=$(($(now_ms) - start))
}

# guestclock sync|check ARGUMENTS...: the same, with the test's own state directory
guestclock() {
	local command=$1
	shift
	guestclock_raw "$command" --state "$STATE" "$@"
}

# guestclock_background NAME sync|check ARGUMENTS...
guestclock_background() {
	local name=$1 command=$2
	shift 2
	background "$name" env PATH="$GUEST_PATH" "${BEFORE[@]}" "$GUESTCLOCK" "$command" --state "$STATE" "$@"
}

# ended NAME: waits until it has ended by itself, 15 s at most, and sets $status and $output (both outputs).
ended() {
	local pid
	pid=$(pid_of "$1")
	wait_for 15 not running "$pid" || return 1
	status=0
	{ wait "$pid" || status=$?; } 2>/dev/null
	output=$(<"$WORK/$1.out")
	rm -f "$PIDS/$1"
}

shown() {
	printf -- '--- status: %s\n--- standard output:\n%s\n--- standard error:\n%s\n---\n' "$status" "$output" "${errors-}"
}

# tells STATUS [REGEX...]: checks that the last run ended with STATUS and printed as many lines on standard error as
# there are REGEXes, and that each REGEX matches, in any order, a line after "guestclock: ".
tells() {
	local want=$1 regex lines
	shift
	if ((status != want)); then
		printf 'status %s, expected %s\n' "$status" "$want"
		shown
		return 1
	fi
	mapfile -t lines <"$WORK/stderr"
	if ((${#lines[@]} != $#)); then
		printf 'lines on standard error: %s, expected %s\n' "${#lines[@]}" "$#"
		shown
		return 1
	fi
	for regex in "$@"; do
		grep -qaE "^guestclock: .*($regex)" "$WORK/stderr" && continue
		printf 'no line matches: %s\n' "$regex"
		shown
		return 1
	done
}

# unknown REGEX: checks that the last run was a check without a result: status 3, nothing on standard error, and one
# line on standard output, where monitoring systems look.
unknown() {
	tells 3 || return 1
	[[ $output != *$'\n'* && $output =~ ^GUESTCLOCK\ UNKNOWN\ -\ .*$1 ]] && return 0
	printf 'the line does not match: %s\n' "$1"
	shown
	return 1
}

# silent: checks that the last run succeeded and printed nothing.
silent() {
	tells 0 || return 1
	[ -z "$output" ] || { printf 'unexpected output\n'; shown; return 1; }
}

# guest DESTINATION FIELD...: prints fields of its clock: offset (ns) steps slews tells byes starts
guest() {
	local destination=$1 offset steps slews tells byes starts field
	shift
	# shellcheck disable=SC2034
	read -r offset steps slews tells byes starts <"$FAKE_SSH/clock-$destination" || return 1
	for field in "$@"; do printf '%s ' "${!field}"; done | sed 's/ $/\n/'
}

# guest_right DESTINATION...: checks that their clocks are within 5 ms of the host's.  A guest has no clock before its
# first session.
guest_right() {
	local destination offset
	for destination in "$@"; do
		offset=$(guest "$destination" offset) || return 1
		((offset >= -5000000 && offset <= 5000000)) && continue
		printf '%s: its clock is off by %s ns\n' "$destination" "$offset"
		return 1
	done
}

# started: prints how many times ssh was started
started() { if [ -e "$FAKE_SSH/argv" ]; then wc -l <"$FAKE_SSH/argv"; else printf '0\n'; fi; }
started_at_least() { (($(started) >= $1)); }

# none_left: checks that no guest of this test is still running.
none_left() {
	local pid
	[ -e "$FAKE_SSH/pids" ] || return 0
	while read -r pid; do
		[ ! "/proc/$pid/exe" -ef "$WORK/bin/ssh" ] || ! running "$pid" || {
			printf 'still there: %s\n' "$(tr '\0' ' ' <"/proc/$pid/cmdline")"
			return 1
		}
	done <"$FAKE_SSH/pids"
}

# json FILE EXPRESSION...: each line of FILE is a JSON object.  The expressions are Python, where "g" is a dictionary of
# the objects by guest.  Each expression must be True.
json() {
	local file=$1
	shift
	python -I -S - "$file" "$@" <<-'END'
	import json, sys
	g = {}
	def constant(word):
	    raise ValueError(word)
	with open(sys.argv[1], encoding="ascii") as file:
	    for line in file:
	        if not line.endswith("}\n"):
	            sys.exit("not a whole line: " + line)
	        one = json.loads(line, parse_constant=constant)
	        if one["guest"] in g:
	            sys.exit("twice: " + line)
	        g[one["guest"]] = one
	for expression in sys.argv[2:]:
	    if eval(expression) is not True:
	        sys.exit(f"not true: {expression}\nof " + json.dumps(g, indent=1))
	END
}

# state_whole [DIRECTORY]: checks that every state file is complete, from its first line to its last, and so is every
# line of the log that ends with a newline.
state_whole() {
	python -I -S - "${1-$STATE}" <<-'END'
	import os, re, sys
	time = r"[+-]\d+\.\d{9}"
	state = re.compile(rf"""guestclock-state 1
	guest [!-~]{{1,255}}
	time {time}
	last-success {time}
	result (ok|refused|failed)
	action (none|step|slew|other-service)
	before {time} {time} {time} {time}
	after {time} {time} {time} {time}
	reference {time} {time} {time}
	drift-ppb (none|{time})
	boot [-0-9a-fA-F]+
	text [ -~]*
	(?:rate-boots [!-~]+ [!-~]+
	(?:rate(?:-[a-z]+)?(?: -?\d+)+
	)+)?end
	""".replace("\t", ""))
	log = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z [!-~]+ (sync|watch|check) "
	                 rf"(ok (none|step|slew|other-service) offset={time} bound=\d+\.\d{{9}} delay=\d+\.\d{{9}} "
	                 rf"residual={time}( rate=[-+]\d+\.\d{{3}})?( event=[a-z-]+)?|(refused|failed) [ -~]+)\n")
	if not os.path.isdir(sys.argv[1]):
	    sys.exit(0)
	for name in os.listdir(sys.argv[1]):
	    path = os.path.join(sys.argv[1], name)
	    if name.endswith(".state") and not name.startswith("."):
	        with open(path, encoding="ascii") as file:
	            text = file.read()
	        if not state.fullmatch(text):
	            sys.exit(f"{name}: not a state: {text}")
	    elif name == "log":
	        with open(path, encoding="ascii") as file:
	            for number, line in enumerate(file, 1):
	                if line.endswith("\n") and not log.fullmatch(line):
	                    sys.exit(f"log, line {number}: {line}")
	END
}

# with_clock FIELD=VALUE...: from now on guestclock and its guests have this clock (tests/lib/fakeclock.py) instead of
# the machine's.
with_clock() {
	python -I -S "$TOP/tests/lib/fakeclock.py" new "$WORK/hostclock" "$@" || return 1
	BEFORE=(env "FAKE_CLOCK=$WORK/hostclock" "LD_PRELOAD=$TOP/build/tests/fake-clock.so")
}

# own_clock: from now on they have the machine's clock again
own_clock() { BEFORE=(); }

# with_tmpfs SIZE SCRIPT: runs SCRIPT with sh in a private mount namespace, without the power to set the clock.  $1 is a
# directory of SIZE that no other process uses.
with_tmpfs() {
	mkdir -p "$WORK/small"
	# shellcheck disable=SC2046,SC2016 # several words are meant; for that shell
	PATH=$GUEST_PATH no_clock unshare $(ns_flags) sh -c \
		'PATH=$PATH:/usr/sbin:/sbin; mount -t tmpfs -o "size=$2" tmpfs "$1" || exit 99; '"$2" sh "$WORK/small" "$1"
}
