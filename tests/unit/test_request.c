/* request and set_options: the closed set of requests, and everything outside it. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "lib/version.h"
#include "set/policy.h"

static bool
parses(const char *line, struct request *request)
{
	char copy[REQUEST_OCTETS + 1], complaint[REQUEST_COMPLAINT] = "";
	const char *words[REQUEST_WORDS];
	int count = request_split(line, copy, words, complaint);
	bool good = count > 0 && request_parse(words, count, NULL, request, complaint);

	/* A refusal gives a reason, in one line. */
	if (!good && count != 0)
		assert_true(complaint[0] != '\0' && strchr(complaint, '\n') == NULL);
	return good;
}

static void
good_requests(void **unused)
{
	struct request request;

	(void)unused;
	assert_true(parses("rdate host", &request));
	assert_int_equal(request.kind, REQUEST_RDATE);
	assert_string_equal(request.rdate.host, "host");
	assert_int_equal(request.rdate.port, 37);
	assert_int_equal(request.rdate.timeout, REQUEST_TIMEOUT_DEFAULT);
	assert_false(request.rdate.print_only || request.rdate.silent || request.rdate.udp || request.rdate.slew);
	assert_true(parses("rdate -6psuv -b1.5 -o3737 -t 250 2001:db8::1", &request));
	assert_int_equal(request.rdate.family, 6);
	assert_true(request.rdate.print_only && request.rdate.silent && request.rdate.udp && request.rdate.verbose);
	assert_int_equal(request.rdate.threshold, 1500000000);
	assert_int_equal(request.rdate.port, 3737);
	assert_int_equal(request.rdate.timeout, 250000000);
	assert_true(parses("rdate -n host", &request));
	assert_int_equal(request.rdate.port, 123);
	assert_true(parses("rdate -nuo 37 host", &request));
	assert_int_equal(request.rdate.port, 37);
	assert_true(parses("rdate -4ae -- 192.0.2.1", &request));
	assert_true(request.rdate.slew && request.rdate.edge);
	assert_true(parses("  rdate   -p   host  ", &request));
	assert_true(parses("rdate -b 0 fe80::1%eth0", &request));
	assert_true(parses("rdate a-b.example.", &request));
	assert_true(parses("rfc868", &request));
	assert_int_equal(request.kind, REQUEST_RFC868);
	assert_true(parses("status", &request));
	assert_int_equal(request.kind, REQUEST_STATUS);
}

static void
bad_requests(void **unused)
{
	static const char *const bad[] = {
		"", " ", "date", "RDATE host", "rdate", "rdate -p", "rdate a b", "rdate host -p", "rdate -- -p", "rdate -",
		"rdate --", "rdate -host", "rdate --help", "rdate -x host", "rdate -c host", "rdate -pp host",
		"rdate -p -p host", "rdate -o 1 -o 1 host", "rdate -46 host", "rdate -4 -6 host", "rdate -o", "rdate -o host",
		"rdate -o 0 host", "rdate -o 65536 host", "rdate -o 37x host", "rdate -o -1 host", "rdate -o +1 host",
		"rdate -t -1 host", "rdate -t 0 host", "rdate -t 600001 host", "rdate -t 1.5 host", "rdate -t 1e3 host",
		"rdate -b nan host", "rdate -b inf host", "rdate -b -1 host", "rdate -b 1e3 host", "rdate -b 2145.000000001 host",
		"rdate -b 99999999999999999999 host", "rdate -a -b 1 host", "rdate -n -e host",
		"rdate host;id", "rdate host|id", "rdate $(id)", "rdate `id`", "rdate host&", "rdate >file", "rdate ho\nst",
		"rdate\thost", "rdate host\r", "rdate h\x01st", "rdate h\xc3\xb6st", "rdate h\x7f", "rdate ..", "rdate a..b",
		"rdate .a", "rdate -.a", "rdate a-.b", "rdate a.-b", "rdate 127.1", "rdate 0x7f000001", "rdate 2130706433",
		"rdate 1.2.3.4.5", "rdate 1.2.3.256", "rdate host:37", "rdate [::1]", "rdate ::1%lo", "rdate fe80::1%",
		"rdate fe80::1%a/b", "rdate a/b", "rdate user@host", "rdate 'host'", "rdate \"host\"", "rdate ho*",
		"rfc868 x", "rfc868 -p", "status x", "status;id", "exec rdate host", "sh -c id",
		"rdate a234567890123456789012345678901234567890123456789012345678901234",
	};
	struct request request;

	(void)unused;
	for (size_t at = 0; at < LENGTH(bad); at++)
		if (parses(bad[at], &request))
			fail_msg("accepted: %s", bad[at]);
}

