# guestclock on the host: its command line, lists of guests, output, state and log, with guests that are played by
# tests/helpers/fake-ssh.c.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it
# shellcheck disable=SC2016 # what stands in single quotes is for another shell, or for none
# shellcheck disable=SC2034 # BEFORE is for tests/lib/fakeguest.bash
# shellcheck disable=SC1003 # a backslash is meant

load ../lib/common
load ../lib/fakeguest

setup_file() { fakeguest_setup_file; }
setup() {
	common_setup
	fakeguest_setup
}
teardown() {
	fakeguest_teardown
	common_teardown
}

# wrong REGEX ARGUMENTS...: checks that sync and check report a usage error in one line that matches, with the status,
# contact no guest and write no state.
wrong() {
	local regex=$1
	shift
	guestclock_raw sync "$@"
	tells 2 "$regex" || { printf 'sync %s\n' "$*"; return 1; }
	equal "$output" '' 'output of sync' || return 1
	guestclock_raw check "$@"
	unknown "$regex" || { printf 'check %s\n' "$*"; return 1; }
	equal "$(started)" 0 'starts of ssh' && [ ! -e "$STATE" ]
}

# named TEXT: checks that TEXT is part of the output.
named() { printf '%s' "$output" | grep -qF -- "$1"; }

# ------------------------------------------------------------------------------------------- the command line

@test "sync and check accept each option with a valid value" {
	: >"$WORK/config"
	printf 'good.0.list\n' >"$WORK/list"
	local words
	for words in '-c 5' '-c 0.5' '-w 0.1' '-w 0.05 -c 1' '-j 1' '-j 1000' '-t 0.5' '-t 3600' "-f $WORK/list" \
		--json --no-rate '--step-back never' '--step-back 0.5' "--prometheus $WORK/metrics.prom" "--ssh-config $WORK/config" '-t 30 -j 16 -w 1 -c 2'; do
		# shellcheck disable=SC2086
		guestclock sync $words good || return 1
		tells 0 || { printf 'sync %s\n' "$words"; return 1; }
		# shellcheck disable=SC2086
		guestclock check -c 9 $words good || return 1
		tells 0 || { printf 'check %s\n' "$words"; return 1; }
	done
	state_whole
}

@test "an invalid option value is reported in one line, with status 2 or check's 3, and no guest is contacted" {
	local value
	for value in '' x -1 1e3 1,5 .5 1. +1 0x1 99999999999; do
		wrong '-w ".*": expected seconds' -w "$value" good
		wrong '-c ".*": expected seconds' -c "$value" good
		wrong '-t ".*": expected seconds.*up to 3600' -t "$value" good
	done
	for value in 0 0.0 3600.000000001; do wrong 'expected seconds.*above 0 and up to 3600' -t "$value" good; done
	for value in '' 0 1001 -1 1.5 x 99999999999; do wrong '-j ".*": expected a number from 1 to 1000' -j "$value" good; done
	for value in '' 0 0.099 300.000000001 x; do wrong '-i ".*": expected seconds.*from 0.1 to 300' -i "$value" good; done
	for value in '' -1 ever 0x1; do wrong '--step-back ".*": expected never, or seconds, such as' --step-back "$value" good; done
	wrong 'expected a file, or -' -f '' good
	wrong "list of guests $WORK/missing: No such file" -f "$WORK/missing" good
	wrong "list of guests $WORK: Is a directory" -f "$WORK" good
	for value in '' - -x; do
		wrong 'expected a path that does not start with' --prometheus "$value" good
		wrong 'expected a path that does not start with' --state "$value" good
		wrong 'expected a path that does not start with' --ssh-config "$value" good
	done
	wrong "ssh-config $WORK/missing: No such file" --ssh-config "$WORK/missing" good
}

@test "sync and check refuse unknown options, options without a value, and options after a guest" {
	local option
	for option in -Z --nosuch --json=1 --require-sync=yes --help=x; do
		wrong "unknown option \"${option//-/\\-}\": expected guestclock sync" "$option" good
	done
	# Joined to one that is known.
	wrong 'unknown option "-(Z|Zj|Zj4)"' -Zj4 good
	for option in -c -f -i -j -t -w --prometheus --ssh-config --state; do
		wrong "no value for \"${option//-/\\-}\": expected guestclock sync" "$option"
	done
	# Options end where guests begin: no option is read as a guest, and no guest as an option.
	wrong 'guest "-j" starts with' good -j 4
	wrong 'guest "--json" starts with' -- --json
	guestclock_raw check -w 2 -c 1 good
	unknown '-w is larger than -c'
}

@test "guestclock refuses any command other than sync, watch and check with status 2" {
	local command
	for command in '' SYNC syn synch -j --json 'sync '; do
		guestclock_raw "$command" good
		tells 2 "command \"$command\": expected guestclock sync\|watch\|check"
	done
	guestclock_raw
	tells 2 'no command: expected sync, watch or check; "guestclock help" explains them$'
	equal "$(started)" 0 'starts of ssh'
	[ ! -e "$STATE" ]
}

@test "help and version print to standard output with status 0, and no guest is contacted" {
	local help words
	guestclock_raw help
	tells 0
	help=$output
	[[ $help == 'usage: guestclock sync|watch|check [option ...] [guest ...]'$'\n'*$'\nSee guestclock(8).' ]] || { shown; return 1; }
	(($(wc -l <<<"$help") <= 40 && $(wc -L <<<"$help") <= 84)) || { printf 'more than a screen:\n%s\n' "$help"; return 1; }
	for words in -h --help 'sync --help' 'check -h' 'sync -j 4 --help good'; do
		# shellcheck disable=SC2086
		guestclock_raw $words
		tells 0
		equal "$output" "$help" "$words"
	done
	for words in version --version 'sync --version'; do
		# shellcheck disable=SC2086
		guestclock_raw $words
		tells 0
		[[ $output =~ ^'guestclock '[0-9]+\.[0-9]+\.[0-9]+' ('(static|shared)')'$ ]] || { shown; return 1; }
	done
	equal "$(started)" 0 'starts of ssh'
	[ ! -e "$STATE" ]
}

# -------------------------------------------------------------------------------------------- names of guests

@test "an empty name, and names with a leading hyphen, 256 octets, blanks or control characters are refused" {
	local name long
	printf -v long '%0256d' 1
	wrong 'guest "" is empty' ''
	wrong 'guest "-oProxyCommand=x" starts with "-"' -- -oProxyCommand=x
	wrong 'guest "-oProxyCommand=x" starts with "-"' good -oProxyCommand=x
	wrong 'guest "-" starts with' -
	wrong 'longer than 255 octets' "$long"
	for name in 'a b' ' a' 'a ' $'a\tb' $'a\nb' $'a\rb' $'\033[2J' $'a\177' $'g\303\274st' $'\377'; do
		wrong 'guest ".*" has an octet other than letters, digits and' good "$name" good
	done
}

