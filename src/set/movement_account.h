/*
 * The account of how far requests have moved the clock, so that --max-step and --max-back hold for all sessions together;
 * of the rate that a request ordered; and of the number of the last set.
 *
 * A set is a step, a slew or a change of the rate by any request.  Its number is CLOCK_MONOTONIC_RAW at the set, or one
 * more than the last number if that is larger; 0: the account has no set.  So a number does not return, even after a new
 * account or a restored snapshot, as that of a plain counter would.
 *
 * A position is the sum of the steps and slews of requests with these limits since the account began, and of what the
 * rates that requests ordered have moved, in nanoseconds; positive: forward.  It is the movement of CLOCK_REALTIME against
 * CLOCK_MONOTONIC_RAW without what other requests and programs, and the kernel (after a suspend), add.  Times are of
 * CLOCK_MONOTONIC_RAW: nobody can set it, and it counts neither a pause of the guest nor a suspend.
 *
 * The rule: a correction may take the clock to any position that it had in the last day, so that the honest host can
 * undo what another did; and in any hour beyond the highest and lowest position of the day before that hour by the
 * limits.  So movements that another undid never count against the next one.
 *
 * An account that is all zero is a new one.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_MOVEMENT_ACCOUNT_H
#define GUESTCLOCK_MOVEMENT_ACCOUNT_H

#include <stdbool.h>

#include "lib/offset_interval.h"

/* The hour is remembered for 60 to 70 minutes, and the day before it for 24 to 28 hours more. */
#define ACCOUNT_SLOTS 7
#define ACCOUNT_HOUR (INT64_C(3600) * NS_PER_SECOND)
#define ACCOUNT_DAY (24 * ACCOUNT_HOUR)

/* A return may go at most this far beyond where the clock was: the offset is measured, and the clock drifts. */
#define ACCOUNT_NEAR NS_PER_SECOND

/* At the start of each second the kernel takes this much off a slew (adjtime(3)), and then slews it in that second. */
#define ACCOUNT_SLEW_SECOND (500 * NS_PER_MICROSECOND)

/*
 * The lowest and highest position in each sixth of the hour or day.  Time t has slot t / sixth % ACCOUNT_SLOTS.
 * A position that leaves the hour gets into the day's slot of that moment.
 */
struct account_span {
	nanoseconds low[ACCOUNT_SLOTS], high[ACCOUNT_SLOTS];
};

/* All members are 64-bit integers: account_write() writes them as an array. */
struct account {
	nanoseconds raw;		/* the time of the last account_advance(); at least 0 */
	nanoseconds position;		/* where the clock is when its slew is complete */
	nanoseconds beyond;		/* by how much a return came beyond the positions of the day: that does not extend them */
	nanoseconds slew;		/* of the last slew that was counted: what is left of it */
	int64_t rate;			/* the rate correction in force, parts per 10^9 */
	int64_t rate_ordered;		/* the rate that a request ordered last */
	int64_t rate_before;		/* the rate before the first such order; if equal: none to undo */
	int64_t sets;			/* the number of the last set; at least 0 */
	struct account_span hour, day;	/* the last hour, and the day before it */
};

/*
 * Brings ACCOUNT up to the time RAW.  SLEW_LEFT: how much of a slew the kernel has still to do.  RATE: the rate in force.
 * Counts the movement by the rate that a request ordered, if it is still in force: what it adds to the rate before.  Of a
 * slew forward, counts the second in which it is as not yet done, of a slew back as done: so the clock is never farther
 * back than the account says.  If RAW is earlier than before, the guest has another raw clock now (it moved to another
 * machine): a new account.
 */
void account_advance(struct account *account, nanoseconds raw, nanoseconds slew_left, int64_t rate);

/*
 * The corrections that are allowed now, in nanoseconds: to MAX_STEP beyond the highest position of the day before the
 * last hour, and to the lesser of MAX_BACK and MAX_STEP below its lowest (INT64_MAX: no limit); to each position of
 * the last hour and that day; and beyond these by a tenth of the way, at most ACCOUNT_NEAR.  A correction ends a slew
 * that is not complete, so what is left of it does not count.  The corrections always include 0.
 */
struct interval account_room(const struct account *account, nanoseconds max_step, nanoseconds max_back);

/* Numbers a set. */
void account_count_set(struct account *account);

/* Counts a step by CORRECTION, or a slew by whole microseconds, that account_room() allows with these limits. */
void account_move(struct account *account, nanoseconds max_step, nanoseconds max_back, nanoseconds correction, bool slew);

/* Notes that the rate PPB was ordered. */
void account_order_rate(struct account *account, int64_t ppb);

/* Whether the rate in force is PPB, as the kernel rounds it. */
bool account_rate_is(const struct account *account, int64_t ppb);

/* Whether the rate in force was ordered by a request, and differs from the rate before. */
bool account_rate_is_ordered(const struct account *account);

/* The account as text: numbers of 16 hexadecimal digits, a space between them, and LF; with the final NUL. */
#define ACCOUNT_TEXT (sizeof(struct account) / sizeof(int64_t) * 17 + 1)
void account_write(const struct account *account, char text[ACCOUNT_TEXT]);

/* Reads what account_write() wrote.  Returns false, with a new account, if TEXT does not begin with such a line. */
bool account_read(const char *text, struct account *account);

#endif
