#!/usr/bin/env bats
# README.md and doc/: short enough, no dead link, and every command in them works or is accepted.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own: what it sets is meant for itself
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

# blocks FILE [SECTION]: the lines of its indented blocks, without the indentation
blocks() {
	awk -v section="${2-}" '
		/^## / { inside = section == "" || $0 == "## " section }
		NR == 1 && section == "" { inside = 1 }
		/^ *$/ { blank = 1; next }
		/^    / && inside && (blank || block) { sub(/^ +/, ""); print; block = 1; blank = 0; next }
		{ block = blank = 0 }' "$TOP/$1"
}

# joined: what is read, with a line that ends in "|" and the next one in one
joined() { sed -e ':again' -e '/|$/{N;s/\n */ /;b again}'; }

documents() { (cd "$TOP" && printf '%s\n' README.md doc/*.md); }

# make_root: an /etc and a home of root's for a machine that is host and guest at once: the host is 192.168.122.1, the
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

# in_root SCRIPT: runs it there, in the checkout, with nothing in /usr/local, /run and /var/lib.
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

# accepted STATUS TEXT COMMAND...: it ends with STATUS, and TEXT is part of what it prints
accepted() {
	local want=$1 text=$2
	shift 2
	status=0
	output=$(no_clock "$@" 2>&1 </dev/null) || status=$?
	((status == want)) && [[ $output == *"$text"* ]] && return 0
	printf '%s: status %s, expected %s and "%s"\n%s\n' "$*" "$status" "$want" "$text" "$output"
	return 1
}

# request WORDS: guestclock-set reads the request and refuses it for its kind alone
request() {
	local -a words
	read -ra words <<<"$1"
	accepted 1 'is not among the requests' env -u SSH_CONNECTION "$GUESTCLOCK_SET" --allow status -- "${words[@]}"
}

# ------------------------------------------------------------------------------------------------------ form

@test "README.md has at most 150 lines" {
	at_most "$(wc -l <"$TOP/README.md")" 150 'lines of README.md'
}

@test "every relative link leads to a file" {
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

# line_accepted LINE: proves that a line of a block is what it should be.  Lines for the private root are collected in
# $WORK/script, with those of an ssh_config in $ETC/config.
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
	'guestclock '* | 'virsh list --name | guestclock '*)
		printf '%s >/dev/null || { echo "status $?"; exit 1; }\n' "$line" >>"$WORK/script"
		;;
	'*/5 * * * * root timeout 60 ssh '*)
		# cron turns "%" into a line's end.
		[[ $line != *%* ]] && line_accepted "${line#'*/5 * * * * root timeout 60 '}"
		;;
	'in.timed | ssh '*) line_accepted "${line#in.timed | }" ;;
	'scp build/guestclock-set dist/install.sh root@web1:') [ -e "$TOP/dist/install.sh" ] || return 1 ;;
	'ssh '*)
		# With guestclock's key, as opposed to the administrator's own way to log in.
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
		# make install-guest places it in libexec, README's scp in sbin.
		[[ $word == /usr/local/libexec/guestclock-set* || $word == /usr/local/sbin/guestclock-set* ]] || return 1
		read -ra words <<<"$word"
		accepted 0 'not-after ' env -u SSH_CONNECTION "$GUESTCLOCK_SET" "${words[@]:1}" -- status
		;;
	'in.timed: '*) printf '%s\n' "$line" >>"$WORK/tables" ;;
	'Host '* | 'HostName '* | 'ProxyJump '*) printf '%s\n' "$line" >>"$ETC/config" ;;
	'systemctl enable --now '*) [ -e "$TOP/systemd/${words[3]}" ] || { printf 'no such unit\n'; return 1; } ;;
	'journalctl -u guestclock' | 'service xinetd reload') ;;
	'ssh-keygen -R web1 -f /etc/guestclock/known_hosts' | "sed -i 's/disable.*= yes/disable = no/' /etc/xinetd.d/in-timed-stream")
		# The quick start below runs these.
		;;
	*)
		# What commands print.
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

@test "each line of each block is run, or accepted by the program that it is for" {
	local file line seen=0 targets
	requires "$GUESTCLOCK" "$GUESTCLOCK_SET" ssh ssh-keygen
	make_root
	targets=$(make -C "$TOP" -pRrq : 2>/dev/null || :)
	# Guests that are right, and libvirt's list.
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
		# These two have drawings and a grammar.
		case $file in doc/exchange.md | doc/processes.md) continue ;; esac
		while IFS= read -r line; do
			line_accepted "$line" || { printf 'in %s: %s\n' "$file" "$line"; return 1; }
			seen=$((seen + 1))
		done < <(if [ "$file" = README.md ]; then
			for section in 'See it work' 'rdate with xinetd' Limits; do blocks README.md "$section"; done |
				grep -v '^echo '
			# The first block stands above all sections.
			sed -n '1,/^## /s/^    //p' "$TOP/README.md"
		else blocks "$file"; fi | joined)
	done < <(documents)
	((seen > 35)) || { printf 'only %s lines\n' "$seen"; return 1; }
	printf 'ssh -G -T -F /etc/config web1 | grep -qx "proxyjump root@gateway" || exit\n' >>"$WORK/script"
	run_cmd in_root "$(<"$WORK/script")"
	equal "$output" '' 'what the commands said'
}

# What shows that in.timed answers the guest.
SERVED='timeout 10 ssh -o IdentitiesOnly=yes -o LogLevel=ERROR -i /etc/guestclock/id_guest root@web1 "rdate -pv 192.168.122.1"'

