# Requests to guestclock-set.  It answers each that it must refuse with one line, one status and one syslog entry, and
# does not touch the clock.  Each test has its own sandbox and clock (tests/lib/set.bash).

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it
# shellcheck disable=SC2034 # BEFORE and REDIRECT are for set_by_hand
# shellcheck disable=SC2154 # errors and logged come from tests/lib/set.bash
# shellcheck disable=SC2016 # what stands in single quotes is for another shell, or for none

load ../lib/common
load ../lib/set

# The client, unless the test is about the client.
CLIENT=127.0.0.1

setup_file() { set_setup_file; }

setup() {
	common_setup
	set_start
}

teardown() { common_teardown; }

# ask COMMAND [LIMITS...]: sends COMMAND over ssh, from $CLIENT
ask() { set_by_ssh_env "$CLIENT" "$@"; }

# bad COMMAND REGEX: checks that a bad request gets status 100
bad() {
	ask "$1"
	refused 100 "$2" || { printf 'request: %q\n' "${1:0:300}"; return 1; }
}

# fill COUNT TEXT: prints TEXT, COUNT times
fill() {
	local text
	printf -v text '%*s' "$1" ''
	printf '%s' "${text// /$2}"
}

# ----------------------------------------------------------------------------------------------- bad requests

@test "an empty request is refused unless --default replaces it" {
	ask ''
	refused 100 'refused: empty request, .*--default.*expected rdate, rfc868.* or exchange$'
	bad ' ' 'refused: empty request'
	# The same by hand, with and without the dashes that end the options.
	set_by_hand
	refused 100 'refused: empty request'
	set_by_hand --
	refused 100 'refused: empty request'
}

@test "an unknown request is refused, even if it names a program or an option of guestclock-set" {
	bad date 'refused: unknown request "date": expected rdate, rfc868.* or exchange$'
	bad 'RDATE 127.0.0.1' 'unknown request "RDATE"'
	bad rdatex 'unknown request "rdatex"'
	bad 'rdat e' 'unknown request "rdat"'
	bad '-s' 'unknown request "-s"'
	bad '--' 'unknown request "--"'
	bad '--help' 'unknown request "--help"'
	bad 'sh -c id' 'unknown request "sh"'
	bad '/usr/sbin/rdate 127.0.0.1' 'unknown request "/usr/sbin/rdate"'
	bad '/usr/lib/openssh/sftp-server' 'unknown request "/usr/lib/openssh/sftp-server"'
	bad 'internal-sftp' 'unknown request "internal-sftp"'
	bad 'scp -t /' 'unknown request "scp"'
	# Options of guestclock-set itself come from the administrator, never from the client.
	bad '--not-before 1970-01-01 rdate 127.0.0.1' 'unknown request "--not-before"'
}

@test "rdate is refused without HOST, with two HOSTs, with an unknown option and with an invalid HOST" {
	local usage='expected rdate \[-46aenpsuv\] \[-b sec\] \[-o port\] \[-t msec\] HOST$' name
	bad rdate "refused: no HOST in \"rdate\": $usage"
	bad 'rdate -s' "no HOST in \"rdate\": $usage"
	bad 'rdate -s --' 'no HOST'
	bad 'rdate 127.0.0.1 127.0.0.2' "unexpected word \"127.0.0.2\": $usage"
	bad 'rdate 127.0.0.1 -s' "unexpected word \"-s\": $usage"
	# A word that another program would read as an option is no option here.
	bad 'rdate -- -s' 'HOST "-s": expected a host name or an address$'
	bad 'rdate -- -oProxyCommand=id' 'HOST "-oProxyCommand=id": expected a host name or an address$'
	bad 'rdate -' 'HOST "-": expected a host name or an address$'
	bad 'rdate -x 127.0.0.1' 'unknown option in "-x": expected rdate'
	bad 'rdate -a.b' 'unknown option in "-.": expected rdate'
	bad 'rdate --version' 'unknown option in "--": expected rdate'
	for name in 'a;id' 'a|id' '$(id)' '`id`' 'a&b' 'a>b' '*' '~root' "a'b" 'a"b' 'a\b' 'a/b' '../a' 'a,b' 'a@b' \
		'a=b' '.' '..' '.a' 'a..b' 'a-.b' 'a.-b' '127.1' '0x7f000001' '2130706433' '127.0.0.256' \
		'127.0.0.1:37' '[::1]' '::1::' 'fe80::1%' 'fe80::1%a;b' '::1%lo' "$(fill 64 a)" "$(fill 128 a.)"; do
		ask "rdate -p $name"
		refused 100 '(HOST|request).*: expected ' || { printf 'HOST: %s\n' "$name"; return 1; }
	done
}

@test "guestclock-set refuses requests with shell syntax and runs no shell" {
	local word
	touch "$WORK/witness"
	for word in "; rm $WORK/witness" "&& rm $WORK/witness" "| rm $WORK/witness" "\$(rm $WORK/witness)" \
		"\`rm $WORK/witness\`" ">$WORK/witness"; do
		ask "rdate -p 127.0.0.1 $word"
		refused 100 ': expected ' || { printf 'request: rdate -p 127.0.0.1 %s\n' "$word"; return 1; }
	done
	[ -e "$WORK/witness" ]
	[ ! -s "$WORK/witness" ]
}

@test "a request with control or non-ASCII octets is refused, and printed and logged with ? in their place" {
	local octet text
	bad $'rdate -p\t127.0.0.1' 'refused: request "rdate -p\?127.0.0.1": expected printable ASCII$'
	bad $'rdate -p 127.0.0.1\n' 'request "rdate -p 127.0.0.1\?": expected printable ASCII$'
	bad $'status\nrdate 127.0.0.1' 'request "status\?rdate 127.0.0.1": expected printable ASCII$'
	bad $'rdate -p 127.0.0.1\r' 'expected printable ASCII$'
	bad $'\e[2Jstatus' 'request "\?\[2Jstatus": expected printable ASCII$'
	bad $'status\x7f' 'request "status\?": expected printable ASCII$'
	for octet in 80 9b a0 c3 ff; do
		printf -v text '%b' "rdate -p host\\x$octet"
		bad "$text" 'request "rdate -p host\?": expected printable ASCII$'
	done
	bad 'rdate -p münchen.example' 'request "rdate -p m\?\?nchen.example": expected printable ASCII$'
	# They do not reach the log either.
	ask $'status\n<0>forged\e]0;title\a'
	expect 100 'expected printable ASCII'
	assert_logged "$AUTH_WARNING" 'request "status\?<0>forged\?\]0;title\?": request'
	# Nor can a request end its quotes in the log, or move what follows out of sight.
	ask 'x": step by +1.000000000 s, as the host ordered'
	expect 100 'unknown request'
	assert_logged "$AUTH_WARNING" 'request "x\?: step by \+1\.000000000 s, as the host ordered": unknown request'
	ask "status$(fill 120 ' ')z"
	expect 100 'unexpected word'
	assert_logged "$AUTH_WARNING" 'request "status z": unexpected word'
}

