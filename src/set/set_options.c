/* The options of the forced command: see set_options.h. */
#include "set/set_options.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/rfc868.h"
#include "lib/text.h"
#include "lib/version.h"
#include "set/guest_clock.h"

/* 50 mean Gregorian years, from the release to the default --not-after. */
#define LIFETIME_SECONDS (INT64_C(50) * 31556952)

/* 2194-01-02.  A source's time can be decoded as up to half an era (68 years) later: that still fits into 64 bits of ns. */
#define NOT_AFTER_MOST INT64_C(7068902400)

/*
 * The default of --max-rate, in parts per 10^9.  Without --max-step and --max-back, it is the most that is ever set,
 * 10 %.  With one or both, it is 1000 ppm, which is enough for a clock without a fault; but no more than what moves the
 * clock by --max-step in an hour.
 */
#define RATE_UNSET (-1)
#define RATE_FREE (INT64_C(100000) * 1000)
#define RATE_LIMITED (INT64_C(1000) * 1000)

/* With a longer round-trip delay, a time in whole seconds is of little use. */
#define MAX_DELAY_DEFAULT (2 * NS_PER_SECOND)

enum option_id { ALLOW, ANY_PORT, CHECK_TABLES, DEFAULT, DRY_RUN, EDGE, HOST, MAX_BACK, MAX_DELAY, MAX_RATE, MAX_STEP,
	NO_FILTER, NOT_AFTER, NOT_BEFORE, STATE, STRICT_ACCESS, OPTIONS };

static const struct known_option table[OPTIONS] = {
	[ALLOW] = { "--allow", "request,...", "allow only these requests (default: all)" },
	[ANY_PORT] = { "--any-port", NULL, "allow any port where --host names none" },
	[CHECK_TABLES] = { "--check-tables", NULL, "by hand: show what the tables mean; an address may follow" },
	[DEFAULT] = { "--default", "request", "the request when the host sends none" },
	[DRY_RUN] = { "--dry-run", NULL, "judge and report; set nothing" },
	[EDGE] = { "--edge", NULL, "run every rdate request as with rdate -e" },
	[HOST] = { "--host", "name[:port]", "a time source that requests may name" },
	[MAX_BACK] = { "--max-back", "seconds", "refuse to move the clock back by more in an hour" },
	[MAX_DELAY] = { "--max-delay", "seconds", "rdate: refuse a longer round trip (default: 2)" },
	[MAX_RATE] = { "--max-rate", "ppm", "refuse a larger frequency correction" },
	[MAX_STEP] = { "--max-step", "seconds", "refuse to move the clock by more in an hour" },
	[NO_FILTER] = { "--no-filter", NULL, "run without the system call filter" },
	[NOT_AFTER] = { "--not-after", "date", "refuse this time and later ones" },
	[NOT_BEFORE] = { "--not-before", "date", "refuse times before this (default: " RELEASE_DATE ")" },
	[STATE] = { "--state", "directory", "directory of the lock (default: " GUEST_CLOCK_DIRECTORY ")" },
	[STRICT_ACCESS] = { "--strict-access", NULL, "if neither hosts.allow nor hosts.deny exists, refuse" },
};

const struct program set_options_program = {
	.name = "guestclock-set", .command = "", .operands = " [-- request]", .libraries = ", libwrap",
	.purpose = "Sets this machine's clock as the host asks over ssh.  It is the forced command of\n"
	    "the host's key in authorized_keys:\n\n"
	    "  restrict,command=\"/usr/local/sbin/guestclock-set\" ssh-ed25519 AAAA... host\n\n"
	    "The options limit what that key may do:",
	.more = "\nBy hand: guestclock-set -- status\n",
	.options = table, .count = OPTIONS
};

