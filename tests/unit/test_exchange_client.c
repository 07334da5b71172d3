/* exchange_client: the host's side against a simulated guest with a clock that can be wrong in every way. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "host/exchange_client.h"
#include "lib/offset_interval.h"
#include "lib/sysclock.h"

struct guest {
	nanoseconds host;		/* the host's clock */
	nanoseconds offset;		/* guest minus host */
	nanoseconds delay;		/* each way, without the next two */
	nanoseconds asymmetry;		/* additional delay on the way there */
	nanoseconds late;		/* additional delay on the way back of each eighth sample: a busy host */
	int64_t drift_ppm;
	nanoseconds undone;		/* another program sets offset to this after a step (INT64_MAX: back); 0: no */
	int steps, slews, bounds, samples;
	nanoseconds told;		/* the last bound received */
	const char *refusal;		/* the reply to a step, instead of "done" ... */
	int steps_allowed;		/* ... after so many steps */
	const char *sync;
	bool still;
	bool raw;			/* it knows the order "raw": its raw clock is the host's, 1000 s behind, ... */
	nanoseconds raw_offset;		/* ... and by this ahead of it */
	int64_t sets;			/* the number of the last set */
	int others, others_from;	/* after so many samples, another host sets its clock right, so many times */
	int stales;			/* orders refused as stale */
	int64_t rate_ppb;		/* the correction in force */
	int rates;
	const char *rate_refusal;	/* the reply to a rate, instead of "done" */
};

#define RAW_BEHIND (1000 * NS_PER_SECOND)

static nanoseconds
guest_clock(const struct guest *guest)
{
	return guest->still ? guest->offset : guest->host + guest->offset;
}

static void
pass(struct guest *guest, nanoseconds time)
{
	guest->host += time;
	guest->offset += time / 1000000 * guest->drift_ppm;
}

static void
answer(struct guest *guest, const struct exchange_order *order, char *line)
{
	nanoseconds before = guest->offset;
	bool raw = order->verb == EXCHANGE_RAW, now = raw || order->verb == EXCHANGE_NOW;
	struct exchange_reply reply = { .kind = raw ? REPLY_RAW : now ? REPLY_NOW : REPLY_DONE };

	if (now)
		assert_int_equal(raw, guest->raw);
	if (guest->others > 0 && guest->samples >= guest->others_from) {
		guest->others--;
		guest->sets += 7;
		guest->offset = 0;
	}
	guest->samples += now;
	/* A guest that knows numbers gets one with each order to move its clock, and another gets none. */
	assert_int_equal(order->numbered, guest->raw && (order->verb == EXCHANGE_STEP || order->verb == EXCHANGE_SLEW ||
	    order->verb == EXCHANGE_RATE));
	if (order->numbered && order->sets != guest->sets) {
		guest->stales++;
		strcpy(line, "no stale the clock was set");
		return;
	}
	switch (order->verb) {
	case EXCHANGE_NOW:
	case EXCHANGE_RAW:
		break;
	case EXCHANGE_STEP:
		if (guest->refusal != NULL && guest->steps >= guest->steps_allowed) {
			strcpy(line, guest->refusal);
			return;
		}
		guest->steps++;
		guest->offset += order->value;
		if (guest->undone != 0)
			guest->offset = guest->undone == INT64_MAX ? before : guest->undone;
		break;
	case EXCHANGE_SLEW:
		guest->slews++;
		break;
	case EXCHANGE_BOUND:
		guest->bounds++;
		guest->told = order->value;
		break;
	case EXCHANGE_RATE:
		if (guest->rate_refusal != NULL) {
			strcpy(line, guest->rate_refusal);
			return;
		}
		guest->rates++;
		/* The order of the rate in force changes nothing. */
		guest->sets -= order->value == guest->rate_ppb;
		guest->rate_ppb = order->value;
		break;
	case EXCHANGE_BYE:
		fail_msg("not an order to expect here");
	}
	reply.time = guest_clock(guest);
	reply.numbered = raw || order->numbered;
	guest->sets += order->numbered;
	reply.sets = guest->sets;
	if (raw) {
		reply.raw = guest->host - RAW_BEHIND + guest->raw_offset;
		reply.tick_us = 10000;
		reply.frequency_ppb = guest->rate_ppb;
		reply.sync = guest->sync != NULL && strcmp(guest->sync, "other") == 0 ? SYNC_OTHER : SYNC_NO;
	}
	exchange_write_reply(&reply, line);
}

