#!/usr/bin/env bats
# Build, install and uninstall in a copy of the tree at another path: nothing may depend on the path of this tree.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it

bats_require_minimum_version 1.5.0

load ../lib/common

setup_file() {
	# All files except built ones and git's own: the files of a fresh clone.
	COPY="$BATS_FILE_TMPDIR/a copy"
	mkdir -p "$COPY"
	(cd "$TOP" && find . \( -path ./build -o -path ./.git \) -prune -o \( -type f -o -type l \) -print0 |
		cpio --quiet -0 -pdm "$COPY")
	# Stands for a package that tests/setup.sh has unpacked.
	mkdir -p "$COPY/build/peers/usr/sbin"
	: >"$COPY/build/peers/usr/sbin/superserver"
	export COPY
	built=0
	# The tester's make variables and flags must not affect the build.
	unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS CPPFLAGS LDFLAGS DESTDIR
	make -s -j2 -C "$COPY" all units >"$BATS_FILE_TMPDIR/build.log" 2>&1 || built=$?
	printf '%s\n' "$built" >"$BATS_FILE_TMPDIR/build.status"
}

setup() {
	common_setup
	unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS CPPFLAGS LDFLAGS
	ROOT="$WORK/it's a place; & more"
}

teardown() {
	rm -rf "$COPY/build/probe"
	common_teardown
}

# in_copy TARGET [VARIABLES...]: runs make in the copy, with DESTDIR=$ROOT
in_copy() { make -s --no-print-directory -C "$COPY" DESTDIR="$ROOT" "$@"; }

# listed [VARIABLES...]: prints the files of make install as KIND MODE SOURCE PLACE
listed() { env "$@" "$COPY/dist/install.sh" list | grep -v '^earlier '; }

# installed: prints the files below $ROOT as MODE PLACE
installed() { (cd "$ROOT" && find . ! -type d -printf '%m %P\n' | sort -k 2); }

# places_are [VARIABLES...]: checks that the installed files are the listed ones, with their modes, and no others
places_are() {
	local want
	want=$(listed "$@" | sed -n 's|^[a-z]* \([0-7]*\) [^ ]* /\(.*\)$|\1 \2|p' | sort -k 2)
	[ -n "$want" ] || return 1
	equal "$(installed)" "$want" 'installed files'
}

# --------------------------------------------------------------------------------------------------- building

@test "make builds a fresh copy of the tree without output" {
	cat "$BATS_FILE_TMPDIR/build.log"
	equal "$(<"$BATS_FILE_TMPDIR/build.status")" 0 'status of make'
	[ ! -s "$BATS_FILE_TMPDIR/build.log" ]
	[ -x "$COPY/build/in.timed" ]
	[ -x "$COPY/build/guestclock-set" ]
	# A second make has nothing to do.
	run -0 make -C "$COPY" -q all
}

@test "make uses the user's CFLAGS, CPPFLAGS and LDFLAGS, after its own" {
	local line seen=0
	while read -r line; do
		case $line in
		*' -c -o '*) seen=$((seen + 1)) ;;
		*' -o '*'/in.timed '* | *' -o '*'/guestclock-set '*)
			seen=$((seen + 1))
			[[ $line == *' -Wl,-z,relro'*' -Wl,--build-id=0x6775657374636c6b '* ]] || { printf '%s\n' "$line"; return 1; }
			;;
		*) continue ;;
		esac
		# A later option of the project would override the user's.
		[[ $line == *' -O0 '* && ${line##* -O0 } != *' -O'[1-3s]* && ${line##* -O0 } != *-D_FORTIFY_SOURCE* &&
			$line == *' -DFROM_CFLAGS '* && $line == *' -DFROM_CPPFLAGS '* && $line == *' -fPIE '* ]] || {
			printf '%s\n' "$line"
			return 1
		}
	done < <(make -n -C "$COPY" BUILD=build/probe CFLAGS='-O0 -DFROM_CFLAGS' CPPFLAGS='-DFROM_CPPFLAGS' \
		LDFLAGS='-Wl,--build-id=0x6775657374636c6b' all)
	((seen > 20)) || { printf '%s compile and link lines\n' "$seen"; return 1; }
	# The built program shows the flags too: the names of the macros and the build ID.
	make -s -j2 -C "$COPY" BUILD=build/probe CFLAGS='-O1 -g3 -DFROM_CFLAGS' CPPFLAGS='-DFROM_CPPFLAGS' \
		LDFLAGS='-Wl,--build-id=0x6775657374636c6b' build/probe/in.timed
	run -0 readelf -n "$COPY/build/probe/in.timed"
	[[ $output == *'Build ID: 6775657374636c6b'* ]]
	run -0 readelf --debug-dump=macro "$COPY/build/probe/obj/lib/rfc868.o"
	[[ $output == *FROM_CFLAGS* ]]
	[[ $output == *FROM_CPPFLAGS* ]]
}

