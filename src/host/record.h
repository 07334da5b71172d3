/*
 * What is kept and reported about a guest.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_RECORD_H
#define GUESTCLOCK_RECORD_H

#include "host/exchange_client.h"
#include "host/guest_list.h"

struct record {
	char guest[GUEST_NAME + 1];
	nanoseconds time;		/* the host's clock when the guest's last session ended */
	nanoseconds last_success;	/* the same for its last successful session; 0: none */
	enum client_result result;	/* of the last session */
	enum client_action action;	/* of the last success, as are before and after */
	struct measurement before, after;	/* after a slew, after.offset is what the slew still has to remove */
	bool has_drift;			/* false: this session failed, or the drift cannot be computed */
	int64_t drift_ppb;		/* since the reference, parts per 10^9; positive: the guest runs fast */
	struct reference {
		nanoseconds time;	/* host's clock: the last correction in the guest's boot, else the first success; 0: none */
		nanoseconds left;	/* the offset at that time; after a slew 0, the offset at its end */
		nanoseconds settled;	/* host's clock: when the correction is complete; without a slew, the same as time */
	} reference;
	char boot[EXCHANGE_BOOT];	/* the guest's boot id at the last success; "-": unknown */
	char text[CLIENT_TEXT];		/* the reason for a failure or refusal; otherwise empty */
	/* Not in the state file: */
	bool looked;			/* this session has a verdict of the estimator ... */
	struct rate_verdict verdict;	/* ... here; otherwise it is all zero */
};

/* The words for the members of enum client_result, which are the index. */
extern const char *const record_result_names[];

/* Updates the guest's RECORD after an exchange, which is over.  NOW is the host's clock. */
void record_take(struct record *record, const struct exchange_client *client, nanoseconds now);

/* Notes a failure: RESULT is CLIENT_REFUSED or CLIENT_FAILED.  The data of the last success stay. */
void record_fail(struct record *record, enum client_result result, const char *text, nanoseconds now);

#endif