static bool
take(struct exchange_client *client, const char *line, size_t length, nanoseconds sent, nanoseconds received)
{
	const struct clock_reading first = { .real = sent, .raw = sent }, last = { .real = received, .raw = received };

	return client_take(client, line, length, &first, &last);
}

static const struct rate unknown;

static void
start(struct exchange_client *client)
{
	client_start(client, &(struct client_task){ .correct = true, .step_back = INT64_MAX, .host_boot = "cd" }, &unknown);
}

/* Runs an exchange to its end, with what RATE has of the guest. */
static struct exchange_client
run_task(struct guest *guest, const struct client_task *task, const struct rate *rate)
{
	struct exchange_client client;
	char line[EXCHANGE_LINE + 1];
	int lines = 0;

	client_start(&client, task, rate);
	snprintf(line, sizeof line, "guestclock 1 boot=ab sync=%s freq=+0.000 tick=10000%s\n",
	    guest->sync != NULL ? guest->sync : "no", guest->raw ? " raw" : "");
	for (;;) {
		nanoseconds sent = guest->host, received;

		if (lines++ > 0) {
			pass(guest, guest->delay + guest->asymmetry);
			answer(guest, &client.order, line);
			pass(guest, guest->delay);
			if (client.order.verb == EXCHANGE_NOW && guest->samples % 8 == 0)
				pass(guest, guest->late);
		}
		received = guest->host;
		if (!take(&client, line, strcspn(line, "\n"), sent, received))
			return client;
		assert_true(lines < 400);
	}
}

static struct exchange_client
run(struct guest *guest, bool correct)
{
	guest->host = INT64_C(1800000000) * NS_PER_SECOND;
	return run_task(guest, &(struct client_task){ .correct = correct, .step_back = INT64_MAX, .host_boot = "cd" }, &unknown);
}

static void
measures(void **unused)
{
	struct guest guest = { .offset = -5 * NS_PER_SECOND, .delay = 20000 };
	struct exchange_client client = run(&guest, false);

	(void)unused;
	assert_int_equal(client.result, CLIENT_DONE);
	assert_int_equal(client.before.offset, -5 * NS_PER_SECOND);
	assert_true(client.before.bound >= 20000 && client.before.bound <= 20010);
	assert_int_equal(client.before.delay, 40000);
	assert_int_equal(guest.steps + guest.slews + guest.bounds, 0);
	assert_true(guest.samples >= CLIENT_SAMPLES_LEAST && guest.samples <= CLIENT_SAMPLES_MOST);
	assert_int_equal(client.order.verb, EXCHANGE_BYE);
	/* All of the delay is on one side: the worst case, in which the bound still holds. */
	guest = (struct guest){ .offset = 12345, .delay = 0, .asymmetry = 40000 };
	client = run(&guest, false);
	assert_true(ns_magnitude(client.before.offset - 12345) <= client.before.bound);
}

static void
steps(void **unused)
{
	static const nanoseconds wrong[] = { -INT64_C(592310418) * NS_PER_SECOND, 30 * NS_PER_SECOND, -400 * NS_PER_MILLISECOND,
		SYSCLOCK_SLEW_BELOW + 100000 };

	(void)unused;
	for (size_t at = 0; at < LENGTH(wrong); at++) {
		struct guest guest = { .offset = wrong[at], .delay = 350000 };
		struct exchange_client client = run(&guest, true);

		assert_int_equal(client.result, CLIENT_DONE);
		assert_int_equal(client.action, ACTION_STEP);
		assert_int_equal(guest.steps, 1);
		assert_int_equal(guest.bounds, 1);
		assert_true(ns_magnitude(guest.offset) <= client.before.bound);
		assert_true(ns_magnitude(client.after.offset - guest.offset) <= client.after.bound);
		/* The bound that the kernel receives covers the true offset. */
		assert_true(guest.told >= ns_magnitude(guest.offset));
	}
}

