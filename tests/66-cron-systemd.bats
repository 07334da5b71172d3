#!/usr/bin/env bats
# What starts guestclock every five minutes: cron's line, run as cron runs it, on the real guest with the shipped
# ssh_config; and the units of systemd.

load lib/common
load guest/guest.bash

setup_file() {
	cd "$BATS_TEST_DIRNAME/.." || return 1
	# shellcheck disable=SC1091
	. tests/guest/guest.bash
	installed=$BATS_FILE_TMPDIR/installed
	make -s install DESTDIR= prefix="$installed/usr" sysconfdir="$installed/etc" >"$BATS_FILE_TMPDIR/install.out"
	export installed
	guest_start
	ssh-keygen -q -t ed25519 -N '' -f "$installed/etc/guestclock/id_guest"
	guest_authorize "restrict,command=\"/usr/libexec/guestclock-set\" $(cat "$installed/etc/guestclock/id_guest.pub")"
}

teardown_file() {
	guest_stop
}

setup() { common_setup; }
teardown() { common_teardown; }

# An /etc with what make install put there, and what an administrator adds: the list, the guest's host key, and a block
# for a port that is not 22, above the shipped lines as they say.
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
	chown -R "$(id -u):$(id -g)" "$ETC/guestclock"
}

# as_cron SCRIPT: runs it where /etc is ours, /run and /var/lib are empty, and the environment is cron's.
as_cron() {
	# shellcheck disable=SC2046,SC2016
	no_clock unshare $(ns_flags) sh -c "$ETC_MOUNT"' && mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib &&
		exec env -i HOME=/root LOGNAME=root SHELL=/bin/sh PATH=/usr/bin:/bin /bin/sh -c "$2"' sh "$ETC" "$1" </dev/null
}

@test "cron's line sets the guest, silently, and uses its connection again" {
	requires ssh ssh-keyscan unshare
	make_etc
	line=$(grep '^\*/5 \* \* \* \* root ' "$installed/etc/cron.d/guestclock")
	command=${line#'*/5 * * * * root '}
	# cron turns a bare % into a newline: there must be none.
	[[ "$command" != *%* ]]
	[[ "$command" == *"$installed/usr/sbin/guestclock sync" ]]
	offset=$(guest_clock | cut -d' ' -f1)
	[[ "$offset" == -5????????.* ]]
	# The command ends in exec: a second run needs a shell of its own.
	run_cmd as_cron "($command) || exit; ls /run/guestclock-ssh; ($command) || exit; cat /var/lib/guestclock/log
		ssh -F /etc/guestclock/ssh_config -O exit web1 2>/dev/null"
	mapfile -t lines <<<"$output"
	[ "${#lines[@]}" -eq 3 ]
	equal "${lines[0]}" web1 "the connection's socket"
	[[ "${lines[1]}" == *' web1 sync ok step offset=-5'* ]]
	[[ "${lines[2]}" == *' web1 sync ok none offset='* || "${lines[2]}" == *' web1 sync ok slew offset='* ]]
	offset=$(guest_clock | cut -d' ' -f1)
	[[ "${offset#-}" == 0.000* || "${offset#-}" == 0.001* ]]
	# One authentication for both runs.
	[ "$(guest_log | grep -c 'Accepted publickey.*'"$(ssh-keygen -lf "$installed/etc/guestclock/id_guest.pub" | cut -d' ' -f2)")" -eq 1 ]
}

@test "cron's line does nothing, silently, without a list of guests" {
	make_etc
	rm "$ETC/guestclock/guests"
	command=$(sed -n 's|^\*/5 \* \* \* \* root ||p' "$installed/etc/cron.d/guestclock")
	run as_cron "$command"
	equal "$output" "" "what it printed"
}

@test "cron mails one line when the guest is not there" {
	make_etc
	printf 'Host web2\n\tHostName 127.0.0.1\n\tPort 1\n' | cat - "$ETC/guestclock/ssh_config" >"$WORK/config"
	cp "$WORK/config" "$ETC/guestclock/ssh_config"
	printf 'web2\n' >"$ETC/guestclock/guests"
	command=$(sed -n 's|^\*/5 \* \* \* \* root ||p' "$installed/etc/cron.d/guestclock")
	run as_cron "$command"
	[ "$status" -eq 1 ]
	equal "$output" "guestclock: web2: ssh: connect to host 127.0.0.1 port 1: Connection refused" "what it printed"
}

@test "systemd: the units verify, and are hardened" {
	requires systemd-analyze
	units=$installed/usr/lib/systemd/system
	run_cmd systemd-analyze verify --man=no "$units"/guestclock.service "$units"/guestclock.timer
	# What other units of this machine are wrong in is no concern of ours.
	! grep -F guestclock <<<"$output" || { printf '%s\n' "$output"; return 1; }
	for unit in guestclock in.timed-stream in.timed-dgram; do
		run_cmd systemd-analyze security --offline=yes --threshold=25 "$units/$unit.service"
		[[ "$output" == *'OK'* ]]
	done
	grep -qx 'OnCalendar=\*:0/5' "$units/guestclock.timer"
	grep -q '^RandomizedDelaySec=' "$units/guestclock.timer"
	run_cmd systemd-analyze calendar '*:0/5'
	[[ "$output" == *'*-*-* *:00/5:00'* ]]
}
