# guestclock: build, test, install.  GNU make; no configure step.  V=1 prints whole commands.
#
#   make                 build/in.timed, build/guestclock-set and build/guestclock
#   make demo            boot a guest in a virtual machine and set its clock (installs missing packages)
#   make check           run all tests (installs missing packages)
#   make install         install on a host; set DESTDIR, prefix, sbindir, libexecdir, mandir or sysconfdir to change paths
#   make install-guest   install guestclock-set on a guest, with a user of its own
#   make uninstall       remove only the files of make install; make uninstall-guest: those of make install-guest
#   make lint            run compilers and analysers with all warnings, shellcheck and mandoc
#   make fuzz            fuzz the parsers; make coverage: show which of their lines tests and fuzzing reach
#   make bench           measure speed, accuracy and memory, and compare with other programs; takes some sixteen minutes
#   make bench-watch     measure how right guestclock watch keeps guests; takes two hours, BENCH_RUNS=3 ten minutes
#   make simulate        compare ways to keep a guest's clock, over simulated months; takes a minute
#   make debug           build build/debug/* without optimisation; the filters name a forbidden system call
#   make compile_commands.json   for editors and clangd
#   make dist            write build/guestclock-VERSION.tar.gz, reproducibly
#   make setup           install the packages that these targets need (tests/setup.sh)
#   make clean           remove the build's files

PREFIX = /usr/local
prefix = $(PREFIX)
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

# The sources' own flags.  CFLAGS, CPPFLAGS and LDFLAGS are for the user, and come last.
std = -std=c11 -D_GNU_SOURCE -Isrc -I$(BUILD)
warn = -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wvla -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings
fortify = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
control_flow := $(if $(filter x86_64 i686,$(shell uname -m)),-fcf-protection)
harden = -fPIE -fstack-protector-strong -fstack-clash-protection $(control_flow) $(fortify)
link = -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
# in.timed and guestclock-set are static, because a superserver or sshd may start one for each request.  A static
# program starts in a third of the time, runs on another Debian release, and loads no libraries.  --no-warnings: the
# linker warns of name lookup by NSS, but lib/startup.c restricts lookup to files and DNS.  Packed relocations: a start
# needs 5 % fewer instructions.  "make static=-pie" links with shared libraries.
static = -static-pie -Wl,--no-warnings -Wl,-z,pack-relative-relocs
compile = $(CC) $(std) $(warn) $(harden) $(CPPFLAGS) $(CFLAGS)

# Print one short line for each command; with V=1 the whole command, with -s nothing.
silent := $(findstring s,$(firstword -$(MAKEFLAGS)))
Q = $(if $(V),,@)
say = $(if $(V)$(silent),,@printf '  %-5s %s\n' $(1) $@)

# Compile all objects again when the flags change: the rule for objects depends on build/flags, written only then.
flags := $(compile) $(static) $(link) $(LDFLAGS)
ifneq ($(filter-out help clean setup,$(or $(MAKECMDGOALS),all)),)
ifneq ($(file <$(BUILD)/flags),$(flags))
$(shell mkdir -p $(BUILD))$(file >$(BUILD)/flags,$(flags))
endif
endif