static void
slews_and_leaves_alone(void **unused)
{
	struct guest guest = { .offset = 50 * NS_PER_MILLISECOND, .delay = 20000 };
	struct exchange_client client = run(&guest, true);

	(void)unused;
	assert_int_equal(client.action, ACTION_SLEW);
	assert_int_equal(guest.slews, 1);
	assert_int_equal(guest.steps, 0);
	assert_true(guest.told >= 50 * NS_PER_MILLISECOND);
	assert_int_equal(client.after.offset, client.before.offset);
	guest = (struct guest){ .offset = 15000, .delay = 20000 };
	client = run(&guest, true);
	assert_int_equal(client.action, ACTION_NONE);
	assert_int_equal(guest.slews + guest.steps, 0);
	assert_int_equal(guest.bounds, 1);
}

static void
respects_another_service(void **unused)
{
	struct guest guest = { .offset = 900 * NS_PER_MILLISECOND, .delay = 20000, .sync = "other" };
	struct exchange_client client = run(&guest, true);

	(void)unused;
	assert_int_equal(client.action, ACTION_OTHER_SERVICE);
	assert_int_equal(guest.steps + guest.slews + guest.bounds, 0);
	guest = (struct guest){ .offset = 1100 * NS_PER_MILLISECOND, .delay = 20000, .sync = "other" };
	client = run(&guest, true);
	assert_int_equal(client.action, ACTION_STEP);
	guest = (struct guest){ .offset = 900 * NS_PER_MILLISECOND, .delay = 20000, .sync = "guestclock" };
	client = run(&guest, true);
	assert_int_equal(client.action, ACTION_STEP);
}

static void
clock_that_drifts(void **unused)
{
	static const int64_t drifts[] = { 740, -740, 10000, -10000, 100000, -100000 };

	(void)unused;
	for (size_t at = 0; at < LENGTH(drifts); at++) {
		struct guest guest = { .offset = 30 * NS_PER_SECOND, .delay = 350000, .drift_ppm = drifts[at] };
		struct exchange_client client = run(&guest, true);

		assert_int_equal(client.result, CLIENT_DONE);
		assert_true(ns_magnitude(guest.offset) < 5 * NS_PER_MILLISECOND);
	}
}

static void
clock_that_does_not_stay_set(void **unused)
{
	struct guest guest = { .offset = 30 * NS_PER_SECOND, .delay = 20000, .undone = INT64_MAX };
	struct exchange_client client = run(&guest, true);

	(void)unused;
	assert_int_equal(client.result, CLIENT_FAILED);
	assert_non_null(strstr(client.text, "does not stay"));
	assert_int_equal(guest.steps, CLIENT_ROUNDS);
	/* A host that reads late must not conclude that the guest's clock stands still. */
	guest = (struct guest){ .offset = 30 * NS_PER_SECOND, .delay = 20000, .undone = INT64_MAX, .late = 100000 };
	client = run(&guest, true);
	assert_non_null(strstr(client.text, "does not stay"));
	/* Every step misses its target: try as often as possible. */
	guest = (struct guest){ .offset = 30 * NS_PER_SECOND, .delay = 20000, .undone = 100000 };
	client = run(&guest, true);
	assert_int_equal(guest.steps, CLIENT_ROUNDS);
}

