/* The options of the forced command: see limits.h. */
#include "set/limits.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/rfc868.h"
#include "lib/text.h"
#include "lib/version.h"
#include "set/request.h"

/* 50 mean Gregorian years, from the release to the default --not-after. */
#define LIFETIME_SECONDS (INT64_C(50) * 31556952)

/* 2194-01-02: half an era (68 years) later, nanoseconds still fit into 64 bits. */
#define NOT_AFTER_MOST INT64_C(7068902400)

/*
 * The default of --max-rate, in parts per 10^9.  Without --max-step and --max-back, it is the kernel's whole range,
 * 10 %.  With either, it is 1000 ppm, which is enough for a clock without a fault.
 */
#define RATE_UNSET (-1)
#define RATE_FREE (INT64_C(100000) * 1000)
#define RATE_LIMITED (INT64_C(1000) * 1000)

/* With a longer round-trip delay, a time in whole seconds is of little use. */
#define MAX_DELAY_DEFAULT (2 * NS_PER_SECOND)

enum option_id { ALLOW, DEFAULT, DRY_RUN, EDGE, HOST, MAX_BACK, MAX_DELAY, MAX_RATE, MAX_STEP, NO_FILTER, NOT_AFTER, NOT_BEFORE,
	STRICT_ACCESS, OPTIONS };

static const struct arg options[OPTIONS] = {
	[ALLOW] = { "--allow", "request,...", "allow only these requests (default: all)" },
	[DEFAULT] = { "--default", "request", "the request when the host sends none" },
	[DRY_RUN] = { "--dry-run", NULL, "judge and report; set nothing" },
	[EDGE] = { "--edge", NULL, "run every rdate request as with rdate -e" },
	[HOST] = { "--host", "name", "a time source that requests may name" },
	[MAX_BACK] = { "--max-back", "seconds", "refuse to set the clock back by more" },
	[MAX_DELAY] = { "--max-delay", "seconds", "refuse an answer that took longer (default: 2)" },
	[MAX_RATE] = { "--max-rate", "ppm", "refuse a larger frequency correction" },
	[MAX_STEP] = { "--max-step", "seconds", "refuse to set the clock by more, either way" },
	[NO_FILTER] = { "--no-filter", NULL, "run without the system call filter" },
	[NOT_AFTER] = { "--not-after", "date", "refuse this time and later ones" },
	[NOT_BEFORE] = { "--not-before", "date", "refuse times before this (default: " RELEASE_DATE ")" },
	[STRICT_ACCESS] = { "--strict-access", NULL, "without hosts.allow and hosts.deny, refuse everybody" },
};

const struct program limits_program = {
	.name = "guestclock-set", .command = "", .operands = " [-- request]", .libraries = ", libwrap",
	.purpose = "Sets this machine's clock as the host asks over ssh.  It is the forced command of\n"
	    "the host's key in authorized_keys:\n\n"
	    "  restrict,command=\"/usr/libexec/guestclock-set\" ssh-ed25519 AAAA... host\n\n"
	    "The options limit what that key may do:",
	.more = "\nBy hand: guestclock-set -- status\n",
	.arg = options, .count = OPTIONS
};

struct limits
limits_default(void)
{
	struct limits limits = {
		.not_before = RELEASE_SECONDS,
		.not_after = RELEASE_SECONDS + LIFETIME_SECONDS,
		.max_step = INT64_MAX,
		.max_back = INT64_MAX,
		.max_delay = MAX_DELAY_DEFAULT,
		.max_rate = RATE_UNSET,
		.allowed = REQUEST_ALL
	};

	return limits;
}

static bool
parse_allow(const char *list, unsigned *allowed)
{
	*allowed = 0;
	for (;;) {
		size_t length = strcspn(list, ",");
		enum request_kind kind = request_kind_of(list, length);

		if (kind == REQUESTS || (*allowed & REQUEST_BIT(kind)) != 0)
			return false;
		*allowed |= REQUEST_BIT(kind);
		if (list[length] == '\0')
			return true;
		list += length + 1;
	}
}