@test "a guest's name may have 255 octets, and names that differ in the last octet have separate states" {
	local name
	printf -v name 'good.0.%0248d' 1
	guestclock sync --json "$name"
	tells 0
	equal "$(awk '{ print length($13) }' FS='\t' "$FAKE_SSH/argv")" 255 'length of what ssh got'
	# Two names that differ only in their last octet, with octets that a file name must encode, have separate states.
	name=${name//0/=}
	name=good${name:4}
	guestclock sync -j 1 "$name" "${name%?}2"
	silent
	state_whole
	equal "$(find "$STATE" -name '*.state' | wc -l)" 3 'state files'
}

@test "a guest's name never reaches ssh as an option, because it follows --" {
	: >"$WORK/config"
	guestclock sync good root@good ssh://good:22 'good.0.x=y,+z'
	equal "$(started)" 4 'starts of ssh'
	equal "$(cut -f 12- "$FAKE_SSH/argv" | sort)" $'--\tgood\texchange\t\n--\tgood.0.x=y,+z\texchange\t\n--\troot@good\texchange\t\n-p\t22\t--\tgood\texchange\t' 'words of ssh'
	guestclock sync --ssh-config "$WORK/config" good.0.config
	local line
	while IFS= read -r line; do
		[[ $line == $'ssh\t'*$'\t--\t'*$'\texchange\t' ]] || { printf '%s\n' "$line"; return 1; }
		# Just one word between -- and the request, and -- before it only once.
		line=${line#*$'\t--\t'}
		[[ $line != *$'\t--\t'* && ${line%$'\texchange\t'} != *$'\t'* ]] || { printf '%s\n' "$line"; return 1; }
	done <"$FAKE_SSH/argv"
	grep -q $'^ssh\t-F\t'"$WORK/config"$'\t.*\t-oBatchMode=yes\t.*\t--\tgood.0.config\texchange\t$' "$FAKE_SSH/argv"
	equal "$(grep -c -- $'\t-F\t' "$FAKE_SSH/argv")" 1 'starts with -F'
	# A connection of its own, whatever ssh_config says: options on the command line have precedence.
	equal "$(grep -c $'\t-oControlMaster=no\t-oControlPath=none\t' "$FAKE_SSH/argv")" 5 'starts that keep no connection'
}

@test "no name, path or option reaches a shell, and names with shell metacharacters are refused" {
	local name
	mkdir "$WORK/cwd"
	cd "$WORK/cwd" || return 1
	: >'$(touch here)'
	# ssh itself hands %h to a shell where ProxyCommand or Match exec ask for it.
	for name in 'a;touch here' 'good;touch${IFS}here' 'good$(touch${IFS}here)' 'good`touch${IFS}here`' 'good&touch' 'good|touch' 'good>here' \
		'good<here' 'good*' 'good?' "good'" 'good"' 'good\' 'good{a,b}' 'good!' '#good' 'good^' 'good(' '$HOME'; do
		wrong 'guest ".*" has an octet other than letters, digits and' "$name"
	done
	guestclock_raw sync --state "$WORK/cwd/state;touch here" --prometheus "$WORK/cwd/\$(touch here).prom" \
		--ssh-config "$WORK/cwd/\$(touch here)" good.0.1 'good.0.a=b' good.0.a,b
	silent
	equal "$(started)" 3 'starts of ssh'
	equal "$(ls)" $'$(touch here)\n$(touch here).prom\nstate;touch here' 'files'
	# State files have plain names, whatever the guest is called.
	equal "$(find "$WORK/cwd/state;touch here" -name '*.state' | wc -l)" 3 'state files'
	state_whole "$WORK/cwd/state;touch here"
	[ -z "$(find "$WORK/cwd/state;touch here" -mindepth 1 -name '*[^a-zA-Z0-9@_.%-]*')" ]
	[ -z "$(find "$WORK" -name here)" ]
}

@test "names that are paths, or that ssh or a shell would expand, are refused with the expected form" {
	local name
	: >"$WORK/precious"
	for name in ../precious root@../precious /etc/passwd a/b vsock/../x vsock/.x vsock/ ssh://web1/x ssh://web1/; do
		wrong "guest \"$name\" has .*\"/\", which only ssh://HOST and vsock/CID have: expected an ssh destination" "$name"
	done
	for name in .. . .state root@..; do wrong "guest \"$name\" has a host that starts with" "$name"; done
	for name in %h web%n fe80::1% fe80::1%eth0%x root@web%eth0; do
		wrong "guest \"$name\" has \"%\" elsewhere than before the interface of an IPv6 address" "$name"
	done
	wrong 'guest "%h@web1" has a user with an octet other than' %h@web1
	for name in '~' '~root' 'root@~'; do wrong 'has an octet other than letters, digits and' "$name"; done
	wrong 'guest "web1:22" has ":" in its host: a port is written ssh://HOST:PORT' web1:22
	for name in '[::1]' 'web[1]' 'root@[::1]'; do wrong 'has (brackets elsewhere than in|":" in its host)' "$name"; done
	wrong 'guest "ssh://::1:22" has an IPv6 address that is not in brackets' ssh://::1:22
	for name in 0 65536 ssh '' 022; do wrong 'has a port other than 1 to 65535' "ssh://web1:$name"; done
	for name in root@ ssh:// ssh://root@ ssh://:22; do wrong "guest \"$name\" names no host" "$name"; done
	wrong 'guest "@web1" has a user that is empty or' @web1
	wrong 'guest "ssh://-oX@web1" has a user that is empty or starts with' ssh://-oX@web1
	wrong 'guest "root@-oX" has a host that starts with' root@-oX
	[ -e "$WORK/precious" ]
}

@test "ssh receives the port, user, IPv6 address or vsock of each name, and each name has its own state" {
	local -A told=(
		[ssh://root@10.0.0.1:2201]='-p 2201 -- root@10.0.0.1' [ssh://root@10.0.0.1:2202]='-p 2202 -- root@10.0.0.1'
		[alice@10.0.0.1]='-- alice@10.0.0.1' [bob@10.0.0.1]='-- bob@10.0.0.1' [a@b.example@web1]='-- a@b.example@web1'
		[::1]='-- ::1' [root@::1]='-- root@::1' [fe80::1%eth0]='-- fe80::1%eth0' [ssh://web1]='-- web1'
		['ssh://root@[::2]:2222']='-p 2222 -- root@::2' ['ssh://[fe80::2%eth0]']='-- fe80::2%eth0'
		[vsock/3]='-- vsock/3' [root@vsock-mux/run/vm/3]='-- root@vsock-mux/run/vm/3')
	guestclock sync "${!told[@]}"
	silent
	equal "$(cut -f 12- "$FAKE_SSH/argv" | tr '\t' ' ' | sort)" "$(printf '%s exchange \n' "${told[@]}" | sort)" 'words of ssh'
	# Each is remembered by itself, in a plain file.
	equal "$(find "$STATE" -type f -name '*.state' ! -name '.*' | wc -l)" ${#told[@]} 'state files'
	equal "$(find "$WORK" -name '*.state' ! -path "$STATE/*")" '' 'state files elsewhere'
	state_whole
}

# ------------------------------------------------------------------------------------------ what ssh is started with

# What a well-started ssh records: see record_surroundings of tests/helpers/fake-ssh.c.
ALONE='own session, terminal: No such device or address, descriptors: 0 1 2, signals:'

@test "ssh runs in its own session, without a terminal, with three descriptors and default signals" {
	BEFORE=("$PYTHON" -I -S -c 'import os, signal, sys
for number in range(1, 32):
    if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP, signal.SIGUSR1])
for fd in 3, 9, 77:
    os.dup2(os.open("/dev/null", os.O_RDWR), fd)
os.execv(sys.argv[1], sys.argv[1:])')
	guestclock sync looks
	silent
	equal "$(<"$FAKE_SSH/surroundings")" "$ALONE" 'session, terminal, descriptors and signals of ssh'
}

@test "when root starts guestclock on a terminal, the user that owns the state directory cannot reach the terminal" {
	local as=()
	if [ "$(id -u)" -eq 0 ]; then
		# The directories belong to another user, who must be able to reach the fake's files.
		mkdir "$STATE"
		chown 61237:61237 "$STATE" "$FAKE_SSH"
		chmod o+x "$WORK" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
		as=(setpriv --reuid 61237 --regid 61237 --clear-groups)
		# Show that this test would notice: a program of that user on this terminal can open it.
		on_terminal "${as[@]}" sh -c ': </dev/tty && echo opened'
		named opened || { shown; return 1; }
	fi
	on_terminal "$GUESTCLOCK" sync --state "$STATE" looks
	equal "$status" 0 status || { shown; return 1; }
	equal "$(<"$FAKE_SSH/surroundings")" "$ALONE" 'session, terminal, descriptors and signals of ssh'
	[ "$(id -u)" -ne 0 ] || equal "$(stat -c %u "$FAKE_SSH/surroundings")" 61237 'user of ssh'
}

# another_owner: makes the state directory another user's, who can reach the fake's files.
another_owner() {
	[ "$(id -u)" -eq 0 ] || unmet 'not root: there is no other user'
	requires setpriv
	mkdir "$STATE"
	chown 61237:61237 "$STATE" "$FAKE_SSH"
	chmod o+x "$WORK" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
}

@test "when root starts guestclock, the user that owns the state directory gets no environment, directory or key of root's" {
	another_owner
	# Runs a command with a key in a new session keyring, as at a login.
	local with_key='import ctypes, os, sys
add, control = {"x86_64": (248, 250), "aarch64": (217, 219)}[os.uname().machine]
call = ctypes.CDLL(None).syscall
assert call(control, 1, None) > 0 and call(add, b"user", b"guestclock-secret", b"x", 1, -3) > 0
os.execvp(sys.argv[1], sys.argv[1:])'
	cat >"$WORK/bin/looks" <<-END
		#!/bin/sh
		{ env | sed 's/=.*//' | grep -vxE 'PWD|OLDPWD|SHLVL|_' | sort; pwd; grep -q guestclock-secret /proc/keys && echo key || echo no key; } >"$FAKE_SSH/seen" 2>&1
	END
	chmod +x "$WORK/bin/looks"
	mkdir -m 700 "$WORK/private"
	cd "$WORK/private"
	ln -sf looks "$WORK/bin/ssh"
	BEFORE=(env SECRET=hunter2 SSH_AUTH_SOCK=/nonexistent "$PYTHON" -I -S -c "$with_key")
	guestclock sync web1
	equal "$(tr '\n' ' ' <"$FAKE_SSH/seen")" 'PATH / no key ' 'what ssh got'
	# This test would notice: root keeps them where the directory is root's.
	chown 0:0 "$STATE"
	guestclock sync web1
	[[ "$(tr '\n' ' ' <"$FAKE_SSH/seen")" == *' SECRET '*"$WORK/private key " ]] || { cat "$FAKE_SSH/seen"; return 1; }
}

@test "when root starts guestclock, relative paths are those of its directory, and the owner of the state directory reads the list" {
	another_owner
	printf 'good.0.1\n' >"$WORK/list"
	printf 'root-secret\n' >"$WORK/secret"
	: >"$WORK/config"
	chmod 600 "$WORK/secret"
	STATE=${STATE##*/}
	cd "$WORK"
	guestclock sync -f list --ssh-config config --prometheus "$STATE/prom"
	silent
	[ -e "$WORK/state/prom" ]
	equal "$(cut -f 3 "$FAKE_SSH/argv")" "$WORK/config" "ssh's configuration"
	# A link of the owner's discloses no file of root's.
	ln -s "$WORK/secret" "$WORK/state/list"
	guestclock sync -f "$STATE/list"
	tells 2 "list of guests $WORK/state/list: Permission denied$"
	equal "$(started)" 1 'starts of ssh'
	guestclock sync -f - <list
	silent
}

@test "root does not write to a state directory that another user makes meanwhile" {
	another_owner
	requires strace
	BEFORE=(strace -qq -o "$WORK/calls" -e trace=mkdir -e inject=mkdir:delay_enter=2000000)
	STATE=$STATE/new
	guestclock_background run sync good
	# A sanitizer's runtime makes a directory of its own before that.
	wait_for 20 grep -qF "mkdir(\"$STATE\"" "$WORK/calls"
	mkdir "$STATE"
	chown 61237:61237 "$STATE"
	ended run
	equal "$status" 1 status
	[[ $output == *"state directory $STATE: Permission denied: the directory and its files must belong"* ]] || { shown; return 1; }
	equal "$(ls -A "$STATE")" '' 'files made there'
}

# ---------------------------------------------------------------------------------------------- lists of guests

@test "a list of guests that does not end, or that is too large, is refused in one line" {
	mkfifo "$WORK/list"
	LIMIT=20 guestclock_raw sync -f "$WORK/list"
	tells 2 "list of guests $WORK/list: does not end within 10 s$"
	at_most "$took" 12000 milliseconds
	yes '# a comment' | head -c 16777217 >"$WORK/large"
	wrong "list of guests $WORK/large: is larger than 16 MiB$" -f "$WORK/large"
	yes '# a comment' | { guestclock_raw sync -f - && tells 2 'list of guests -: is larger than 16 MiB$'; }
	# A list of this size, and one from another command, are read.
	truncate -s 16777205 "$WORK/large"
	printf '\ngood.0.1\n' >>"$WORK/large"
	guestclock sync -f "$WORK/large"
	silent
	guestclock sync -f <(sleep 0.3; printf 'good.0.2\n'; sleep 0.3; printf 'good.0.3\n')
	silent
	equal "$(started)" 3 'starts of ssh'
}

@test "a list of guests may have comments, empty lines, blanks, CR LF and repetitions, and lack a final LF" {
	printf '# all of them\n\n  \t\ngood.0.1\r\n\tgood.0.2 # second\r\n#good.0.9\ngood.0.1\ngood.0.3\n   # x\ngood.0.4' >"$WORK/list"
	guestclock sync -j 1 -f "$WORK/list" good.0.5 good.0.2
	silent
	equal "$(cut -f 13 "$FAKE_SSH/argv" | sort | tr '\n' ' ')" 'good.0.1 good.0.2 good.0.3 good.0.4 good.0.5 ' 'guests asked'
	# From standard input, which ssh does not inherit.
	guestclock_raw sync --state "$STATE" -j 1 -f - <"$WORK/list"
	silent
	equal "$(started)" 9 'starts of ssh in both runs'
}

@test "an empty list of guests, also from a missing command, is reported in one line, with status 1 or check's 3" {
	printf '# none yet\n\n' >"$WORK/list"
	guestclock_raw sync --state "$STATE" -f "$WORK/list"
	tells 1 "list of guests $WORK/list names no guest: nothing was done$"
	guestclock_raw sync --state "$STATE" -f - < <(nosuchvirsh list --name 2>/dev/null)
	tells 1 'list of guests - names no guest \(did the command that writes it fail\?\): nothing was done$'
	equal "$output" '' output
	guestclock_raw check --state "$STATE" -f "$WORK/list"
	tells 3
	equal "$output" "GUESTCLOCK UNKNOWN - list of guests $WORK/list names no guest: nothing was done" output
	[ ! -e "$STATE" ]
}

# bad_list LINE-NUMBER TEXT REGEX LIST: with the guest good before the LIST (printf's) and the guest good.0.last after it,
# that line is reported as TEXT and failed, and both guests are set.  With nothing else in it, the list is refused.
bad_list() {
	# shellcheck disable=SC2059
	printf "good\\n$4\\ngood.0.last\\n" >"$WORK/list"
	rm -rf "$STATE" "$FAKE_SSH/argv"
	guestclock sync -j 1 -f "$WORK/list"
	tells 1 "line $1 \(${2//[][\\.*^$+?(){\}|]/\\&}\): it .*$3.*: expected one ssh destination on each line of the list$" ||
		return 1
	equal "$(cut -f 13 "$FAKE_SSH/argv" | tr '\n' ' ')" 'good good.0.last ' 'guests asked' || return 1
	state_whole || return 1
	equal "$(find "$STATE" -name '*.state' | wc -l)" 2 'state files' || return 1
	rm -rf "$STATE" "$FAKE_SSH/argv"
	# shellcheck disable=SC2059
	printf "\\n$4" >"$WORK/list"
	wrong "list of guests $WORK/list, line $1 .*$3.*: expected one ssh destination on each line; no line has one$" -f "$WORK/list"
}

@test "an invalid line in a list of guests is reported with its number and fails the run, and the other guests are set" {
	bad_list 2 -oProxyCommand=x 'starts with "-"' '-oProxyCommand=x'
	bad_list 2 'debian 12' 'has more than one word' 'debian 12'
	bad_list 4 'good other # x' 'more than one word' '\n# comment\n  good other # x \r'
	bad_list 2 'go?d' 'has an octet other than' 'go\033d'
	bad_list 2 'g??st' 'has an octet other than' 'g\303\274st'
	bad_list 3 'good.0.3#x' 'has an octet other than' '\ngood.0.3#x'
	bad_list 2 'good;touch${IFS}x' 'has an octet other than' 'good;touch${IFS}x'
	bad_list 2 "good.0.$(printf '%0212d' 0)..." 'longer than 255' "good.0.$(printf '%0250d' 1)"
	# A byte-order mark is accepted at the start of the list only.
	bad_list 2 '???good' 'has an octet other than' '\357\273\277good'
}

@test "invalid lines in a list of guests are in each output, and make check unknown" {
	printf 'good\ndebian 12\ndebian 12\n' >"$WORK/list"
	guestclock check -f "$WORK/list"
	tells 3
	[[ $output == 'GUESTCLOCK UNKNOWN - 3 guests: 1 ok, 0 warning, 0 critical, 2 unknown; line 2 (debian 12): it has more than one word: '* ]] ||
		{ shown; return 1; }
	# A "|" in such a line does not begin the performance data.
	printf 'good\nweb1|web2\n' >"$WORK/pair"
	guestclock check -f "$WORK/pair"
	[[ $output == *'; line 2 (web1/web2): it has an octet other than '*" | 'good'="* ]] || { shown; return 1; }
	guestclock sync --json --prometheus "$WORK/metrics.prom" -f "$WORK/list"
	equal "$status" 1 status
	printf '%s\n' "$output" >"$WORK/json"
	json "$WORK/json" 'len(g) == 3' 'g["good"]["result"] == "ok"' 'g["line 2 (debian 12)"]["result"] == "failed"' \
		'g["line 3 (debian 12)"]["offset"] is None'
	# Each series is named once, or the collector would refuse the file.
	equal "$(grep -c '^guestclock_success{guest="line [23] (debian 12)"} 0' "$WORK/metrics.prom")" 2 'metrics'
	equal "$(grep -v '^#' "$WORK/metrics.prom" | cut -d '}' -f 1 | sort | uniq -d)" '' 'series named twice'
}

@test "a list of guests may have UTF-8's byte-order mark, and one in UTF-16 is refused by that name" {
	local encoding
	printf '\357\273\277good.0.1\r\ngood.0.2\r\n' >"$WORK/list"
	guestclock sync -j 1 -f "$WORK/list"
	silent
	equal "$(cut -f 13 "$FAKE_SSH/argv" | tr '\n' ' ')" 'good.0.1 good.0.2 ' 'guests asked'
	printf '\357\273\277' >"$WORK/list"
	guestclock sync -f "$WORK/list"
	tells 1 'names no guest'
	rm -r "$FAKE_SSH/argv" "$STATE"
	for encoding in UTF-16 UTF-16LE; do
		printf 'good.0.1\ngood.0.2\n' | iconv -t "$encoding" >"$WORK/list"
		wrong "list of guests $WORK/list: is in UTF-16: expected ASCII or UTF-8, as \"iconv -f UTF-16 -t UTF-8\" makes$" -f "$WORK/list"
	done
	printf '\376\377\0g' >"$WORK/list"
	wrong "list of guests $WORK/list: is in UTF-16" -f "$WORK/list"
	printf 'good\n' | iconv -t UTF-16BE >"$WORK/list"
	wrong "list of guests $WORK/list: has a NUL octet at its start, as UTF-16 and UTF-32 have" -f "$WORK/list"
}

@test "a list of guests with a NUL octet is refused" {
	printf 'good.0.1\n\0good.0.2\ngood.0.3\n' >"$WORK/list"
	wrong "list of guests $WORK/list" -f "$WORK/list"
	# Not at its very end either.
	printf 'good.0.1\n\0' >"$WORK/list"
	wrong "list of guests $WORK/list" -f "$WORK/list"
}

@test "without arguments guestclock reads the list and the ssh_config in /etc/guestclock" {
	requires_namespaces
	etc_make "$WORK/etc"
	mkdir "$WORK/etc/guestclock"
	local in_etc="PATH=\$PATH:/usr/sbin:/sbin; $ETC_MOUNT; shift; exec \"\$@\""
	# shellcheck disable=SC2046,SC2207
	BEFORE=(unshare $(ns_flags) sh -c "$in_etc" sh "$WORK/etc")
	guestclock sync
	tells 2 'list of guests /etc/guestclock/guests: No such file'
	printf 'good.0.1\ngood.0.2\n' >"$WORK/etc/guestclock/guests"
	guestclock sync
	silent
	equal "$(started)" 2 'starts of ssh'
	: >"$WORK/etc/guestclock/ssh_config"
	guestclock sync good.0.3
	silent
	equal "$(tail -n 1 "$FAKE_SSH/argv" | cut -f 2,3,14,15)" $'-F\t/etc/guestclock/ssh_config\t--\tgood.0.3' 'words of ssh'
	equal "$(started)" 3 'starts of ssh: guests on the command line replace the default list'
}

# ---------------------------------------------------------------------------------------------------- output

@test "without a terminal sync prints nothing on success, and one line for each guest that failed" {
	guestclock sync good.0.1 good.-5200.2 good.50.3
	silent
	guest_right good.0.1 good.-5200.2
	equal "$(guest good.50.3 steps slews)" '0 1' 'steps and slews'
	guestclock sync good.0.1 exit255 toofar.-5000 version good.0.4
	tells 1 'exit255: ssh: connect to host x port 22: Connection refused: no sshd listens there: .*' 'toofar\.-5000: the guest refused: too-far the clock would move' \
		'version: it speaks version 2 of the exchange, this host version 1: install the same release on both$'
	[ -z "$output" ]
}

# on_terminal COMMAND...: runs COMMAND with a terminal on all three descriptors; sets $status and $output.
on_terminal() {
	requires script
	local words
	printf -v words '%q ' "$@"
	status=0
	output=$(PATH=$GUEST_PATH timeout 30 script -qec "$words" /dev/null </dev/null 2>&1) || status=$?
	errors=
}

@test "on a terminal sync prints a line for each guest, the progress and a summary" {
	on_terminal "$GUESTCLOCK" sync --state "$STATE" -j 1 good.-5200 good.50 good.0 exit255
	equal "$status" 1 status || { shown; return 1; }
	[[ $output =~ good\.-5200\ +-5\.[12][09][0-9]{7}\ s\ \ \+-\ 0\.0[0-9]{8}\ s\ \ step\ +residual\ [+-]0\.00[0-9]{7}\ s ]] || { shown; return 1; }
	[[ $output =~ good\.50\ +\+0\.0(49|50)[0-9]{6}\ s\ \ \+-\ 0\.0[0-9]{8}\ s\ \ slew ]] || { shown; return 1; }
	[[ $output =~ good\.0\ +[+-]0\.0000[0-9]{5}\ s\ \ \+-\ 0\.0[0-9]{8}\ s\ \ none ]] || { shown; return 1; }
	[[ $output == *'exit255     failed: ssh: connect to host x port 22: Connection refused'* ]] || { shown; return 1; }
	named '1 of 4, 0 failed' && named '3 of 4, 0 failed' || { shown; return 1; }
	not named '4 of 4'
	named '4 guests, 3 right, 1 failed' || { shown; return 1; }
	# Every progress count is erased before another line is written.
	equal "$(printf '%s' "$output" | grep -o 'failed'$'\r\033' | wc -l)" 3 'progress counts that were erased'
}

@test "on a terminal --json prints only JSON on standard output" {
	requires script
	local words
	printf -v words '%q ' "$GUESTCLOCK" sync --state "$STATE" --json good.0.1 good.0.2
	PATH=$GUEST_PATH run_cmd timeout 30 script -qec "$words 2>/dev/null" /dev/null </dev/null
	printf '%s\n' "${output//$'\r'/}" >"$WORK/json"
	json "$WORK/json" 'len(g) == 2'
}

@test "--json prints one object a line, with the documented keys" {
	guestclock sync --json good.-5200 good.50 good.0.7 exit255 toofar.-5000 garbage other.300
	equal "$status" 1 status
	equal "$errors" '' 'standard error'
	printf '%s\n' "$output" >"$WORK/json"
	json "$WORK/json" 'len(g) == 7' \
		'all(list(o) == "guest time offset bound delay action residual drift estimate uncertainty rate event result error".split() for o in g.values())' \
		'set(o["result"] for o in g.values()) == {"ok", "failed", "refused"}' \
		'all((o["error"] is None) == (o["result"] == "ok") for o in g.values())' \
		'all(o[k] is None for o in g.values() for k in "estimate uncertainty rate event".split())' \
		'all(o["result"] == "ok" or o["offset"] is o["bound"] is o["delay"] is o["action"] is o["residual"] is None for o in g.values())' \
		'all(abs(o["time"] - __import__("time").time()) < 60 for o in g.values())' \
		'g["good.-5200"]["action"] == "step" and abs(g["good.-5200"]["offset"] + 5.2) < 0.005' \
		'abs(g["good.-5200"]["residual"]) < 0.005 and 0 < g["good.-5200"]["bound"] < 0.05' \
		'all(abs(o["bound"] - o["delay"] / 2) < 1e-8 for o in g.values() if o["result"] == "ok")' \
		'g["good.50"]["action"] == "slew" and abs(g["good.50"]["offset"] - 0.05) < 0.005 and g["good.50"]["residual"] == g["good.50"]["offset"]' \
		'g["good.0.7"]["action"] == "none" and g["good.0.7"]["drift"] is None' \
		'g["garbage"]["error"].startswith("not an answer of guestclock-set: \"???[2J$(touch garbage) \"\\ ")' \
		'g["other.300"]["action"] == "other-service"' \
		'g["toofar.-5000"]["result"] == "refused" and g["toofar.-5000"]["error"].startswith("too-far ")' \
		'g["exit255"]["error"].startswith("ssh: connect to host x port 22: Connection refused: no sshd listens there")'
	# check prints the same keys, and only measures.
	guestclock check --json good.-7000.9 >/dev/null
	equal "$status" 2 status
	printf '%s\n' "$output" >"$WORK/json"
	json "$WORK/json" 'abs(g["good.-7000.9"]["offset"] + 7) < 0.005 and g["good.-7000.9"]["action"] == "none"'
	equal "$(guest good.-7000.9 offset steps slews tells)" '-7000000000 0 0 0' 'the clock that was checked'
}

@test "--json reports the drift since the last correction" {
	with_clock status=0
	guestclock sync good.0
	silent
	# Two minutes later it has gained 12 ms: 100 ppm.
	python -I -S "$TOP/tests/lib/fakeclock.py" set "$WORK/hostclock" offset_ns=120.0
	printf '12000000 0 0 1 1 1\n' >"$FAKE_SSH/clock-good.0"
	guestclock sync --json good.0
	printf '%s\n' "$output" >"$WORK/json"
	# The seconds that the test takes make it smaller.
	json "$WORK/json" '90 < g["good.0"]["drift"] < 101'
	state_whole
}

@test "sync reports a limit on the size of files, and sets the guests all the same" {
	guestclock sync -j 1 good.0.{1..12}
	silent
	(($(wc -c <"$STATE/log") >= 1024))
	rm "$FAKE_SSH/argv"
	# Files of at most 1,024 octets: a state fits, another line of the log does not.
	BEFORE=(bash -c 'ulimit -f 1 && exec "$@"' bash)
	guestclock sync good.0.1 good.0.2
	tells 1 "cannot write to $STATE: File too large; the guests are handled all the same$"
	BEFORE=()
	state_whole
	guest_right good.0.1 good.0.2
}

@test "sync fails when it cannot write to standard output, and sets the guests although the reader has gone" {
	[ -c /dev/full ]
	status=0
	PATH=$GUEST_PATH timeout 30 "$GUESTCLOCK" sync --state "$STATE" --json good >/dev/full 2>"$WORK/stderr" || status=$?
	output='' errors=$(<"$WORK/stderr")
	tells 1 'standard output'
	# If the reader has gone, sync does not wait, and sets the guests.
	PATH=$GUEST_PATH timeout 30 "$GUESTCLOCK" sync --state "$STATE" --json good.-5000.{1..9} 2>/dev/null | true
	guest_right good.-5000.{1..9}
}

# ------------------------------------------------------------------------------------------------ Prometheus

@test "--prometheus writes HELP and TYPE for each metric, and a value for each guest" {
	guestclock sync good.-7000.8
	silent
	guestclock sync --prometheus "$WORK/metrics.prom" good.-5200 good.0.7 exit255
	tells 1 exit255
	python -I -S - "$WORK/metrics.prom" <<-'END'
	import re, sys
	with open(sys.argv[1], encoding="ascii") as file:
	    text = file.read()
	helps, types, values, order = set(), {}, {}, []
	for line in text.splitlines():
	    if m := re.fullmatch(r"# HELP (guestclock_[a-z_]+) \S.*\.", line):
	        assert m[1] not in helps, line
	        helps.add(m[1])
	        order.append(m[1])
	    elif m := re.fullmatch(r"# TYPE (guestclock_[a-z_]+) gauge", line):
	        assert m[1] in helps and m[1] not in types, line
	        types[m[1]] = 1
	    else:
	        m = re.fullmatch(r'(guestclock_[a-z_]+)\{guest="((?:[^"\\\n]|\\\\|\\"|\\n)*)"\} (-?\d+\.\d{9})', line)
	        assert m and m[1] == order[-1], line
	        assert (m[1], m[2]) not in values, line
	        values[m[1], m[2]] = float(m[3])
	assert text.endswith("\n") and set(types) == helps
	names = {"offset_seconds", "bound_seconds", "residual_seconds", "round_trip_seconds", "last_success_timestamp_seconds", "success",
	    "uncertainty_seconds", "rate_ratio", "event"}
	assert helps == {"guestclock_" + name for name in names}, helps
	step, right, dead = "good.-5200", "good.0.7", "exit255"
	assert {guest for _, guest in values} == {step, right, dead}, values
	assert abs(values["guestclock_offset_seconds", step] + 5.2) < 0.005
	assert abs(values["guestclock_residual_seconds", step]) < 0.005
	assert 0 < values["guestclock_bound_seconds", step] <= values["guestclock_round_trip_seconds", step]
	assert values["guestclock_success", step] == values["guestclock_success", right] == 1
	assert values["guestclock_success", dead] == 0
	assert values["guestclock_last_success_timestamp_seconds", step] > 1793491200
	# A guest without a result has no other values.
	assert [name for name, guest in values if guest == dead] == ["guestclock_success"], values
	END
	equal "$(stat -c %a "$WORK/metrics.prom")" 644 mode
	# A guest that fails later keeps only the time of its last success.
	rm "$WORK/bin/ssh"
	printf '#!/bin/sh\necho gone >&2\nexit 255\n' >"$WORK/bin/ssh"
	chmod +x "$WORK/bin/ssh"
	guestclock sync --prometheus "$WORK/metrics.prom" good.-7000.8
	tells 1 'good.-7000.8: ssh or the guest says: gone'
	equal "$(grep -c '^[^#]' "$WORK/metrics.prom")" 2 'values of a guest that failed'
	grep -qE '^guestclock_last_success_timestamp_seconds\{guest="good\.-7000\.8"\} 17' "$WORK/metrics.prom"
}

@test "--prometheus reports in one line a file that it cannot write, and keeps the old file" {
	printf 'old\n' >"$WORK/old.prom"
	mkdir "$WORK/there"
	local path
	for path in "$WORK/missing/metrics.prom" "$WORK/there" "$WORK/old.prom/metrics.prom"; do
		guestclock sync --prometheus "$path" good.-5000
		tells 1 "cannot write $path: "
		guest_right good.-5000
	done
	equal "$(<"$WORK/old.prom")" old 'the old file'
	equal "$(find "$WORK" -name '*.new' -o -name '.*.prom*' -o -name '.guestclock-*')" '' 'files left behind'
	# On a full disk.
	with_tmpfs 16k 'cd "$1" && printf "old\n" >metrics.prom && cat /dev/zero >fill 2>/dev/null
		"$GUESTCLOCK" sync --state "$WORK/state" --prometheus "$1/metrics.prom" good.0.1 good.0.2 good.0.3 good.0.4 good.0.5 good.0.6 2>"$WORK/stderr"
		echo $? >"$WORK/status"; cat metrics.prom; ls' >"$WORK/out"
	status=$(<"$WORK/status") output='' errors=$(<"$WORK/stderr")
	tells 1 "cannot write $WORK/small/metrics.prom: No space left on device"
	equal "$(<"$WORK/out")" $'old\nfill\nmetrics.prom' 'the old file, and the names of all files'
}

@test "--prometheus follows no symbolic or hard link, and its temporary file has a random name" {
	requires strace
	local kind
	mkdir -m 1777 "$WORK/metrics"
	for kind in -s ''; do
		printf 'precious\n' >"$WORK/precious"
		chmod 600 "$WORK/precious"
		rm -f "$WORK/metrics/"*
		# A link at the name of an earlier release's temporary file, and one at the file's own name.
		ln $kind "$WORK/precious" "$WORK/metrics/m.prom.new"
		ln $kind "$WORK/precious" "$WORK/metrics/m.prom"
		guestclock sync --prometheus "$WORK/metrics/m.prom" good
		silent
		equal "$(<"$WORK/precious")" precious 'contents of the target of the links'
		equal "$(stat -c %a "$WORK/precious")" 600 'mode of the target'
		[ ! -L "$WORK/metrics/m.prom" ]
		equal "$(stat -c '%a %h' "$WORK/metrics/m.prom")" '644 1' 'mode and links of the new file'
		equal "$(find "$WORK/metrics" -type f -name '.*')" '' 'files left behind'
	done
	local line
	for line in 1 2; do
		PATH=$GUEST_PATH strace -qq -e trace=openat -o "$WORK/strace" "$GUESTCLOCK" sync --state "$STATE" --prometheus "$WORK/metrics/m.prom" good
		grep -F "\"$WORK/metrics/" "$WORK/strace" | tee -a "$WORK/opened"
	done
	equal "$(grep -cE '/metrics/\.guestclock-[0-9a-f]{16}", O_WRONLY\|O_CREAT\|O_EXCL\|O_NOFOLLOW\|O_CLOEXEC, 0600\)' "$WORK/opened")" 2 'files made'
	equal "$(grep -o 'guestclock-[0-9a-f]*' "$WORK/opened" | sort -u | wc -l)" 2 'names'
}

@test "--prometheus leaves a complete file or none when guestclock is killed" {
	local i guests helps
	guests=$(printf 'good.0.%d ' {1..60})
	# shellcheck disable=SC2086
	guestclock sync -j 60 --prometheus "$WORK/metrics.prom" $guests
	silent
	helps=$(grep -c '^# HELP' "$WORK/metrics.prom")
	equal "$(grep -c '^guestclock_success{' "$WORK/metrics.prom")" 60 guests
	rm "$WORK/metrics.prom"
	for i in {1..12}; do
		# shellcheck disable=SC2086
		guestclock_background run sync -j 60 --prometheus "$WORK/metrics.prom" $guests
		sleep "0.0$((i % 10))$((RANDOM % 10))"
		stop run KILL
		[ -e "$WORK/metrics.prom" ] || continue
		equal "$(grep -c '^# HELP' "$WORK/metrics.prom")" "$helps" "metrics, killed for the $i. time"
		equal "$(grep -c '^guestclock_success{' "$WORK/metrics.prom")" 60 "guests, killed for the $i. time"
		rm "$WORK/metrics.prom"
	done
}

# ----------------------------------------------------------------------------------------------------- check

# checked STATUS REGEX ARGUMENTS...: checks the status of check, and its one line of output.
checked() {
	local want=$1 regex=$2
	shift 2
	guestclock check "$@"
	tells "$want" || return 1
	# At most one "|", which begins the performance data.
	[[ $output != *$'\n'* && $output != *'|'*'|'* && $output =~ ^$regex$ ]] && return 0
	printf 'the line does not match: %s\n' "$regex"
	shown
	return 1
}

@test "check prints one line with performance data, and its status is that of the worst guest" {
	checked 0 "GUESTCLOCK OK - 2 guests: 2 ok, 0 warning, 0 critical, 0 unknown; worst good\.100\.2 \+0\.(099|100)[0-9]{6} s \|( 'good\.(100|0)\.[12]'=-?[0-9]+\.[0-9]{9}s;0\.500000000;5\.000000000){2}" good.0.1 good.100.2
	checked 1 "GUESTCLOCK WARNING - 2 guests: 1 ok, 1 warning, 0 critical, 0 unknown; worst good\.-600\.3 -0\.(599|600)[0-9]{6} s \|.*" good.0.1 good.-600.3
	checked 2 "GUESTCLOCK CRITICAL - 3 guests: 1 ok, 1 warning, 1 critical, 0 unknown; worst good\.6000\.4 \+(5\.999|6\.000)[0-9]{6} s \|.*" good.0.1 good.-600.3 good.6000.4
	checked 3 'GUESTCLOCK UNKNOWN - 1 guest: 0 ok, 0 warning, 0 critical, 1 unknown; exit255: ssh: connect to host x port 22: Connection refused: .*' exit255
	# A "|" would begin performance data.
	checked 3 'GUESTCLOCK UNKNOWN - 1 guest: [^|]*garbage[^|]*' garbage
	# The worst guest decides the status, and a clock known to be wrong is worse than one that could not be read.
	checked 3 'GUESTCLOCK UNKNOWN - 2 guests: .*' good.-600.3 exit255
	checked 2 'GUESTCLOCK CRITICAL - 3 guests: 1 ok, 0 warning, 1 critical, 1 unknown; worst good\.-9000\.5 .*' exit255 good.-9000.5 good.0.1
	# A name with a character that would end the label.
	checked 0 "GUESTCLOCK OK - 1 guest: .* \| 'good\.0\.a_b'=[^']*" good.0.a=b
	# check has set no clock.
	equal "$(guest good.6000.4 offset steps slews tells)" '6000000000 0 0 0' 'the clock that was checked'
}

@test "check's line has at most 1,000 octets, with the count and the worst guest, whatever the number of guests" {
	local i name
	{
		for ((i = 1; i <= 200; i++)); do printf 'good.%d.%d\n' "$((i % 100))" "$i"; done
		printf 'good.-9000.worst\ngood.400.next\n'
	} >"$WORK/list"
	checked 2 "GUESTCLOCK CRITICAL - 202 guests: 201 ok, 0 warning, 1 critical, 0 unknown; worst good\.-9000\.worst -(8\.999|9\.000)[0-9]{6} s \| 'good\.-9000\.worst'=-[0-9.]+s;0\.500000000;5\.000000000 'good\.400\.next'=0\.[0-9]+s;0\.500000000;5\.000000000( 'good\.[0-9]+\.[0-9]+'=-?[0-9.]+s;0\.500000000;5\.000000000)+" -j 32 -f "$WORK/list"
	((${#output} > 900 && ${#output} <= 999)) || { shown; return 1; }
	# The longest name, and no room for any performance data but its own.
	printf -v name 'good.-9000.%0244d' 1
	checked 2 "GUESTCLOCK CRITICAL - 1 guest: .*; worst $name -[0-9.]+ s \| '$name'=-[0-9.]+s;0\.500000000;5\.000000000" "$name"
}

@test "check compares offsets with the limits of -w and -c" {
	checked 0 'GUESTCLOCK OK.*;8\.000000000;9\.500000000' -w 8 -c 9.5 good.-7000
	checked 1 'GUESTCLOCK WARNING.*' -w 6.5 -c 8 good.-7000
	checked 2 'GUESTCLOCK CRITICAL.*' -w 0.1 -c 6.5 good.7000
	checked 2 'GUESTCLOCK CRITICAL.*' -w 0 -c 0 good.1
	checked 1 'GUESTCLOCK WARNING.*' -w 0.001 good.7
}

@test "check ends with the status that its line names, even if the Prometheus file cannot be written" {
	local words=(OK WARNING CRITICAL UNKNOWN) offset
	for offset in 0 -600 -6000; do
		guestclock check --prometheus "$WORK/missing/metrics.prom" "good.$offset"
		[[ $output == "GUESTCLOCK ${words[status]} - "* ]] || { shown; return 1; }
		tells "$status" 'cannot write .*/missing/metrics.prom: '
	done
}

# ------------------------------------------------------------------------------------------ this host's own clock

# host_refused REGEX [OPTION...]: checks that sync and check refuse to work, in one line that matches.
host_refused() {
	local before
	before=$(started)
	guestclock sync "${@:2}" good
	tells 1 "$1.*: nothing was done" || return 1
	guestclock check "${@:2}" good
	unknown "$1.*: nothing was done" || return 1
	equal "$(started)" "$before" 'starts of ssh'
}

@test "--require-sync refuses to work unless the host's kernel reports a synchronised clock" {
	with_clock status=0 maxerror_us=1000 esterror_us=1000
	guestclock sync --require-sync good
	silent
	with_clock
	host_refused "this host's clock is not synchronised" --require-sync
	guestclock sync good
	silent
}

@test "guestclock refuses to work while the host's clock reads before the release date" {
	local now release=1793491200
	now=$EPOCHSECONDS
	with_clock offset_ns=$(((release - now - 10) * 1000000000))
	host_refused "this host's clock reads before 2026-11-01, when this program was released"
	with_clock offset_ns=$((-now * 1000000000))
	host_refused "this host's clock reads before 2026-11-01"
	with_clock offset_ns=$(((release - now + 10) * 1000000000))
	guestclock sync good
	silent
}

@test "guestclock refuses to work while the host's clock reads before the newest time in its log" {
	guestclock sync good
	silent
	with_clock offset_ns=-60.0
	host_refused "this host's clock reads before 20[0-9-]+T[0-9:.]+Z, the newest time in guestclock's log \($STATE/log\)"
	# A time service may slew this host's clock or step it a little.
	with_clock offset_ns=-1.0
	guestclock sync good
	silent
	own_clock
	guestclock sync good
	silent
	# An incomplete last line does not hide the line before it.
	printf '2020-01-01T00:00:' >>"$STATE/log"
	with_clock offset_ns=-60.0
	host_refused "the newest time in guestclock's log"
	own_clock
	guestclock sync good
	silent
}

# ------------------------------------------------------------------------------------------ state and history

@test "a run writes one state file for each guest and one line for each result to the log" {
	guestclock sync good.-5200 exit255
	equal "$status" 1 status
	state_whole
	equal "$(stat -c %a "$STATE" "$STATE/log" "$STATE/good.-5200.state" | tr '\n' ' ')" '755 644 644 ' modes
	grep -qE '^20[0-9-]+T[0-9:]+\.[0-9]{9}Z good\.-5200 sync ok step offset=-5\.[0-9]{9} bound=0\.[0-9]{9} delay=0\.[0-9]{9} residual=[+-]0\.[0-9]{9}$' "$STATE/log"
	grep -q ' exit255 sync failed ssh: connect to host x port 22: Connection refused: no sshd listens there: .*$' "$STATE/log"
	grep -q '^result ok$' "$STATE/good.-5200.state"
	grep -q '^last-success +0\.000000000$' "$STATE/exit255.state"
	guestclock check good.-5200
	equal "$(wc -l <"$STATE/log")" 3 'lines of the log'
	grep -q ' good.-5200 check ok none ' "$STATE/log"
	# There are no other files.
	equal "$(find "$STATE" -mindepth 1 ! -name '.*' | wc -l)" 3 files
}

@test "state files and log stay complete when guestclock is killed at any time" {
	local i guests
	guests=$(printf 'good.0.%d ' {1..40})
	for i in {1..30}; do
		# shellcheck disable=SC2086
		guestclock_background run sync -j 8 $guests
		sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
		stop run KILL
		state_whole || { printf 'killed for the %d. time\n' "$i"; return 1; }
	done
	# shellcheck disable=SC2086
	guestclock sync -j 8 $guests
	silent
	equal "$(find "$STATE" -name '*damaged*')" '' 'files set aside'
	equal "$(find "$STATE" -name '*.state' ! -name '.*' | wc -l)" 40 'state files'
}

@test "the next run replaces a state file that a killed run left unfinished" {
	guestclock sync good
	silent
	printf 'half of a st' >"$STATE/.good.state.new"
	guestclock sync good
	silent
	equal "$(find "$STATE" -name '*.new')" '' 'files left behind'
	state_whole
}

@test "a link or FIFO at the name of the temporary state file is neither followed nor waited for" {
	local kind
	mkdir "$STATE"
	for kind in 'ln -s' ln mkfifo; do
		printf 'precious\n' >"$WORK/precious"
		rm -f "$STATE/.good.state.new"
		case $kind in ln*) $kind "$WORK/precious" "$STATE/.good.state.new" ;; *) mkfifo "$STATE/.good.state.new" ;; esac
		LIMIT=5 guestclock sync good
		silent
		equal "$(<"$WORK/precious")" precious "contents of the target, $kind"
		[ ! -e "$STATE/.good.state.new" ]
		state_whole
	done
}

# damaged TEXT: checks that the damaged state of good is renamed and reported in one line, and a new one written.
damaged() {
	guestclock sync good
	tells 0 "$STATE/good.state is damaged \(.*\); set aside as good.state.damaged-[0-9]+$" || { printf 'damage: %s\n' "$1"; return 1; }
	equal "$(find "$STATE" -name 'good.state.damaged-*' | wc -l)" 1 'files set aside' || return 1
	rm -rf "$STATE"/good.state.damaged-*
	state_whole && grep -q '^result ok$' "$STATE/good.state"
}

@test "a damaged state file is renamed and reported in one line, and the guest is set" {
	guestclock sync good
	silent
	local whole=$STATE/good.state edit
	cp "$whole" "$WORK/whole"
	for edit in '$d' '1d' '3d' 's/^guest good$/guest other/' 's/^time +/time /' 's/^time .*/time +99999999999.000000000/' \
		's/^result .*/result fine/' 's/^action .*/action jump/' 's/^\(before [^ ]*\) +/\1 -/' 's/^before [^ ]* /before /' \
		's/^\(after .*\)/\1 /' 's/^drift-ppb .*/drift-ppb +1/' 's/^text /text\t/' 's/1$/2/' 's/^end$/end\nend/' \
		's/$/\r/' '1s/^/ /' '/^reference /d' 's/^reference +/reference /' 's/^guest .*/guest ../' "s/^text .*/text $(printf '%0400d' 1)/"; do
		sed "$edit" "$WORK/whole" >"$whole"
		damaged "sed $edit" || return 1
	done
	: >"$whole"
	damaged empty
	head -c 100 "$WORK/whole" >"$whole"
	damaged 'cut short'
	head -c 3000 /dev/urandom >"$whole"
	damaged 'random octets'
	{ cat "$WORK/whole"; head -c 100000 /dev/zero; } >"$whole"
	damaged 'with an end of NULs'
	{ head -c 50 "$WORK/whole"; printf '\0'; tail -c +52 "$WORK/whole"; } >"$whole"
	damaged 'a NUL in it'
	rm "$whole"
	mkdir "$whole"
	damaged 'a directory'
	rm "$whole"
	mkfifo "$whole"
	damaged 'a FIFO'
}

@test "the state is kept where this host's boot id cannot be read, as under guestclock.service" {
	local run
	BEFORE=(unshare -m sh -c 'mount -t tmpfs none /proc/sys/kernel/random && exec "$@"' sh)
	for run in 1 2; do
		guestclock sync raw.-5200
		silent
	done
	grep -q '^rate-boots - 0123$' "$STATE/raw.-5200.state"
	equal "$(find "$STATE" -name '*damaged*')" '' 'damaged states'
}

@test "a state file that is a symbolic link is replaced, not followed" {
	guestclock sync good
	cp "$STATE/good.state" "$WORK/target"
	cp "$WORK/target" "$WORK/target.before"
	ln -sf "$WORK/target" "$STATE/good.state"
	guestclock sync good
	equal "$status" 0 status
	cmp "$WORK/target" "$WORK/target.before"
	[ ! -L "$STATE/good.state" ]
	state_whole
}

# damaged_log TEXT: checks that the damaged log is renamed and reported in one line, and a new one started.
damaged_log() {
	guestclock sync good
	tells 0 "$STATE/log is damaged \(.*\); set aside as log.damaged-[0-9]+$" || { printf 'damage: %s\n' "$1"; return 1; }
	equal "$(find "$STATE" -name 'log.damaged-*' | wc -l)" 1 'files set aside' || return 1
	rm -rf "$STATE"/log.damaged-*
	state_whole && equal "$(wc -l <"$STATE/log")" 1 'lines of the log'
}

@test "a damaged log is renamed and reported in one line, and a new log is started" {
	guestclock sync good
	local line
	line=$(<"$STATE/log")
	printf '%s\n%s\n' "$line" "${line#2}" >"$STATE/log"
	damaged_log 'a date cut off'
	printf '%s\nhello\n' "$line" >"$STATE/log"
	damaged_log 'a line of something else'
	printf '%s\n' "${line/-11-/-13-}" >"$STATE/log"
	damaged_log 'no such date'
	printf '%s\n\n' "$line" >"$STATE/log"
	damaged_log 'an empty line'
	printf '%s\r\n' "${line:0:20}" >"$STATE/log"
	damaged_log 'a line too short'
	head -c 10000 /dev/zero >"$STATE/log"
	damaged_log NULs
	{ head -c 10000 /dev/urandom; echo; } >"$STATE/log"
	damaged_log 'random octets'
}

@test "a log that is a directory, FIFO or symbolic link is reported in one line, and the guest is set" {
	mkdir -p "$STATE/log"
	guestclock sync good.-5000.1
	((status <= 1))
	tells "$status" "$STATE"
	rm -rf "$STATE"
	mkdir "$STATE"
	mkfifo "$STATE/log"
	guestclock sync good.-5000.2
	((status <= 1))
	tells "$status" "$STATE"
	rm -rf "$STATE"
	mkdir "$STATE"
	: >"$WORK/target"
	ln -s "$WORK/target" "$STATE/log"
	guestclock sync good.-5000.3
	((status <= 1))
	tells "$status" "$STATE"
	equal "$(<"$WORK/target")" '' 'contents of the target'
	guest_right good.-5000.{1,2,3}
}

@test "a log that is empty, or whose last line is incomplete, is continued" {
	guestclock sync good
	printf '2026-11-23T00:' >>"$STATE/log"
	guestclock sync good
	silent
	equal "$(wc -l <"$STATE/log")" 3 lines
	equal "$(tail -n 1 "$STATE/log" | cut -d' ' -f 2,3,4)" 'good sync ok' 'the last line'
	: >"$STATE/log"
	guestclock sync good
	silent
	printf '2026-1' >"$STATE/log"
	guestclock sync good
	silent
	equal "$(wc -l <"$STATE/log")" 2 lines
}

@test "on a full disk the guests are set, the old state files stay complete, and one line reports it" {
	with_tmpfs 64k '
		"$GUESTCLOCK" sync --state "$1" good.-5000.1 good.0.2 || exit 98
		head -c 100 /dev/zero >>"$1/log"; truncate -s -100 "$1/log"
		cp "$1/good.-5000.1.state" "$WORK/old"
		cat /dev/zero >"$1/fill" 2>/dev/null
		"$GUESTCLOCK" sync --state "$1" good.-5000.1 good.0.2 good.-5000.3 good.-5000.4 2>"$WORK/stderr"
		echo $? >"$WORK/status"
		cmp "$1/good.-5000.1.state" "$WORK/old" || exit 97
		cp -r "$1" "$WORK/full"
		rm "$1/fill"
		"$GUESTCLOCK" sync --state "$1" good.-5000.1 good.0.2 good.-5000.3 good.-5000.4 2>"$WORK/stderr2" || exit 96
		cp -r "$1" "$WORK/freed"'
	status=$(<"$WORK/status") output='' errors=$(<"$WORK/stderr")
	tells 1 "cannot write to $WORK/small: No space left on device; the guests are handled all the same"
	guest_right good.-5000.{1,3,4}
	equal "$(find "$WORK/full" -type f ! -name '.*' | sed 's|.*/||' | sort | tr '\n' ' ')" 'fill good.-5000.1.state good.0.2.state log ' 'files of the full disk'
	rm "$WORK/full/fill"
	state_whole "$WORK/full"
	equal "$(<"$WORK/stderr2")" '' 'standard error with room again'
	equal "$(tail -n 4 "$WORK/freed/log" | grep -c ' sync ok ')" 4 'whole lines at the end of the log'
	equal "$(find "$WORK/freed" -name '*.state' | wc -l)" 4 'state files'
	equal "$(find "$WORK/freed" -name '*damaged*')" '' 'files set aside'
}

@test "a log of more than 8 MB is cut to its newer half" {
	guestclock sync good
	local line
	line=$(<"$STATE/log")
	# More than 8 MB of lines, numbered in the guest's name.
	python -I -S -c 'import sys
for number in range(1, 80001):
    print(sys.argv[1].replace(" good ", f" good.{number:05} "))' "$line" >"$WORK/log"
	(($(stat -c %s "$WORK/log") > 8 * 1024 * 1024))
	cp "$WORK/log" "$STATE/log"
	guestclock sync good.0.1 good.0.2
	silent
	within_log
	# Below the limit it is left alone.
	local before
	before=$(wc -l <"$STATE/log")
	guestclock sync good.0.1
	silent
	equal "$(wc -l <"$STATE/log")" $((before + 1)) 'lines of the log'
}

# within_log: checks that the log has its newer half, in whole lines
within_log() {
	local size first
	size=$(stat -c %s "$STATE/log")
	((size > 4 * 1024 * 1024 && size < 7 * 1024 * 1024)) || { printf 'size: %s\n' "$size"; return 1; }
	state_whole || return 1
	first=$(head -n 1 "$STATE/log" | cut -d ' ' -f 2)
	equal "$(grep -c "^[^ ]* good\.[0-9]\{5\} " "$STATE/log")" $((80000 - 10#${first#good.} + 1)) 'old lines' || return 1
	grep -q ' good\.80000 ' "$STATE/log" || return 1
	equal "$(tail -n 2 "$STATE/log" | cut -d ' ' -f 2 | sort | tr '\n' ' ')" 'good.0.1 good.0.2 ' 'the last lines'
}

@test "a sync and a check at the same time write complete logs, and a second sync gives way to the first" {
	guestclock_background one sync -j 8 good.0.1{0..9}{0..9}
	guestclock_background two check -j 8 good.0.2{0..9}{0..9}
	ended one
	equal "$status" 0 'status of the sync'
	ended two
	equal "$status" 0 'status of the check'
	equal "$(wc -l <"$STATE/log")" 200 'lines of the log'
	equal "$(cut -d ' ' -f 2 "$STATE/log" | sort -u | wc -l)" 200 'guests in the log'
	state_whole
	guestclock_background one sync -t 20 hang
	wait_for 5 started_at_least 201
	guestclock sync good.-5000
	tells 1 "$STATE: another sync or watch is running with this state directory: nothing was done"
	equal "$(started)" 201 'starts of ssh'
	guestclock check good.0.1
	tells 0
	kill -s TERM "$(pid_of one)"
	ended one
	# A killed sync holds no lock.
	guestclock_background one sync -t 20 hang
	wait_for 5 started_at_least 203
	stop one KILL
	guestclock sync good.-5000
	silent
	guest_right good.-5000
}

@test "a state directory that cannot be used is reported in one line, and no guest is contacted" {
	: >"$WORK/file"
	local path
	for path in "$WORK/file" "$WORK/file/state" "$WORK/missing/state" /proc/guestclock; do
		guestclock_raw sync --state "$path" good.-5000
		tells 1 "state directory $path: .*; --state names another"
		guestclock_raw check --state "$path" good.-5000
		unknown "state directory $path: "
	done
	equal "$(started)" 0 'starts of ssh'
	requires_namespaces
	with_tmpfs 64k 'mount -o remount,ro "$1" && "$GUESTCLOCK" sync --state "$1" good.-5000 2>"$WORK/stderr"; echo $? >"$WORK/status"'
	status=$(<"$WORK/status") output=
	tells 1 "state directory $WORK/small: Read-only file system"
	equal "$(started)" 0 'starts of ssh'
}