static void
step_that_is_refused(void **unused)
{
	struct guest guest = { .offset = 30 * NS_PER_SECOND, .delay = 20000, .refusal = "no too-far-back the limit is 5 s" };
	struct exchange_client client = run(&guest, true);

	(void)unused;
	assert_int_equal(client.result, CLIENT_REFUSED);
	assert_string_equal(client.text, "too-far-back the limit is 5 s");
	/* Another program undoes the first step, and the guest refuses the second. */
	guest = (struct guest){ .offset = 30 * NS_PER_SECOND, .delay = 20000, .refusal = "no too-far the limit is 50 s",
		.steps_allowed = 1, .undone = INT64_MAX };
	client = run(&guest, true);
	assert_int_equal(client.result, CLIENT_REFUSED);
	assert_non_null(strstr(client.text, "s off and a step was ordered) too-far the limit is 50 s"));
}

/* An exchange after the greeting and after LINE as the answer to the first question. */
static struct exchange_client
after_greeting(const char *line, nanoseconds sent, nanoseconds received)
{
	static const char greeting[] = "guestclock 1 boot=- sync=no freq=+0.000 tick=10000";
	struct exchange_client client;

	start(&client);
	assert_true(take(&client, greeting, strlen(greeting), 0, 0));
	assert_int_equal(client.order.verb, EXCHANGE_NOW);
	if (take(&client, line, strlen(line), sent, received))
		assert_true(client.result == CLIENT_UNFINISHED);
	return client;
}

static void
faulty_replies_and_clocks(void **unused)
{
	static const char *const bad[] = { "", "done 1.000000000", "now", "now 1", "now 9999999999999999999.000000000",
		"guestclock 1 boot=- sync=no freq=+0.000 tick=10000", "\x1b[2J", "bash: exchange: command not found" };
	static const char *const greetings[] = { "", "Last login: Mon", "guestclock 2 boot=- sync=no freq=+0.000 tick=10000",
		"guestclock 1" };
	char line[400];
	struct exchange_client client;

	(void)unused;
	for (size_t at = 0; at < LENGTH(bad); at++) {
		client = after_greeting(bad[at], 0, 1000);
		assert_int_equal(client.result, CLIENT_FAILED);
		assert_true(client.text[0] != '\0');
		for (const char *text = client.text; *text != '\0'; text++)
			assert_true(*text >= ' ' && *text <= '~');
	}
	for (size_t at = 0; at < LENGTH(greetings); at++) {
		start(&client);
		assert_false(take(&client, greetings[at], strlen(greetings[at]), 0, 0));
		assert_int_equal(client.result, CLIENT_FAILED);
	}
	memset(line, 'a', sizeof line);
	start(&client);
	assert_false(take(&client, line, 255, 0, 0));
	/* First the guest's clock goes back between samples, then the host's own clock does. */
	client = after_greeting("now 100.000000000", 0, 1000);
	assert_int_equal(client.result, CLIENT_UNFINISHED);
	assert_false(take(&client, "now 99.999999999", 16, 2000, 3000));
	assert_non_null(strstr(client.text, "went back"));
	client = after_greeting("now 100.000000000", 1000, 0);
	assert_int_equal(client.result, CLIENT_FAILED);
	/* An hour is a valid round trip; more is not, even if the other samples have small bounds. */
	client = after_greeting("now 100.000000000", 0, CLIENT_LONGEST);
	assert_int_equal(client.result, CLIENT_UNFINISHED);
	assert_int_equal(client.best.bound, CLIENT_LONGEST / 2 + 2);
	client = after_greeting("now 100.000000000", 0, CLIENT_LONGEST + 1);
	assert_int_equal(client.result, CLIENT_FAILED);
	assert_non_null(strstr(client.text, "this host's own clock was set forward"));
	/* The host's clock is set forward by 73 years between a question and its answer: that is no measurement. */
	client = after_greeting("now 100.000000000", 0, INT64_C(73) * 31556952 * NS_PER_SECOND);
	assert_int_equal(client.result, CLIENT_FAILED);
	assert_non_null(strstr(client.text, "this host's own clock was set forward"));
	assert_int_equal(client.order.verb, EXCHANGE_BYE);
	client = after_greeting("now 100.000000000", INT64_MIN, INT64_MAX);
	assert_int_equal(client.result, CLIENT_FAILED);
	/* The ends of the range do not overflow. */
	client = after_greeting("now 9223372036.854775807", -INT64_MAX / 2, -INT64_MAX / 2 + 1000);
	assert_int_equal(client.result, CLIENT_UNFINISHED);
	assert_int_equal(client.best.offset, INT64_MAX);
}

