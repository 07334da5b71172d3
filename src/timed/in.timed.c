/*
 * in.timed: RFC 868 time service for a superserver.  See in.timed(8).
 *
 * This file parses the options; dispatch.c serves the socket.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/access.h"
#include "lib/filter.h"
#include "lib/option_table.h"
#include "lib/show_tables.h"
#include "lib/startup.h"
#include "lib/status.h"
#include "lib/text.h"
#include "timed/dispatch.h"
#include "timed/reply.h"

#define IDLE_DEFAULT 5
#define IDLE_MAX 3600

enum { IDLE, LOG, NAME, SYNC, CHECK_TABLES, NO_FILTER, STRICT_ACCESS, OPTIONS };

static const struct known_option options[OPTIONS] = {
	[IDLE] = { "-i", "seconds", "wait mode: exit after this long without a request (" OPTION_NUMBER(IDLE_DEFAULT) ")" },
	[LOG] = { "-l", NULL, "log each answer" },
	[NAME] = { "-n", "name", "the daemon name in hosts.allow and hosts.deny" },
	[SYNC] = { "-s", NULL, "answer only while this machine's clock is synchronised" },
	[CHECK_TABLES] = { "--check-tables", NULL, "explain hosts.allow and hosts.deny; an address may follow" },
	[NO_FILTER] = { "--no-filter", NULL, "run without the system call filter" },
	[STRICT_ACCESS] = { "--strict-access", NULL, "if neither hosts.allow nor hosts.deny exists, be mute" },
};

static const struct program program = {
	.name = "in.timed", .command = "", .operands = "", .libraries = ", libwrap",
	.purpose = "Sends the time in the format of RFC 868, to clients such as rdate(8).  xinetd,\n"
	    "inetd or systemd starts it with a socket as standard input.  Otherwise it writes\n"
	    "the time, four octets, to standard output:  in.timed | od -An -tu1",
	.more = "",
	.options = options, .count = OPTIONS
};

static enum status
usage(const char *complaint)
{
	syslog(LOG_ERR, "%s", complaint);
	return STATUS_USAGE;
}

/*
 * Prints what an administrator asks for: OPTION is OPTION_HELP, OPTION_VERSION or CHECK_TABLES, with its WORDS.  Under
 * a superserver standard output is the client's connection: text must not be taken for the time.
 */
static enum status
inform(int option, char *const *words)
{
	char complaint[OPTION_COMPLAINT];
	enum status status = STATUS_SYSTEM;

	if (!startup_local(STDIN_FILENO) || !startup_local(STDOUT_FILENO))
		return usage("--help, --version and --check-tables: standard input or output is a network connection; "
		    "expected neither to be");
	if (option == CHECK_TABLES)
		status = show_tables_print(words, complaint);
	else if (startup_inform(&program, option))
		status = STATUS_DONE;
	if (status == STATUS_SYSTEM)
		syslog(LOG_ERR, "cannot write to standard output: %m");
	return status == STATUS_USAGE ? usage(complaint) : status;
}

static enum status
run(int argc, char **argv)
{
	/* A program may be started without any argv[0]. */
	const char *name = *program_invocation_short_name != '\0' ? program_invocation_short_name : "in.timed";
	bool strict_access = false, check = false, descriptors = startup_descriptors();
	char complaint[OPTION_COMPLAINT];
	struct option_reader reader;
	int64_t seconds = IDLE_DEFAULT;
	int option, error = errno;
	enum status status;
	sigset_t fatal;

	/* A superserver may leak its own descriptors to this process. */
	startup_close_from(STDERR_FILENO + 1);
	/*
	 * A write to a connection that the client has reset, or beyond a file size limit, must fail and not end this
	 * process: a superserver would switch the service off.
	 */
	sigemptyset(&fatal);
	sigaddset(&fatal, SIGPIPE);
	sigaddset(&fatal, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &fatal, NULL);
	/* In "stream nowait" standard error is the connection: the client would read a message there as the time. */
	openlog("in.timed", LOG_PID | (startup_no_socket(STDERR_FILENO) ? LOG_PERROR : 0), LOG_DAEMON);
	if (!descriptors) {
		errno = error;
		syslog(LOG_ERR, "cannot open /dev/null in place of a closed standard input, output or error: %m");
		return STATUS_SYSTEM;
	}
	option_start(&reader, &program, argc, argv);
	while ((option = option_next(&reader, complaint)) != OPTION_END) {
		const char *expected = NULL;

		switch (option) {
		case IDLE:
			if (!parse_whole(reader.value, 1, IDLE_MAX, &seconds))
				expected = "whole seconds from 1 to " OPTION_NUMBER(IDLE_MAX);
			break;
		case LOG:
			reply_options.log_answers = true;
			break;
		case NAME:
			if (*reader.value == '\0' || strlen(reader.value) > 63 || reader.value[strcspn(reader.value, " \t\n:,@")] != '\0')
				expected = "a daemon name as in hosts.allow, 1 to 63 characters without blank, comma, colon and @";
			name = reader.value;
			break;
		case SYNC:
			reply_options.require_sync = true;
			break;
		case CHECK_TABLES:
			check = true;
			break;
		case NO_FILTER:
			filter_disable();
			break;
		case STRICT_ACCESS:
			strict_access = true;
			break;
		case OPTION_WRONG:
			return usage(complaint);
		default:
			return inform(option, argv + argc);
		}
		if (expected != NULL) {
			option_expected(&reader, option, expected, complaint);
			return usage(complaint);
		}
	}
	access_start(name, strict_access);
	if (check)
		return inform(CHECK_TABLES, argv + optind);
	if (optind < argc) {
		option_complain(&program, "unexpected argument", argv[optind], complaint);
		return usage(complaint);
	}
	reply_options.idle_seconds = (uint32_t)seconds;
	status = serve();
	reply_log_missed();
	return status;
}

int
main(int argc, char **argv)
{
	return (int)run(argc, argv);
}
