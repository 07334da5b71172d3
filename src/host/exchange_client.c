/* The host's side of the exchange: see exchange_client.h. */
#include "host/exchange_client.h"

#include <stdio.h>
#include <string.h>

#include "lib/offset_interval.h"
#include "lib/sysclock.h"
#include "lib/text.h"

/* A series of samples may end after this many samples in a row that did not reduce the bound by more than a tenth. */
#define ENOUGH_WITHOUT_BETTER 4
/* A clock that must not be stepped back is slewed by at most this: that takes the kernel 33 minutes. */
#define SLEW_BACK_MOST NS_PER_SECOND

const char *const client_action_names[] = { "none", "step", "slew", "other-service" };

void
client_start(struct exchange_client *client, const struct client_task *task, const struct rate *rate)
{
	memset(client, 0, sizeof *client);
	client->task = *task;
	client->rate = *rate;
}

static bool
over(struct exchange_client *client, enum client_result result)
{
	client->phase = PHASE_OVER;
	client->result = result;
	client->order = (struct exchange_order){ .verb = EXCHANGE_BYE };
	return false;
}

/* Writes TEXT, made printable, into client->text; before it, if ORDERED, the offset and the correction that was ordered. */
static void
describe(struct exchange_client *client, bool ordered, const char *text)
{
	char offset[SECONDS_TEXT];
	size_t used = 0;

	if (ordered) {
		format_seconds(client->before.offset, offset);
		used = (size_t)snprintf(client->text, sizeof client->text, "(it was %s s off and a %s was ordered) ", offset,
		    client_action_names[client->action]);
	}
	format_quoted(text, client->text + used, sizeof client->text - used);
}

void
client_fail(struct exchange_client *client, const char *text)
{
	describe(client, client->rounds > 0, text);
	over(client, CLIENT_FAILED);
}

static bool
fail(struct exchange_client *client, const char *text)
{
	client_fail(client, text);
	return false;
}

static bool
send_order(struct exchange_client *client, enum exchange_verb verb, nanoseconds value)
{
	static const enum client_phase phases[] = { [EXCHANGE_NOW] = PHASE_SAMPLE, [EXCHANGE_RAW] = PHASE_SAMPLE,
		[EXCHANGE_RATE] = PHASE_RATE, [EXCHANGE_STEP] = PHASE_ORDER, [EXCHANGE_SLEW] = PHASE_ORDER,
		[EXCHANGE_BOUND] = PHASE_BOUND };
	bool sets_clock = phases[verb] == PHASE_RATE || phases[verb] == PHASE_ORDER;

	client->phase = phases[verb];
	client->order = (struct exchange_order){ .verb = verb, .value = value, .numbered = sets_clock && client->greeting.raw };
	if (client->order.numbered)
		client->order.sets = client->sets;
	return true;
}

static bool
ask(struct exchange_client *client)
{
	return send_order(client, client->greeting.raw ? EXCHANGE_RAW : EXCHANGE_NOW, 0);
}

static bool
start_measuring(struct exchange_client *client)
{
	client->samples = client->since_better = 0;
	client->last_time = INT64_MIN;
	/* More than the bound of any sample. */
	client->best.bound = CLIENT_LONGEST;
	return ask(client);
}

void
client_again(struct exchange_client *client, nanoseconds longest)
{
	struct client_task task = client->task;
	struct exchange_greeting greeting = client->greeting;
	struct rate rate = client->rate;

	client_start(client, &task, &rate);
	client->greeting = greeting;
	client->longest = longest;
	start_measuring(client);
}

void
client_note(struct exchange_client *client)
{
	/* A reading that showed nothing new has set nothing: an earlier order of this session still holds. */
	if (client->looked && !client->quiet)
		rate_note(&client->rate, client->moved, client->rated, client->verdict.order_ppb);
}

static bool
correct_offset(struct exchange_client *client, const struct measurement *measured, bool slew)
{
	char offset[SECONDS_TEXT], most[SECONDS_TEXT], text[CLIENT_TEXT];

	if (!slew && measured->offset > client->task.step_back) {
		slew = true;
		if (measured->offset > SLEW_BACK_MOST) {
			format_seconds(measured->offset, offset);
			format_seconds(client->task.step_back, most);
			snprintf(text, sizeof text, "its clock is %s s ahead, and --step-back allows %s s: stop the "
			    "programs there that need a rising clock, and sync once without it", offset + 1, most + 1);
			return fail(client, text);
		}
	}
	client->rounds++;
	client->ordered = *measured;
	client->action = slew ? ACTION_SLEW : ACTION_STEP;
	return send_order(client, slew ? EXCHANGE_SLEW : EXCHANGE_STEP, ns_subtract(0, measured->offset));
}