static void
too_long(void **unused)
{
	char line[65537] = "rdate ";
	struct request request;

	(void)unused;
	/* A name of 249 octets in labels of 49, so that only the length of the line matters. */
	for (size_t at = 6; at < 255; at++)
		line[at] = (at - 6) % 50 == 49 ? '.' : 'a';
	line[255] = '\0';
	assert_int_equal(strlen(line), 255);
	assert_true(parses(line, &request));
	assert_int_equal(strlen(request.rdate.host), 249);
	line[255] = 'a';
	line[256] = '\0';
	assert_false(parses(line, &request));
	memset(line + 6, 'a', sizeof line - 7);
	line[sizeof line - 1] = '\0';
	assert_false(parses(line, &request));
	memset(line, ' ', 40);
	for (size_t at = 0; at < 80; at += 2)
		memcpy(line + at, "a ", 2);
	line[80] = '\0';
	assert_false(parses(line, &request));
}

static int
options_of(struct set_options *options, const char *const *words)
{
	static char copies[16][64];
	char *argv[16] = { copies[0] }, complaint[OPTION_COMPLAINT] = "";
	int argc = 1, result;

	strcpy(copies[0], "guestclock-set");
	for (; words[argc - 1] != NULL; argc++) {
		strcpy(copies[argc], words[argc - 1]);
		argv[argc] = copies[argc];
	}
	*options = set_options_default();
	result = set_options_parse(argc, argv, options, complaint);
	if (result == OPTION_WRONG)
		assert_true(complaint[0] != '\0' && strchr(complaint, '\n') == NULL);
	return result;
}
#define OPTIONS(options, ...) options_of(options, (const char *const[]){ __VA_ARGS__, NULL })

static void
good_options(void **unused)
{
	static const struct {
		const char *words[3];
		int64_t rate;
	} rates[] = {
		{ { NULL }, 100000000 }, { { "--max-step=3600" }, 1000000 }, { { "--max-step=3.6" }, 1000000 },
		{ { "--max-step=1" }, 277777 }, { { "--max-step=0" }, 0 }, { { "--max-back=0" }, 1000000 },
		{ { "--max-step=0", "--max-rate=740.5" }, 740500 }, { { "--max-rate=0" }, 0 },
	};
	char complaint[OPTION_COMPLAINT];
	struct set_options options;

	(void)unused;
	assert_int_equal(options_of(&options, (const char *const[]){ NULL }), 1);
	assert_int_equal(options.not_before, RELEASE_SECONDS);
	/* Started without any argv[0]: there are no words. */
	options = set_options_default();
	assert_int_equal(set_options_parse(0, (char *[]){ NULL }, &options, complaint), 0);
	assert_int_equal(options.allowed, REQUEST_ALL);
	assert_int_equal(options.max_step, INT64_MAX);
	assert_int_equal(OPTIONS(&options, "--max-step", "3600", "--max-back=0.5", "--allow", "rdate,status", "--dry-run"), 7);
	assert_int_equal(options.max_step, 3600 * NS_PER_SECOND);
	assert_int_equal(options.max_back, NS_PER_SECOND / 2);
	assert_int_equal(options.allowed, REQUEST_BIT(REQUEST_RDATE) | REQUEST_BIT(REQUEST_STATUS));
	assert_true(options.dry_run);
	/* The default of --max-rate: no more than --max-step in an hour. */
	for (size_t at = 0; at < LENGTH(rates); at++) {
		options_of(&options, rates[at].words);
		assert_int_equal(options.max_rate, rates[at].rate);
	}
	assert_int_equal(OPTIONS(&options, "--host", "a", "--host", "b", "--", "rdate", "a"), 6);
	assert_int_equal(options.hosts, 2);
	assert_false(options.any_port);
	assert_int_equal(OPTIONS(&options, "--any-port", "--host=[fe80::1%eth0]:3700"), 3);
	assert_true(options.any_port);
	assert_string_equal(options.state, "/run/guestclock");
	assert_int_equal(OPTIONS(&options, "--state", "/var/lib/guestclock-set"), 3);
	assert_string_equal(options.state, "/var/lib/guestclock-set");
	assert_int_equal(OPTIONS(&options, "--not-before", "2030-01-01", "--not-after", "2040-01-01T12:00:00Z"), 5);
	assert_int_equal(options.not_before, 1893456000);
	assert_int_equal(set_options_pivot(&options), 1893456000 + (options.not_after - options.not_before) / 2);
}

