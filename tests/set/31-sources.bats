# Time sources that lie, delay, babble or break.  guestclock-set must leave the clock alone or set it right.  The
# sources are tests/lib/badsource.py, and serve this machine's time unless a test says otherwise.  The clock is
# tests/helpers/fake-clock.c, whose offset_ns is the true residual.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it
# shellcheck disable=SC2154 # errors, took and logged come from tests/lib/set.bash

load ../lib/common
load ../lib/set

setup_file() { set_setup_file; }

setup() {
	common_setup
	set_start
}

teardown() { common_teardown; }

# ask COMMAND [LIMITS...]: sends COMMAND over ssh, from 127.0.0.1.  The sources have many ports.
ask() { set_by_ssh_env 127.0.0.1 "$@" --any-port; }

# unix DATE: prints DATE in seconds since 1970
unix() { date -ud "$1" +%s; }

# wire UNIX-SECONDS: prints the number for it in RFC 868 and NTP
wire() { printf '%s\n' $((($1 + 2208988800) & 0xffffffff)); }

# assert_bound: the kernel was given an error bound, and the clock's offset is within it.
assert_bound() {
	local offset maxerror esterror state
	read -r offset maxerror esterror state <<<"$(clock_get offset_ns maxerror_us esterror_us status)"
	equal $((state & 0x40)) 0 'STA_UNSYNC' || return 1
	equal "$maxerror" "$esterror" 'maxerror and esterror' || return 1
	within "$offset" $((-maxerror * 1000)) $((maxerror * 1000)) 'true offset of the clock, within the bound that the kernel received'
}

# assert_reads UNIX-SECONDS: the clock reads UNIX-SECONDS or up to 3 s more
assert_reads() {
	local now
	now=$(clock_now)
	within "$now" $(($1 * 1000000000)) $((($1 + 3) * 1000000000)) 'the clock, in nanoseconds'
}

# no_processes: no process of guestclock-set is left in the sandbox
no_processes() { sandbox_empty guestclock-set; }

# fails PORT WORDS REGEX: rdate WORDS -o PORT 127.0.0.1 fails with status 111 and this reason
fails() {
	# shellcheck disable=SC2086
	ask "rdate -s $2 -o $1 127.0.0.1"
	refused 111 "guestclock-set: time source 127.0.0.1 port $1: $3\$" || { printf 'rdate %s -o %s\n' "$2" "$1"; return 1; }
}

# -------------------------------------------------------------------------------------------------- RFC 868

@test "rdate fails with the reason when a TCP source sends a wrong number of octets, resets or is silent" {
	badsource tcp:1001:octets=1 tcp:1002:octets=2 tcp:1003:octets=3 tcp:1005:octets=5 tcp:1008:octets=8 \
		tcp:1010:octets=0 tcp:1011:reset tcp:1012:reset=2 tcp:1013:silent tcp:1014:dribble tcp:1015:octets=32
	local n
	for n in 1 2 3; do fails 100$n '' "sent $n octets?: too few"; done
	fails 1005 '' 'sent more than 4 octets: not RFC 868.*'
	fails 1008 '' 'sent more than 4 octets: not RFC 868.*'
	fails 1015 '' 'sent more than 4 octets: not RFC 868.*'
	fails 1010 '' 'closed without an answer: .*hosts\.allow.*'
	# The reset may arrive before connect(2) has succeeded.
	fails 1011 '' '(the connection failed before an answer arrived|cannot connect): Connection reset by peer'
	fails 1012 '' '(the connection failed before an answer arrived|cannot connect): Connection reset by peer'
	fails 1099 '' 'cannot connect: Connection refused'
	fails 1013 '-t 400' 'no answer in time'
	within "$took" 400 3900 'milliseconds'
	# One octet a second: the time limit is for the whole answer, not for each octet.
	fails 1014 '-t 2500' 'sent 2 octets and no more in time: expected 4'
	within "$took" 2500 6000 'milliseconds'
}

@test "rdate sets the clock from a TCP source that is slow or keeps the connection open" {
	badsource tcp:1001:dribble=0.1 tcp:1002:open tcp:1003:delay=0.4
	local port
	for port in 1001 1002 1003; do
		clock_new offset_ns=-1000.0
		ask "rdate -s -o $port 127.0.0.1"
		expect 0
		assert_stepped +1000.0 2.0
		assert_bound
	done
	at_most "$took" 4000 'milliseconds'
}

@test "rdate refuses an answer whose round trip took longer than --max-delay" {
	badsource tcp:1001:delay=0.5 tcp:1002:dribble=0.12 udp:1003:delay=0.5 sntp:1004:delay=0.5 tcp:1005:delay=2.2 sntp:1006:held=0.5
	clock_new offset_ns=-1000.0
	local port words
	while read -r port words; do
		ask "rdate -s -o $port $words 127.0.0.1" --max-delay 0.3
		refused 1 'refused: delay-too-large: the answer took longer than --max-delay \(offset -[0-9.]+ \+- [0-9.]+ s\)$' ||
			{ printf 'port %s\n' "$port"; return 1; }
		# Its time may still be printed.
		[ "$port" -eq 1005 ] || {
			ask "rdate -p -o $port $words 127.0.0.1" --max-delay 0.3
			expect 0
		}
	done <<-'END'
		1001
		1002
		1003 -u
		1004 -n
	END
	# The default limit is two seconds.
	ask 'rdate -s -o 1005 127.0.0.1'
	refused 1 'refused: delay-too-large: '
	# The time for which an SNTP server says that it held the request is not part of the round-trip delay.
	ask 'rdate -s -n -o 1006 127.0.0.1' --max-delay 0.3
	expect 0
	assert_stepped +1000.0 0.3
}

