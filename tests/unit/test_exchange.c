/* exchange: lines of the protocol, and lines that nearly are. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "lib/exchange.h"
#include "lib/sysclock.h"

static bool
order_of(const char *line, struct exchange_order *order, bool *range)
{
	return exchange_parse_order(line, strlen(line), order, range);
}

static void
orders(void **unused)
{
	static const struct {
		const char *line;
		enum exchange_verb verb;
		int64_t value;
	} good[] = {
		{ "now", EXCHANGE_NOW, 0 }, { "bye", EXCHANGE_BYE, 0 }, { "step +0.000000000", EXCHANGE_STEP, 0 },
		{ "step -0.000000000", EXCHANGE_STEP, 0 }, { "step +1.000000000", EXCHANGE_STEP, NS_PER_SECOND },
		{ "step -589123456.789012345", EXCHANGE_STEP, INT64_C(-589123456789012345) },
		{ "step +9223372036.854775807", EXCHANGE_STEP, INT64_MAX },
		{ "step -9223372036.854775807", EXCHANGE_STEP, -INT64_MAX },
		{ "step +0000000001.000000000", EXCHANGE_STEP, NS_PER_SECOND },
		{ "slew +0.012345678", EXCHANGE_SLEW, 12345678 }, { "rate -740.123", EXCHANGE_RATE, -740123 },
		{ "rate +0.000", EXCHANGE_RATE, 0 }, { "rate +100000.000", EXCHANGE_RATE, SYSCLOCK_RATE_MAX },
		{ "bound 0.000123456", EXCHANGE_BOUND, 123456 }, { "raw", EXCHANGE_RAW, 0 },
	};
	static const char *const bad[] = { "", " ", "NOW", "now ", " now", "now\r", "nowx", "now 1", "bye bye", "step",
		"step ", "step 1.000000000", "step +1", "step +1.", "step +.000000000", "step +1.00000000",
		"step +1.0000000000", "step ++1.000000000", "step +-1.000000000", "step +1.000000000 ", "step  +1.000000000",
		"step +1,000000000", "step +1.0e0000000", "step +0x1.000000000", "step +1.00000000a", "step +1.000.000000",
		"step nan", "step +inf", "slew 0.1", "rate -740", "rate -740.12", "rate 740.123", "bound +0.000123456",
		"bound -0.000123456", "bound 0.000123456\n", "exit", "shell", "rdate host", "step\t+1.000000000",
		"raw 1", "raw ", "step +1.000000000 -1", "step +1.000000000  1", "step +1.000000000 1 ", "step +1.000000000 1 1",
		"step +1.000000000 1x", "step +9223372036.854775808 ", "step +9223372036.854775808 x", "rate +1.000 1.0",
		"bound 0.000123456 1", "now 1", "bye 1" };
	static const char *const beyond[] = { "step +9223372036.854775808", "step -9223372036.854775808",
		"step +18446744073.709551616", "step +99999999999999999999999999.000000000", "slew -9999999999.000000000",
		"rate +100000.001", "rate -100000.001", "rate +99999999999999999999.000", "bound 99999999999.000000000",
		"step +9999999999.000000000 1", "step +1.000000000 9223372036854775808", "rate +100000.001 18446744073709551616",
		"slew +0.000000001 99999999999999999999999999" };
	struct exchange_order order;
	bool range;

	(void)unused;
	for (size_t at = 0; at < LENGTH(good); at++) {
		if (!order_of(good[at].line, &order, &range) || range)
			fail_msg("refused: %s", good[at].line);
		assert_int_equal(order.verb, good[at].verb);
		assert_int_equal(order.value, good[at].value);
		assert_false(order.numbered);
	}
	for (size_t at = 0; at < LENGTH(bad); at++)
		if (order_of(bad[at], &order, &range) || range)
			fail_msg("not refused as syntax: %s", bad[at]);
	for (size_t at = 0; at < LENGTH(beyond); at++)
		if (order_of(beyond[at], &order, &range) || !range)
			fail_msg("not refused as range: %s", beyond[at]);
	/* If rubbish follows a number out of range, the fault is the syntax. */
	assert_false(order_of("step +9999999999.000000000x", &order, &range));
	assert_false(range);
	assert_false(exchange_parse_order("now\0", 4, &order, &range));
}

