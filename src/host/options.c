/* The command line of guestclock: see options.h. */
#include "host/options.h"

#include <stdio.h>
#include <string.h>

#include "host/dialog.h"
#include "lib/text.h"

/* Each default and each limit stands once: the parser, --help and the messages use it. */
#define CRITICAL_DEFAULT "5"
#define DEADLINE_DEFAULT "30"
#define PARALLEL_DEFAULT "16"
#define PARALLEL_MOST 1000
#define WARNING_DEFAULT "0.5"

#define TEXT_(number) #number
#define TEXT(number) TEXT_(number)

enum option_id { CRITICAL, LIST, PARALLEL, DEADLINE, WARNING, JSON, PROMETHEUS, REQUIRE_SYNC, SSH_CONFIG, STATE, OPTIONS };

static const struct arg option_table[OPTIONS] = {
	[CRITICAL] = { "-c", "seconds", "check: critical beyond this offset (default: " CRITICAL_DEFAULT ")" },
	[LIST] = { "-f", "file", "a list of guests, one a line; -: standard input" },
	[PARALLEL] = { "-j", "number", "guests at once (default: " PARALLEL_DEFAULT ")" },
	[DEADLINE] = { "-t", "seconds", "how long a guest may take (default: " DEADLINE_DEFAULT ")" },
	[WARNING] = { "-w", "seconds", "check: warn beyond this offset (default: " WARNING_DEFAULT ")" },
	[JSON] = { "--json", NULL, "print an object for each guest" },
	[PROMETHEUS] = { "--prometheus", "file", "write metrics for the textfile collector" },
	[REQUIRE_SYNC] = { "--require-sync", NULL, "do nothing unless this host's clock is synchronised" },
	[SSH_CONFIG] = { "--ssh-config", "file", "instead of " DEFAULT_SSH_CONFIG },
	[STATE] = { "--state", "directory", "instead of " DEFAULT_STATE },
};

const struct program options_program = {
	.name = "guestclock", .command = " sync|check", .operands = " [guest ...]", .libraries = "",
	.purpose = "Measures the clocks of virtual machines from their host, over ssh.\n\n"
	    "  guestclock sync [guest ...]     corrects what is wrong\n"
	    "  guestclock check [guest ...]    measures only, for a monitoring system\n"
	    "  guestclock help                 prints this\n\n"
	    "A guest is an ssh destination: web1, root@web1, ssh://root@web1:2222.\n"
	    "Without one, and without -f, the guests are those of " DEFAULT_GUESTS ".",
	.more = "\nOn each guest the key's forced command is guestclock-set(8).\n",
	.arg = option_table, .count = OPTIONS
};

/* Stores VALUE in *PATH.  Returns NULL, or a description of the expected value. */
static const char *
take_path(const char *value, const char **path)
{
	*path = value;
	return *value != '\0' && *value != '-' ? NULL : "a path that does not start with \"-\"";
}

static const char *
take_option(enum option_id option, const char *value, struct driver_options *options)
{
	static const char seconds[] = "seconds, such as 30 or 0.5";

	switch (option) {
	case CRITICAL:
		return parse_seconds(value, INT64_MAX, &options->critical) ? NULL : seconds;
	case WARNING:
		return parse_seconds(value, INT64_MAX, &options->warning) ? NULL : seconds;
	case DEADLINE:
		return parse_seconds(value, DIALOG_LONGEST, &options->deadline) && options->deadline > 0 ? NULL :
		    "seconds, such as 30 or 0.5, above 0 and up to " TEXT(DIALOG_LONGEST_SECONDS);
	case PARALLEL:
		return parse_whole(value, 1, PARALLEL_MOST, &options->parallel) ? NULL :
		    "a number from 1 to " TEXT(PARALLEL_MOST);
	case LIST:
		options->list = value;
		return *value != '\0' ? NULL : "a file, or - for standard input";
	case JSON:
		options->json = true;
		return NULL;
	case PROMETHEUS:
		return take_path(value, &options->prometheus);
	case REQUIRE_SYNC:
		options->require_sync = true;
		return NULL;
	case SSH_CONFIG:
		return take_path(value, &options->ssh_config);
	case STATE:
	case OPTIONS:
		break;
	}
	return take_path(value, &options->state);
}

int
options_parse(int argc, char **argv, struct driver_options *options, char complaint[ARGS_COMPLAINT])
{
	const char *command = argc > 1 ? argv[1] : "";
	struct args args;
	int option;

	*options = (struct driver_options){ .correct = strcmp(command, "check") != 0 };
	take_option(CRITICAL, CRITICAL_DEFAULT, options);
	take_option(DEADLINE, DEADLINE_DEFAULT, options);
	take_option(PARALLEL, PARALLEL_DEFAULT, options);
	take_option(WARNING, WARNING_DEFAULT, options);
	if (argc < 2) {
		snprintf(complaint, ARGS_COMPLAINT, "no command: expected sync or check; \"guestclock help\" explains them");
		return ARGS_WRONG;
	}
	if (options->correct && strcmp(command, "sync") != 0) {
		args_start(&args, &options_program, argc, argv);
		option = strcmp(command, "help") == 0 ? ARGS_HELP : strcmp(command, "version") == 0 ? ARGS_VERSION :
		    args_next(&args, complaint);
		if (option == ARGS_HELP || option == ARGS_VERSION)
			return option;
		args_complain(&options_program, "command", command, complaint);
		return ARGS_WRONG;
	}
	/* Skip the program's name, so that getopt takes the command word for it. */
	args_start(&args, &options_program, argc - 1, argv + 1);
	while ((option = args_next(&args, complaint)) != ARGS_END) {
		const char *expected = option < 0 ? NULL : take_option((enum option_id)option, args.value, options);

		if (option < 0)
			return option;
		if (expected != NULL)
			return args_expected(&args, option, expected, complaint);
	}
	if (!options->correct && options->warning > options->critical) {
		snprintf(complaint, ARGS_COMPLAINT, "-w is larger than -c: expected -w to be at most -c");
		return ARGS_WRONG;
	}
	return optind + 1;
}
