/*
 * exchange_client: the host's side of the exchange against a guest that may answer anything.
 *
 * The first line starts with s if the host corrects the clock; its fifth character gives the guest's offset.  If its
 * second character is r, the obedient guest knows the order "raw".  Each other line begins with two octets: how long the
 * host waits before it asks, and how long the answer takes.  After them, "=" means the answer of a guest that obeys the protocol and its orders; "#" the same, after another host has set
 * the guest's clock right; anything else is sent as it is.
 */
#include "fuzz.h"

#include "host/exchange_client.h"
#include "lib/offset_interval.h"

#define START INT64_C(1795419998000000000)
/* The greeting, four measurements and those that another set makes necessary, corrections and a bound. */
#define SERIES_MOST (CLIENT_ROUNDS + 1 + CLIENT_STALE)
#define ORDERS_MOST (1 + SERIES_MOST * (CLIENT_SAMPLES_MOST + 2) + 1)

struct guest {
	nanoseconds offset;		/* of its clock, which runs right */
	bool raw;			/* it knows "raw" */
	bool other;			/* another host has set its clock */
	int64_t sets;
	bool honest;			/* all its answers were true */
	bool moved;			/* the host's clock was set in between, or a time went out of range */
};

/* A span of time, from zero to centuries, possibly negative. */
static nanoseconds
span(char code)
{
	nanoseconds magnitude = (INT64_C(1) << (code & 63) % 63) - 1;

	return (code & 0x80) != 0 ? -magnitude : magnitude;
}

/*
 * Writes the reply of an obedient guest to the current order when the host's clock shows HOST.  Returns the line's
 * length.
 */
static size_t
true_answer(struct guest *guest, const struct exchange_client *client, nanoseconds host, char *line)
{
	struct exchange_greeting greeting = { .version = EXCHANGE_VERSION, .boot = "12ab", .tick_us = 10000, .raw = guest->raw };
	struct exchange_reply reply = { .kind = client->order.verb == EXCHANGE_NOW ? REPLY_NOW :
		client->order.verb == EXCHANGE_RAW ? REPLY_RAW : REPLY_DONE };
	nanoseconds time;

	if (client->phase == PHASE_GREETING)
		return exchange_write_greeting(&greeting, line) - 1;
	if (client->order.numbered && client->order.sets != guest->sets)
		return exchange_write_no(REASON_STALE, "x", line) - 1;
	/* The order of the rate in force changes nothing. */
	guest->sets += client->order.numbered && client->order.verb != EXCHANGE_RATE;
	if (client->order.verb == EXCHANGE_STEP)
		guest->offset = ns_add(guest->offset, client->order.value);
	time = ns_add(host, guest->offset);
	if (time < 0 || time == INT64_MAX)
		guest->moved = true;
	reply.time = time;
	reply.numbered = client->order.numbered || reply.kind == REPLY_RAW;
	reply.sets = guest->sets;
	reply.raw = host;
	reply.tick_us = 10000;
	return exchange_write_reply(&reply, line) - 1;
}

static void
check_order(const struct exchange_order *order)
{
	char line[EXCHANGE_LINE + 1];
	struct exchange_order back;
	size_t length = exchange_write_order(order, line);

	REQUIRE(exchange_parse_order(line, length - 1, &back, NULL));
	REQUIRE(back.verb == order->verb && back.value == order->value);
	REQUIRE(back.numbered == order->numbered && back.sets == order->sets);
}

/* A measurement is a round trip; one during which the clock was set does not count. */
static void
check_measurement(const struct measurement *measured)
{
	REQUIRE(measured->delay >= 0 && measured->delay <= CLIENT_LONGEST);
	REQUIRE(measured->bound > measured->delay / 2 && measured->bound <= CLIENT_LONGEST);
}