static void
orders_round_trip(void **unused)
{
	static const int64_t values[] = { 0, 1, -1, 999999999, -999999999, NS_PER_SECOND, INT64_MAX, -INT64_MAX, 123456789012345 };
	char line[EXCHANGE_LINE + 1];
	struct exchange_order order, back;

	(void)unused;
	for (int verb = EXCHANGE_NOW; verb <= EXCHANGE_BYE; verb++)
		for (size_t at = 0; at < LENGTH(values); at++) {
			size_t length;

			order = (struct exchange_order){ .verb = (enum exchange_verb)verb, .value = values[at] };
			if (verb == EXCHANGE_RATE)
				order.value %= SYSCLOCK_RATE_MAX;
			if (verb == EXCHANGE_BOUND && order.value < 0)
				order.value = -order.value;
			if (verb == EXCHANGE_NOW || verb == EXCHANGE_RAW || verb == EXCHANGE_BYE)
				order.value = 0;
			order.numbered = at % 2 == 1 && verb >= EXCHANGE_STEP && verb <= EXCHANGE_RATE;
			order.sets = order.numbered ? ns_magnitude(values[at]) : 0;
			length = exchange_write_order(&order, line);
			assert_int_equal(line[length - 1], '\n');
			assert_true(exchange_parse_order(line, length - 1, &back, NULL));
			assert_int_equal(back.verb, order.verb);
			assert_int_equal(back.value, order.value);
			assert_int_equal(back.numbered, order.numbered);
			assert_int_equal(back.sets, order.sets);
		}
}

/* LINE, of LENGTH octets, is a reply that the writer writes in the same way. */
static void
same_again(const char *line, size_t length)
{
	struct exchange_reply reply;
	char again[EXCHANGE_LINE + 1];

	assert_true(exchange_parse_reply(line, length - 1, &reply));
	assert_int_equal(exchange_write_reply(&reply, again), length);
	assert_string_equal(again, line);
}

static void
replies(void **unused)
{
	static const char *const bad[] = { "", "now", "now ", "now 1", "now +1.000000000", "now -1.000000000",
		"now 1.00000000", "now 9223372036.854775808", "now 1.000000000 ", "done", "no", "no ", "no such-reason x",
		"no syntaxx", "yes", "guestclock 1 boot=- sync=no freq=+0.000 tick=10000", "NOW 1.000000000",
		"now 1.000000000 1", "done 1.000000000 ", "done 1.000000000 -1", "done 1.000000000 9223372036854775808",
		"done 1.000000000 1 1", "done 1.000000000 1.0" };
	char line[EXCHANGE_LINE + 1];
	struct exchange_reply reply, sent = { .kind = REPLY_NOW, .time = INT64_MAX };
	size_t length = exchange_write_reply(&sent, line);

	(void)unused;
	assert_true(exchange_parse_reply(line, length - 1, &reply));
	assert_int_equal(reply.kind, REPLY_NOW);
	assert_int_equal(reply.time, INT64_MAX);
	sent = (struct exchange_reply){ .kind = REPLY_DONE, .time = 5 };
	length = exchange_write_reply(&sent, line);
	assert_string_equal(line, "done 0.000000005\n");
	assert_true(exchange_parse_reply(line, length - 1, &reply));
	assert_int_equal(reply.kind, REPLY_DONE);
	assert_int_equal(reply.time, 5);
	assert_false(reply.numbered);
	sent = (struct exchange_reply){ .kind = REPLY_DONE, .time = 5, .numbered = true, .sets = INT64_MAX };
	length = exchange_write_reply(&sent, line);
	assert_string_equal(line, "done 0.000000005 9223372036854775807\n");
	same_again(line, length);
	for (int reason = 0; reason < REASONS; reason++) {
		length = exchange_write_no((enum exchange_reason)reason, "some text", line);
		assert_true(exchange_parse_reply(line, length - 1, &reply));
		assert_int_equal(reply.kind, REPLY_NO);
		assert_int_equal(reply.reason, reason);
	}
	for (size_t at = 0; at < LENGTH(bad); at++)
		if (exchange_parse_reply(bad[at], strlen(bad[at]), &reply))
			fail_msg("accepted: %s", bad[at]);
}

