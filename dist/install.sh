#!/bin/sh
# Install or remove guestclock.
#
#	install.sh host             install what installed-files lists: programs, manual pages, units, snippets
#	install.sh guest            install guestclock-set for a system user that may set the clock and nothing else
#	install.sh uninstall        remove what "host" installed
#	install.sh uninstall-guest  remove what "guest" installed
#	install.sh list             print the files of "host": KIND MODE SOURCE PLACE
#
# These environment variables are honoured: DESTDIR, prefix or PREFIX, sbindir, libexecdir, mandir, docdir, unitdir,
# tmpfilesdir, sysusersdir, sysconfdir, and BUILD, the folder of the built programs.
#
# A guest needs no checkout and no compiler: "install.sh guest" works from any folder with this script and guestclock-set.
set -eu
umask 022

# With CDPATH, cd could go elsewhere, and print where.
unset CDPATH
here=$(cd -- "$(dirname -- "$0")" && pwd)
top=${here%/*}
build=${BUILD:-build}
case $build in /*) ;; *) build=$top/$build ;; esac
prefix=${prefix:-${PREFIX:-/usr/local}}
sbindir=${sbindir:-$prefix/sbin}
libexecdir=${libexecdir:-$prefix/libexec}
mandir=${mandir:-$prefix/share/man}
docdir=${docdir:-$prefix/share/doc/guestclock}
unitdir=${unitdir:-$prefix/lib/systemd/system}
tmpfilesdir=${tmpfilesdir:-$prefix/lib/tmpfiles.d}
sysusersdir=${sysusersdir:-$prefix/lib/sysusers.d}
sysconfdir=${sysconfdir:-/etc}
DESTDIR=${DESTDIR-}
guest_home=/var/lib/guestclock-set

say() { printf '%s\n' "$*"; }
die() {
	printf 'install.sh: %s\n' "$*" >&2
	exit 111
}

for directory in "$sbindir" "$libexecdir" "$mandir" "$docdir" "$unitdir" "$tmpfilesdir" "$sysusersdir" "$sysconfdir"; do
	case $directory in
	*[!A-Za-z0-9/._+@~-]* | [!/]*)
		die "directory \"$directory\": expected an absolute path of letters, digits and ./_+@~-, as xinetd and systemd can read" ;;
	esac
done

# Earlier releases called the users guestclock and guestclock-set.  The administrator renames them; until then the old user
# is used.
user_is() { # NAME: _NAME, or NAME where only an earlier release's user is there
	if [ -z "$DESTDIR" ] && ! getent passwd "_$1" >/dev/null 2>&1 && getent passwd "$1" >/dev/null 2>&1; then
		say "$1"
	else
		say "_$1"
	fi
}
say_how_to_rename() { # NAME USER COMMAND: what to run afterwards
	[ "$1" = "$2" ] || return 0
	say "the user $1 is called _$1 since this release.  To rename it, with all that it owns:"
	say "    usermod -l _$1 $1 && groupmod -n _$1 $1 && $3"
}

# -------------------------------------------------------------------------------------------------- files

# list: the lines of installed-files, with patterns and variables expanded
list() {
	grep -v '^#' "$here/installed-files" | while read -r kind mode source place; do
		eval "place=$place"
		case $place in
		*/)
			for file in "$top"/$source; do
				[ ! -e "$file" ] || say "$kind $mode ${file#"$top/"} $place${file##*/}"
			done
			;;
		*) say "$kind $mode $source $place" ;;
		esac
	done
}

# localized FILE: FILE with the paths and the user of this installation
localized() {
	sed -e "s|/usr/local/|$prefix/|g" -e "s|/usr/sbin/in\\.timed|$sbindir/in.timed|g" \
		-e "s|/usr/sbin/guestclock|$sbindir/guestclock|g" -e "s|/usr/libexec/guestclock-set|$libexecdir/guestclock-set|g" \
		-e "s|^User=_guestclock\$|User=$host_user|" -e "s|^u _guestclock |u $host_user |" "$1"
}

# is_earlier FILE CRC:SIZE: whether FILE is as an earlier release installed it
is_earlier() {
	[ -f "$1" ] && [ ! -L "$1" ] && [ "$(sed -e "s|$sbindir/in\\.timed|/usr/sbin/in.timed|g" \
		-e "s|$sbindir/guestclock|/usr/sbin/guestclock|g" "$1" | cksum)" = "${2%:*} ${2#*:}" ]
}

is_as_installed() { # FILE SOURCE
	[ -f "$1" ] && [ "$(cksum <"$1")" = "$(localized "$top/$2" | cksum)" ]
}

