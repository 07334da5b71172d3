# Rules for the fuzz targets: build/fuzz/tests/fuzz/NAME from tests/fuzz/NAME.c, against the objects of libunit.a.
# Included by the top Makefile; tests/fuzz/run and tests/fuzz/coverage build with BUILD and CFLAGS of their own.
#
#	make fuzz [FUZZ_SECONDS=20]	fuzz each target for FUZZ_SECONDS
#	make coverage			measure which lines of the parsers the unit tests and the fuzzers' inputs reach

FUZZ_SECONDS ?= 20
fuzzers = $(notdir $(basename $(wildcard tests/fuzz/*.c)))

# This target calls libwrap, which must neither open files that the fuzzer names nor look up its host names.
$(BUILD)/tests/fuzz/acl_parse: instead = -Wl,--wrap=fopen,--wrap=getaddrinfo,--wrap=innetgr

.PHONY: fuzzers fuzz coverage
fuzzers: $(fuzzers:%=$(BUILD)/tests/fuzz/%)

$(BUILD)/tests/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(BUILD)/libunit.a
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(compile) -fsanitize=fuzzer $(instead) $(LDFLAGS) -o $@ $< $(BUILD)/libunit.a $(guestclock-set_libs:$(libwrap)=-l:libwrap.a)

fuzz: setup
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run

coverage: setup
	@tests/fuzz/coverage