static void
raw_replies(void **unused)
{
	static const char *const bad[] = { "raw", "raw 1.000000000", "raw 1.000000000 2.000000000",
		"raw 1.000000000 2.000000000 3 +4.000 10000 +0.000000000 no",
		"raw 1.000000000 2.000000000 3 +4.000 10000 +0.000000000 no 16.000000000 ",
		"raw 1.000000000 2.000000000 3 +4.000 10000 +0.000000000 maybe 16.000000000",
		"raw 1.000000000 2.000000000 3 +4.000 10000 0.000000000 no 16.000000000",
		"raw 1.000000000 2.000000000 3 4.000 10000 +0.000000000 no 16.000000000",
		"raw 1.000000000 2.000000000 -3 +4.000 10000 +0.000000000 no 16.000000000",
		"raw 1.000000000 2.000000000  3 +4.000 10000 +0.000000000 no 16.000000000",
		"raw 1.000000000 -2.000000000 3 +4.000 10000 +0.000000000 no 16.000000000",
		"raw 1.000000000 2.000000000 3 +4.000 +10000 +0.000000000 no 16.000000000",
		"raw 1.000000000 2.000000000 9223372036854775808 +4.000 10000 +0.000000000 no 16.000000000" };
	struct exchange_reply reply, sent = { .kind = REPLY_RAW, .time = INT64_C(1795419998965454115), .raw = 12345678901,
		.numbered = true, .sets = 12300000000, .frequency_ppb = -123456, .tick_us = 9993, .slew_left = -40000000,
		.sync = SYNC_GUESTCLOCK, .maxerror = 673000 };
	char line[EXCHANGE_LINE + 1];
	size_t length = exchange_write_reply(&sent, line);

	(void)unused;
	assert_string_equal(line, "raw 1795419998.965454115 12.345678901 12300000000 -123.456 9993 -0.040000000 guestclock "
	    "0.000673000\n");
	same_again(line, length);
	/* The longest that a kernel could send. */
	sent = (struct exchange_reply){ .kind = REPLY_RAW, .time = INT64_MAX, .raw = INT64_MAX, .numbered = true,
		.sets = INT64_MAX, .frequency_ppb = -INT64_MAX, .tick_us = 999999999, .slew_left = -INT64_MAX,
		.sync = SYNC_GUESTCLOCK, .maxerror = INT64_MAX };
	length = exchange_write_reply(&sent, line);
	assert_true(length < EXCHANGE_LINE);
	same_again(line, length);
	for (size_t at = 0; at < LENGTH(bad); at++)
		if (exchange_parse_reply(bad[at], strlen(bad[at]), &reply))
			fail_msg("accepted: %s", bad[at]);
}

