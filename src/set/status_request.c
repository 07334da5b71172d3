/* status: prints the clock's state and the limits in force. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/sysclock.h"
#include "lib/text.h"
#include "set/outcome.h"
#include "set/perform.h"

static void
print_limit_seconds(const char *name, nanoseconds value)
{
	char text[SECONDS_TEXT];

	format_seconds(value, text);
	printf("%s %s\n", name, value == INT64_MAX ? "none" : text + 1);
}

enum status
perform_status(const struct set_options *options)
{
	struct sysclock_state kernel;
	struct guest_clock run;
	char text[DATE_TEXT];
	enum status status = perform_prepare(options, false, &run);
	int error;

	if (status == STATUS_DONE)
		status = perform_confine(false);
	if (status != STATUS_DONE)
		return status;
	error = sysclock_state(&kernel);
	if (error != 0)
		return outcome_fail("cannot read the kernel's clock state: %s", strerror(error));
	format_date(sysclock_now(), text);
	printf("clock %s\nboot %s\n", text, run.boot_id[0] != '\0' ? run.boot_id : "unknown");
	printf("synchronised %s\n", !kernel.synchronised ? "no" : run.error == EACCES ? "yes" : guest_clock_other_service(&run, &kernel) ?
	    "yes, by another time service" : "yes, by guestclock-set");
	print_limit_seconds("maxerror", kernel.maxerror);
	print_limit_seconds("esterror", kernel.esterror);
	format_seconds(kernel.slew_left, text);
	printf("slew-left %s\n", text);
	printf("frequency-ppb %lld\ntick-us %lld\n", (long long)kernel.frequency_ppb, (long long)kernel.tick_us);
	format_date(ns_from_seconds(options->not_before), text);
	printf("not-before %.19sZ\n", text);
	format_date(ns_from_seconds(options->not_after), text);
	printf("not-after %.19sZ\n", text);
	print_limit_seconds("max-step", options->max_step);
	print_limit_seconds("max-back", options->max_back);
	print_limit_seconds("max-delay", options->max_delay);
	printf("max-rate-ppb %lld\n", (long long)options->max_rate);
	printf("allow");
	for (int kind = 0; kind < REQUESTS; kind++)
		if ((options->allowed & REQUEST_BIT(kind)) != 0)
			printf(" %s", request_kind_name((enum request_kind)kind));
	printf("\n");
	for (int at = 0; at < options->hosts; at++)
		printf("host %s\n", options->host[at]);
	if (options->hosts == 0)
		printf("host (the ssh client's address)\n");
	printf("default %s\n", options->default_request != NULL ? options->default_request : "none");
	printf("any-port %s\ndry-run %s\nedge %s\nno-filter %s\nstate %s\nstrict-access %s\n",
	    options->any_port ? "yes" : "no", options->dry_run ? "yes" : "no", options->edge ? "yes" : "no",
	    options->no_filter ? "yes" : "no", options->state, options->strict_access ? "yes" : "no");
	return perform_finish(STATUS_DONE, true);
}
