/* rate and rate_text: a model of two machines whose clocks the estimator looks at. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "host/rate_text.h"

#define SECOND NS_PER_SECOND
#define MS NS_PER_MILLISECOND
#define US NS_PER_MICROSECOND
#define PPM INT64_C(1000)	/* in parts per 10^9 */

/* A guest, its host, and what the estimator said last. */
struct model {
	struct rate rate;
	struct rate_verdict said;
	struct rate_sample sample;
	int64_t f_ppb, host_ppb;	/* rates: the guest's raw clock, the host's correction */
	uint32_t random;
	int orders;
};

/* An error of the guest's reading, anywhere within BOUND. */
static nanoseconds
error(struct model *model, nanoseconds bound)
{
	model->random = model->random * 1664525 + 1013904223;
	return (nanoseconds)(model->random >> 8) % (2 * bound + 1) - bound;
}

static struct model
new_model(int64_t f_ppb, nanoseconds offset, nanoseconds bound)
{
	struct model model = { .f_ppb = f_ppb, .sample = { .host_raw = 1000 * SECOND, .host_real = 1800000000 * SECOND,
		.guest_raw = 400 * SECOND, .guest_real = 1800000000 * SECOND + offset, .bound = bound,
		.may_order_rate = true, .host_boot = "host", .guest_boot = "a" } };

	return model;
}

static nanoseconds
part(nanoseconds time, int64_t ppb)
{
	/* Times of a test are below 9 * 10^4 s, and rates below 10 %: no overflow. */
	return time / 1000 * ppb / 1000000;
}

/* Lets the clocks run for TIME of the host's raw clock. */
static void
run(struct model *model, nanoseconds time)
{
	struct rate_sample *sample = &model->sample;
	nanoseconds raw = time + part(time, model->f_ppb), most = raw / 2000;
	nanoseconds slewed = ns_magnitude(sample->slew_left) < most ? sample->slew_left :
	    sample->slew_left < 0 ? -most : most;

	sample->host_raw += time;
	sample->host_real += time + part(time, model->host_ppb);
	sample->guest_raw += raw;
	sample->guest_real += raw + part(raw, sample->rate_ppb) + slewed;
	sample->slew_left -= slewed;
}

/* Looks, and obeys.  Returns the event. */
static enum rate_event
look(struct model *model)
{
	struct rate_sample sample = model->sample;
	nanoseconds wrong = error(model, sample.bound), offset = sample.guest_real - sample.host_real;
	const struct rate_verdict *said = &model->said;
	struct rate back;
	char text[RATE_TEXT], again[RATE_TEXT];
	size_t length;

	sample.guest_raw += wrong;
	sample.guest_real += wrong;
	assert_true(rate_look(&model->rate, &sample, &model->said));
	assert_in_range(said->event, RATE_EVENT_NONE, RATE_EVENTS - 1);
	if (said->event != RATE_EVENT_RATE_CHANGE) {
		assert_true(said->low <= offset + 2 && said->high >= offset - 2);
		assert_true(said->high - said->low <= 2 * (sample.bound + sample.bound / 7 + 2));
	}
	if (said->order == RATE_STEP) {
		model->sample.guest_real += said->correction;
		model->sample.slew_left = 0;
	} else if (said->order == RATE_SLEW)
		model->sample.slew_left = said->correction;
	if (said->order_rate)
		model->sample.rate_ppb = said->order_ppb;
	else
		assert_int_equal(said->order_ppb, sample.rate_ppb);
	if (said->order != RATE_LEAVE || said->order_rate) {
		model->orders++;
		model->sample.sets++;
	}
	rate_note(&model->rate, said->correction, sample.may_order_rate && !said->left_alone, said->order_ppb);
	/* The next look finds the state as a file would have kept it. */
	length = rate_format(&model->rate, text);
	assert_in_range(length, 1, RATE_TEXT - 1);
	assert_true(rate_parse(text, length, &back));
	assert_int_equal(rate_format(&back, again), length);
	assert_string_equal(again, text);
	model->rate = back;
	return said->event;
}

static void
looks(struct model *model, int count, nanoseconds every)
{
	while (count-- > 0) {
		run(model, every);
		assert_int_equal(look(model), RATE_EVENT_NONE);
	}
}

static void
assert_near(int64_t value, int64_t expected, int64_t within)
{
	if (ns_magnitude(value - expected) > within)
		fail_msg("%lld is not within %lld of %lld", (long long)value, (long long)within, (long long)expected);
}