@test "a request of 255 octets is accepted, and a longer one is refused" {
	local long
	# The longest HOST that a request has room for: 246 octets, each label of 63 at most.
	long="$(fill 60 a).$(fill 60 b).$(fill 60 c).$(fill 60 d)"
	long="rdate -p $long.xy"
	equal ${#long} 255 'length of the request'
	ask "$long" --host "${long#rdate -p }"
	refused 111 'time source a{60}.*no address'
	bad "${long}z" 'refused: request of 256 octets: expected at most 255$'
	bad "status$(fill 250 ' ')" 'request of 256 octets: expected at most 255$'
	bad "$(fill 65536 x)" 'refused: request of 65536 octets: expected at most 255$'
	bad "rdate -p $(fill 65527 a)" 'request of 65536 octets: expected at most 255$'
	# The same by hand, in one word or in many.
	set_by_hand -- "${long}z"
	refused 100 'request of 256 octets: expected at most 255$'
	set_by_hand -- rdate -p "$(fill 65527 a)"
	refused 100 'request of [0-9]+ octets: expected at most 255$'
	bad "rdate $(fill 60 '-s ')127.0.0.1" 'refused: (request|option given twice)'
}

@test "rdate refuses an option that is given twice, options that exclude each other, and -c" {
	local option
	for option in a e n p s u v 4 6; do
		bad "rdate -$option -$option 127.0.0.1" "option given twice in \"-$option\": expected each option once$"
		bad "rdate -$option$option 127.0.0.1" "option given twice in \"-$option$option\": expected each option once$"
	done
	bad 'rdate -o 37 -o 37 127.0.0.1' 'option given twice in "-o": expected each option once$'
	bad 'rdate -t 99 -pt99 127.0.0.1' 'option given twice in "-pt99": expected each option once$'
	bad 'rdate -b 1 -b2 127.0.0.1' 'option given twice in "-b2": expected each option once$'
	bad 'rdate -4 -6 127.0.0.1' '"-4 -6": expected one of them$'
	bad 'rdate -64 127.0.0.1' '"-4 -6": expected one of them$'
	bad 'rdate -a -b 1 127.0.0.1' '"-a -b": expected one of them$'
	bad 'rdate -n -e 127.0.0.1' '"-n -e": expected one of them'
	bad 'rdate -c 127.0.0.1' '"-c": expected no leap-second correction'
}

@test "rdate refuses -o, -t and -b without a number or with one out of range" {
	local value
	for value in 0 65536 37x x37 -1 +37 0x25 3.7 99999999999999999999 ''; do
		bad "rdate -o$value 127.0.0.1" 'rdate -o "[^"]*": expected a port from 1 to 65535$' ||
			[ -z "$value" ]		# without a value, HOST is read as the port, see below
	done
	bad 'rdate -o 0 127.0.0.1' 'rdate -o "0": expected a port from 1 to 65535$'
	bad 'rdate -o 65536 127.0.0.1' 'rdate -o "65536": expected a port from 1 to 65535$'
	bad 'rdate -o 37x 127.0.0.1' 'rdate -o "37x": expected a port from 1 to 65535$'
	bad 'rdate -o 127.0.0.1' 'rdate -o "127.0.0.1": expected a port from 1 to 65535$'
	for value in -1 0 600001 1e3 nan 1.5 10s; do
		bad "rdate -t $value 127.0.0.1" "rdate -t \"$value\": expected milliseconds from 1 to 600000$"
	done
	for value in nan inf -1 +1 1e3 0x1 .5 5. 2145.1 2146 1,5 1.0000000001; do
		bad "rdate -b $value 127.0.0.1" "rdate -b \"$(literally "$value")\": expected seconds from 0 to 2145$"
	done
	for value in -o -t -b; do
		bad "rdate $value" "option without its argument, \"$value\": expected rdate"
		bad "rdate -s$value" 'refused: '
	done
}

@test "rfc868 and status refuse any argument" {
	bad 'rfc868 127.0.0.1' 'refused: unexpected word "127.0.0.1": expected nothing after the request$'
	bad 'rfc868 -s' 'unexpected word "-s": expected nothing after the request$'
	bad 'status all' 'unexpected word "all": expected nothing after the request$'
}

# ---------------------------------------------------------------------------------- limits: the forced command

# limit OPTION RIGHT WRONG...: status succeeds with OPTION RIGHT; each WRONG is refused in a message that names OPTION.
limit() {
	local option=$1 right=$2 wrong
	shift 2
	for wrong in "$@"; do
		ask status "$option" "$wrong"
		refused 100 "refused: $option \"$(literally "${wrong:0:40}")[^\"]*\": expected " ||
			{ printf 'value: %s\n' "$wrong"; return 1; }
	done
	ask status "$option=$wrong"
	refused 100 "refused: $option \"$(literally "${wrong:0:40}")[^\"]*\": expected " || return 1
	ask status "$option"
	refused 100 "refused: no value for \"$option\": expected guestclock-set "
	ask status "$option" "$right"
	expect 0
}

@test "--not-before and --not-after accept dates from 1970 to 2261 and refuse anything else" {
	limit --not-before 2026-11-02 2026-11-31 2026-1-1 '2026-11-02 00:00:00' 1969-12-31 2262-01-01 tomorrow \
		1793491200 2026-11-02T00:00:00 2026-11-02T24:00:00Z 2027-02-29 '' -5
	[[ $output == *$'\nnot-before 2026-11-02T00:00:00Z\n'* ]] || { shown; return 1; }
	limit --not-after 2040-02-29T23:59:59Z 2041-02-29 2040-13-01 0000-00-00 2040-00-01 never '' 99999-01-01
}

@test "--not-after must be later than --not-before, by at most 136 years" {
	ask status --not-before 2027-03-04T05:06:07Z --not-after 2040-02-29T23:59:59Z
	expect 0
	[[ $output == *$'\nnot-before 2027-03-04T05:06:07Z\nnot-after 2040-02-29T23:59:59Z\n'* ]] || { shown; return 1; }
	ask status --not-before 2030-01-01 --not-after 2030-01-01
	refused 100 'refused: --not-after is not later than --not-before: expected up to 136 years between them$'
	ask status --not-before 2030-01-01 --not-after 2029-01-01
	refused 100 'refused: --not-after is not later than --not-before'
	ask status --not-after 2026-10-31
	refused 100 'refused: --not-after is not later than --not-before'
	ask status --not-before 2100-01-01
	refused 100 'refused: --not-after is not later than --not-before'
	ask status --not-before 1970-01-01 --not-after 2106-02-07T06:28:16Z
	refused 100 'refused: --not-after is too long after --not-before: expected up to 136 years between them$'
	ask status --not-before 1970-01-01 --not-after 2106-02-07T06:28:15Z
	expect 0
}

@test "--max-step, --max-back and --max-delay accept plain seconds and refuse anything else" {
	local option
	for option in --max-step --max-back --max-delay; do
		limit "$option" 30.5 -1 1e3 nan 5s '' 0x10 .5 5. 10,5 99999999999
		ask status "$option" 30.5
		[[ $output == *$'\n'"${option#--}"$' 30.500000000\n'* ]] || { shown; return 1; }
	done
	ask status --max-delay 600.1
	refused 100 'refused: --max-delay "600.1": expected seconds as 30 or 0.5, up to 600$'
	ask status --max-delay 600
	expect 0
}

@test "--allow names the requests that are accepted, and any other is refused" {
	limit --allow rfc868,status '' rdate, ,rdate rdate,rdate 'rdate rfc868' RDATE all shell rdate,exchangeandsomemore
	ask status --allow status,rdate
	[[ $output == *$'\nallow rdate status\n'* ]] || { shown; return 1; }
	ask rfc868 --allow rdate,status
	refused 1 'refused: rfc868 is not among the requests that --allow names$'
	ask status --allow rdate
	refused 1 'refused: status is not among the requests that --allow names$'
	ask 'rdate 127.0.0.1' --allow rfc868
	refused 1 'refused: rdate is not among the requests that --allow names$'
	# The administrator's two options must agree.
	ask '' --allow rdate --default status
	refused 1 'refused: status is not among the requests that --allow names$'
	set_by_hand --allow rdate -- status
	refused 1 'refused: status is not among the requests that --allow names$'
}

@test "--host names the only time sources that a request may ask, and names are compared as text" {
	badsource tcp:37:good
	clock_new offset_ns=-100.0
	limit --host host.example '' -x -
	ask 'rdate -s 127.0.0.1' --host time.example --host 127.0.0.1
	expect 0
	assert_stepped +100.0 1.5
	assert_logged "$DAEMON_NOTICE" 'from 127\.0\.0\.1, request "rdate -s 127\.0\.0\.1": step: offset -[0-9.]+ \+- '
	clock_new
	ask 'rdate -s 127.0.0.2' --host time.example --host 127.0.0.1
	refused 1 'refused: time source 127.0.0.2 is not among those that --host names$'
	# A list of names replaces the client's own address.
	ask 'rdate -s 127.0.0.1' --host time.example
	refused 1 'refused: time source 127.0.0.1 is not among those that --host names$'
	# The same address in another notation is the same; a name that begins or ends alike is not.
	ask 'rdate -s ::ffff:127.0.0.1' --host 127.0.0.1
	expect 0
	ask 'rdate -s 0:0:0:0:0:0:0:1' --host ::1
	expect 0
	ask 'rdate -s LOCALHOST' --host localhost
	expect 0
	log_take
	clock_new
	local name
	for name in localhost2 localhos localhost.example xlocalhost localhost.; do
		ask "rdate -s $name" --host localhost
		refused 1 "refused: time source $(literally "$name") is not among those that --host names$"
	done
	# Names are compared as they are, not by the addresses that they resolve to: a resolver does not control access.
	ask 'rdate -s 127.0.0.1' --host localhost
	refused 1 'refused: time source 127.0.0.1 is not among those that --host names$'
}

@test "without --any-port a request may name the port that --host has, or else the protocol's own port" {
	badsource tcp:37:good tcp:3700:good sntp:123:good
	local words
	for words in '-s -o 3700' '-s -o 123' '-sn -o 37' '-sn -o 3700' '-se -o 38'; do
		ask "rdate $words 127.0.0.1"
		refused 1 "time source 127\.0\.0\.1: port ${words##* } is not allowed; in the forced command, --host NAME:PORT allows a port" ||
			{ printf 'rdate %s\n' "$words"; return 1; }
	done
	ask 'rdate -s 127.0.0.1' --host 127.0.0.1:3700
	refused 1 'port 37 is not allowed'
	ask 'rdate -s 127.0.0.1' --host 127.0.0.1:3700 --any-port
	refused 1 'port 37 is not allowed'
	ask 'rdate -s -o 3700 ::1' --host '[::1]:3701' --any-port
	refused 1 'time source ::1: port 3700 is not allowed'
	ask 'rdate -s -o 3700 127.0.0.2' --host 127.0.0.1:3700
	refused 1 'time source 127\.0\.0\.2 is not among those that --host names$'
	for words in 'rdate -s -o 37' 'rdate -sn -o 123'; do
		ask "$words 127.0.0.1"
		expect 0 || return 1
	done
	ask 'rdate -s -o 3700 127.0.0.1' --any-port
	expect 0
	ask 'rdate -s -o 3700 localhost' --host 127.0.0.1 --host localhost:3701 --host LOCALHOST:3700
	expect 0
	ask 'rdate -s -o 3700 ::1' --host '[0::1]:3700'
	expect 0
	# What the administrator wrote may name any port.
	ask '' --default 'rdate -s -o 3700 127.0.0.1'
	expect 0
	set_by_hand -- rdate -s -o 3700 127.0.0.1
	expect 0
	log_take
	clock_new
	for words in '' :37 127.0.0.1: 127.0.0.1:0 127.0.0.1:65536 '[::1]' '[::1' '[127.0.0.1]:37' 127.0.0.0/8 'a b' 37; do
		ask status --host "$words"
		refused 100 "refused: --host \"$(literally "$words")\": expected HOST, HOST:PORT or \[IPV6-ADDRESS\]:PORT\$" || return 1
	done
}

@test "--host may be given 32 times, and every other option once" {
	local many=() option
	for ((i = 0; i < 32; i++)); do many+=(--host "h$i.example"); done
	ask status "${many[@]}"
	expect 0
	ask status "${many[@]}" --host h32.example
	refused 100 'refused: --host "h32.example": expected at most 32 of these$'
	for option in '--not-before 2026-11-02' '--not-after 2030-01-01' '--max-step 1' '--max-back 1' '--max-delay 1' \
		'--allow status' '--default status' --any-port --dry-run --edge; do
		# shellcheck disable=SC2086 # an option and its value
		ask status $option $option
		refused 100 "refused: ${option%% *} \"[^\"]*\": expected this option once$"
	done
}

@test "without --host the only time source accepted is the ssh client's own address" {
	badsource tcp:37:good
	local client host
	while read -r client host; do
		CLIENT=$client
		clock_new
		ask "rdate -s $host"
		expect 0 || { printf '%s asks for %s\n' "$client" "$host"; return 1; }
	done <<-'END'
		127.0.0.1 127.0.0.1
		::1 ::1
		::ffff:127.0.0.1 127.0.0.1
		127.0.0.1 ::ffff:127.0.0.1
		fd00::1 fd00:0::1
	END
	assert_not_logged
	clock_new
	while read -r client host; do
		CLIENT=$client
		ask "rdate -s $host"
		refused 1 "refused: time source $host is not the ssh client's own address, ${client#::ffff:}, and no --host names it$" ||
			{ printf '%s asks for %s\n' "$client" "$host"; return 1; }
	done <<-'END'
		127.0.0.1 127.0.0.2
		127.0.0.1 ::1
		127.0.0.1 localhost
		127.0.0.1 127.0.0.10
		127.0.0.10 127.0.0.1
		::1 ::2
		::ffff:127.0.0.1 127.0.0.2
	END
}

@test "--default replaces an empty request, and no other" {
	badsource tcp:37:good
	ask '' --default status
	expect 0
	[[ $output == *$'\ndefault status\n'* ]] || { shown; return 1; }
	# The administrator's own request may name any source.
	clock_new offset_ns=-100.0
	ask '' --default 'rdate -s 127.0.0.2'
	expect 0
	assert_stepped +100.0 1.5
	assert_logged "$DAEMON_NOTICE" 'request "rdate -s 127\.0\.0\.2": step:'
	clock_new
	# --default replaces an empty request, not a bad one.
	ask 'date' --default status
	refused 100 'unknown request "date"'
	ask '' --default 'rdate -x h'
	refused 100 'unknown option in "-x"'
	ask '' --default ''
	refused 100 'refused: --default "": expected a request such as'
	ask '' --default
	refused 100 'refused: no value for "--default": expected guestclock-set '
	# Blanks are not empty; what is said about them must not be wrong.
	ask ' ' --default status
	if ((status != 0)); then
		refused 100 'refused: '
		[[ $errors != *'names no --default'* ]] || { shown; return 1; }
	fi
}

@test "with --dry-run a request is judged as usual, needs no capability and does not set the clock" {
	badsource tcp:37:good sntp:123:good
	clock_new offset_ns=-100.0
	ask 'rdate -sv 127.0.0.1' --dry-run
	expect 0
	[[ $output =~ ^'127.0.0.1: offset -'[0-9.]+' s, not done (--dry-run): step, now -' ]] || { shown; return 1; }
	assert_untouched
	assert_not_logged
	ask 'rdate -n 127.0.0.1' --dry-run
	expect 0
	assert_untouched
	printf '\200\0\0\0' >"$WORK/push"
	set_by_hand --dry-run --not-before 1960-01-01 -- rfc868 <"$WORK/push"
	refused 100 '--not-before "1960-01-01"'
	set_by_hand --dry-run --not-before 1970-01-01 --not-after 2037-01-01 -- rfc868 <"$WORK/push"
	refused 1 'refused: before-floor: '
	# The same requests are refused as without --dry-run.
	ask 'rdate -s 127.0.0.1' --dry-run --max-step 10
	refused 1 'refused: too-far: '
	# And it needs no capability.
	BEFORE=(setpriv --bounding-set -sys_time --inh-caps -sys_time)
	ask 'rdate -s 127.0.0.1' --dry-run
	expect 0
	assert_untouched
}

@test "guestclock-set refuses unknown options" {
	local option
	for option in --nosuch -x --dry-run=yes --max --help=x; do
		ask status "$option" 1
		refused 100 "refused: unknown option \"$option\": expected guestclock-set "
	done
	ask status --edge --
	expect 0
	[[ $output == *$'\nedge yes\n'* ]] || { shown; return 1; }
}

@test "--help and --version work on the command line and are refused as requests" {
	local option help
	set_by_hand --version
	expect 0
	[[ $output =~ ^'guestclock-set '[0-9]+\.[0-9]+\.[0-9]+' ('(static|shared)', libwrap)'$ ]] || { shown; return 1; }
	set_by_hand --help
	expect 0
	[[ $output == 'usage: guestclock-set [option ...] [-- request]'$'\n'*$'\nSee guestclock-set(8).' ]] || { shown; return 1; }
	help=$output
	set_by_hand -h
	equal "$output" "$help" '-h'
	for option in --help -h --version help version; do
		ask "$option"
		refused 100 "refused: unknown request \"$option\": expected"
		ask "status $option"
		refused 100 "refused: unexpected word \"$option\""
		ask "rdate $option 127.0.0.1"
		refused 100 'refused: '
		set_by_hand -- "$option"
		refused 100 "refused: unknown request \"$option\": expected"
	done
}

# ----------------------------------------------------------------------------------- where a request may stand

@test "the request comes from the command line or from the ssh client, and is refused if both give one" {
	set_by_hand -- status
	expect 0
	set_by_hand status
	expect 0
	set_by_hand -- 'rdate -x' h
	refused 100 'unknown option in "-x"'
	ask status -- status
	refused 100 'refused: the command line has a request \("status"\) and the ssh client another: expected one$'
	ask 'sh -c id' -- status
	refused 100 'refused: the command line has a request .* and the ssh client another'
	# A forced command may contain the whole request; then the client sends none.
	ask '' -- status
	expect 0
	ask '' status
	expect 0
	# Options after the request belong to the request.
	set_by_hand status --dry-run
	refused 100 'unexpected word "--dry-run"'
}

@test "a request on the command line may name any time source" {
	badsource tcp:37:good
	clock_new offset_ns=50.0
	set_by_hand -- rdate -s localhost
	expect 0
	assert_stepped -50.0 1.5
	assert_logged "$DAEMON_NOTICE" 'from this machine, request "rdate -s localhost": step:'
}

@test "environment variables change neither the client's address nor what is printed" {
	# Variables that sshd accepts from a client do not affect our libraries.
	badsource tcp:37:good
	TZ=../../../../../../nowhere RES_OPTIONS=debug RESOLV_HOST_CONF=/etc/passwd LOCALDOMAIN=x HOSTALIASES=/etc/passwd \
		POSIXLY_CORRECT=1 ask 'rdate -p 127.0.0.1'
	expect 0
	[[ $output =~ ^[A-Z][a-z][a-z]\ .*\ [0-9]{4}$ ]] || { shown; return 1; }
}

# -------------------------------------------------------------------------------------- hosts.allow, hosts.deny

@test "hosts.allow and hosts.deny apply to the address in SSH_CONNECTION" {
	hosts_allow 'guestclock-set: 127.0.0.1 [fd00::1] 10.1.0.0/255.255.0.0'
	hosts_deny 'ALL: ALL'
	for CLIENT in 127.0.0.1 fd00::1 ::ffff:127.0.0.1 10.1.2.3; do
		ask status
		expect 0 || { printf 'client: %s\n' "$CLIENT"; return 1; }
	done
	assert_not_logged
	for CLIENT in 127.0.0.2 fd00::2 ::ffff:127.0.0.2 ::1 10.2.0.1; do
		ask status
		refused 1 "refused: hosts.allow and hosts.deny do not let ${CLIENT#::ffff:} in$" || return 1
		ask 'rdate -s 127.0.0.1' --host 127.0.0.1
		refused 1 "refused: hosts.allow and hosts.deny do not let ${CLIENT#::ffff:} in$" || return 1
	done
	# The rules are for this program: a rule for another daemon does not count.
	hosts_allow 'sshd: ALL'
	CLIENT=127.0.0.1 ask status
	refused 1 'do not let 127.0.0.1 in$'
	# A request without SSH_CONNECTION has no client to deny.
	set_by_hand -- status
	expect 0
}

@test "hosts.deny works without hosts.allow, denies by name, and without tables every client is let in" {
	hosts_deny 'guestclock-set: 127.0.0.2, denied.test'
	CLIENT=127.0.0.2 ask status
	refused 1 'do not let 127.0.0.2 in$'
	CLIENT=::ffff:127.0.0.2 ask status
	refused 1 'do not let 127.0.0.2 in$'
	CLIENT=127.0.0.3 ask status
	refused 1 'do not let 127.0.0.3 in$'
	CLIENT=127.0.0.1 ask status
	expect 0
	rm "$ETC/hosts.allow" "$ETC/hosts.deny"
	CLIENT=127.0.0.2 ask status
	expect 0
}

@test "hosts.deny matches a client at a link-local address" {
	CLIENT=fe80::1%lo ask status
	expect 0
	CLIENT=fe80::1%lo ask 'rdate -s fe80::1'
	refused 1 "not the ssh client's own address, fe80::1%1,"
	hosts_deny 'guestclock-set: [fe80::]/10'
	CLIENT=fe80::1%lo ask status
	refused 1 'do not let fe80::1%1 in$'
	CLIENT=fd00::1 ask status
	expect 0
}

@test "a denied client is refused before its request is read, and the log has the request" {
	hosts_deny 'ALL: ALL'
	ask "$(fill 65536 x)"
	refused 1 'refused: hosts.allow and hosts.deny do not let 127.0.0.1 in$'
	ask '' --default status
	refused 1 'refused: hosts.allow and hosts.deny do not let 127.0.0.1 in$'
	# The log has the request, shortened and harmless.
	ask $'rdate\n<0>x'
	expect 1 'do not let'
	assert_logged "$AUTH_WARNING" 'from 127\.0\.0\.1, request "rdate\?<0>x": hosts.allow'
}

@test "SSH_ORIGINAL_COMMAND without SSH_CONNECTION is refused, because hosts.allow could not apply" {
	local command
	hosts_deny 'guestclock-set: ALL'
	for command in status '' 'rdate -s 127.0.0.1'; do
		SSH_ORIGINAL_COMMAND=$command set_by_hand
		refused 100 'refused: SSH_CONNECTION is missing or not "address port address port": expected it .* \(sudo keeps what env_keep names\)$' ||
			return 1
	done
	SSH_ORIGINAL_COMMAND='' set_by_hand -- status
	refused 100 'SSH_CONNECTION is missing'
}

@test "a malformed SSH_CONNECTION is refused" {
	local connection
	for connection in '' ' ' 127.0.0.1 '127.0.0.1 1' '127.0.0.1 1 127.0.0.1' '127.0.0.1 1 127.0.0.1 22 x' \
		'127.0.0.1 1 127.0.0.1 ' ' 127.0.0.1 1 127.0.0.1 22' '127.0.0.1  127.0.0.1 22' 'UNKNOWN 22 UNKNOWN 22' \
		'localhost 1 127.0.0.1 22' '127.1 1 127.0.0.1 22' '127.0.0.256 1 127.0.0.1 22' '::1::1 1 ::1 22' \
		"$(fill 300 1) 1 127.0.0.1 22" $'127.0.0.1\n 1 127.0.0.1 22'; do
		export SSH_CONNECTION=$connection SSH_ORIGINAL_COMMAND=status
		set_by_hand
		unset SSH_CONNECTION SSH_ORIGINAL_COMMAND
		refused 100 'SSH_CONNECTION.*"address port address port"' ||
			{ printf 'SSH_CONNECTION: %q\n' "$connection"; return 1; }
	done
}

# -------------------------------------------------------------------------------------------------- status

@test "status prints the clock's state and the default limits, and changes nothing" {
	ask status
	expect 0
	assert_untouched
	assert_not_logged
	printf '%s\n' "$output" | sed -E -e 's/^(clock) 20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z$/\1 DATE/' \
		-e 's/^(boot) [0-9a-f-]{36}$/\1 ID/' -e '/^allow/s/ exchange//' >"$WORK/status"
	# 50 years from the release date.
	diff - "$WORK/status" <<-'END'
		clock DATE
		boot ID
		synchronised no
		maxerror 16.000000000
		esterror 0.000000000
		slew-left +0.000000000
		frequency-ppb 0
		tick-us 10000
		not-before 2026-11-01T00:00:00Z
		not-after 2076-10-31T03:00:00Z
		max-step none
		max-back none
		max-delay 2.000000000
		max-rate-ppb 100000000
		allow rdate rfc868 status
		host (the ssh client's address)
		default none
		any-port no
		dry-run no
		edge no
		no-filter no
		state /run/guestclock
		strict-access no
	END
	equal "$(awk '/^boot/ { print $2 }' <<<"$output")" "$(</proc/sys/kernel/random/boot_id)" 'boot id'
	equal "$(date -ud "$(awk '/^clock/ { print $2 }' <<<"$output")" +%F)" "$(date -u +%F)" 'date'
}

@test "status prints every limit, a running slew and another service's synchronisation, without CAP_SYS_TIME" {
	clock_new offset_ns=-1000000000.5 status=0 maxerror_us=1234 esterror_us=56 freq=6553600 tick=9999 last_slew_us=-2500000
	BEFORE=(setpriv --bounding-set -sys_time --inh-caps -sys_time)
	ask status --host a.example --host 192.0.2.1 --default 'rdate -s a.example' --allow rdate,status --any-port --dry-run --edge \
		--not-before 2026-11-02 --not-after 2030-12-31T00:00:01Z --max-step 0.5 --max-back 86400 --max-delay 0.000000001 \
		--strict-access --no-filter
	expect 0
	sed -E 's/^(clock|boot) .*$/\1/' <<<"$output" >"$WORK/status"
	diff - "$WORK/status" <<-'END'
		clock
		boot
		synchronised yes, by another time service
		maxerror 0.001234000
		esterror 0.000056000
		slew-left -2.500000000
		frequency-ppb 100000
		tick-us 9999
		not-before 2026-11-02T00:00:00Z
		not-after 2030-12-31T00:00:01Z
		max-step 0.500000000
		max-back 86400.000000000
		max-delay 0.000000001
		max-rate-ppb 138888
		allow rdate status
		host a.example
		host 192.0.2.1
		default rdate -s a.example
		any-port yes
		dry-run yes
		edge yes
		no-filter yes
		state /run/guestclock
		strict-access yes
	END
	# status reads the same clock that other requests set.
	[[ $output =~ ^clock\ 1995- ]] || { shown; return 1; }
	assert_untouched
}

@test "status tells synchronisation by guestclock-set from that by another time service" {
	badsource sntp:123:good
	clock_new offset_ns=-5.0
	ask 'rdate -sn 127.0.0.1'
	expect 0
	ask status
	expect 0
	[[ $output == *$'\nsynchronised yes, by guestclock-set\n'* ]] || { shown; return 1; }
	clock_set esterror_us=77
	ask status
	[[ $output == *$'\nsynchronised yes, by another time service\n'* ]] || { shown; return 1; }
	clock_set status=64
	ask status
	[[ $output == *$'\nsynchronised no\n'* ]] || { shown; return 1; }
}

# ------------------------------------------------------------------------------------------------ descriptors

@test "a request sets the clock and a refusal is logged even if standard input, output or error is closed" {
	badsource tcp:37:good
	for REDIRECT in '<&-' '>&-' '2>&-' '<&- >&-' '<&- 2>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
		# The work is done all the same, and no output goes to a wrong file: the lock, the log and the socket
		# are opened early and could get the number of a closed descriptor.
		clock_new offset_ns=-100.0
		ask 'rdate 127.0.0.1'
		equal "$status" 0 "status with $REDIRECT" || { shown; return 1; }
		assert_stepped +100.0 1.5
		assert_logged "$DAEMON_NOTICE" 'step: offset'
		# Refusals are logged and have their status.
		clock_new
		ask 'date'
		equal "$status" 100 "status with $REDIRECT" || { shown; return 1; }
		assert_logged "$AUTH_WARNING" 'unknown request "date"'
		ask status
		# If status cannot print, it may fail; it may not touch the clock.
		[[ $status == 0 || $status == 111 && $REDIRECT == *'>&-'* ]] || { shown; return 1; }
		assert_untouched
		log_take
	done
	equal "$("${ENTER[@]}" --mount cat /run/guestclock/lock | awk '{ print $1, $3, $5 }' | head -n 1)" 'boot bound-us before-us' 'lock file'
	# One closed descriptor does not stop messages on the others.
	REDIRECT='>&-'
	ask 'date'
	refused 100 'unknown request'
	REDIRECT='2>&-'
	ask 'status'
	[[ $output == 'clock '* ]]
}

@test "rfc868 fails in one line when standard input is closed, empty or not readable" {
	local redirect
	for REDIRECT in '<&-' '</dev/null' '<.' '0>/dev/null'; do
		ask rfc868
		((status == 100 || status == 111)) || { shown; return 1; }
		refused "$status" 'rfc868: .*standard input' || { printf 'with %s\n' "$REDIRECT"; return 1; }
	done
}

@test "a refusal is logged although nobody reads standard error, and rdate fails when its client has gone" {
	badsource tcp:37:delay=0.5
	mkfifo "$WORK/fifo"
	# A pipe whose reader (descriptor 7) is gone, as after a client has gone.
	BEFORE=(sh -c 'exec 7<>"$0" 2>"$0" 7>&-; exec "$@"' "$WORK/fifo")
	ask 'date'
	equal "$status" 100 'status with nobody at standard error' || { shown; return 1; }
	assert_logged "$AUTH_WARNING" 'unknown request "date"'
	hosts_deny 'ALL: ALL'
	ask 'status'
	equal "$status" 1 'status with nobody at standard error' || { shown; return 1; }
	assert_logged "$AUTH_WARNING" 'hosts.deny do not let'
	hosts_deny ''
	ask 'rdate 127.0.0.1' --max-delay 0.1
	equal "$status" 1 'status with nobody at standard error' || { shown; return 1; }
	assert_logged "$AUTH_WARNING" 'delay-too-large'
	assert_untouched
	# Standard output has no reader: the client has gone before there was an answer.
	BEFORE=(sh -c 'exec 7<>"$0" >"$0" 7>&-; exec "$@"' "$WORK/fifo")
	ask 'rdate -v 127.0.0.1'
	refused 111 'the ssh client disconnected before 127.0.0.1 answered$'
}

# -------------------------------------------------------------------------------------------- the system fails

@test "without CAP_SYS_TIME a request to set fails in one line that names both remedies, and others succeed" {
	badsource tcp:37:good
	local cures='no CAP_SYS_TIME.*run as root.*0750, then setcap cap_sys_time=ep'
	BEFORE=(setpriv --bounding-set -sys_time --inh-caps -sys_time)
	clock_new offset_ns=-100.0
	ask 'rdate -s 127.0.0.1'
	refused 111 "$cures"
	set_by_hand -- rdate -s 127.0.0.1
	refused 111 "$cures"
	printf '\0\0\0\0' >"$WORK/push"
	set_by_hand -- rfc868 <"$WORK/push"
	refused 111 "$cures"
	# As another user in the same place, without any capability.
	BEFORE=(unshare -U --map-user=1000 --map-group=1000)
	ask 'rdate -s 127.0.0.1'
	refused 111 "$cures"
	# A request that sets nothing needs no capability.
	ask 'rdate -p 127.0.0.1'
	expect 0
	ask status
	expect 0
}

SET_MEANWHILE='guestclock-set: the clock was set by another request or program after this one began to measure it; nothing was done$'

# asking: a request has started the process that asks its source
asking() { [ "$(sandbox_pids guestclock-set | wc -l)" -eq 2 ]; }

# in_background NAME COMMAND: sends COMMAND in the background
in_background() {
	export SSH_CONNECTION='127.0.0.1 1 127.0.0.1 22' SSH_ORIGINAL_COMMAND=$2
	background "$1" enclosed "$GUESTCLOCK_SET"
	unset SSH_CONNECTION SSH_ORIGINAL_COMMAND
}

@test "a request that waits for its time source does not block other requests" {
	badsource tcp:37:silent tcp:38:good
	clock_new offset_ns=-100.0
	in_background first 'rdate -t 600000 127.0.0.1'
	wait_for 5 asking
	ask 'rdate -s -o 38 127.0.0.1' --any-port
	expect 0
	assert_stepped +100.0 2.0
	assert_logged "$DAEMON_NOTICE" 'step: offset'
	clock_new offset_ns=-1000.0
	ask rfc868 < <(printf '\0\0\0\0')
	expect 0
	equal "$(clock_get steps)" 1 steps
	alive first
}

@test "a request fails if the clock was set by another request or program after it had measured it" {
	badsource tcp:37:delay=4 tcp:38:good
	clock_new offset_ns=-100.0
	in_background first 'rdate -s 127.0.0.1'
	wait_for 5 asking
	ask 'rdate -s -o 38 127.0.0.1' --any-port
	expect 0
	assert_logged "$DAEMON_NOTICE" 'step: offset'
	wait_for 10 not alive first
	run_cmd cat "$WORK/first.out"
	[[ $output =~ $SET_MEANWHILE ]] || { shown; return 1; }
	assert_logged "$DAEMON_ERR" 'request "rdate -s 127.0.0.1": the clock was set by another request or program after this one began to measure it'
	assert_stepped +100.0 2.0
	# The same if a user or another program sets the clock.
	in_background first 'rdate -s 127.0.0.1'
	wait_for 5 asking
	clock_set offset_ns=-50.0
	wait_for 10 not alive first
	run_cmd cat "$WORK/first.out"
	[[ $output =~ $SET_MEANWHILE ]] || { shown; return 1; }
	assert_untouched
}

# holds NAME SECONDS: another process holds the lock for SECONDS
holds() {
	"${ENTER[@]}" --mount mkdir -p /run/guestclock
	background "$1" "${ENTER[@]}" --mount flock /run/guestclock/lock sh -c ": >$WORK/$1.held; sleep $2"
	wait_for 5 test -e "$WORK/$1.held"
}

@test "a request waits one second for the lock, then fails, and requests that only read do not wait" {
	badsource tcp:37:good
	requires flock
	clock_new offset_ns=-100.0
	holds briefly 0.4
	ask 'rdate -s 127.0.0.1'
	expect 0
	assert_stepped +100.0 2.0
	log_take
	clock_new offset_ns=-100.0
	holds long 60
	ask 'rdate -s 127.0.0.1'
	refused 111 'guestclock-set: another request is setting the clock: it has held the lock for a second; nothing was done$'
	within "$took" 1000 8000 'milliseconds'
	ask rfc868 < <(printf '\0\0\0\0')
	refused 111 'guestclock-set: another request is setting the clock: it has held the lock for a second; nothing was done$'
	# Reading the clock needs no lock.
	ask status
	expect 0
	ask 'rdate -p 127.0.0.1'
	expect 0
	ask 'rdate -s 127.0.0.1' --dry-run
	expect 0
	assert_untouched
	assert_not_logged
}

@test "of twenty requests at once, one sets the clock and each ends" {
	badsource tcp:37:good
	clock_new offset_ns=-100.0
	local at done=0
	for ((at = 0; at < 20; at++)); do in_background "each$at" 'rdate -s 127.0.0.1'; done
	for ((at = 0; at < 20; at++)); do
		wait_for 20 not alive "each$at"
		if [ ! -s "$WORK/each$at.out" ]; then
			done=$((done + 1))
			continue
		fi
		run_cmd cat "$WORK/each$at.out"
		[[ $output =~ $SET_MEANWHILE ]] || { shown; return 1; }
	done
	# The requests that began after the first had set the clock found it right.
	((done >= 1))
	assert_stepped +100.0 3.0
}

@test "a request that cannot make its lock fails with the path and the reason, and follows no symbolic link or FIFO" {
	badsource tcp:37:good
	"${ENTER[@]}" --mount sh -c ': >/run/guestclock'
	ask 'rdate -s 127.0.0.1'
	refused 111 'cannot lock /run/guestclock/lock: Not a directory'
	# A symbolic link in its place is not followed.
	"${ENTER[@]}" --mount sh -c "rm /run/guestclock && mkdir /run/guestclock && ln -s $WORK/elsewhere /run/guestclock/lock"
	ask 'rdate -s 127.0.0.1'
	refused 111 'cannot lock /run/guestclock/lock: '
	[ ! -e "$WORK/elsewhere" ]
	# A FIFO is not waited for.
	"${ENTER[@]}" --mount sh -c "rm /run/guestclock/lock && mkfifo /run/guestclock/lock"
	ask 'rdate -s 127.0.0.1'
	refused 111 'cannot lock /run/guestclock/lock: Invalid argument'
	ask status --dry-run
	expect 0
	# Garbage in the lock file is not believed.
	"${ENTER[@]}" --mount sh -c 'rm /run/guestclock/lock && head -c 5000 /dev/urandom >/run/guestclock/lock'
	clock_new offset_ns=-100.0
	ask 'rdate -s 127.0.0.1'
	expect 0
	assert_stepped +100.0 1.5
}

@test "where /run is read-only or missing, one line names the directory and --state, which names another" {
	badsource tcp:37:good
	local cure='; --state in the forced command can name another directory$'
	clock_new offset_ns=-100.0
	ask 'rdate -s 127.0.0.1' --state "$WORK/missing/state"
	refused 111 "cannot lock $WORK/missing/state/lock: No such file or directory$cure"
	"${ENTER[@]}" --mount mount -o remount,ro /run
	ask 'rdate -s 127.0.0.1'
	refused 111 "cannot lock /run/guestclock/lock: Read-only file system$cure"
	# The exchange measures, and refuses to set with the same line.
	ask exchange < <(printf 'now\nstep +100.000000000\nbye\n')
	equal "$status" 111 status
	[[ $output == *$'\nnow '*$'\nno failed cannot lock /run/guestclock/lock: Read-only file system; --state '* ]] || { shown; return 1; }
	log_take
	assert_unset
	# What needs no lock works.
	ask status
	expect 0
	[[ $output == *$'\nstate /run/guestclock\n'* ]] || { shown; return 1; }
	ask 'rdate -s 127.0.0.1' --state "$WORK/state"
	expect 0
	assert_stepped +100.0 1.5
	equal "$("${ENTER[@]}" --mount stat -c '%a %n' "$WORK/state" "$WORK/state/lock")" "755 $WORK/state"$'\n'"600 $WORK/state/lock" 'modes'
	ask status --state "$WORK/state"
	[[ $output == *$'\nsynchronised yes, by guestclock-set\n'* ]] || { shown; return 1; }
	log_take
	clock_new
	local bad
	for bad in '' state ./state "/$(fill 100 x)"; do
		ask status --state "$bad"
		refused 100 'refused: --state "[^"]*": expected an absolute path of at most 100 octets$' || return 1
	done
}

# limited REGEX [OPTION...]: rdate is refused with REGEX, and so is rfc868.
limited() {
	local regex=$1
	shift
	ask 'rdate -sn 127.0.0.1' "$@"
	refused 1 "$regex" || return 1
	ask rfc868 "$@" < <(octets "$EPOCHSECONDS")
	refused 1 "$regex"
}

# octets UNIX-SECONDS: prints what an RFC 868 source answers
octets() {
	local hex
	printf -v hex '%08x' $((($1 + 2208988800) % 4294967296))
	# shellcheck disable=SC2059 # the format is what it is about
	printf "\\x${hex:0:2}\\x${hex:2:2}\\x${hex:4:2}\\x${hex:6:2}"
}

@test "--max-step and --max-back limit what all requests of an hour together move, and the way back is open" {
	badsource sntp:123:good
	local at
	clock_new offset_ns=-8.0
	ask 'rdate -sn 127.0.0.1' --max-step 10 --max-back 0
	expect 0
	assert_stepped +8.0 0.5
	log_take
	# The clock is behind again; whoever asks, in however many sessions, 2 s are left.
	clock_set offset_ns=-8.0 steps=0
	for at in 1 2 3; do limited 'refused: too-far: the clock would move by more than --max-step in an hour' --max-step 10; done
	clock_set offset_ns=-1.5 steps=0
	ask 'rdate -sn 127.0.0.1' --max-step 10
	expect 0
	assert_stepped +1.5 0.4
	log_take
	# All of it may be undone at once, in spite of --max-back, and not much more.
	clock_set offset_ns=12.0 steps=0
	limited 'refused: too-far-back: the clock would move back by more than --max-back in an hour' --max-step 10 --max-back 0
	clock_set offset_ns=9.5 steps=0
	ask 'rdate -sn 127.0.0.1' --max-step 10 --max-back 0
	expect 0
	assert_stepped -9.5 0.5
	log_take
	clock_set offset_ns=0.8 steps=0
	ask 'rdate -sn 127.0.0.1' --max-step 10 --max-back 0
	refused 1 'refused: too-far-back'
	# A request without these limits is not counted.
	clock_set offset_ns=-1000.0 steps=0
	ask 'rdate -sn 127.0.0.1'
	expect 0
	log_take
	clock_set offset_ns=500.0 steps=0
	limited 'refused: too-far: ' --max-step 10
	# After an hour the limit begins anew.  How late it is does not depend on the clock that is set.
	clock_set offset_ns=-9.5
	ask 'rdate -sn 127.0.0.1' --max-step 10
	expect 0
	log_take
	clock_set offset_ns=-9.5 steps=0
	clock_later 3500
	limited 'refused: too-far: ' --max-step 10
	clock_set offset_ns=-9999.5
	limited 'refused: too-far: ' --max-step 10
	clock_set offset_ns=-9.5
	clock_later 800
	ask 'rdate -sn 127.0.0.1' --max-step 10
	expect 0
	assert_stepped +9.5 0.5
}

@test "with --max-step 3600, a pause of 40 minutes twice a day is corrected each time" {
	badsource sntp:123:good
	local pause
	for pause in 1 2 3 4 5 6; do
		clock_set offset_ns=-2400.0 steps=0
		ask 'rdate -sn 127.0.0.1' --max-step 3600
		expect 0 || { printf 'pause %s\n' "$pause"; return 1; }
		assert_stepped +2400.0 0.5
		clock_later 43200
	done
	# Two within an hour: the second is corrected when the hour is over.
	clock_set offset_ns=-2400.0 steps=0
	ask 'rdate -sn 127.0.0.1' --max-step 3600
	expect 0
	log_take
	clock_set offset_ns=-2400.0 steps=0
	limited 'refused: too-far: ' --max-step 3600
	clock_later 4200
	ask 'rdate -sn 127.0.0.1' --max-step 3600
	expect 0
	assert_stepped +2400.0 0.5
}

@test "a guest with --max-step that cannot write its account does not set the clock, and says what to do" {
	badsource sntp:123:good
	local what='cannot step the clock by \+[0-9.]+ s: cannot record it in /run/guestclock/lock, which must come first: No space left on device; free space there'
	"${ENTER[@]}" --mount sh -c 'mkdir -p /run/guestclock && mount -t tmpfs -o size=4k tmpfs /run/guestclock && head -c 4096 /dev/zero >/run/guestclock/full'
	clock_new offset_ns=-8.0
	ask 'rdate -sn 127.0.0.1' --max-step 10
	refused 111 "$what"
	ask 'rdate -sn 127.0.0.1' --max-back 10
	refused 111 "$what"
	# Without limits on movement no account is needed.
	ask 'rdate -sn 127.0.0.1'
	expect 0
	assert_stepped +8.0 0.5
	log_take
	# A damaged account is a new one, and so is one of another boot.
	"${ENTER[@]}" --mount umount /run/guestclock
	clock_new offset_ns=-8.0
	ask 'rdate -sn 127.0.0.1' --max-step 10
	expect 0
	log_take
	"${ENTER[@]}" --mount sed -i 's/^boot ./boot x/' /run/guestclock/lock
	clock_new offset_ns=-8.0
	ask 'rdate -sn 127.0.0.1' --max-step 10
	expect 0
	"${ENTER[@]}" --mount grep -qE '^account( [0-9a-f]{16})+$' /run/guestclock/lock
}

@test "requests are carried out and refused as usual when syslog does not answer or does not exist" {
	badsource tcp:37:good
	stop logsink
	clock_new offset_ns=-100.0
	ask 'rdate -s 127.0.0.1'
	expect 0
	assert_stepped +100.0 1.5
	ask date
	expect 100 'unknown request'
	rm "$DEV/log"
	clock_new offset_ns=-100.0
	ask 'rdate -s 127.0.0.1'
	expect 0
	assert_stepped +100.0 1.5
	ask date
	expect 100 'unknown request'
	# A session sets the clock as often as guestclock does at most: when syslog is back, one that is still open soon ends.
	clock_new offset_ns=-100.0
	ask exchange < <(printf 'step +1.000000000\nnow\n%.0s' {1..7})
	equal "$(clock_get steps)" 5 'steps'
	equal "$(grep -c '^now ' <<<"$output")" 5 'times'
	equal "${output##*$'\n'}" 'no too-many more than 5 orders to set in a session whose lines no syslog takes' 'last line'
	equal "$status" 1 status
}

@test "a signal between the record of a movement and the movement waits, so that the account is right" {
	requires strace
	local orders order
	for orders in 'step +1.000000000' 'slew +1.000000000' 'rate +500.000'; do
		clock_new
		for order in TERM HUP INT; do
			# An order of the rate that is in force would change nothing.
			clock_set tick=10000
			export SSH_CONNECTION='127.0.0.1 1 127.0.0.1 22' SSH_ORIGINAL_COMMAND=exchange
			enclosed strace -qq -o /dev/null -e trace=pwrite64 -e inject=pwrite64:signal=$order:when=1 "$GUESTCLOCK_SET" --max-step 10 \
				<<<"$orders" >"$WORK/out" 2>&1 || :
			unset SSH_CONNECTION SSH_ORIGINAL_COMMAND
			not grep -q '^done ' "$WORK/out"
			[[ $orders == rate* ]] || assert_logged "$DAEMON_NOTICE" "${orders%% *} by"
		done
		case $orders in
		step*) equal "$(clock_get steps)" 3 'steps' ;;
		slew*) equal "$(clock_get slews)" 3 'slews' ;;
		rate*) equal "$(clock_get tick)" 10005 'tick' ;;
		esac
	done
}

