/*
 * The requests that the host may send to guestclock-set: a closed set, parsed here and never passed to a shell.
 *
 * request = "rdate" options HOST | "rfc868" | "exchange" | "status".  rdate has the grammar of rdate(8), applied
 * strictly: options before HOST, each at most once, none that contradict each other.  A request that does not match or
 * is too long is refused, never truncated or repaired.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_REQUEST_H
#define GUESTCLOCK_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/nstime.h"
#include "lib/peer.h"

/* The requests: constant, name, and the text after the name in REQUEST_NAMES. */
#define REQUEST_TABLE(ROW) \
	ROW(REQUEST_RDATE, "rdate", ", ") \
	ROW(REQUEST_RFC868, "rfc868", ", ") \
	ROW(REQUEST_STATUS, "status", " or ") \
	ROW(REQUEST_EXCHANGE, "exchange", "")

#define REQUEST_CONSTANT(constant, name, after) constant,
enum request_kind { REQUEST_TABLE(REQUEST_CONSTANT) REQUESTS };

/* A set of requests is a sum of bits. */
#define REQUEST_BIT(kind) (1U << (kind))
#define REQUEST_ALL (REQUEST_BIT(REQUESTS) - 1)

/* All names in one string literal, for messages. */
#define REQUEST_LISTED(constant, name, after) name after
#define REQUEST_NAMES REQUEST_TABLE(REQUEST_LISTED)

#define REQUEST_OCTETS 255
#define REQUEST_WORDS 32
#define REQUEST_COMPLAINT 200
#define REQUEST_TIMEOUT_DEFAULT (10 * NS_PER_SECOND)

struct rdate_request {
	int family;			/* 4: -4; 6: -6; 0: either */
	bool slew;			/* -a: slew, even if the offset is large */
	bool edge;			/* -e: sample around the edge of the second, over UDP */
	bool sntp;			/* -n: SNTP instead of RFC 868 */
	bool print_only;		/* -p: print the source's time; set nothing */
	bool silent;			/* -s: do not print the source's time */
	bool udp;			/* -u: RFC 868 over UDP */
	bool verbose;			/* -v: print the offset and the decision */
	bool has_threshold;		/* -b was given */
	nanoseconds threshold;		/* -b: slew an offset up to this, step a larger one */
	uint16_t port;			/* -o, or the protocol's port */
	nanoseconds timeout;		/* -t: the time allowed for the query and its name lookup */
	char host[REQUEST_OCTETS + 1];	/* a host name or address literal */
	union peer address;		/* host, if that is a literal; family AF_UNSPEC for a name */
};

struct request {
	enum request_kind kind;
	struct rdate_request rdate;	/* if kind is REQUEST_RDATE */
};

const char *request_kind_name(enum request_kind kind);

/* The port of RFC 868 or, with -n, of SNTP. */
uint16_t request_usual_port(const struct rdate_request *rdate);

/* Returns the kind of request whose name is the LENGTH octets at NAME, or REQUESTS if there is none. */
enum request_kind request_kind_of(const char *name, size_t length);

/*
 * Splits LINE at spaces into WORDS, which point into COPY.  Returns the number of words (0 for an empty line).  Returns
 * -1, with one line in COMPLAINT, if LINE is longer than REQUEST_OCTETS, has an octet other than printable ASCII, or
 * has more than REQUEST_WORDS words.
 */
int request_split(const char *line, char copy[REQUEST_OCTETS + 1], const char *words[REQUEST_WORDS],
    char complaint[REQUEST_COMPLAINT]);

/*
 * Parses COUNT >= 1 words from request_split() into REQUEST.  Returns false, with one line in COMPLAINT (the fault and
 * the expected text), if they are no request.  NUMBER_OF translates an interface's name for peer_parse().  If there is
 * no such interface, this still returns true: the caller must check for the scope PEER_NO_INTERFACE.
 */
bool request_parse(const char *const *words, int count, peer_interface *number_of, struct request *request,
    char complaint[REQUEST_COMPLAINT]);

/*
 * Whether HOST is a host name (RFC 1123, or with underscores; the last label is no number), or an address literal for
 * peer_parse() whose scope has only letters, digits and "_-.".
 */
bool request_host_valid(const char *host);

#endif
