#!/usr/bin/env bats
# The ways to start guestclock: cron's line, run as cron runs it, with the real guest and the shipped ssh_config; and
# systemd's units.

load ../lib/common
load ../guest/guest.bash

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.." || return 1
	# shellcheck disable=SC1091
	. tests/guest/guest.bash
	installed=$BATS_FILE_TMPDIR/installed
	make -s install DESTDIR= prefix="$installed/usr" sysconfdir="$installed/etc" >"$BATS_FILE_TMPDIR/install.out"
	export installed
	# The user must be able to reach the installed files.
	chmod o+x "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_FILE_TMPDIR"/..
	guest_start
	ssh-keygen -q -t ed25519 -N '' -f "$installed/etc/guestclock/id_guest"
	guest_authorize "restrict,command=\"/usr/libexec/guestclock-set\" $(cat "$installed/etc/guestclock/id_guest.pub")"
}

teardown_file() {
	guest_stop
}

setup() { common_setup; }
teardown() { common_teardown; }

# The user that guestclock becomes: a number that no account here has.  Without root there is only one user, root's.
DRIVER=$([ "$(id -u)" -eq 0 ] && printf 61237 || printf 0)

# make_etc: makes an /etc with the files of make install and those that an administrator adds: the list, the guest's
# host key, and in ssh_config a block for a port other than 22, above the shipped lines as those lines require.
make_etc() {
	ETC=$WORK/etc
	etc_make "$ETC"
	cp -a "$installed/etc/guestclock" "$ETC/"
	printf 'web1\n' >"$ETC/guestclock/guests"
	ssh-keyscan -p "$(guest_state ssh.port)" -t ed25519 127.0.0.1 2>/dev/null |
		sed 's/^[^ ]*/web1/' >"$ETC/guestclock/known_hosts"
	[ -s "$ETC/guestclock/known_hosts" ]
	{
		printf 'Host web1\n\tHostName 127.0.0.1\n\tPort %s\n\tHostKeyAlias web1\n' "$(guest_state ssh.port)"
		cat "$installed/etc/guestclock/ssh_config"
	} >"$ETC/guestclock/ssh_config"
	printf '_guestclock:x:%s:%s::/var/lib/guestclock:/usr/sbin/nologin\n' "$DRIVER" "$DRIVER" >>"$ETC/passwd"
	printf '_guestclock:x:%s:\n' "$DRIVER" >>"$ETC/group"
	chown -R "$(id -u):$(id -g)" "$ETC/guestclock"
	# As in the README: the user owns the key, and only root can write the rest.
	[ "$DRIVER" = 0 ] || chown "$DRIVER" "$ETC/guestclock/id_guest"
	chmod 600 "$ETC/guestclock/id_guest"
}

# in_etc SCRIPT [ARGUMENT...]: runs SCRIPT as root, in a mount namespace with $ETC as /etc, an empty /run, and a
# /var/lib/guestclock that belongs to the user.
in_etc() {
	# shellcheck disable=SC2046,SC2016
	no_clock unshare $(ns_flags) sh -c "$ETC_MOUNT"' && mount -t tmpfs -o mode=755 tmpfs /run && mount -t tmpfs -o mode=755 tmpfs /var/lib && umask 022 &&
		mkdir -m 750 /var/lib/guestclock && { [ "$2" = 0 ] || chown "$2:$2" /var/lib/guestclock; } && shift && eval "$2"' sh \
		"$ETC" "$DRIVER" "$@" </dev/null
}

# The words before a program that make it run as the user.
AS_USER='setpriv --reuid _guestclock --regid _guestclock --init-groups'
[ "$DRIVER" != 0 ] || AS_USER=

# as_cron SCRIPT [BEFORE]: does the same in cron's environment, after the command BEFORE.
as_cron() {
	# shellcheck disable=SC2016 # for the shell in there
	in_etc "${2-:}"' && exec env -i HOME=/root LOGNAME=root SHELL=/bin/sh PATH=/usr/bin:/bin /bin/sh -c "$3"' "$1"
}

# cron_command: prints the command of cron's line
cron_command() { sed -n 's|^\*/5 \* \* \* \* root ||p' "$installed/etc/cron.d/guestclock"; }

