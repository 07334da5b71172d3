/* Lines for the user and for syslog: see outcome.h. */
#include "set/outcome.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/text.h"

#define PROGRAM "guestclock-set"
#define LINE_ROOM 640

/* How many refusals of orders are logged in one session. */
#define ORDERS_LOGGED 5

static const struct ssh_env *who;
static char request[128];

/* syslog(3)'s socket; -1: it had none at the start. */
static int log_socket = -1;

void
outcome_start(const struct ssh_env *client)
{
	/* openlog(3) does not say whether it connects.  Its socket becomes the lowest free descriptor. */
	int lowest = dup(STDERR_FILENO);

	who = client;
	if (lowest >= 0)
		close(lowest);
	openlog(PROGRAM, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	log_socket = lowest;
	if (!outcome_logged())
		log_socket = -1;
}

bool
outcome_logged(void)
{
	/* syslog(3) closes its socket if it cannot send.  Behind the filter it cannot open another. */
	struct pollfd socket = { .fd = log_socket };

	return log_socket < 0 || poll(&socket, 1, 0) == 0 || (socket.revents & POLLNVAL) == 0;
}

bool
outcome_has_log(void)
{
	return log_socket >= 0;
}

void
outcome_request(const char *text)
{
	format_quoted(text + strspn(text, " "), request, sizeof request);
	/* Who sends the request must not end its quotes in the log line. */
	for (char *quote; (quote = strchr(request, '"')) != NULL;)
		*quote = '?';
}

static void
log_line(int priority, const char *what)
{
	bool has_key = who != NULL && who->key[0] != '\0';

	syslog(priority, "from %s%s%s, request \"%s\": %s", who != NULL ? who->address : "?", has_key ? " key " : "",
	    has_key ? who->key : "", request, what);
}

enum status
outcome_report(enum status status, const char *format, ...)
{
	bool refused = status == STATUS_REFUSED || status == STATUS_USAGE;
	char line[LINE_ROOM];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	log_line(refused ? LOG_AUTH | LOG_WARNING : LOG_DAEMON | (status == STATUS_DONE ? LOG_NOTICE : LOG_ERR), line);
	if (status != STATUS_DONE)
		fprintf(stderr, PROGRAM ": %s%s\n", refused ? "refused: " : "", line);
	return status;
}

enum status
outcome_order(enum exchange_reason reason, const char *text, unsigned number)
{
	bool system = reason == REASON_FAILED || reason == REASON_NO_CAPABILITY || reason == REASON_BUSY ||
	    reason == REASON_STALE;
	char line[LINE_ROOM];

	snprintf(line, sizeof line, "refused: %s: %s%s", exchange_reason_name(reason), text,
	    number == ORDERS_LOGGED ? " (no more refusals of this session are logged)" : "");
	if (number <= ORDERS_LOGGED)
		log_line(system ? LOG_DAEMON | LOG_ERR : LOG_AUTH | LOG_WARNING, line);
	return system ? STATUS_SYSTEM : STATUS_REFUSED;
}

void
outcome_rate_undone(int64_t ppb)
{
	char text[SECONDS_TEXT];

	if (ppb == 0)
		return;
	/* format_seconds() divides by 10^9: ppb * 10^6 prints as ppm.  SYSCLOCK_RATE_MAX bounds the product. */
	format_seconds(ppb * 1000000, text);
	outcome_done("rate %s ppm of an earlier request undone: this one has set none", text);
}

void
outcome_missed(const struct filter_missed *missed)
{
	char line[LINE_ROOM];

	if (missed->times == 0)
		return;
	snprintf(line, sizeof line, FILTER_MISSED_FORMAT, missed->call, missed->times, PLURAL(missed->times));
	log_line(LOG_DAEMON | LOG_WARNING, line);
}