static void
clock_that_stands_still(void **unused)
{
	struct guest guest = { .offset = INT64_C(1203108540) * NS_PER_SECOND, .delay = 300000, .still = true };
	struct exchange_client client = run(&guest, true);

	(void)unused;
	/* A clock that stands still is set, and is right to within the time that passed. */
	assert_int_equal(guest.steps > 0, 1);
	assert_int_equal(client.result, CLIENT_FAILED);
	assert_non_null(strstr(client.text, "stands still"));
	assert_true(ns_magnitude(guest_clock(&guest) - guest.host) < 100 * NS_PER_MILLISECOND);
}

static void
raw_clock(void **unused)
{
	struct guest guest = { .offset = -5 * NS_PER_SECOND, .delay = 20000, .asymmetry = 30000, .raw = true, .sets = 42 };
	struct exchange_client client = run(&guest, true);
	const struct raw_sample *raw = &client.best_raw;

	(void)unused;
	assert_int_equal(client.result, CLIENT_DONE);
	assert_int_equal(guest.steps, 1);
	assert_int_equal(guest.stales, 0);
	assert_int_equal(client.sets, 43);
	/* A check has the sample of the clock as it was. */
	guest = (struct guest){ .offset = -5 * NS_PER_SECOND, .delay = 20000, .asymmetry = 30000, .raw = true, .sets = 42 };
	client = run(&guest, false);
	assert_int_equal(raw->reply.sets, 42);
	assert_true(ns_magnitude(raw->reply.raw + RAW_BEHIND - raw->time) <= raw->bound);
	assert_int_equal(raw->bound, client.before.bound);
	/* A guest without it is handled without. */
	guest = (struct guest){ .offset = -5 * NS_PER_SECOND, .delay = 20000 };
	client = run(&guest, true);
	assert_int_equal(guest.steps, 1);
	assert_int_equal(client.best_raw.reply.kind, REPLY_NOW);
}

static void
another_host_sets_the_clock(void **unused)
{
	(void)unused;
	/* In the middle of the samples, and between the last sample and the order; a step and a slew. */
	for (int at = 2; at <= 2 * CLIENT_SAMPLES_LEAST + 1; at++) {
		nanoseconds wrong = (at % 2 == 0 ? 5000 : 50) * NS_PER_MILLISECOND;
		struct guest guest = { .offset = wrong, .delay = 20000, .raw = true, .others = 1, .others_from = at / 2 };
		struct exchange_client client = run(&guest, true);

		assert_int_equal(client.result, CLIENT_DONE);
		assert_int_equal(client.action, ACTION_NONE);
		assert_int_equal(client.stale, 1);
		assert_int_equal(guest.stales, at / 2 == CLIENT_SAMPLES_LEAST);
		assert_int_equal(guest.slews + guest.steps + guest.others, 0);
		assert_int_equal(client.before.offset, client.after.offset);
		assert_true(ns_magnitude(client.before.offset) <= client.before.bound);
	}
	/* Again and again: the host gives up. */
	struct guest guest = { .offset = 5 * NS_PER_SECOND, .delay = 20000, .raw = true, .others = 1000, .others_from = 1 };
	struct exchange_client client = run(&guest, true);

	assert_int_equal(client.result, CLIENT_DONE);
	assert_int_equal(guest.steps, 0);
	assert_int_equal(client.stale, CLIENT_STALE);
}