static void
check_end(const struct exchange_client *client)
{
	REQUIRE(client->phase == PHASE_OVER && client->order.verb == EXCHANGE_BYE && client->result != CLIENT_UNFINISHED);
	REQUIRE(memchr(client->text, '\0', sizeof client->text) != NULL && fuzz_printable(client->text));
	REQUIRE((client->text[0] != '\0') == (client->result != CLIENT_DONE));
	REQUIRE(client->rounds <= CLIENT_ROUNDS && (client->task.correct || client->rounds == 0) && client->rounds >= 0);
	REQUIRE(client->stale <= CLIENT_STALE);
	REQUIRE(client->action <= ACTION_OTHER_SERVICE && client_action_names[client->action] != NULL);
	if (client->result != CLIENT_DONE)
		return;
	check_measurement(&client->before);
	check_measurement(&client->after);
}

/* If the guest's replies were true, the bound holds, and its clock is no worse than before. */
static void
check_honest(const struct exchange_client *client, const struct guest *guest, nanoseconds offset)
{
	REQUIRE(client->result == CLIENT_DONE);
	REQUIRE(ns_magnitude(ns_subtract(client->before.offset, offset)) <= client->before.bound);
	REQUIRE(ns_magnitude(ns_subtract(client->after.offset, guest->offset)) <= client->after.bound);
	if (client->action == ACTION_STEP)
		REQUIRE(ns_magnitude(guest->offset) <= ns_add(client->before.bound, client->after.bound));
	else
		REQUIRE(guest->offset == offset);
}

static void
check_run(struct exchange_client *client, char *text, nanoseconds offset, bool raw)
{
	struct guest guest = { .offset = offset, .raw = raw, .honest = true };
	nanoseconds host = START;
	int orders = 0;

	for (char *line = text, *next; line != NULL; line = next) {
		char answer[EXCHANGE_LINE + 1];
		nanoseconds sent, received;
		bool over = client->phase == PHASE_OVER;
		size_t length;
		const char *said;

		next = fuzz_next_line(line);
		if (strlen(line) < 2)
			continue;
		sent = ns_add(host, span(line[0]));
		received = ns_add(sent, span(line[1]));
		sent = sent < 0 ? 0 : sent;
		received = received < 0 ? 0 : received;
		/* Beyond half the range, the middle of two times is not exact. */
		guest.moved = guest.moved || sent < host || received < sent || received > 2 * START ||
		    received - sent > CLIENT_LONGEST;
		host = received;
		said = line + 2;
		length = strlen(said);
		if (said[0] == '#' && !over) {
			guest.offset = 0;
			guest.sets += 5;
			guest.other = true;
		}
		if ((said[0] == '=' || said[0] == '#') && !over) {
			nanoseconds read = received > sent ? (received - sent) / 4 * (nanoseconds)(length % 5) : 0;

			length = true_answer(&guest, client, sent + read, answer);
			said = answer;
		} else
			guest.honest = guest.honest && over;
		if (client_take(client, said, length, &(struct clock_reading){ .real = sent, .raw = sent },
		    &(struct clock_reading){ .real = received, .raw = received })) {
			REQUIRE(!over && ++orders <= ORDERS_MOST);
			check_order(&client->order);
			continue;
		}
		check_end(client);
		if (!over && guest.honest && !guest.moved && !guest.other)
			check_honest(client, &guest, offset);
		/* No step that was computed before the other host set the clock was carried out after that. */
		if (!over && guest.honest && !guest.moved && guest.other)
			REQUIRE(!raw || guest.offset == 0 || ns_magnitude(guest.offset) <= client->ordered.bound);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rest = fuzz_next_line(text);
	struct exchange_client client;

	client_start(&client, &(struct client_task){ .correct = text[0] == 's', .step_back = INT64_MAX, .host_boot = "cd" },
	    &(struct rate){ .n = { .looks = 0 } });
	if (rest != NULL) {
		/* The first line's fifth character determines the guest's offset. */
		check_run(&client, rest, span(strlen(text) > 4 ? text[4] : 'A'), text[0] != '\0' && text[1] == 'r');
	}
	if (client.phase != PHASE_OVER) {
		client_fail(&client, rest != NULL ? rest : "");
		REQUIRE(client.result == CLIENT_FAILED && client.phase == PHASE_OVER && fuzz_printable(client.text));
	}
	free(text);
	return 0;
}
