/*
 * The host's side of the exchange with one guest, as a state machine.  Input: lines from the guest and time stamps.
 * Output: orders to the guest.
 *
 * Offsets are guest minus host, in nanoseconds.  For each sample, the host reads its clock before it sends the order
 * (SENT) and after it has received the reply (RECEIVED); the guest reads its clock in between.  So the true offset is
 * within half the round-trip delay of guest - (SENT + RECEIVED) / 2, even if the path is asymmetric.
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
 * The longest time that -t allows for a dialog.  If a round-trip delay is longer, the host's own clock was set, or the
 * host was suspended: the dialog fails, because the sample is not valid.
 */
#define DIALOG_LONGEST_SECONDS 3600
#define DIALOG_LONGEST (DIALOG_LONGEST_SECONDS * NS_PER_SECOND)

struct measurement {
	nanoseconds offset;	/* the best estimate */
	nanoseconds bound;	/* the true offset is within this of it */
	nanoseconds delay;	/* the round-trip delay of the sample */
	nanoseconds time;	/* the host's clock at the middle of the round trip */
};

enum dialog_action { ACTION_NONE, ACTION_STEP, ACTION_SLEW, ACTION_OTHER_SERVICE };

enum dialog_result {
	DIALOG_UNFINISHED,
	DIALOG_DONE,		/* measured; also corrected, if requested and necessary */
	DIALOG_REFUSED,		/* the guest refused an order; text is its reason */
	DIALOG_FAILED		/* the exchange failed: by the guest, ssh or this host; text says how */
};

struct dialog {
	bool correct;			/* true: sync; false: check */
	enum { PHASE_GREETING, PHASE_SAMPLE, PHASE_ORDER, PHASE_BOUND, PHASE_OVER } phase;
	struct exchange_greeting greeting;
	struct exchange_order order;	/* the order to send next */
	int samples;			/* in this measurement */
	int since_better;		/* samples since the best bound became smaller by more than a tenth */
	int rounds;			/* corrections ordered */
	nanoseconds last_time;		/* the guest's clock at the last sample */
	struct measurement first;	/* the first sample of this measurement */
	struct measurement tight;	/* its last sample with a bound near the best */
	struct measurement best;	/* its sample with the smallest bound */
	struct measurement before;	/* the best sample before any correction */
	struct measurement after;	/* the best sample after the last step; without a step, the same as before */
	struct measurement ordered;	/* the sample that the last correction was computed from */
	enum dialog_action action;
	enum dialog_result result;
	char text[DIALOG_TEXT];		/* one line, printable; empty unless refused or failed */
};

void dialog_start(struct dialog *dialog, bool correct);

/*
 * Handles a line from the guest, of LENGTH octets without its LF.  SENT is the host's time just before it sent the last
 * order; RECEIVED is its time just after it read this line.  Returns true if the caller must now send dialog->order.
 * Returns false if the dialog is over: dialog->result is set, and dialog->order is "bye", which the caller sends
 * unless the result is DIALOG_FAILED.
 */
bool dialog_take(struct dialog *dialog, const char *line, size_t length, nanoseconds sent, nanoseconds received);

/*
 * Ends an unfinished dialog with DIALOG_FAILED.  TEXT is the reason; it is made printable here, and the offset and the
 * correction are put before it if one was ordered.
 */
void dialog_fail(struct dialog *dialog, const char *text);

/* The word for each enum dialog_action. */
extern const char *const dialog_action_names[];

#endif