static void
bad_options(void **unused)
{
	static const char *const bad[][5] = {
		{ "--bogus" }, { "-x" }, { "--max-step" }, { "--max-step", "x" }, { "--max-step", "-1" }, { "--max-step", "1e3" },
		{ "--max-back", "nan" }, { "--max-delay", "601" }, { "--max-delay", "" }, { "--not-before", "yesterday" },
		{ "--not-after", "2026-02-30" }, { "--not-before", "2030-01-01", "--not-after", "2030-01-01" },
		{ "--not-before", "1970-01-01", "--not-after", "2261-01-01" }, { "--not-before", "2100-01-01" },
		{ "--allow", "" }, { "--allow", "rdate," }, { "--allow", "rdate,rdate" }, { "--allow", "rdate, status" },
		{ "--allow", "everything-there-is" }, { "--host", "" }, { "--host", "-a" }, { "--host", "a b" }, { "--state", "" }, { "--state", "run" }, { "--default", "" },
		{ "--max-step", "1", "--max-step", "2" }, { "--dry-run=yes" }, { "--strict-access=no" }, { "--max", "1" }, { "--dry-run", "--dry-run" },
	};
	struct set_options options;

	(void)unused;
	for (size_t at = 0; at < LENGTH(bad); at++)
		if (options_of(&options, bad[at]) >= 0)
			fail_msg("accepted: %s %s", bad[at][0], bad[at][1] != NULL ? bad[at][1] : "");
}

/* eth0 is interface 2, eth1 is 3, and no other exists. */
static unsigned
interface_number(const char *name)
{
	return strcmp(name, "eth0") == 0 ? 2 : strcmp(name, "eth1") == 0 ? 3 : 0;
}

static enum source_verdict
judged(const char *line, const struct set_options *options, const char *client)
{
	char copy[REQUEST_OCTETS + 1], complaint[REQUEST_COMPLAINT];
	const char *words[REQUEST_WORDS];
	struct request request;
	union peer peer;
	int count = request_split(line, copy, words, complaint);

	assert_true(request_parse(words, count, interface_number, &request, complaint));
	peer_parse(client, interface_number, &peer);
	return policy_judge_source(&request.rdate, options, interface_number, &peer);
}

static bool
allowed(const char *host, const struct set_options *options, const char *client)
{
	char line[64];

	snprintf(line, sizeof line, "rdate %s", host);
	return judged(line, options, client) == SOURCE_ALLOWED;
}

static void
hosts(void **unused)
{
	struct set_options options = set_options_default();

	(void)unused;
	assert_true(allowed("192.0.2.1", &options, "192.0.2.1"));
	assert_true(allowed("::ffff:192.0.2.1", &options, "192.0.2.1"));
	assert_true(allowed("2001:db8:0:0::1", &options, "2001:DB8::1"));
	assert_false(allowed("192.0.2.13", &options, "192.0.2.1"));
	assert_false(allowed("host", &options, "192.0.2.1"));
	/* A client without an address (over a vsock) is not a source, and neither is a source with the name UNKNOWN. */
	assert_false(allowed("192.0.2.1", &options, "UNKNOWN"));
	assert_false(allowed("unknown", &options, "UNKNOWN"));
	assert_true(allowed("fe80::1%eth0", &options, "fe80::1%eth0"));
	assert_true(allowed("fe80::1%2", &options, "fe80::1%eth0"));
	assert_false(allowed("fe80::1%eth0", &options, "fe80::1%eth1"));
	assert_false(allowed("fe80::1%3", &options, "fe80::1%eth0"));
	assert_false(allowed("fe80::1%ETH0", &options, "fe80::1%eth0"));
	assert_false(allowed("fe80::1%gone", &options, "fe80::1%gone"));
	assert_false(allowed("fe80::1", &options, "fe80::1%eth1"));
	options.host[options.hosts++] = "time.example";
	options.host[options.hosts++] = "fe80::1%eth0";
	assert_true(allowed("TIME.example", &options, "192.0.2.1"));
	assert_true(allowed("fe80::1%2", &options, "192.0.2.1"));
	assert_false(allowed("fe80::1%3", &options, "fe80::1%3"));
	assert_false(allowed("time.example.evil", &options, "192.0.2.1"));
	assert_false(allowed("time.exampl", &options, "192.0.2.1"));
	assert_false(allowed("192.0.2.1", &options, "192.0.2.1"));
}

