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
};

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
	struct exchange_reply reply = { .kind = order->verb == EXCHANGE_NOW ? REPLY_NOW : REPLY_DONE };

	switch (order->verb) {
	case EXCHANGE_NOW:
		guest->samples++;
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
	case EXCHANGE_RAW:
	case EXCHANGE_RATE:
	case EXCHANGE_BYE:
		fail_msg("not an order to expect here");
	}
	reply.time = guest_clock(guest);
	exchange_write_reply(&reply, line);
}

/* Runs an exchange to its end. */
static struct exchange_client
run(struct guest *guest, bool correct)
{
	struct exchange_client client;
	char line[EXCHANGE_LINE + 1];
	int lines = 0;

	guest->host = INT64_C(1800000000) * NS_PER_SECOND;
	client_start(&client, correct);
	snprintf(line, sizeof line, "guestclock 1 boot=ab sync=%s freq=+0.000 tick=10000\n",
	    guest->sync != NULL ? guest->sync : "no");
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
		if (!client_take(&client, line, strcspn(line, "\n"), sent, received))
			return client;
		assert_true(lines < 400);
	}
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

	client_start(&client, true);
	assert_true(client_take(&client, greeting, strlen(greeting), 0, 0));
	assert_int_equal(client.order.verb, EXCHANGE_NOW);
	if (client_take(&client, line, strlen(line), sent, received))
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
		client_start(&client, true);
		assert_false(client_take(&client, greetings[at], strlen(greetings[at]), 0, 0));
		assert_int_equal(client.result, CLIENT_FAILED);
	}
	memset(line, 'a', sizeof line);
	client_start(&client, true);
	assert_false(client_take(&client, line, 255, 0, 0));
	/* First the guest's clock goes back between samples, then the host's own clock does. */
	client = after_greeting("now 100.000000000", 0, 1000);
	assert_int_equal(client.result, CLIENT_UNFINISHED);
	assert_false(client_take(&client, "now 99.999999999", 16, 2000, 3000));
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