static void
greetings(void **unused)
{
	static const char *const bad[] = { "", "guestclock", "guestclock 1", "guestclock x boot=- sync=no freq=+0.000 tick=1",
		"guestclock 1 boot= sync=no freq=+0.000 tick=1", "guestclock 1 boot=xyz sync=no freq=+0.000 tick=1",
		"guestclock 1 boot=- sync=maybe freq=+0.000 tick=1", "guestclock 1 boot=- sync=no freq=0.000 tick=1",
		"guestclock 1 boot=- sync=no freq=+0.000 tick=", "guestclock 1 boot=- sync=no freq=+0.000 tick=1x",
		"guestclock 1 boot=01234567890123456789012345678901234567890 sync=no freq=+0.000 tick=1",
		"Welcome to guestclock 1 boot=- sync=no freq=+0.000 tick=1" };
	/* Fields in another order, unknown ones, and malformed ones, which are ignored. */
	static const struct {
		const char *text, *program;
		bool raw;
	} fields[] = {
		{ " raw program=1.0~rc1", "1.0~rc1", true }, { " moon=full raw sun=1", "", true }, { " rawer craw raw=1", "", false },
		{ " ", "", false }, { "  raw", "", true }, { " program=", "", false }, { " program=0.1\033[2J raw", "", true },
		{ " program=0123456789012345678901234567890", "0123456789012345678901234567890", false },
		{ " program=01234567890123456789012345678901 raw", "", true },
	};
	struct exchange_greeting greeting = { .version = 1, .boot = "12ab-34", .sync = SYNC_OTHER, .frequency_ppb = -123456,
		.tick_us = 9993 }, back;
	char line[EXCHANGE_LINE + 1];
	size_t length = exchange_write_greeting(&greeting, line);

	(void)unused;
	assert_string_equal(line, "guestclock 1 boot=12ab-34 sync=other freq=-123.456 tick=9993\n");
	assert_true(exchange_parse_greeting(line, length - 1, &back));
	assert_int_equal(back.version, 1);
	assert_string_equal(back.boot, greeting.boot);
	assert_int_equal(back.sync, SYNC_OTHER);
	assert_int_equal(back.frequency_ppb, -123456);
	assert_int_equal(back.tick_us, 9993);
	/* A later version may append fields. */
	assert_true(exchange_parse_greeting("guestclock 7 boot=- sync=no freq=+0.000 tick=1 moon=full", 56, &back));
	assert_int_equal(back.version, 7);
	assert_false(back.raw);
	assert_string_equal(back.program, "");
	strcpy(greeting.program, "0.1.1");
	greeting.raw = true;
	length = exchange_write_greeting(&greeting, line);
	assert_string_equal(line, "guestclock 1 boot=12ab-34 sync=other freq=-123.456 tick=9993 program=0.1.1 raw\n");
	assert_true(exchange_parse_greeting(line, length - 1, &back));
	assert_true(back.raw);
	assert_string_equal(back.program, "0.1.1");
	for (size_t at = 0; at < LENGTH(fields); at++) {
		length = (size_t)sprintf(line, "guestclock 1 boot=- sync=no freq=+0.000 tick=1%s", fields[at].text);
		assert_true(exchange_parse_greeting(line, length, &back));
		assert_int_equal(back.raw, fields[at].raw);
		assert_string_equal(back.program, fields[at].program);
	}
	for (size_t at = 0; at < LENGTH(bad); at++)
		if (exchange_parse_greeting(bad[at], strlen(bad[at]), &back))
			fail_msg("accepted: %s", bad[at]);
}

static void
rates(void **unused)
{
	(void)unused;
	for (int64_t ppb = -SYSCLOCK_RATE_MAX; ppb <= SYSCLOCK_RATE_MAX; ppb += 12347) {
		int64_t tick, frequency, sum;

		sysclock_split_rate(ppb, &tick, &frequency);
		assert_true(tick >= 9000 && tick <= 11000);
		assert_true(frequency <= 50 * 65536 && frequency >= -50 * 65536);
		sum = (tick - 10000) * 100000 + frequency * 1000 / 65536;
		assert_true(sum - ppb <= 1 && ppb - sum <= 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders),
		cmocka_unit_test(orders_round_trip),
		cmocka_unit_test(replies),
		cmocka_unit_test(raw_replies),
		cmocka_unit_test(greetings),
		cmocka_unit_test(rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