@test "rdate -u fails with the reason when a source sends a wrong number of octets or is silent, and repeats a lost request" {
	badsource udp:1001:octets=1 udp:1003:octets=3 udp:1005:octets=5 udp:1008:octets=8 udp:1010:octets=0 udp:1013:silent \
		udp:1014:lost=1 udp:1015:octets=32
	fails 1001 -u 'sent 1 octet: too few'
	fails 1003 -u 'sent 3 octets: too few'
	fails 1005 -u 'sent more than 4 octets: not RFC 868.*'
	fails 1008 -u 'sent more than 4 octets: not RFC 868.*'
	fails 1015 -u 'sent more than 4 octets: not RFC 868.*'
	# An empty answer: the server is up, and has no time to give or does not give it to us.
	fails 1010 -u '.*'
	at_most "$took" 4000 'milliseconds'
	[[ $errors != *'sent 1 octets'* ]] || { printf 'an empty datagram is not one octet\n'; shown; return 1; }
	fails 1099 -u 'cannot connect: Connection refused'
	fails 1013 '-u -t 400' 'no answer in time'
	within "$took" 400 3900 'milliseconds'
	# A lost datagram is requested again.
	clock_new offset_ns=-1000.0
	ask 'rdate -su -o 1014 127.0.0.1'
	expect 0
	assert_stepped +1000.0 1.5
	assert_bound
	within "$took" 900 5000 'milliseconds'
}

@test "rdate fails with the reason when HOST has no address, or no route leads to it" {
	ask 'rdate -s nowhere.example' --host nowhere.example
	refused 111 'time source nowhere\.example port 37: no address: .+'
	at_most "$took" 5000 'milliseconds'
	ask 'rdate -s 192.0.2.1' --host 192.0.2.1
	refused 111 'time source 192\.0\.2\.1 port 37: cannot connect: Network is unreachable$'
	ask 'rdate -su 2001:db8::1' --host 2001:db8::1
	refused 111 'time source 2001:db8::1 port 37: cannot connect: Network is unreachable$'
	ask 'rdate -s -4 ::1' --host ::1
	refused 111 'time source ::1 port 37: no address: .+'
	ask 'rdate -s -6 127.0.0.1'
	refused 111 'time source 127\.0\.0\.1 port 37: no address: .+'
}

@test "rdate -t also limits the time that a name server takes" {
	badsource udp:53:silent
	sed -i 's/^hosts:.*/hosts: files dns/' "$ETC/nsswitch.conf"
	printf 'nameserver 127.0.0.1\noptions timeout:30 attempts:1\n' >"$ETC/resolv.conf"
	ask 'rdate -s -t 500 slow.example' --host slow.example
	refused 111 'time source slow\.example port 37: no answer in time$'
	within "$took" 500 4000 'milliseconds'
	no_processes
}

@test "rdate asks the next address of a HOST when the first does not answer" {
	printf '%s\n' '192.0.2.1 many.test' '127.0.0.1 many.test' >>"$ETC/hosts"
	badsource tcp:37:good
	clock_new offset_ns=-1000.0
	ask 'rdate -s many.test' --host many.test
	expect 0
	assert_stepped +1000.0 1.5
}

# ----------------------------------------------------------------------------------------------------- SNTP

@test "rdate -n refuses SNTP answers that are malformed, unsynchronised or contradictory, and kiss-o'-death" {
	badsource sntp:1001:origin sntp:1002:kiss=RATE sntp:1003:kiss=DENY sntp:1004:stratum0 sntp:1005:unsync \
		sntp:1006:zero sntp:1007:zero-receive sntp:1008:short=47 sntp:1009:backwards sntp:1010:mode=3 \
		sntp:1011:version=5 sntp:1012:stratum=16 sntp:1013:dispersion=17 sntp:1014:early=5 sntp:1015:short=0 \
		sntp:1016:silent sntp:1017:mode=5 sntp:1018:kiss="$(printf 'A\n\e[')"
	fails 1001 '-n -t 300' 'no answer in time'
	fails 1002 -n "refused with kiss-o'-death code RATE"
	fails 1003 -n "refused with kiss-o'-death code DENY"
	fails 1004 -n "refused with kiss-o'-death code [?]{4}"
	fails 1005 -n 'says that its own clock is not synchronised, or may be more than 16 s off'
	fails 1006 -n 'sent times that are missing or contradict each other'
	fails 1007 -n 'sent times that are missing or contradict each other'
	fails 1008 -n 'sent 47 octets: too few'
	fails 1009 -n 'sent times that are missing or contradict each other'
	# A request or a broadcast is no answer, whoever sends it.
	fails 1010 '-n -t 300' 'no answer in time'
	fails 1017 '-n -t 300' 'no answer in time'
	fails 1011 '-n -t 300' 'no answer in time'
	fails 1012 -n 'says that its own clock is not synchronised, or may be more than 16 s off'
	fails 1013 -n 'says that its own clock is not synchronised, or may be more than 16 s off'
	# It claims to have held the request for longer than the answer took.
	fails 1014 -n 'sent times that are missing or contradict each other'
	fails 1015 -n '.*'
	[[ $errors != *'sent 1 octets'* ]] || { printf 'an empty datagram is not one octet\n'; shown; return 1; }
	fails 1016 '-n -t 300' 'no answer in time'
	within "$took" 300 3800 'milliseconds'
	fails 1018 -n "refused with kiss-o'-death code A[?]{3}"
	fails 1099 -n 'cannot connect: Connection refused'
}

@test "rdate -n ignores a forged SNTP answer and uses the genuine one" {
	badsource sntp:123:forged
	clock_new offset_ns=-1000.0
	ask 'rdate -sn 127.0.0.1'
	expect 0
	assert_stepped +1000.0 0.2
	assert_bound
}

@test "rdate believes no RFC 868 answer that came before its question" {
	badsource udp:37:queued=100
	clock_new offset_ns=-1000.0
	ask 'rdate -su 127.0.0.1'
	expect 0
	assert_stepped +1000.0 1.5
}

@test "rdate asks no question on a socket where more than 100 datagrams wait, because one of them would pass for the answer" {
	# Of the five sockets for five questions, the first gets no answer.
	badsource udp:37:queued=100,100 udp:1001:queued=100,101
	clock_new offset_ns=-1000.0
	ask 'rdate -su 127.0.0.1'
	expect 0
	assert_stepped +1000.0 1.5
	log_take
	clock_new offset_ns=-1000.0
	fails 1001 -u 'no answer in time'
	within "$took" 900 3900 'milliseconds'
}

