/* Requests: see request.h. */
#include "set/request.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/peer.h"
#include "lib/rfc868.h"
#include "lib/sysclock.h"
#include "lib/text.h"
#include "set/sntp.h"

#define TIMEOUT_MAX_MS 600000

#define NAME(constant, name, after) name,
static const char *const names[REQUESTS] = { REQUEST_TABLE(NAME) };

static const char rdate_usage[] = "rdate [-46aenpsuv] [-b sec] [-o port] [-t msec] HOST";

const char *
request_kind_name(enum request_kind kind)
{
	return names[kind];
}

uint16_t
request_usual_port(const struct rdate_request *rdate)
{
	return rdate->sntp ? SNTP_PORT : RFC868_PORT;
}

enum request_kind
request_kind_of(const char *name, size_t length)
{
	int kind = 0;

	while (kind < REQUESTS && (strncmp(names[kind], name, length) != 0 || names[kind][length] != '\0'))
		kind++;
	return (enum request_kind)kind;
}

static bool
complain(char complaint[REQUEST_COMPLAINT], const char *what, const char *word, const char *expected)
{
	char quoted[40];

	format_quoted(word, quoted, sizeof quoted);
	snprintf(complaint, REQUEST_COMPLAINT, "%s \"%s\": expected %s", what, quoted, expected);
	return false;
}

int
request_split(const char *line, char copy[REQUEST_OCTETS + 1], const char *words[REQUEST_WORDS],
    char complaint[REQUEST_COMPLAINT])
{
	size_t length = strlen(line);
	int count = 0;

	if (length > REQUEST_OCTETS) {
		snprintf(complaint, REQUEST_COMPLAINT, "request of %zu octets: expected at most %d", length, REQUEST_OCTETS);
		return -1;
	}
	for (const char *at = line; *at != '\0'; at++)
		if (*at < ' ' || *at > '~') {
			complain(complaint, "request", line, "printable ASCII");
			return -1;
		}
	memcpy(copy, line, length + 1);
	for (char *word = copy + strspn(copy, " "); *word != '\0'; word += strspn(word, " ")) {
		if (count == REQUEST_WORDS) {
			complain(complaint, "request", line, "at most 32 words");
			return -1;
		}
		words[count++] = word;
		word += strcspn(word, " ");
		if (*word != '\0')
			*word++ = '\0';
	}
	return count;
}

static bool
name_valid(const char *host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	const char *label = host;

	if (*host == '\0' || strlen(host) > 253)
		return false;
	for (;;) {
		size_t length = strspn(label, allowed);

		if (length == 0 || length > 63 || label[0] == '-' || label[length - 1] == '-')
			return false;
		if (label[length] == '\0')
			/* The resolver takes 127.1 and 0x7f000001 for addresses: refuse a number as the last label. */
			return label[strspn(label, "0123456789")] != '\0' && strncasecmp(label, "0x", 2) != 0;
		if (label[length] != '.')
			return false;
		label += length + 1;
		if (*label == '\0')
			return true;
	}
}

bool
request_host_valid(const char *host)
{
	static const char scope_allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	const char *percent = strchr(host, '%');
	union peer address;

	if (percent != NULL && percent[1 + strspn(percent + 1, scope_allowed)] != '\0')
		return false;
	return peer_parse(host, NULL, &address) || name_valid(host);
}

/* rdate's options that take no value, except -4 and -6. */
#define FLAG(letter, name) { letter, offsetof(struct rdate_request, name) }
static const struct {
	char letter;
	size_t field;
} flags[] = { FLAG('a', slew), FLAG('e', edge), FLAG('n', sntp), FLAG('p', print_only), FLAG('s', silent), FLAG('u', udp),
	FLAG('v', verbose) };

