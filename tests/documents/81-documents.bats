#!/usr/bin/env bats
# README.md is short, no link in it or in doc/ is dead, and the commands in them run or are accepted by the programs.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it
# shellcheck disable=SC2016 # what stands in single quotes is for another shell, or for none
# shellcheck disable=SC2154 # logged comes from tests/lib/set.bash

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/set

GUESTCLOCK=${GUESTCLOCK:-$TOP/build/guestclock}
SSHD=$PEERS/usr/sbin/sshd
XINETD=$PEERS/usr/sbin/xinetd

setup_file() { set_setup_file; }
setup() { common_setup; }
teardown() { common_teardown; }

# blocks FILE [SECTION]: prints the lines of its indented blocks, without the indentation
blocks() {
	awk -v section="${2-}" '
		/^## / { inside = section == "" || $0 == "## " section }
		NR == 1 && section == "" { inside = 1 }
		/^ *$/ { blank = 1; next }
		/^    / && inside && (blank || block) { sub(/^ +/, ""); print; block = 1; blank = 0; next }
		{ block = blank = 0 }' "$TOP/$1"
}

# joined: copies its input, and joins each line that ends in "|" with the next
joined() { sed -e ':again' -e '/|$/{N;s/\n */ /;b again}'; }

documents() { (cd "$TOP" && printf '%s\n' README.md doc/*.md); }

# make_root: makes an /etc and root's home for a machine that is both host and guest: the host is 192.168.122.1, the
# guest web1 is 192.168.122.11.
make_root() {
	requires ssh ssh-keygen unshare ip
	ETC=$WORK/etc ROOT=$WORK/root
	etc_make "$ETC"
	printf '192.168.122.11 web1\n' >>"$ETC/hosts"
	mkdir -p "$ETC/guestclock" "$ROOT/.ssh" "$WORK/bin"
	sed -i "s|^root:.*|root:x:0:0:root:$ROOT:/bin/sh|; /^sshd:/d" "$ETC/passwd"
	printf 'sshd:x:61238:65534::/run/sshd:/usr/sbin/nologin\n' >>"$ETC/passwd"
}

# in_root SCRIPT: runs SCRIPT on that machine, in the checkout, with empty /usr/local, /run and /var/lib.
in_root() {
	local inside='
		{
			echo link set lo up
			echo address add 192.168.122.1/32 dev lo
			echo address add 192.168.122.11/32 dev lo
			echo route replace table local local 192.168.122.11 dev lo src 192.168.122.1
		} | ip -batch - && shift && cd "$2" && HOME=$1 PATH=$PATH:/usr/sbin:/sbin && export HOME PATH || exit
		for each in /usr/local /run /var/lib; do mount -t tmpfs -o mode=755 tmpfs $each || exit; done
		mkdir /run/sshd && eval "$3"'
	# shellcheck disable=SC2046
	no_clock unshare $(ns_flags) --net sh -c "$ETC_MOUNT && $inside" sh "$ETC" "$ROOT" "$TOP" "umask 022; $1" </dev/null
}

# accepted STATUS TEXT COMMAND...: checks that COMMAND ends with STATUS and prints TEXT among other things
accepted() {
	local want=$1 text=$2
	shift 2
	status=0
	output=$(no_clock "$@" 2>&1 </dev/null) || status=$?
	((status == want)) && [[ $output == *"$text"* ]] && return 0
	printf '%s: status %s, expected %s and "%s"\n%s\n' "$*" "$status" "$want" "$text" "$output"
	return 1
}

# request WORDS: checks that guestclock-set understands the request, and refuses it only because of --allow
request() {
	local -a words
	read -ra words <<<"$1"
	accepted 1 'is not among the requests' env -u SSH_CONNECTION "$GUESTCLOCK_SET" --allow status -- "${words[@]}"
}

# ------------------------------------------------------------------------------------------------------ form

@test "README.md has at most 150 lines" {
	at_most "$(wc -l <"$TOP/README.md")" 150 'lines of README.md'
}

@test "every relative link in the documents leads to a file, and README.md links to each document" {
	local file link seen=0
	while read -r file; do
		while read -r link; do
			case $link in http*://* | '') continue ;; esac
			[ -e "$TOP/$(dirname "$file")/${link%%#*}" ] || { printf '%s: no such file: %s\n' "$file" "$link"; return 1; }
			seen=$((seen + 1))
		done < <(grep -oE '\]\([^)]*\)' "$TOP/$file" | sed 's/^](//; s/)$//')
	done < <(documents; printf '%s\n' CONTRIBUTING.md SECURITY.md)
	((seen >= 8)) || { printf 'only %s links\n' "$seen"; return 1; }
	# README.md leads to each of them.
	while read -r file; do
		[ "$file" = README.md ] || grep -qF "]($file)" "$TOP/README.md" || { printf 'no link to %s\n' "$file"; return 1; }
	done < <(documents)
}

# --------------------------------------------------------------------------------------------------- commands

# line_accepted LINE: checks a line of a block.  Lines that run on the machine of make_root are collected in
# $WORK/script, those of an ssh_config in $ETC/config.
line_accepted() {
	local line=$1 word
	local -a words
	line=${line#'host# '}
	read -ra words <<<"${line%% #*}"
	case $line in
	'apt install '*)
		for word in "${words[@]:2}"; do
			grep -qE "(^| )$word( |\$)" <<<"make $(sed -n "/^install='/,/^'/p; /^unpack='/,/^'/p" "$TOP/tests/setup.sh")" ||
				{ printf 'not in tests/setup.sh: %s\n' "$word"; return 1; }
		done
		;;
	make) ;;
	'make '*) grep -qE "^${words[1]}:" <<<"$targets" || { printf 'no such target: %s\n' "${words[1]}"; return 1; } ;;
	'guestclock watch'*)
		# It runs until a signal ends it.
		printf 'timeout --preserve-status 3 %s >/dev/null 2>/run/watch && grep -q " 1 right, 0 failed" /run/watch || { cat /run/watch; exit 1; }\n' \
			"$line" >>"$WORK/script"
		;;
	'[Service]' | 'ExecStart=') ;;
	ReadWritePaths=/*) printf '[ -d %s ] || exit\n' "${line#*=}" >>"$WORK/script" ;;
	'ExecStart=/usr/local/sbin/guestclock watch --require-sync '*)
		# This machine's clock may not be synchronised.
		line_accepted "guestclock watch ${line#* --require-sync }"
		;;
	'guestclock '* | 'virsh list --name | guestclock '*)
		printf '%s >/dev/null || { echo "status $?"; exit 1; }\n' "$line" >>"$WORK/script"
		;;
	'*/5 * * * * root timeout 60 ssh '*)
		# cron turns "%" into a newline.
		[[ $line != *%* ]] && line_accepted "${line#'*/5 * * * * root timeout 60 '}"
		;;
	'in.timed | ssh '*) line_accepted "${line#in.timed | }" ;;
	'scp build/guestclock-set dist/install.sh root@web1:') [ -e "$TOP/dist/install.sh" ] || return 1 ;;
	'ssh '*)
		# Lines with guestclock's key have these options, lines with the administrator's own login need not.
		[[ $line == *' -o IdentitiesOnly=yes -o LogLevel=ERROR '* || $line != *' '/etc/guestclock/* ]] ||
			{ printf 'without the two options\n'; return 1; }
		printf 'ssh -G -T %s >/dev/null || exit\n' "${line#ssh }" >>"$WORK/script"
		word=$(sed -n 's/.*"\(rdate .*\)"$/\1/p' <<<"$line")
		[ -z "$word" ] || request "$word"
		;;
	'rdate '*) request "$line" ;;
	'restrict,command="'*)
		word=${line#*\"}
		word=${word%%\"*}
		# make install-guest installs the program in libexec, README's scp in sbin.
		[[ $word == /usr/local/libexec/guestclock-set* || $word == /usr/local/sbin/guestclock-set* ]] || return 1
		read -ra words <<<"$word"
		accepted 0 'not-after ' env -u SSH_CONNECTION "$GUESTCLOCK_SET" "${words[@]:1}" -- status
		;;
	'in.timed: '*) printf '%s\n' "$line" >>"$WORK/tables" ;;
	'Host '* | 'HostName '* | 'ProxyJump '*) printf '%s\n' "$line" >>"$ETC/config" ;;
	'systemctl '*' guestclock'* | 'systemctl '*' in.timed'*)
		word=${words[-1]}
		[ -e "$TOP/systemd/$word" ] || [ -e "$TOP/systemd/$word.service" ] || { printf 'no such unit\n'; return 1; }
		[[ $line != 'systemctl reload '* ]] || grep -q '^ExecReload=' "$TOP/systemd/$word.service" || { printf 'cannot reload\n'; return 1; }
		[[ $line != *' enable '* ]] || grep -q '^\[Install\]' "$TOP/systemd/$word"* || { printf 'cannot be enabled\n'; return 1; }
		;;
	'journalctl -u guestclock' | 'journalctl -u guestclock-watch' | 'service xinetd reload') ;;
	'ssh-keygen -R web1 -f /etc/guestclock/known_hosts' | "sed -i 's/disable.*= yes/disable = no/' /etc/xinetd.d/in-timed-stream")
		# The test of the quick start runs these.
		;;
	*)
		# Output of commands.
		[[ $line =~ ^(web1|db1)\ +[-+][0-9]+\.[0-9]{9}\ s\ +\+-\ [0-9]+\.[0-9]{9}\ s\ +(step|none) ||
		$line =~ ^2\ guests,\ 2\ right,\ 0\ failed$ || $line =~ ^'GUESTCLOCK OK - 1 guest: 1 ok, ' ||
		$line =~ ^Mon\ Nov\ 23\ 07:29:[0-9]+\ UTC\ 2026$ ||
		$line =~ ^192\.168\.122\.1:\ offset\ [-+][0-9.]+\ s,\ (step|within-bound),\ now\ [-+][0-9.]+\ \+-\ [0-9.]+\ s$ ]] || {
			printf 'no test knows this kind of line\n'
			return 1
		}
		;;
	esac
}

@test "every line of every code block runs, or the program that it is for accepts it" {
	local file line seen=0 targets
	requires "$GUESTCLOCK" "$GUESTCLOCK_SET" ssh ssh-keygen
	make_root
	targets=$(make -C "$TOP" -pRrq : 2>/dev/null || :)
	# An ssh to guests whose clocks are right, and a virsh that lists one guest.
	cat >"$WORK/bin/ssh" <<-END
		#!/bin/sh
		[ "\$1" != -G ] || exec $(command -v ssh) "\$@"
		for word; do [ "\$word" != exchange ] || exec $GUESTCLOCK_SET -- exchange; done
		exit 255
	END
	printf '#!/bin/sh\necho web1\n' >"$WORK/bin/virsh"
	chmod +x "$WORK/bin/"*
	ln -s "$GUESTCLOCK" "$WORK/bin/guestclock"
	printf 'PATH=%s:$PATH; mkdir /var/lib/guestclock /var/lib/node_exporter || exit\n' "$WORK/bin" >"$WORK/script"
	cp "$TOP/ssh_config" "$ETC/guestclock/ssh_config"
	printf 'web1\n' >"$ETC/guestclock/guests"
	: >"$ETC/guestclock/id_guest"
	while read -r file; do
		# The blocks of these two files are drawings and a grammar.
		case $file in doc/exchange.md | doc/processes.md) continue ;; esac
		while IFS= read -r line; do
			line_accepted "$line" || { printf 'in %s: %s\n' "$file" "$line"; return 1; }
			seen=$((seen + 1))
		done < <(if [ "$file" = README.md ]; then
			for section in 'See it work' 'rdate with xinetd' Limits; do blocks README.md "$section"; done |
				grep -v '^echo '
			# The first block is above all sections.
			sed -n '1,/^## /s/^    //p' "$TOP/README.md"
		else blocks "$file"; fi | joined)
	done < <(documents)
	((seen > 35)) || { printf 'only %s lines\n' "$seen"; return 1; }
	printf 'ssh -G -T -F /etc/config web1 | grep -qx "proxyjump root@gateway" || exit\n' >>"$WORK/script"
	run_cmd in_root "$(<"$WORK/script")"
	equal "$output" '' 'output of the commands'
}

# A request that succeeds only if in.timed answers the guest.
SERVED='timeout 10 ssh -o IdentitiesOnly=yes -o LogLevel=ERROR -i /etc/guestclock/id_guest root@web1 "rdate -pv 192.168.122.1"'

@test "the quick start and the xinetd setup work as printed, on a machine that has only a real sshd" {
	[ "$(id -u)" -eq 0 ] || unmet 'not root: no other users'
	requires "$SSHD" "$XINETD" scp ssh-keyscan systemd-sysusers
	make_root
	# The administrator's own login to the guest.
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/hostkey" </dev/null
	ssh-keygen -q -t ed25519 -N '' -f "$ROOT/.ssh/id_ed25519" </dev/null
	cp "$ROOT/.ssh/id_ed25519.pub" "$ROOT/.ssh/authorized_keys"
	printf 'web1 %s\n' "$(<"$WORK/hostkey.pub")" >"$ROOT/.ssh/known_hosts"
	printf '%s\n' 'ListenAddress 192.168.122.11' "HostKey $WORK/hostkey" 'PidFile /run/sshd.pid' 'UsePAM no' 'PermitRootLogin yes' \
		"Subsystem sftp $PEERS/usr/lib/openssh/sftp-server" "$(sshd_paths "$PEERS")" >"$WORK/sshd_config"
	printf 'includedir /etc/xinetd.d\n' >"$ETC/xinetd.conf"
	{
		printf 'set -e\nchown -R root: "$HOME"; trap "kill \\$(cat /run/sshd.pid /run/xinetd.pid 2>/dev/null)" EXIT\n'
		printf '%s -f %s/sshd_config\n' "$SSHD" "$WORK"
		blocks README.md 'Quick start' | grep -v '^apt install '
		# A second run, as cron's, and the files that it wrote.
		printf 'guestclock sync\ncat /var/lib/guestclock/log\nstat -c "%%U %%a" /etc/guestclock/id_guest /var/lib/guestclock/log\n'
		blocks README.md 'rdate with xinetd' | grep -E '^(sed|echo) '
		printf 'timeout 60 %s -f /etc/xinetd.conf -pidfile /run/xinetd.pid -filelog /run/xinetd.log\n' "$XINETD"
		printf 'for i in 1 2 3 4 5 6 7 8 9; do ! ss -ltn | grep -q ":37 " || break; sleep 0.1; done; cat /run/xinetd.log\n'
		# This machine's clock must not be set, so the request has -p; the printed one fails only because it may not set.
		blocks README.md 'rdate with xinetd' | sed -n 's/"rdate -v /"rdate -pv /p; s/.* root \(timeout .*\)"rdate -s /\1"rdate -ps /p'
		blocks README.md 'rdate with xinetd' | sed -n '/^ssh .*"rdate -v /s/$/ 2>\&1 || echo "status $?"/p'
		# The tables of doc/superservers.md, and one that denies the guest.
		blocks doc/superservers.md 'Access control' | awk 'NR == 1 { f = "allow" } NR == 2 { f = "deny" }
			{ printf "echo \047%s\047 >/etc/hosts.%s\n", $0, f }'
		printf 'sleep 1.2\n%s\n: >/etc/hosts.allow\nsleep 1.2\n%s 2>&1 || echo "status $?"\n' "$SERVED" "$SERVED"
		# Remove the guest.
		blocks doc/many-guests.md 'Remove a guest' | sed 's/$/ 2>\&1/'
		printf 'guestclock sync 2>&1 || echo "status $?"\n'
	} >"$WORK/script"
	run_cmd in_root "$(<"$WORK/script")" || { cat "$WORK/script"; return 1; }
	printf '%s\n' "$output"
	[[ $output == *'# Host web1 found: '*' ED25519 '* ]]
	equal "$(grep -cE ' web1 sync ok none offset=[-+]0\.0[0-9]* ' <<<"$output")" 2 'lines of the log'
	[[ $output == *$'\n_guestclock 600\n_guestclock 644\n'* ]]
	equal "$(grep -cE '^192\.168\.122\.1: offset [-+][0-9.]+ \+- [0-9.]+ s$' <<<"$output")" 2 'answers of in.timed'
	[[ $output == *'no CAP_SYS_TIME, so the clock cannot be set'*$'\nstatus 111\n'* ]]
	[[ $output == *'closed without an answer: '*$'\nstatus 111\n'* ]]
	[[ $output == *'guestclock: web1: '*$'\nstatus 1' ]]
}

@test "the programs accept the requests, options and make targets that the documents' text mentions" {
	local text targets seen=0
	requires "$IN_TIMED" "$GUESTCLOCK_SET"
	targets=$(make -C "$TOP" -pRrq : 2>/dev/null || :)
	while IFS= read -r text; do
		case $text in
		'rdate -'*)
			[[ $text == *HOST ]] || text="$text HOST"
			request "${text/HOST/host}" || return 1
			;;
		'make '*)
			grep -qE "^${text#make }:" <<<"$targets" || { printf 'no such target: %s\n' "$text"; return 1; }
			;;
		--*)
			# An option of one of the three programs, as in its manual.
			text=${text%%[ =…]*}
			grep -qE "^\.(Op|It) Fl ${text#-}( |\$)" "$TOP"/man/*.8 || { printf 'no such option: %s\n' "$text"; return 1; }
			;;
		*) continue ;;
		esac
		seen=$((seen + 1))
	done < <(cd "$TOP" && documents | xargs grep -hoE '`[^`]+`' | tr -d '`' | sort -u)
	((seen > 10)) || { printf 'only %s\n' "$seen"; return 1; }
	# The options of rdate in README's table.
	for text in -u -n -a -p -e; do request "rdate $text host"; done
}

# -------------------------------------------------------------------------------------------- what programs say

@test "the programs contain the messages that doc/troubleshooting.md quotes" {
	local row part seen=0
	requires "$IN_TIMED" "$GUESTCLOCK_SET" "$GUESTCLOCK"
	while IFS= read -r row; do
		# The first cell has one or more messages, with "…" for the parts that vary.
		while IFS= read -r part; do
			case $part in
			# Messages of other programs.
			'No such file or directory' | 'not found' | 'exchange: '*'not found' | 'Operation not permitted') continue ;;
			esac
			while IFS= read -r part; do
				part=$(sed 's/^[ ",]*//; s/[ ",]*$//' <<<"$part")
				[ -z "$part" ] || grep -qaF -e "$part" "$IN_TIMED" "$GUESTCLOCK_SET" "$GUESTCLOCK" || {
					printf 'no program says: %s\n' "$part"
					return 1
				}
				seen=$((seen + 1))
			done <<<"${part//…/$'\n'}"
		done < <(grep -oE '`[^`]+`' <<<"${row%% | *}" | tr -d '`')
	done < <(sed -n '/^## The forced command/,/^## Things that look odd/{/^| `/s/^| //p}' "$TOP/doc/troubleshooting.md")
	((seen > 25)) || { printf 'only %s texts\n' "$seen"; return 1; }
}

@test "guestclock-set replies as in the example session of doc/exchange.md, and has the limits given there" {
	local seconds='[0-9]+\.[0-9]{9}' same greeting word number
	local -a guest
	set_start
	mapfile -t guest < <(blocks doc/exchange.md Example | sed -n 's/^< //p')
	clock_reads 1203108540.113
	blocks doc/exchange.md Example | sed -n 's/^> //p' >"$WORK/orders"
	set_by_hand --max-rate 500 -- exchange <"$WORK/orders"
	# The replies are the same except for clocks, numbers, the boot ID and the version.
	same="s/^((now|done|raw) )$seconds/\\1SECONDS/; s/^(raw SECONDS )$seconds/\\1RAW/; s/^(done SECONDS) [1-9][0-9]*\$/\\1 SETS/"
	same+='; s/ boot=[^ ]+ / boot=ID /; s/ program=[^ ]+ / program=VERSION /'
	equal "$(sed -E "$same" <<<"$output")" "$(printf '%s\n' "${guest[@]}" | sed -E "$same")" 'the session'
	equal "$status" 111 'status after a refusal'
	# The example's greeting has the form that the host accepts.
	greeting='^guestclock 1 boot=[0-9a-f-]{1,39} sync=(no|guestclock|other) freq=[-+][0-9]+\.[0-9]{3} tick=[0-9]{1,9} program=[0-9A-Za-z.+~-]{1,31} raw$'
	[[ ${guest[0]} =~ $greeting ]]
	equal "$(blocks doc/exchange.md 'The greeting')" "${guest[0]}" 'the greeting'
	# Each reason of the grammar has a row in the table and occurs in the program.
	for word in $(blocks doc/exchange.md Grammar | sed -n '/^reason /,/^text /{s/^text .*//;p}' | grep -oE '"[a-z-]+"' | tr -d '"'); do
		grep -qE "^\| (\`[a-z-]+\`, )?\`$word\`" "$TOP/doc/exchange.md" || { printf 'no row for %s\n' "$word"; return 1; }
		grep -qaF -- "$word" "$GUESTCLOCK_SET" || { printf 'not a reason of the program: %s\n' "$word"; return 1; }
		number=$((number + 1))
	done
	equal "$number" 12 'reasons'
	# A line has at most 255 octets with its LF, and a session at most 64 orders to set.
	printf 'bye%0252d\nbye%0251d\nnow\n' 0 0 >"$WORK/orders"
	set_by_hand --dry-run -- exchange <"$WORK/orders"
	equal "$(cut -d' ' -f1-4 <<<"$output" | sed -n '2,3p' | tr '\n' ';')" 'no syntax a line;no syntax expected now,;' 'long lines'
	{ for ((number = 0; number < 65; number++)); do echo 'step +0.000000001'; done; echo now; } >"$WORK/orders"
	set_by_hand --dry-run -- exchange <"$WORK/orders"
	equal "$(cut -d' ' -f1,2 <<<"$output" | sed 1d | sort | uniq -c | tr -s ' \n' ' ')" ' 64 no dry-run 1 no too-many ' 'replies to 65 orders'
}
