#!/usr/bin/env bats
# The manual pages are well-formed and complete, and agree with the programs' messages and tables.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it

bats_require_minimum_version 1.5.0

load ../lib/common

GUESTCLOCK_SET=${GUESTCLOCK_SET:-$TOP/build/guestclock-set}

setup() {
	common_setup
	requires mandoc "$IN_TIMED" "$GUESTCLOCK_SET"
	unset SSH_CONNECTION SSH_ORIGINAL_COMMAND SSH_USER_AUTH SSH_CLIENT
}

teardown() { common_teardown; }

# rendered PAGE: prints PAGE as plain text, in long lines
rendered() { mandoc -T ascii -O width=200 "$TOP/man/$1" | sed 's/.\x08//g'; }

# section PAGE NAME: prints the lines of that section
section() { rendered "$1" | awk -v name="$2" '/^[A-Z]/ { inside = $0 == name; next } inside'; }

# in_one_line: copies its input, with each run of blanks and line ends as one blank
in_one_line() { tr -s ' \t\n' ' ' | sed 's/^ //; s/ $//'; }

# usage PROGRAM: prints the usage text in the program's message about an unknown option
usage() {
	local complaint
	case $1 in
	in.timed) complaint=$(no_clock "$IN_TIMED" -Z 2>&1 </dev/null) ;;
	guestclock) complaint=$("${GUESTCLOCK-$TOP/build/guestclock}" sync -Z 2>&1 </dev/null) ;;
	guestclock-set) complaint=$(no_clock "$GUESTCLOCK_SET" -Z 2>&1 </dev/null) ;;
	esac
	case $complaint in
	*"usage: $1 "*) printf '%s\n' "$1 ${complaint##*"usage: $1 "}" ;;
	*"expected $1 "*) printf '%s\n' "$1 ${complaint##*"expected $1 "}" ;;
	*)
		printf 'no usage text in: %s\n' "$complaint"
		return 1
		;;
	esac
}

# rdate_usage: prints that of the request rdate
rdate_usage() {
	local complaint
	complaint=$(no_clock "$GUESTCLOCK_SET" -- rdate -Z 2>&1 </dev/null)
	[[ $complaint == *'expected rdate '* ]] || return 1
	printf '%s\n' "rdate ${complaint##*expected rdate }"
}

# options USAGE: prints its options one a line, with the argument if there is one: "-i seconds"
options() { grep -oE '\[-([^][]|\[[^][]*\])*\]' <<<"$1" | sed 's/^\[//; s/\]$//'; }

@test "every manual page passes mandoc -T lint" {
	local page text
	for page in "$TOP"/man/*.[1-9]; do
		# Ignore references to pages that are not installed here.
		text=$(mandoc -T lint "$page" 2>&1 | grep -v 'referenced manual not found\|mandoc\.db') || :
		equal "$text" '' "$page"
	done
	[ -e "$TOP/man/in.timed.8" ]
	[ -e "$TOP/man/guestclock-set.8" ]
}

@test "mandoc -T lint reports a fault in a damaged page" {
	sed 's/^\.Sh DESCRIPTION/.Sh DESCRIPTION\n.Bl -tag/' "$TOP/man/in.timed.8" >"$WORK/in.timed.8"
	run mandoc -T lint "$WORK/in.timed.8"
	[[ $(grep -v 'referenced manual not found\|mandoc\.db' <<<"$output") != '' ]]
}

@test "in.timed(8) has the program's usage text as its synopsis" {
	equal "$(section in.timed.8 SYNOPSIS | in_one_line)" "$(usage in.timed)" SYNOPSIS
}

@test "guestclock(8) has the program's usage text as its synopsis, and an entry for every option" {
	local usage option
	usage=$(usage guestclock)
	equal "$(section guestclock.8 SYNOPSIS | in_one_line)" "$usage" SYNOPSIS
	while read -r option; do
		section guestclock.8 DESCRIPTION | grep -qE -- "^ +$option( |\$)" || { printf 'no entry for: %s\n' "$option"; return 1; }
	done < <(options "$usage")
}

@test "guestclock(8) has all sections, and the exit statuses of sync and check" {
	local name status
	for name in EXAMPLES 'EXIT STATUS' FILES 'SECURITY CONSIDERATIONS' STANDARDS; do
		[ -n "$(section guestclock.8 "$name")" ] || { printf 'no section %s\n' "$name"; return 1; }
	done
	# The statuses of sync and of check, which src/host/exit_status.h numbers from 0.
	equal "$(section guestclock.8 'EXIT STATUS' | grep -oE '^ +[0-9] ' | tr -d ' ' | tr '\n' ' ')" \
		"$(sed -n 's/^enum \(sync\|plugin\)_status { \(.*\) };$/\2/p' "$TOP/src/host/exit_status.h" |
			awk -F, '{ for (at = 0; at < NF; at++) printf "%d ", at }')" 'exit statuses'
}

@test "--help of each program lists every option of the synopsis, on one screen" {
	local program help option usage
	for program in in.timed guestclock-set guestclock; do
		usage=$(usage "$program")
		help=$(no_clock "$TOP/build/$program" --help </dev/null)
		while read -r option; do
			# The option, two spaces or more (as tr leaves them), and the text that says what it does.
			[ "$option" = '-- request' ] || grep -qF -- $'\n'" $option " <<<"$(tr -s ' ' <<<"$help")" || {
				printf '%s --help has no line for: %s\n' "$program" "$option"
				return 1
			}
		done < <(options "$usage")
		(($(wc -l <<<"$help") <= 34)) || { printf '%s: lines: %s\n' "$program" "$(wc -l <<<"$help")"; return 1; }
		(($(wc -L <<<"$help") <= 82)) || { printf '%s: columns: %s\n' "$program" "$(wc -L <<<"$help")"; return 1; }
	done
}

@test "guestclock-set(8) has the program's usage text as its synopsis" {
	equal "$(section guestclock-set.8 SYNOPSIS | in_one_line)" "$(usage guestclock-set)" SYNOPSIS
}

@test "guestclock-set(8) gives the syntax of the request rdate as the program does" {
	local usage
	usage=$(rdate_usage)
	usage=${usage/%HOST/host}
	section guestclock-set.8 DESCRIPTION | in_one_line | grep -qF -- " $usage " || {
		printf 'not in the page: %s\n' "$usage"
		return 1
	}
}

# entries PAGE: prints the list tags that are options, one a line.  A short tag has its text on the same line; running
# text that begins with an option is not a tag.
entries() {
	section "$1" DESCRIPTION | sed -n 's/^ *\(-[^ ].*\)$/\1/p' | sed 's/  .*//' |
		grep -xE -- '--?[a-z0-9-]+( [a-z]+(,\.\.\.|\[:[a-z]+\])?)?|-[0-9], -[0-9]'
}