static void
learns(void **unused)
{
	struct model model = new_model(-740 * PPM, -32 * SECOND, 300 * US);

	(void)unused;
	look(&model);
	assert_int_equal(model.said.order, RATE_STEP);
	assert_near(model.said.correction, 32 * SECOND, 300 * US);
	assert_false(model.said.has_rate);
	/* The second look steps 222 ms; the third orders the rate as well.  From then on the clock is right. */
	looks(&model, 1, 300 * SECOND);
	assert_true(!model.said.order_rate && model.said.has_rate);
	assert_int_equal(model.said.order, RATE_STEP);
	looks(&model, 1, 300 * SECOND);
	assert_true(model.said.order_rate);
	assert_near(model.said.rate_ppb, -740 * PPM, 2 * PPM);
	assert_near(model.said.order_ppb, 740548, 2 * PPM);
	assert_int_equal(model.said.order, RATE_STEP);
	looks(&model, 100, 300 * SECOND);
	assert_near(model.said.offset, 0, 30 * US);
	assert_near(model.said.rate_ppb, -740 * PPM, 20);
	assert_near(model.sample.guest_real - model.sample.host_real, 0, 30 * US);
	assert_true(model.said.rate_low_ppb <= -740 * PPM && model.said.rate_high_ppb >= -740 * PPM);
	assert_int_equal(model.said.since, 1000 * SECOND);
}

static void
orders_exactly(void **unused)
{
	/* The correction for a raw rate of -1 % is not 1 %; the host's own correction counts as well. */
	struct model model = new_model(-10000 * PPM, 0, 10 * US);

	(void)unused;
	model.host_ppb = 50 * PPM;
	look(&model);
	looks(&model, 50, 300 * SECOND);
	assert_near(model.sample.rate_ppb, 10151515, 20);
	/* No kernel carries more than 10 %. */
	model = new_model(-110000 * PPM, 0, 10 * US);
	look(&model);
	looks(&model, 2, 300 * SECOND);
	assert_int_equal(model.sample.rate_ppb, RATE_MOST_PPB);
}

static void
leaves_right_guest(void **unused)
{
	struct model model = new_model(0, 0, 300 * US);

	(void)unused;
	look(&model);
	looks(&model, 2000, 300 * SECOND);
	assert_int_equal(model.orders, 0);
}

static void
keeps_rate(void **unused)
{
	struct model model = new_model(-740 * PPM, 0, 300 * US), before;

	(void)unused;
	look(&model);
	looks(&model, 50, 300 * SECOND);
	before = model;

	/* A pause: the host's clocks run on.  The guest is stepped, though it is only a little behind. */
	run(&model, 100 * SECOND);
	model.sample.host_raw += 50 * MS;
	model.sample.host_real += 50 * MS;
	run(&model, 200 * SECOND);
	assert_int_equal(look(&model), RATE_EVENT_PAUSE);
	assert_int_equal(model.said.order, RATE_STEP);
	assert_near(model.said.rate_ppb, -740 * PPM, PPM / 2);
	/* Another right after it; then a long one. */
	for (int pause = 1; pause <= 2; pause++) {
		run(&model, 300 * SECOND);
		model.sample.host_raw += pause * 10000 * SECOND;
		model.sample.host_real += pause * 10000 * SECOND;
		assert_int_equal(look(&model), RATE_EVENT_PAUSE);
		assert_near(model.said.rate_ppb, -740 * PPM, PPM / 2);
		assert_int_equal(model.said.order, RATE_STEP);
	}
	looks(&model, 5, 300 * SECOND);

	/* The host slept: the guest's raw clock leaps forward. */
	run(&model, 300 * SECOND);
	model.sample.guest_raw += 60 * SECOND;
	model.sample.guest_real += 60 * SECOND;
	assert_int_equal(look(&model), RATE_EVENT_AHEAD);
	assert_near(model.said.rate_ppb, -740 * PPM, PPM / 2);

	/* A snapshot of long ago: the guest's clocks, number of sets and rate go back. */
	run(&model, 10 * SECOND);
	model.sample.guest_raw = 401 * SECOND;
	model.sample.guest_real = before.sample.guest_real - 9000 * SECOND;
	model.sample.rate_ppb = 0;
	model.sample.sets = 0;
	assert_int_equal(look(&model), RATE_EVENT_RESTORE);
	assert_true(model.said.order_rate);
	assert_near(model.said.order_ppb, 740548, PPM / 2);

	/* A snapshot of this boot that only the number of sets betrays. */
	looks(&model, 2, 300 * SECOND);
	run(&model, 300 * SECOND);
	model.sample.sets -= 2;
	assert_int_equal(look(&model), RATE_EVENT_RESTORE);

	/* A reboot. */
	run(&model, 300 * SECOND);
	model.sample.guest_boot = "b";
	model.sample.guest_raw = 20 * SECOND;
	model.sample.rate_ppb = model.sample.sets = 0;
	assert_int_equal(look(&model), RATE_EVENT_REBOOT);
	assert_true(model.said.order_rate);
	assert_near(model.said.order_ppb, 740548, PPM / 2);

	/* The host's. */
	run(&model, 300 * SECOND);
	model.sample.host_boot = "another";
	model.sample.host_raw = 30 * SECOND;
	assert_int_equal(look(&model), RATE_EVENT_NONE);
	assert_near(model.said.rate_ppb, -740 * PPM, PPM / 2);
	looks(&model, 5, 300 * SECOND);
}

