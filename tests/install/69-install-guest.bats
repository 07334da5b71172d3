#!/usr/bin/env bats
# make install-guest, as root of a user namespace: its users exist only there, the kernel refuses to set the clock, and
# only the test's own files change.  The program then runs as its user under a real sshd.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it
# shellcheck disable=SC2016 # what stands in single quotes is for another shell

bats_require_minimum_version 1.5.0

load ../lib/common

# User 0 of the namespace is this user outside, user 1 the next, and so on.
BASE=1000000
SSHD_PORT=2222
SET=/usr/local/libexec/guestclock-set
HOME_OF_USER=/var/lib/guestclock-set
PEERS_IN_BOX=/mnt/top/build/peers

setup_file() {
	requires "$PEERS/usr/sbin/sshd" ssh ssh-keygen setcap getcap useradd groupadd make
	make -s -C "$TOP" all
	for name in host key; do ssh-keygen -q -t ed25519 -N '' -C $name -f "$BATS_FILE_TMPDIR/$name" </dev/null 3>&-; done
}

setup() {
	common_setup
	unset MAKEFLAGS MFLAGS MAKELEVEL
	KEYS=$BATS_FILE_TMPDIR
	box_start
}

teardown() { common_teardown; }

# box_start: makes a machine of the test's own: with its own /etc, /usr/local, /var, /run and users, and this tree under
# /mnt.  The mounts are made outside the user namespace, so that no program inside can undo them.
box_start() {
	[ "$(id -u)" -eq 0 ] || unmet 'not root: a user namespace of one user has no place for another'
	ETC=$WORK/etc
	etc_make "$ETC"
	printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'sshd:x:100:65534::/run/sshd:/usr/sbin/nologin' \
		'alice:x:1000:1000::/:/bin/sh' 'nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin' >"$ETC/passwd"
	printf '%s:*:20000:0:99999:7:::\n' root sshd alice nobody >"$ETC/shadow"
	printf '%s\n' 'root:x:0:' 'shadow:x:42:' 'alice:x:1000:' 'nogroup:x:65534:' >"$ETC/group"
	printf '%s:*::\n' root shadow alice nogroup >"$ETC/gshadow"
	printf '%s\n' /bin/sh >"$ETC/shells"
	cp /etc/login.defs "$ETC/"
	printf 'UMASK 077\n' >>"$ETC/login.defs"
	mkdir "$ETC/ssh"
	cp "$KEYS/host" "$KEYS/host.pub" "$ETC/ssh/"
	cat >"$ETC/ssh/sshd_config" <<-END
		Port $SSHD_PORT
		HostKey /etc/ssh/host
		PidFile none
		UsePAM no
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		StrictModes yes
		LogLevel VERBOSE
		$(sshd_paths "$PEERS_IN_BOX")
	END
	chown -R "$BASE:$BASE" "$ETC"
	local inside='
		ip link set lo up || exit
		for directory in /usr/local /var /run /mnt; do
			mount -t tmpfs -o "mode=755,uid=$4,gid=$4" tmpfs "$directory" || exit
		done
		mkdir -p /mnt/top /var/lib /var/log /var/empty /run/sshd && chown -R "$4:$4" /mnt /var /run &&
			mount --bind "$2" /mnt/top || exit
		exec unshare --user sh -c ": >\"$3\"; exec sleep 300"'
	: >"$WORK/ready"
	rm "$WORK/ready"
	chmod 777 "$WORK"
	background box unshare --mount --net sh -c "PATH=\$PATH:/usr/sbin:/sbin; $ETC_MOUNT && $inside" sh "$ETC" "$TOP" "$WORK/ready" "$BASE"
	BOX=$PID
	wait_for 5 in_user_namespace || { cat "$WORK/box.out"; return 1; }
	printf '0 %s 65536\n' "$BASE" >"/proc/$BOX/uid_map"
	printf '0 %s 65536\n' "$BASE" >"/proc/$BOX/gid_map"
}

in_user_namespace() { [ -e "/proc/$BOX/ns/user" ] && ! [ "/proc/$BOX/ns/user" -ef /proc/self/ns/user ]; }

# box COMMAND...: runs COMMAND as root of that machine, without the tester's environment
box() {
	$EXEC timeout 60 nsenter --target "$BOX" --user --mount --net --setuid 0 --setgid 0 env -i \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C TZ=UTC "$@"
}

# box_as USER COMMAND...: runs COMMAND as USER, without capabilities
box_as() {
	local user=$1
	shift
	box setpriv --reuid "$user" --regid "$user" --clear-groups --inh-caps -all -- "$@"
}

