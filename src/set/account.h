/*
 * The account of how far requests with --max-step or --max-back have moved the clock, so that those limits hold for all
 * sessions together, and of the rate that a request ordered.
 *
 * A position is the sum of these requests' steps and slews since the account began, in nanoseconds; positive: forward.
 * It is the movement of CLOCK_REALTIME against CLOCK_MONOTONIC_RAW without what the rate in force, other requests and
 * programs, and the kernel (after a suspend) add.  Times are of CLOCK_MONOTONIC_RAW: nobody can set it, and it counts
 * neither a pause of the guest nor a suspend.  The account remembers which positions the clock had in the last hour and
 * in the last day.  The positions of the last hour limit the next movement; but the clock may always return to a
 * position of the last day, so that the honest host can undo what another did.
 *
 * An account that is all zero is a new one.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_ACCOUNT_H
#define GUESTCLOCK_ACCOUNT_H

#include <stdbool.h>

#include "lib/offset_interval.h"

/* A span is remembered for at least the hour or the day, and for at most a sixth longer. */
#define ACCOUNT_SLOTS 7
#define ACCOUNT_HOUR (INT64_C(3600) * NS_PER_SECOND)
#define ACCOUNT_DAY (24 * ACCOUNT_HOUR)

/* A return may go at most this far beyond where the clock was: the offset is measured, and the clock drifts. */
#define ACCOUNT_NEAR NS_PER_SECOND

/* The lowest and highest position in each sixth of the hour or day.  Time t has slot t / sixth % ACCOUNT_SLOTS. */
struct account_span {
	nanoseconds low[ACCOUNT_SLOTS], high[ACCOUNT_SLOTS];
};

/* All members are 64-bit integers: account_write() writes them as an array. */
struct account {
	nanoseconds raw;		/* the time of the last account_advance(); at least 0 */
	nanoseconds position;		/* where the clock is when its slew is complete */
	nanoseconds slew;		/* of the last slew that was counted: what is left of it, at most */
	int64_t rate;			/* the rate correction in force, parts per 10^9 */
	int64_t rate_ordered;		/* the rate that a request ordered last */
	int64_t rate_before;		/* the rate before the first such order; if equal: none to undo */
	struct account_span hour, day;
};

/*
 * Brings ACCOUNT up to the time RAW.  SLEW_LEFT: how much of a slew the kernel has still to do.  RATE: the rate in force.
 * If RAW is earlier than before, the guest has another raw clock now (it moved to another machine): a new account.
 */
void account_advance(struct account *account, nanoseconds raw, nanoseconds slew_left, int64_t rate);

/*
 * The corrections that are allowed now: in the last hour and with this one, the clock moves by at most MAX_STEP in either
 * direction, and by at most MAX_BACK backwards (INT64_MAX: no limit).  A correction against the rate in force may be
 * larger: by what that rate, up to MAX_RATE (parts per 10^9), moves the clock in an hour.  A return to the positions of
 * the last day is allowed too, and beyond them by a tenth of the way, at most ACCOUNT_NEAR.  A correction ends a slew
 * that is not complete, so what is left of it does not count.  The corrections always include 0.
 */
struct interval account_room(const struct account *account, nanoseconds max_step, nanoseconds max_back, int64_t max_rate);

/* Counts a step by CORRECTION, or a slew. */
void account_move(struct account *account, nanoseconds correction, bool slew);

/* Notes that the rate PPB was ordered. */
void account_order_rate(struct account *account, int64_t ppb);

/* Whether the rate in force was ordered by a request, and differs from the rate before. */
bool account_rate_is_ordered(const struct account *account);

/* The account as text: numbers of 16 hexadecimal digits, a space between them, and LF; with the final NUL. */
#define ACCOUNT_TEXT (sizeof(struct account) / sizeof(int64_t) * 17 + 1)
void account_write(const struct account *account, char text[ACCOUNT_TEXT]);

/* Reads what account_write() wrote.  Returns false, with a new account, if TEXT does not begin with such a line. */
bool account_read(const char *text, struct account *account);

#endif
