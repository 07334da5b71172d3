/* The command line of guestclock: see options.h. */
#include "host/options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "host/exchange_client.h"
#include "lib/text.h"

/* The parser, --help and the messages take these defaults and the limit of -j from here. */
#define CRITICAL_DEFAULT "5"
#define DEADLINE_DEFAULT "30"
#define INTERVAL_DEFAULT "1"
#define INTERVAL_LEAST (NS_PER_SECOND / 10)
#define INTERVAL_MOST_SECONDS 300
#define PARALLEL_DEFAULT "16"
#define PARALLEL_MOST 1000
#define WARNING_DEFAULT "0.5"

enum option_id { CRITICAL, LIST, INTERVAL, PARALLEL, DEADLINE, WARNING, JSON, NO_RATE, PROMETHEUS, REQUIRE_SYNC, SSH_CONFIG,
	STATE, STEP_BACK, OPTIONS };

static const struct known_option option_table[OPTIONS] = {
	[CRITICAL] = { "-c", "seconds", "check: critical beyond this offset (default: " CRITICAL_DEFAULT ")" },
	[LIST] = { "-f", "file", "a list of guests, one on each line; -: standard input" },
	[INTERVAL] = { "-i", "seconds", "watch: from one reading to the next (default: " INTERVAL_DEFAULT ")" },
	[PARALLEL] = { "-j", "number", "guests at once; watch: new sessions at once (default: " PARALLEL_DEFAULT ")" },
	[DEADLINE] = { "-t", "seconds", "limit for a guest; watch: for its silence (default: " DEADLINE_DEFAULT ")" },
	[WARNING] = { "-w", "seconds", "check: warn beyond this offset (default: " WARNING_DEFAULT ")" },
	[JSON] = { "--json", NULL, "print a JSON object for each guest; watch: each event" },
	[NO_RATE] = { "--no-rate", NULL, "sync, watch: do not set the rates of the guests' clocks" },
	[PROMETHEUS] = { "--prometheus", "file", "write metrics for Prometheus' textfile collector" },
	[REQUIRE_SYNC] = { "--require-sync", NULL, "work only while this host's clock is synchronised" },
	[SSH_CONFIG] = { "--ssh-config", "file", "ssh's configuration (default: " DEFAULT_SSH_CONFIG ")" },
	[STATE] = { "--state", "directory", "state and log (default: " DEFAULT_STATE ")" },
	[STEP_BACK] = { "--step-back", "limit", "sync, watch: step a guest back by at most so many seconds" },
};

const struct program options_program = {
	.name = "guestclock", .command = " sync|watch|check", .operands = " [guest ...]", .libraries = "",
	.purpose = "Measures and corrects the clocks of virtual machines from their host, over ssh.\n\n"
	    "  guestclock sync [guest ...]     corrects clocks that are wrong\n"
	    "  guestclock watch [guest ...]    keeps clocks right until it is stopped\n"
	    "  guestclock check [guest ...]    measures only, for a monitoring system\n"
	    "  guestclock help                 prints this help\n\n"
	    "A guest is an ssh destination: web1, root@web1, ssh://root@web1:2222.\n"
	    "Without a guest and without -f, the guests are those of " DEFAULT_GUESTS ".",
	.more = "\nOn each guest the key's forced command is guestclock-set(8).\n",
	.options = option_table, .count = OPTIONS
};