# switched_off FILE: FILE with xinetd's "disable" as it was shipped
switched_off() { sed 's/^[[:blank:]]*disable[[:blank:]]*=[[:blank:]]*no[[:blank:]]*$/\tdisable\t\t= yes/' "$1"; }

# has_capability FILE: whether "guest" installed it.  Then "guest" and "uninstall-guest" alone renew and remove it.
has_capability() { getcap "$1" 2>/dev/null | grep -q cap_sys_time; }

program() { # NAME: where it is, beside this script or in the build
	if [ -f "$here/$1" ]; then
		say "$here/$1"
	else
		[ -f "$build/$1" ] || die "no program $1 in $here nor in $build: build it with make, or copy it beside install.sh"
		say "$build/$1"
	fi
}

put() { # MODE PLACE COMMAND...: what COMMAND prints becomes the file PLACE, in one step
	new=$2.new to=$2
	mkdir -p "${2%/*}"
	: >"$new"
	chmod "$1" "$new"
	shift 2
	"$@" >"$new"
	mv "$new" "$to"
}

install_host() {
	for name in in.timed guestclock-set guestclock; do program "$name" >/dev/null; done
	list | while read -r kind mode source place; do
		to=$DESTDIR$place
		case $kind in
		program)
			if has_capability "$to"; then
				say "kept $to, which \"install.sh guest\" renews"
			else
				from=$(program "$source")
				put "$mode" "$to" cat "$from"
			fi
			;;
		text) put "$mode" "$to" localized "$top/$source" ;;
		earlier)
			if is_earlier "$to" "$mode"; then
				rm -f "$to"
				say "removed $to of an earlier release"
			elif [ -e "$to" ] && [ "${place##*/}" != "${source##*/}" ]; then
				say "kept $to of an earlier release, which was changed: make its changes in $sysconfdir/$source, remove it, reload xinetd"
			fi
			;;
		conf)
			if [ ! -e "$to" ] && [ ! -L "$to" ]; then
				put "$mode" "$to" localized "$top/$source"
			elif ! is_as_installed "$to" "$source"; then
				say "kept $to, which is not as this release has it"
			fi
			;;
		esac
	done
	if [ -n "$DESTDIR" ]; then
		say "installed below $DESTDIR for $prefix and $sysconfdir"
		return 0
	fi
	cat <<-END
		installed: in.timed and guestclock in $sbindir, guestclock-set in $libexecdir; settings in $sysconfdir
		Nothing is switched on yet.  What comes next is in $docdir/README.md:
		    to set guests over ssh: the user $host_user, a key and $sysconfdir/guestclock/guests; see guestclock(8)
		    to tell guests the time: "disable = no" in $sysconfdir/xinetd.d/in-timed-stream, reload xinetd; see in.timed(8)
		    on each guest: dist/install.sh guest, beside the program guestclock-set; see guestclock-set(8)
	END
	say_how_to_rename guestclock "$host_user" 'make install'
}

# Units and sockets that were switched on would go on without their files.
switch_units_off() {
	[ -z "$DESTDIR" ] && [ -d /run/systemd/system ] || return 0
	for unit in guestclock-watch.service guestclock.timer in.timed-stream.socket in.timed-dgram.socket; do
		if systemctl --quiet is-enabled $unit 2>/dev/null || systemctl --quiet is-active $unit; then
			systemctl --quiet disable --now $unit
			say "switched off $unit"
		fi
	done
}

uninstall_host() {
	switch_units_off
	list | while read -r kind mode source place; do
		to=$DESTDIR$place
		[ -e "$to" ] || continue
		case $kind in
		program)
			if has_capability "$to"; then
				say "kept $to, which \"install.sh uninstall-guest\" removes"
				continue
			fi
			;;
		earlier | conf)
			switched_off "$to" >"$scratch"
			if ! is_earlier "$scratch" "$mode" && ! is_as_installed "$scratch" "$source"; then
				# A place that is listed twice is reported once.
				if [ "$kind" = conf ] || [ "${place##*/}" != "${source##*/}" ]; then
					say "kept $to, which was changed"
				fi
				continue
			fi
			cmp -s "$to" "$scratch" || say "removed $to, which was switched on: reload xinetd"
			;;
		esac
		rm -f "$to"
	done
	for directory in "$docdir/doc" "$docdir" "$sysconfdir/guestclock"; do
		[ ! -d "$DESTDIR$directory" ] || rmdir "$DESTDIR$directory" 2>/dev/null || :
	done
	[ -n "$DESTDIR" ] || ! getent passwd "$host_user" >/dev/null 2>&1 ||
		say "the user $host_user stays, with its key and state: userdel $host_user && rm -r /var/lib/guestclock $sysconfdir/guestclock"
}