install_guest() { box make -s --no-print-directory -C /mnt/top install-guest; }

# is PATH OWNER:GROUP MODE: checks the owner, group and mode of PATH
is() { equal "$(box stat -c '%U:%G %a' "$1")" "$2 $3" "$1"; }

sshd_start() {
	background sshd box "$PEERS_IN_BOX/usr/sbin/sshd" -D -e -f /etc/ssh/sshd_config
	wait_for 5 listens || { cat "$WORK/sshd.out"; return 1; }
}
listens() { box grep -q ":$(printf %04X $SSHD_PORT) 00000000:0000 0A" /proc/net/tcp; }

# ask REQUEST: sends REQUEST by ssh, with the key.  Sets $status, $output and $errors.
ask() {
	printf 'guest %s\n' "$(<"$KEYS/host.pub")" >"$WORK/known_hosts"
	status=0
	output=$(timeout 20 nsenter --target "$BOX" --net ssh -F none -p $SSHD_PORT -i "$KEYS/key" -o IdentitiesOnly=yes -o IdentityAgent=none \
		-o BatchMode=yes -o HostKeyAlias=guest -o "UserKnownHostsFile=$WORK/known_hosts" -o GlobalKnownHostsFile=/dev/null \
		-o StrictHostKeyChecking=yes -o LogLevel=ERROR _guestclock-set@127.0.0.1 "$1" 2>"$WORK/errors") || status=$?
	errors=$(<"$WORK/errors")
}

shown() { printf -- '--- status %s\n--- output:\n%s\n--- errors:\n%s\n' "$status" "$output" "$errors"; }

field() { sed -n "s/^$2:[[:space:]]*\\([^[:space:]]*\\).*/\\1/p" "/proc/$1/status"; }

