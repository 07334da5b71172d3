/*
 * The host's side of the exchange with one guest, as a state machine: lines and time stamps in, orders out.
 *
 * Offsets are guest minus host, in nanoseconds.  A sample's order left after SENT and its answer was there by
 * RECEIVED, both by the host's clock; the guest read its clock in between.  So the offset is within half the round
 * trip of guest - (SENT + RECEIVED) / 2, whatever the path is like.
 *
 * Pure: the caller moves the lines and reads the clock.
 */
#ifndef GUESTCLOCK_DIALOG_H
#define GUESTCLOCK_DIALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/exchange.h"

#define DIALOG_SAMPLES_LEAST 8
#define DIALOG_SAMPLES_MOST 32
#define DIALOG_ROUNDS 3		/* corrections in one session, at most */
#define DIALOG_TEXT 320

/*
 * A dialog takes no longer than this (-t).  A round trip that seems to have taken longer means that the host's own clock
 * was set, or that the host was suspended: the dialog fails, since such a sample says nothing of the guest.
 */
#define DIALOG_LONGEST (3600 * NS_PER_SECOND)

struct measurement {
	nanoseconds offset;	/* the best estimate */
	nanoseconds bound;	/* the truth is within this of it */
	nanoseconds delay;	/* the round trip that it comes from */
	nanoseconds time;	/* the host's clock, at its middle */
};

enum dialog_action { ACTION_NONE, ACTION_STEP, ACTION_SLEW, ACTION_OTHER_SERVICE };

enum dialog_result {
	DIALOG_UNFINISHED,
	DIALOG_DONE,		/* measured, and corrected where asked for and needed */
	DIALOG_REFUSED,		/* the guest refused an order; text has its reason */
	DIALOG_FAILED		/* the guest did not keep to the protocol, or its clock does not stay set; text says how */
};

struct dialog {
	bool correct;			/* sync, not check */
	enum { PHASE_GREETING, PHASE_SAMPLE, PHASE_ORDER, PHASE_BOUND, PHASE_OVER } phase;
	struct exchange_greeting greeting;
	struct exchange_order order;	/* what to send */
	int samples;			/* in this measurement */
	int since_better;		/* samples since the tightest got tighter by a tenth */
	int rounds;			/* corrections ordered */
	nanoseconds last_time;		/* the guest's clock at the last sample */
	nanoseconds first_time, first_host;	/* both clocks at the first sample of this measurement */
	nanoseconds tight_time, last_host;	/* both at the last sample that is not much worse than the best */
	nanoseconds first_bound, last_bound;	/* how well the times of those two are known */
	struct measurement best;	/* of this measurement */
	struct measurement before;	/* before any correction */
	struct measurement after;	/* after the last one; the same as before when there was none */
	struct measurement ordered;	/* what the last order was to correct */
	bool judged;			/* failed for what the clock does, which text says all of */
	enum dialog_action action;
	enum dialog_result result;
	char text[DIALOG_TEXT];		/* one line, printable; empty unless refused or failed */
};

void dialog_start(struct dialog *dialog, bool correct);

/*
 * Takes a line from the guest (without LF, of LENGTH octets).  True: send dialog->order, and stamp it.  False: the
 * dialog is over, dialog->result says how; where it was not for a fault of the guest's, dialog->order is "bye".
 */
bool dialog_take(struct dialog *dialog, const char *line, size_t length, nanoseconds sent, nanoseconds received);

/* Ends an unfinished dialog as failed: TEXT says why, made printable. */
void dialog_fail(struct dialog *dialog, const char *text);

const char *dialog_action_name(enum dialog_action action);

#endif