@test "the programs are hardened: PIE, full RELRO, stack protector, FORTIFY and no executable stack" {
	local program header dynamic symbols
	for program in "$COPY"/build/in.timed "$COPY"/build/guestclock*; do
		[ -x "$program" ] && [ ! -d "$program" ] || continue
		printf '%s\n' "$program"
		header=$(readelf -Wh -l "$program")
		dynamic=$(readelf -Wd "$program")
		symbols=$(readelf -W --syms "$program")
		[[ $header =~ Type:\ +DYN ]]
		[[ $dynamic =~ \(FLAGS_1\).*PIE ]]
		[[ $dynamic =~ \(FLAGS\).*BIND_NOW || $dynamic =~ \(FLAGS_1\).*NOW ]]
		[[ $header =~ GNU_RELRO ]]
		[[ $header =~ GNU_STACK\ +0x[0-9a-f]+\ 0x[0-9a-f]+\ 0x[0-9a-f]+\ 0x[0-9a-f]+\ 0x[0-9a-f]+\ RW\  ]]
		[[ $symbols =~ \ __stack_chk_fail(@|$'\n') ]]
		[[ $symbols =~ \ __[a-z]+_chk(@|$'\n') ]]
		[[ $dynamic != *RPATH* && $dynamic != *RUNPATH* ]]
		# No relocations in the text segment.
		[[ $dynamic != *TEXTREL* ]]
	done
}

@test "in.timed and guestclock-set need no shared library, and guestclock needs only libc" {
	local program libraries
	for program in in.timed guestclock-set guestclock; do
		libraries=$(readelf -Wd "$COPY/build/$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
		case $program in
		guestclock) [[ $libraries == libc.so.[0-9] ]] ;;
		*) equal "$libraries" '' "libraries of $program" ;;
		esac
	done
}

