/* Lines for the user and for syslog: see audit.h. */
#include "set/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "lib/text.h"

#define PROGRAM "guestclock-set"
#define LINE_ROOM 640

static const struct ssh_env *who;
static char request[128];

void
audit_start(const struct ssh_env *client)
{
	who = client;
	openlog(PROGRAM, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void
audit_request(const char *text)
{
	format_quoted(text, request, sizeof request);
}

static void
log_line(int priority, const char *what)
{
	bool has_key = who != NULL && who->key[0] != '\0';

	syslog(priority, "from %s%s%s, request \"%s\": %s", who != NULL ? who->address : "?", has_key ? " key " : "",
	    has_key ? who->key : "", request, what);
}

/* Formats FORMAT and its arguments into LINE. */
#define FORMAT_LINE(line, format) do { \
	va_list arguments; \
	va_start(arguments, format); \
	vsnprintf((line), sizeof (line), (format), arguments); \
	va_end(arguments); \
} while (0)

enum status
audit_refuse(enum status status, const char *format, ...)
{
	char line[LINE_ROOM];

	FORMAT_LINE(line, format);
	log_line(LOG_AUTH | LOG_WARNING, line);
	fprintf(stderr, PROGRAM ": refused: %s\n", line);
	return status;
}

enum status
audit_fail(const char *format, ...)
{
	char line[LINE_ROOM];

	FORMAT_LINE(line, format);
	log_line(LOG_DAEMON | LOG_ERR, line);
	fprintf(stderr, PROGRAM ": %s\n", line);
	return STATUS_SYSTEM;
}

void
audit_refused(const char *format, ...)
{
	char line[LINE_ROOM];

	FORMAT_LINE(line, format);
	log_line(LOG_AUTH | LOG_WARNING, line);
}

void
audit_missed(const struct filter_missed *missed)
{
	char line[LINE_ROOM];

	if (missed->times == 0)
		return;
	snprintf(line, sizeof line, FILTER_MISSED_FORMAT, missed->call, missed->times, PLURAL(missed->times));
	log_line(LOG_DAEMON | LOG_WARNING, line);
}

void
audit_done(const char *format, ...)
{
	char line[LINE_ROOM];

	FORMAT_LINE(line, format);
	log_line(LOG_DAEMON | LOG_NOTICE, line);
}