/* Stores the value of one option.  Returns NULL, or a description of the expected value. */
static const char *
take_option(enum option_id id, const char *value, struct limits *limits)
{
	static const char expected_date[] = "a date in UTC as 2026-11-01 or 2026-11-01T00:00:00Z, from 1970 to 2193";
	static const char expected_seconds[] = "seconds as 30 or 0.5";

	switch (id) {
	case NOT_BEFORE:
		return parse_date(value, &limits->not_before) ? NULL : expected_date;
	case NOT_AFTER:
		return parse_date(value, &limits->not_after) ? NULL : expected_date;
	case MAX_STEP:
		return parse_seconds(value, INT64_MAX, &limits->max_step) ? NULL : expected_seconds;
	case MAX_BACK:
		return parse_seconds(value, INT64_MAX, &limits->max_back) ? NULL : expected_seconds;
	case MAX_DELAY:
		return parse_seconds(value, 600 * NS_PER_SECOND, &limits->max_delay) ? NULL :
		    "seconds as 30 or 0.5, up to 600";
	case MAX_RATE:
		/* parse_seconds() multiplies ppm by 10^9: divide by 10^6 to get parts per 10^9. */
		if (!parse_seconds(value, 100000 * NS_PER_SECOND, &limits->max_rate))
			return "parts per million as 500, up to 100000";
		limits->max_rate /= 1000000;
		return NULL;
	case ALLOW:
		return parse_allow(value, &limits->allowed) ? NULL :
		    "a list with commas, without spaces or repetition, of " REQUEST_NAMES;
	case HOST:
		if (limits->hosts == LIMITS_HOSTS)
			return "at most 32 of these";
		if (*value == '\0' || *value == '-')
			return "a host name or address";
		limits->host[limits->hosts++] = value;
		return NULL;
	case DEFAULT:
		limits->default_request = value;
		return *value != '\0' ? NULL : "a request such as \"rdate -s HOST\"";
	case DRY_RUN:
		limits->dry_run = true;
		return NULL;
	case EDGE:
		limits->edge = true;
		return NULL;
	case NO_FILTER:
		limits->no_filter = true;
		return NULL;
	case STRICT_ACCESS:
		limits->strict_access = true;
		return NULL;
	case OPTIONS:
		break;
	}
	return "another option";
}

int
limits_parse(int argc, char **argv, struct limits *limits, char complaint[ARGS_COMPLAINT])
{
	struct args args;
	unsigned seen = 0;
	int id;

	args_start(&args, &limits_program, argc, argv);
	while ((id = args_next(&args, complaint)) != ARGS_END) {
		const char *expected;

		if (id < 0)
			return id;
		expected = (seen & 1U << id) != 0 && id != HOST ? "it once" : take_option((enum option_id)id, args.value, limits);
		if (expected != NULL)
			return args_expected(&args, id, expected, complaint);
		seen |= 1U << id;
	}
	if (limits->not_after > NOT_AFTER_MOST) {
		snprintf(complaint, ARGS_COMPLAINT, "--not-after: expected a date up to 2193, beyond which times overflow");
		return ARGS_WRONG;
	}
	if (limits->not_after <= limits->not_before || limits->not_after - limits->not_before >= RFC868_ERA) {
		snprintf(complaint, ARGS_COMPLAINT, "--not-after is %s --not-before: expected up to 136 years between them",
		    limits->not_after <= limits->not_before ? "not later than" : "too long after");
		return ARGS_WRONG;
	}
	if (limits->max_rate == RATE_UNSET)
		limits->max_rate = limits->max_step == INT64_MAX && limits->max_back == INT64_MAX ? RATE_FREE : RATE_LIMITED;
	return optind;
}

int64_t
limits_pivot(const struct limits *limits)
{
	return limits->not_before + (limits->not_after - limits->not_before) / 2;
}