# -------------------------------------------------------------------------------------------------- the guest

# What cannot be done is said before anything is done.
check_guest() {
	from=$(program guestclock-set)
	[ -n "$DESTDIR" ] && return 0
	[ "$(id -u)" -eq 0 ] || die 'guest makes a user: run it as root, or with DESTDIR to place the files alone'
	for tool in groupadd useradd setcap; do
		command -v $tool >/dev/null || die "guest needs $tool (Debian: passwd, libcap2-bin)"
	done
	status=0
	"$from" --version >/dev/null 2>&1 </dev/null || status=$?
	case $status in
	126 | 127) die "$from does not run here: build it for $(uname -m), statically (the default)" ;;
	esac
}

# systemd makes the directory at each start.  The second line is for a lock that root has left there.
guest_directories() {
	cat <<-END
		# In a guest whose guestclock-set runs as a user of its own: where it keeps its lock and what it did to the clock.
		# tmpfiles.d(5).  install.sh wrote this.
		d /run/guestclock 0755 $guest_user $guest_user
		z /run/guestclock/lock - $guest_user $guest_user
	END
}

install_guest() {
	check_guest
	program=$DESTDIR$libexecdir/guestclock-set
	put 750 "$program" cat "$from"
	[ ! -f "$top/man/guestclock-set.8" ] ||
		put 644 "$DESTDIR$mandir/man8/guestclock-set.8" localized "$top/man/guestclock-set.8"
	put 644 "$DESTDIR$tmpfilesdir/guestclock-set.conf" guest_directories
	if [ -n "$DESTDIR" ]; then
		say "DESTDIR is set: no user $guest_user is made, and the program has no capability: that is for the package to do"
		return 0
	fi
	getent group "$guest_user" >/dev/null || groupadd --system "$guest_user"
	# No password, which is not the same as locked: sshd without PAM lets nobody into a locked account.
	getent passwd "$guest_user" >/dev/null || useradd --system --gid "$guest_user" --home-dir "$guest_home" \
		--no-create-home --shell /bin/sh --password '*' "$guest_user"
	# The home belongs to root: the account cannot change what its keys may do.
	install -d -o root -g "$guest_user" -m 750 "$guest_home" "$guest_home/.ssh"
	[ -e "$guest_home/.ssh/authorized_keys" ] ||
		install -o root -g "$guest_user" -m 640 /dev/null "$guest_home/.ssh/authorized_keys"
	chown "root:$guest_user" "$program"
	setcap cap_sys_time=ep "$program"
	# Without systemd, whatever starts the guest has to make the directory again.
	if ! systemd-tmpfiles --create "$tmpfilesdir/guestclock-set.conf" 2>/dev/null; then
		install -d -o "$guest_user" -g "$guest_user" -m 755 /run/guestclock
		# The directory belongs to the user, who may have put a link to a file of root's there.
		find /run/guestclock -maxdepth 1 -name lock -type f -links 1 -exec chown -h "$guest_user:$guest_user" {} +
	fi
	cat <<-END
		guestclock-set is ready for the user $guest_user.  Now append the host's public key to
		$guest_home/.ssh/authorized_keys, in one line:
		    restrict,command="$libexecdir/guestclock-set" ssh-ed25519 AAAA...
	END
	say_how_to_rename guestclock-set "$guest_user" 'dist/install.sh guest'
}

uninstall_guest() {
	rm -f "$DESTDIR$libexecdir/guestclock-set" "$DESTDIR$mandir/man8/guestclock-set.8" \
		"$DESTDIR$tmpfilesdir/guestclock-set.conf"
	[ -z "$DESTDIR" ] || return 0
	rm -f /run/guestclock/lock
	[ ! -d /run/guestclock ] || rmdir /run/guestclock 2>/dev/null || :
	! getent passwd "$guest_user" >/dev/null 2>&1 ||
		say "the user stays, with its keys; to remove both: userdel $guest_user && rm -r $guest_home"
}

host_user=$(user_is guestclock)
guest_user=$(user_is guestclock-set)
case $#:${1-} in
1:host) install_host ;;
1:guest) install_guest ;;
1:uninstall)
	scratch=$(mktemp)
	trap 'rm -f "$scratch"' EXIT
	uninstall_host
	;;
1:uninstall-guest) uninstall_guest ;;
1:list) list ;;
*)
	say 'usage: install.sh host | guest | uninstall | uninstall-guest | list' >&2
	exit 100
	;;
esac