# has_entries PAGE OPTIONS: checks that each option has an entry
has_entries() {
	local entries option
	entries=$(entries "$1")
	[ -n "$2" ]
	while read -r option; do
		grep -qxF -- "$option" <<<"$entries" || {
			printf '%s has no entry for "%s"; it has\n%s\n' "$1" "$option" "$entries"
			return 1
		}
	done <<<"$2"
}

@test "in.timed(8) has an entry for every option, and no other entries" {
	local options
	options=$(options "$(usage in.timed)")
	has_entries in.timed.8 "$options"
	equal "$(entries in.timed.8 | sort)" "$(sort <<<"$options")" 'entries'
}

@test "guestclock-set(8) has an entry for every option, and no other entries" {
	local options
	options=$(options "$(usage guestclock-set)" | grep -vx -- '-- request')
	has_entries guestclock-set.8 "$options"
	equal "$(entries guestclock-set.8 | grep '^--' | sort)" "$(sort <<<"$options")" 'entries'
	# The request on the command line, which is not an option.
	section guestclock-set.8 DESCRIPTION | in_one_line | grep -qF 'the request follows --.'
}

@test "guestclock-set(8) has an entry for every option of rdate, and no other entries" {
	local options letters entries
	options=$(options "$(rdate_usage)")
	letters=$(grep -v ' ' <<<"$options" | tr -d '\n-')
	letters=$(grep -o . <<<"$letters" | sed 's/^/-/')
	options=$(printf '%s\n' "$letters" "$(grep ' ' <<<"$options")" | sort)
	# "-4, -6" is one entry for two options.
	entries=$(entries guestclock-set.8 | grep -v '^--' | sed 's/, /\n/g' | sort)
	equal "$entries" "$options" 'entries'
	# The page names the option that is refused.
	section guestclock-set.8 DESCRIPTION | in_one_line | grep -qE -- ' -c, .* refused'
}

@test "in.timed(8) and guestclock-set(8) have every standard section" {
	local page name
	for page in in.timed.8 guestclock-set.8; do
		for name in NAME SYNOPSIS DESCRIPTION EXAMPLES 'EXIT STATUS' FILES 'SECURITY CONSIDERATIONS' STANDARDS 'SEE ALSO'; do
			[ -n "$(section "$page" "$name" | tr -d ' \n')" ] || {
				printf '%s: no section %s\n' "$page" "$name"
				return 1
			}
		done
	done
	section in.timed.8 STANDARDS | grep -q 'RFC 868'
	section guestclock-set.8 STANDARDS | grep -q 'RFC 868.*RFC 4330'
}

@test "in.timed(8) and guestclock-set(8) list the exit statuses of src/lib/status.h" {
	local page statuses
	statuses=$(sed -n 's/^\tSTATUS_[A-Z]* = \([0-9]*\).*/\1/p' "$TOP/src/lib/status.h")
	equal "$(wc -l <<<"$statuses")" 4 'statuses in src/lib/status.h'
	for page in in.timed.8 guestclock-set.8; do
		equal "$(section "$page" 'EXIT STATUS' | sed -n 's/^ *\([0-9][0-9]*\)  *[a-z].*/\1/p')" "$statuses" "$page"
	done
}

