/* The host's side of the exchange: see dialog.h. */
#include "host/dialog.h"

#include <stdio.h>
#include <string.h>

#include "lib/interval.h"
#include "lib/sysclock.h"
#include "lib/text.h"

/* A measurement may end after this many successive samples that did not reduce the bound by more than a tenth. */
#define ENOUGH_WITHOUT_BETTER 4

const char *const dialog_action_names[] = { "none", "step", "slew", "other-service" };

void
dialog_start(struct dialog *dialog, bool correct)
{
	memset(dialog, 0, sizeof *dialog);
	dialog->correct = correct;
}

static bool
over(struct dialog *dialog, enum dialog_result result)
{
	dialog->phase = PHASE_OVER;
	dialog->result = result;
	dialog->order = (struct exchange_order){ .verb = EXCHANGE_BYE };
	return false;
}

void
dialog_fail(struct dialog *dialog, const char *text)
{
	char offset[SECONDS_TEXT];
	size_t used = 0;

	if (dialog->rounds > 0) {
		format_seconds(dialog->before.offset, offset);
		used = (size_t)snprintf(dialog->text, sizeof dialog->text, "(it was %s s off and a %s was ordered) ", offset,
		    dialog_action_names[dialog->action]);
	}
	format_quoted(text, dialog->text + used, sizeof dialog->text - used);
	over(dialog, DIALOG_FAILED);
}

static bool
fail(struct dialog *dialog, const char *text)
{
	dialog_fail(dialog, text);
	return false;
}

static bool
send_order(struct dialog *dialog, enum exchange_verb verb, nanoseconds value)
{
	dialog->order = (struct exchange_order){ .verb = verb, .value = value };
	dialog->phase = verb == EXCHANGE_NOW ? PHASE_SAMPLE : verb == EXCHANGE_BOUND ? PHASE_BOUND : PHASE_ORDER;
	return true;
}

static bool
start_measuring(struct dialog *dialog)
{
	dialog->samples = dialog->since_better = 0;
	dialog->last_time = INT64_MIN;
	/* More than the bound of any sample. */
	dialog->best.bound = DIALOG_LONGEST;
	return send_order(dialog, EXCHANGE_NOW, 0);
}

static bool
correct_offset(struct dialog *dialog, const struct measurement *measured)
{
	/* Slew only as the first correction: a step should leave no offset, so another step corrects what is left. */
	bool slew = dialog->rounds == 0 && ns_magnitude(measured->offset) <= SYSCLOCK_SLEW_BELOW;

	dialog->rounds++;
	dialog->ordered = *measured;
	dialog->action = slew ? ACTION_SLEW : ACTION_STEP;
	return send_order(dialog, slew ? EXCHANGE_SLEW : EXCHANGE_STEP, ns_subtract(0, measured->offset));
}

/* Orders the error bound for the guest's kernel.  It includes the offset, because a slew is not complete yet. */
static bool
order_bound(struct dialog *dialog)
{
	nanoseconds bound = ns_add(ns_magnitude(dialog->after.offset), dialog->after.bound);

	/* The kernel's maxerror is at most 16 s. */
	if (bound >= SYSCLOCK_BOUND_MAX)
		return over(dialog, DIALOG_DONE);
	return send_order(dialog, EXCHANGE_BOUND, bound);
}

static bool
contains_zero(const struct measurement *measured)
{
	return ns_magnitude(measured->offset) <= measured->bound;
}

/* Decides on the correction after the first measurement. */
static bool
judge_first(struct dialog *dialog)
{
	dialog->before = dialog->after = dialog->best;
	if (!dialog->correct)
		return over(dialog, DIALOG_DONE);
	if (dialog->greeting.sync == SYNC_OTHER && ns_magnitude(dialog->before.offset) < SYSCLOCK_RESPECT_BELOW) {
		dialog->action = contains_zero(&dialog->before) ? ACTION_NONE : ACTION_OTHER_SERVICE;
		return over(dialog, DIALOG_DONE);
	}
	if (contains_zero(&dialog->before))
		return order_bound(dialog);
	return correct_offset(dialog, &dialog->before);
}

/* Judges the offset that was measured after a step. */
static bool
judge_residual(struct dialog *dialog)
{
	char offset[SECONDS_TEXT];
	nanoseconds ran, should_have_run, promised, elapsed;

	dialog->after = dialog->best;
	promised = ns_add(dialog->ordered.bound, dialog->after.bound);
	/* A rate error has added to the offset since the step.  A usable clock has a rate error of at most 1 %. */
	elapsed = ns_magnitude(ns_subtract(dialog->after.time, dialog->ordered.time));
	if (ns_magnitude(dialog->after.offset) <= ns_add(promised, elapsed / 100))
		return order_bound(dialog);
	if (dialog->rounds < DIALOG_ROUNDS)
		return correct_offset(dialog, &dialog->after);
	/* After the last round, accept a rate error of 20 %: more steps would not make this clock better. */
	if (ns_magnitude(dialog->after.offset) <= ns_add(promised, elapsed / 5))
		return order_bound(dialog);
	should_have_run = ns_subtract(dialog->tight.time, dialog->first.time);
	ran = ns_add(should_have_run, ns_subtract(dialog->tight.offset, dialog->first.offset));
	format_seconds(dialog->after.offset, offset);
	/* The time of each sample is uncertain by its bound: do not attribute that much to the clock's rate. */
	if (ns_add(ran, ns_add(dialog->first.bound, dialog->tight.bound)) < should_have_run / 10 * 9)
		snprintf(dialog->text, sizeof dialog->text, "its clock stands still or runs at %lld %% of the true rate; it was "
		    "set %d times", (long long)(ran / (should_have_run / 100 + 1)), dialog->rounds);
	else
		snprintf(dialog->text, sizeof dialog->text, "its clock was set %d times and does not stay: it is %s s off "
		    "again; another program sets it", dialog->rounds, offset);
	return over(dialog, DIALOG_FAILED);
}