/* A step leaves the clock ahead, --step-back makes the second correction a slew, and the guest refuses it as stale. */
static void
slew_after_a_step_is_stale(void **unused)
{
	const struct client_task task = { .correct = true, .step_back = 0, .host_boot = "cd" };
	struct guest guest = { .host = INT64_C(1800000000) * NS_PER_SECOND, .offset = -5 * NS_PER_SECOND, .delay = 20000, .raw = true,
		.undone = 50 * NS_PER_MILLISECOND, .others = 1, .others_from = 2 * CLIENT_SAMPLES_LEAST };
	struct exchange_client client = run_task(&guest, &task, &unknown);

	(void)unused;
	assert_int_equal(client.result, CLIENT_DONE);
	assert_int_equal(guest.steps, 1);
	assert_int_equal(guest.stales, 1);
	assert_int_equal(guest.slews, 0);
	assert_int_equal(client.action, ACTION_STEP);
	assert_true(ns_magnitude(client.after.offset) <= client.after.bound);
}

/* Answers of a guest that has "raw" which do not fit the order, and one that is always stale. */
static void
numbers(void **unused)
{
	static const char greeting[] = "guestclock 1 boot=- sync=no freq=+0.000 tick=10000 raw";
	static const char *const bad[] = { "now 1.000000000", "done 1.000000000", "done 1.000000000 1", "raw 1.000000000" };
	static const char raw[] = "raw 100.000000000 5.000000000 7 +0.000 10000 +0.000000000 no 16.000000000";
	static const char *const wrong[] = { "done 1.000000000", raw, "now 1.000000000" };
	struct exchange_client client;

	(void)unused;
	for (size_t at = 0; at < LENGTH(bad); at++) {
		start(&client);
		assert_true(take(&client, greeting, strlen(greeting), 0, 0));
		assert_int_equal(client.order.verb, EXCHANGE_RAW);
		assert_false(take(&client, bad[at], strlen(bad[at]), 0, 1000));
		assert_int_equal(client.result, CLIENT_FAILED);
	}
	for (size_t at = 0; at <= LENGTH(wrong); at++) {
		int lines = 0, orders = 0;
		bool going_on;

		start(&client);
		going_on = take(&client, greeting, strlen(greeting), 0, 0);
		while (going_on && lines++ < 400) {
			bool step = client.order.verb == EXCHANGE_STEP;
			const char *line = client.order.verb == EXCHANGE_RATE ? "done 1.000000000 7" : !step ? raw : at < LENGTH(wrong) ? wrong[at] : "no stale x";

			assert_true(!step || (client.order.numbered && client.order.sets == 7));
			orders += step;
			going_on = take(&client, line, strlen(line), 0, 1000);
		}
		assert_int_equal(client.result, at < LENGTH(wrong) ? CLIENT_FAILED : CLIENT_REFUSED);
		assert_int_equal(orders, at < LENGTH(wrong) ? 1 : 1 + CLIENT_STALE);
	}
	assert_string_equal(client.text, "stale x");
}

/* The guest's clocks run on for TIME: both by its own rate, and the real-time clock by its correction as well. */
static void
pass_at_rate(struct guest *guest, nanoseconds time, int64_t ppm)
{
	guest->host += time;
	guest->raw_offset += time / 1000000 * ppm;
	guest->offset += time / 1000000 * ppm + time / 1000000000 * guest->rate_ppb;
}

/* Syncs a guest that runs 740 ppm slow COUNT times, 20 s apart.  Returns the largest offset from the fourth on. */
static nanoseconds
sync_slow_guest(struct guest *guest, const struct client_task *task, struct rate *rate, int count)
{
	nanoseconds worst = 0;

	for (int at = 0; at < count; at++) {
		struct exchange_client client = run_task(guest, task, rate);

		assert_true(client.result == CLIENT_DONE && client.looked);
		/* The guest would end a rate that a session does not order. */
		assert_int_equal(client.rated, !task->no_rate && guest->sync == NULL && guest->rate_refusal == NULL);
		if (at >= 3 && ns_magnitude(client.before.offset) > worst)
			worst = ns_magnitude(client.before.offset);
		rate_note(&client.rate, client.moved, client.rated, client.verdict.order_ppb);
		*rate = client.rate;
		/* A slew is over by then. */
		if (client.action == ACTION_SLEW)
			guest->offset += client.moved;
		pass_at_rate(guest, 20 * NS_PER_SECOND, -740);
	}
	return worst;
}

