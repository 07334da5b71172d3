/* rdate: asks a time source and corrects the clock. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/sysclock.h"
#include "set/asking_process.h"
#include "set/correct.h"
#include "set/outcome.h"
#include "set/perform.h"
#include "set/query.h"

/* Prints the time in the format of rdate(8). */
static void
print_time(nanoseconds time)
{
	time_t seconds = seconds_floor(time);
	struct tm local;
	char text[64];

	if (localtime_r(&seconds, &local) != NULL && strftime(text, sizeof text, "%a %b %e %H:%M:%S %Z %Y", &local) > 0)
		puts(text);
}

static nanoseconds
slew_limit(const struct rdate_request *rdate)
{
	return rdate->slew ? INT64_MAX : rdate->has_threshold ? rdate->threshold : SYSCLOCK_SLEW_BELOW;
}

static enum status
ask_source(const struct rdate_request *rdate, bool sets, const struct set_options *options, struct hangup *hangup,
    struct query_answer *answer)
{
	struct child asker;
	char text[160];
	enum status status;
	int error = asking_process_start(&asker, rdate, set_options_pivot(options));

	if (error != 0)
		return outcome_fail("cannot start the process that asks %s: %s", rdate->host, strerror(error));
	status = perform_confine(sets);
	if (status == STATUS_DONE) {
		hangup_look(hangup);
		status = asking_process_wait(&asker, rdate, hangup, answer);
	}
	if (status != STATUS_DONE)
		return status;
	for (int at = 0; at < FILTER_MISSED; at++)
		outcome_missed(&answer->missed[at]);
	if (answer->outcome == QUERY_ANSWERED)
		return STATUS_DONE;
	query_describe(answer, text, sizeof text);
	return outcome_fail("time source %s port %u: %s", rdate->host, (unsigned)rdate->port, text);
}

enum status
perform_rdate(const struct rdate_request *request, const struct set_options *options, struct hangup *hangup)
{
	struct rdate_request rdate = *request;
	struct correction result = { .offset = 0 };
	struct query_answer answer = { .outcome = QUERY_FAILED };
	struct clock_reading since;
	struct guest_clock run;
	bool sets = !rdate.print_only && !options->dry_run;
	char text[CORRECT_TEXT];
	enum status status;

	if (options->edge && !rdate.sntp)
		rdate.edge = true;
	status = perform_prepare(options, sets, &run);
	since = sysclock_read();
	if (status == STATUS_DONE)
		status = ask_source(&rdate, sets, options, hangup, &answer);
	if (status != STATUS_DONE)
		return status;
	if (!rdate.print_only)
		status = correct_clock(&since, answer.offset, answer.delay, slew_limit(&rdate), options, &run, &result);
	if (status != STATUS_DONE)
		return status;
	if (!rdate.silent)
		print_time(answer.source_time);
	if (rdate.verbose && rdate.print_only) {
		correct_format(interval_middle(answer.offset), interval_bound(answer.offset), text);
		printf("%s: offset %s\n", answer.source, text);
	} else if (rdate.verbose)
		correct_print(&result, options, answer.source);
	return perform_finish(STATUS_DONE, rdate.print_only && !rdate.silent);
}