@test "static=-pie links with shared libraries, but never with libwrap's" {
	local program libraries
	make -s -j2 -C "$COPY" BUILD=build/probe static=-pie all
	for program in in.timed guestclock-set; do
		libraries=$(readelf -Wd "$COPY/build/probe/$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
		printf '%s: %s\n' "$program" "$libraries"
		[[ $libraries == *libc.so* ]]
		[[ $libraries != *libwrap* && $libraries != *libnsl* && $libraries != *libseccomp* ]]
		(($(wc -l <<<"$libraries") <= 3))
	done
}

# ------------------------------------------------------------------------------------------------------ install

@test "make install places every listed file with its mode, and nothing else" {
	run -0 in_copy install
	equal "$output" "installed below $ROOT for /usr/local and /etc" 'output of make'
	places_are
	# The list has the files that an administrator needs.
	run -0 installed
	for place in usr/local/sbin/in.timed usr/local/libexec/guestclock-set; do
		[[ $'\n'$output$'\n' == *$'\n'"755 $place"$'\n'* ]] || { printf 'not there: %s\n' "$place"; return 1; }
	done
	for place in usr/local/share/man/man8/{in.timed,guestclock-set}.8 etc/xinetd.d/in-timed-{stream,dgram} \
		usr/local/lib/systemd/system/in.timed-{stream,dgram}.{socket,service} \
		usr/local/lib/systemd/system/guestclock{,-watch}.service usr/local/lib/systemd/system/guestclock.timer \
		usr/local/share/doc/guestclock/{README.md,LICENSE,{openbsd,inetutils}-inetd.conf}; do
		[[ $'\n'$output$'\n' == *$'\n'"644 $place"$'\n'* ]] || { printf 'not there: %s\n' "$place"; return 1; }
	done
	cmp "$COPY/build/in.timed" "$ROOT/usr/local/sbin/in.timed"
	cmp "$COPY/build/guestclock-set" "$ROOT/usr/local/libexec/guestclock-set"
}

@test "make install sets the same modes under any umask" {
	(umask 077 && in_copy install)
	places_are
	# A directory that only root can enter would hide the programs.
	run -0 find "$ROOT/usr" "$ROOT/etc" -type d ! -perm -055
	equal "$output" '' 'directories closed to others'
}

@test "make install uses prefix and the other directory variables" {
	local each=(prefix=/opt/clock sbindir=/opt/clock/s libexecdir=/opt/lx mandir=/opt/m docdir=/opt/d unitdir=/opt/u
		sysconfdir=/opt/e)
	in_copy install PREFIX=/usr
	places_are PREFIX=/usr
	equal "$(listed PREFIX=/usr)" "$(listed prefix=/usr)" 'PREFIX and prefix'
	[ -x "$ROOT/usr/sbin/in.timed" ]
	[ -x "$ROOT/usr/libexec/guestclock-set" ]
	[ ! -e "$ROOT/usr/local" ]
	# The sources are written for prefix=/usr, so they are installed unchanged.
	cmp "$COPY/xinetd.d/in-timed-stream" "$ROOT/etc/xinetd.d/in-timed-stream"
	cmp "$COPY/man/guestclock-set.8" "$ROOT/usr/share/man/man8/guestclock-set.8"
	rm -rf "$ROOT"
	in_copy install "${each[@]}"
	places_are "${each[@]}"
	for place in clock/s/in.timed lx/guestclock-set m/man8/in.timed.8 d/README.md u/in.timed-stream.socket \
		e/xinetd.d/in-timed-stream; do
		[ -f "$ROOT/opt/$place" ] || { printf 'not there: %s\n' "$place"; return 1; }
	done
	equal "$(ls "$ROOT")" opt 'top directories'
}

@test "install.sh refuses a directory that xinetd and systemd could not read, and an unknown verb" {
	local wrong
	for wrong in prefix=usr 'sbindir=/opt/my clock' 'sysconfdir=/etc;x' 'docdir=/a|b'; do
		run -111 env DESTDIR="$ROOT" "$wrong" "$COPY/dist/install.sh" host
		[[ $output == "install.sh: directory \""*"\": expected an absolute path of letters, digits and ./_+@~-, as xinetd and systemd can read" ]]
	done
	for wrong in '' 'host guest' reinstall --help; do
		# shellcheck disable=SC2086 # none, one or two words
		run -100 env DESTDIR="$ROOT" "$COPY/dist/install.sh" $wrong
		equal "$output" 'usage: install.sh host | guest | uninstall | uninstall-guest | list'
	done
	[ ! -e "$ROOT" ]
}

@test "the installed files contain the paths of their installation" {
	local file program
	in_copy install prefix=/opt/clock
	# README.md names the default paths of make install.
	run -1 grep -rnIE --exclude=README.md '/usr/(local/)?(s?bin|libexec)/(in\.timed|guestclock)' "$ROOT"
	equal "$output" '' 'paths that are not there'
	equal "$(sed -n 's/^\s*server\s*=\s*//p' "$ROOT"/etc/xinetd.d/in-timed-*)" $'/opt/clock/sbin/in.timed\n/opt/clock/sbin/in.timed'
	for file in "$ROOT"/opt/clock/lib/systemd/system/*.service; do
		program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$file")
		case $program in
		/opt/clock/*) [ -x "$ROOT$program" ] ;;
		*)
			printf 'ExecStart in %s: %s\n' "$file" "$program"
			return 1
			;;
		esac
	done
	equal "$(sed -n 's/^ExecStart=//p' "$ROOT"/opt/clock/lib/systemd/system/in.timed-*.service)" \
		$'/opt/clock/sbin/in.timed\n/opt/clock/sbin/in.timed' 'ExecStart for in.timed'
	for file in "$ROOT"/opt/clock/share/doc/guestclock/*-inetd.conf; do
		run -0 grep -c '^time.*[[:space:]]/opt/clock/sbin/in\.timed[[:space:]]in\.timed$' "$file"
		((output >= 2))
	done
	grep -q 'command="/opt/clock/libexec/guestclock-set"' "$ROOT/opt/clock/share/man/man8/guestclock-set.8"
}

@test "make install never overwrites a file in /etc that the administrator has changed" {
	mkdir -p "$ROOT/etc/xinetd.d" "$WORK/elsewhere"
	printf 'mine\n' >"$ROOT/etc/xinetd.d/in-timed-stream"
	chmod 600 "$ROOT/etc/xinetd.d/in-timed-stream"
	ln -s "$WORK/elsewhere/time-dgram" "$ROOT/etc/xinetd.d/in-timed-dgram"
	printf 'mine too\n' >"$WORK/elsewhere/time-dgram"
	run -0 in_copy install
	equal "$output" "kept $ROOT/etc/xinetd.d/in-timed-stream, which is not as this release has it
kept $ROOT/etc/xinetd.d/in-timed-dgram, which is not as this release has it
installed below $ROOT for /usr/local and /etc"
	equal "$(<"$ROOT/etc/xinetd.d/in-timed-stream")" mine
	equal "$(stat -c %a "$ROOT/etc/xinetd.d/in-timed-stream")" 600
	[ -L "$ROOT/etc/xinetd.d/in-timed-dgram" ]
	equal "$(<"$WORK/elsewhere/time-dgram")" 'mine too'
	# A dangling link stays as well: the administrator made it.
	rm "$WORK/elsewhere/time-dgram"
	in_copy install
	[ -L "$ROOT/etc/xinetd.d/in-timed-dgram" ]
	# Everything else was installed.
	[ -x "$ROOT/usr/local/sbin/in.timed" ]
}

@test "make install replaces a running program instead of writing into it" {
	in_copy install
	local before
	before=$(stat -c %i "$ROOT/usr/local/sbin/in.timed")
	ln "$ROOT/usr/local/sbin/in.timed" "$WORK/running"
	ln "$ROOT/usr/local/share/doc/guestclock/NEWS.md" "$WORK/read"
	in_copy install
	[ "$(stat -c %i "$ROOT/usr/local/sbin/in.timed")" != "$before" ]
	equal "$(stat -c %h "$WORK/running")" 1 'links to the old program'
	equal "$(stat -c %h "$WORK/read")" 1 'links to the old text'
	run -0 find "$ROOT" -name '*.new'
	equal "$output" '' 'remaining temporary files'
}

# ---------------------------------------------------------------------------------------------------- uninstall

@test "make uninstall removes every installed file and its own directories" {
	in_copy install
	run -0 in_copy uninstall
	equal "$output" '' 'output of make'
	equal "$(installed)" '' 'remaining files'
	[ ! -d "$ROOT/usr/local/share/doc/guestclock" ]
	# A second uninstall, and one where nothing was installed.
	run -0 in_copy uninstall
	run -0 make -s -C "$COPY" DESTDIR="$WORK/nothing" uninstall
	[ ! -e "$WORK/nothing" ]
	# With other directories too.
	in_copy install prefix=/usr sysconfdir=/usr/etc
	in_copy uninstall prefix=/usr sysconfdir=/usr/etc
	equal "$(installed)" '' 'remaining files'
}

@test "make uninstall keeps files that make install did not place" {
	in_copy install
	printf 'mine\n' >"$ROOT/usr/local/share/doc/guestclock/notes"
	printf 'mine\n' >"$ROOT/usr/local/sbin/in.timed.local"
	printf 'mine\n' >"$ROOT/etc/xinetd.d/other"
	run -0 in_copy uninstall
	equal "$(installed)" $'644 etc/xinetd.d/other\n644 usr/local/sbin/in.timed.local\n644 usr/local/share/doc/guestclock/notes'
}

@test "make uninstall keeps and names a file in /etc that was changed" {
	in_copy install
	sed -i 's/^\(\s*cps\s*=\).*/\1 20 2/' "$ROOT/etc/xinetd.d/in-timed-stream"
	run -0 in_copy uninstall
	equal "$output" "kept $ROOT/etc/xinetd.d/in-timed-stream, which was changed"
	equal "$(installed)" '644 etc/xinetd.d/in-timed-stream'
	grep -q '^\s*cps\s*= 20 2$' "$ROOT/etc/xinetd.d/in-timed-stream"
}

@test "make uninstall removes a snippet that was only enabled, and prints that xinetd must be reloaded" {
	in_copy install
	# Enabled by the README's command, and by an editor.
	sed -i 's/disable.*= yes/disable = no/' "$ROOT/etc/xinetd.d/in-timed-stream"
	sed -i 's/^\s*disable.*/    disable = no  /' "$ROOT/etc/xinetd.d/in-timed-dgram"
	run -0 in_copy uninstall
	equal "$output" "removed $ROOT/etc/xinetd.d/in-timed-stream, which was switched on: reload xinetd
removed $ROOT/etc/xinetd.d/in-timed-dgram, which was switched on: reload xinetd"
	equal "$(installed)" '' 'remaining files'
}

# ------------------------------------------------------------------------------------------------ earlier releases

# as_0_1: makes the files that release 0.1 installed in /etc
as_0_1() {
	mkdir -p "$ROOT"/etc/{xinetd.d,cron.d,guestclock}
	sed 's,/usr/sbin/,/usr/local/sbin/,' "$COPY/tests/release-0.1/time-stream" >"$ROOT/etc/xinetd.d/time-stream"
	sed 's,/usr/sbin/,/usr/local/sbin/,' "$COPY/tests/release-0.1/time-dgram" >"$ROOT/etc/xinetd.d/time-dgram"
	sed 's,/usr/sbin/,/usr/local/sbin/,' "$COPY/tests/release-0.1/cron" >"$ROOT/etc/cron.d/guestclock"
	cp "$COPY/tests/release-0.1/ssh_config" "$ROOT/etc/guestclock/"
}

@test "make install over release 0.1 replaces unchanged files" {
	as_0_1
	run -0 in_copy install
	equal "$output" "removed $ROOT/etc/cron.d/guestclock of an earlier release
removed $ROOT/etc/guestclock/ssh_config of an earlier release
removed $ROOT/etc/xinetd.d/time-stream of an earlier release
removed $ROOT/etc/xinetd.d/time-dgram of an earlier release
installed below $ROOT for /usr/local and /etc"
	places_are
	as_0_1
	rm "$ROOT/etc/cron.d/guestclock" "$ROOT/etc/guestclock/ssh_config"
	# make uninstall without make install.
	sed -i 's/disable.*= yes/disable = no/' "$ROOT/etc/xinetd.d/time-stream"
	run -0 in_copy uninstall
	equal "$output" "removed $ROOT/etc/xinetd.d/time-stream, which was switched on: reload xinetd"
	equal "$(installed)" '' 'remaining files'
}

@test "make install over release 0.1 keeps changed files, and prints how to move the changes" {
	as_0_1
	sed -i 's/disable.*= yes/disable = no/' "$ROOT/etc/xinetd.d/time-stream"
	printf '# mine\n' | tee -a "$ROOT/etc/cron.d/guestclock" "$ROOT/etc/guestclock/ssh_config" >/dev/null
	cp -a "$ROOT/etc" "$WORK/before"
	run -0 in_copy install
	equal "$output" "kept $ROOT/etc/xinetd.d/time-stream of an earlier release, which was changed: make its changes in /etc/xinetd.d/in-timed-stream, remove it, reload xinetd
removed $ROOT/etc/xinetd.d/time-dgram of an earlier release
kept $ROOT/etc/cron.d/guestclock, which is not as this release has it
kept $ROOT/etc/guestclock/ssh_config, which is not as this release has it
installed below $ROOT for /usr/local and /etc"
	for file in xinetd.d/time-stream cron.d/guestclock guestclock/ssh_config; do cmp "$WORK/before/$file" "$ROOT/etc/$file"; done
}

# -------------------------------------------------------------------------------------------------------- guest

# 69 tests make install-guest as root, without DESTDIR.
@test "make install-guest with DESTDIR places its files without a user or capability, and uninstall-guest removes them" {
	local each=(prefix=/opt/clock libexecdir=/opt/lx mandir=/opt/m tmpfilesdir=/opt/t)
	run -0 in_copy install-guest
	equal "$output" 'DESTDIR is set: no user _guestclock-set is made, and the program has no capability: that is for the package to do'
	equal "$(installed)" '644 usr/local/lib/tmpfiles.d/guestclock-set.conf
750 usr/local/libexec/guestclock-set
644 usr/local/share/man/man8/guestclock-set.8'
	cmp "$COPY/build/guestclock-set" "$ROOT/usr/local/libexec/guestclock-set"
	equal "$(getcap "$ROOT/usr/local/libexec/guestclock-set")" '' capability
	run -0 in_copy uninstall-guest
	equal "$output" ''
	equal "$(installed)" '' 'remaining files'
	# The umask has no effect, and the directory variables have.
	(umask 077 && in_copy install-guest "${each[@]}" >"$WORK/out")
	equal "$(installed)" '750 opt/lx/guestclock-set
644 opt/m/man8/guestclock-set.8
644 opt/t/guestclock-set.conf'
	run -0 in_copy uninstall-guest "${each[@]}"
	equal "$(installed)" '' 'remaining files'
}

# -------------------------------------------------------------------------------------------------------- clean

@test "make clean keeps unpacked packages and removes all that was built" {
	cp -a "$COPY" "$WORK/copy"
	make -s -C "$WORK/copy" clean
	[ -e "$WORK/copy/build/peers/usr/sbin/superserver" ]
	equal "$(ls "$WORK/copy/build")" peers 'remaining entries in build'
	equal "$(cd "$WORK/copy" && find . -newer "$BATS_FILE_TMPDIR/build.status" -type f)" '' 'files that cleaning made'
	make -s -C "$WORK/copy" clean
	# make builds the programs again.
	run -0 make -n -C "$WORK/copy" all
	[[ $output == *' -o build/in.timed '* ]]
}

@test "make help lists existing targets, V=1 prints whole commands, and changed flags cause compilation" {
	local target
	run -0 make -C "$COPY" help
	[[ $output == *'make check '* && $output == *'make install '* && $output == *'make debug '* ]]
	while read -r target; do
		[[ $'\n'$(make -C "$COPY" -qp | sed -n 's/^\([a-z_.-]*\):.*/\1/p')$'\n' == *$'\n'"$target"$'\n'* ]] || {
			printf 'no target %s\n' "$target"
			return 1
		}
	done < <(grep -oE 'make [a-z_-]+(\.json)?' <<<"$output" | cut -d' ' -f2 | sort -u)
	run -0 make -C "$COPY" -n BUILD=build/quiet build/quiet/obj/lib/text.o
	[[ $output == *"printf '  %-5s %s\\n' CC build/quiet/obj/lib/text.o"* ]]
	run -0 make -C "$COPY" V=1 BUILD=build/quiet build/quiet/obj/lib/text.o
	[[ $output == *'-c -o build/quiet/obj/lib/text.o src/lib/text.c'* ]]
	run -0 make -C "$COPY" BUILD=build/quiet build/quiet/obj/lib/text.o
	[[ $output == *'is up to date'* ]]
	run -0 make --no-print-directory -C "$COPY" BUILD=build/quiet CFLAGS=-O1 build/quiet/obj/lib/text.o
	equal "$output" '  CC    build/quiet/obj/lib/text.o' output
}

@test "make debug builds filters that name the system call that they forbid" {
	make -s -C "$COPY" debug
	run -0 "$COPY/build/debug/in.timed" --no-filter </dev/null
	# One call that the filter does not list, and one that kills the process.
	cat >"$WORK/forbidden.c" <<-'END'
	#include <sys/prctl.h>
	#include <sys/ptrace.h>
	#include <sys/times.h>
	#include "lib/filter.h"
	int main(void)
	{
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || filter_enter(FILTER_SERVER) != 0)
			return 1;
		times(&(struct tms){ 0 });
		return ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 ? 2 : 3;
	}
	END
	gcc -I"$COPY/src" -o "$WORK/named" "$WORK/forbidden.c" "$COPY/build/debug/obj/lib/filter.o"
	gcc -I"$COPY/src" -o "$WORK/silent" "$WORK/forbidden.c" "$COPY/build/obj/lib/filter.o"
	run -159 "$WORK/named"
	equal "$output" 'times: the filter forbids this system call
ptrace: the filter forbids this system call' 'what the debug build says'
	run -159 "$WORK/silent"
	equal "$output" '' 'what the usual build says'
}