/* Orders the error bound for the guest's kernel.  It includes the offset that remains: a slew has only begun. */
static bool
order_bound(struct exchange_client *client)
{
	nanoseconds bound = ns_add(ns_magnitude(client->after.offset), client->after.bound);

	/* The guest's kernel would soon call a clock with a bound of 16 s or more unsynchronised again. */
	if (bound >= SYSCLOCK_BOUND_MAX)
		return over(client, CLIENT_DONE);
	return send_order(client, EXCHANGE_BOUND, bound);
}

static bool
contains_zero(const struct measurement *measured)
{
	return ns_magnitude(measured->offset) <= measured->bound;
}

/* Gives the estimator the first series' best sample, once in a session. */
static void
look(struct exchange_client *client)
{
	const struct exchange_reply *reply = &client->best_raw.reply;
	struct rate_sample sample = { .host_raw = client->best_raw.time, .host_real = client->best.time,
		.guest_raw = reply->raw, .guest_real = reply->time, .bound = client->best_raw.bound,
		.slew_left = reply->slew_left, .sets = reply->sets,
		.rate_ppb = sysclock_rate_ppb(reply->tick_us, reply->frequency_ppb),
		.may_order_rate = client->task.correct && !client->task.no_rate && client->greeting.sync != SYNC_OTHER,
		.host_boot = client->task.host_boot, .guest_boot = client->greeting.boot };

	client->looked = client->greeting.raw && rate_look(&client->rate, &sample, &client->verdict);
	client->rates = client->looked && sample.may_order_rate;
	/* What another time service does is its business. */
	if (client->greeting.sync == SYNC_OTHER && client->verdict.event >= RATE_EVENT_FOREIGN_RATE)
		client->verdict.event = RATE_EVENT_NONE;
}

/* Decides on the first correction, after the first series of samples and the rate. */
static bool
correct_first(struct exchange_client *client)
{
	struct measurement guess = client->before;
	/* The verdict to slew assumed the rate: a clock without it may outrun the slew. */
	bool outruns = client->looked && client->verdict.outruns && client->verdict.order_rate && !client->rated;

	if (!client->looked || client->stale > 0)
		return contains_zero(&guess) ? order_bound(client) :
		    correct_offset(client, &guess, ns_magnitude(guess.offset) <= SYSCLOCK_SLEW_BELOW && !outruns);
	if (client->verdict.order == RATE_LEAVE)
		return order_bound(client);
	guess.offset = ns_subtract(0, client->verdict.correction);
	return correct_offset(client, &guess, client->verdict.order == RATE_SLEW && !outruns);
}

/* Decides what to order first, after the first series of samples. */
static bool
judge_first(struct exchange_client *client)
{
	client->before = client->after = client->best;
	/* After a stale order, the session has had its look: its verdict on the offset is of the clock before. */
	if (!client->looked)
		look(client);
	if (!client->task.correct)
		return over(client, CLIENT_DONE);
	if (client->greeting.sync == SYNC_OTHER && ns_magnitude(client->before.offset) < SYSCLOCK_RESPECT_BELOW) {
		client->action = contains_zero(&client->before) ? ACTION_NONE : ACTION_OTHER_SERVICE;
		return over(client, CLIENT_DONE);
	}
	/* The guest ends a rate when a session that orders none sets its clock: order the one in force as well. */
	if (client->rates)
		return send_order(client, EXCHANGE_RATE, client->verdict.order_ppb);
	return correct_first(client);
}

/* Judges a reading. */
static bool
judge_reading(struct exchange_client *client)
{
	struct rate before = client->rate;

	client->longest = 0;
	client->before = client->after = client->best;
	look(client);
	if (client->greeting.sync == SYNC_OTHER && ns_magnitude(client->best.offset) < SYSCLOCK_RESPECT_BELOW)
		client->quiet = !client->looked || client->verdict.event == RATE_EVENT_NONE;
	else if (client->looked)
		client->quiet = client->verdict.event == RATE_EVENT_NONE && client->verdict.order == RATE_LEAVE &&
		    !client->verdict.order_rate;
	else
		client->quiet = contains_zero(&client->best);
	if (client->quiet)
		return over(client, CLIENT_DONE);
	client->rate = before;
	client->looked = client->rates = false;
	return start_measuring(client);
}