static bool
take_sample(struct dialog *dialog, nanoseconds guest, nanoseconds sent, nanoseconds received)
{
	nanoseconds delay = ns_subtract(received, sent), middle;
	struct measurement sample;

	if (delay < 0)
		return fail(dialog, "this host's own clock was set back while the guest was measured");
	if (delay > DIALOG_LONGEST)
		return fail(dialog, "this host's own clock was set forward, or the host was suspended, while the guest was "
		    "measured");
	/* DELAY is at most an hour, so the middle, and the sums and products of bounds below, do not overflow. */
	middle = sent + delay / 2;
	/* The 2 ns cover half a nanosecond of rounding and one nanosecond of clock resolution. */
	sample = (struct measurement){ ns_subtract(guest, middle), delay / 2 + 2, delay, middle };
	if (guest < dialog->last_time)
		return fail(dialog, "its clock went back while it was measured");
	if (dialog->samples == 0)
		dialog->first = sample;
	dialog->last_time = guest;
	/* For the rate, ignore samples with a much larger bound: a busy host read their replies late. */
	if (sample.bound <= 4 * dialog->best.bound)
		dialog->tight = sample;
	dialog->samples++;
	dialog->since_better++;
	if (sample.bound < dialog->best.bound) {
		if (sample.bound < dialog->best.bound - dialog->best.bound / 10)
			dialog->since_better = 0;
		dialog->best = sample;
	}
	if (dialog->samples < DIALOG_SAMPLES_LEAST ||
	    (dialog->samples < DIALOG_SAMPLES_MOST && dialog->since_better < ENOUGH_WITHOUT_BETTER))
		return send_order(dialog, EXCHANGE_NOW, 0);
	return dialog->rounds == 0 ? judge_first(dialog) : judge_residual(dialog);
}

static bool
take_greeting(struct dialog *dialog, const char *line, size_t length)
{
	char quoted[64], text[DIALOG_TEXT];

	if (exchange_parse_greeting(line, length, &dialog->greeting)) {
		if (dialog->greeting.version == EXCHANGE_VERSION)
			return start_measuring(dialog);
		snprintf(text, sizeof text, "it speaks version %lld of the exchange, this host version %d: "
		    "install the same release on both",
		    (long long)dialog->greeting.version, EXCHANGE_VERSION);
		return fail(dialog, text);
	}
	/* Another program answered: a shell with a banner, a menu or a message of the day. */
	format_quoted(line, quoted, sizeof quoted);
	snprintf(text, sizeof text, "expected guestclock-set's greeting, got \"%s\"", quoted);
	return fail(dialog, text);
}

bool
dialog_take(struct dialog *dialog, const char *line, size_t length, nanoseconds sent, nanoseconds received)
{
	char copy[EXCHANGE_LINE + 1], quoted[64], text[DIALOG_TEXT];
	struct exchange_reply reply;

	if (length >= EXCHANGE_LINE)
		return fail(dialog, "it sent a line longer than 255 octets");
	memcpy(copy, line, length);
	copy[length] = '\0';
	if (dialog->phase == PHASE_GREETING)
		return take_greeting(dialog, copy, length);
	if (!exchange_parse_reply(line, length, &reply)) {
		format_quoted(copy, quoted, sizeof quoted);
		snprintf(text, sizeof text, "not an answer of guestclock-set: \"%s\"", quoted);
		return fail(dialog, text);
	}
	if (reply.kind == REPLY_NO && dialog->phase == PHASE_BOUND)
		/* The clock is right or its correction was ordered: do not fail a guest that cannot set its kernel's bound. */
		return over(dialog, DIALOG_DONE);
	if (reply.kind == REPLY_NO) {
		/* "no REASON text" */
		format_quoted(copy + 3, dialog->text, sizeof dialog->text);
		return over(dialog, DIALOG_REFUSED);
	}
	if (reply.kind != (dialog->phase == PHASE_SAMPLE ? REPLY_NOW : REPLY_DONE))
		return fail(dialog, "its answer does not fit the order that it was given");
	if (dialog->phase == PHASE_SAMPLE)
		return take_sample(dialog, reply.time, sent, received);
	/* Do not measure after a slew: at 500 ppm it has hardly begun. */
	if (dialog->phase == PHASE_ORDER)
		return dialog->action == ACTION_SLEW ? order_bound(dialog) : start_measuring(dialog);
	if (dialog->phase == PHASE_BOUND)
		return over(dialog, DIALOG_DONE);
	return fail(dialog, "it sent more after the end of the exchange");
}