# box_pids NAME: prints the pids of the programs NAME in the box
box_pids() {
	local link pid comm
	for link in /proc/[0-9]*/ns/user; do
		[ "$link" -ef "/proc/$BOX/ns/user" ] || continue
		pid=${link#/proc/} pid=${pid%%/*}
		{ read -r comm <"/proc/$pid/comm"; } 2>/dev/null && [ "$comm" = "$1" ] && printf '%s\n' "$pid"
	done
	return 0
}
filtered() { [ -n "$(box_pids guestclock-set)" ] && [ "$(field "$(box_pids guestclock-set)" Seccomp)" = 2 ]; }

@test "make install-guest makes the user, its directories and the program with its capability, and prints the next step" {
	run -0 install_guest
	equal "$output" "guestclock-set is ready for the user _guestclock-set.  Now append the host's public key to
$HOME_OF_USER/.ssh/authorized_keys, in one line:
    restrict,command=\"$SET\" ssh-ed25519 AAAA..." 'output of make'
	equal "$(box getent passwd _guestclock-set | cut -d: -f2,5-)" "x::$HOME_OF_USER:/bin/sh" 'the account'
	# A system account with its own group and an impossible password, which does not lock it as "!" would.
	(($(box id -u _guestclock-set) < 1000 && $(box id -u _guestclock-set) > 0))
	equal "$(box id -Gn _guestclock-set)" _guestclock-set groups
	[[ $(box grep '^_guestclock-set:' /etc/shadow) == '_guestclock-set:*:'* ]]
	is "$SET" root:_guestclock-set 750
	equal "$(box getcap "$SET")" "$SET cap_sys_time=ep" capability
	box cmp /mnt/top/build/guestclock-set "$SET"
	is "$HOME_OF_USER" root:_guestclock-set 750
	is "$HOME_OF_USER/.ssh" root:_guestclock-set 750
	is "$HOME_OF_USER/.ssh/authorized_keys" root:_guestclock-set 640
	# No startup file that a shell would read in each session.
	equal "$(box find "$HOME_OF_USER" -type f -printf '%P %s\n')" '.ssh/authorized_keys 0' 'files in its home'
	is /run/guestclock _guestclock-set:_guestclock-set 755
	equal "$(box find /usr/local -type f | sort)" "/usr/local/lib/tmpfiles.d/guestclock-set.conf
$SET
/usr/local/share/man/man8/guestclock-set.8" 'installed files'
	# A second make install-guest makes no second account and keeps the keys.
	box sh -c "echo key >>$HOME_OF_USER/.ssh/authorized_keys"
	box getent passwd >"$WORK/passwd"
	run -0 install_guest
	equal "$(box getent passwd)" "$(<"$WORK/passwd")" 'accounts'
	equal "$(box cat "$HOME_OF_USER/.ssh/authorized_keys")" key 'authorized_keys'
	equal "$(box getcap "$SET")" "$SET cap_sys_time=ep" capability
	is "$HOME_OF_USER/.ssh/authorized_keys" root:_guestclock-set 640
	# make install and make uninstall on the same machine keep that copy, and print so.
	run -0 box make -s --no-print-directory -C /mnt/top install
	equal "${lines[0]}" "kept $SET, which \"install.sh guest\" renews"
	is "$SET" root:_guestclock-set 750
	run -0 box make -s --no-print-directory -C /mnt/top uninstall
	equal "$output" "kept $SET, which \"install.sh uninstall-guest\" removes"
	equal "$(box getcap "$SET")" "$SET cap_sys_time=ep" capability
}

@test "make uninstall-guest removes the program, and prints how to remove the user" {
	install_guest >/dev/null
	run -0 box make -s --no-print-directory -C /mnt/top uninstall-guest
	equal "$output" "the user stays, with its keys; to remove both: userdel _guestclock-set && rm -r $HOME_OF_USER"
	equal "$(box find /usr/local -type f)" '' 'remaining files'
	box test ! -e /run/guestclock
	# Run the command that it printed.
	box sh -c "${output#*: }"
	run -2 box getent passwd _guestclock-set
	run -2 box getent group _guestclock-set
	box test ! -e "$HOME_OF_USER"
	# Without the user it prints nothing.
	run -0 box make -s --no-print-directory -C /mnt/top uninstall-guest
	equal "$output" ''
}

@test "make install-guest without root or a needed tool reports it in one line, and does nothing" {
	run -2 box_as alice make -s --no-print-directory -C /mnt/top install-guest
	equal "${lines[0]}" 'install.sh: guest makes a user: run it as root, or with DESTDIR to place the files alone'
	box mkdir /mnt/bin
	box sh -c 'for tool in make sh dirname id getent uname; do ln -s "$(command -v $tool)" /mnt/bin/; done'
	run -2 box env PATH=/mnt/bin make -s --no-print-directory -C /mnt/top install-guest
	equal "${lines[0]}" 'install.sh: guest needs groupadd (Debian: passwd, libcap2-bin)'
	equal "$(box find /usr/local -type f)" '' 'installed files'
	run -2 box getent passwd _guestclock-set
}

@test "under a real sshd the user's program has only CAP_SYS_TIME, and no other user can execute it" {
	install_guest >/dev/null
	# The line that make install-guest printed, with the public key.
	box sh -c 'cat >>"$1"' sh "$HOME_OF_USER/.ssh/authorized_keys" \
		< <(printf 'restrict,command="%s" %s\n' "$SET" "$(<"$KEYS/key.pub")")
	sshd_start
	ask status
	equal "$status" 0 status || { shown; return 1; }
	[[ $output == 'clock 20'* ]]
	# The program asks the kernel to set the clock, which the kernel always refuses in a user namespace.
	now=$EPOCHSECONDS
	printf -v octets '\\x%02x' $((((now + 2208988800 - 1000) >> 24) & 255)) $((((now + 2208988800 - 1000) >> 16) & 255)) \
		$((((now + 2208988800 - 1000) >> 8) & 255)) $(((now + 2208988800 - 1000) & 255))
	# shellcheck disable=SC2059
	ask rfc868 < <(printf "$octets")
	equal "$status" 111 status || { shown; return 1; }
	[[ $errors == 'guestclock-set: '*'Operation not permitted'* ]] || { shown; return 1; }
	equal "$(box stat -c '%U' /run/guestclock/lock)" _guestclock-set 'owner of the lock'
	ask id
	equal "$status" 100 status

	# Examine the program while it waits for the host's orders.
	mkfifo "$WORK/orders"
	exec 8<>"$WORK/orders"
	ask exchange <"$WORK/orders" 8<&- 3>&- &
	session=$!
	wait_for 10 filtered
	pid=$(box_pids guestclock-set)
	equal "$(field "$pid" Uid)" $((BASE + $(box id -u _guestclock-set))) Uid
	equal "$(field "$pid" CapEff)" 0000000002000000 CapEff
	equal "$(field "$pid" CapPrm)" 0000000002000000 CapPrm
	for name in CapInh CapAmb; do equal "$(field "$pid" $name)" 0000000000000000 $name; done
	equal "$(field "$pid" NoNewPrivs)" 1 NoNewPrivs
	# Other processes of the user cannot read its memory or environment: its /proc files belong to root.
	equal "$(stat -c %u "/proc/$pid/mem")" "$BASE" 'owner of /proc/PID/mem'
	run -1 box_as _guestclock-set cat "/proc/$pid/environ"
	exec 8>&-
	wait "$session"

	# Another user can neither execute the program nor copy it.
	run -126 box_as alice sh -c '"$1" -- status' sh "$SET"
	[[ $output == *'ermission denied'* ]]
	run -1 box_as alice cat "$SET"
	# Another user cannot open its lock, so cannot hold it.
	run -2 box_as alice sh -c ': <"$1"' sh /run/guestclock/lock
	# A copy has no capability.
	box cp "$SET" /mnt/copy
	box chmod 755 /mnt/copy
	run -111 box_as alice /mnt/copy -- rdate 127.0.0.1
	[[ $output == *'no CAP_SYS_TIME'* ]]
	# The user can change neither the program nor the line that ties its key to the program.
	for file in "$SET" "$HOME_OF_USER/.ssh/authorized_keys"; do
		run -2 box_as _guestclock-set sh -c ": >>\"\$1\"" sh "$file"
		[[ $output == *'ermission denied'* ]]
	done
	run -1 box_as _guestclock-set mv "$HOME_OF_USER/.ssh" "$HOME_OF_USER/away"
}

@test "the user can take a lock that root has made" {
	install_guest >/dev/null
	# Root runs the program by hand: the lock belongs to the user, because the directory does.
	run -111 box "$SET" -- rdate -o 1 127.0.0.1
	[[ $output == *'Connection refused'* ]] || { printf '%s\n' "$output"; return 1; }
	equal "$(box stat -c '%U:%G' /run/guestclock/lock)" _guestclock-set:_guestclock-set 'owner of the lock'
	run -111 box_as _guestclock-set "$SET" -- rdate -o 1 127.0.0.1
	[[ $output == *'Connection refused'* ]] || { printf '%s\n' "$output"; return 1; }
	# A lock that root made before the user existed.
	box make -s --no-print-directory -C /mnt/top uninstall-guest >/dev/null
	box install -d /run/guestclock
	box touch /run/guestclock/lock
	install_guest >/dev/null
	equal "$(box stat -c '%U:%G' /run/guestclock/lock)" _guestclock-set:_guestclock-set 'owner of the lock'
	run -111 box_as _guestclock-set "$SET" -- rdate -o 1 127.0.0.1
	[[ $output == *'Connection refused'* ]] || { printf '%s\n' "$output"; return 1; }
}

@test "where there is no systemd-tmpfiles, a link that the user put at the lock gives the user no file of root's" {
	local links
	# The box's programs are this machine's: put one that fails in place of systemd-tmpfiles.
	box mkdir -p /usr/local/sbin
	printf '#!/bin/sh\nexit 1\n' | box sh -c 'cat >/usr/local/sbin/systemd-tmpfiles && chmod 755 /usr/local/sbin/systemd-tmpfiles'
	box install -d /run/guestclock
	box touch /run/guestclock/lock
	install_guest >/dev/null
	equal "$(box stat -c '%U' /run/guestclock/lock)" _guestclock-set 'owner of the lock that root made'
	box sh -c 'echo secret >/run/secret && chmod 600 /run/secret'
	for links in -s ''; do
		box ln -f $links /run/secret /run/guestclock/lock
		install_guest >/dev/null
		equal "$(box stat -c '%U %a' /run/secret)" 'root 600' "owner and mode of root's file (ln $links)"
	done
	# A file of root's that has the lock's name, in a directory below.
	box install -d /run/guestclock/below
	box install -m 600 /dev/null /run/guestclock/below/lock
	box rm /run/guestclock/lock
	box touch /run/guestclock/lock
	install_guest >/dev/null
	equal "$(box stat -c '%U' /run/guestclock/lock)" _guestclock-set 'owner of the lock beside it'
	equal "$(box stat -c '%U %a' /run/guestclock/below/lock)" 'root 600' "owner and mode of root's file of the same name"
}

@test "install.sh and the program are enough to install a guest" {
	box mkdir /mnt/copied
	box cp /mnt/top/dist/install.sh /mnt/copied
	run -111 box sh /mnt/copied/install.sh guest
	equal "$output" 'install.sh: no program guestclock-set in /mnt/copied nor in /mnt/build: build it with make, or copy it beside install.sh'
	# A program for another kind of machine.
	printf '\177ELF of another machine' | box sh -c 'cat >/mnt/copied/guestclock-set && chmod 755 /mnt/copied/guestclock-set'
	run -111 box sh /mnt/copied/install.sh guest
	equal "$output" "install.sh: /mnt/copied/guestclock-set does not run here: build it for $(uname -m), statically (the default)"
	run -2 box getent passwd _guestclock-set
	# With CDPATH, cd would go to the program of another directory.
	box mkdir -p /mnt/elsewhere/copied
	box cp /mnt/copied/guestclock-set /mnt/elsewhere/copied
	run -111 box sh -c 'rm -f /mnt/copied/guestclock-set && cd /mnt && CDPATH=/mnt/elsewhere sh copied/install.sh guest'
	equal "$output" 'install.sh: no program guestclock-set in /mnt/copied nor in /mnt/build: build it with make, or copy it beside install.sh'
	box cp /mnt/top/build/guestclock-set /mnt/copied
	run -0 box sh /mnt/copied/install.sh guest
	equal "${lines[0]}" "guestclock-set is ready for the user _guestclock-set.  Now append the host's public key to"
	equal "$(box find /usr/local -type f | sort)" "/usr/local/lib/tmpfiles.d/guestclock-set.conf
$SET" 'installed files'
	equal "$(box getcap "$SET")" "$SET cap_sys_time=ep" capability
	equal "$(box sed '/^#/d' /usr/local/lib/tmpfiles.d/guestclock-set.conf)" 'd /run/guestclock 0755 _guestclock-set _guestclock-set
z /run/guestclock/lock - _guestclock-set _guestclock-set' 'tmpfiles.d'
	run -0 box sh /mnt/copied/install.sh uninstall-guest
	equal "$(box find /usr/local -type f)" '' 'remaining files'
}

@test "make install-guest and make install use the users of an earlier release, and print how to rename them" {
	box sh -c 'for user in guestclock guestclock-set; do groupadd --system $user && useradd --system --gid $user --no-create-home \
		--home-dir /var/lib/$user --shell /bin/sh --password "*" $user || exit; done'
	run -0 install_guest
	equal "${lines[0]}" "guestclock-set is ready for the user guestclock-set.  Now append the host's public key to"
	equal "${lines[*]:3}" 'the user guestclock-set is called _guestclock-set since this release.  To rename it, with all that it owns:     usermod -l _guestclock-set guestclock-set && groupmod -n _guestclock-set guestclock-set && dist/install.sh guest' 'last lines of output'
	is "$SET" root:guestclock-set 750
	is /run/guestclock guestclock-set:guestclock-set 755
	run -0 box make -s --no-print-directory -C /mnt/top install
	equal "${lines[*]: -2}" 'the user guestclock is called _guestclock since this release.  To rename it, with all that it owns:     usermod -l _guestclock guestclock && groupmod -n _guestclock guestclock && make install' 'last lines of output'
	box grep -qx User=guestclock /usr/local/lib/systemd/system/guestclock.service
	box grep -q '^u guestclock ' /usr/local/lib/sysusers.d/guestclock.conf
	# Run the commands that they printed.
	box sh -c 'cd /mnt/top && usermod -l _guestclock-set guestclock-set && groupmod -n _guestclock-set guestclock-set && dist/install.sh guest &&
		usermod -l _guestclock guestclock && groupmod -n _guestclock guestclock && make -s install' >"$WORK/moved"
	run -1 grep -F 'since this release' "$WORK/moved"
	is "$SET" root:_guestclock-set 750
	is "$HOME_OF_USER/.ssh/authorized_keys" root:_guestclock-set 640
	is /run/guestclock _guestclock-set:_guestclock-set 755
	box grep -qx User=_guestclock /usr/local/lib/systemd/system/guestclock.service
	run -2 box getent passwd guestclock
}

@test "make uninstall disables the systemd units that are enabled" {
	box make -s --no-print-directory -C /mnt/top install >/dev/null
	box mkdir -p /run/systemd/system /usr/local/bin
	# A systemctl for which only guestclock's own two units are enabled.
	box sh -c 'cat >/usr/local/bin/systemctl && chmod 755 /usr/local/bin/systemctl' <<-'END'
		#!/bin/sh
		case "$*" in
		'--quiet is-enabled guestclock-watch.service' | '--quiet is-enabled guestclock.timer') exit 0 ;;
		*' disable '*) printf '%s\n' "$*" >>/run/switched ;;
		*) exit 1 ;;
		esac
	END
	run -0 box make -s --no-print-directory -C /mnt/top uninstall
	equal "$output" $'switched off guestclock-watch.service\nswitched off guestclock.timer'
	equal "$(box cat /run/switched)" $'--quiet disable --now guestclock-watch.service\n--quiet disable --now guestclock.timer' \
		'arguments of systemctl disable'
}