@test "rdate -n steps the clock forwards and backwards, to within a fraction of a second" {
	badsource sntp:123:good sntp:124:lost=1 sntp:125:good=1000.25
	local by
	for by in -0.5 +0.5 -86400.125 +86400.125; do
		clock_new offset_ns="${by#+}"
		ask 'rdate -sn 127.0.0.1'
		expect 0
		case $by in -*) by=+${by#-} ;; *) by=-${by#+} ;; esac
		assert_stepped "$by" 0.2
		assert_bound
		at_most "$(clock_get maxerror_us)" 300000 'maxerror'
		assert_logged "$DAEMON_NOTICE" 'request "rdate -sn 127.0.0.1": step: offset '
	done
	clock_new
	ask 'rdate -sn -o 125 127.0.0.1'
	expect 0
	assert_stepped +1000.25 0.2
	clock_new offset_ns=-7.0
	ask 'rdate -sn -o 124 127.0.0.1'
	expect 0
	assert_stepped +7.0 0.2
	within "$took" 900 5000 'milliseconds'
}

# ---------------------------------------------------------------------------------------------- the limits

@test "a time before --not-before or not before --not-after is refused, but may be printed" {
	local floor ceiling
	floor=$(unix 2026-11-01) ceiling=$(unix 2030-01-01)
	badsource tcp:1001:fixed="$(wire $((floor - 1)))" tcp:1002:fixed="$(wire "$floor")" \
		tcp:1003:fixed="$(wire $((ceiling - 1)))" tcp:1004:fixed="$(wire "$ceiling")" \
		tcp:1005:fixed="$(wire "$(unix 2008-02-15T20:49)")" tcp:1006:fixed="$(wire "$(unix 1970-01-01)")" \
		tcp:1007:fixed="$(wire "$(unix 2076-12-01)")" sntp:1008:fixed="$(wire $((floor - 1)))" \
		sntp:1009:fixed="$(wire "$ceiling")" tcp:1010:fixed=0xffffffff tcp:1011:fixed=0
	# The default floor is the release date.
	ask 'rdate -s -o 1001 127.0.0.1'
	refused 1 'refused: before-floor: the new time would be before --not-before \(offset '
	ask 'rdate -sn -o 1008 127.0.0.1'
	refused 1 'refused: before-floor: '
	ask 'rdate -s -o 1005 127.0.0.1'
	refused 1 'refused: before-floor: '
	ask 'rdate -s -o 1006 127.0.0.1'
	refused 1 'refused: (before-floor|after-ceiling): '
	ask 'rdate -s -o 1007 127.0.0.1'
	refused 1 'refused: after-ceiling: the new time would be --not-after or later \(offset '
	ask 'rdate -s -o 1004 127.0.0.1' --not-after 2030-01-01
	refused 1 'refused: after-ceiling: '
	ask 'rdate -sn -o 1009 127.0.0.1' --not-after 2030-01-01
	refused 1 'refused: after-ceiling: '
	ask 'rdate -s -o 1010 127.0.0.1' --not-after 2030-01-01
	refused 1 'refused: after-ceiling: '
	ask 'rdate -s -o 1011 127.0.0.1' --not-after 2030-01-01
	refused 1 'refused: after-ceiling: '
	# Even if the clock already reads the forbidden time, that time is refused.
	clock_reads "$floor.3"
	ask 'rdate -s -o 1002 127.0.0.1' --not-before 2026-11-02
	refused 1 'refused: before-floor: '
	clock_new
	ask 'rdate -s -o 1002 127.0.0.1'
	expect 0
	assert_reads "$floor"
	clock_new
	ask 'rdate -s -o 1003 127.0.0.1' --not-after 2030-01-01
	expect 0
	assert_reads $((ceiling - 1))
	# The limits are for setting, not for printing.
	clock_new
	ask 'rdate -p -o 1005 127.0.0.1'
	expect 0
	assert_untouched
}

@test "a step or slew larger than --max-step or --max-back is refused, and a right clock is accepted" {
	badsource tcp:37:good sntp:123:good
	local rdate
	for rdate in 'rdate -s 127.0.0.1' 'rdate -sn 127.0.0.1'; do
		account_new
		clock_new offset_ns=10.0
		ask "$rdate" --max-step 8
		refused 1 'refused: too-far: the clock would move by more than --max-step in an hour \(offset \+[0-9.]+ \+- [0-9.]+ s\)$'
		ask "$rdate" --max-back 8
		refused 1 'refused: too-far-back: the clock would move back by more than --max-back in an hour \(offset \+'
		ask "$rdate" --max-back 8 --max-step 8
		refused 1 'refused: too-far'
		ask "$rdate" --max-back 12 --max-step 12
		expect 0
		assert_stepped -10.0 1.2
		log_take
		account_new
		clock_new offset_ns=-10.0
		ask "$rdate" --max-step 8
		refused 1 'refused: too-far: '
		# --max-back limits backward steps only.
		ask "$rdate" --max-back 8
		expect 0
		assert_stepped +10.0 1.2
		log_take
		# A slew does not evade the limit.
		account_new
		clock_new offset_ns=-10.0
		ask "${rdate/-s/-as}" --max-step 8
		refused 1 'refused: too-far: '
	done
	# A right clock needs no step, so it is accepted.
	clock_new
	ask 'rdate -s 127.0.0.1' --max-step 0 --max-back 0
	expect 0
	assert_unset
}

# ---------------------------------------------------------------------------------------------------- eras

