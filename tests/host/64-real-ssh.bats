# The exchange: guestclock-set's side line by line, and guestclock with it over a real sshd.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it
# shellcheck disable=SC2016 # what stands in single quotes is for nobody to expand
# shellcheck disable=SC2154 # logged comes from tests/lib/set.bash

load ../lib/common
load ../lib/set
load ../lib/sshd

GUESTCLOCK=${GUESTCLOCK:-$TOP/build/guestclock}
# A time as the exchange writes it, and the number of a set.
TIME='[0-9]{1,10}\.[0-9]{9}'
SETS='[0-9]{1,19}'

setup_file() {
	set_setup_file
	sshd_setup_file
}

setup() {
	common_setup
	set_start
	STATE=$WORK/state
}

teardown() { common_teardown; }

# ------------------------------------------------------------------------------------------------ line by line

# talk TEXT [LIMITS...]: sends TEXT (a printf format) to guestclock-set, and sets $greeting and the array $replies, its
# other lines.
talk() {
	# shellcheck disable=SC2059
	printf "$1" >"$WORK/said"
	shift
	set_by_hand "$@" -- exchange <"$WORK/said"
	mapfile -t replies <<<"$output"
	greeting=${replies[0]}
	replies=("${replies[@]:1}")
}

# replied REGEX...: checks that the replies match these, one each, whole and in this order
replied() {
	local at=0 regex
	if ((${#replies[@]} != $#)); then
		printf 'lines: %s, expected %s\n' "${#replies[@]}" "$#"
		shown
		return 1
	fi
	for regex in "$@"; do
		[[ ${replies[at]} =~ ^$regex$ ]] || {
			printf 'line %s does not match: %s\n' $((at + 1)) "$regex"
			shown
			return 1
		}
		at=$((at + 1))
	done
}

# each_bad REGEX LINE...: each LINE (a printf format) gets a reply that matches, the session continues, and the clock is
# left alone.
each_bad() {
	local regex=$1 text='' line at=0
	shift
	for line in "$@"; do text+="$line\\nnow\\n"; done
	talk "$text"
	equal "$status" 1 status || return 1
	equal "${#replies[@]}" $((2 * $#)) 'replies' || { shown; return 1; }
	for line in "$@"; do
		[[ ${replies[at]} =~ ^$regex$ && ${replies[at + 1]} =~ ^now\ $TIME$ ]] || {
			printf 'to "%s": "%s", "%s"\n' "$line" "${replies[at]}" "${replies[at + 1]}"
			return 1
		}
		at=$((at + 2))
	done
	assert_untouched
}

SYNTAX='no syntax expected now, raw, step, slew, rate, bound or bye'
LONG='no syntax a line longer than 255 octets'
RANGE='no range .+'

@test "guestclock-set greets with the kernel's state, answers now with its clock, and ends the session at bye" {
	local before after read version
	version=$("$GUESTCLOCK_SET" --version | awk 'NR == 1 { print $2 }')
	clock_reads 1795400000.5
	before=$(clock_now)
	talk 'now\nnow\nbye\nnow\n'
	after=$(clock_now)
	expect 0
	[[ $greeting =~ ^guestclock\ 1\ boot=[0-9a-f-]{36}\ sync=no\ freq=\+0\.000\ tick=10000\ program=[0-9.]+\ raw$ ]] || { shown; return 1; }
	replied "now $TIME" "now $TIME"
	read=${replies[0]#now }
	within "${read/./}" "$before" "$after" 'the clock in the reply'
	[[ ! ${replies[1]#now } < $read ]]
	assert_untouched
	assert_not_logged
	# The greeting has the kernel's state.
	clock_new status=0 maxerror_us=1000 esterror_us=1000 freq=$((-65536 * 12 - 32768)) tick=10001
	talk 'bye\n'
	equal "${greeting#* boot=* }" "sync=other freq=-12.500 tick=10001 program=$version raw" 'the rest of the greeting'
}

@test "a session ends at the end of its input, and an incomplete last line is not carried out" {
	local text
	for text in '' 'no' 'now\n' 'now\nno' 'bye' '\n\n'; do
		talk "$text"
		((status <= 1 && took < 5000)) || { printf 'text: %s\n' "$text"; shown; return 1; }
		[[ $greeting == 'guestclock 1 '* ]] || { printf 'text: %s\n' "$text"; shown; return 1; }
	done
	# A line without its newline is no order, and is not carried out.
	clock_new
	talk 'now\nstep +1.000000000'
	expect 0
	replied "now $TIME"
	assert_untouched
}

@test "step, slew, rate and bound change the clock as ordered, and are logged" {
	talk 'step +3600.000000001\nbye\n'
	expect 0
	replied "done $TIME"
	equal "$(clock_get steps slews last_step_ns tells)" '1 0 3600000000001 0' 'steps, slews, last step, tells'
	assert_logged "$DAEMON_NOTICE" 'step by \+3600\.000000001 s, as the host ordered, missed by '
	clock_new
	talk 'step -0.000000001\nstep -1.000000000\nstep +0.000000000\nstep -0.000000000\nstep +0000000000000000000000000001.000000000\n'
	expect 0
	replied "done $TIME" "done $TIME" "done $TIME" "done $TIME" "done $TIME"
	equal "$(clock_get steps offset_ns)" '5 -1' 'steps and offset'
	log_take
	clock_new
	talk 'slew +0.012345678\n'
	expect 0
	replied "done $TIME"
	equal "$(clock_get steps slews last_slew_us)" '0 1 12345' 'steps, slews, last slew'
	assert_logged "$DAEMON_NOTICE" 'slew by \+0\.012345678 s, as the host ordered$'
	clock_new
	talk 'slew -2145.000000000\n'
	expect 0
	equal "$(clock_get slews last_slew_us)" '1 -2145000000' 'slews, last slew'
	clock_new
	talk 'rate -740.123\n'
	expect 0
	replied "done $TIME"
	# 740.123 ppm are 7 of the tick's 100 ppm and 40.123 of the frequency's.
	equal "$(clock_get steps slews tick freq)" "0 0 9993 $((-40123 * 65536 / 1000))" 'steps, slews, tick, frequency'
	talk 'rate +100000.000\nrate +0.001\n'
	expect 0
	equal "$(clock_get tick freq)" '10000 65' 'tick and frequency'
	talk 'rate -100000.000\n'
	equal "$(clock_get tick freq)" '9000 0' 'tick and frequency'
	clock_new
	talk 'bound 0.000123456\n'
	expect 0
	replied "done $TIME"
	equal "$(clock_get steps slews status maxerror_us esterror_us)" '0 0 0 124 124' 'status and errors, rounded up'
	talk 'bound 16.000000000\nbound 0.000000000\n'
	expect 0
	replied "done $TIME" "done $TIME"
}

@test "the clock in the reply done is the clock after the step" {
	local told
	clock_new offset_ns=-100.0
	talk 'now\nstep +100.000000000\nnow\n'
	expect 0
	replied "now $TIME" "done $TIME" "now $TIME"
	told=$((10#${replies[1]//[!0-9]/} - 10#${replies[0]//[!0-9]/}))
	within "$told" 100000000000 101000000000 'done minus now'
	[[ ! ${replies[2]#now } < ${replies[1]#done } ]]
}

@test "a malformed order is answered with no syntax, and the session continues" {
	local order
	each_bad "$SYNTAX" '' ' ' now. 'now ' ' now' 'now now' 'now 1' NOW Now 'now\t' 'now\r' 'now\0' '\0now' 'n\0ow' nowx no 'bye ' BYE byebye \
		'bye\r' 'help' 'guestclock 1' 'no syntax' 'done 1.000000000' 'exchange' '\377' '\303\244' '$(now)' 'now;now' 'quit' 'step' 'slew' 'rate' 'bound'
	for order in step slew; do
		each_bad "$SYNTAX" "$order " "$order 1.000000000" "$order +1" "$order +1." "$order +1.0" "$order +1.00000000" "$order +1.0000000000" \
			"$order +.000000001" "$order + 1.000000000" "$order  +1.000000000" "$order +1.000000000 " "$order +1.000000000\\r" \
			"$order +1.000000000\\0" "$order +\\0001.000000000" "$order +-1.000000000" "$order ++1.000000000" "$order +1,000000000" \
			"$order +1.000000000 +1.000000000" "$order +1.00000000a" "$order +a.000000000" "$order +0x1.000000000" "$order +1e0.000000000" \
			"$order +1.000000.000" "$order +inf" "$order +nan" "$order\\t+1.000000000" "${order^^} +1.000000000" "${order}+1.000000000" \
			"$order +99999999999999999999.000000000x" "$order +99999999999999999999"
	done
	each_bad "$SYNTAX" 'rate 1.000' 'rate +1' 'rate +1.0' 'rate +1.00' 'rate +1.0000' 'rate +.000' 'rate +1.000 ' 'rate +1.000\r' 'rate +a.000' \
		'rate +1.000 ppm' 'rate +1.000 -1' 'rate +1.000 1.0' 'rate +1.000 1 1' 'rate +1.000  1' 'rate + 1.000' 'rate +1.000000000' 'rate +100001.00'
	each_bad "$SYNTAX" raw. 'raw ' ' raw' 'raw 1' RAW 'now 1' 'bound 1.000000000 1'
	each_bad "$SYNTAX" 'bound +1.000000000' 'bound -1.000000000' 'bound 1' 'bound 1.0' 'bound .000000001' 'bound 1.0000000000' 'bound  1.000000000' \
		'bound 1.000000000 s' 'bound 1.000000000\r' 'bound a.000000000'
}

@test "numbers beyond 64 bits or a limit are answered with no range, and set nothing" {
	local order
	for order in step slew; do
		each_bad "$RANGE" "$order +9223372036.854775808" "$order -9223372036.854775808" "$order -9223372036.854775809" \
			"$order +18446744073.709551615" "$order +18446744073.709551616" "$order +18446744073.709551617" "$order +99999999999.000000000" \
			"$order -99999999999999999999999999999999999999.999999999" "$order +$(printf '9%.0s' {1..230}).000000000"
		# A value that fits is judged by the clock that would result.
		each_bad 'no after-ceiling .+' "$order +9223372036.854775807" "$order +7000000000.000000000"
		each_bad 'no before-floor .+' "$order -9223372036.854775807" "$order -1795000000.000000000" "$order -7000000000.000000000"
	done
	each_bad "$RANGE" 'step +1.000000000 9223372036854775808' 'rate +1.000 99999999999999999999' 'slew +9999999999.000000000 0'
	each_bad "$RANGE" 'slew +2145.000000001' 'slew -2145.000000001' 'slew +100000.000000000' \
		'rate +100000.001' 'rate -100000.001' 'rate +9223372036854775.807' 'rate +9223372036854775.808' 'rate -99999999999999999999.000' \
		'bound 16.000000001' 'bound 17.000000000' 'bound 9223372036.854775807' 'bound 9223372036.854775808' 'bound 99999999999999999999.000000000'
}

@test "a line of up to 255 octets with its LF is accepted, and a longer one is refused as a whole" {
	local zeros_234 zeros_235 zeros_236
	# "step +" and 10 characters behind the digits: the longest line has 254 octets, 255 with its LF.
	printf -v zeros_234 '%0238d' 1
	printf -v zeros_235 '%0239d' 1
	printf -v zeros_236 '%0240d' 1
	talk "step +$zeros_234.000000000\\nnow\\n"
	expect 0
	replied "done $TIME" "now $TIME"
	equal "$(clock_get steps last_step_ns)" '1 1000000000' 'steps and the last'
	clock_new
	each_bad "$LONG" "step +$zeros_235.000000000" "step +$zeros_236.000000000" "$(printf 'x%.0s' {1..255})" "$(printf 'x%.0s' {1..256})" \
		"$(printf 'x%.0s' {1..510})" "$(printf 'x%.0s' {1..511})" "$(printf 'x%.0s' {1..512})" "$(printf 'x%.0s' {1..513})" "$(printf 'x%.0s' {1..20000})" \
		"$(printf 'now\\0%.0s' {1..200})" "$(printf ' %.0s' {1..260})now" "$(printf 'x%.0s' {1..255})now" "$(printf 'x%.0s' {1..510})step +1.000000000"
	each_bad "$SYNTAX" "$(printf 'x%.0s' {1..254})" "$(printf '\\0%.0s' {1..254})" "$(printf 'x%.0s' {1..251})now"
}

@test "a line of 10 MB is discarded, and the session continues" {
	{ head -c 10000000 /dev/zero | tr '\0' x; printf '\nnow\n'; } >"$WORK/flood"
	set_by_hand -- exchange <"$WORK/flood"
	equal "$status" 1 status
	mapfile -t replies <<<"$output"
	replies=("${replies[@]:1}")
	replied "$LONG" "now $TIME"
	assert_untouched
}

@test "orders may arrive in pieces, or several at once" {
	local count
	talk "$(printf 'now\\n%.0s' {1..300})bye\\n"
	expect 0
	equal "${#replies[@]}" 300 replies
	# One octet at a time.
	python -I -S -c 'import subprocess, sys, time
p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
p.stdout.readline()
for octet in b"now\nste" + b"p +1.0000":
    p.stdin.write(bytes([octet]))
    time.sleep(0.002)
p.stdin.write(b"00000\nbye\n")
print(p.stdout.read().decode(), end="")
sys.exit(p.wait())' "${ENTER[@]}" --mount env "FAKE_CLOCK=$CLOCK" "LD_PRELOAD=$FAKE_CLOCK_SO" "$GUESTCLOCK_SET" -- exchange >"$WORK/pieces"
	count=$(grep -cE "^(now|done) $TIME$" "$WORK/pieces")
	equal "$count" 2 'replies to orders in pieces'
	equal "$(clock_get steps)" 1 steps
}

# -------------------------------------------------------------------------------------------- limits hold here too

# limited REGEX ORDER [LIMITS...]: ORDER is refused in these words and logged, and measuring continues.
limited() {
	local regex=$1 order=$2
	shift 2
	talk "now\\n$order\\nnow\\n" "$@"
	equal "$status" 1 status || { shown; return 1; }
	replied "now $TIME" "no $regex" "now $TIME" || return 1
	assert_untouched || return 1
	assert_logged "$AUTH_WARNING" "refused: ${regex/ /: }"
}

@test "--max-step and --max-back limit the steps and slews of an exchange" {
	limited 'too-far the clock would move by more than --max-step in an hour' 'step +10.000000001' --max-step 10
	limited 'too-far the clock would move by more than --max-step in an hour' 'step -10.000000001' --max-step 10
	limited 'too-far the clock would move by more than --max-step in an hour' 'slew +0.500000001' --max-step 0.5
	limited 'too-far-back the clock would move back by more than --max-back in an hour' 'step -2.000000001' --max-back 2
	limited 'too-far-back the clock would move back by more than --max-back in an hour' 'slew -0.000001000' --max-back 0
	talk 'step +10.000000000\nstep -10.000000000\nstep +3.000000000\n' --max-step 10
	expect 0
	replied "done $TIME" "done $TIME" "done $TIME"
	clock_new
	account_new
	talk 'step -2.000000000\nstep +5000.000000000\n' --max-back 2
	expect 0
	replied "done $TIME" "done $TIME"
}

@test "--max-step and --max-back limit the sum of all steps and slews in an hour, and a session has at most 64 orders to set" {
	local at
	clock_new
	# The second step ends the slew, of which nothing was done.
	talk 'step +6.000000000\nslew +3.000000000\nstep +4.000000001\nstep +4.000000000\nstep -9.500000000\n' --max-step 10
	equal "$status" 1 status
	replied "done $TIME" "done $TIME" 'no too-far .+' "done $TIME" "done $TIME"
	equal "$(clock_get steps slews)" '3 1' 'steps and slews'
	# The same in sessions of their own: a slew that a step undoes gains nothing.
	account_new
	clock_new
	for at in 1 2 3; do
		talk 'slew +9.000000000\nbye\n' --max-step 10
		replied "done $TIME"
		talk 'step -9.000000000\nbye\n' --max-step 10
		if [ "$at" = 1 ]; then replied "done $TIME"; else replied 'no too-far .+'; fi
	done
	assert_movement() { equal "$(clock_get offset_ns)" "$1" 'movement'; }
	assert_movement -9000000000
	# The kernel slews whole microseconds: a smaller slew is none to step back from.
	account_new
	clock_new
	talk 'slew +0.000000999\nstep -0.000000999\nbye\n' --max-step 10 --max-back 0
	replied "done $TIME" 'no too-far-back .+'
	# What another session undid, again and again, does not keep the host from correcting a pause of 40 minutes.
	for at in 1 2 3; do
		talk 'step -3600.000000000\nstep +3600.000000000\n' --max-step 3600
		replied "done $TIME" "done $TIME"
		clock_later 1500
		talk 'step +2400.000000000\nstep -2400.000000000\n' --max-step 3600
		replied "done $TIME" "done $TIME"
		clock_later 1500
	done
	talk 'step +6000.000000001\n' --max-step 3600
	replied 'no too-far .+'
	# Nor does a step that it did not undo, with another pause after it.
	talk 'step -3600.000000000\n' --max-step 3600
	replied "done $TIME"
	clock_later 80000
	talk 'step +6000.000000000\n' --max-step 3600
	replied "done $TIME"
	# Twenty sessions of 9.9 s; then the host steps back by what one of them gained.
	account_new
	clock_new
	talk 'step +9.900000000\n' --max-step 10 --max-back 10
	replied "done $TIME"
	for at in {2..20}; do
		talk 'step +9.900000000\n' --max-step 10 --max-back 10
		replied 'no too-far .+' || { printf 'session %s\n' "$at"; return 1; }
	done
	assert_movement 9900000000
	talk 'step -9.900000000\n' --max-step 10 --max-back 0
	replied "done $TIME"
	# A step every hour and a quarter, for a day; all of it is undone at once.
	for at in {1..18}; do
		clock_later 4500
		talk 'step +10.000000000\n' --max-step 10 --max-back 0
		replied "done $TIME"
	done
	assert_movement 180000000000
	talk 'step -180.500000000\n' --max-step 10 --max-back 0
	replied "done $TIME"
	talk 'step -0.000000001\n' --max-step 10 --max-back 0
	replied 'no too-far-back .+'
	log_take
	account_new
	clock_new
	talk 'step -1.500000000\nstep -0.600000000\nslew -0.500000001\nslew -0.500000000\n' --max-back 2
	equal "$status" 1 status
	replied "done $TIME" 'no too-far-back .+' 'no too-far-back .+' "done $TIME"
	equal "$(clock_get steps slews)" '1 1' 'steps and slews'
	# No host needs this many.
	clock_new
	log_take
	talk "$(printf 'step +0.000000001\\nnow\\n%.0s' {1..100})"
	equal "$(clock_get steps)" 64 steps
	equal "${#replies[@]}" 129 replies
	[[ ${replies[128]} =~ ^no\ too-many\ .+$ ]]
	equal "$status" 1 status
	log_take
	equal "${#logged[@]}" 65 'lines in syslog'
}

@test "--max-rate, --max-step and --max-back limit the rate that an exchange sets" {
	limited 'too-far the rate would be larger than --max-rate' 'rate +500.001' --max-rate 500
	limited 'too-far the rate would be larger than --max-rate' 'rate -500.001' --max-rate 500
	# A limit on steps also limits what a rate can do instead of a step: as much in an hour, and at most 1000 ppm.
	limited 'too-far the rate would be larger than --max-rate' 'rate +277.778' --max-step 1
	limited 'too-far the rate would be larger than --max-rate' 'rate -0.001' --max-step 0
	talk 'rate +277.777\n' --max-step 1
	expect 0
	clock_new
	account_new
	log_take
	limited 'too-far the rate would be larger than --max-rate' 'rate +1000.001' --max-step 10
	limited 'too-far the rate would be larger than --max-rate' 'rate -1000.001' --max-back 10
	talk 'rate -500.000\nrate +0.000\nrate +500.000\n' --max-rate 500
	expect 0
	replied "done $TIME" "done $TIME" "done $TIME"
	equal "$(clock_get tick freq)" '10005 0' 'tick and frequency'
	assert_logged_three
}

@test "a rate that another session ordered is undone by a session or request that orders none, and another program's is left" {
	local undone='rate \+1000\.000000000 ppm of an earlier request undone: this one has set none$'
	badsource tcp:37:good
	clock_set freq=65536
	talk 'rate +1000.000\nbound 1.000000000\n' --max-step 10
	expect 0
	equal "$(clock_get tick freq)" '10010 0' 'tick and frequency'
	log_take
	# Measuring changes nothing.
	talk 'now\nbye\n'
	equal "$(clock_get tick freq)" '10010 0' 'tick and frequency'
	talk 'bound 0.001000000\nbound 0.001000000\n'
	expect 0
	assert_logged "$DAEMON_NOTICE" "$undone"
	# As it was before.
	equal "$(clock_get tick freq)" '10000 65536' 'tick and frequency'
	talk 'rate +1000.000\n'
	log_take
	set_by_ssh_env 127.0.0.1 'rdate -s 127.0.0.1'
	expect 0
	assert_logged "$DAEMON_NOTICE" "$undone"
	equal "$(clock_get tick freq)" '10000 65536' 'tick and frequency'
	# A session that orders a rate keeps its own.
	talk 'rate +1000.000\n'
	talk 'rate -20.000\nbound 0.001000000\n'
	equal "$(clock_get tick freq)" "10000 $((-20 * 65536))" 'tick and frequency'
	log_take
	clock_set tick=10007 freq=0
	talk 'bound 0.001000000\n'
	expect 0
	equal "$(clock_get tick freq)" '10007 0' 'tick and frequency'
	assert_not_logged
	# What a rate has moved may be undone in one step, and nothing before it has.
	account_new
	clock_new
	talk 'rate +1000.000\nstep -0.001000000\nrate +0.000\nstep -0.001000000\nrate +1000.000\n' --max-step 1 --max-back 0 \
		--max-rate 1000
	replied "done $TIME" 'no too-far-back .+' "done $TIME" 'no too-far-back .+' "done $TIME"
	clock_later 36000
	talk 'step -36.000000000\nstep -1.000000001\n' --max-step 1 --max-back 0
	replied "done $TIME" 'no too-far-back .+'
	# An order or a correction that a limit refuses undoes the rate all the same; a dry run does not.
	log_take
	talk 'rate +1000.000\n'
	log_take
	talk 'step -50.000000000\n' --max-step 1 --dry-run
	replied 'no too-far .+'
	set_by_ssh_env 127.0.0.1 'rdate -s 127.0.0.1' --dry-run
	equal "$(clock_get tick freq)" '10010 0' 'tick and frequency'
	log_take
	talk 'step -50.000000000\n' --max-step 1
	replied 'no too-far .+'
	equal "$(clock_get tick freq)" '10000 0' 'tick and frequency'
	log_take
	[[ ${logged[0]} =~ $undone && ${logged[1]} =~ 'refused: too-far' ]]
	talk 'rate +1000.000\n'
	talk 'rate +1000.001\n' --max-rate 1000
	replied 'no too-far .+'
	equal "$(clock_get tick freq)" '10000 0' 'tick and frequency'
	talk 'rate +1000.000\n'
	log_take
	clock_set offset_ns=-50.0
	set_by_ssh_env 127.0.0.1 'rdate -s 127.0.0.1' --max-step 1
	equal "$status" 1 status
	equal "$(clock_get tick freq)" '10000 0' 'tick and frequency'
	log_take
	[[ ${logged[0]} =~ $undone && ${logged[1]} =~ ': too-far' ]]
}

# numbered REPLY: prints the number of the last set in a reply to "raw", or in a reply "done" to a numbered order
numbered() {
	local -a words
	read -r -a words <<<"$1"
	if [ "${words[0]}" = raw ]; then printf '%s\n' "${words[3]}"; else printf '%s\n' "${words[2]}"; fi
}

# raw_number: prints the number of the last set, by a session of its own
raw_number() {
	talk 'raw\n'
	numbered "${replies[0]}"
}

@test "raw is answered with both clocks, the number of the last set, the rate, the slew, the synchronisation and the bound" {
	local before after real raw words
	clock_new offset_ns=-5.0 status=0 maxerror_us=1234 esterror_us=1000 freq=$((-65536 * 12 - 32768)) tick=10001 last_slew_us=-2500000
	before=$(clock_now)
	talk 'raw\nraw\n'
	after=$(clock_now)
	expect 0
	replied "raw $TIME $TIME 0 -12\.500 10001 -2\.500000000 other 0\.001234000" "raw $TIME $TIME 0 .*"
	read -r -a words <<<"${replies[0]}"
	within "${words[1]/./}" "$before" "$after" 'the clock in the reply'
	# Between the two replies, both clocks ran by the same time.
	real=${words[1]/./} raw=$((10#${words[2]/./}))
	read -r -a words <<<"${replies[1]}"
	real=$((${words[1]/./} - real)) raw=$((10#${words[2]/./} - raw))
	within "$raw" 1 1000000000 'time between two replies'
	within $((real - raw)) -200000 200000 'difference of the two clocks'
	assert_untouched
	assert_not_logged
	# guestclock-set's own synchronisation, and a clock that cannot be set: measuring needs neither.
	talk 'bound 1.000000000\nraw\n'
	replied "done $TIME" "raw $TIME $TIME 0 -12\.500 10001 -2\.500000000 guestclock 1\.000000000"
	BEFORE=(setpriv --bounding-set -sys_time --inh-caps -sys_time --)
	talk 'raw\n'
	expect 0
	replied "raw $TIME $TIME 0 .* guestclock .*"
	BEFORE=()
	talk 'raw\n' --dry-run
	expect 0
	replied "raw $TIME $TIME 0 .*"
}

@test "an order with the number of the last set is carried out once, and a delayed one is refused as stale" {
	local order first second
	for order in 'step +5.000000000' 'slew +0.050000000' 'rate +10.000'; do
		clock_new offset_ns=-5.0
		first=$(raw_number)
		talk "$order $first\\n$order $first\\nraw\\n"
		equal "$status" 111 status
		replied "done $TIME $SETS" 'no stale the clock was set by another request or program after this one began to measure it; nothing was done' "raw .*"
		second=$(numbered "${replies[0]}")
		((second > first))
		equal "$(numbered "${replies[2]}")" "$second" 'the number of the last set'
		# In another session, too.  What it refuses is logged.
		log_take
		talk "$order $first\\n"
		equal "$status" 111 status
		replied 'no stale .+'
		assert_logged "$DAEMON_ERR" 'refused: stale: '
		# A limit does not hide that the number is not valid.
		talk "step +20.000000000 $first\\n" --max-step 10
		replied 'no stale .+'
		# The host that ordered it goes on with the number in the reply.
		talk "rate +11.000 $second\\n"
		replied "done $TIME $SETS"
		log_take
	done
}

@test "each set of any session or request has a number of its own, also in a new account, and bound and measuring have none" {
	local first order at
	local -A seen=()
	badsource tcp:37:good
	first=$(raw_number)
	for order in 'step +0.000000001' 'slew +0.000001000' 'rate +10.000' 'rate +20.000'; do
		clock_new
		talk "$order\\n"
		replied "done $TIME"
		at=$(raw_number)
		((at > first)) || { printf '%s: %s after %s\n' "$order" "$at" "$first"; return 1; }
		first=$at
	done
	clock_new offset_ns=-5.0
	set_by_ssh_env 127.0.0.1 'rdate -s 127.0.0.1'
	expect 0
	at=$(raw_number)
	((at > first))
	first=$at
	talk 'now\nraw\nbound 0.001000000\n'
	equal "$(raw_number)" "$first" 'the number after no set'
	# A rate that is undone is a set.
	talk 'rate +30.000\n'
	first=$(raw_number)
	talk 'bound 0.001000000\n'
	at=$(raw_number)
	((at > first))
	# Root removes the account, or it is damaged: the numbers that were given do not return.
	for at in 1 2 3 4 5 6; do
		case $at in
		1) ;;
		2 | 3) account_new ;;
		*) "${ENTER[@]}" --mount sed -i 's/^account [0-9a-f]/account x/' /run/guestclock/lock ;;
		esac
		talk 'step +0.000000001\n'
		first=$(raw_number)
		[ -z "${seen[$first]-}" ] || { printf 'number %s twice\n' "$first"; return 1; }
		seen[$first]=1
	done
}

@test "an order with a number is refused where the number of its set cannot be recorded, and one without it is carried out" {
	"${ENTER[@]}" --mount sh -c 'mkdir -p /run/guestclock && mount -t tmpfs -o size=4k tmpfs /run/guestclock && head -c 4096 /dev/zero >/run/guestclock/full'
	clock_new offset_ns=-5.0
	talk 'raw\nstep +5.000000000 0\nnow\n'
	equal "$status" 111 status
	replied "raw $TIME $TIME 0 .*" \
		'no failed cannot record it in /run/guestclock/lock, which must come first: No space left on device; .*' \
		"now $TIME"
	assert_untouched
	talk 'step +5.000000000\n'
	expect 0
	replied "done $TIME"
	equal "$(clock_get steps)" 1 steps
}

@test "raw waits while another request sets the clock, so that it never has the number of a set with the time before it" {
	clock_new
	sessions <<-'END'
	import fcntl
	first = start()
	assert first.ask("step +0.000000001")[0] == "done"
	lock = open("/run/guestclock/lock")
	fcntl.flock(lock, fcntl.LOCK_EX)
	began = time.monotonic()
	assert first.ask("raw")[:2] == ["no", "busy"]
	assert time.monotonic() - began < 10
	fcntl.flock(lock, fcntl.LOCK_UN)
	assert first.ask("raw")[0] == "raw"
	first.end()
	END
}

@test "of twenty sessions that order by the same number, one sets the clock" {
	local order
	for order in 'step +0.005000000' 'slew +0.005000000' 'rate +10.000'; do
		clock_new offset_ns=-0.005
		# Less than the 10 ms by which a session notices a set without numbers.
		ORDER=$order sessions <<-'END'
		import os
		many = [start() for _ in range(20)]
		numbers = set(session.ask("raw")[2].split()[1] for session in many)
		assert len(numbers) == 1, numbers
		for session in many:
		    session.say(os.environ["ORDER"] + " " + min(numbers))
		answers = [session.hear()[:2] for session in many]
		assert sum(answer[0] == "done" for answer in answers) == 1, answers
		assert sum(answer == ["no", "stale"] for answer in answers) == 19, answers
		# A host that measures again can go on.
		number = many[3].ask("raw")[2].split()[1]
		assert many[3].ask("step +0.000000000 " + number)[0] == "done"
		for session in many:
		    session.end()
		END
	done
}

@test "an order of the rate that is in force changes nothing, is not logged, and keeps that rate" {
	local number
	clock_set freq=65536
	talk 'rate +740.000\n'
	number=$(raw_number)
	log_take
	for _ in 1 2; do
		# What a host orders at each look while the rate stays as it is.
		talk "rate +740.000 $number\\nbound 0.001000000\\nraw\\n"
		expect 0
		replied "done $TIME $number" "done $TIME" "raw $TIME $TIME $number \\+40\\.000 10007 .*"
		assert_not_logged
	done
	# The rate from before the first order is still known.
	talk 'bound 0.001000000\n'
	assert_logged "$DAEMON_NOTICE" 'rate \+740\.000000000 ppm of an earlier request undone: this one has set none$'
	equal "$(clock_get tick freq)" '10000 65536' 'tick and frequency'
	# Back to zero, whatever the limit; also if another program has set a rate since.
	talk 'rate +740.000\n'
	log_take
	talk 'rate +0.000\n' --max-rate 0
	expect 0
	equal "$(clock_get tick freq)" '10000 0' 'tick and frequency'
	assert_logged "$DAEMON_NOTICE" 'rate \+0\.000000000 ppm, as the host ordered$'
	clock_set tick=10003 freq=-65536
	talk 'rate +0.000\n' --max-step 0
	expect 0
	equal "$(clock_get tick freq)" '10000 0' 'tick and frequency'
}

@test "a host of release 0.1, which knows no numbers, is served as before" {
	clock_new offset_ns=-5.0
	talk "$(printf 'now\\n%.0s' {1..12})step +5.000000000\\n$(printf 'now\\n%.0s' {1..8})bound 0.000123456\\nbye\\n"
	expect 0
	equal "${#replies[@]}" 22 replies
	[[ ${replies[12]} =~ ^done\ $TIME$ && ${replies[21]} =~ ^done\ $TIME$ ]] || { shown; return 1; }
	equal "$(clock_get steps offset_ns maxerror_us)" '1 0 124' 'steps, offset and bound'
	# Its greeting ended behind the tick; its hosts ignore what follows.
	[[ $greeting =~ ^guestclock\ 1\ boot=[0-9a-f-]{36}\ sync=no\ freq=[+-][0-9]+\.[0-9]{3}\ tick=[0-9]+\  ]] || { shown; return 1; }
}

# assert_logged_three: one line for each rate that was set
assert_logged_three() {
	log_take || return 1
	equal "${#logged[@]}" 3 'lines in syslog' || return 1
	[[ ${logged[0]} =~ "<$DAEMON_NOTICE>".*'rate -500.000000000 ppm, as the host ordered' ]]
}

@test "--not-before and --not-after limit the clock that would result from an order" {
	clock_reads 1203108540
	limited 'before-floor the new time would be before --not-before' 'step +10.000000000'
	limited 'before-floor the new time would be before --not-before' 'slew +0.010000000'
	talk 'step +590000000.000000000\n' --not-before 2026-09-01
	expect 0
	replied "done $TIME"
	log_take
	clock_new
	limited 'before-floor the new time would be before --not-before' 'step -40000000.000000000'
	limited 'after-ceiling the new time would be --not-after or later' 'step +2000000000.000000000'
	clock_reads 1795400000
	limited 'after-ceiling the new time would be --not-after or later' 'step +86400.000000000' --not-after 2026-11-24
	limited 'before-floor the new time would be before --not-before' 'step -86400.000000000' --not-before 2026-11-23
}

@test "--dry-run, --allow and a missing CAP_SYS_TIME refuse orders to set, and --dry-run still allows measuring" {
	local order
	for order in 'step +1.000000000' 'slew +0.010000000' 'rate +1.000' 'bound 1.000000000'; do
		limited 'dry-run the forced command has the option --dry-run' "$order" --dry-run
	done
	set_by_ssh_env 192.0.2.1 exchange --allow rdate,rfc868,status </dev/null
	refused 1 'refused: exchange is not among the requests that --allow names$'
	set_by_ssh_env 192.0.2.1 'exchange now' </dev/null
	refused 100 'refused: unexpected word "now": expected nothing after the request$'
	# Without CAP_SYS_TIME measuring still works.
	BEFORE=(setpriv --bounding-set -sys_time --inh-caps -sys_time --)
	talk 'now\nstep +1.000000000\nnow\n'
	equal "$status" 111 status
	replied "now $TIME" 'no no-capability no CAP_SYS_TIME: run as root, or setcap cap_sys_time=ep on the program' "now $TIME"
	assert_untouched
}

@test "an error of the kernel is reported in the reply to the order" {
	clock_new errno=1
	talk 'step +1.000000000\nslew +0.010000000\nnow\n'
	equal "$status" 111 status
	replied 'no failed Operation not permitted' 'no failed Operation not permitted' "now $TIME"
	# Each failed order is logged once, as a failure of the system.
	log_take
	equal "$(printf '%s\n' "${logged[@]}" | grep -c "^<$DAEMON_ERR>.*: refused: failed: Operation not permitted\$") ${#logged[@]}" '2 2' \
		'lines of failures, and all lines'
	assert_untouched
}

# sessions: runs the Python on standard input, in which start() begins a session, and first.ask(LINE) returns the words
# of the reply.
sessions() {
	{
		cat <<-'END'
		import signal, subprocess, sys, time
		class start:
		    def __init__(self, *limits):
		        command = sys.argv[1:]
		        self.p = subprocess.Popen([*command[:-2], *limits, *command[-2:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
		        self.p.stdout.readline()
		    def say(self, line):
		        self.p.stdin.write(line.encode() + b"\n")
		    def hear(self):
		        return self.p.stdout.readline().decode().rstrip("\n").split(" ", 2)
		    def ask(self, line):
		        self.say(line)
		        return self.hear()
		    def end(self):
		        self.p.stdin.close()
		        return self.p.wait()
		SET = ["no", "busy", "the clock was set by another request or program after this one began to measure it; nothing was done"]
		END
		cat
	} >"$WORK/sessions.py"
	timeout 60 "${ENTER[@]}" --mount env "FAKE_CLOCK=$CLOCK" "LD_PRELOAD=$FAKE_CLOCK_SO" "$PYTHON" -I -S "$WORK/sessions.py" \
		"$GUESTCLOCK_SET" -- exchange
}

@test "a session that is silent or stopped after an order does not block others" {
	clock_new offset_ns=-100.0
	badsource tcp:37:good
	sessions <<-'END'
	first, second = start(), start()
	for order in "step +0.000000000", "slew +0.000001000", "rate +0.000", "bound 1.000000000":
	    assert first.ask("now")[0] == "now"
	    assert first.ask(order)[0] == "done", order
	    # Like a process in a guest that was restored from a snapshot: its host is gone.
	    first.p.send_signal(signal.SIGSTOP)
	    began = time.monotonic()
	    assert second.ask("now")[0] == "now"
	    assert second.ask(order)[0] == "done", order
	    assert time.monotonic() - began < 0.9, "waited"
	    first.p.send_signal(signal.SIGCONT)
	assert first.ask("now")[0] == "now"
	assert subprocess.run([*sys.argv[1:-1], "rdate", "127.0.0.1"], stdout=subprocess.DEVNULL).returncode == 0
	assert first.ask("bye") == [""] and first.end() == 0 and second.end() == 0
	END
	# To the middle of the source's second.
	within "$(clock_get last_step_ns)" 99400000000 100600000000 'step'
}

@test "of two sessions that measured the same clock, only one sets it" {
	local order
	for order in 'step +5.000000000' 'slew +0.050000000' 'rate +1.000' 'bound 0.000001000'; do
		clock_new offset_ns=-5.0
		ORDER=$order sessions <<-'END'
		import os
		first, second = start(), start()
		assert first.ask("now")[0] == "now" and second.ask("now")[0] == "now"
		assert first.ask("step +5.000000000")[0] == "done"
		order = os.environ["ORDER"]
		assert second.ask(order) == SET
		# Repeated without a measurement, it is refused again; after a measurement an order is accepted.
		assert second.ask(order) == SET
		assert second.ask("now")[0] == "now"
		assert second.ask("step +0.000000001")[0] == "done"
		# A session's own step does not count as another session's, whatever it orders next.
		assert second.ask("step +1.000000000")[0] == "done"
		assert second.ask("step -1.000000000")[0] == "done"
		assert second.end() == 111
		END
		equal "$(clock_get offset_ns)" 1 "offset after $order"
	done
}

@test "an order is refused if another program set the clock after the measurement" {
	clock_new offset_ns=-5.0
	badsource tcp:37:good
	sessions <<-'END'
	import mmap, struct, os
	clock = mmap.mmap(os.open(os.environ["FAKE_CLOCK"], os.O_RDWR), 0)
	def somebody_sets(by):
	    clock[:8] = struct.pack("q", struct.unpack("q", clock[:8])[0] + by)
	# In the middle of a measurement; after it; before a session's first order, without any measurement.
	for before, after in (1, 1), (8, 0), (0, 8), (0, 0):
	    for by in 5 * 10**9, -3600 * 10**9, 20 * 10**6:
	        session = start()
	        for _ in range(before):
	            assert session.ask("now")[0] == "now"
	        somebody_sets(by)
	        for _ in range(after):
	            assert session.ask("now")[0] == "now"
	        expected = ["done"] if before == 0 and after > 0 else SET
	        answer = session.ask("step +0.000000000")
	        assert answer[:len(expected)] == expected, (before, after, by, answer)
	        session.end()
	END
	equal "$(clock_get steps)" 3 steps
}

@test "a session whose lock file was removed sets the clock no more" {
	clock_new
	sessions <<-'END'
	import os
	first, second = start(), start()
	os.remove("/run/guestclock/lock")
	third = start()
	for session in first, second:
	    assert session.ask("now")[0] == "now"
	    assert session.ask("raw")[:2] == ["no", "busy"]
	    assert session.ask("step +5.000000000")[:2] == ["no", "busy"]
	    assert session.end() == 111
	assert third.ask("step +5.000000000")[0] == "done"
	assert third.end() == 0
	END
	equal "$(clock_get steps)" 1 steps
}

@test "rdate and a session that measured the same clock do not both set it" {
	clock_new offset_ns=-5.0
	badsource tcp:37:good tcp:38:delay=1
	sessions <<-'END'
	session = start()
	assert session.ask("now")[0] == "now"
	assert subprocess.run([*sys.argv[1:-1], "rdate", "127.0.0.1"], stdout=subprocess.DEVNULL).returncode == 0
	assert session.ask("step +5.000000000") == SET
	assert session.ask("now")[0] == "now"
	rdate = subprocess.Popen([*sys.argv[1:-1], "rdate", "-o", "38", "127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
	while len(open(f"/proc/{rdate.pid}/task/{rdate.pid}/children").read().split()) < 1:
	    assert rdate.poll() is None
	assert session.ask("step +5.000000000")[0] == "done"
	assert b"the clock was set by another request" in rdate.communicate()[1]
	assert rdate.returncode == 111
	session.end()
	END
	equal "$(clock_get steps)" 2 steps
}

@test "twenty sessions at once set the clock once, and each gets an answer" {
	clock_new offset_ns=-5.0
	sessions <<-'END'
	many = [start() for _ in range(20)]
	for session in many:
	    assert session.ask("now")[0] == "now"
	for session in many:
	    session.say("step +5.000000000")
	answers = [session.hear() for session in many]
	assert sum(answer[0] == "done" for answer in answers) == 1, answers
	assert sum(answer == SET for answer in answers) == 19, answers
	# Orders that do not conflict are all carried out.
	for session in many:
	    assert session.ask("now")[0] == "now"
	for _ in range(10):
	    for session in many:
	        session.say("bound 1.000000000")
	    assert all([session.hear()[0] == "done" for session in many])
	for session in many:
	    session.end()
	END
	equal "$(clock_get steps offset_ns)" '1 0' 'steps and offset'
}

@test "a session whose host reads no replies does not keep the lock" {
	clock_new
	sessions <<-'END'
	first, second = start(), start()
	# A pipe holds some 2,600 replies: the session blocks in the reply to an order.
	first.p.stdin.write(b"now\n" * 2600 + b"bound 1.000000000\n" * 60)
	asleep = 0
	for _ in range(3000):
	    with open(f"/proc/{first.p.pid}/stat") as stat:
	        asleep = asleep + 1 if stat.read().rsplit(") ", 1)[1][0] == "S" else 0
	    if asleep >= 50:
	        break
	    time.sleep(0.01)
	assert asleep >= 50
	assert second.ask("now")[0] == "now"
	assert second.ask("bound 1.000000000")[0] == "done"
	first.p.kill()
	answers = first.p.stdout.read().count(b"done ")
	assert 0 < answers < 60, answers
	first.p.wait()
	assert second.end() == 0
	END
}

# --------------------------------------------------------------------------------------- guestclock over a real sshd

# over_ssh sync|check ARGUMENTS...: runs guestclock in the sandbox, with the real ssh.  Its own clock is this machine's,
# the reference for the guest's clock.
over_ssh() {
	local command=$1
	shift
	status=0
	output=$(timeout -k 1 60 "${ENTER[@]}" --mount "$GUESTCLOCK" "$command" --state "$STATE" --ssh-config "$SSH_CONFIG" "$@" \
		2>"$WORK/stderr") || status=$?
	errors=$(<"$WORK/stderr")
}

# said STATUS [REGEX...]: checks the last status, and that standard error has exactly these lines, in any order
said() {
	local want=$1 regex
	shift
	equal "$status" "$want" status || { shown; return 1; }
	equal "$(wc -l <"$WORK/stderr")" $# 'lines on standard error' || { shown; return 1; }
	for regex in "$@"; do
		grep -qE "^guestclock: $regex$" "$WORK/stderr" || { printf 'no line is: %s\n' "$regex"; shown; return 1; }
	done
}

# value KEY: prints that value of the one JSON object in $output, in nanoseconds if it is a number
value() {
	python -I -S -c 'import decimal, json, sys
value = json.loads(sys.argv[1], parse_float=decimal.Decimal)[sys.argv[2]]
print(int(value * 10**9) if isinstance(value, decimal.Decimal) else value)' "$output" "$1"
}

no_guestclock_set() { sandbox_empty guestclock-set; }

# rate_in_force: prints the correction of the guest's rate, in parts per 10^9
rate_in_force() {
	local frequency tick
	read -r frequency tick <<<"$(clock_get freq tick)"
	printf '%s\n' $(((tick - 10000) * 100000 + frequency * 1000 / 65536))
}

# sync_later ARGUMENTS...: syncs the guest two seconds after the last time, when its slew is complete
sync_later() {
	local slew
	sleep 2
	slew=$(clock_get last_slew_us)
	[ "$slew" = 0 ] || clock_set "offset_ns=$(($(clock_get offset_ns) + slew * 1000))" last_slew_us=0
	over_ssh sync --json "$@" 127.0.0.1
	said 0
}

learnt() { grep -v '^time\|^result\|^last\|^action\|^before\|^after\|^refer\|^drift' "$STATE/127.0.0.1.state"; }

@test "sync learns the rate of a guest that runs slow and corrects it, and the clock then needs no correction" {
	sshd_setup
	sshd_start
	clock_new offset_ns=-5.2 drift_ppb=-50000000
	over_ssh sync --json 127.0.0.1
	said 0
	equal "$(value event) $(value rate)" 'none None' 'event and rate at the first run'
	# Raw clocks may differ by 12.5 %, and this counts for the time of the bound.
	within "$(value uncertainty)" 1 $(($(value bound) * 114 / 100)) uncertainty
	sync_later
	equal "$(rate_in_force)" 0 'the correction of the rate: two runs may have had a pause between them'
	sync_later
	within "$(value offset)" -1500000000 -100000000 'the offset after two seconds or a little more'
	within "$(value rate)" -55000000000000 -45000000000000 'the reported rate in ppm'
	equal "$(value event)" none event
	# 1 / (1 - 0.05) - 1 is 5.263 %.
	within "$(rate_in_force)" 47630000 57630000 'the correction of the rate'
	wait_for 2 grep -qE 'rate \+[45][0-9]{4}\.[0-9]{9} ppm, as the host ordered' "$WORK/log"
	sync_later
	sync_later
	within "$(value offset)" -40000000 40000000 'the offset with the right rate'
	within "$(rate_in_force)" 50630000 54630000 'the correction later'
	grep -qE ' 127\.0\.0\.1 sync ok [a-z]+ offset=.* rate=-[45][0-9]{4}\.[0-9]{3}$' "$STATE/log"
	# check uses what was learnt, and adds nothing.
	learnt >"$WORK/learnt"
	over_ssh check --json 127.0.0.1
	said 0
	within "$(value rate)" -52000000000000 -48000000000000 'the rate that check reports'
	learnt | cmp "$WORK/learnt" -
	# A pause of 1.5 s is no rate.
	clock_set "offset_ns=$(($(clock_get offset_ns) - 1500000000))" "raw_ns=$(($(clock_get raw_ns) - 1500000000))"
	sync_later
	equal "$(value event) $(value action)" 'pause step' 'event and action'
	within "$(rate_in_force)" 50630000 54630000 'the correction after the pause'
	# Somebody else's rate is noticed, and undone.
	clock_set freq=0 tick=10000
	sync_later --prometheus "$WORK/metrics.prom"
	equal "$(value event)" foreign-rate event
	within "$(rate_in_force)" 50630000 54630000 'the correction again'
	grep -q '^guestclock_event{guest="127.0.0.1",event="foreign-rate"} 1$' "$WORK/metrics.prom"
	grep -qE '^guestclock_rate_ratio\{guest="127.0.0.1"\} -0\.0[45][0-9]{7}$' "$WORK/metrics.prom"
	# Without rates, the one that sync ordered ends.
	sync_later --no-rate
	equal "$(rate_in_force)" 0 'the correction with --no-rate'
	sync_later --no-rate
	not equal "$(value event)" foreign-rate >/dev/null
}

@test "sync corrects the clock of a guest whose forced command refuses the rate" {
	sshd_setup
	authorize --max-rate 500
	sshd_start
	clock_new offset_ns=-5.2 drift_ppb=-50000000
	over_ssh sync --json 127.0.0.1
	said 0
	sync_later
	sync_later
	equal "$(value event) $(value action)" 'rate-refused step' 'event and action'
	within "$(value residual)" -50000000 50000000 'the residual'
	equal "$(rate_in_force)" 0 'the correction of the rate'
}

@test "--step-back limits how far back sync steps a guest, and slews a clock that is up to a second ahead" {
	sshd_setup
	sshd_start
	clock_new offset_ns=5.2
	over_ssh sync --step-back 5 127.0.0.1
	said 1 '127\.0\.0\.1: its clock is 5\.[0-9]{9} s ahead, and --step-back allows 5\.000000000 s: stop .*, and sync once without it'
	assert_unset
	over_ssh sync --step-back 6 127.0.0.1
	said 0
	assert_stepped -5.2 0.005
	clock_new offset_ns=0.9
	over_ssh sync --step-back never 127.0.0.1
	said 0
	equal "$(clock_get steps slews)" '0 1' 'steps and slews'
	within "$(clock_get last_slew_us)" -910000 -890000 'the slew'
	clock_new offset_ns=-5.2
	over_ssh sync --step-back never 127.0.0.1
	said 0
	assert_stepped +5.2 0.005
}

@test "sync steps a clock that is 5.2 s behind" {
	sshd_setup
	sshd_start
	clock_new offset_ns=-5.2
	over_ssh sync --json 127.0.0.1
	said 0
	assert_stepped +5.2 0.005
	within "$(clock_get offset_ns)" -2000000 2000000 'remaining offset in nanoseconds'
	equal "$(value action)" step action
	within "$(value offset)" -5202000000 -5198000000 'the reported offset'
	# The reported residual differs from the true offset by at most twice the bound.
	within "$(value residual)" $(($(clock_get offset_ns) - 2 * $(value bound))) $(($(clock_get offset_ns) + 2 * $(value bound))) 'the reported residual'
	assert_logged "$DAEMON_NOTICE" 'from 127\.0\.0\.1, request "exchange": step by \+5\.[0-9]{9} s, as the host ordered, missed by '
	# The bound was reported to the kernel.
	equal "$(clock_get status tells)" '0 1' 'status and tells'
	within "$(clock_get maxerror_us)" 1 20000 maxerror
	wait_for 3 no_guestclock_set
}

# What sync says when every step came too late.
STALE='127\.0\.0\.1: the guest refused: stale the clock was set by another request or program after this one began to measure it; nothing was done'

# trickle SECONDS: sessions of another hand step the guest's clock by a microsecond, to and fro, so far apart
trickle() {
	cat >"$WORK/trickle.py" <<-'END'
	import subprocess, sys, time
	pause, *command = sys.argv[1:]
	while True:
	    session = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
	    session.stdout.readline()
	    session.stdin.write(b"raw\n")
	    number = session.stdout.readline().split()[3]
	    for at in range(64):
	        session.stdin.write(b"step %s0.000001000 %s\n" % (b"+-"[at % 2:][:1], number))
	        answer = session.stdout.readline().split()
	        # The host may have set the clock meanwhile.
	        if answer[0] != b"done":
	            break
	        number = answer[2]
	        print(number.decode(), flush=True)
	        time.sleep(float(pause))
	    session.stdin.close()
	    session.wait()
	END
	$EXEC timeout 60 "${ENTER[@]}" --mount env "FAKE_CLOCK=$CLOCK" "LD_PRELOAD=$FAKE_CLOCK_SO" "$PYTHON" -I -S "$WORK/trickle.py" "$1" \
		"$GUESTCLOCK_SET" -- exchange
}

# sync_beside SECONDS STATUS: starts a trickle, and syncs beside it until sync ends with STATUS, at most 20 times.  Each
# run corrects the clock, or is refused as stale.
sync_beside() {
	local at
	background trickle trickle "$1"
	wait_for 5 test -s "$WORK/trickle.out"
	for ((at = 1; ; at++)); do
		# A right clock would need no order, which alone can be refused.
		clock_set offset_ns=-5.2
		over_ssh sync --no-rate 127.0.0.1
		case $status in
		0) within "$(clock_get offset_ns)" -5000000 5000000 'remaining offset in nanoseconds' || return 1 ;;
		*) said 1 "$STALE" || return 1 ;;
		esac
		((status != $2)) || break
		((at < 20)) || { printf 'no run ended with status %s\n' "$2"; return 1; }
	done
	alive trickle
	stop trickle
}

@test "a trickle of steps by another hand does not keep sync out, unless it leaves no time for a measurement, and then only while it lasts" {
	sshd_setup
	sshd_start
	sync_beside 0.02 0
	sync_beside 0 1
	over_ssh sync 127.0.0.1
	said 0
	within "$(clock_get offset_ns)" -5000000 5000000 'remaining offset in nanoseconds'
}

# set_before COUNT: makes another session step the guest's clock by a microsecond just before each of the first COUNT steps
# of the next sync
set_before() {
	cat >"$WORK/before.py" <<-'END'
	import os, subprocess, sys
	left, *command = sys.argv[1:]
	left = int(left)
	guest = subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0)
	for line in sys.stdin.buffer:
	    if line.startswith(b"step ") and left > 0:
	        left -= 1
	        subprocess.run(command, input=b"step +0.000001000\n", stdout=subprocess.DEVNULL, check=True)
	    try:
	        guest.stdin.write(line)
	    except BrokenPipeError:
	        break
	guest.stdin.close()
	sys.exit(guest.wait())
	END
	cat >"$WORK/guestclock-set" <<-END
		#!/bin/sh
		exec unshare -Ur env FAKE_CLOCK='$CLOCK' LD_PRELOAD='$FAKE_CLOCK_SO' '$PYTHON' -I -S -u '$WORK/before.py' $1 '$GUESTCLOCK_SET' "\$@"
	END
}

@test "sync measures again, twice in a run, when another session sets the clock just before its step" {
	sshd_setup
	sshd_start
	clock_new offset_ns=-5.2
	set_before 2
	over_ssh sync --no-rate 127.0.0.1
	said 0
	equal "$(clock_get steps)" 3 "steps: two of another hand's, and the host's"
	within "$(clock_get offset_ns)" -2000000 2000000 'remaining offset in nanoseconds'
	clock_new offset_ns=-5.2
	set_before 3
	over_ssh sync --no-rate 127.0.0.1
	said 1 "$STALE"
	equal "$(clock_get steps)" 3 "steps, all of another hand's"
	# The next run finds the clock as it was left.
	set_before 0
	over_ssh sync --no-rate 127.0.0.1
	said 0
	within "$(clock_get offset_ns)" -2000000 2000000 'remaining offset in nanoseconds'
}

@test "sync slews an offset of 50 ms and leaves a right clock alone, and check only measures" {
	sshd_setup
	sshd_start
	clock_new offset_ns=0.05
	over_ssh sync --json 127.0.0.1
	said 0
	equal "$(clock_get steps slews)" '0 1' 'steps and slews'
	within "$(clock_get last_slew_us)" -52000 -48000 'the slew'
	equal "$(value action)" slew action
	# Until the slew is complete, its rest counts as error.
	within "$(clock_get maxerror_us)" 48000 60000 maxerror
	clock_new
	over_ssh sync --json 127.0.0.1
	said 0
	assert_unset
	equal "$(value action)" none action
	within "$(clock_get maxerror_us)" 1 20000 maxerror
	clock_new offset_ns=-5.2
	over_ssh check 127.0.0.1
	said 2
	[[ $output =~ ^'GUESTCLOCK CRITICAL - 1 guest: '.*'worst 127.0.0.1 -5.'[12][0-9]{8}' s |' ]] || { shown; return 1; }
	assert_untouched
}

@test "guestclock reports the relevant line of ssh's errors, with the cause and the remedy" {
	sshd_setup
	sshd_start
	local key=$WORK/key
	ssh-keygen -q -t ed25519 -N '' -f "$key" </dev/null
	# A key that the guest does not know, and one that is not there.
	ssh_config
	sed -i "s|^IdentityFile .*|IdentityFile $key|" "$SSH_CONFIG"
	over_ssh sync 127.0.0.1
	said 1 '127\.0\.0\.1: guest@127\.0\.0\.1: Permission denied \(publickey\): the guest refuses this key or user: check .*'
	rm "$key"
	over_ssh sync 127.0.0.1
	said 1 "127\.0\.0\.1: guest@127\.0\.0\.1: Permission denied \(publickey\): IdentityFile $key: No such file or directory; make it with .*"
	# A host key that has changed, that is not known, and a file that is not there.
	ssh_config
	sed -i "s|ssh-ed25519 .*|$(<"$KEYS/key.pub")|" "$WORK/known_hosts"
	over_ssh sync 127.0.0.1
	said 1 '127\.0\.0\.1: Host key for .* has changed and you have requested strict checking: if the guest was reinstalled, .*'
	: >"$WORK/known_hosts"
	over_ssh sync 127.0.0.1
	said 1 '127\.0\.0\.1: No .* host key is known for .*: compare the guest.s host key with .*'
	rm "$WORK/known_hosts"
	over_ssh sync 127.0.0.1
	said 1 "127\.0\.0\.1: No .* host key is known for .*: UserKnownHostsFile $WORK/known_hosts: No such file or directory; make it .*"
	ssh_config 'NoSuchOption yes'
	over_ssh sync 127.0.0.1
	said 1 "127\.0\.0\.1: $SSH_CONFIG: line 1: Bad configuration option: nosuchoption: this ssh does not know the option: .*"
	ssh_config 'HostName nosuch.invalid'
	over_ssh sync 127.0.0.1
	said 1 '127\.0\.0\.1: ssh: Could not resolve hostname nosuch\.invalid: .*: correct the guest.s name, or .*'
	ssh_config 'Port 1'
	over_ssh sync 127.0.0.1
	said 1 '127\.0\.0\.1: ssh: connect to host .* port 1: Connection refused: no sshd listens there: .*'
	# The forced command names a program that the guest does not have.
	ssh_config
	printf 'guest %s\n' "$(<"$KEYS/host.pub")" >"$WORK/known_hosts"
	rm "$WORK/guestclock-set"
	over_ssh sync 127.0.0.1
	said 1 "127\.0\.0\.1: ssh or the guest says: .*$WORK/guestclock-set: (not found|No such file or directory)"
}

@test "somebody in the network, who has no key, cannot make guestclock print the remedy for a changed host key" {
	sshd_setup
	background forger "${ENTER[@]}" --mount "$PYTHON" -I -S -c 'import socket, struct, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
text = b"x\nHost key for guest has changed and you have requested strict checking.\r\nHost key verification failed."
for _ in range(2):
    client = server.accept()[0]
    client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    client.recv(300)
    message = b"\1" + struct.pack(">II", 2, len(text)) + text + struct.pack(">I", 0)
    padding = 16 - (5 + len(message)) % 8
    client.sendall(struct.pack(">IB", 1 + len(message) + padding, padding) + message + bytes(padding))
    client.recv(4096)' "$SSHD_PORT"
	wait_for 5 bound stream "$SSHD_PORT"
	over_ssh sync 127.0.0.1
	said 1 '127\.0\.0\.1: ssh or the guest says: Received disconnect from 127\.0\.0\.1 port 2222:2: x'
}

@test "sync leaves a clock that another time service keeps alone below an offset of one second" {
	sshd_setup
	sshd_start
	clock_new offset_ns=-0.5 status=0 maxerror_us=1000 esterror_us=500
	over_ssh sync --json 127.0.0.1
	said 0
	equal "$(value action)" other-service action
	assert_untouched
	clock_new offset_ns=-1.5 status=0 maxerror_us=1000 esterror_us=500
	over_ssh sync --json 127.0.0.1
	said 0
	assert_stepped +1.5 0.005
	# Our own report to the kernel does not count as another service's.
	clock_set offset_ns=-0.5
	over_ssh sync --json 127.0.0.1
	said 0
	equal "$(value action)" step action
}

@test "with host and guest on one clock, the offset of zero is within every bound that check reports" {
	local i guests
	sshd_setup
	sshd_start MaxSessions\ 100
	guests=$(printf '127.0.0.%d ' {1..25})
	# shellcheck disable=SC2086
	for i in 1 2 3 4; do
		over_ssh check --json -j 2 $guests
		said 0
		python -I -S -c 'import json, sys
lines = sys.argv[1].splitlines()
assert len(lines) == 25, len(lines)
for line in lines:
    one = json.loads(line)
    assert one["result"] == "ok" and abs(one["offset"]) <= one["bound"] < 0.1, line' "$output"
	done
}

@test "sync reports a refusal by the limits of the forced command in the guest's words" {
	sshd_setup
	sshd_start
	clock_new offset_ns=-5.2
	authorize --max-step 5
	over_ssh sync 127.0.0.1
	said 1 '127\.0\.0\.1: the guest refused: too-far the clock would move by more than --max-step in an hour'
	authorize --not-after 2026-11-02
	over_ssh sync 127.0.0.1
	said 1 '127\.0\.0\.1: the guest refused: after-ceiling the new time would be --not-after or later'
	authorize --not-before 2076-01-01 --not-after 2077-01-01
	over_ssh sync 127.0.0.1
	said 1 '127\.0\.0\.1: the guest refused: before-floor the new time would be before --not-before'
	authorize --dry-run
	over_ssh sync 127.0.0.1
	said 1 '127\.0\.0\.1: the guest refused: dry-run the forced command has the option --dry-run'
	authorize --allow rdate,status
	over_ssh sync 127.0.0.1
	said 1 '127\.0\.0\.1: the guest says: guestclock-set: refused: exchange is not among the requests that --allow names'
	hosts_deny 'guestclock-set: ALL'
	over_ssh sync 127.0.0.1
	said 1 '127\.0\.0\.1: the guest says: guestclock-set: refused: hosts.allow and hosts.deny do not let 127.0.0.1 in'
	hosts_deny ''
	assert_untouched
	clock_new offset_ns=5.2
	authorize --max-back 5
	over_ssh sync 127.0.0.1
	said 1 '127\.0\.0\.1: the guest refused: too-far-back the clock would move back by more than --max-back in an hour'
	assert_untouched
	# Measuring needs no permission to set.
	over_ssh check 127.0.0.1
	said 2
	# A right clock needs no order, so nothing can be refused.
	clock_new
	authorize --max-step 0 --dry-run
	over_ssh sync 127.0.0.1
	said 0
	assert_untouched
}

@test "sync reports host key, key, connection and name errors in one line each, and sets the other guests" {
	sshd_setup
	sshd_start
	clock_new offset_ns=-5.2
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/other" </dev/null 3>&-
	printf 'changed %s\n' "$(<"$WORK/other.pub")" >>"$WORK/known_hosts"
	ssh_config 'Host stranger' 'HostName 127.0.0.1' 'HostKeyAlias stranger' \
		'Host changed' 'HostName 127.0.0.1' 'HostKeyAlias changed' \
		'Host keyless' 'HostName 127.0.0.1' 'User stranger' \
		'Host closed' 'HostName 127.0.0.1' 'Port 2223' \
		'Host nowhere' 'HostName nowhere.invalid' \
		'Host good' 'HostName 127.0.0.1'
	over_ssh sync --json stranger changed keyless closed nowhere good
	equal "$status" 1 status || { shown; return 1; }
	python -I -S -c 'import json, re, sys
g = {o["guest"]: o for o in map(json.loads, sys.argv[1].splitlines())}
assert g["good"]["result"] == "ok" and g["good"]["action"] == "step", g["good"]
for name, regex in (("stranger", "host key is known for stranger"), ("changed", "Host key for changed has changed"),
                    ("keyless", r"Permission denied \(publickey"), ("closed", "port 2223: Connection refused"),
                    ("nowhere", "nowhere.invalid: ")):
    assert g[name]["result"] == "failed" and re.search(regex, g[name]["error"]), g[name]' "$output" || { shown; return 1; }
	assert_stepped +5.2 0.005
	over_ssh sync stranger closed good
	said 1 'stranger: No .* host key is known for stranger .*' 'closed: ssh: connect to host 127\.0\.0\.1 port 2223: Connection refused: .*'
	wait_for 3 no_guestclock_set
}

@test "when sshd is killed in the middle of a session, sync reports it in one line" {
	sshd_setup
	# A guest whose forced command answers nothing for a while.
	printf '#!/bin/sh\nexec sleep 20\n' >"$WORK/guestclock-set"
	sshd_start
	background run "${ENTER[@]}" --mount "$GUESTCLOCK" sync --state "$STATE" --ssh-config "$SSH_CONFIG" -t 20 127.0.0.1
	wait_for 5 sandbox_has sleep
	local pid
	# Also the processes of the session itself, which newer versions call sshd-session.
	for pid in $(sandbox_pids sshd) $(sandbox_pids sshd-session); do kill -s KILL "$pid"; done
	wait_for 5 not running "$(pid_of run)"
	grep -qE '^guestclock: 127\.0\.0\.1: .+' "$WORK/run.out"
	equal "$(wc -l <"$WORK/run.out")" 1 lines
	for pid in $(sandbox_pids sleep); do kill -s KILL "$pid"; done
}

sandbox_has() { [ -n "$(sandbox_pids "$1")" ]; }

# --------------------------------------------------------------------------------------- one connection, one session

# counts: prints how many sessions sshd has accepted so far
counts() { grep -c 'Accepted publickey' "$WORK/sshd.out"; }

@test "guestclock keeps no ssh connection, even if ssh_config has ControlMaster and ControlPersist" {
	sshd_setup
	sshd_start 'LogLevel VERBOSE'
	ssh_config 'Host *' 'ControlMaster auto' 'ControlPersist 30' "ControlPath $WORK/sockets/%n"
	mkdir -m 700 "$WORK/sockets"
	over_ssh check 127.0.0.1
	said 0
	over_ssh check 127.0.0.1
	said 0
	equal "$(counts)" 2 'connections that were made'
	equal "$(ls -A "$WORK/sockets")" '' 'sockets'
	wait_for 3 sandbox_empty ssh
	wait_for 3 no_guestclock_set
}

@test "a lying guest gets no agent, X display, locale or port, and adds no host key, whatever ssh_config says" {
	sshd_setup
	requires ssh-agent
	# The guest's key line restricts nothing, its sshd offers all, and what the session gets is written down.
	printf '#!/bin/sh\nenv >"%s/seen"\necho lied\n' "$WORK" >"$WORK/guestclock-set"
	sed 's/^restrict,//' -i "$GUEST_HOME/.ssh/authorized_keys"
	ssh-keygen -q -t ecdsa -N '' -f "$WORK/further" </dev/null 3>&-
	sshd_start "HostKey $WORK/further" 'AcceptEnv *' 'X11Forwarding yes' 'XAuthLocation /bin/true' 'AllowTcpForwarding yes'
	ssh_config 'Host *' 'IdentityAgent SSH_AUTH_SOCK' 'ForwardAgent yes' 'ForwardX11 yes' 'ForwardX11Trusted yes' 'SendEnv LANG LC_*' \
		'PermitLocalCommand yes' "LocalCommand touch $WORK/local" 'UpdateHostKeys yes' 'GSSAPIDelegateCredentials yes' \
		'RemoteForward 2299 127.0.0.1:1'
	background agent ssh-agent -D -a "$WORK/agent"
	wait_for 5 test -S "$WORK/agent"
	local known
	export SSH_AUTH_SOCK=$WORK/agent DISPLAY=:9 LANG=en_NZ.UTF-8
	known=$(<"$WORK/known_hosts")
	over_ssh sync 127.0.0.1
	equal "$status" 1 status || { shown; return 1; }
	[[ $errors == *'got "lied"'* ]] || { shown; return 1; }
	equal "$(grep -E '^(SSH_AUTH_SOCK|DISPLAY|LANG|LC_[A-Z]*)=' "$WORK/seen")" '' 'what the guest got'
	[ ! -e "$WORK/local" ]
	equal "$(<"$WORK/known_hosts")" "$known" known_hosts
	# ssh by itself gives all of it away: this test would notice.
	timeout 10 "${ENTER[@]}" --mount ssh -F "$SSH_CONFIG" 127.0.0.1 exchange >/dev/null 2>"$WORK/stderr"
	equal "$(grep -oE '^(SSH_AUTH_SOCK|DISPLAY|LANG|LC_ALL)=' "$WORK/seen" | sort | tr -d '\n')" DISPLAY=LANG=LC_ALL=SSH_AUTH_SOCK= 'what ssh gives'
	[ -e "$WORK/local" ]
	[ "$(<"$WORK/known_hosts")" != "$known" ]
}

@test "a revoked or restricted key, table or host key takes effect at the next run" {
	sshd_setup
	sshd_start
	# The configuration of an earlier release.
	ssh_config 'Host *' 'ControlMaster auto' 'ControlPersist 30' "ControlPath $WORK/sockets/%n"
	mkdir -m 700 "$WORK/sockets"
	clock_new offset_ns=-5.2
	local what
	for what in key line tables hostkey known; do
		over_ssh check 127.0.0.1
		said 2
		case $what in
		key) : >"$GUEST_HOME/.ssh/authorized_keys" ;;
		line) authorize --allow status ;;
		tables) hosts_deny 'guestclock-set: ALL' ;;
		hostkey)
			ssh-keygen -q -t ed25519 -N '' -f "$WORK/newhost" </dev/null 3>&-
			stop sshd
			KEYS=$WORK sshd_config
			sed -i "s|^HostKey .*|HostKey $WORK/newhost|" "$WORK/sshd_config"
			background sshd as_guest "$SSHD" -D -e -f "$WORK/sshd_config"
			wait_for 5 bound stream "$SSHD_PORT"
			;;
		known) : >"$WORK/known_hosts" ;;
		esac
		over_ssh sync 127.0.0.1
		case $what in
		key) said 1 '127\.0\.0\.1: .*Permission denied \(publickey\): .*' ;;
		line) said 1 '127\.0\.0\.1: the guest says: guestclock-set: refused: exchange is not among the requests that --allow names' ;;
		tables) said 1 '127\.0\.0\.1: the guest says: guestclock-set: refused: hosts.allow and hosts.deny do not let 127.0.0.1 in' ;;
		*) said 1 '127\.0\.0\.1: (Host key for guest has changed|No ED25519 host key is known for guest) and you have requested strict checking: .*' ;;
		esac
		assert_untouched
		hosts_deny ''
		authorize
		if [ $what = hostkey ]; then
			stop sshd
			sshd_start
		fi
	done
}

@test "guestclock reaches the guest that a name means: ports, users, IPv6, ssh://, vsock, 255 octets" {
	sshd_setup
	local long
	printf -v long '%0255d' 1
	sshd_start 'LogLevel VERBOSE' 'Port 2201' 'Port 2203'
	ssh_config "Host $long" 'HostName 127.0.0.1' 'Host vsock/*' "ProxyCommand $PYTHON -I -S $TOP/tests/lib/connect.py 127.0.0.1 2203"
	sed -i '/^Port /d' "$SSH_CONFIG"
	clock_new
	# Nothing listens on 2202.
	over_ssh check --json ssh://guest@127.0.0.1:2201 ssh://guest@127.0.0.1:2202
	equal "$status" 3 status
	python -I -S -c 'import json, sys
g = {o["guest"]: o for o in map(json.loads, sys.argv[1].splitlines())}
assert g["ssh://guest@127.0.0.1:2201"]["result"] == "ok", g
assert "port 2202: Connection refused" in g["ssh://guest@127.0.0.1:2202"]["error"], g' "$output"
	printf '%s\n' "Port 2222" >>"$SSH_CONFIG"
	over_ssh check ssh://guest@127.0.0.1:2203 'ssh://[::1]:2201' 'ssh://guest@[::1]' ::1 guest@::1 guest@127.0.0.1 vsock/3 "$long"
	said 0
	# Another user of the same host is another guest.
	over_ssh sync stranger@127.0.0.1 guest@127.0.0.1
	said 1 'stranger@127\.0\.0\.1: stranger@127\.0\.0\.1: Permission denied \(publickey\): .*'
	over_ssh sync ../precious
	equal "$status" 2 status
	# sshd logs its own end of each connection.
	equal "$(grep -c 'Connection from .* on 127.0.0.1 port 2203' "$WORK/sshd.out")" 2 'connections to port 2203'
	equal "$(grep -c 'Connection from ::1 .* on ::1 port 2201' "$WORK/sshd.out")" 1 'connections to ::1, port 2201'
	equal "$(grep -c 'Connection from ::1 .* on ::1 port 2222' "$WORK/sshd.out")" 3 'connections to ::1, the usual port'
}

@test "a guest's name that is a path deletes no file" {
	sshd_setup
	sshd_start
	ssh_config 'Host *' 'ControlMaster auto' 'ControlPersist 30' "ControlPath $WORK/sockets/%n"
	mkdir -m 700 "$WORK/sockets"
	: >"$WORK/precious"
	over_ssh check ../precious
	equal "$status" 3 status
	[[ $output == 'GUESTCLOCK UNKNOWN - guest "../precious" has "/"'* ]] || { shown; return 1; }
	[ -e "$WORK/precious" ]
}

@test "sync of 40 guests succeeds behind a gateway that drops connections (MaxStartups 10:30:100)" {
	sshd_setup
	sshd_start 'MaxStartups 1000'
	local i guests
	# The gateway is another sshd, whose key allows forwarding.
	sshd_config 'MaxStartups 10:30:100' 'LogLevel VERBOSE' "AuthorizedKeysFile $WORK/gateway_keys"
	sed -i -e 's/^Port .*/Port 2200/' -e '/^AuthorizedKeysFile .*home/d' "$WORK/sshd_config"
	cp "$KEYS/key.pub" "$WORK/gateway_keys"
	authorize --dry-run
	background gateway as_guest "$SSHD" -D -e -f "$WORK/sshd_config"
	wait_for 5 bound stream 2200
	ssh_config 'Host gateway' 'HostName 127.0.0.1' 'Port 2200' 'Host vm*' 'HostName 127.0.0.1' 'ProxyJump gateway' 'Host *' 'ConnectTimeout 15' 'KexAlgorithms ^curve25519-sha256'
	clock_new
	guests=$(printf 'vm%d ' {1..40})
	for i in 1 2 3; do
		# shellcheck disable=SC2086
		over_ssh sync --json -j 16 $guests
		said 0
		equal "$(grep -c '"result":"ok"' <<<"$output")" 40 "guests that came right in run $i"
	done
	# More at once than the gateway accepts.  Repeat until it has turned one away: on a busy machine they arrive one
	# after another.
	for i in 1 2 3 4 5 6; do
		# shellcheck disable=SC2086
		over_ssh sync --json -j 40 $guests
		said 0
		! grep -qE 'drop connection|MaxStartups' "$WORK/gateway.out" || break
	done
	grep -qE 'drop connection|MaxStartups' "$WORK/gateway.out" || printf '# a busy machine: the gateway turned nobody away\n' >&3
	wait_for 5 no_guestclock_set
}
