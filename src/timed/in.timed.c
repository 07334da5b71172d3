/*
 * in.timed: RFC 868 time service for a superserver.  See in.timed(8).
 *
 * Reads the options; dispatch.c does the rest.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/access.h"
#include "lib/filter.h"
#include "lib/startup.h"
#include "lib/status.h"
#include "lib/text.h"
#include "timed/dispatch.h"
#include "timed/reply.h"

#define IDLE_DEFAULT 5
#define IDLE_MAX 3600

/* Beyond every character: options that have no short form. */
enum { NO_FILTER = 256, STRICT_ACCESS };

static enum status __attribute__((format(printf, 1, 2)))
usage(const char *format, ...)
{
	char complaint[256], printable[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(complaint, sizeof complaint, format, arguments);
	va_end(arguments);
	format_quoted(complaint, printable, sizeof printable);
	syslog(LOG_ERR, "%s; usage: in.timed [-i seconds] [-l] [-n name] [-s] [--no-filter] [--strict-access]", printable);
	return STATUS_USAGE;
}

static bool
idle_of(const char *text, unsigned *seconds)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 4 || text[digits] != '\0')
		return false;
	*seconds = (unsigned)strtoul(text, NULL, 10);
	return *seconds >= 1 && *seconds <= IDLE_MAX;
}

static enum status
run(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "no-filter", no_argument, NULL, NO_FILTER }, { "strict-access", no_argument, NULL, STRICT_ACCESS },
		{ NULL, 0, NULL, 0 }
	};
	struct reply_options service = { .idle_seconds = IDLE_DEFAULT };
	const char *name = startup_name(argv[0], "in.timed");
	bool strict_access = false, descriptors = startup_descriptors();
	int option, error = errno;
	enum status status;

	/* A superserver may leave its own descriptors open. */
	startup_close_from(STDERR_FILENO + 1);
	signal(SIGXFSZ, SIG_IGN);
	/* Under nowait, standard error is the client's connection: a complaint must not be taken for the time. */
	openlog("in.timed", LOG_PID | (startup_no_socket(STDERR_FILENO) ? LOG_PERROR : 0), LOG_DAEMON);
	if (!descriptors) {
		errno = error;
		syslog(LOG_ERR, "cannot make sure of standard input, output and error: %m");
		return STATUS_SYSTEM;
	}
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+:i:ln:s", long_options, NULL)) != -1)
		switch (option) {
		case 'i':
			if (!idle_of(optarg, &service.idle_seconds))
				return usage("-i \"%.32s\": expected whole seconds from 1 to %d", optarg, IDLE_MAX);
			break;
		case 'l':
			service.log_answers = true;
			break;
		case 'n':
			if (*optarg == '\0' || strlen(optarg) > 63 || optarg[strcspn(optarg, " \t\n:,@")] != '\0')
				return usage("-n: expected a daemon name as in hosts.allow");
			name = optarg;
			break;
		case 's':
			service.require_sync = true;
			break;
		case NO_FILTER:
			filter_disable();
			break;
		case STRICT_ACCESS:
			strict_access = true;
			break;
		case ':':
			return usage("-%c: expected an argument", optopt);
		default:
			if (optopt == 0 || optopt >= NO_FILTER)
				return usage("unknown option \"%.32s\"", argv[optind - 1]);
			return usage("unknown option -%c", optopt);
		}
	if (optind < argc)
		return usage("unexpected argument \"%.32s\"", argv[optind]);
	access_start(name, strict_access);
	status = serve(&service);
	reply_log_missed();
	return status;
}

int
main(int argc, char **argv)
{
	return (int)run(argc, argv);
}
