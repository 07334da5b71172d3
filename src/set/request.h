/*
 * What the host may ask of guestclock-set: a closed set, parsed here and never handed to a shell.
 *
 * request = "rdate" options HOST | "rfc868" | "exchange" | "status".  The grammar of rdate is rdate(8)'s, read strictly: options
 * before HOST, each at most once, no contradiction.  What does not fit is refused, never cut short or repaired.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_REQUEST_H
#define GUESTCLOCK_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/peer.h"
#include "set/limits.h"

#define REQUEST_OCTETS 255
#define REQUEST_WORDS 32
#define REQUEST_COMPLAINT 200
#define REQUEST_TIMEOUT_DEFAULT (10 * NS_PER_SECOND)

struct rdate_request {
	int family;			/* 0: either, 4 or 6 (-4, -6) */
	bool slew;			/* -a: slew however large the offset */
	bool edge;			/* -e: sample around the edge of the second, over UDP */
	bool sntp;			/* -n: SNTP instead of RFC 868 */
	bool print_only;		/* -p: print the source's time, set nothing */
	bool silent;			/* -s: print nothing */
	bool udp;			/* -u: RFC 868 over UDP */
	bool verbose;			/* -v: print the offset and what was done */
	bool has_threshold;		/* -b was given */
	nanoseconds threshold;		/* -b: slew up to this, step beyond it */
	uint16_t port;			/* -o, or the protocol's */
	nanoseconds timeout;		/* -t: the time allowed for the answer */
	char host[REQUEST_OCTETS + 1];	/* a host name or address literal */
	union peer address;		/* the literal; family AF_UNSPEC for a name */
};

struct request {
	enum request_kind kind;
	struct rdate_request rdate;	/* where kind is REQUEST_RDATE */
};

/*
 * Splits LINE at spaces into WORDS, which point into COPY.  Returns their number (0 for an empty line), or -1 with
 * a COMPLAINT: longer than REQUEST_OCTETS, octets other than printable ASCII, or too many words.
 */
int request_split(const char *line, char copy[REQUEST_OCTETS + 1], const char *words[REQUEST_WORDS],
    char complaint[REQUEST_COMPLAINT]);

/*
 * Parses COUNT >= 1 words.  NUMBER_OF as for peer_parse(): an interface that does not exist is for the caller to
 * complain of.  False with one line in COMPLAINT: what was wrong and what was expected.
 */
bool request_parse(const char *const *words, int count, peer_interface *number_of, struct request *request,
    char complaint[REQUEST_COMPLAINT]);

/* Whether HOST is a host name (RFC 1123, underscores allowed) or an address literal, IPv6 with or without %scope. */
bool request_host_valid(const char *host);

/*
 * Whether a request may name its host: one of the limits' hosts, or with none of those CLIENT, the address of the ssh
 * client.  Names compare without regard to case, addresses by value.  NUMBER_OF as for peer_parse().
 */
bool request_host_allowed(const struct rdate_request *rdate, const struct limits *limits, peer_interface *number_of,
    const union peer *client);

#endif