/* Judges the offset that was measured after a step. */
static bool
judge_residual(struct exchange_client *client)
{
	char offset[SECONDS_TEXT];
	nanoseconds ran, should_have_run, promised, elapsed;

	client->after = client->best;
	promised = ns_add(client->ordered.bound, client->after.bound);
	/* Since the step, the guest's rate error has added to the offset: at most 1 %, if the clock is usable. */
	elapsed = ns_magnitude(ns_subtract(client->after.time, client->ordered.time));
	if (ns_magnitude(client->after.offset) <= ns_add(promised, elapsed / 100))
		return order_bound(client);
	/* If a step left an offset, step again: the result can be measured at once. */
	if (client->rounds < CLIENT_ROUNDS)
		return correct_offset(client, &client->after, false);
	/*
	 * After the last correction, accept what a clock that runs 20 % too fast or too slow has gained or lost since then:
	 * more steps would not make it better.
	 */
	if (ns_magnitude(client->after.offset) <= ns_add(promised, elapsed / 5))
		return order_bound(client);
	should_have_run = ns_subtract(client->tight.time, client->first.time);
	ran = ns_add(should_have_run, ns_subtract(client->tight.offset, client->first.offset));
	format_seconds(client->after.offset, offset);
	/* The offset of each sample may be wrong by its bound: do not attribute that much to the clock's rate. */
	if (ns_add(ran, ns_add(client->first.bound, client->tight.bound)) < should_have_run / 10 * 9)
		snprintf(client->text, sizeof client->text, "its clock stands still or runs at %lld %% of the true rate; it was "
		    "set %d times", (long long)(ran / (should_have_run / 100 + 1)), client->rounds);
	else
		snprintf(client->text, sizeof client->text, "its clock was set %d times and does not stay: it is %s s off "
		    "again; another program sets it, or it runs far too fast", client->rounds, offset);
	return over(client, CLIENT_FAILED);
}

static bool
take_sample(struct exchange_client *client, const struct exchange_reply *reply, const struct clock_reading *sent,
    const struct clock_reading *received)
{
	nanoseconds delay = ns_subtract(received->real, sent->real), raw_delay = ns_subtract(received->raw, sent->raw);
	nanoseconds guest = reply->time, middle;
	struct measurement sample;

	if (client->longest > 0 && (delay < 0 || delay > client->longest || raw_delay > client->longest)) {
		client->longest = 0;
		return start_measuring(client);
	}
	if (delay < 0)
		return fail(client, "this host's own clock was set back while the guest was measured");
	if (delay > CLIENT_LONGEST)
		return fail(client, "this host's own clock was set forward, or the host was suspended, while the guest was "
		    "measured");
	/* DELAY is at most an hour, so the middle, and the sums and products of bounds below, do not overflow. */
	middle = sent->real + delay / 2;
	/* The 2 ns cover one nanosecond of rounding, of both halves, and one of clock resolution. */
	sample = (struct measurement){ ns_subtract(guest, middle), delay / 2 + 2, delay, middle };
	/* Another request has set the clock: the samples before are of another clock. */
	if (client->samples > 0 && reply->sets != client->last_sets && client->stale < CLIENT_STALE) {
		client->stale++;
		return start_measuring(client);
	}
	client->last_sets = reply->sets;
	if (guest < client->last_time)
		return fail(client, "its clock went back while it was measured");
	if (client->samples == 0)
		client->first = sample;
	client->last_time = guest;
	/* judge_residual() computes the rate from TIGHT: ignore samples with a much larger bound, which were read late. */
	if (sample.bound <= 4 * client->best.bound)
		client->tight = sample;
	client->samples++;
	client->since_better++;
	if (sample.bound < client->best.bound) {
		if (sample.bound < client->best.bound - client->best.bound / 10)
			client->since_better = 0;
		client->best = sample;
		client->best_raw = (struct raw_sample){ ns_add(sent->raw, raw_delay / 2),
			raw_delay / 2 + 2 + sent->width / 2 + received->width / 2, *reply };
		client->sets = reply->sets;
	}
	if (reply->kind == REPLY_RAW)
		client->greeting.sync = reply->sync;
	if (client->longest > 0)
		return judge_reading(client);
	if (client->samples < CLIENT_SAMPLES_LEAST ||
	    (client->samples < CLIENT_SAMPLES_MOST && client->since_better < ENOUGH_WITHOUT_BETTER))
		return ask(client);
	return client->rounds == 0 ? judge_first(client) : judge_residual(client);
}