@test "rdate sets a clock in any year to times before and after the wrap of 2036" {
	local last second date guest from port
	last=$(unix 2036-02-07T06:28:15Z)
	equal "$(wire "$last") $(wire $((last + 1)))" '4294967295 0' 'the last number and the first'
	badsource tcp:1015:fixed=0xffffffff tcp:1016:fixed=0 tcp:1017:fixed=1 udp:1016:fixed=0 sntp:1115:fixed=0xffffffff \
		sntp:1116:fixed=0 tcp:1038:fixed="$(wire "$(unix 2038-01-19T03:14:08)")"
	for guest in 1969-12-31T23:59:00 1970-01-01T00:00:05 2008-02-15T20:49 2026-11-20 2036-02-07T06:28:10 2036-02-07T06:28:20 2060-01-01; do
		from=$(unix $guest)
		while read -r port second date; do
			second=$((last + second))
			for words in "-o $port" "-uo $port" "-no $((port + 100))"; do
				case $words in -uo*) [ "$port" -eq 1016 ] ;; -no*) [ "$port" -ne 1017 ] ;; esac || continue
				clock_reads "$from"
				ask "rdate $words 127.0.0.1" --not-before 2026-11-01 --not-after 2076-01-01
				expect 0
				equal "$output" "$date" 'printed'
				assert_reads "$second"
			done
		done <<-END
			1015 0 Thu Feb  7 06:28:15 UTC 2036
			1016 1 Thu Feb  7 06:28:16 UTC 2036
			1017 2 Thu Feb  7 06:28:17 UTC 2036
		END
	done
	# More than 2^31 seconds since 1970.
	clock_reads 0
	ask 'rdate -o 1038 127.0.0.1'
	expect 0
	equal "$output" 'Tue Jan 19 03:14:08 UTC 2038' 'printed'
	assert_reads 2147483648
}

@test "--not-before and --not-after decide which era of 2^32 seconds an answer belongs to" {
	local last
	last=$(unix 2036-02-07T06:28:15Z)
	badsource tcp:1015:fixed=0xffffffff tcp:1016:fixed=0 tcp:1008:fixed="$(wire "$(unix 2008-02-15T20:49)")" tcp:1001:fixed=1
	# The same number, 2^32 seconds later.
	clock_new
	ask 'rdate -s -o 1015 127.0.0.1' --not-before 2172-01-01 --not-after 2173-01-01
	expect 0
	assert_reads $((last + 4294967296))
	# And with limits in the past.
	clock_reads "$(unix 2020-01-01)"
	ask 'rdate -s -o 1008 127.0.0.1' --not-before 2000-01-01 --not-after 2010-01-01
	expect 0
	assert_reads "$(unix 2008-02-15T20:49)"
	clock_new
	ask 'rdate -s -o 1016 127.0.0.1' --not-before 2036-02-07T06:28:16Z --not-after 2036-02-07T06:28:17Z
	expect 0
	assert_reads $((last + 1))
	clock_new
	log_take
	ask 'rdate -s -o 1015 127.0.0.1' --not-before 2036-02-07T06:28:16Z --not-after 2036-02-07T06:28:17Z
	refused 1 'refused: before-floor: '
	ask 'rdate -s -o 1001 127.0.0.1' --not-before 2036-02-07T06:28:16Z --not-after 2036-02-07T06:28:17Z
	refused 1 'refused: after-ceiling: '
}

# ------------------------------------------------------------------------------------------ the interval rule

@test "rdate does not set a right clock, at any phase of the second" {
	badsource tcp:37:good udp:37:good
	local round words
	for ((round = 0; round < 24; round++)); do
		words=-s
		((round % 2)) || words=-su
		clock_new
		ask "rdate $words 127.0.0.1"
		expect 0
		assert_unset
		assert_bound
		sleep 0.0$((round % 5 + 2))
	done
	assert_not_logged
}

@test "rdate does not set a clock within the source's second, and steps any other to the middle of that second" {
	local second tenth after at step start
	second=$(($(unix 2026-11-20) + 30))
	badsource tcp:37:fixed="$(wire "$second")" udp:37:fixed="$(wire "$second")"
	# The clock runs while the program starts, and the source's does not: allow half a second for that.
	for ((tenth = 0; tenth < 6; tenth++)); do
		clock_reads "$second.${tenth}1"
		ask 'rdate -s 127.0.0.1'
		expect 0
		assert_unset || { printf 'the clock read %s.%s\n' "$second" "$tenth"; return 1; }
	done
	assert_not_logged
	# A clock that is behind runs on until the answer arrives.
	for after in -100.5 -1.9 -0.9 1.1 1.9 3.5 100.5; do
		at=$((second * 1000000000 + $(nanoseconds "$after")))
		step=$(($(nanoseconds 0.5) - $(nanoseconds "$after")))
		start=$(now_ms)
		clock_reads "$((at / 1000000000)).$(printf %09d $((at % 1000000000)))"
		ask 'rdate -su 127.0.0.1'
		expect 0
		equal "$(clock_get steps slews)" '1 0' "steps and slews of a clock off by $after s"
		# The step is to the middle of that second, at the time when the answer arrived.
		within "$(clock_get last_step_ns)" $((step - ($(now_ms) - start + 1) * 1000000)) $((step + 1000000)) 'step'
		assert_logged "$DAEMON_NOTICE" 'step: offset '
	done
}

