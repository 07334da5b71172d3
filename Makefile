# guestclock: build, test, install.  GNU make; no configure step.  V=1 prints whole commands.
#
#   make                 build/in.timed, build/guestclock-set and build/guestclock
#   make demo            show the main job on a real guest: install what is missing, boot it, set its clock
#   make check           run all tests (installs what is missing)
#   make install         install on a host; DESTDIR, prefix, sbindir, libexecdir, mandir, sysconfdir are honoured
#   make install-guest   install guestclock-set on a guest, with a user of its own
#   make uninstall       remove what make install placed, and nothing else; make uninstall-guest likewise
#   make lint            run compilers and analysers with all warnings, shellcheck and mandoc
#   make fuzz            give the parsers a fuzzer's input; make coverage: show the lines that tests reach
#   make bench           measure, beside other programs; takes some ten minutes
#   make debug           build build/debug/*: no optimisation, and filters that name a forbidden system call
#   make compile_commands.json   for editors and clangd
#   make setup           install the packages that the above need (tests/setup.sh)
#   make clean           remove what was built

prefix = /usr/local
sbindir = $(prefix)/sbin
libexecdir = $(prefix)/libexec
mandir = $(prefix)/share/man
docdir = $(prefix)/share/doc/guestclock
unitdir = $(prefix)/lib/systemd/system
tmpfilesdir = $(prefix)/lib/tmpfiles.d
sysusersdir = $(prefix)/lib/sysusers.d
sysconfdir = /etc
DESTDIR =

CC = gcc
OBJCOPY = objcopy
CFLAGS ?= -O2 -g
BUILD = build

# What the sources need stays apart from CFLAGS, CPPFLAGS and LDFLAGS, which are the user's and come last.
std = -std=c11 -D_GNU_SOURCE -Isrc -I$(BUILD)
warn = -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wvla -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings
fortify = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
control_flow := $(if $(filter x86_64 i686,$(shell uname -m)),-fcf-protection)
harden = -fPIE -fstack-protector-strong -fstack-clash-protection $(control_flow) $(fortify)
link = -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
# What a superserver or sshd starts for each request is static: it starts in a third of the time, runs on a guest of
# another Debian release, and loads nothing.  The linker warns of names looked up by NSS: lib/startup.c says what becomes of
# them.  "make static=-pie" links with shared libraries all the same.
static = -static-pie -Wl,--no-warnings
compile = $(CC) $(std) $(warn) $(harden) $(CPPFLAGS) $(CFLAGS)

# One short line a command, unless V=1 asks for all of it or -s for none.
silent := $(findstring s,$(firstword -$(MAKEFLAGS)))
Q = $(if $(V),,@)
say = $(if $(V)$(silent),,@printf '  %-5s %s\n' $(1) $@)

# Objects are compiled again when the flags differ from those that they were compiled with.
flags := $(compile) $(static) $(link) $(LDFLAGS)
ifneq ($(filter-out help clean setup,$(or $(MAKECMDGOALS),all)),)
ifneq ($(file <$(BUILD)/flags),$(flags))
$(shell mkdir -p $(BUILD))$(file >$(BUILD)/flags,$(flags))
endif
endif

