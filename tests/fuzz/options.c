/* options: the command line of guestclock, one word a line. */
#include "fuzz.h"

#include "host/options.h"

#define WORDS 48

static void
check_path(const char *path)
{
	REQUIRE(path == NULL || (path[0] != '\0' && path[0] != '-'));
}

static void
check_options(const struct driver_options *options)
{
	REQUIRE(options->parallel >= 1 && options->parallel <= 1000);
	REQUIRE(options->deadline > 0 && options->deadline <= 3600 * NS_PER_SECOND);
	REQUIRE(options->warning >= 0 && options->critical >= 0);
	REQUIRE(options->correct || options->warning <= options->critical);
	REQUIRE(options->list == NULL || options->list[0] != '\0');
	check_path(options->prometheus);
	check_path(options->ssh_config);
	check_path(options->state);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), program[] = "guestclock", *words[WORDS] = { program };
	char complaint[OPTION_COMPLAINT] = "", again_complaint[OPTION_COMPLAINT] = "";
	struct driver_options options, again;
	int count = 1 + (size > 0 ? fuzz_words(text, words + 1, WORDS - 1) : 0);
	int next = options_parse(count, words, &options, complaint);

	if (next == OPTION_WRONG)
		REQUIRE(fuzz_is_line(complaint, sizeof complaint));
	else if (next >= 0) {
		REQUIRE(complaint[0] == '\0' && next >= 2 && next <= count);
		REQUIRE(strcmp(words[1], options.watch ? "watch" : options.correct ? "sync" : "check") == 0);
		REQUIRE(next == count || words[next][0] != '-' || words[next][1] == '\0' ||
		    strcmp(words[next - 1], "--") == 0);
		check_options(&options);
	}
	REQUIRE(options_parse(count, words, &again, again_complaint) == next);
	REQUIRE(strcmp(complaint, again_complaint) == 0);
	free(text);
	return 0;
}