static void
drops_rate(void **unused)
{
	static const int64_t changes[] = { 15 * PPM, -15 * PPM, 300 * PPM, -5000 * PPM };

	(void)unused;
	for (size_t at = 0; at < sizeof changes / sizeof *changes; at++) {
		struct model model = new_model(0, 0, 30 * US);
		enum rate_event event;

		look(&model);
		looks(&model, 50, 300 * SECOND);
		run(&model, 100 * SECOND);
		model.f_ppb += changes[at];
		run(&model, 200 * SECOND);
		/* One look is not enough; then two slopes have to agree, or at least their sign if the change is small. */
		event = look(&model);
		assert_int_equal(event, changes[at] > 0 ? RATE_EVENT_AHEAD : RATE_EVENT_PAUSE);
		assert_near(model.said.rate_ppb, 0, PPM / 2);
		run(&model, 300 * SECOND);
		event = look(&model);
		if (ns_magnitude(changes[at]) > 50 * PPM) {
			assert_int_equal(event, changes[at] > 0 ? RATE_EVENT_AHEAD : RATE_EVENT_PAUSE);
			run(&model, 300 * SECOND);
			event = look(&model);
		}
		assert_int_equal(event, RATE_EVENT_RATE_CHANGE);
		assert_near(model.said.rate_ppb, changes[at], PPM / 2);
		looks(&model, 20, 300 * SECOND);
		assert_near(model.said.offset, 0, 30 * US);
	}
}

/* A rate that wanders is followed without an event. */
static void
wanders(void **unused)
{
	struct model model = new_model(50 * PPM, 0, 30 * US);

	(void)unused;
	look(&model);
	for (int at = 0; at < 300; at++) {
		model.f_ppb += 20;
		run(&model, 300 * SECOND);
		assert_int_equal(look(&model), RATE_EVENT_NONE);
	}
	assert_near(model.said.rate_ppb, model.f_ppb, 200);
	assert_true(model.said.since > 80000 * SECOND);
}

static void
sees_others(void **unused)
{
	struct model model = new_model(100 * PPM, 0, 300 * US);

	(void)unused;
	look(&model);
	looks(&model, 30, 300 * SECOND);
	/* Somebody sets the clock. */
	run(&model, 300 * SECOND);
	model.sample.guest_real -= 70 * MS;
	assert_int_equal(look(&model), RATE_EVENT_FOREIGN_SET);
	assert_int_equal(model.said.order, RATE_SLEW);
	/* The slew is under way for 140 s, and is not ordered again. */
	run(&model, 60 * SECOND);
	assert_int_equal(look(&model), RATE_EVENT_NONE);
	assert_int_equal(model.said.order, RATE_LEAVE);
	/* This host sets its own: the guest follows, and nobody is blamed. */
	run(&model, 300 * SECOND);
	model.sample.host_real += 2 * SECOND;
	assert_int_equal(look(&model), RATE_EVENT_NONE);
	assert_int_equal(model.said.order, RATE_STEP);
	assert_near(model.said.correction, 2 * SECOND, MS);
	assert_near(model.sample.rate_ppb, -100 * PPM, PPM);
	/* Somebody sets the rate: it is ordered again twice, and then left. */
	for (int at = 1; at <= 4; at++) {
		model.sample.rate_ppb = 0;
		run(&model, 300 * SECOND);
		assert_int_equal(look(&model), RATE_EVENT_FOREIGN_RATE);
		assert_int_equal(model.said.order_rate, at < 3);
		assert_int_equal(model.said.left_alone, at >= 3);
	}
}