static bool
take_greeting(struct exchange_client *client, const char *line, size_t length)
{
	char quoted[64], text[CLIENT_TEXT];

	if (exchange_parse_greeting(line, length, &client->greeting)) {
		if (client->greeting.version == EXCHANGE_VERSION)
			return start_measuring(client);
		snprintf(text, sizeof text, "it speaks version %lld of the exchange, this host version %d: "
		    "install the same release on both",
		    (long long)client->greeting.version, EXCHANGE_VERSION);
		return fail(client, text);
	}
	/* Another program answered, such as a shell with a banner or a message of the day. */
	format_quoted(line, quoted, sizeof quoted);
	snprintf(text, sizeof text, "expected guestclock-set's greeting, got \"%s\"", quoted);
	return fail(client, text);
}

bool
client_take(struct exchange_client *client, const char *line, size_t length, const struct clock_reading *sent,
    const struct clock_reading *received)
{
	char copy[EXCHANGE_LINE + 1], quoted[64], text[CLIENT_TEXT];
	struct exchange_reply reply;

	if (length >= EXCHANGE_LINE)
		return fail(client, "it sent a line longer than 255 octets");
	memcpy(copy, line, length);
	copy[length] = '\0';
	if (client->phase == PHASE_GREETING)
		return take_greeting(client, copy, length);
	if (!exchange_parse_reply(line, length, &reply)) {
		format_quoted(copy, quoted, sizeof quoted);
		snprintf(text, sizeof text, "not an answer of guestclock-set: \"%s\"", quoted);
		return fail(client, text);
	}
	if (reply.kind == REPLY_NO && client->phase == PHASE_BOUND)
		/* The clock is right, or the guest has corrected it: a refusal to set the kernel's bound is no failure. */
		return over(client, CLIENT_DONE);
	/* Nothing was done, so this round does not count. */
	if (reply.kind == REPLY_NO && client->order.numbered && client->stale < CLIENT_STALE &&
	    (reply.reason == REASON_STALE || (reply.reason == REASON_BUSY && client->phase == PHASE_RATE))) {
		client->stale++;
		client->rounds -= client->phase == PHASE_ORDER;
		/* The corrections before this one were steps: after a slew, no other is ordered. */
		client->action = client->rounds == 0 ? ACTION_NONE : ACTION_STEP;
		return start_measuring(client);
	}
	if (reply.kind == REPLY_NO && client->phase == PHASE_RATE) {
		/* The refusal ends a rate that this host has ordered: the guest keeps others that its limits refuse. */
		if ((client->verdict.order_rate || client->rate.n.has_order) &&
		    (reply.reason == REASON_TOO_FAR || reply.reason == REASON_TOO_FAR_BACK || reply.reason == REASON_RANGE))
			client->verdict.event = RATE_EVENT_REFUSED;
		client->rates = false;
		/* The guest may have ended an earlier rate: its next set has another number. */
		return start_measuring(client);
	}
	if (reply.kind == REPLY_NO) {
		/* The line is "no REASON text": keep REASON and the text.  The guest carried out the rounds before this one. */
		describe(client, client->rounds > 1, copy + 3);
		return over(client, CLIENT_REFUSED);
	}
	if (reply.kind != (client->phase != PHASE_SAMPLE ? REPLY_DONE : client->greeting.raw ? REPLY_RAW : REPLY_NOW) ||
	    reply.numbered != (client->order.numbered || reply.kind == REPLY_RAW))
		return fail(client, "its answer does not fit the order that it was given");
	if (client->phase == PHASE_SAMPLE)
		return take_sample(client, &reply, sent, received);
	if (reply.numbered)
		client->sets = reply.sets;
	if (client->phase == PHASE_RATE) {
		client->rated = !client->verdict.left_alone;
		return correct_first(client);
	}
	if (client->phase == PHASE_ORDER) {
		client->moved = ns_add(client->moved, client->order.value);
		/* Do not measure after a slew: at 500 ppm it has hardly begun. */
		return client->action == ACTION_SLEW ? order_bound(client) : start_measuring(client);
	}
	if (client->phase == PHASE_BOUND)
		return over(client, CLIENT_DONE);
	return fail(client, "it sent more after the end of the exchange");
}
