/* request: a request's line, split and parsed; its words also as host names. */
#include "fuzz.h"

#include <inttypes.h>
#include <strings.h>

#include "lib/rfc868.h"
#include "lib/text.h"
#include "set/policy.h"

/* The octets of a host name or address: none that has a meaning to a shell, an option parser or a terminal. */
#define HOST_OCTETS LETTERS_AND_DIGITS "._-:%"

static void
check_host(const char *host)
{
	struct set_options options = set_options_default();
	struct rdate_request rdate = { .port = RFC868_PORT };
	const union peer nobody = { .any = { .sa_family = AF_UNSPEC } };
	bool somewhere;

	REQUIRE(host[0] != '\0' && host[0] != '-' && fuzz_consists_of(host, HOST_OCTETS));
	snprintf(rdate.host, sizeof rdate.host, "%s", host);
	peer_parse(host, NULL, &rdate.address);
	somewhere = rdate.address.any.sa_family != AF_INET6 || rdate.address.v6.sin6_scope_id != PEER_NO_INTERFACE;
	REQUIRE((policy_judge_source(&rdate, &options, NULL, &rdate.address) == SOURCE_ALLOWED) ==
	    (somewhere && rdate.address.any.sa_family != AF_UNSPEC));
	REQUIRE(policy_judge_source(&rdate, &options, NULL, &nobody) == SOURCE_OTHER_HOST);
	options.host[options.hosts++] = "another.test.";
	options.host[options.hosts++] = host;
	REQUIRE(policy_judge_source(&rdate, &options, NULL, &nobody) == (somewhere ? SOURCE_ALLOWED : SOURCE_OTHER_HOST));
	rdate.port++;
	REQUIRE(policy_judge_source(&rdate, &options, NULL, &nobody) == (somewhere ? SOURCE_OTHER_PORT : SOURCE_OTHER_HOST));
	/* If the administrator names hosts, the client's own address is not implicitly one of them. */
	options.hosts = 1;
	REQUIRE(strncasecmp(host, "another", 7) == 0 ||
	    policy_judge_source(&rdate, &options, NULL, &rdate.address) == SOURCE_OTHER_HOST);
}

/* Writes a request that parses to the same values. */
static int
write_rdate(const struct rdate_request *rdate, char *line, size_t size)
{
	char threshold[SECONDS_TEXT], flags[16] = "-";
	size_t used = 1;

	if (rdate->family != 0)
		flags[used++] = (char)('0' + rdate->family);
	for (int at = 0; at < 7; at++)
		if ((const bool[]){ rdate->slew, rdate->edge, rdate->sntp, rdate->print_only, rdate->silent, rdate->udp,
			rdate->verbose }[at])
			flags[used++] = "aenpsuv"[at];
	flags[used] = '\0';
	format_seconds(rdate->threshold, threshold);
	return snprintf(line, size, "rdate %s%s%s%s -o%" PRIu16 " -t %" PRId64 " -- %s", used > 1 ? flags : "",
	    used > 1 ? " " : "", rdate->has_threshold ? "-b" : "", rdate->has_threshold ? threshold + 1 : "",
	    rdate->port, rdate->timeout / NS_PER_MILLISECOND, rdate->host);
}

static void
check_rdate(const struct rdate_request *rdate)
{
	char line[2 * REQUEST_OCTETS], again[2 * REQUEST_OCTETS];
	char copy[REQUEST_OCTETS + 1], complaint[REQUEST_COMPLAINT];
	const char *words[REQUEST_WORDS];
	struct request back;
	int length = write_rdate(rdate, line, sizeof line), count;

	REQUIRE(rdate->family == 0 || rdate->family == 4 || rdate->family == 6);
	REQUIRE(rdate->port > 0);
	REQUIRE(rdate->timeout >= NS_PER_MILLISECOND && rdate->timeout <= 600 * NS_PER_SECOND);
	REQUIRE(rdate->threshold >= 0 && rdate->threshold <= 2145 * NS_PER_SECOND);
	REQUIRE(rdate->has_threshold || rdate->threshold == 0);
	REQUIRE(!(rdate->slew && rdate->has_threshold) && !(rdate->sntp && rdate->edge));
	REQUIRE(request_host_valid(rdate->host));
	check_host(rdate->host);
	if (length > REQUEST_OCTETS)
		return;
	count = request_split(line, copy, words, complaint);
	REQUIRE(count > 0);
	REQUIRE(request_parse(words, count, NULL, &back, complaint));
	REQUIRE(back.kind == REQUEST_RDATE && back.rdate.has_threshold == rdate->has_threshold);
	write_rdate(&back.rdate, again, sizeof again);
	REQUIRE(strcmp(line, again) == 0);
}

static void
check_words(const char *const *words, int count, const char *line)
{
	char joined[REQUEST_OCTETS + 1] = "", copy[REQUEST_OCTETS + 1], complaint[REQUEST_COMPLAINT];
	const char *again[REQUEST_WORDS];

	REQUIRE(count <= REQUEST_WORDS && strlen(line) <= REQUEST_OCTETS);
	REQUIRE((count == 0) == fuzz_consists_of(line, " "));
	for (int at = 0; at < count; at++) {
		REQUIRE(words[at][0] != '\0' && fuzz_printable(words[at]) && strchr(words[at], ' ') == NULL);
		strcat(joined, words[at]);
		if (at < count - 1)
			strcat(joined, " ");
		if (request_host_valid(words[at]))
			check_host(words[at]);
	}
	REQUIRE(request_split(joined, copy, again, complaint) == count);
	for (int at = 0; at < count; at++)
		REQUIRE(strcmp(words[at], again[at]) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char copy[REQUEST_OCTETS + 1], complaint[REQUEST_COMPLAINT] = "", *line = fuzz_text(data, size);
	const char *words[REQUEST_WORDS];
	struct request request;
	int count = request_split(line, copy, words, complaint);

	REQUIRE(count < 0 ? fuzz_is_line(complaint, sizeof complaint) : complaint[0] == '\0');
	if (count >= 0)
		check_words(words, count, line);
	if (count > 0 && request_parse(words, count, NULL, &request, complaint)) {
		REQUIRE(complaint[0] == '\0');
		REQUIRE(request.kind < REQUESTS && request_kind_of(words[0], strlen(words[0])) == request.kind);
		if (request.kind == REQUEST_RDATE)
			check_rdate(&request.rdate);
		else
			REQUIRE(count == 1);
	} else if (count > 0)
		REQUIRE(fuzz_is_line(complaint, sizeof complaint));
	free(line);
	return 0;
}