@test "the quick start and the way by xinetd, as printed, on a machine with nothing but a real sshd" {
	[ "$(id -u)" -eq 0 ] || unmet 'not root: no other users'
	requires "$SSHD" "$XINETD" scp ssh-keyscan systemd-sysusers
	make_root
	# The administrator's own way to log in.
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
		# Once more in cron's place, and what it left.
		printf 'guestclock sync\ncat /var/lib/guestclock/log\nstat -c "%%U %%a" /etc/guestclock/id_guest /var/lib/guestclock/log\n'
		blocks README.md 'rdate with xinetd' | grep -E '^(sed|echo) '
		printf 'timeout 60 %s -f /etc/xinetd.conf -pidfile /run/xinetd.pid -filelog /run/xinetd.log\n' "$XINETD"
		printf 'for i in 1 2 3 4 5 6 7 8 9; do ! ss -ltn | grep -q ":37 " || break; sleep 0.1; done; cat /run/xinetd.log\n'
		# This machine's clock is not to be set, so the request says -p; as printed it fails for that alone.
		blocks README.md 'rdate with xinetd' | sed -n 's/"rdate -v /"rdate -pv /p; s/.* root \(timeout .*\)"rdate -s /\1"rdate -ps /p'
		blocks README.md 'rdate with xinetd' | sed -n '/^ssh .*"rdate -v /s/$/ 2>\&1 || echo "status $?"/p'
		# The other tables, and one that denies.
		blocks doc/superservers.md 'Access control' | awk 'NR == 1 { f = "allow" } NR == 2 { f = "deny" }
			{ printf "echo \047%s\047 >/etc/hosts.%s\n", $0, f }'
		printf 'sleep 1.2\n%s\n: >/etc/hosts.allow\nsleep 1.2\n%s 2>&1 || echo "status $?"\n' "$SERVED" "$SERVED"
		# And without the guest.
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

@test "requests, options and commands within the text are accepted" {
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
			# An option of one of the three programs.
			text=${text%%[ =…]*}
			grep -qE "^\.(Op|It) Fl ${text#-}( |\$)" "$TOP"/man/*.8 || { printf 'no such option: %s\n' "$text"; return 1; }
			;;
		*) continue ;;
		esac
		seen=$((seen + 1))
	done < <(cd "$TOP" && documents | xargs grep -hoE '`[^`]+`' | tr -d '`' | sort -u)
	((seen > 10)) || { printf 'only %s\n' "$seen"; return 1; }
	# What README's table says of rdate's options in single letters.
	for text in -u -n -a -p -e; do request "rdate $text host"; done
}

# -------------------------------------------------------------------------------------------- what programs say

@test "what the tables of doc/troubleshooting.md quote is what the programs say" {
	local row part seen=0
	requires "$IN_TIMED" "$GUESTCLOCK_SET" "$GUESTCLOCK"
	while IFS= read -r row; do
		# The first cell: one or more texts, each with "…" for what differs.
		while IFS= read -r part; do
			case $part in
			# Other programs'.
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

@test "doc/exchange.md: the example is a session that guestclock-set holds, and the numbers are the program's" {
	local seconds='[0-9]+\.[0-9]{9}' line greeting word number
	local -a guest
	set_start
	mapfile -t guest < <(blocks doc/exchange.md Example | sed -n 's/^< //p')
	clock_reads 1203108540.113
	blocks doc/exchange.md Example | sed -n 's/^> //p' >"$WORK/orders"
	set_by_hand --max-rate 500 -- exchange <"$WORK/orders"
	# The same words; only clocks, boot and kernel differ.
	line=$(sed -E "s/^((now|done) )$seconds\$/\1SECONDS/; s/ boot=[^ ]+ / boot=ID /" <<<"$output")
	equal "$line" "$(printf '%s\n' "${guest[@]}" | sed -E "s/^((now|done) )$seconds\$/\1SECONDS/; s/ boot=[^ ]+ / boot=ID /")" 'the session'
	equal "$status" 1 'status after a refusal'
	# The host's side reads the example's greeting too.
	greeting='^guestclock 1 boot=[0-9a-f-]{1,39} sync=(no|guestclock|other) freq=[-+][0-9]+\.[0-9]{3} tick=[0-9]{1,9}$'
	[[ ${guest[0]} =~ $greeting ]]
	equal "$(blocks doc/exchange.md 'The greeting')" "${guest[0]}" 'the greeting'
	# Each reason of the grammar has its row, and is the program's word.
	for word in $(blocks doc/exchange.md Grammar | sed -n '/^reason /,/^text /{s/^text .*//;p}' | grep -oE '"[a-z-]+"' | tr -d '"'); do
		grep -qE "^\| (\`[a-z-]+\`, )?\`$word\`" "$TOP/doc/exchange.md" || { printf 'no row for %s\n' "$word"; return 1; }
		grep -qaF -- "$word" "$GUESTCLOCK_SET" || { printf 'not a reason of the program: %s\n' "$word"; return 1; }
		number=$((number + 1))
	done
	equal "$number" 11 'reasons'
	# 255 octets with LF are a line, 256 are not; 64 orders to set, and no more.
	printf 'bye%0252d\nbye%0251d\nnow\n' 0 0 >"$WORK/orders"
	set_by_hand --dry-run -- exchange <"$WORK/orders"
	equal "$(cut -d' ' -f1-4 <<<"$output" | sed -n '2,3p' | tr '\n' ';')" 'no syntax a line;no syntax expected now,;' 'long lines'
	{ for ((number = 0; number < 65; number++)); do echo 'step +0.000000001'; done; echo now; } >"$WORK/orders"
	set_by_hand --dry-run -- exchange <"$WORK/orders"
	equal "$(cut -d' ' -f1,2 <<<"$output" | sed 1d | sort | uniq -c | tr -s ' \n' ' ')" ' 64 no dry-run 1 no too-many ' 'replies to 65 orders'
}