/* For each option: the member of struct driver_options that it sets, the limits of a number, and the expected value. */
#define FIELD(name) offsetof(struct driver_options, name)
#define SECONDS_EXPECTED "seconds, such as 30 or 0.5"
#define PATH_EXPECTED "a path that does not start with \"-\""
static const struct {
	size_t field;
	int64_t least, most;	/* most is 0 if the value is not a number */
	const char *expected;	/* NULL: the option is a flag */
} values[OPTIONS] = {
	[CRITICAL] = { FIELD(critical), 0, INT64_MAX, SECONDS_EXPECTED },
	[WARNING] = { FIELD(warning), 0, INT64_MAX, SECONDS_EXPECTED },
	[DEADLINE] = { FIELD(deadline), 1, CLIENT_LONGEST,
	    SECONDS_EXPECTED ", above 0 and up to " OPTION_NUMBER(CLIENT_LONGEST_SECONDS) },
	[INTERVAL] = { FIELD(interval), INTERVAL_LEAST, INTERVAL_MOST_SECONDS * NS_PER_SECOND,
	    SECONDS_EXPECTED ", from 0.1 to " OPTION_NUMBER(INTERVAL_MOST_SECONDS) },
	[PARALLEL] = { FIELD(parallel), 1, PARALLEL_MOST, "a number from 1 to " OPTION_NUMBER(PARALLEL_MOST) },
	[LIST] = { FIELD(list), 0, 0, "a file, or - for standard input" },
	[JSON] = { FIELD(json), 0, 0, NULL },
	[NO_RATE] = { FIELD(no_rate), 0, 0, NULL },
	[PROMETHEUS] = { FIELD(prometheus), 0, 0, PATH_EXPECTED },
	[REQUIRE_SYNC] = { FIELD(require_sync), 0, 0, NULL },
	[SSH_CONFIG] = { FIELD(ssh_config), 0, 0, PATH_EXPECTED },
	[STATE] = { FIELD(state), 0, 0, PATH_EXPECTED },
	[STEP_BACK] = { FIELD(step_back), 0, INT64_MAX, "never, or " SECONDS_EXPECTED },
};

/* Stores the value of one option.  Returns NULL, or a description of the expected value if VALUE is not valid. */
static const char *
take_option(enum option_id option, const char *value, struct driver_options *options)
{
	void *field = (char *)options + values[option].field;
	int64_t least = values[option].least, most = values[option].most;
	bool good = true;

	if (values[option].expected == NULL)
		*(bool *)field = true;
	else if (option == STEP_BACK && strcmp(value, "never") == 0)
		options->step_back = 0;
	else if (option == PARALLEL)
		good = parse_whole(value, least, most, field);
	else if (most != 0)
		good = parse_seconds(value, most, field) && *(nanoseconds *)field >= least;
	else {
		*(const char **)field = value;
		good = *value != '\0' && (*value != '-' || option == LIST);
	}
	return good ? NULL : values[option].expected;
}

int
options_parse(int argc, char **argv, struct driver_options *options, char complaint[OPTION_COMPLAINT])
{
	const char *command = argc > 1 ? argv[1] : "";
	struct option_reader reader;
	int option;

	*options = (struct driver_options){ .correct = strcmp(command, "check") != 0,
		.watch = strcmp(command, "watch") == 0, .step_back = INT64_MAX };
	take_option(CRITICAL, CRITICAL_DEFAULT, options);
	take_option(DEADLINE, DEADLINE_DEFAULT, options);
	take_option(INTERVAL, INTERVAL_DEFAULT, options);
	take_option(PARALLEL, PARALLEL_DEFAULT, options);
	take_option(WARNING, WARNING_DEFAULT, options);
	if (argc < 2) {
		snprintf(complaint, OPTION_COMPLAINT, "no command: expected sync, watch or check; \"guestclock help\" explains them");
		return OPTION_WRONG;
	}
	if (options->correct && !options->watch && strcmp(command, "sync") != 0) {
		option_start(&reader, &options_program, argc, argv);
		option = strcmp(command, "help") == 0 ? OPTION_HELP : strcmp(command, "version") == 0 ? OPTION_VERSION :
		    option_next(&reader, complaint);
		if (option == OPTION_HELP || option == OPTION_VERSION)
			return option;
		option_complain(&options_program, "command", command, complaint);
		return OPTION_WRONG;
	}
	/* getopt takes the command, such as sync, for the program's name. */
	option_start(&reader, &options_program, argc - 1, argv + 1);
	while ((option = option_next(&reader, complaint)) != OPTION_END) {
		const char *expected = option < 0 ? NULL : take_option((enum option_id)option, reader.value, options);

		if (option < 0)
			return option;
		if (expected != NULL)
			return option_expected(&reader, option, expected, complaint);
	}
	if (!options->correct && options->warning > options->critical) {
		snprintf(complaint, OPTION_COMPLAINT, "-w is larger than -c (default: -w " WARNING_DEFAULT
		    ", -c " CRITICAL_DEFAULT "): expected -w to be at most -c");
		return OPTION_WRONG;
	}
	return optind + 1;
}
