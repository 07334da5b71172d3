# Rules for the fuzz targets: build/fuzz/tests/fuzz/NAME from tests/fuzz/NAME.c, against the objects of libunit.a.
# Included by the top Makefile; tests/fuzz/run and tests/fuzz/coverage build with BUILD and CFLAGS of their own.
#
#	make fuzz [FUZZ_SECONDS=20]	each target for so long
#	make coverage			the lines of the parsers that unit tests and seeds reach

FUZZ_SECONDS ?= 20
fuzzers = $(notdir $(basename $(wildcard tests/fuzz/*.c)))

# libwrap, asked for a verdict, must neither open files of the fuzzer's choice nor look its names up.
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
