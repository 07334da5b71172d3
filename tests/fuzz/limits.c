/* limits: the options of the forced command, one word a line. */
#include "fuzz.h"

#include "lib/rfc868.h"
#include "set/limits.h"
#include "set/request.h"

#define WORDS 48

static void
check_limits(const struct limits *limits)
{
	int64_t pivot = limits_pivot(limits), first = pivot - RFC868_ERA / 2, last = pivot + RFC868_ERA / 2 - 1;

	REQUIRE(limits->not_before >= 0 && limits->not_before < limits->not_after);
	REQUIRE(limits->not_after - limits->not_before < RFC868_ERA);
	/*
	 * Every count means a time that fits into nanoseconds, and every allowed time has a count that decodes to it.
	 */
	REQUIRE(pivot >= limits->not_before && pivot < limits->not_after);
	REQUIRE(first >= -SECONDS_MAX && last < SECONDS_MAX);
	REQUIRE(rfc868_nearest(rfc868_count(limits->not_before), pivot) == limits->not_before);
	REQUIRE(rfc868_nearest(rfc868_count(limits->not_after - 1), pivot) == limits->not_after - 1);
	REQUIRE(limits->max_step >= 0 && limits->max_back >= 0);
	REQUIRE(limits->max_delay >= 0 && limits->max_delay <= 600 * NS_PER_SECOND);
	REQUIRE(limits->max_rate >= 0 && limits->max_rate <= INT64_C(100000000));
	REQUIRE(limits->allowed != 0 && (limits->allowed & ~REQUEST_ALL) == 0);
	REQUIRE(limits->hosts >= 0 && limits->hosts <= LIMITS_HOSTS);
	for (int at = 0; at < limits->hosts; at++)
		REQUIRE(limits->host[at][0] != '\0' && limits->host[at][0] != '-');
	REQUIRE(limits->default_request == NULL || limits->default_request[0] != '\0');
	for (int at = 0; at < REQUESTS; at++) {
		enum request_kind kind = (enum request_kind)at;

		REQUIRE(request_kind_of(request_kind_name(kind), strlen(request_kind_name(kind))) == kind);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), program[] = "guestclock-set", *words[WORDS] = { program };
	char complaint[ARGS_COMPLAINT] = "", again_complaint[ARGS_COMPLAINT] = "";
	struct limits limits = limits_default(), again = limits_default();
	int count = 1 + (size > 0 ? fuzz_words(text, words + 1, WORDS - 1) : 0);
	int next = limits_parse(count, words, &limits, complaint);

	if (next == ARGS_WRONG)
		REQUIRE(fuzz_is_line(complaint, sizeof complaint));
	else if (next >= 0) {
		REQUIRE(complaint[0] == '\0' && next >= 1 && next <= count);
		/* The first word after the options is no option, unless it follows "--". */
		REQUIRE(next == count || words[next][0] != '-' || words[next][1] == '\0' ||
		    strcmp(words[next - 1], "--") == 0);
		check_limits(&limits);
	}
	/* Parsing again gives the same: getopt keeps no state, and the words are not reordered. */
	REQUIRE(limits_parse(count, words, &again, again_complaint) == next && strcmp(complaint, again_complaint) == 0);
	REQUIRE(next < 0 || memcmp(&limits, &again, sizeof limits) == 0);
	free(text);
	return 0;
}