static void
orders_the_rate(void **unused)
{
	const struct client_task task = { .correct = true, .step_back = INT64_MAX, .host_boot = "cd" };
	const struct client_task no_rate = { .correct = true, .no_rate = true, .step_back = INT64_MAX, .host_boot = "cd" };
	struct guest guest = { .host = INT64_C(1800000000) * NS_PER_SECOND, .offset = -32 * NS_PER_SECOND, .delay = 20000, .raw = true };
	const struct guest fresh = guest;
	struct exchange_client client;
	struct rate rate = unknown;

	(void)unused;
	assert_true(sync_slow_guest(&guest, &task, &rate, 12) < 100 * NS_PER_MICROSECOND);
	assert_true(ns_magnitude(guest.rate_ppb - 740548) < 2000);
	assert_int_equal(guest.rates, 12);
	/* The guest ends the rate at a sync with --no-rate.  The next one does not take that for somebody else's rate. */
	client = run_task(&guest, &no_rate, &rate);
	rate_note(&client.rate, client.moved, client.rated, client.verdict.order_ppb);
	guest.rate_ppb = 0;
	client = run_task(&guest, &no_rate, &client.rate);
	assert_int_equal(client.verdict.event, RATE_EVENT_NONE);
	/* With --no-rate, and while the guest refuses rates, its clock is corrected all the same. */
	guest = fresh;
	rate = unknown;
	assert_true(sync_slow_guest(&guest, &no_rate, &rate, 12) < 16 * NS_PER_MILLISECOND);
	assert_int_equal(guest.rates, 0);
	guest = fresh;
	guest.rate_refusal = "no too-far the rate would be larger than --max-rate";
	rate = unknown;
	assert_true(sync_slow_guest(&guest, &task, &rate, 12) < 16 * NS_PER_MILLISECOND);
	assert_true(guest.steps > 10);
	/* Another time service keeps this clock: it gets no rate. */
	guest = fresh;
	guest.offset = 0;
	guest.sync = "other";
	rate = unknown;
	sync_slow_guest(&guest, &task, &rate, 6);
	assert_int_equal(guest.rates + guest.steps + guest.slews, 0);
}

/* A rate that is not carried out, for whatever reason, keeps no clock wrong; only a limit of the guest's is an event. */
static void
rates_that_fail(void **unused)
{
	static const struct {
		const char *reply;
		int stale;
		enum rate_event event;
	} cases[] = {
		{ "no busy another request is setting the clock", CLIENT_STALE, RATE_EVENT_NONE },
		{ "no failed Operation not permitted", 0, RATE_EVENT_NONE },
		{ "no stale the clock was set", CLIENT_STALE, RATE_EVENT_NONE },
		{ "no too-far the rate would be larger than --max-rate", 0, RATE_EVENT_REFUSED },
	};

	(void)unused;
	for (size_t at = 0; at < LENGTH(cases); at++) {
		const struct client_task task = { .correct = true, .step_back = INT64_MAX, .host_boot = "cd" };
		struct guest guest = { .host = INT64_C(1800000000) * NS_PER_SECOND, .delay = 20000, .raw = true };
		struct rate rate = unknown;
		struct exchange_client client;

		sync_slow_guest(&guest, &task, &rate, 2);
		guest.rate_refusal = cases[at].reply;
		client = run_task(&guest, &task, &rate);
		assert_int_equal(client.result, CLIENT_DONE);
		assert_false(client.rated);
		assert_int_equal(client.stale, cases[at].stale);
		assert_int_equal(client.verdict.event, cases[at].event);
		/* 14.8 ms in 20 s: a clock that drifts so fast is stepped. */
		assert_int_equal(client.action, ACTION_STEP);
		assert_true(ns_magnitude(guest.offset) < 100 * NS_PER_MICROSECOND);
	}
}