/* Somebody's rate that may be right is kept, and reported once. */
static void
keeps_a_foreign_rate_that_may_be_right(void **unused)
{
	struct model model = new_model(100 * PPM, 0, 300 * US);
	int64_t ordered;

	(void)unused;
	look(&model);
	looks(&model, 30, 300 * SECOND);
	ordered = model.sample.rate_ppb;
	model.sample.rate_ppb += 3;
	run(&model, 300 * SECOND);
	assert_int_equal(look(&model), RATE_EVENT_FOREIGN_RATE);
	assert_false(model.said.order_rate);
	assert_int_equal(model.sample.rate_ppb, ordered + 3);
	looks(&model, 3, 300 * SECOND);
	assert_int_equal(model.sample.rate_ppb, ordered + 3);
}

/* A rate that was left alone is ordered again after many looks. */
static void
tries_again(void **unused)
{
	struct model model = new_model(100 * PPM, 0, 300 * US);
	int again = 0;

	(void)unused;
	look(&model);
	looks(&model, 10, 300 * SECOND);
	for (int at = 0; at < 400; at++) {
		model.sample.rate_ppb = 0;
		run(&model, 300 * SECOND);
		look(&model);
		again += at >= 3 && model.said.order_rate;
	}
	assert_in_range(again, 1, 3);
}

/* The host's clock is stepped before there is a second span to compare with: that is no rate. */
static void
host_steps_early(void **unused)
{
	static const nanoseconds by[] = { 20 * MS, 140 * MS, -140 * MS, SECOND, -SECOND, 60 * SECOND };

	(void)unused;
	for (size_t at = 0; at < LENGTH(by); at++) {
		struct model model = new_model(0, 0, 300 * US);

		look(&model);
		run(&model, 300 * SECOND);
		model.sample.host_real += by[at];
		assert_int_equal(look(&model), RATE_EVENT_NONE);
		assert_false(model.said.order_rate);
		assert_int_equal(model.said.order, ns_magnitude(by[at]) > 100 * MS ? RATE_STEP : RATE_SLEW);
		looks(&model, 6, 300 * SECOND);
		assert_near(model.sample.rate_ppb, 0, 3 * PPM);
	}
}

/* A pause between the first two looks looks like a rate, but the guest never runs at it. */
static void
pauses_early(void **unused)
{
	static const nanoseconds pauses[] = { 100 * MS, 5 * SECOND, 30 * SECOND };

	(void)unused;
	for (size_t at = 0; at < LENGTH(pauses); at++) {
		struct model model = new_model(0, 0, 300 * US);

		look(&model);
		run(&model, 300 * SECOND);
		model.sample.guest_raw -= pauses[at];
		model.sample.guest_real -= pauses[at];
		look(&model);
		for (int run_number = 0; run_number < 6; run_number++) {
			run(&model, 300 * SECOND);
			look(&model);
			assert_near(model.sample.rate_ppb, 0, 3 * PPM);
		}
		assert_near(model.sample.guest_real - model.sample.host_real, 0, MS);
	}
}

/* The same host, whose boot id only some runs can read. */
static void
hidden_boot(void **unused)
{
	struct model model = new_model(-740 * PPM, 0, 300 * US);
	const char *id = model.sample.host_boot;

	(void)unused;
	look(&model);
	for (int at = 0; at < 20; at++) {
		model.sample.host_boot = at % 2 == 0 ? "-" : id;
		looks(&model, 1, 300 * SECOND);
	}
	assert_int_equal(model.said.since, 1000 * SECOND);
}

/* After looks that lie close together the rate is not known well enough to order one. */
static void
few_looks(void **unused)
{
	struct model model = new_model(0, 0, 300 * US);

	(void)unused;
	look(&model);
	for (int at = 0; at < 5; at++) {
		run(&model, 2 * SECOND);
		look(&model);
		assert_false(model.said.order_rate);
	}
}