struct set_options
set_options_default(void)
{
	return (struct set_options){
		.not_before = RELEASE_SECONDS,
		.not_after = RELEASE_SECONDS + LIFETIME_SECONDS,
		.max_step = INT64_MAX,
		.max_back = INT64_MAX,
		.max_delay = MAX_DELAY_DEFAULT,
		.max_rate = RATE_UNSET,
		.state = GUEST_CLOCK_DIRECTORY,
		.allowed = REQUEST_ALL
	};
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

/*
 * How store_option() stores all options but --allow, --default, --host and --state: the member of struct set_options,
 * the greatest value (0: a date), and the description of the value (NULL: the option takes none).
 */
#define FIELD(name) offsetof(struct set_options, name)
#define DATE_EXPECTED "a date in UTC as 2026-11-01 or 2026-11-01T00:00:00Z, from 1970 to 2193"
#define SECONDS_EXPECTED "seconds as 30 or 0.5"
static const struct {
	size_t field;
	nanoseconds most;
	const char *expected;
} values[OPTIONS] = {
	[ANY_PORT] = { FIELD(any_port), 0, NULL },
	[CHECK_TABLES] = { FIELD(check_tables), 0, NULL },
	[DRY_RUN] = { FIELD(dry_run), 0, NULL },
	[EDGE] = { FIELD(edge), 0, NULL },
	[NO_FILTER] = { FIELD(no_filter), 0, NULL },
	[STRICT_ACCESS] = { FIELD(strict_access), 0, NULL },
	[NOT_BEFORE] = { FIELD(not_before), 0, DATE_EXPECTED },
	[NOT_AFTER] = { FIELD(not_after), 0, DATE_EXPECTED },
	[MAX_STEP] = { FIELD(max_step), INT64_MAX, SECONDS_EXPECTED },
	[MAX_BACK] = { FIELD(max_back), INT64_MAX, SECONDS_EXPECTED },
	[MAX_DELAY] = { FIELD(max_delay), 600 * NS_PER_SECOND, SECONDS_EXPECTED ", up to 600" },
	/* Parsed like seconds, so 1 ppm becomes 10^9. */
	[MAX_RATE] = { FIELD(max_rate), 100000 * NS_PER_SECOND, "parts per million as 500, up to 100000" },
};

bool
set_options_source(const char *text, char host[REQUEST_OCTETS + 1], uint16_t *port)
{
	bool brackets = *text == '[';
	const char *start = text + brackets, *end = strchr(start, brackets ? ']' : ':'), *colon = end;
	int64_t number = 0;

	/* Without brackets, a text with several colons is an IPv6 address alone. */
	if (!brackets && (end == NULL || strchr(end + 1, ':') != NULL)) {
		end = start + strlen(start);
		colon = NULL;
	} else if (brackets && end != NULL)
		colon = end + 1;
	if (end == NULL || end - start > REQUEST_OCTETS)
		return false;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	if (colon != NULL && (*colon != ':' || !parse_whole(colon + 1, 1, 65535, &number)))
		return false;
	*port = (uint16_t)number;
	return request_host_valid(host) && brackets == (colon != NULL && strchr(host, ':') != NULL);
}

/* Stores the value of one option.  Returns NULL, or a description of the expected value. */
static const char *
store_option(enum option_id id, const char *value, struct set_options *options)
{
	void *field = (char *)options + values[id].field;
	char host[REQUEST_OCTETS + 1];
	uint16_t port;

	switch (id) {
	case ALLOW:
		return parse_allow(value, &options->allowed) ? NULL :
		    "a list with commas, without spaces or repetition, of " REQUEST_NAMES;
	case HOST:
		if (options->hosts == SET_OPTIONS_HOSTS)
			return "at most 32 of these";
		if (!set_options_source(value, host, &port))
			return "HOST, HOST:PORT or [IPV6-ADDRESS]:PORT";
		options->host[options->hosts++] = value;
		return NULL;
	case STATE:
		options->state = value;
		return *value == '/' && strlen(value) <= GUEST_CLOCK_DIRECTORY_MOST ? NULL :
		    "an absolute path of at most " OPTION_NUMBER(GUEST_CLOCK_DIRECTORY_MOST) " octets";
	case DEFAULT:
		options->default_request = value;
		return *value != '\0' ? NULL : "a request such as \"rdate -s HOST\"";
	default:
		break;
	}
	if (values[id].expected == NULL)
		*(bool *)field = true;
	else if (values[id].most == 0 ? !parse_date(value, field) : !parse_seconds(value, values[id].most, field))
		return values[id].expected;
	return NULL;
}

static int64_t
default_rate(const struct set_options *options)
{
	int64_t rate = set_options_limit_movement(options) ? RATE_LIMITED : RATE_FREE;
	/* A part in 10^9 moves the clock by 3,600 ns in an hour. */
	int64_t step_rate = options->max_step / 3600;

	return rate < step_rate ? rate : step_rate;
}

int
set_options_parse(int argc, char **argv, struct set_options *options, char complaint[OPTION_COMPLAINT])
{
	struct option_reader reader;
	unsigned seen = 0;
	int id;

	option_start(&reader, &set_options_program, argc, argv);
	while ((id = option_next(&reader, complaint)) != OPTION_END) {
		const char *expected;

		if (id < 0)
			return id;
		expected = (seen & 1U << id) != 0 && id != HOST ? "this option once" : store_option((enum option_id)id, reader.value, options);
		if (expected != NULL)
			return option_expected(&reader, id, expected, complaint);
		seen |= 1U << id;
	}
	if (options->not_after > NOT_AFTER_MOST) {
		snprintf(complaint, OPTION_COMPLAINT, "--not-after: expected a date up to 2193, beyond which times overflow");
		return OPTION_WRONG;
	}
	if (options->not_after <= options->not_before || options->not_after - options->not_before >= RFC868_ERA) {
		snprintf(complaint, OPTION_COMPLAINT, "--not-after is %s --not-before: expected up to 136 years between them",
		    options->not_after <= options->not_before ? "not later than" : "too long after");
		return OPTION_WRONG;
	}
	if (options->max_rate != RATE_UNSET)
		options->max_rate /= 1000000;	/* from 10^9 for 1 ppm to parts per 10^9 */
	else
		options->max_rate = default_rate(options);
	return optind;
}

bool
set_options_limit_movement(const struct set_options *options)
{
	return options->max_step != INT64_MAX || options->max_back != INT64_MAX;
}

int64_t
set_options_pivot(const struct set_options *options)
{
	return options->not_before + (options->not_after - options->not_before) / 2;
}