/* The guest's --max-rate is lowered below the rate that is in force: this run says so, although it orders no other rate. */
static void
rate_in_force_is_refused(void **unused)
{
	const struct client_task task = { .correct = true, .step_back = INT64_MAX, .host_boot = "cd" };
	struct guest guest = { .host = INT64_C(1800000000) * NS_PER_SECOND, .delay = 20000, .raw = true };
	struct rate rate = unknown;
	struct exchange_client client;

	(void)unused;
	sync_slow_guest(&guest, &task, &rate, 12);
	guest.rate_refusal = "no too-far the rate would be larger than --max-rate";
	client = run_task(&guest, &task, &rate);
	assert_false(client.verdict.order_rate);
	assert_int_equal(client.verdict.event, RATE_EVENT_REFUSED);
	/* A rate that no order of this host's has set is not this host's to keep: its refusal changes nothing. */
	guest.rate_ppb = 0;
	client = run_task(&guest, &task, &unknown);
	assert_int_equal(client.verdict.event, RATE_EVENT_NONE);
}

static void
steps_back_within_a_limit(void **unused)
{
	static const struct {
		nanoseconds limit, offset;
		enum client_result result;
		enum client_action action;
	} cases[] = {
		{ INT64_MAX, 3600 * NS_PER_SECOND, CLIENT_DONE, ACTION_STEP },
		{ 2 * NS_PER_SECOND, 2 * NS_PER_SECOND, CLIENT_DONE, ACTION_STEP },
		{ 2 * NS_PER_SECOND, 2 * NS_PER_SECOND + NS_PER_MILLISECOND, CLIENT_FAILED, ACTION_NONE },
		{ 0, NS_PER_SECOND - NS_PER_MILLISECOND, CLIENT_DONE, ACTION_SLEW },
		{ 0, NS_PER_SECOND + NS_PER_MILLISECOND, CLIENT_FAILED, ACTION_NONE },
		{ 0, 50 * NS_PER_MILLISECOND, CLIENT_DONE, ACTION_SLEW },
		{ 0, -3600 * NS_PER_SECOND, CLIENT_DONE, ACTION_STEP },
	};

	(void)unused;
	for (size_t at = 0; at < 2 * LENGTH(cases); at++) {
		struct client_task task = { .correct = true, .step_back = cases[at / 2].limit, .host_boot = "cd" };
		struct guest guest = { .host = INT64_C(1800000000) * NS_PER_SECOND, .offset = cases[at / 2].offset, .delay = 20000,
			.raw = at % 2 == 1 };
		struct exchange_client client = run_task(&guest, &task, &unknown);

		assert_int_equal(client.result, cases[at / 2].result);
		assert_int_equal(client.action, cases[at / 2].action);
		assert_int_equal(guest.steps + guest.slews, client.action != ACTION_NONE);
		assert_int_equal(client.result == CLIENT_FAILED, strstr(client.text, " s ahead, and --step-back allows ") != NULL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measures),
		cmocka_unit_test(steps),
		cmocka_unit_test(slews_and_leaves_alone),
		cmocka_unit_test(respects_another_service),
		cmocka_unit_test(clock_that_drifts),
		cmocka_unit_test(clock_that_does_not_stay_set),
		cmocka_unit_test(step_that_is_refused),
		cmocka_unit_test(faulty_replies_and_clocks),
		cmocka_unit_test(clock_that_stands_still),
		cmocka_unit_test(raw_clock),
		cmocka_unit_test(another_host_sets_the_clock),
		cmocka_unit_test(slew_after_a_step_is_stale),
		cmocka_unit_test(numbers),
		cmocka_unit_test(orders_the_rate),
		cmocka_unit_test(rates_that_fail),
		cmocka_unit_test(rate_in_force_is_refused),
		cmocka_unit_test(steps_back_within_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
