#!/usr/bin/env bats
# The grammar of rdate, compared with Debian's own: both accept the same requests and print the same, except as the
# table here lists.  rdate runs only with -p, and in a user namespace, where the kernel lets nobody set the clock.

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/set

setup_file() { set_setup_file; }

setup() {
	common_setup
	requires rdate
	set_start
}

teardown() { common_teardown; }

# Who refuses, which forms (as getopt reads them: each option and argument apart), and why.
differences() {
	sed '/^#/d; s/  *| /\t/g' <<-'END'
		# option by option
		ours   | (^| )-c                                     | -c: the system clock counts as POSIX does, without leap seconds
		theirs | (^| )-e                                     | -e: sampling the edge of the second is guestclock-set's own
		# strict: guestclock-set does not guess what is meant
		ours   | (^| )(-[46acnpsuvbot])(?= ).* \2(?= )       | an option is given once
		ours   | ^(?=.*-4 )(?=.*-6 )                         | -4 and -6 contradict each other
		ours   | ^(?=.*-a )(?=.*-b )                         | -a and -b contradict each other
		# an argument is a number in its range, whole and in plain digits
		ours   | -b (?!\d{1,10}(\.\d{1,9})?( |$))            | -b: seconds, with up to nine decimals
		ours   | -b 0*(2146|2145\.5|99999999999)             | -b: what the kernel slews at most
		ours   | -o (?!\d{1,10}( |$))                        | -o: a port by number
		ours   | -o (0|65536|65573|0+)( |$)                  | -o: 1 to 65535
		ours   | -t (?!\d{1,10}( |$))                        | -t: milliseconds
		ours   | -t (0|600001|9999999999)( |$)               | -t: 1 to 600000
		ours   | (^| )[^ -]\S* -\S*$                         | options come before HOST
		# HOST is a name or an address as inet_pton(3) has it
		ours   | (127\.1|2130706433|0x7f000001|0177\.0\.0\.1)$ | addresses in octal, in hexadecimal or cut short
	END
}

@test "guestclock-set accepts, refuses and prints each form of rdate as Debian's rdate does, except for listed differences" {
	local wire=0xee9bb0de
	badsource tcp:37:fixed=$wire udp:37:fixed=$wire tcp:1037:fixed=$wire udp:1037:fixed=$wire \
		sntp:123:fixed=$wire sntp:1123:fixed=$wire
	differences >"$WORK/table"
	PRELOAD=$FAKE_CLOCK_SO FAKE_CLOCK=$CLOCK run_cmd no_clock timeout 120 "${ENTER[@]}" --mount "$PYTHON" -I -S \
		"$TOP/tests/lib/rdategrammar.py" "$(PATH=$PATH:/usr/sbin:/sbin command -v rdate)" "$GUESTCLOCK_SET" <"$WORK/table"
	printf '# %s\n' "${output##*$'\n'}" >&3
	# Enough forms were tried, and nothing touched the clock.
	[[ $output =~ ([0-9]+)\ forms:\ ([0-9]+)\ accepted\ by\ both ]]
	((BASH_REMATCH[1] >= 600 && BASH_REMATCH[2] >= 250))
	assert_untouched
}
