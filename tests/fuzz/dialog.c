/*
 * dialog: the host's side of the exchange against a guest that may answer anything.
 *
 * The first line starts with s if the host corrects the clock; its fifth character gives the guest's offset.  Each
 * other line begins with two octets: how long the host waits before it asks, and how long the answer takes.  After
 * them, "=" means the answer of a guest that obeys the protocol and its orders; anything else is sent as it is.
 */
#include "fuzz.h"

#include "host/dialog.h"
#include "lib/interval.h"

#define START INT64_C(1795419998000000000)
/* The greeting, four measurements, three corrections and a bound. */
#define ORDERS_MOST (1 + (DIALOG_ROUNDS + 1) * DIALOG_SAMPLES_MOST + DIALOG_ROUNDS + 1)

struct guest {
	nanoseconds offset;		/* of its clock, which runs right */
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
true_answer(struct guest *guest, const struct dialog *dialog, nanoseconds host, char *line)
{
	static const struct exchange_greeting greeting = { .version = EXCHANGE_VERSION, .boot = "12ab", .tick_us = 10000 };
	const char *word = dialog->order.verb == EXCHANGE_NOW ? "now" : "done";
	nanoseconds time;

	if (dialog->phase == PHASE_GREETING)
		return exchange_write_greeting(&greeting, line) - 1;
	if (dialog->order.verb == EXCHANGE_STEP)
		guest->offset = ns_add(guest->offset, dialog->order.value);
	time = ns_add(host, guest->offset);
	if (time < 0 || time == INT64_MAX)
		guest->moved = true;
	return exchange_write_time(word, time, line) - 1;
}

static void
check_order(const struct exchange_order *order)
{
	char line[EXCHANGE_LINE + 1];
	struct exchange_order back;
	size_t length = exchange_write_order(order, line);

	REQUIRE(exchange_parse_order(line, length - 1, &back, NULL));
	REQUIRE(back.verb == order->verb && back.value == order->value);
}

/* A measurement is a round trip; one during which the clock was set does not count. */
static void
check_measurement(const struct measurement *measured)
{
	REQUIRE(measured->delay >= 0 && measured->delay <= DIALOG_LONGEST);
	REQUIRE(measured->bound > measured->delay / 2 && measured->bound <= DIALOG_LONGEST);
}

static void
check_end(const struct dialog *dialog)
{
	REQUIRE(dialog->phase == PHASE_OVER && dialog->order.verb == EXCHANGE_BYE && dialog->result != DIALOG_UNFINISHED);
	REQUIRE(memchr(dialog->text, '\0', sizeof dialog->text) != NULL && fuzz_printable(dialog->text));
	REQUIRE((dialog->text[0] != '\0') == (dialog->result != DIALOG_DONE));
	REQUIRE(dialog->rounds <= DIALOG_ROUNDS && (dialog->correct || dialog->rounds == 0));
	REQUIRE(dialog->action <= ACTION_OTHER_SERVICE && dialog_action_names[dialog->action] != NULL);
	if (dialog->result != DIALOG_DONE)
		return;
	check_measurement(&dialog->before);
	check_measurement(&dialog->after);
}

/* If the guest's replies were true, the bound holds, and its clock is no worse than before. */
static void
check_honest(const struct dialog *dialog, const struct guest *guest, nanoseconds offset)
{
	REQUIRE(dialog->result == DIALOG_DONE);
	REQUIRE(ns_magnitude(ns_subtract(dialog->before.offset, offset)) <= dialog->before.bound);
	REQUIRE(ns_magnitude(ns_subtract(dialog->after.offset, guest->offset)) <= dialog->after.bound);
	if (dialog->action == ACTION_STEP)
		REQUIRE(ns_magnitude(guest->offset) <= ns_add(dialog->before.bound, dialog->after.bound));
	else
		REQUIRE(guest->offset == offset);
}

static void
check_run(struct dialog *dialog, char *text, nanoseconds offset)
{
	struct guest guest = { .offset = offset, .honest = true };
	nanoseconds host = START;
	int orders = 0;

	for (char *line = text, *next; line != NULL; line = next) {
		char answer[EXCHANGE_LINE + 1];
		nanoseconds sent, received;
		bool over = dialog->phase == PHASE_OVER;
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
		    received - sent > DIALOG_LONGEST;
		host = received;
		said = line + 2;
		length = strlen(said);
		if (said[0] == '=' && !over) {
			nanoseconds read = received > sent ? (received - sent) / 4 * (nanoseconds)(length % 5) : 0;

			length = true_answer(&guest, dialog, sent + read, answer);
			said = answer;
		} else
			guest.honest = guest.honest && over;
		if (dialog_take(dialog, said, length, sent, received)) {
			REQUIRE(!over && ++orders <= ORDERS_MOST);
			check_order(&dialog->order);
			continue;
		}
		check_end(dialog);
		if (!over && guest.honest && !guest.moved)
			check_honest(dialog, &guest, offset);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rest = fuzz_next_line(text);
	struct dialog dialog;

	dialog_start(&dialog, text[0] == 's');
	if (rest != NULL) {
		/* The first line's fifth character determines the guest's offset. */
		check_run(&dialog, rest, span(strlen(text) > 4 ? text[4] : 'A'));
	}
	if (dialog.phase != PHASE_OVER) {
		dialog_fail(&dialog, rest != NULL ? rest : "");
		REQUIRE(dialog.result == DIALOG_FAILED && dialog.phase == PHASE_OVER && fuzz_printable(dialog.text));
	}
	free(text);
	return 0;
}
