#!/usr/bin/env bats
# Unit tests in C, and rules for pure files and for the tree.

setup() {
	load ../lib/common
	cd "$BATS_TEST_DIRNAME/../.." || return 1
	build=${BUILD:-build}
}

unit() {
	run "$build/tests/unit/test_$1"
	printf '%s\n' "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *'[  PASSED  ]'* ]]
}

@test "rfc868 passes its unit tests" { unit rfc868; }
@test "peer and loop_guard pass their unit tests" { unit peer; }
@test "offset_interval passes its unit tests" { unit offset_interval; }
@test "text passes its unit tests" { unit text; }
@test "request and set_options pass their unit tests" { unit request; }
@test "policy passes its unit tests" { unit policy; }
@test "movement_account passes its unit tests" { unit movement_account; }
@test "sntp passes its unit tests" { unit sntp; }
@test "edge passes its unit tests" { unit edge; }
@test "verdict_cache, log_limit and acl_parse pass their unit tests" { unit access_parts; }
@test "ssh_env, query_answer and guest_clock pass their unit tests" { unit ssh_env; }

@test "exchange passes its unit tests" { unit exchange; }
@test "exchange_client passes its unit tests" { unit exchange_client; }
@test "drift passes its unit tests" { unit drift; }
@test "watch passes its unit tests" { unit watch; }
@test "host_clock passes its unit tests" { unit host_clock; }
@test "rate and rate_text pass their unit tests" { unit rate; }
@test "exit_status passes its unit tests" { unit exit_status; }
@test "guest_list, options, record_text and ssh_cause pass their unit tests" { unit driver_texts; }

@test "this file runs every unit test" {
	for file in tests/unit/test_*.c; do
		name=$(basename "$file" .c)
		grep -q "unit ${name#test_};" "$BATS_TEST_FILENAME"
	done
}

@test "pure objects call only each other and string functions" {
	# The objects whose header says so at the start of a line.
	pure=$(grep -lE '^ \* Pure\b' src/*/*.h | sed 's|^src/||; s|\.h$||')
	[ -n "$pure" ]
	allowed='mem(cpy|cmp|set|chr|move)|str(len|n?cmp|n?casecmp|c?spn|r?chr|str|cpy)|(__isoc23_)?strtoul|v?snprintf|__(str|mem)[a-z]*_chk'
	allowed+='|__v?snprintf_chk|__stack_chk_fail|inet_(pton|ntop)|getopt_long|opt(arg|ind|err|opt)|_GLOBAL_OFFSET_TABLE_'
	allowed+='|__ctype_b_loc|memrchr|calloc|reallocarray|strdup|free|__(u?div|u?mod)ti3'
	own=$(for object in $pure; do nm --defined-only "$build/obj/$object.o" | awk '{ print $3 }'; done | sort -u)
	for object in $pure; do
		while read -r symbol; do
			[[ "$symbol" =~ ^($allowed)$ ]] || grep -qxF -- "$symbol" <<<"$own" || {
				printf '%s.o is not pure: it uses %s\n' "$object" "$symbol"
				return 1
			}
		done < <(nm -u "$build/obj/$object.o" | awk '{ print $2 }')
	done
}

@test "only sysclock.c sets the clock, and only access.c includes libwrap's header" {
	run grep -lE '\b(clock_settime|settimeofday|clock_adjtime|adjtimex|adjtime) *\(' src/*/*.c
	[ "$output" = src/lib/sysclock.c ]
	run grep -l 'tcpd\.h' src/*/*.c
	[ "$output" = src/lib/access.c ]
}

@test "the release date in version.h is that of the newest release in NEWS.md, and RELEASE_SECONDS is its time" {
	date=$(sed -n 's/^#define RELEASE_DATE "\(.*\)"/\1/p' src/lib/version.h)
	version=$(sed -n 's/^#define GUESTCLOCK_VERSION "\(.*\)"/\1/p' src/lib/version.h)
	grep -q "^#define RELEASE_SECONDS INT64_C($(date -u -d "$date" +%s))$" src/lib/version.h
	[[ "$(grep -m 1 '^## .*[0-9])$' NEWS.md)" == "## $version (${date%-01}-"* ]]
}