@test "compile_commands.json has a working command for each source" {
	make -s -C "$COPY" compile_commands.json
	python <<-END
	import json, glob, subprocess
	commands = json.load(open("$COPY/compile_commands.json"))
	assert len(commands) == len(glob.glob("$COPY/src/*/*.c"))
	one = next(c for c in commands if c["file"].endswith("/text.c"))
	subprocess.run(one["command"] + " -o /dev/null", shell=True, check=True, cwd=one["directory"])
	END
}

# -------------------------------------------------------------------------------------- the tarball, and what is missing

# tarball DIRECTORY: make dist there; prints the hash
tarball() {
	make -s --no-print-directory -C "$1" dist >"$WORK/dist.out" 2>&1 || { cat "$WORK/dist.out" >&2; return 1; }
	sed -n 's,^\([0-9a-f]*\)  build/guestclock-[0-9.]*\.tar\.gz$,\1,p' "$WORK/dist.out"
}

@test "make dist makes the same tarball from git, from a copy and from an unpacked tarball" {
	local hash version
	cp -a "$COPY" "$WORK/one"
	hash=$(tarball "$WORK/one")
	[[ $hash =~ ^[0-9a-f]{64}$ ]]
	version=$(sed -n 's/^## \([0-9.]*\) .*[0-9])$/\1/p' "$COPY/NEWS.md" | head -n 1)
	mkdir "$WORK/unpacked"
	tar -xzf "$WORK/one/build/guestclock-$version.tar.gz" -C "$WORK/unpacked"
	equal "$(ls "$WORK/unpacked")" "guestclock-$version" 'top of the tarball'
	[ ! -e "$WORK/unpacked/guestclock-$version/build" ]
	# The tarball has every file unchanged, and no built file.
	diff -r --exclude build --exclude compile_commands.json "$COPY" "$WORK/unpacked/guestclock-$version"
	# The hash does not depend on file times, modes, umask, time zone and locale.
	cp -R "$COPY" "$WORK/two"
	find "$WORK/two" -type f -exec touch -d 2001-02-03 {} +
	chmod -R g-r,o-rx "$WORK/two"
	equal "$(umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 tarball "$WORK/two")" "$hash" 'hash of another copy'
	equal "$(tarball "$WORK/unpacked/guestclock-$version")" "$hash" 'hash from the unpacked tarball'
	# From git, untracked files are left out.
	(cd "$WORK/unpacked/guestclock-$version" && git init -q && git add . && touch untracked &&
		git -c user.name=test -c user.email=test@localhost commit -qm test)
	equal "$(tarball "$WORK/unpacked/guestclock-$version")" "$hash" 'hash from git'
	equal "$(wc -l <"$WORK/dist.out")" 1 'lines that it printed'
	printf '\n' >>"$WORK/unpacked/guestclock-$version/README.md"
	[ "$(tarball "$WORK/unpacked/guestclock-$version")" != "$hash" ]
	equal "$(head -n 1 "$WORK/dist.out")" 'tarball.sh: git has uncommitted changes; the tarball has them too'
}

