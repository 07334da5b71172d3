/* Performs a request: see perform.h. */
#include "set/perform.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/filter.h"
#include "lib/rfc868.h"
#include "lib/sysclock.h"
#include "lib/text.h"
#include "set/audit.h"
#include "set/clock_lock.h"
#include "set/correct.h"
#include "set/exchange_server.h"
#include "set/netproc.h"
#include "set/privilege.h"
#include "set/query.h"

/* How long to wait for the four octets.  Has no effect if the guest's timers do not run. */
#define PUSH_TIMEOUT (10 * NS_PER_SECOND)

/*
 * The greatest age of a pushed time when it arrives.  The host reads it when its pipeline starts, and an ssh session
 * takes 0.1 to 0.6 s to set up.  The four octets do not show that delay.
 */
#define PUSH_TRANSIT NS_PER_SECOND

/*
 * Opens the lock file and drops the privileges that the request does not need.  SETS: the request may set the clock.
 * Returns STATUS_DONE, or the status of a failure that it has reported.
 */
static enum status
prepare(bool sets, struct clock_lock *run)
{
	int error;

	if (sets && !privilege_may_set_clock())
		return audit_fail("no CAP_SYS_TIME, so the clock cannot be set: run as root, or give this copy of the "
		    "program the capability (setcap cap_sys_time=ep, owner root, group of the ssh user, mode 0750)");
	error = clock_lock_open(run, sets);
	if (error != 0)
		return audit_fail("%s", clock_lock_complaint(error));
	error = privilege_reduce(sets);
	if (error != 0)
		return audit_fail("cannot drop privileges: %s", strerror(error));
	return STATUS_DONE;
}

static enum status
enter_filter(void)
{
	char text[FILTER_TEXT];
	int error = privilege_limit(false);

	if (error != 0)
		return audit_fail("cannot limit this process: %s", strerror(error));
	error = filter_enter(FILTER_SETTER);
	if (error == 0)
		return STATUS_DONE;
	filter_describe(error, text);
	return audit_fail("%s", text);
}

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

static void
print_result(const struct correction *result, const struct limits *limits, const char *source)
{
	char offset[SECONDS_TEXT], bound[SECONDS_TEXT], residual[SECONDS_TEXT];

	format_seconds(result->offset, offset);
	format_seconds(result->verdict.bound, bound);
	format_seconds(result->residual, residual);
	printf("%s: offset %s s, %s%s, now %s +- %s s\n", source, offset,
	    limits->dry_run ? "not done (--dry-run): " : "", decision_name(result->verdict.decision),
	    residual, bound + 1);
}

/*
 * Flushes standard output.  PRINTS: the output is all that the request asked for, so the request fails if the output
 * cannot be written.
 */
static enum status
finish_output(enum status status, bool prints)
{
	/* Without PRINTS, ignore a failure: the clock has been set, even if the client has gone. */
	if (fflush(stdout) != 0 && prints && status == STATUS_DONE)
		return audit_fail("cannot write to standard output: %s", strerror(errno));
	return status;
}

static nanoseconds
slew_limit(const struct rdate_request *rdate)
{
	return rdate->slew ? INT64_MAX : rdate->has_threshold ? rdate->threshold : SYSCLOCK_SLEW_BELOW;
}

static enum status
ask_source(const struct rdate_request *rdate, const struct limits *limits, struct hangup *hangup,
    struct query_answer *answer)
{
	struct netproc asker;
	char text[160];
	enum status status;
	int error = netproc_start(&asker, rdate, limits_pivot(limits));

	if (error != 0)
		return audit_fail("cannot start the process that asks: %s", strerror(error));
	status = enter_filter();
	if (status != STATUS_DONE)
		return status;
	switch (netproc_wait(&asker, hangup, rdate->timeout, answer)) {
	case NETPROC_GONE:
		return audit_fail("the client has gone before %s answered", rdate->host);
	case NETPROC_FAILED:
		return audit_fail("cannot hear the process that asks %s: %s", rdate->host, strerror(errno));
	case NETPROC_DIED:
		return audit_fail("the process that asks %s ended without an answer", rdate->host);
	case NETPROC_ANSWER:
		break;
	}
	for (int at = 0; at < FILTER_MISSED; at++)
		audit_missed(&answer->missed[at]);
	if (answer->outcome == QUERY_ANSWERED)
		return STATUS_DONE;
	query_describe(answer, text, sizeof text);
	return audit_fail("time source %s port %u: %s", rdate->host, (unsigned)rdate->port, text);
}

static enum status
perform_rdate(const struct rdate_request *request, const struct limits *limits, struct hangup *hangup)
{
	struct rdate_request rdate = *request;
	struct correction result = { .offset = 0 };
	struct query_answer answer = { .outcome = QUERY_FAILED };
	struct clock_reading since;
	struct clock_lock run;
	bool sets = !rdate.print_only && !limits->dry_run;
	enum status status;

	if (limits->edge && !rdate.sntp)
		rdate.edge = true;
	status = prepare(sets, &run);
	since = sysclock_read();
	if (status == STATUS_DONE)
		status = ask_source(&rdate, limits, hangup, &answer);
	if (status != STATUS_DONE)
		return status;
	if (!rdate.print_only)
		status = correct_clock(&since, answer.offset, answer.delay, slew_limit(&rdate), limits, &run, &result);
	if (status != STATUS_DONE)
		return status;
	if (!rdate.silent)
		print_time(answer.source_time);
	if (rdate.verbose && rdate.print_only) {
		char offset[SECONDS_TEXT], bound[SECONDS_TEXT];

		format_seconds(interval_middle(answer.offset), offset);
		format_seconds(interval_bound(answer.offset), bound);
		printf("%s: offset %s +- %s s\n", answer.source, offset, bound + 1);
	} else if (rdate.verbose)
		print_result(&result, limits, answer.source);
	return finish_output(STATUS_DONE, rdate.print_only && !rdate.silent);
}

