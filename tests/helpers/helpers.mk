# Rules for the small programs that the tests use: build/tests/NAME from tests/helpers/NAME.c.
# Included by the top Makefile; also works alone, from the top directory:
#
#	make -f tests/helpers/helpers.mk

HELPERS = clock-answer clock-compare fake-ssh flood inject qmp still-clock under-filter
HELPER_CFLAGS = -std=c11 -Wall -Wextra -Werror -O2

.PHONY: helpers
helpers: $(HELPERS:%=build/tests/%) build/tests/fake-clock.so

$(HELPERS:%=build/tests/%): build/tests/%: tests/helpers/%.c
	@mkdir -p build/tests
	$(call say,CC)
	$(Q)$(CC) $(HELPER_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LDLIBS)
build/tests/under-filter: LDLIBS = -lseccomp
# The tests start these thousands of times.  (fake-ssh must take a preloaded clock.)
build/tests/inject build/tests/flood: LDLIBS = -static

# A shared object to preload: build it without the flags for executables.
build/tests/fake-clock.so: tests/helpers/fake-clock.c
	@mkdir -p build/tests
	$(call say,CC)
	$(Q)$(CC) -shared -fPIC -O2 -Wall -Wextra -D_GNU_SOURCE -o $@ $<