@test "a session ends at the first line that syslog does not take because it was restarted, and the next is logged again" {
	mkfifo "$WORK/orders"
	clock_new offset_ns=-100.0
	export SSH_CONNECTION='127.0.0.1 1 127.0.0.1 22' SSH_ORIGINAL_COMMAND=exchange
	REDIRECT="<$WORK/orders" background session enclosed "$GUESTCLOCK_SET"
	unset SSH_CONNECTION SSH_ORIGINAL_COMMAND
	# Open for reading too: the session ends before the last order is written.
	exec 8<>"$WORK/orders"
	printf 'now\nstep +1.000000000\n' >&8
	wait_for 5 grep -q '^done ' "$WORK/session.out"
	assert_logged "$DAEMON_NOTICE" 'step by \+1\.000000000 s'
	# What a restart of syslog does: another socket by the same name.
	stop logsink
	rm "$DEV/log"
	background logsink "$PYTHON" -I -S "$TOP/tests/lib/logsink.py" "$DEV/log" "$LOG" "$WORK/log.ack"
	wait_for 15 test -S "$DEV/log"
	printf 'now\nstep +1.000000000\nnow\nstep +1.000000000\n' >&8
	wait_for 5 not alive session
	exec 8>&-
	equal "$(grep -c '^done ' "$WORK/session.out")" 2 'orders done'
	equal "$(clock_get steps)" 2 'steps'
	grep -q '^guestclock-set: exchange: syslog did not take a line of this session, .*: the session ends$' "$WORK/session.out"
	assert_not_logged
	# The next session has a connection of its own.
	clock_new offset_ns=-100.0
	ask exchange < <(printf 'now\nstep +1.000000000\nbye\n')
	expect 0
	assert_logged "$DAEMON_NOTICE" 'step by \+1\.000000000 s'
}