/* Stores one option of rdate.  VALUE is its argument if it takes one. */
static bool
rdate_option(char option, const char *value, struct rdate_request *rdate, char complaint[REQUEST_COMPLAINT])
{
	int64_t whole;

	for (size_t at = 0; at < sizeof flags / sizeof flags[0]; at++)
		if (option == flags[at].letter) {
			*(bool *)((char *)rdate + flags[at].field) = true;
			return true;
		}
	switch (option) {
	case '4':
	case '6':
		if (rdate->family != 0)
			return complain(complaint, "rdate", "-4 -6", "one of them");
		rdate->family = option - '0';
		return true;
	case 'b':
		rdate->has_threshold = true;
		return parse_seconds(value, SYSCLOCK_SLEW_MAX, &rdate->threshold) ||
		    complain(complaint, "rdate -b", value, "seconds from 0 to 2145");
	case 'o':
		if (!parse_whole(value, 1, 65535, &whole))
			return complain(complaint, "rdate -o", value, "a port from 1 to 65535");
		rdate->port = (uint16_t)whole;
		return true;
	case 't':
		if (!parse_whole(value, 1, TIMEOUT_MAX_MS, &whole))
			return complain(complaint, "rdate -t", value, "milliseconds from 1 to 600000");
		rdate->timeout = whole * NS_PER_MILLISECOND;
		return true;
	case 'c':
		return complain(complaint, "rdate", "-c",
		    "no leap-second correction: the system clock counts as POSIX does, without leap seconds");
	default:
		return complain(complaint, "unknown option in", (const char[]){ '-', option, '\0' }, rdate_usage);
	}
}

static bool
parse_rdate(const char *const *words, int count, peer_interface *number_of, struct rdate_request *rdate,
    char complaint[REQUEST_COMPLAINT])
{
	char seen[32] = "";
	int at = 1;

	*rdate = (struct rdate_request){ .timeout = REQUEST_TIMEOUT_DEFAULT };
	for (; at < count && words[at][0] == '-' && words[at][1] != '\0'; at++) {
		if (strcmp(words[at], "--") == 0) {
			at++;
			break;
		}
		for (const char *option = words[at] + 1; *option != '\0'; option++) {
			bool takes_value = strchr("bot", *option) != NULL;
			const char *value = "";
			size_t used = strlen(seen);

			if (strchr(seen, *option) != NULL)
				return complain(complaint, "option given twice in", words[at], "each option once");
			if (used < sizeof seen - 1)
				seen[used] = *option;
			if (takes_value && option[1] == '\0' && at + 1 == count)
				return complain(complaint, "option without its argument,", words[at], rdate_usage);
			if (takes_value)
				value = option[1] != '\0' ? option + 1 : words[++at];
			if (!rdate_option(*option, value, rdate, complaint))
				return false;
			if (takes_value)
				break;
		}
	}
	if (at == count)
		return complain(complaint, "no HOST in", words[0], rdate_usage);
	if (at + 1 < count)
		return complain(complaint, "unexpected word", words[at + 1], rdate_usage);
	if (!request_host_valid(words[at]))
		return complain(complaint, "HOST", words[at], "a host name or an address");
	/* HOST fits: it is a part of the line, which request_split() limits to REQUEST_OCTETS. */
	memcpy(rdate->host, words[at], strlen(words[at]) + 1);
	peer_parse(rdate->host, number_of, &rdate->address);
	if (rdate->slew && rdate->has_threshold)
		return complain(complaint, "rdate", "-a -b", "one of them");
	if (rdate->sntp && rdate->edge)
		return complain(complaint, "rdate", "-n -e", "one of them: SNTP tells fractions of a second anyway");
	if (rdate->port == 0)
		rdate->port = request_usual_port(rdate);
	return true;
}

bool
request_parse(const char *const *words, int count, peer_interface *number_of, struct request *request,
    char complaint[REQUEST_COMPLAINT])
{
	memset(request, 0, sizeof *request);
	request->kind = request_kind_of(words[0], strlen(words[0]));
	if (request->kind == REQUESTS)
		return complain(complaint, "unknown request", words[0], REQUEST_NAMES);
	if (request->kind == REQUEST_RDATE)
		return parse_rdate(words, count, number_of, &request->rdate, complaint);
	if (count > 1)
		return complain(complaint, "unexpected word", words[1], "nothing after the request");
	return true;
}