@test "make names all missing libraries' packages before it compiles anything" {
	# A compiler that lacks one header and one library.
	cat >"$WORK/cc" <<-'END'
		#!/bin/sh
		case "$*" in
		*-print-file-name=libmd.a) echo libmd.a ;;
		*-print-file-name=*) echo "/lib/${1#*=}" ;;
		*'-E -') ! grep -q seccomp.h ;;
		*) echo compiled >&2 && exit 1 ;;
		esac
	END
	chmod +x "$WORK/cc"
	run -2 make -s -C "$COPY" BUILD=build/missing CC="$WORK/cc" all
	equal "${lines[0]}" 'headers or libraries for the build are missing: apt install libseccomp-dev libmd-dev'
	[[ $output != *compiled* ]]
	run -2 make -s -C "$COPY" BUILD=build/missing CC="$WORK/none" all
	equal "${lines[0]}" "no compiler $WORK/none: apt install gcc, or make CC=clang"
	# On a test machine no library is missing, and tests/setup.sh installs each package.
	run -0 "$COPY/dist/check-libraries.sh"
	equal "$output" ''
	sed -n 's/^\(lib[a-z0-9-]*-dev\) .*/\1/p' "$COPY/dist/check-libraries.sh" >"$WORK/packages"
	equal "$(grep -cxFf <(tr ' ' '\n' <"$COPY/tests/setup.sh") "$WORK/packages")" "$(wc -l <"$WORK/packages")" 'packages that setup.sh installs'
}