programs = in.timed guestclock-set guestclock
# A program is the objects of its folder, and of src/lib those that it needs.
objects = $(patsubst src/%.c,$(BUILD)/obj/%.o,$(wildcard src/$(1)/*.c)) $(patsubst %,$(BUILD)/obj/lib/%.o,args startup sysclock text $(2))
answering = access acl_file acl_parse filter peer rfc868
in.timed_objects := $(call objects,timed,$(answering))
guestclock-set_objects := $(call objects,set,$(answering) exchange interval)
guestclock_objects := $(call objects,host,exchange interval)
# libwrap.a, also where the rest is shared: its shared library would bring ten others along at every start.  A copy, in
# which opening and closing the tables is lib/access.c's.
libwrap = $(BUILD)/libwrap.a
in.timed_libs = $(libwrap)
guestclock-set_libs = $(libwrap) -l:libmd.a -lcap -lresolv

all: $(programs:%=$(BUILD)/%)

help:
	@sed -n '1,/^$$/s/^# \{0,3\}//p' Makefile

debug:
	$(Q)$(MAKE) BUILD=$(BUILD)/debug CFLAGS='-O0 -g3' CPPFLAGS='$(CPPFLAGS) -DFILTER_DEBUG' fortify= all

compile_commands.json: Makefile $(wildcard src/*/*.c)
	@separator='['; for file in $(filter %.c,$^); do \
		printf '%s\n{ "directory": "%s", "file": "%s", "command": "%s -c %s" }' \
			"$$separator" "$(CURDIR)" "$$file" '$(compile)' "$$file"; separator=,; done >$@; printf '\n]\n' >>$@

$(BUILD)/in.timed: $(in.timed_objects) | $(libwrap)
	$(call say,LINK)
	$(Q)$(compile) $(static) $(link) $(LDFLAGS) -o $@ $^ $(in.timed_libs)

$(BUILD)/guestclock-set: $(guestclock-set_objects) | $(libwrap)
	$(call say,LINK)
	$(Q)$(compile) $(static) $(link) $(LDFLAGS) -o $@ $^ $(guestclock-set_libs)

$(libwrap):
	@mkdir -p $(@D)
	$(call say,COPY)
	$(Q)$(OBJCOPY) --redefine-sym fopen=access_fopen --redefine-sym fclose=access_fclose \
		"$$($(CC) -print-file-name=libwrap.a)" $@

# The same objects with shared libraries, for tests that preload a clock.
dynamic: $(BUILD)/dynamic/in.timed $(BUILD)/dynamic/guestclock-set
$(BUILD)/dynamic/%: $(BUILD)/%
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(compile) -pie $(link) $(LDFLAGS) -o $@ $($*_objects) $($*_libs)

# What libwrap's shared library would cost, for the bench.
$(BUILD)/bench/in.timed-libwrap.so: $(BUILD)/in.timed
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(compile) -pie $(link) $(LDFLAGS) -o $@ $(in.timed_objects) -lwrap

$(BUILD)/guestclock: $(guestclock_objects)
	$(call say,LINK)
	$(Q)$(compile) -pie $(link) $(LDFLAGS) -o $@ $^

# The system call filters are made here and not when a program runs: see lib/mkfilter.c.
$(BUILD)/mkfilter: src/lib/mkfilter.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(mkfilter_flags) -O1 -o $@ $< -lseccomp
$(BUILD)/filters.h: $(BUILD)/mkfilter
	$(call say,MAKE)
	$(Q)$(BUILD)/mkfilter $(SECCOMP_ARCH) >$@.new && mv $@.new $@
$(BUILD)/obj/lib/filter.o: $(BUILD)/filters.h

$(BUILD)/obj/%.o: src/%.c Makefile $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(compile) -MMD -MP -c -o $@ $<

# Unit tests: build/tests/unit/test_NAME from tests/unit/test_NAME.c, against every object but the mains.
units = $(notdir $(basename $(wildcard tests/unit/test_*.c)))
unit_objects = $(sort $(filter-out $(addprefix %/,$(programs:=.o)),$(foreach program,$(programs),$($(program)_objects))))

units: $(units:%=$(BUILD)/tests/unit/%)

$(BUILD)/tests/unit/%: tests/unit/%.c tests/unit/unit.h $(BUILD)/libunit.a | $(libwrap)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(compile) $(LDFLAGS) -o $@ $< $(BUILD)/libunit.a $(guestclock-set_libs) -lcmocka

$(BUILD)/libunit.a: $(unit_objects)
	$(call say,AR)
	@rm -f $@
	$(Q)ar rcs $@ $^

include tests/helpers/helpers.mk
include tests/fuzz/fuzz.mk

setup:
	@tests/setup.sh

check: setup
	@$(MAKE) --no-print-directory all dynamic units helpers
	@tests/run

demo: setup
	@$(MAKE) --no-print-directory all helpers
	@tests/demo

bench: setup
	@$(MAKE) --no-print-directory all dynamic helpers $(BUILD)/bench/in.timed-libwrap.so
	@bench/run

lint: setup
	@tests/lint

# What is installed: kind, mode, source, place.  "conf": never overwrites a file that is there, and is removed only
# as long as it is as installed.  Paths in text files are made those of this installation.
define installation
program 755 $(BUILD)/in.timed $(sbindir)/in.timed
program 755 $(BUILD)/guestclock-set $(libexecdir)/guestclock-set
program 755 $(BUILD)/guestclock $(sbindir)/guestclock
text 644 man/guestclock.8 $(mandir)/man8/guestclock.8
text 644 man/in.timed.8 $(mandir)/man8/in.timed.8
text 644 man/guestclock-set.8 $(mandir)/man8/guestclock-set.8
text 644 README.md $(docdir)/README.md
text 644 NEWS.md $(docdir)/NEWS.md
text 644 SECURITY.md $(docdir)/SECURITY.md
text 644 LICENSE $(docdir)/LICENSE
text 644 inetd/openbsd-inetd.conf $(docdir)/openbsd-inetd.conf
text 644 inetd/inetutils-inetd.conf $(docdir)/inetutils-inetd.conf
text 644 systemd/in.timed-stream.socket $(unitdir)/in.timed-stream.socket
text 644 systemd/in.timed-stream.service $(unitdir)/in.timed-stream.service
text 644 systemd/in.timed-dgram.socket $(unitdir)/in.timed-dgram.socket
text 644 systemd/in.timed-dgram.service $(unitdir)/in.timed-dgram.service
text 644 systemd/guestclock.service $(unitdir)/guestclock.service
text 644 systemd/guestclock.timer $(unitdir)/guestclock.timer
text 644 sysusers.d/guestclock.conf $(sysusersdir)/guestclock.conf
conf 644 cron.d/guestclock $(sysconfdir)/cron.d/guestclock
conf 644 ssh_config $(sysconfdir)/guestclock/ssh_config
conf 644 xinetd.d/in-timed-stream $(sysconfdir)/xinetd.d/in-timed-stream
conf 644 xinetd.d/in-timed-dgram $(sysconfdir)/xinetd.d/in-timed-dgram
endef
# The same for install-guest.  The user's home holds authorized_keys, which are root's to write.
define guest_installation
program 750 $(BUILD)/guestclock-set $(libexecdir)/guestclock-set
text 644 man/guestclock-set.8 $(mandir)/man8/guestclock-set.8
text 644 tmpfiles.d/guestclock-set.conf $(tmpfilesdir)/guestclock-set.conf
endef
guest_user = guestclock-set
guest_home = /var/lib/guestclock-set
export installation guest_installation
here = sed -e 's|/usr/local/|$(prefix)/|g' -e 's|/usr/sbin/in\.timed|$(sbindir)/in.timed|g' -e 's|/usr/sbin/guestclock|$(sbindir)/guestclock|g' -e 's|/usr/libexec/guestclock-set|$(libexecdir)/guestclock-set|g'

# A copy that has the capability was placed by install-guest, which alone renews and removes it.
with_capability = getcap "$$to" 2>/dev/null | grep -q cap_sys_time

# Called with the name of a list, and a command that tells what is to be left alone.
define place
@umask 022; echo "$$$(1)" | while read -r kind mode source place; do \
	to="$(DESTDIR)$$place"; \
	if [ $$kind = conf ] && { [ -e "$$to" ] || [ -L "$$to" ]; }; then \
		$(here) "$$source" | cmp -s - "$$to" || echo "kept $$to, which is not as this release has it"; continue; fi; \
	if [ $$kind = program ] && $(2); then echo "kept $$to, which make install-guest renews"; continue; fi; \
	mkdir -p "$${to%/*}" || exit 1; \
	if [ $$kind = program ]; then install -m $$mode "$$source" "$$to" || exit 1; \
	else $(here) "$$source" >"$$to.new" && chmod $$mode "$$to.new" && mv "$$to.new" "$$to" || exit 1; fi; \
done
endef
define remove
@echo "$$$(1)" | while read -r kind mode source place; do \
	to="$(DESTDIR)$$place"; \
	[ -e "$$to" ] || continue; \
	if [ $$kind = conf ] && ! $(here) "$$source" | cmp -s - "$$to"; then echo "kept $$to, which was changed"; continue; fi; \
	if [ $$kind = program ] && $(2); then echo "kept $$to, which make uninstall-guest removes"; continue; fi; \
	rm -f "$$to" || exit 1; \
done
endef

install: all
	$(call place,installation,$(with_capability))

uninstall:
	$(call remove,installation,$(with_capability))
	@for each in "$(DESTDIR)$(docdir)" "$(DESTDIR)$(sysconfdir)/guestclock"; do \
		[ ! -d "$$each" ] || rmdir --ignore-fail-on-non-empty "$$each"; done
	@[ -n "$(DESTDIR)" ] || ! getent passwd guestclock >/dev/null || \
		echo 'the user guestclock stays, with its key and state: userdel guestclock && rm -r /var/lib/guestclock $(sysconfdir)/guestclock'

# What cannot be done is said before anything is.
install-guest: $(BUILD)/guestclock-set
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" -eq 0 ] || { \
		echo "install-guest makes a user: run it as root, or with DESTDIR to place the files alone" >&2; exit 1; }
	@for tool in groupadd useradd setcap; do \
		[ -n "$(DESTDIR)" ] || command -v $$tool >/dev/null || { \
			echo "install-guest needs $$tool (Debian: passwd, libcap2-bin)" >&2; exit 1; }; \
	done
	$(call place,guest_installation,false)
ifeq ($(DESTDIR),)
	@getent group $(guest_user) >/dev/null || groupadd --system $(guest_user)
	@# No password, which is not the same as locked: sshd without PAM lets nobody into a locked account.
	@getent passwd $(guest_user) >/dev/null || useradd --system --gid $(guest_user) --home-dir $(guest_home) \
		--no-create-home --shell /bin/sh --password '*' $(guest_user)
	@# Root's: what the account may do is not the account's to change.
	@install -d -o root -g $(guest_user) -m 750 $(guest_home) $(guest_home)/.ssh
	@[ -e $(guest_home)/.ssh/authorized_keys ] || \
		install -o root -g $(guest_user) -m 640 /dev/null $(guest_home)/.ssh/authorized_keys
	@chown root:$(guest_user) $(libexecdir)/guestclock-set && setcap cap_sys_time=ep $(libexecdir)/guestclock-set
	@# systemd does it at each start; without it the directory is made here, and once more by whoever starts the guest.
	@systemd-tmpfiles --create $(tmpfilesdir)/guestclock-set.conf 2>/dev/null || \
		{ install -d -o $(guest_user) -g $(guest_user) -m 755 /run/guestclock && \
		{ [ ! -e /run/guestclock/lock ] || chown $(guest_user):$(guest_user) /run/guestclock/lock; }; }
	@echo 'guestclock-set is ready for the user $(guest_user).  Now append the host'\''s public key to'
	@echo '$(guest_home)/.ssh/authorized_keys, in one line:'
	@echo '    restrict,command="$(libexecdir)/guestclock-set" ssh-ed25519 AAAA...'
else
	@echo 'DESTDIR is set: no user $(guest_user) is made, and the program has no capability: that is for the package to do'
endif

uninstall-guest:
	$(call remove,guest_installation,false)
ifeq ($(DESTDIR),)
	@rm -f /run/guestclock/lock
	@[ ! -d /run/guestclock ] || rmdir --ignore-fail-on-non-empty /run/guestclock
	@! getent passwd $(guest_user) >/dev/null || \
		echo 'the user stays, with its keys; to remove both: userdel $(guest_user) && rm -r $(guest_home)'
endif

# Packages that were unpacked stay: they are no product of this build.
clean:
	rm -rf $(BUILD)/obj $(BUILD)/dynamic $(BUILD)/tests $(BUILD)/guest $(BUILD)/lint $(BUILD)/asan $(BUILD)/fuzz $(BUILD)/coverage $(BUILD)/bench $(BUILD)/libunit.a $(libwrap) $(BUILD)/mkfilter \
		$(BUILD)/filters.h $(BUILD)/flags $(BUILD)/debug compile_commands.json $(programs:%=$(BUILD)/%)

-include $(wildcard $(BUILD)/obj/*/*.d)

.PHONY: all help debug dynamic units setup check demo bench lint install uninstall install-guest uninstall-guest clean