# one_that_is_down: makes a list with one guest, which refuses connections
one_that_is_down() {
	printf 'Host web2\n\tHostName 127.0.0.1\n\tPort 1\n' | cat - "$ETC/guestclock/ssh_config" >"$WORK/config"
	cp "$WORK/config" "$ETC/guestclock/ssh_config"
	printf 'web2\n' >"$ETC/guestclock/guests"
}
DOWN='guestclock: web2: ssh: connect to host 127.0.0.1 port 1: Connection refused'

@test "cron's line sets the guest's clock without output, and keeps no ssh connection" {
	requires ssh ssh-keyscan unshare
	make_etc
	command=$(cron_command)
	# cron turns a bare % into a newline: there must be none.
	[[ "$command" != *%* ]]
	[[ "$command" == *"$installed/usr/sbin/guestclock sync" ]]
	offset=$(guest_clock | cut -d' ' -f1)
	[[ "$offset" == -5????????.* ]]
	# The command ends with exec, so the first run needs a shell of its own.
	run_cmd as_cron "($command) || exit; ($command) || exit; cat /var/lib/guestclock/log; ls /var/lib/guestclock"
	mapfile -t lines <<<"$output"
	equal "${#lines[@]}" 4 'lines'
	[[ "${lines[0]}" == *' web1 sync ok step offset=-5'* ]]
	[[ "${lines[1]}" == *' web1 sync ok none offset='* || "${lines[1]}" == *' web1 sync ok slew offset='* ]] || {
		printf '%s\n' "${lines[1]}"
		return 1
	}
	equal "${lines[*]:2}" 'log web1.state' 'files'
	offset=$(guest_clock | cut -d' ' -f1)
	[[ "${offset#[-+]}" == 0.00* ]] || { printf 'off by %s s\n' "$offset"; return 1; }
	# No other user can read the key.
	[ "$DRIVER" = 0 ] || ! in_etc 'exec setpriv --reuid 65534 --regid 65534 --clear-groups cat /etc/guestclock/id_guest' >"$WORK/stolen" 2>&1 || {
		cat "$WORK/stolen"
		return 1
	}
	# One authentication for each run.
	[ "$(guest_log | grep -c 'Accepted publickey.*'"$(ssh-keygen -lf "$installed/etc/guestclock/id_guest.pub" | cut -d' ' -f2)")" -eq 2 ]
}

@test "cron's line prints nothing and does nothing without a list of guests" {
	make_etc
	rm "$ETC/guestclock/guests"
	command=$(cron_command)
	run as_cron "$command"
	equal "$output" "" "output"
}

@test "guestclock started by root becomes the owner of the state directory, who owns all files that it writes" {
	[ "$DRIVER" != 0 ] || unmet 'not root: there is no other user to become'
	make_etc
	# Run as root, then as cron's user: a log or a lock that belongs to root would stop the second run.
	run_cmd in_etc "'$installed/usr/sbin/guestclock' sync --prometheus /var/lib/guestclock/prom && stat -c '%U %a %n' /var/lib/guestclock/* /var/lib/guestclock/.*lock &&
		exec $AS_USER '$installed/usr/sbin/guestclock' sync"
	equal "$output" '_guestclock 644 /var/lib/guestclock/log
_guestclock 644 /var/lib/guestclock/prom
_guestclock 644 /var/lib/guestclock/web1.state
_guestclock 600 /var/lib/guestclock/.lock
_guestclock 600 /var/lib/guestclock/.sync.lock' 'owner, mode and name of each file'
	# It drops root's groups, group and user, before it starts ssh.
	run_cmd in_etc "exec timeout 30 strace -f -qq -e trace=setuid,setgid,setgroups,execve -o $WORK/strace '$installed/usr/sbin/guestclock' sync"
	equal "$(sed -n 's/^[0-9]* *\(set[a-z]*(.*)\) *= 0$/\1/p; s/^[0-9]* *execve.*\["ssh", .*= 0$/ssh/p' "$WORK/strace" | head -n 4)" \
		"setgroups(1, [$DRIVER])"$'\n'"setgid($DRIVER)"$'\n'"setuid($DRIVER)"$'\nssh'
}

