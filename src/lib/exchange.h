/*
 * The exchange: the line protocol by which the host measures and corrects a guest's clock.  See doc/exchange.md.
 *
 * Lines are ASCII, at most EXCHANGE_LINE octets with their LF.  The guest begins; then it answers each line of the
 * host, except bye, with one line.  TIME is in seconds since the epoch.  OFFSET is in seconds, with a sign: what to add
 * to the clock, so minus the offset of offset_interval.h.  TIME, OFFSET and SECONDS have nine decimals.  PPM is parts
 * per million, with a sign and three decimals.  SETS is the number of the last set, 0 to 2^63 - 1
 * (set/movement_account.h); an order that has it is refused as stale if another set came after that one.
 *
 *	host                    guest
 *	(connects)              guestclock 1 boot=ID sync=no|guestclock|other freq=PPM tick=US program=VERSION raw
 *	now                     now TIME
 *	raw                     raw TIME RAW SETS PPM US OFFSET no|guestclock|other SECONDS
 *	step OFFSET [SETS]      done TIME [SETS]	add OFFSET to the clock at once
 *	slew OFFSET [SETS]      done TIME [SETS]	add OFFSET to the clock at 500 ppm
 *	rate PPM [SETS]         done TIME [SETS]	set the rate correction to PPM (does not add PPM to it)
 *	bound SECONDS           done TIME	the clock's error is at most SECONDS
 *	bye                     (ends)
 *
 * The guest answers "no REASON text" to a line that it refuses.  The clock is then unchanged, except perhaps after
 * "failed"; the session continues, except after "too-many".
 *
 * Pure: no locale, no floating point.  Arithmetic is in 64-bit nanoseconds; a number that overflows is refused.
 */
#ifndef GUESTCLOCK_EXCHANGE_H
#define GUESTCLOCK_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/nstime.h"

#define EXCHANGE_VERSION 1
#define EXCHANGE_LINE 255
#define EXCHANGE_BOOT 40
#define EXCHANGE_PROGRAM 32

enum exchange_verb { EXCHANGE_NOW, EXCHANGE_RAW, EXCHANGE_STEP, EXCHANGE_SLEW, EXCHANGE_RATE, EXCHANGE_BOUND,
	EXCHANGE_BYE };

struct exchange_order {
	enum exchange_verb verb;
	nanoseconds value;	/* nanoseconds for STEP, SLEW and BOUND; parts per 10^9 for RATE */
	bool numbered;		/* STEP, SLEW or RATE with SETS */
	int64_t sets;
};

/* Why the guest refused an order.  exchange_reason_name() returns the word that is sent. */
enum exchange_reason {
	REASON_SYNTAX,		/* not a line of the protocol */
	REASON_RANGE,		/* a number that no clock or kernel can take */
	REASON_BEFORE_FLOOR,
	REASON_AFTER_CEILING,
	REASON_TOO_FAR,
	REASON_TOO_FAR_BACK,
	REASON_DRY_RUN,		/* the forced command has the option --dry-run */
	REASON_NO_CAPABILITY,
	REASON_TOO_MANY,	/* more than 64 orders step, slew, rate or bound, refused ones included; the session ends */
	REASON_BUSY,		/* the lock is held or was removed, or the clock was set since it was measured */
	REASON_STALE,		/* a numbered order: the clock has been set since it was measured */
	REASON_FAILED,		/* the system failed */
	REASONS
};

struct exchange_greeting {
	int64_t version;
	char boot[EXCHANGE_BOOT];	/* the kernel's boot ID; if unknown, "-", or empty when written */
	enum exchange_sync { SYNC_NO, SYNC_GUESTCLOCK, SYNC_OTHER } sync;
	int64_t frequency_ppb;		/* parts per 10^9; the wire has thousandths of ppm */
	int64_t tick_us;
	char program[EXCHANGE_PROGRAM];	/* guestclock-set's version; empty if the guest does not say it */
	bool raw;			/* the guest knows the order "raw" and numbers */
};

/* The guest's reply to an order. */
struct exchange_reply {
	enum exchange_kind { REPLY_NOW, REPLY_DONE, REPLY_RAW, REPLY_NO } kind;
	enum exchange_reason reason;	/* for NO */
	nanoseconds time;		/* for all others: CLOCK_REALTIME */
	bool numbered;			/* for DONE: to a numbered order; for RAW always */
	int64_t sets;			/* if numbered: the number of the last set */
	/* for RAW, the guest's ... */
	nanoseconds raw;		/* CLOCK_MONOTONIC_RAW, at the moment of time */
	int64_t frequency_ppb, tick_us;	/* rate correction in force, as in the greeting */
	nanoseconds slew_left;		/* what a slew under way must still add to the clock */
	enum exchange_sync sync;
	nanoseconds maxerror;		/* the kernel's bound on the clock's error */
};

const char *exchange_reason_name(enum exchange_reason reason);

/*
 * Each parser reads one LINE of LENGTH octets, without its LF; a NUL does not end it.  A parser returns false if the
 * line is not one of the protocol.  Then *RANGE, unless RANGE is NULL, says whether the only fault of an order is a
 * number out of range.
 */
bool exchange_parse_order(const char *line, size_t length, struct exchange_order *order, bool *range);
bool exchange_parse_greeting(const char *line, size_t length, struct exchange_greeting *greeting);
bool exchange_parse_reply(const char *line, size_t length, struct exchange_reply *reply);

/* Writers end the line with LF and NUL, and return its length with the LF; INTO has EXCHANGE_LINE + 1 octets. */
size_t exchange_write_order(const struct exchange_order *order, char *into);
size_t exchange_write_greeting(const struct exchange_greeting *greeting, char *into);
size_t exchange_write_reply(const struct exchange_reply *reply, char *into);	/* all but REPLY_NO */
size_t exchange_write_no(enum exchange_reason reason, const char *text, char *into);

#endif
