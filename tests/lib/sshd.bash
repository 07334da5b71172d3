# shellcheck shell=bash disable=SC2119,SC2120
# A real sshd with guestclock-set as a key's forced command, and the system's ssh.  Load after lib/common and lib/set.
#
# Everything runs in the sandbox of set.bash.  There sshd runs as an ordinary user, "guest", in another user namespace:
# sshd as root needs users that a user namespace lacks.  The forced command is a script that runs guestclock-set as root
# again, in a namespace below that, with the fake clock.

# The sshd program and its port.
SSHD=$PEERS/usr/sbin/sshd
SSHD_PORT=2222

# sshd_setup_file: for setup_file, after set_setup_file
sshd_setup_file() {
	ssh-keygen -q -t ed25519 -N '' -C host -f "$BATS_FILE_TMPDIR/host" </dev/null 3>&-
	ssh-keygen -q -t ed25519 -N '' -C guestclock -f "$BATS_FILE_TMPDIR/key" </dev/null 3>&-
}

# sshd_setup: for setup, after set_start.  Sets $SSH_CONFIG, in which 127.0.0.1 is the guest.
sshd_setup() {
	requires ssh ssh-keygen "$SSHD"
	KEYS=$BATS_FILE_TMPDIR
	GUEST_HOME=$WORK/home
	SSH_CONFIG=$WORK/ssh_config
	mkdir -p "$GUEST_HOME/.ssh"
	printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' "guest:x:1000:1000:guest:$GUEST_HOME:/bin/sh" >"$ETC/passwd"
	printf '%s\n' 'root:x:0:' 'guest:x:1000:' >"$ETC/group"
	printf '%s\n' /bin/sh >"$ETC/shells"
	cat >"$WORK/guestclock-set" <<-END
		#!/bin/sh
		exec unshare -Ur env FAKE_CLOCK='$CLOCK' LD_PRELOAD='$FAKE_CLOCK_SO' '$GUESTCLOCK_SET' "\$@"
	END
	chmod +x "$WORK/guestclock-set"
	ssh_config
	printf 'guest %s\n' "$(<"$KEYS/host.pub")" >"$WORK/known_hosts"
	authorize
}

# ssh_config [LINE...]: writes these lines first, so that they have precedence, and then the settings for every guest
ssh_config() {
	{
		((!$#)) || printf '%s\n' "$@"
		cat <<-END
			Host *
			HostKeyAlias guest
			Port $SSHD_PORT
			User guest
			IdentityFile $KEYS/key
			IdentityAgent none
			IdentitiesOnly yes
			BatchMode yes
			ConnectTimeout 5
			StrictHostKeyChecking yes
			GlobalKnownHostsFile /dev/null
			UserKnownHostsFile $WORK/known_hosts
			LogLevel ERROR
		END
	} >"$SSH_CONFIG"
}

# authorize [LIMITS...]: writes the key's line to the guest's authorized_keys, as the manual shows it.
authorize() {
	printf 'restrict,command="%s%s" %s\n' "$WORK/guestclock-set" "${*:+ $*}" "$(<"${KEY-$KEYS/key}.pub")" \
		>"$GUEST_HOME/.ssh/authorized_keys"
	chmod 700 "$GUEST_HOME/.ssh"
	chmod 600 "$GUEST_HOME/.ssh/authorized_keys"
}

# as_guest COMMAND...: runs a server as the user "guest"
as_guest() { $EXEC "${ENTER[@]}" --mount unshare -U --map-user=1000 --map-group=1000 "$@"; }

# sshd_config [LINE...]
sshd_config() {
	cat >"$WORK/sshd_config" <<-END
		Port $SSHD_PORT
		HostKey $KEYS/host
		PidFile none
		UsePAM no
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		# The directories above the test's own belong to somebody else.
		StrictModes no
		AuthorizedKeysFile $GUEST_HOME/.ssh/authorized_keys
		Subsystem sftp $PEERS/usr/lib/openssh/sftp-server
		$(sshd_paths "$PEERS")
	END
	((!$#)) || printf '%s\n' "$@" >>"$WORK/sshd_config"
}

# sshd_start [LINE...]: starts sshd with these lines added to its configuration
sshd_start() {
	sshd_config "$@"
	background sshd as_guest "$SSHD" -D -e -f "$WORK/sshd_config"
	wait_for 5 bound stream "$SSHD_PORT" || { cat "$WORK/sshd.out"; return 1; }
}
