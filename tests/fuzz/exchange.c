/* exchange: a line as an order, as a greeting and as a reply. */
#include "fuzz.h"

#include "lib/exchange.h"
#include "lib/sysclock.h"

static void
check_order(const struct exchange_order *order)
{
	char line[EXCHANGE_LINE + 1];
	struct exchange_order back;
	size_t length = exchange_write_order(order, line);
	bool range;

	REQUIRE(order->value != INT64_MIN);
	REQUIRE(order->verb != EXCHANGE_BOUND || order->value >= 0);
	REQUIRE((order->verb != EXCHANGE_NOW && order->verb != EXCHANGE_RAW && order->verb != EXCHANGE_BYE) || order->value == 0);
	REQUIRE(!order->numbered || (order->verb >= EXCHANGE_STEP && order->verb <= EXCHANGE_RATE));
	REQUIRE(length < EXCHANGE_LINE && length == strlen(line) && line[length - 1] == '\n');
	REQUIRE(exchange_parse_order(line, length - 1, &back, &range) && !range);
	REQUIRE(back.verb == order->verb && back.value == order->value);
	REQUIRE(order->sets >= 0 && back.numbered == order->numbered && back.sets == order->sets);
	if (order->verb == EXCHANGE_RATE) {
		int64_t tick, frequency;

		REQUIRE(order->value <= SYSCLOCK_RATE_MAX && order->value >= -SYSCLOCK_RATE_MAX);
		sysclock_split_rate(order->value, &tick, &frequency);
		REQUIRE(tick >= 9000 && tick <= 11000 && frequency <= 50 * 65536 && frequency >= -50 * 65536);
	}
}

static void
check_greeting(const struct exchange_greeting *greeting)
{
	char line[EXCHANGE_LINE + 1];
	struct exchange_greeting back;
	size_t length = exchange_write_greeting(greeting, line);

	REQUIRE(greeting->version >= 0 && greeting->version < 1000000000);
	REQUIRE(memchr(greeting->boot, '\0', sizeof greeting->boot) != NULL);
	REQUIRE(greeting->boot[0] != '\0' && fuzz_consists_of(greeting->boot, "0123456789abcdefABCDEF-"));
	REQUIRE(greeting->sync <= SYNC_OTHER && greeting->tick_us >= 0 && greeting->tick_us < 1000000000);
	REQUIRE(length < EXCHANGE_LINE && length == strlen(line) && line[length - 1] == '\n');
	REQUIRE(exchange_parse_greeting(line, length - 1, &back));
	REQUIRE(back.version == EXCHANGE_VERSION && strcmp(back.boot, greeting->boot) == 0 && back.sync == greeting->sync);
	REQUIRE(back.frequency_ppb == greeting->frequency_ppb && back.tick_us == greeting->tick_us);
	REQUIRE(memchr(greeting->program, '\0', sizeof greeting->program) != NULL && fuzz_printable(greeting->program));
	REQUIRE(strchr(greeting->program, ' ') == NULL);
	REQUIRE(strcmp(back.program, greeting->program) == 0 && back.raw == greeting->raw);
}

static void
check_reply(const struct exchange_reply *reply)
{
	char line[EXCHANGE_LINE + 1];
	struct exchange_reply back;
	size_t length;

	REQUIRE(reply->time >= 0 && reply->raw >= 0 && reply->sets >= 0 && reply->maxerror >= 0 && reply->sync <= SYNC_OTHER);
	REQUIRE(reply->numbered || reply->sets == 0);
	if (reply->kind == REPLY_NO) {
		REQUIRE(reply->time == 0 && !reply->numbered && reply->reason < REASONS);
		length = exchange_write_no(reply->reason, exchange_reason_name(reply->reason), line);
	} else
		length = exchange_write_reply(reply, line);
	REQUIRE(length < EXCHANGE_LINE && length == strlen(line) && line[length - 1] == '\n');
	REQUIRE(exchange_parse_reply(line, length - 1, &back));
	REQUIRE(memcmp(&back, reply, sizeof back) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = fuzz_octets(data, size);
	struct exchange_order order;
	struct exchange_greeting greeting;
	struct exchange_reply reply;
	bool range = true, is_order = exchange_parse_order(line, size, &order, &range);
	bool is_greeting = exchange_parse_greeting(line, size, &greeting);
	bool is_reply = exchange_parse_reply(line, size, &reply);

	REQUIRE(size < EXCHANGE_LINE || (!is_order && !is_greeting && !is_reply && !range));
	/* No line is valid as two of these: the orders "now" and "raw" have no time, the replies have one. */
	REQUIRE(is_order + is_greeting + is_reply <= 1);
	REQUIRE(!range || !is_order);
	if (range || is_order)
		for (size_t at = 0; at < size; at++)
			REQUIRE(line[at] != '\0' && strchr("abcdefghijklmnopqrstuvwxyz0123456789 +-.", line[at]) != NULL);
	if (is_order)
		check_order(&order);
	if (is_greeting)
		check_greeting(&greeting);
	if (is_reply)
		check_reply(&reply);
	REQUIRE(exchange_parse_order(line, size, &order, NULL) == is_order);
	free(line);
	return 0;
}
