/*
 * The host's side of the exchange with one guest, as a state machine.  Input: lines from the guest and time stamps.
 * Output: orders to the guest.
 *
 * Offsets are guest minus host, in nanoseconds.  For each sample, the host reads its clock before it sends the order
 * (SENT) and after it has received the reply (RECEIVED); the guest reads its clock in between.  The estimate of the
 * offset is the guest's reading minus (SENT + RECEIVED) / 2.  The true offset is within half the round-trip delay of
 * this estimate, even if the path is asymmetric.
 *
 * If the guest's greeting has "raw", the host samples by that order, which also reads the guest's raw clock and the number
 * of the last set; each order to step, slew or set the rate has this number.  If the guest refuses one as stale, or
 * another set comes between two samples, the host measures again.
 *
 * With "raw", the first series is also a look for the estimator (rate.h): its verdict decides what sync orders first, the
 * rate before the correction.  If the guest refuses the rate, its clock is corrected all the same.
 *
 * Within a session, watch begins again and again: with a whole series, or with a reading, which is one sample.  A reading
 * that shows nothing new is a look, and the end.  Any other is dropped, and a series of samples follows.
 *
 * Pure: the caller moves the lines and reads the clock.
 */
#ifndef GUESTCLOCK_EXCHANGE_CLIENT_H
#define GUESTCLOCK_EXCHANGE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "host/rate.h"
#include "lib/exchange.h"

#define CLIENT_SAMPLES_LEAST 8
#define CLIENT_SAMPLES_MOST 32
#define CLIENT_ROUNDS 3		/* corrections in one session, at most */
#define CLIENT_STALE 2		/* new measurements because another request set the clock, at most */
#define CLIENT_TEXT 320

/*
 * The largest value of -t, the time limit for a guest.  So if a round-trip delay seems longer, the host's own clock was
 * set, or the host was suspended: the exchange fails, because the sample is not valid.
 */
#define CLIENT_LONGEST_SECONDS 3600
#define CLIENT_LONGEST (CLIENT_LONGEST_SECONDS * NS_PER_SECOND)

struct measurement {
	nanoseconds offset;	/* the best estimate */
	nanoseconds bound;	/* the true offset differs from the estimate by at most this */
	nanoseconds delay;	/* the round-trip delay of the sample */
	nanoseconds time;	/* the host's clock at the middle of the round trip */
};

/* What the order "raw" adds to a sample. */
struct raw_sample {
	nanoseconds time;	/* the host's raw clock at the middle of the round trip */
	nanoseconds bound;	/* the guest read its clocks at most this before or after, by the host's raw clock */
	struct exchange_reply reply;	/* the guest's; its kind is REPLY_NOW if the guest does not know "raw" */
};

/* What the host waits for: the greeting, or the reply to an order to measure, set the rate, correct or set the bound. */
enum client_phase { PHASE_GREETING, PHASE_SAMPLE, PHASE_RATE, PHASE_ORDER, PHASE_BOUND, PHASE_OVER };

enum client_action { ACTION_NONE, ACTION_STEP, ACTION_SLEW, ACTION_OTHER_SERVICE };

enum client_result {
	CLIENT_UNFINISHED,
	CLIENT_DONE,		/* measured; also corrected, if requested and necessary */
	CLIENT_REFUSED,		/* the guest refused an order; text is its reason */
	CLIENT_FAILED		/* the exchange failed: by the guest, ssh or this host; text says how */
};

/* What the host wants of an exchange. */
struct client_task {
	bool correct;			/* true: sync; false: check */
	bool no_rate;			/* order no rate */
	nanoseconds step_back;		/* step a clock that is ahead by at most this; INT64_MAX: any */
	const char *host_boot;		/* this host's boot id; must stay valid */
};

struct exchange_client {
	struct client_task task;
	enum client_phase phase;
	struct exchange_greeting greeting;
	struct exchange_order order;	/* the order to send next */
	/* A series of samples begins after the greeting and after each step. */
	nanoseconds longest;		/* the next sample is a reading: its round-trip delay is at most this; 0: it is not */
	bool quiet;			/* this was a reading that showed nothing new */
	int samples;			/* the samples in this series */
	int since_better;		/* the samples since the best bound became smaller by more than a tenth */
	int rounds;			/* corrections ordered */
	int stale;			/* series that began because another request had set the clock */
	int64_t sets;			/* the number for the next order: that of the sample best, or of the last order */
	int64_t last_sets;		/* the number at the last sample */
	nanoseconds last_time;		/* the guest's clock at the last sample */
	struct measurement first;	/* the first sample of this series */
	struct measurement tight;	/* the last sample whose bound was at most four times the best bound until then */
	struct measurement best;	/* the sample with the smallest bound */
	struct raw_sample best_raw;	/* of the sample best */
	struct measurement before;	/* the best sample before any correction */
	struct measurement after;	/* the best sample after the last step; without a step, the same as before */
	struct measurement ordered;	/* the sample that the last correction was computed from */
	struct rate rate;		/* what is known about the guest's rate; with the look of this session, if LOOKED */
	struct rate_verdict verdict;	/* if LOOKED */
	bool looked;
	bool rates;			/* this session orders the verdict's rate, before any other order */
	nanoseconds moved;		/* the sum of the steps and slews that the guest carried out */
	bool rated;			/* the guest carried out the verdict's rate */
	enum client_action action;
	enum client_result result;
	char text[CLIENT_TEXT];		/* one line, printable; empty unless refused or failed */
};

/* RATE is what earlier sessions have learnt about the guest, or all zero. */
void client_start(struct exchange_client *client, const struct client_task *task, const struct rate *rate);

/*
 * Handles a line from the guest, of LENGTH octets without its LF.  SENT is the host's clocks just before the caller sent
 * the last order; RECEIVED is its clocks just after the caller read this line.  Returns true if the caller must
 * now send client->order.  Returns false if the exchange is over: client->result is set, and client->order is "bye",
 * which the caller sends unless the result is CLIENT_FAILED.
 */
bool client_take(struct exchange_client *client, const char *line, size_t length, const struct clock_reading *sent,
    const struct clock_reading *received);

/*
 * Begins again, with what is known of the rate, after CLIENT_DONE and no "bye": the caller must send client->order.
 * LONGEST is 0 for a series; for a reading, the largest round-trip delay of one that can show that nothing is new.
 */
void client_again(struct exchange_client *client, nanoseconds longest);

/* Notes in client->rate what this exchange, which is over, has set.  Only for one that corrects. */
void client_note(struct exchange_client *client);

/*
 * Ends an unfinished exchange with CLIENT_FAILED.  TEXT is the reason and need not be printable: client->text becomes a
 * printable copy.  If the host has ordered a correction, the copy begins with the offset and the last correction.
 */
void client_fail(struct exchange_client *client, const char *text);

/* The words for the members of enum client_action, which are the index. */
extern const char *const client_action_names[];

#endif