static enum status
perform_rfc868(const struct limits *limits)
{
	struct correction result = { .offset = 0 };
	uint8_t octets[RFC868_OCTETS];
	struct interval offset;
	struct clock_lock run;
	struct clock_reading received;
	int64_t second;
	size_t got;
	enum status status = prepare(!limits->dry_run, &run);

	if (status == STATUS_DONE)
		status = enter_filter();
	if (status != STATUS_DONE)
		return status;
	switch (session_read_exactly(octets, sizeof octets, PUSH_TIMEOUT, &got)) {
	case SESSION_READ_DONE:
		break;
	case SESSION_READ_SHORT:
		return audit_refuse(STATUS_USAGE, "rfc868: %zu octet%s on standard input: expected 4", got, PLURAL(got));
	case SESSION_READ_LONG:
		return audit_refuse(STATUS_USAGE, "rfc868: more than 4 octets on standard input: expected 4");
	case SESSION_READ_TIMEOUT:
		return audit_fail("rfc868: %zu octet%s on standard input in 10 s: expected 4", got, PLURAL(got));
	case SESSION_READ_FAILED:
		return audit_fail("rfc868: cannot read standard input: %s", strerror(errno));
	}
	received = sysclock_read();
	second = rfc868_decode(octets, limits_pivot(limits));
	offset = interval_measured(received.real, received.real, ns_from_seconds(second),
	    ns_add(ns_from_seconds(second + 1), PUSH_TRANSIT));
	status = correct_clock(&received, offset, 0, SYSCLOCK_SLEW_BELOW, limits, &run, &result);
	if (status == STATUS_DONE && limits->dry_run)
		print_result(&result, limits, "standard input");
	return finish_output(status, limits->dry_run);
}

static void
print_limit_seconds(const char *name, nanoseconds value)
{
	char text[SECONDS_TEXT];

	format_seconds(value, text);
	printf("%s %s\n", name, value == INT64_MAX ? "none" : text + 1);
}

static enum status
perform_status(const struct limits *limits)
{
	struct sysclock_state kernel;
	struct clock_lock run;
	char text[DATE_TEXT];
	enum status status = prepare(false, &run);
	int error;

	if (status == STATUS_DONE)
		status = enter_filter();
	if (status != STATUS_DONE)
		return status;
	error = sysclock_state(&kernel);
	if (error != 0)
		return audit_fail("cannot read the kernel's clock state: %s", strerror(error));
	format_date(sysclock_now(), text);
	printf("clock %s\nboot %s\n", text, run.boot_id[0] != '\0' ? run.boot_id : "unknown");
	printf("synchronised %s\n", !kernel.synchronised ? "no" : run.unreadable ? "yes" : clock_lock_other_service(&run, &kernel) ?
	    "yes, by another time service" : "yes, by guestclock-set");
	print_limit_seconds("maxerror", kernel.maxerror);
	print_limit_seconds("esterror", kernel.esterror);
	format_seconds(kernel.slew_left, text);
	printf("slew-left %s\n", text);
	printf("frequency-ppb %lld\ntick-us %lld\n", (long long)kernel.frequency_ppb, (long long)kernel.tick_us);
	format_date(ns_from_seconds(limits->not_before), text);
	printf("not-before %.19sZ\n", text);
	format_date(ns_from_seconds(limits->not_after), text);
	printf("not-after %.19sZ\n", text);
	print_limit_seconds("max-step", limits->max_step);
	print_limit_seconds("max-back", limits->max_back);
	print_limit_seconds("max-delay", limits->max_delay);
	printf("max-rate-ppb %lld\n", (long long)limits->max_rate);
	printf("allow");
	for (int kind = 0; kind < REQUESTS; kind++)
		if ((limits->allowed & REQUEST_BIT(kind)) != 0)
			printf(" %s", request_kind_name((enum request_kind)kind));
	printf("\n");
	for (int at = 0; at < limits->hosts; at++)
		printf("host %s\n", limits->host[at]);
	if (limits->hosts == 0)
		printf("host (the ssh client's address)\n");
	printf("default %s\n", limits->default_request != NULL ? limits->default_request : "none");
	printf("dry-run %s\nedge %s\nno-filter %s\nstrict-access %s\n", limits->dry_run ? "yes" : "no",
	    limits->edge ? "yes" : "no", limits->no_filter ? "yes" : "no", limits->strict_access ? "yes" : "no");
	return finish_output(STATUS_DONE, true);
}

/* Measuring needs no privilege and no lock: the exchange refuses only orders to set if one is missing. */
static enum status
perform_exchange(const struct limits *limits)
{
	bool may_set = privilege_may_set_clock();
	struct clock_lock run;
	enum status status;
	int error;

	/* Ignore a failure: the exchange then refuses orders to set, with the reason. */
	clock_lock_open(&run, may_set && !limits->dry_run);
	error = privilege_reduce(may_set);
	if (error != 0)
		return audit_fail("cannot drop privileges: %s", strerror(error));
	status = enter_filter();
	return status == STATUS_DONE ? exchange_serve(limits, &run, may_set) : status;
}

enum status
perform_request(const struct request *request, const struct limits *limits, struct hangup *hangup)
{
	switch (request->kind) {
	case REQUEST_RDATE:
		return perform_rdate(&request->rdate, limits, hangup);
	case REQUEST_RFC868:
		return perform_rfc868(limits);
	case REQUEST_EXCHANGE:
		return perform_exchange(limits);
	case REQUEST_STATUS:
		return perform_status(limits);
	case REQUESTS:
		break;
	}
	return STATUS_USAGE;
}
