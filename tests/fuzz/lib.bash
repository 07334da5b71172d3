# shellcheck shell=bash
# Shared by tests/fuzz/run and tests/fuzz/coverage.

fuzz_targets() {
	local file
	for file in tests/fuzz/*.c; do basename "$file" .c; done
}

# Like any other test, a target must not be able to set this machine's clock.
# shellcheck disable=SC2034 # for those who load this
FUZZ_CONFINED=()
[ "$(id -u)" -ne 0 ] || FUZZ_CONFINED=(setpriv --bounding-set -sys_time --inh-caps -sys_time --)

# fuzz_make TARGET...: builds with the sanitizers for invalid accesses, undefined operations and conversions that change
# a number, and with the fuzzer's coverage feedback.  Unsigned sums may wrap: hashes and eras do so on purpose.
fuzz_make() {
	make -s -j2 BUILD=build/fuzz static=-pie CC=clang CPPFLAGS= LDFLAGS= fortify= mkfilter_flags=-DSANITIZER \
		CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
			-fsanitize=float-cast-overflow,implicit-conversion -fno-sanitize-recover=all' "$@"
}

# fuzz_seeds TARGET DIRECTORY: writes the seeds to DIRECTORY in the form that a target reads.  A .hex file contains
# octets in hexadecimal, with comments that begin with #.  Other files are copied unchanged.
fuzz_seeds() {
	local seed octets
	rm -rf "$2"
	mkdir -p "$2"
	for seed in "tests/fuzz/seeds/$1"/*; do
		case $seed in
		*.hex)
			octets=$(sed 's/#.*//' "$seed" | tr -d ' \t\n' | sed 's/../\\x&/g')
			printf '%b' "$octets" >"$2/$(basename "$seed" .hex)"
			;;
		*) cp "$seed" "$2/" ;;
		esac
	done
}