@test "guestclock-set's messages and manual list the requests of the program's own table" {
	local names name
	# status prints them in the order of the program's table.
	names=$(no_clock "$GUESTCLOCK_SET" -- status | sed -n 's/^allow //p')
	[ "$(wc -w <<<"$names")" -eq 4 ]
	run no_clock "$GUESTCLOCK_SET" -- nosuch </dev/null
	equal "$(sed 's/.*: expected //; s/,//g; s/ or / /' <<<"$output" | tr ' ' '\n' | sort)" "$(tr ' ' '\n' <<<"$names" | sort)" message
	for name in $names; do
		section guestclock-set.8 DESCRIPTION | grep -qE "^ +$name( |\$)" || { printf 'no entry for the request %s\n' "$name"; return 1; }
		section guestclock-set.8 DESCRIPTION | in_one_line | grep -qE "Only these of .*\b$name\b.* By default all\." || return 1
	done
}

@test "guestclock(8) lists the actions of the program's own table" {
	local names
	names=$(sed -n "s/^const char \*const client_action_names\[\] = { \(.*\) };/\1/p" "$TOP/src/host/exchange_client.c" | tr -d '",')
	equal "$(wc -w <<<"$names")" 4 'actions'
	section guestclock.8 DESCRIPTION | in_one_line | tr -d ',' | grep -qF "the action (${names% *} or ${names##* })"
}

@test "the manual pages give the daemon names, files and numbers of the sources" {
	local text number
	text=$(rendered guestclock-set.8 | in_one_line)
	number=$(sed -n 's/^#define REQUEST_TIMEOUT_DEFAULT (\([0-9]*\) \* NS_PER_SECOND)$/\1000/p' "$TOP"/src/*/*.h)
	[ -n "$number" ] && grep -qF "by default $number." <<<"$text"
	grep -qF "$(sed -n 's/^#define GUEST_CLOCK_DIRECTORY "\(.*\)"/\1/p' "$TOP"/src/set/guest_clock.h)/lock " <<<"$text"
	number=$(sed -n 's/^#define SET_OPTIONS_HOSTS \([0-9]*\)$/\1/p' "$TOP/src/set/set_options.h")
	[ -n "$number" ] && grep -qF "up to $number times" <<<"$text"
	text=$(rendered guestclock.8 | in_one_line)
	number=$(sed -n 's/^#define WATCH_SESSION_SECONDS \([0-9]*\)\t.*/\1/p' "$TOP/src/host/watch.h")
	[ -n "$number" ] && grep -qF "no session becomes older than $((number / 60)) minutes" <<<"$text"
	number=$(sed -n 's/^#define INTERVAL_MOST_SECONDS \([0-9]*\)$/\1/p' "$TOP/src/host/options.c")
	[ -n "$number" ] && grep -qF "0.1 to $number; by default $(sed -n 's/^#define INTERVAL_DEFAULT "\(.*\)"/\1/p' "$TOP/src/host/options.c")." <<<"$text"
	text=$(rendered in.timed.8 | in_one_line)
	number=$(sed -n 's/^#define IDLE_MAX \([0-9]*\)$/\1/p' "$TOP/src/timed/in.timed.c")
	[ -n "$number" ] && grep -qF "1 to $number, $(sed -n 's/^#define IDLE_DEFAULT \([0-9]*\)$/\1/p' "$TOP/src/timed/in.timed.c") by default" <<<"$text"
}

@test "the programs accept the example lines of the manual pages" {
	local line options
	# The text between the quotes of command= in EXAMPLES, with the page's line breaks removed.
	line=$(section guestclock-set.8 EXAMPLES | sed -e ':again' -e '/\\$/{N;s/\\\n *//;b again}' -e 's/^ *//' |
		sed -n 's/^restrict,command="\([^"]*\)" ssh-ed25519 .*/\1/p')
	equal "$(wc -l <<<"$line")" 2 'lines for authorized_keys'
	while read -r line; do
		read -ra options <<<"$line"
		equal "${options[0]}" /usr/libexec/guestclock-set
		run -0 no_clock "$GUESTCLOCK_SET" "${options[@]:1}" -- status
	done <<<"$line"
	# in.timed | od prints four numbers.
	section in.timed.8 EXAMPLES | grep -qF 'in.timed | od -An -tu1'
	equal "$("$IN_TIMED" </dev/null | od -An -tu1 | wc -w)" 4
}

@test "every line of SECURITY.md names tests that exist" {
	local line cell file name seen=0
	while IFS= read -r line; do
		case $line in '|---'* | '| | shown by |') continue ;; esac
		cell=${line% |}
		cell=${cell##* | }
		# "file: name; file: name", where a name may contain ": " and "; ".
		while [ -n "$cell" ]; do
			file=${cell%%: *} cell=${cell#*: }
			name=${cell%%; [a-z]*/[0-9][0-9]-*}
			cell=${cell#"$name"} cell=${cell#; }
			grep -qF -e "@test \"$name\" {" "$TOP/tests/$file" || {
				printf 'no such test: %s: %s\n' "$file" "$name"
				return 1
			}
			seen=$((seen + 1))
		done
	done < <(grep '^|' "$TOP/SECURITY.md")
	((seen > 30)) || { printf 'only %s tests named\n' "$seen"; return 1; }
}
