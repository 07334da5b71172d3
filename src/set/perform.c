/* Performs a request: see perform.h. */
#include "set/perform.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/filter.h"
#include "set/exchange_server.h"
#include "set/outcome.h"
#include "set/privilege.h"

enum status
perform_prepare(const struct set_options *options, bool sets, struct guest_clock *run)
{
	int error;

	if (sets && !privilege_may_set_clock())
		return outcome_fail("no CAP_SYS_TIME, so the clock cannot be set: run as root, or give this copy of the "
		    "program the capability (owner root, group of the ssh user, mode 0750, then setcap cap_sys_time=ep)");
	error = guest_clock_open(run, options->state, sets);
	return error == 0 ? STATUS_DONE : outcome_fail("%s", guest_clock_complaint(run, error));
}

enum status
perform_confine(bool sets)
{
	char text[FILTER_TEXT];
	int error = privilege_reduce(sets);

	if (error != 0)
		return outcome_fail("cannot drop privileges: %s", strerror(error));
	error = privilege_limit(false);
	if (error != 0)
		return outcome_fail("cannot set this process's resource limits: %s", strerror(error));
	error = filter_enter(FILTER_SETTER);
	if (error == 0)
		return STATUS_DONE;
	filter_describe(error, text);
	return outcome_fail("%s", text);
}

enum status
perform_finish(enum status status, bool prints)
{
	/* Without PRINTS, ignore a failure: the request has done its work on the clock, even if the client has gone. */
	if (fflush(stdout) != 0 && prints && status == STATUS_DONE)
		return outcome_fail("cannot write to standard output: %s", strerror(errno));
	return status;
}

/* Measuring needs no privilege and no lock.  If either is missing, the exchange refuses only the orders to set. */
static enum status
perform_exchange(const struct set_options *options)
{
	bool may_set = privilege_may_set_clock();
	struct guest_clock run;
	enum status status;

	/* Ignore a failure: the exchange then refuses orders to set, with the reason. */
	guest_clock_open(&run, options->state, may_set && !options->dry_run);
	status = perform_confine(may_set);
	return status == STATUS_DONE ? exchange_serve(options, &run, may_set) : status;
}

enum status
perform_request(const struct request *request, const struct set_options *options, struct hangup *hangup)
{
	switch (request->kind) {
	case REQUEST_RDATE:
		return perform_rdate(&request->rdate, options, hangup);
	case REQUEST_RFC868:
		return perform_rfc868(options);
	case REQUEST_EXCHANGE:
		return perform_exchange(options);
	case REQUEST_STATUS:
	case REQUESTS:	/* not here: for this kind, request_parse() returned false */
		break;
	}
	return perform_status(options);
}
