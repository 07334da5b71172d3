/* The command line of guestclock: see options.h. */
#include "host/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "host/dialog.h"
#include "lib/text.h"

enum { JSON = 256, PROMETHEUS, REQUIRE_SYNC, SSH_CONFIG, STATE };

static const struct option option_table[] = {
	{ "json", no_argument, NULL, JSON },
	{ "prometheus", required_argument, NULL, PROMETHEUS },
	{ "require-sync", no_argument, NULL, REQUIRE_SYNC },
	{ "ssh-config", required_argument, NULL, SSH_CONFIG },
	{ "state", required_argument, NULL, STATE },
	{ NULL, 0, NULL, 0 }
};

/* NULL, or what was expected. */
static const char *
take_path(const char *value, const char **path)
{
	*path = value;
	return *value != '\0' && *value != '-' ? NULL : "a path that does not start with \"-\"";
}

static const char *
take_option(int option, const char *value, struct driver_options *options)
{
	static const char seconds[] = "seconds as 30 or 0.5";

	switch (option) {
	case 'c':
		return parse_seconds(value, INT64_MAX, &options->critical) ? NULL : seconds;
	case 'w':
		return parse_seconds(value, INT64_MAX, &options->warning) ? NULL : seconds;
	case 't':
		return parse_seconds(value, DIALOG_LONGEST, &options->deadline) && options->deadline > 0 ? NULL :
		    "seconds as 30 or 0.5, above 0 and up to 3600";
	case 'j':
		return parse_whole(value, 1, 1000, &options->parallel) ? NULL : "a number from 1 to 1000";
	case 'f':
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
		return take_path(value, &options->state);
	default:
		return "another option";
	}
}

/* As it is given: "-j", "--state". */
static const char *
option_name(int option, char name[24])
{
	for (const struct option *known = option_table; known->name != NULL; known++)
		if (known->val == option) {
			snprintf(name, 24, "--%s", known->name);
			return name;
		}
	snprintf(name, 24, "-%c", option);
	return name;
}

int
options_parse(int argc, char **argv, struct driver_options *options, char complaint[OPTIONS_COMPLAINT])
{
	char quoted[48];
	int option;

	*options = (struct driver_options){ .parallel = 16, .deadline = 30 * NS_PER_SECOND, .warning = NS_PER_SECOND / 2,
		.critical = 5 * NS_PER_SECOND };
	if (argc < 2 || (strcmp(argv[1], "sync") != 0 && strcmp(argv[1], "check") != 0)) {
		format_quoted(argc < 2 ? "" : argv[1], quoted, sizeof quoted);
		snprintf(complaint, OPTIONS_COMPLAINT, argc < 2 ? "no command%s: expected %s" : "command \"%s\": expected %s", quoted,
		    OPTIONS_USAGE);
		return -1;
	}
	options->correct = strcmp(argv[1], "sync") == 0;
	opterr = 0;
	optind = 0;
	/* The command itself stands where getopt expects the program's name. */
	while ((option = getopt_long(argc - 1, argv + 1, "+:c:f:j:t:w:", option_table, NULL)) != -1) {
		const char *expected = option == ':' || option == '?' ? OPTIONS_USAGE :
		    take_option(option, optarg != NULL ? optarg : "", options);
		const char *what = option == ':' || option == '?' || optarg == NULL ? argv[optind] : optarg;
		char letter[3] = { '-', (char)optopt, '\0' }, name[24];

		if (expected == NULL)
			continue;
		/* In a group of letters the word alone does not say which one. */
		if ((option == '?' || option == ':') && optopt > ' ' && optopt <= '~')
			what = letter;
		format_quoted(what != NULL ? what : "", quoted, sizeof quoted);
		snprintf(complaint, OPTIONS_COMPLAINT, "%s \"%s\": expected %s", option == ':' ? "no argument for" :
		    option == '?' ? "unknown option" : option_name(option, name), quoted, expected);
		return -1;
	}
	if (!options->correct && options->warning > options->critical) {
		snprintf(complaint, OPTIONS_COMPLAINT, "-w is larger than -c: expected it to warn first");
		return -1;
	}
	return optind + 1;
}