programs = in.timed guestclock-set guestclock
# Each program links the objects of its folder, and the objects of src/lib that it needs.
objects = $(patsubst src/%.c,$(BUILD)/obj/%.o,$(wildcard src/$(1)/*.c)) $(patsubst %,$(BUILD)/obj/lib/%.o,option_table fds startup sysclock text $(2))
answering = access acl_file acl_parse filter peer rfc868 show_tables
in.timed_objects := $(call objects,timed,$(answering))
guestclock-set_objects := $(call objects,set,$(answering) exchange offset_interval)
guestclock_objects := $(call objects,host,exchange offset_interval)
# Link libwrap.a even if the other libraries are shared: libwrap's shared library would load ten others at every start.
# This is a copy of libwrap.a, in which lib/access.c opens and closes the tables.
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

$(libwrap): | $(BUILD)/libraries
	@mkdir -p $(@D)
	$(call say,COPY)
	$(Q)$(OBJCOPY) --redefine-sym fopen=access_fopen --redefine-sym fclose=access_fclose \
		"$$($(CC) -print-file-name=libwrap.a)" $@

# Link the same objects with shared libraries, for tests that preload a library with another clock.
dynamic: $(BUILD)/dynamic/in.timed $(BUILD)/dynamic/guestclock-set
$(BUILD)/dynamic/%: $(BUILD)/%
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(compile) -pie $(link) $(LDFLAGS) -o $@ $($*_objects) $($*_libs)

# For the bench: in.timed with libwrap's shared library, to measure its cost.
$(BUILD)/bench/in.timed-libwrap.so: $(BUILD)/in.timed
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(compile) -pie $(link) $(LDFLAGS) -o $@ $(in.timed_objects) -lwrap

$(BUILD)/guestclock: $(guestclock_objects)
	$(call say,LINK)
	$(Q)$(compile) -pie $(link) $(LDFLAGS) -o $@ $^

# mkfilter generates the system call filters at build time: see lib/mkfilter.c.
$(BUILD)/mkfilter: src/lib/mkfilter.c src/lib/filter_calls.h | $(BUILD)/libraries
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -Isrc $(mkfilter_flags) -O1 -o $@ $< -lseccomp
$(BUILD)/filters.h: $(BUILD)/mkfilter
	$(call say,MAKE)
	$(Q)$(BUILD)/mkfilter $(SECCOMP_ARCH) >$@.new && mv $@.new $@
$(BUILD)/obj/lib/filter.o: $(BUILD)/filters.h

$(BUILD)/obj/%.o: src/%.c Makefile $(BUILD)/flags | $(BUILD)/libraries
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(compile) -MMD -MP -c -o $@ $<

# Exists once check-libraries.sh has found all libraries that the build needs.
$(BUILD)/libraries:
	@mkdir -p $(@D)
	@CC='$(CC)' CPPFLAGS='$(CPPFLAGS)' dist/check-libraries.sh
	@touch $@

# Unit tests: build/tests/unit/test_NAME from tests/unit/test_NAME.c, linked with all objects except those with main().
units = $(notdir $(basename $(wildcard tests/unit/test_*.c)))
unit_objects = $(sort $(filter-out $(addprefix %/,$(programs:=.o)),$(foreach program,$(programs),$($(program)_objects))))

units: $(units:%=$(BUILD)/tests/unit/%)

$(BUILD)/tests/unit/%: tests/unit/%.c tests/unit/unit.h $(BUILD)/libunit.a | $(libwrap)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(compile) $(LDFLAGS) -o $@ $< $(BUILD)/libunit.a $(guestclock-set_libs) -lcmocka

$(BUILD)/tests/unit/test_watch $(BUILD)/tests/fuzz/watch: tests/unit/watch_world.h

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

bench-watch: setup
	@$(MAKE) --no-print-directory all dynamic helpers
	@bench/run watch

# Writes the table and the plot in doc/.
simulate: setup
	@$(MAKE) --no-print-directory $(BUILD)/bench/simulate
	@bench/simulate

$(BUILD)/bench/simulate: bench/simulate.c $(BUILD)/obj/host/rate.o
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(std) -Wall -Wextra -O2 -o $@ $^ -lm

lint: setup
	@tests/lint

# The script knows the files (dist/installed-files), and works without make too.
places = DESTDIR prefix sbindir libexecdir mandir docdir unitdir tmpfilesdir sysusersdir sysconfdir BUILD
$(foreach place,$(places),$(eval install uninstall install-guest uninstall-guest: export $(place) := $$($(place))))

install: all
	@dist/install.sh host

uninstall:
	@dist/install.sh uninstall

install-guest: $(BUILD)/guestclock-set
	@dist/install.sh guest

uninstall-guest:
	@dist/install.sh uninstall-guest

# build/guestclock-VERSION.tar.gz is reproducible: the same files always give the same archive.
dist:
	@dist/tarball.sh

# Keep the packages that tests/setup.sh unpacked: this build did not make them.
clean:
	rm -rf $(BUILD)/obj $(BUILD)/dynamic $(BUILD)/tests $(BUILD)/guest $(BUILD)/lint $(BUILD)/asan $(BUILD)/fuzz $(BUILD)/coverage $(BUILD)/bench $(BUILD)/libunit.a $(libwrap) $(BUILD)/mkfilter \
		$(BUILD)/filters.h $(BUILD)/flags $(BUILD)/libraries $(BUILD)/debug $(BUILD)/guestclock-*.tar.gz compile_commands.json $(programs:%=$(BUILD)/%)

-include $(wildcard $(BUILD)/obj/*/*.d)

.PHONY: all help debug dynamic units setup check demo bench bench-watch simulate lint install uninstall install-guest uninstall-guest dist clean
