# shellcheck shell=bash
# What tests/fuzz/run and tests/fuzz/coverage share.

fuzz_targets() {
	local file
	for file in tests/fuzz/*.c; do basename "$file" .c; done
}

# A target has no more to do with this machine's clock than any other test.
# shellcheck disable=SC2034 # for those who load this
FUZZ_CONFINED=()
[ "$(id -u)" -ne 0 ] || FUZZ_CONFINED=(setpriv --bounding-set -sys_time --inh-caps -sys_time --)

# fuzz_make TARGET...: with what notices a wrong access, an undefined operation or a number that a narrower type or another
# sign changes, and tells the fuzzer where it is.  Unsigned sums may wrap: hashes and eras do so on purpose.
fuzz_make() {
	make -s -j2 BUILD=build/fuzz static=-pie CC=clang CPPFLAGS= LDFLAGS= fortify= mkfilter_flags=-DSANITIZER \
		CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
			-fsanitize=float-cast-overflow,implicit-conversion -fno-sanitize-recover=all' "$@"
}

# fuzz_seeds TARGET DIRECTORY: the seeds as a target reads them: a .hex file is octets in hexadecimal, with comments
# from # on; all others are as they are.
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