@test "a state directory of root's is refused in one line for another user, and works for root" {
	[ "$DRIVER" != 0 ] || unmet 'not root: there is no other user'
	make_etc
	run_cmd in_etc "chown 0:0 /var/lib/guestclock && '$installed/usr/sbin/guestclock' sync && stat -c %U /var/lib/guestclock/log
		$AS_USER '$installed/usr/sbin/guestclock' sync || echo \$?
		chown _guestclock: /var/lib/guestclock; $AS_USER '$installed/usr/sbin/guestclock' sync || echo \$?
		chown -R _guestclock: /var/lib/guestclock; $AS_USER '$installed/usr/sbin/guestclock' sync && echo well"
	local line='guestclock: state directory /var/lib/guestclock: Permission denied: the directory and its files must belong to the user who runs guestclock; --state names another'
	equal "$output" "root
$line
1
$line
1
well"
}

@test "cron's line prints one line, which cron mails, when the guest cannot be reached" {
	make_etc
	one_that_is_down
	command=$(cron_command)
	run as_cron "$command"
	[ "$status" -eq 1 ]
	[[ $output == "$DOWN: no sshd listens there"* ]] || { printf "%s\n" "$output"; return 1; }
}

@test "cron's line does nothing where one of systemd's units is enabled, or where the program is not installed" {
	make_etc
	one_that_is_down
	command=$(cron_command)
	# shellcheck disable=SC2016 # for the shell in there
	fake='printf "#!/bin/sh\n[ \"\$*\" = \"--quiet is-enabled guestclock.timer guestclock-watch.service\" ] && exit %s\n" "$ENABLED" >/run/fake && chmod 755 /run/fake &&
		mount --bind /run/fake /usr/bin/systemctl'
	[ -e /usr/bin/systemctl ] || unmet 'no systemctl to put another in place of'
	# One of the two is enabled; none is; one is, but systemd is not process 1.
	run as_cron "$command" "mkdir -p /run/systemd/system && ENABLED=0 && $fake"
	equal "$status: $output" '0: ' 'with a unit enabled'
	run as_cron "$command" "mkdir -p /run/systemd/system && ENABLED=1 && $fake"
	[[ "$status: $output" == "1: $DOWN"* ]] || { printf "%s\n" "$status: $output"; return 1; } # 'with no unit enabled'
	run as_cron "$command" "ENABLED=0 && $fake"
	[[ "$status: $output" == "1: $DOWN"* ]] || { printf "%s\n" "$status: $output"; return 1; } # 'without systemd'
	run as_cron "$command" "mount --bind /dev/null '$installed/usr/sbin/guestclock'"
	equal "$status: $output" '0: ' 'without the program'
}

@test "the systemd units of guestclock pass systemd-analyze verify, and have an exposure below 2.0" {
	requires systemd-analyze
	units=$installed/usr/lib/systemd/system
	run_cmd systemd-analyze verify --man=no "$units"/guestclock.service "$units"/guestclock.timer "$units"/guestclock-watch.service
	# Ignore faults of this machine's other units.
	! grep -F guestclock <<<"$output" || { printf '%s\n' "$output"; return 1; }
	grep -qx 'User=_guestclock' "$units/guestclock.service"
	# watch runs as sync does: its unit has all settings of the other from User= on.
	equal "$(sed -n '/^User=/,/^$/p' "$units/guestclock-watch.service")" "$(sed -n '/^User=/,$p' "$units/guestclock.service")" 'settings'
	grep -qx "ExecStart=$installed/usr/sbin/guestclock watch --require-sync" "$units/guestclock-watch.service"
	# An enabled timer of release 0.1 must not start a watch.
	grep -qx "ExecStart=$installed/usr/sbin/guestclock sync" "$units/guestclock.service"
	run_cmd systemd-sysusers --dry-run --root="$WORK" "$installed/usr/lib/sysusers.d/guestclock.conf"
	[[ "$output" == *'_guestclock'* ]]
	for unit in guestclock guestclock-watch in.timed-stream in.timed-dgram; do
		run_cmd systemd-analyze security --offline=yes --threshold=20 "$units/$unit.service"
		[[ "$output" == *'OK'* ]]
	done
	grep -qx 'OnCalendar=\*:0/5' "$units/guestclock.timer"
	grep -q '^RandomizedDelaySec=' "$units/guestclock.timer"
	run_cmd systemd-analyze calendar '*:0/5'
	[[ "$output" == *'*-*-* *:00/5:00'* ]]
}