@test "the log has the key's fingerprint if sshd exposes it, and nothing else from sshd's file" {
	local key=AAAAC3NzaC1lZDI1NTE5AAAAIDw0nGkTeP2FnJ1yXq7b0H3mJcT0mFZyJpP4yH8q0t8R
	hosts_deny 'guestclock-set: 127.0.0.9'
	printf 'password\npublickey ssh-ed25519 %s\n' "$key" >"$WORK/auth"
	export SSH_USER_AUTH=$WORK/auth
	CLIENT=127.0.0.9 ask status
	expect 1 'do not let'
	assert_logged "$AUTH_WARNING" "from 127\.0\.0\.9 key $(literally "$(ssh-keygen -lf - <<<"ssh-ed25519 $key" | cut -d' ' -f2)"), request \"status\": "
	# A file that sshd would not write, or a missing file, gives no key and is no failure.
	for content in 'publickey' 'publickey ssh-ed25519' 'publickey ssh-ed25519 !!!' $'publickey x \n' "publickey x $(fill 9000 A)" ''; do
		printf '%s' "$content" >"$WORK/auth"
		CLIENT=127.0.0.9 ask status
		expect 1 'do not let'
		assert_logged "$AUTH_WARNING" 'from 127\.0\.0\.9, request "status": '
	done
	SSH_USER_AUTH=$WORK/missing CLIENT=127.0.0.9 ask status
	expect 1 'do not let'
	assert_logged "$AUTH_WARNING" 'from 127\.0\.0\.9, request'
}