# sleep_to TENTHS: sleeps until this machine's clock is TENTHS into a second
sleep_to() {
	local us=${EPOCHREALTIME#*.} wait
	wait=$((($1 * 100000 - 10#$us + 1000000) % 1000000))
	sleep "$(printf '0.%06d' "$wait")"
}

@test "an answer never makes a clock worse whose error bound the kernel has from an earlier set" {
	badsource tcp:37:good
	local round offset
	for round in 1 2; do
		# The clock was set: the kernel has a bound of half a second, and the true offset is a tenth.
		clock_new offset_ns=-12.345
		ask 'rdate -s 127.0.0.1'
		expect 0
		clock_set offset_ns=0.1
		# When the guest's second has changed and the source's has not, the answer says 0.05 to 1.05 s ahead.
		sleep_to 9
		sleep 0.02
		ask 'rdate -s 127.0.0.1'
		expect 0
		assert_bound
		# The intersection of both intervals is less than half a second, and far from the middle of the last
		# answer's interval.
		offset=$(clock_get offset_ns)
		within "$offset" -350000000 350000000 'true offset, 0.1 s before,'
	done
}

@test "a small offset is slewed, a larger one is stepped, and a right clock is left alone" {
	badsource sntp:123:good=0.05 sntp:124:good=-0.05 sntp:125:good=0.15 sntp:126:good=-0.15 sntp:127:good
	local slew
	clock_new
	ask 'rdate -sn 127.0.0.1'
	expect 0
	read -r -a slew <<<"$(clock_get steps slews last_slew_us)"
	equal "${slew[0]} ${slew[1]}" '0 1' 'steps and slews'
	within "${slew[2]}" 30000 70000 'slew, in microseconds'
	assert_logged "$DAEMON_NOTICE" 'slew: offset -0\.0'
	# Until the slew is complete, the clock is as wrong as before, and maxerror includes that.
	within "$(clock_get maxerror_us)" "${slew[2]}" 300000 maxerror
	clock_new
	ask 'rdate -sn -o 124 127.0.0.1'
	expect 0
	within "$(clock_get last_slew_us)" -70000 -30000 'slew, in microseconds'
	clock_new
	ask 'rdate -sn -o 125 127.0.0.1'
	expect 0
	assert_stepped +0.15 0.04
	clock_new
	ask 'rdate -sn -o 126 127.0.0.1'
	expect 0
	assert_stepped -0.15 0.04
	clock_new
	ask 'rdate -sn -o 127 127.0.0.1'
	expect 0
	assert_unset
	assert_bound
}

@test "rdate -a slews any offset that the kernel can slew, -b only offsets up to its argument" {
	badsource tcp:37:good
	clock_new offset_ns=-5.0
	ask 'rdate -sa 127.0.0.1'
	expect 0
	equal "$(clock_get steps slews)" '0 1' 'steps and slews'
	within "$(clock_get last_slew_us)" 4000000 6000000 'slew'
	assert_logged "$DAEMON_NOTICE" 'slew: offset -[0-9.]+ '
	assert_bound
	clock_new offset_ns=5.0
	ask 'rdate -s -b 10 127.0.0.1'
	expect 0
	equal "$(clock_get steps slews)" '0 1' 'steps and slews'
	within "$(clock_get last_slew_us)" -6000000 -4000000 'slew'
	clock_new offset_ns=5.0
	ask 'rdate -s -b2.5 127.0.0.1'
	expect 0
	assert_stepped -5.0 1.2
	clock_new offset_ns=-2000.0
	ask 'rdate -sa 127.0.0.1'
	expect 0
	within "$(clock_get last_slew_us)" 1998000000 2002000000 'slew'
	log_take
	# More than the kernel can slew: refused, not stepped unasked.
	clock_new offset_ns=-3000.0
	ask 'rdate -sa 127.0.0.1'
	refused 1 'refused: too-far-to-slew: '
	# Both leave a right clock alone.
	clock_new
	ask 'rdate -sa 127.0.0.1'
	expect 0
	ask 'rdate -s -b 0 127.0.0.1'
	expect 0
	assert_unset
}

# ------------------------------------------------------------------------------------- reports to the kernel

@test "after a set the kernel has the error bound, and the status synchronised" {
	badsource tcp:37:good sntp:123:good udp:38:delay=0.3
	local bound maxerror
	clock_new offset_ns=-5.0 status=65
	ask 'rdate -v 127.0.0.1'
	expect 0
	[[ $output =~ ', now '[+-][0-9.]+' +- '([0-9]+)\.([0-9]{9})' s'$ ]] || { shown; return 1; }
	bound=$((10#${BASH_REMATCH[1]}${BASH_REMATCH[2]}))
	# The answer is a whole second: half of it either way, and the round-trip delay.
	within "$bound" 500000000 1000000000 bound
	assert_bound
	maxerror=$(clock_get maxerror_us)
	# Rounded up, and with the duration of the step itself.
	within $((maxerror * 1000)) "$bound" $((bound + 20000000)) maxerror
	# Other bits of the kernel's status stay as they are.
	equal "$(clock_get status)" 1 'kernel status bits'
	clock_new offset_ns=-5.0
	ask 'rdate -su -o 38 127.0.0.1'
	expect 0
	within "$(clock_get maxerror_us)" 650000 1300000 maxerror
	assert_bound
	clock_new offset_ns=-5.0
	ask 'rdate -n -v 127.0.0.1'
	expect 0
	assert_bound
	# The server's own error counts: 1 ms here.
	within "$(clock_get maxerror_us)" 1000 300000 maxerror
	# For a right clock the bound is set too: without a set, the kernel would consider it unsynchronised for ever.
	clock_new
	ask 'rdate -s 127.0.0.1'
	expect 0
	equal "$(clock_get steps slews tells)" '0 0 1' 'steps, slews and tells'
	assert_bound
	within "$(clock_get maxerror_us)" 500000 1100000 maxerror
	# A better bound in the kernel is not replaced by a worse one.
	clock_set maxerror_us=3000 esterror_us="$(clock_get esterror_us)" tells=0
	ask 'rdate -s 127.0.0.1'
	expect 0
	assert_untouched
}

@test "a clock that another time service keeps is left alone below an offset of one second, and set above" {
	badsource sntp:123:good tcp:37:good
	clock_new offset_ns=-0.7 status=0 maxerror_us=5000 esterror_us=1000
	ask 'rdate -nv 127.0.0.1'
	expect 0
	[[ $output =~ 'other-service' ]] || { shown; return 1; }
	assert_untouched
	clock_new offset_ns=0.7 status=0 maxerror_us=5000 esterror_us=1000
	ask 'rdate -sn 127.0.0.1'
	expect 0
	assert_untouched
	clock_new offset_ns=-1.3 status=0 maxerror_us=5000 esterror_us=1000
	ask 'rdate -sn 127.0.0.1'
	expect 0
	assert_stepped +1.3 0.2
	assert_bound
	# Our own bound does not count as another service's.
	clock_set offset_ns=-0.7
	ask 'rdate -sn 127.0.0.1'
	expect 0
	equal "$(clock_get steps)" 2 steps
	# A right clock that another service keeps: no report to the kernel either.
	clock_new status=0 maxerror_us=5000 esterror_us=1000
	ask 'rdate -s 127.0.0.1'
	expect 0
	assert_untouched
}

@test "rdate sets the clock on a kernel without ADJ_SETOFFSET" {
	badsource tcp:37:good sntp:123:good
	clock_new offset_ns=-1234.5 no_setoffset=1
	ask 'rdate -sn 127.0.0.1'
	expect 0
	assert_stepped +1234.5 0.2
	assert_bound
	clock_new offset_ns=1234.5 no_setoffset=1
	ask 'rdate -s 127.0.0.1'
	expect 0
	assert_stepped -1234.5 1.2
	assert_bound
}

@test "rdate fails when the kernel refuses a step or slew, or another program undoes it" {
	badsource tcp:37:good
	clock_new offset_ns=-100.0 undone=1
	ask 'rdate 127.0.0.1'
	expect 111 'the clock was stepped by \+(99|100)\.[0-9]+ s and did not stay there: .*another program'
	equal "$output" '' 'standard output'
	assert_logged "$DAEMON_ERR" 'did not stay there'
	equal "$(clock_get steps tells)" '1 0' 'steps and tells'
	clock_new offset_ns=-100.0 errno=1
	ask 'rdate 127.0.0.1'
	refused 111 'cannot step the clock by \+[0-9.]+ s: Operation not permitted$'
	ask 'rdate -a 127.0.0.1'
	refused 111 'cannot slew the clock by \+[0-9.]+ s: Operation not permitted$'
	# If the kernel refuses the report, the clock is right all the same.
	clock_new offset_ns=-100.0 tell_errno=1
	ask 'rdate -s 127.0.0.1'
	expect 0
	assert_stepped +100.0 1.2
	log_take
	[[ ${logged[*]} == *'step: offset '* && ${logged[*]} == *"cannot set the kernel's error bound: Operation not permitted"* ]]
}

# -------------------------------------------------------------------------------------- compatible with rdate

# debian_rdate WORDS...: prints what Debian's rdate prints, in the sandbox
debian_rdate() { "${ENTER[@]}" --mount rdate "$@"; }

# zone: prints a zone file (RFC 8536, version 1) with one type: 5:30 h east, IST.  Not every machine has zone files.
zone() {
	printf TZif
	head -c 32 /dev/zero
	printf '\0\0\0\1\0\0\0\4\0\0\115\130\0\0IST\0'
}

# same_date GUEST-WORDS RDATE-WORDS: both print the same line.  Repeats if a second ended between the two.
same_date() {
	local theirs before
	for _ in 1 2 3 4 5; do
		before=$EPOCHSECONDS
		# shellcheck disable=SC2086
		theirs=$(debian_rdate $2) || { printf 'rdate %s failed: %s\n' "$2" "$theirs"; return 1; }
		# shellcheck disable=SC2086
		set_by_hand -- rdate $1
		expect 0 || return 1
		[ "$EPOCHSECONDS" -ne "$before" ] || break
	done
	equal "$output" "$theirs" "rdate $1"
}

@test "rdate prints the same lines as Debian's rdate" {
	requires rdate "$IN_TIMED"
	badsource "tcp:37:exec=$IN_TIMED,-i,60" "udp:37:exec=$IN_TIMED,-i,60"
	same_date '-p 127.0.0.1' '-p 127.0.0.1'
	[[ $output =~ ^[A-Z][a-z]{2}\ [A-Z][a-z]{2}\ [\ 0-9][0-9]\ [0-9:]{8}\ UTC\ 20[0-9]{2}$ ]] || { shown; return 1; }
	same_date '-pu 127.0.0.1' '-pu 127.0.0.1'
	same_date '-p4 localhost' '-p4 localhost'
	same_date '-p6 localhost' '-p6 localhost'
	same_date '-ps 127.0.0.1' '-ps 127.0.0.1'
	equal "$output" '' 'with -s'
	same_date '-po 37 127.0.0.1' '-po 37 127.0.0.1'
	TZ=XST-5:30 same_date '-p 127.0.0.1' '-p 127.0.0.1'
	[[ $output == *' XST '* ]] || { shown; return 1; }
	assert_untouched
	assert_not_logged
	# Over ssh the zone is the guest's, whatever the client's is.
	rm -f "$ETC/localtime"
	zone >"$ETC/localtime"
	TZ=XST-9 ask 'rdate -p 127.0.0.1'
	expect 0
	[[ $output == *' IST 20'* ]] || { shown; return 1; }
}

@test "each option of rdate has its effect, alone and combined" {
	badsource tcp:37:good udp:37:good sntp:123:good tcp:1037:good=100 udp:2037:silent
	# Sets and prints; sets and is silent; prints only.
	clock_new offset_ns=-100.0
	ask 'rdate 127.0.0.1'
	expect 0
	equal "$(date -ud "$output" +%F)" "$(date -u +%F)" 'date printed'
	assert_stepped +100.0 1.2
	clock_new offset_ns=-100.0
	ask 'rdate -s 127.0.0.1'
	expect 0
	equal "$output" '' 'standard output'
	assert_stepped +100.0 1.2
	clock_new offset_ns=-100.0
	ask 'rdate -p 127.0.0.1'
	expect 0
	equal "$(date -ud "$output" +%F)" "$(date -u +%F)" 'date printed'
	assert_untouched
	# -v: prints the offset and what was done.
	ask 'rdate -pv 127.0.0.1'
	expect 0
	[[ $output =~ $'\n''127.0.0.1: offset -'(99|100)\.[0-9]{9}' +- 0.'[0-9]{9}' s'$ ]] || { shown; return 1; }
	assert_untouched
	ask 'rdate -v 127.0.0.1'
	expect 0
	[[ $output =~ $'\n''127.0.0.1: offset -'(99|100)\.[0-9]{9}' s, step, now '[+-]0\.0[0-9]{8}' +- 0.'[0-9]{9}' s'$ ]] ||
		{ shown; return 1; }
	# -u, -n, -o select the service.
	for words in '-u' '-n' '-un'; do
		clock_new offset_ns=-100.0
		ask "rdate -s $words 127.0.0.1"
		expect 0
		assert_stepped +100.0 1.2
	done
	clock_new
	ask 'rdate -s -o 1037 127.0.0.1'
	expect 0
	assert_stepped +100.0 1.2
	ask 'rdate -s -u -t250 -o 2037 127.0.0.1'
	expect 111 'port 2037: no answer in time'
	# -4, -6 select the address family.
	set_by_hand -- rdate -pv -4 localhost
	expect 0
	[[ $output == *$'\n127.0.0.1: offset '* ]] || { shown; return 1; }
	set_by_hand -- rdate -pv6 localhost
	expect 0
	[[ $output == *$'\n::1: offset '* ]] || { shown; return 1; }
	# Combined, as users write them.
	clock_new offset_ns=-100.0
	ask 'rdate -4ansuv -t 2000 -o123 127.0.0.1'
	expect 0
	equal "$(clock_get steps slews)" '0 1' 'steps and slews'
}

@test "rdate -e sets the clock at the edge of a second, with an error bound below 0.27 s" {
	badsource udp:37:good
	clock_new offset_ns=-12.345
	ask 'rdate -ev 127.0.0.1'
	expect 0
	assert_stepped +12.345 0.1
	# The bound contains the true offset, and is far better than a second.
	assert_bound
	at_most "$(clock_get maxerror_us)" 270000 'maxerror'
	at_most "$took" 11500 'milliseconds'
}

@test "--edge with rdate -t uses the samples that there was time for, and ends within the limit" {
	badsource udp:37:good
	clock_new offset_ns=-1.5
	# The administrator may ask for it as well.
	ask 'rdate -s -t 4000 127.0.0.1' --edge
	expect 0
	assert_stepped +1.5 0.1
	assert_bound
	at_most "$(clock_get maxerror_us)" 270000 'maxerror'
	at_most "$took" 4800 'milliseconds'
}

@test "rdate sets the clock from in.timed over TCP and UDP, and reports when in.timed denies it" {
	requires "$IN_TIMED"
	badsource "tcp:37:exec=$IN_TIMED,-i,60" "udp:37:exec=$IN_TIMED,-i,60"
	local words
	for words in -s -su '-s -6' ; do
		clock_new offset_ns=-1000000.0
		set_by_hand -- rdate ${words:+$words} localhost
		expect 0
		assert_stepped +1000000.0 1.2
		assert_bound
	done
	hosts_deny 'in.timed: ALL'
	log_take
	clock_new
	sleep 1.1
	ask 'rdate -s 127.0.0.1'
	expect 111 'closed without an answer: its hosts\.allow denies this machine, or it has no time to give$'
	assert_untouched
}

# --------------------------------------------------------------------------------------------------- rfc868

# push PRINTF-FORMAT [LIMITS...]: sends rfc868 with that on standard input, which then ends
push() {
	# shellcheck disable=SC2059
	printf "$1" >"$WORK/push"
	shift
	ask rfc868 "$@" <"$WORK/push"
}

# octets UNIX-SECONDS: prints it as a format for printf
octets() {
	local n
	n=$(wire "$1")
	printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((n >> 24)) $((n >> 16 & 255)) $((n >> 8 & 255)) $((n & 255))
}

@test "rfc868 takes exactly four octets from standard input, within the limits of every request" {
	local now count
	now=$(octets "$EPOCHSECONDS")
	clock_new offset_ns=-1000.0
	push ''
	refused 100 'refused: rfc868: 0 octets on standard input: expected 4$'
	for count in 1 2 3; do
		push "${now:0:$((4 * count))}"
		refused 100 "refused: rfc868: $count octets? on standard input: expected 4$"
	done
	push "${now}x"
	refused 100 'refused: rfc868: more than 4 octets on standard input: expected 4$'
	push "$now\\n"
	refused 100 'refused: rfc868: more than 4 octets on standard input: expected 4$'
	push "$now$now"
	refused 100 'refused: rfc868: more than 4 octets on standard input: expected 4$'
	push "$(octets "$EPOCHSECONDS")"
	expect 0
	equal "$output" '' 'standard output'
	assert_stepped +1000.0 2.0
	assert_logged "$DAEMON_NOTICE" 'request "rfc868": step: offset -[0-9.]+ \+- 1\.0+ s'
	assert_bound
	# The limits of every request apply.
	clock_new offset_ns=-1000.0
	push "$(octets "$EPOCHSECONDS")" --max-step 900
	refused 1 'refused: too-far: '
	push "$(octets "$(unix 2026-10-31)")"
	refused 1 'refused: before-floor: '
	push "$(octets "$(unix 2030-01-01)")" --not-after 2030-01-01
	refused 1 'refused: after-ceiling: '
	push '\xff\xff\xff\xff'
	expect 0
	assert_reads "$(unix 2036-02-07T06:28:15)"
	clock_reads 0
	push '\0\0\0\0'
	expect 0
	assert_reads "$(unix 2036-02-07T06:28:16)"
}

@test "rfc868 with in.timed's output leaves a right clock alone and steps a wrong one" {
	requires "$IN_TIMED"
	local round
	for ((round = 0; round < 10; round++)); do
		clock_new
		ask rfc868 < <("$IN_TIMED" </dev/null)
		expect 0
		assert_unset
		sleep 0.09
	done
	clock_new offset_ns=-600000000.0
	ask rfc868 < <("$IN_TIMED" </dev/null)
	expect 0
	assert_stepped +600000000.0 1.3
	assert_bound
}

# feed NAME: $FEED is a standard input that stays open: descriptor 8 of this shell holds the other end.
feed() {
	FEED=$WORK/feed.$1
	mkfifo "$FEED"
	exec 8<>"$FEED"
}

# started NAME COMMAND [LIMITS...]: asks as ask does, in the background, with $FEED as standard input and $OUT, if set,
# as standard output.  It inherits none of this shell's pipe ends.
started() {
	local name=$1 command=$2
	shift 2
	export SSH_CONNECTION='127.0.0.1 40022 127.0.0.1 22' SSH_ORIGINAL_COMMAND=$command
	REDIRECT="<$FEED ${OUT:+>$OUT}" background "$name" enclosed "$GUESTCLOCK_SET" "$@" --any-port 7<&- 8<&-
	unset SSH_CONNECTION SSH_ORIGINAL_COMMAND
}

# ended NAME STATUS SECONDS: it ends within SECONDS, with STATUS
ended() {
	local pid was=0
	pid=$(pid_of "$1")
	wait_for "$3" not running "$pid" || return 1
	wait "$pid" || was=$?
	equal "$was" "$2" "status of $1" || { cat "$WORK/$1.out"; return 1; }
}

@test "rfc868 needs no end of standard input, and fails after 10 s without four octets" {
	local start
	clock_new offset_ns=-1000.0
	# Four octets, and still open: that is enough.
	feed four
	# shellcheck disable=SC2059
	printf "$(octets "$EPOCHSECONDS")" >&8
	started four rfc868
	ended four 0 4
	assert_stepped +1000.0 2.5
	log_take
	clock_new
	# Nothing, or two octets, and still open: it ends by itself.  If the client closes, it ends at once.
	start=$(now_ms)
	feed two
	printf 'ab' >&8
	started two rfc868
	wait_for 8 waits
	# Meanwhile it does not block other requests.
	clock_new offset_ns=-1000.0
	badsource tcp:37:good
	ask 'rdate -s 127.0.0.1'
	expect 0
	assert_logged "$DAEMON_NOTICE" 'step: offset'
	clock_new
	wait_for 18 not alive two
	within $(($(now_ms) - start)) 9000 17000 'milliseconds'
	ended two 111 4
	grep -q '^guestclock-set: rfc868: 2 octets on standard input in 10 s: expected 4$' "$WORK/two.out"
	assert_logged "$DAEMON_ERR" '2 octets on standard input in 10 s: expected 4'
	feed one
	printf 'a' >&8
	started one rfc868
	wait_for 8 waits
	sleep 0.3
	exec 8>&-
	ended one 100 4
	grep -q '^guestclock-set: refused: rfc868: 1 octet on standard input: expected 4$' "$WORK/one.out"
	assert_logged "$AUTH_WARNING" '1 octet on standard input: expected 4'
	assert_untouched
	no_processes
}

# waits: a request has entered its filter, which it does just before it reads
waits() { grep -q '^Seccomp:[[:space:]]*2$' "/proc/$(sandbox_pids guestclock-set | head -n 1)/status"; }

# lock_free: no process holds the lock.  Reads /proc/locks, because taking the lock could make another request fail.
lock_free() {
	local device file
	device=$("${ENTER[@]}" --mount stat -c '%Hd %Ld %i' /run/guestclock/lock) || return 1
	# shellcheck disable=SC2086 # three words
	printf -v file '%02x:%02x:%s' $device
	not grep -q "FLOCK.* $file " /proc/locks
}

@test "rfc868 accepts four octets that arrive one by one" {
	local now
	clock_new offset_ns=-1000.0
	feed slowly
	started slowly rfc868
	wait_for 8 waits
	now=$(octets "$EPOCHSECONDS")
	for at in 0 4 8 12; do
		# shellcheck disable=SC2059
		printf "${now:at:4}" >&8
		sleep 0.1
	done
	ended slowly 0 4
	assert_stepped +1000.0 2.5
}

# ------------------------------------------------------------------------------------- when the client has gone

# two_processes: guestclock-set and its process that asks the source
two_processes() { [ "$(sandbox_pids guestclock-set | wc -l)" -eq 2 ]; }

@test "a request to a silent source ends at once when nobody reads its output any more" {
	badsource tcp:37:silent udp:37:silent
	local words
	OUT=$WORK/out
	mkfifo "$OUT"
	for words in '' -u; do
		exec 7<>"$OUT"
		feed "output$words"
		started output "rdate $words -t 60000 127.0.0.1"
		wait_for 8 two_processes
		sleep 0.1
		alive output
		exec 7<&-
		ended output 111 4
		grep -q '^guestclock-set: the ssh client disconnected before 127\.0\.0\.1 answered$' "$WORK/output.out"
		assert_logged "$DAEMON_ERR" 'the ssh client disconnected before 127\.0\.0\.1 answered'
		no_processes
	done
	assert_untouched
}

@test "end of standard input ends a request only if it comes later than two seconds after the start" {
	badsource tcp:37:silent tcp:38:delay=2.6
	local start
	start=$(now_ms)
	# Closed from the start, as under cron; closed within two seconds; open, with typed input.
	FEED=/dev/null
	started null 'rdate -p -o 38 127.0.0.1'
	feed early
	started early 'rdate -p -o 38 127.0.0.1'
	sleep 0.5
	exec 8>&-
	feed late
	head -c 100000 /dev/zero >&8 &
	started late 'rdate -t 60000 127.0.0.1'
	ended null 0 10
	ended early 0 4
	grep -q ' 20[0-9][0-9]$' "$WORK/null.out"
	grep -q ' 20[0-9][0-9]$' "$WORK/early.out"
	within $(($(now_ms) - start)) 2600 12000 'milliseconds'
	alive late
	assert_not_logged
	exec 8>&-
	ended late 111 4
	grep -q '^guestclock-set: the ssh client disconnected before 127\.0\.0\.1 answered$' "$WORK/late.out"
	assert_logged "$DAEMON_ERR" 'the ssh client disconnected before 127\.0\.0\.1 answered'
	assert_untouched
	no_processes
}

# setter, asker: print the pids of the process that sets the clock and of the one that asks the source
setter() { ps -o ppid= -p "$(asker)" | tr -d ' '; }
asker() {
	local pid
	for pid in $(sandbox_pids guestclock-set); do
		[ -n "$(ps -o pid= --ppid "$pid")" ] || printf '%s\n' "$pid"
	done
}

@test "a signal to the setting process ends both processes, and neither holds the lock" {
	badsource tcp:37:silent
	local signal
	for signal in TERM HUP INT KILL; do
		feed "$signal"
		started killed 'rdate -t 60000 127.0.0.1'
		wait_for 8 two_processes
		lock_free
		kill -s "$signal" "$(setter)"
		wait_for 2 no_processes
		lock_free
		exec 8>&-
		stop killed
	done
	# If the process that asks is killed, because memory is short or by its own filter, that is a failure, and is
	# reported.
	feed asker
	started killed 'rdate -t 60000 127.0.0.1'
	wait_for 8 two_processes
	kill -s KILL "$(asker)"
	ended killed 111 4
	grep -q '^guestclock-set: the process that asks 127\.0\.0\.1 ended without a valid answer$' "$WORK/killed.out"
	assert_logged "$DAEMON_ERR" 'the process that asks 127\.0\.0\.1 ended without a valid answer'
	assert_untouched
}
