/* set_options: the options of the forced command, one word a line. */
#include "fuzz.h"

#include "lib/rfc868.h"
#include "set/request.h"
#include "set/set_options.h"

#define WORDS 48

static void
check_options(const struct set_options *options)
{
	char host[REQUEST_OCTETS + 1];
	uint16_t port;
	int64_t pivot = set_options_pivot(options), first = pivot - RFC868_ERA / 2, last = pivot + RFC868_ERA / 2 - 1;

	REQUIRE(options->not_before >= 0 && options->not_before < options->not_after);
	REQUIRE(options->not_after - options->not_before < RFC868_ERA);
	/*
	 * Every count means a time that fits into nanoseconds, and every allowed time has a count that decodes to it.
	 */
	REQUIRE(pivot >= options->not_before && pivot < options->not_after);
	REQUIRE(first >= -SECONDS_MAX && last < SECONDS_MAX);
	REQUIRE(rfc868_nearest(rfc868_count(options->not_before), pivot) == options->not_before);
	REQUIRE(rfc868_nearest(rfc868_count(options->not_after - 1), pivot) == options->not_after - 1);
	REQUIRE(options->max_step >= 0 && options->max_back >= 0);
	REQUIRE(options->max_delay >= 0 && options->max_delay <= 600 * NS_PER_SECOND);
	REQUIRE(options->max_rate >= 0 && options->max_rate <= INT64_C(100000000));
	REQUIRE(options->allowed != 0 && (options->allowed & ~REQUEST_ALL) == 0);
	REQUIRE(options->hosts >= 0 && options->hosts <= SET_OPTIONS_HOSTS);
	for (int at = 0; at < options->hosts; at++)
		REQUIRE(set_options_source(options->host[at], host, &port) && request_host_valid(host) && options->host[at][0] != '-');
	REQUIRE(options->default_request == NULL || options->default_request[0] != '\0');
	for (int at = 0; at < REQUESTS; at++) {
		enum request_kind kind = (enum request_kind)at;

		REQUIRE(request_kind_of(request_kind_name(kind), strlen(request_kind_name(kind))) == kind);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), program[] = "guestclock-set", *words[WORDS] = { program };
	char complaint[OPTION_COMPLAINT] = "", again_complaint[OPTION_COMPLAINT] = "";
	struct set_options options = set_options_default(), again = set_options_default();
	int count = 1 + (size > 0 ? fuzz_words(text, words + 1, WORDS - 1) : 0);
	int next = set_options_parse(count, words, &options, complaint);

	if (next == OPTION_WRONG)
		REQUIRE(fuzz_is_line(complaint, sizeof complaint));
	else if (next >= 0) {
		REQUIRE(complaint[0] == '\0' && next >= 1 && next <= count);
		/* The first word after the options is no option, unless it follows "--". */
		REQUIRE(next == count || words[next][0] != '-' || words[next][1] == '\0' ||
		    strcmp(words[next - 1], "--") == 0);
		check_options(&options);
	}
	/* Parsing again gives the same: getopt keeps no state, and the words are not reordered. */
	REQUIRE(set_options_parse(count, words, &again, again_complaint) == next && strcmp(complaint, again_complaint) == 0);
	REQUIRE(next < 0 || memcmp(&options, &again, sizeof options) == 0);
	free(text);
	return 0;
}