static void
may_not_order_rate(void **unused)
{
	struct model model = new_model(-740 * PPM, 0, 300 * US);

	(void)unused;
	model.sample.may_order_rate = false;
	look(&model);
	for (int at = 0; at < 10; at++) {
		run(&model, 20 * SECOND);
		look(&model);
		assert_false(model.said.order_rate);
		/* 15 ms in 20 s: a slew would never end. */
		assert_int_equal(model.said.order, RATE_STEP);
	}
	assert_near(model.said.rate_ppb, -740 * PPM, 5 * PPM);
}

static void
refuses(void **unused)
{
	struct model model = new_model(0, 0, 300 * US);
	struct rate before;
	struct rate_verdict verdict;

	(void)unused;
	look(&model);
	before = model.rate;
	for (int which = 0; which < 8; which++) {
		struct rate_sample sample = model.sample;

		switch (which) {
		case 0: sample.host_raw = -1; break;
		case 1: sample.host_raw = RATE_RAW_MOST + 1; break;
		case 2: sample.guest_raw = -1; break;
		case 3: sample.guest_raw = INT64_MAX; break;
		case 4: sample.bound = -1; break;
		case 5: sample.bound = RATE_BOUND_MOST + 1; break;
		case 6: sample.rate_ppb = 2 * RATE_MOST_PPB + 1; break;
		case 7: sample.rate_ppb = INT64_MIN; break;
		}
		assert_false(rate_look(&model.rate, &sample, &verdict));
		assert_memory_equal(&before, &model.rate, sizeof before);
	}
}

static void
parses(void **unused)
{
	struct model model = new_model(-740 * PPM, -32 * SECOND, 300 * US);
	struct rate rate, zero = { .n.looks = 0 };
	char text[RATE_TEXT], wrong[RATE_TEXT + 1];
	size_t length;

	(void)unused;
	assert_int_equal(rate_format(&zero, text), 0);
	assert_true(rate_parse("", 0, &rate));
	assert_memory_equal(&rate, &zero, sizeof rate);
	look(&model);
	looks(&model, 40, 300 * SECOND);
	length = rate_format(&model.rate, text);
	/* Cut anywhere, or with anything behind it. */
	for (size_t cut = 1; cut < length; cut++)
		assert_false(rate_parse(text, cut, &rate));
	assert_memory_equal(&rate, &zero, sizeof rate);
	snprintf(wrong, sizeof wrong, "%s\n", text);
	assert_false(rate_parse(wrong, length + 1, &rate));
	/* No octet may become another letter; a number may become another, or fall out of its range. */
	for (size_t at = 0; at < length; at++) {
		memcpy(wrong, text, length);
		wrong[at] = '#';
		if (at < 11 || strncmp(text + at, "\n", 1) == 0 || at > strlen("rate-boots host a"))
			assert_false(rate_parse(wrong, length, &rate));
	}
	/* Every number of the first line, replaced by one that is too large to be right. */
	for (char *space = strstr(text, "\nrate ") + 5; *space == ' '; space = space + 1 + strcspn(space + 1, " \n")) {
		size_t lead = (size_t)(space - text), word = 1 + strcspn(space + 1, " \n");
		int used = snprintf(wrong, sizeof wrong, "%.*s 9223372036854775808%s", (int)lead, text, space + word);

		assert_false(rate_parse(wrong, (size_t)used, &rate));
	}
}

/* A rate that two looks in a row guess from their errors makes no step of a slew. */
static void
two_looks_in_a_row(void **unused)
{
	(void)unused;
	for (uint32_t seed = 0; seed < 100; seed++) {
		struct model model = new_model(0, 5 * SECOND, 300 * US);

		model.random = seed;
		look(&model);
		run(&model, 300 * MS);
		model.sample.guest_real += MS;
		look(&model);
		assert_int_equal(model.said.outruns, false);
		assert_int_not_equal(model.said.order, RATE_STEP);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_looks_in_a_row),
		cmocka_unit_test(learns),
		cmocka_unit_test(orders_exactly),
		cmocka_unit_test(leaves_right_guest),
		cmocka_unit_test(keeps_rate),
		cmocka_unit_test(drops_rate),
		cmocka_unit_test(wanders),
		cmocka_unit_test(sees_others),
		cmocka_unit_test(keeps_a_foreign_rate_that_may_be_right),
		cmocka_unit_test(tries_again),
		cmocka_unit_test(host_steps_early),
		cmocka_unit_test(few_looks),
		cmocka_unit_test(pauses_early),
		cmocka_unit_test(hidden_boot),
		cmocka_unit_test(may_not_order_rate),
		cmocka_unit_test(refuses),
		cmocka_unit_test(parses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