static void
ports(void **unused)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
	} good[] = {
		{ "time.example", "time.example", 0 }, { "time.example:1", "time.example", 1 }, { "192.0.2.1:65535", "192.0.2.1", 65535 },
		{ "::1", "::1", 0 }, { "fe80::1%eth0", "fe80::1%eth0", 0 }, { "2001:db8::3700", "2001:db8::3700", 0 },
		{ "[::1]:37", "::1", 37 }, { "[fe80::1%eth0]:3700", "fe80::1%eth0", 3700 },
	};
	static const char *const bad[] = { "", ":", ":37", "a:", "a:0", "a:65536", "a:37x", "a:+1", "a:1:", "[::1]", "[::1]:", "[::1]37",
		"[::1", "::1]:37", "[]:37", "[a]:37", "[192.0.2.1]:37", "-a:37", "[-a]:37", "::1:", "[[::1]]:37", "a:37 " };
	char host[REQUEST_OCTETS + 1], longest[REQUEST_OCTETS + 10];
	struct set_options options = set_options_default();
	uint16_t port;

	(void)unused;
	for (size_t at = 0; at < LENGTH(good); at++) {
		assert_true(set_options_source(good[at].text, host, &port));
		assert_string_equal(host, good[at].host);
		assert_int_equal(port, good[at].port);
	}
	for (size_t at = 0; at < LENGTH(bad); at++)
		if (set_options_source(bad[at], host, &port))
			fail_msg("accepted: %s", bad[at]);
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_false(set_options_source(longest, host, &port));

	assert_int_equal(judged("rdate 192.0.2.1", &options, "192.0.2.1"), SOURCE_ALLOWED);
	assert_int_equal(judged("rdate -n -o 123 192.0.2.1", &options, "192.0.2.1"), SOURCE_ALLOWED);
	assert_int_equal(judged("rdate -n -o 37 192.0.2.1", &options, "192.0.2.1"), SOURCE_OTHER_PORT);
	assert_int_equal(judged("rdate -o 123 192.0.2.1", &options, "192.0.2.1"), SOURCE_OTHER_PORT);
	assert_int_equal(judged("rdate -o 3700 192.0.2.1", &options, "192.0.2.1"), SOURCE_OTHER_PORT);
	assert_int_equal(judged("rdate -o 3700 192.0.2.2", &options, "192.0.2.1"), SOURCE_OTHER_HOST);
	options.host[options.hosts++] = "192.0.2.1:3700";
	options.host[options.hosts++] = "[2001:db8::1]:3701";
	options.host[options.hosts++] = "time.example";
	options.host[options.hosts++] = "192.0.2.1:3702";
	assert_int_equal(judged("rdate -o 3700 192.0.2.1", &options, ""), SOURCE_ALLOWED);
	assert_int_equal(judged("rdate -n -o 3702 192.0.2.1", &options, ""), SOURCE_ALLOWED);
	assert_int_equal(judged("rdate -o 3701 192.0.2.1", &options, ""), SOURCE_OTHER_PORT);
	assert_int_equal(judged("rdate 192.0.2.1", &options, ""), SOURCE_OTHER_PORT);
	assert_int_equal(judged("rdate -o 3701 2001:db8:0::1", &options, ""), SOURCE_ALLOWED);
	assert_int_equal(judged("rdate -o 3701 time.example", &options, ""), SOURCE_OTHER_PORT);
	options.any_port = true;
	assert_int_equal(judged("rdate -o 3701 time.example", &options, ""), SOURCE_ALLOWED);
	/* A port that the administrator names stays the only one. */
	assert_int_equal(judged("rdate -o 3701 192.0.2.1", &options, ""), SOURCE_OTHER_PORT);
	assert_int_equal(judged("rdate -o 3701 192.0.2.9", &options, "192.0.2.9"), SOURCE_OTHER_HOST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_requests),
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(too_long),
		cmocka_unit_test(good_options),
		cmocka_unit_test(bad_options),
		cmocka_unit_test(hosts),
		cmocka_unit_test(ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
