/*
 * exchange_server: the guest's side of the exchange against a host that may send anything, with a simulated clock.
 *
 * The letters of the first line select the session's limits and what fails.  The rest is the host's input, which
 * arrives in pieces.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

static ssize_t fuzz_read(int fd, void *into, size_t room);
static ssize_t fuzz_write(int fd, const void *from, size_t length);

#define read fuzz_read
#define write fuzz_write
#include "../../src/lib/fds.c"
#include "../../src/set/exchange_server.c"
#undef read
#undef write

#define START INT64_C(1795419998000000000)

static struct {
	const char *input;		/* what the host sends */
	size_t left, given;		/* of input: octets still to read, and octets read */
	const char *asked;		/* the first line of input that is not answered yet */
	char line[EXCHANGE_LINE + 1];	/* the part of the guest's line written so far */
	size_t held;
	int answers, sets, reads;
	unsigned refusals;
	bool fails, busy, gone, stale, locked;
	int64_t number;			/* of the last set */
	struct set_options options;
	bool may_set;
	nanoseconds clock, moved, low, high;	/* moved since the start: now, at least and at most */
} now;

/* Returns pieces of all sizes, so that a line may end anywhere in them, and EINTR now and then. */
static ssize_t
fuzz_read(int fd, void *into, size_t room)
{
	size_t piece = 1 + (now.given * 2654435761U >> 7) % 300;

	REQUIRE(fd == STDIN_FILENO && room > 0 && !now.locked);
	if (++now.reads % 7 == 0) {
		errno = EINTR;
		return -1;
	}
	piece = piece < room ? piece : room;
	piece = piece < now.left ? piece : now.left;
	memcpy(into, now.input + now.given, piece);
	now.given += piece;
	now.left -= piece;
	return (ssize_t)piece;
}

/* Checks that REPLY answers the next line that the host sent: every line is answered in turn, whatever came before. */
static void
check_reply(const struct exchange_reply *reply)
{
	const char *end = memchr(now.asked, '\n', (size_t)(now.input + now.given - now.asked));
	struct exchange_order order;
	size_t length;

	REQUIRE(end != NULL);
	length = (size_t)(end - now.asked);
	if (!exchange_parse_order(now.asked, length, &order, NULL))
		REQUIRE(reply->kind == REPLY_NO && (reply->reason == REASON_SYNTAX || reply->reason == REASON_RANGE));
	else if (order.verb == EXCHANGE_NOW)
		REQUIRE(reply->kind == REPLY_NOW && reply->time == now.clock);
	else if (order.verb == EXCHANGE_RAW)
		REQUIRE((reply->kind == REPLY_RAW && reply->time == now.clock && reply->sets == now.number) ||
		    (reply->kind == REPLY_NO && (reply->reason == REASON_BUSY || reply->reason == REASON_FAILED)));
	else if (reply->kind == REPLY_NO)
		REQUIRE(reply->reason != REASON_SYNTAX && (reply->reason != REASON_STALE || order.numbered));
	else
		REQUIRE(reply->kind == REPLY_DONE && reply->numbered == order.numbered && reply->sets == (order.numbered ? now.number : 0));
	now.asked = end + 1;
}

static void
take_answer(void)
{
	struct exchange_reply reply;
	struct exchange_greeting greeting;

	now.line[now.held] = '\0';
	REQUIRE(fuzz_is_line(now.line, EXCHANGE_LINE));
	if (now.answers++ == 0)
		REQUIRE(exchange_parse_greeting(now.line, now.held, &greeting) && greeting.version == EXCHANGE_VERSION);
	else {
		REQUIRE(exchange_parse_reply(now.line, now.held, &reply));
		check_reply(&reply);
	}
	now.held = 0;
}

static ssize_t
fuzz_write(int fd, const void *from, size_t length)
{
	size_t piece = length > 3 && now.answers % 3 == 0 ? length / 2 : length;

	REQUIRE(fd == STDOUT_FILENO && length > 0 && !now.locked);
	if (now.gone && now.answers > 2) {
		errno = EPIPE;
		return -1;
	}
	if (++now.reads % 5 == 0) {
		errno = EINTR;
		return -1;
	}
	for (size_t at = 0; at < piece; at++) {
		char octet = ((const char *)from)[at];

		REQUIRE(now.held < EXCHANGE_LINE);
		if (octet == '\n')
			take_answer();
		else
			now.line[now.held++] = octet;
	}
	return (ssize_t)piece;
}

/* -------------------------------------------------------------------------------- replacements for the system */

nanoseconds
sysclock_now(void)
{
	return now.clock += NS_PER_MILLISECOND;
}

struct clock_reading
sysclock_read(void)
{
	return (struct clock_reading){ .real = sysclock_now() };
}

static void
read_state(struct guest_clock *state)
{
	state->now = sysclock_read();
	state->kernel = (struct sysclock_state){ .synchronised = now.busy, .frequency_ppb = -123456, .tick_us = 10000 };
	state->kernel_error = now.gone ? EPERM : 0;
	state->account.sets = now.number;
}

static void
count_set(struct guest_clock *state)
{
	now.number += 10;
	state->account.sets = now.number;
}

static void
check_set(void)
{
	REQUIRE(now.may_set && !now.options.dry_run && !now.busy && now.locked);
	REQUIRE(++now.sets <= 64);
}

/* After every order, the clock's reading and its movement (an hour ago: 0) are within the limits, or it is where it was. */
static void
move(nanoseconds correction)
{
	nanoseconds back = now.options.max_back < now.options.max_step ? now.options.max_back : now.options.max_step;

	now.clock = ns_add(now.clock, correction);
	now.moved = ns_add(now.moved, correction);
	REQUIRE(now.moved <= now.options.max_step || now.moved <= ns_add(now.high, ACCOUNT_NEAR));
	REQUIRE(now.moved >= -back || now.moved >= ns_subtract(now.low, ACCOUNT_NEAR));
	now.low = now.moved < now.low ? now.moved : now.low;
	now.high = now.moved > now.high ? now.moved : now.high;
	REQUIRE(seconds_floor(now.clock) >= now.options.not_before && seconds_floor(now.clock) < now.options.not_after);
}

int
guest_clock_move(struct guest_clock *state, nanoseconds max_step, nanoseconds max_back, bool slew, nanoseconds correction,
    nanoseconds *moved)
{
	check_set();
	REQUIRE(max_step == now.options.max_step && max_back == now.options.max_back);
	REQUIRE(!slew || ns_magnitude(correction) <= SYSCLOCK_SLEW_MAX);
	count_set(state);
	if (now.fails)
		return EINVAL;
	/* A slew is complete at once. */
	move(correction);
	if (set_options_limit_movement(&now.options))
		account_move(&state->account, max_step, max_back, correction, false);
	if (!slew)
		*moved = correction;
	return 0;
}

int
guest_clock_rate(struct guest_clock *state, int64_t ppb)
{
	check_set();
	REQUIRE(ns_magnitude(ppb) <= now.options.max_rate);
	if (account_rate_is(&state->account, ppb))
		return 0;
	count_set(state);
	if (!now.fails)
		account_order_rate(&state->account, ppb);
	return now.fails ? EINVAL : 0;
}

int64_t
guest_clock_undo_rate(struct guest_clock *state)
{
	REQUIRE(now.locked);
	return state->account.rate_ordered;
}

void
outcome_rate_undone(int64_t ppb)
{
	/* Only another session's: this one has just begun. */
	REQUIRE(!now.locked && ppb == 0);
}

void
guest_clock_peek(struct guest_clock *state)
{
	REQUIRE(!now.locked);
	read_state(state);
}

const char *
guest_clock_set_complaint(const struct guest_clock *state, int error)
{
	(void)state;
	return strerror(error);
}

int
guest_clock_record_bound(struct guest_clock *state, nanoseconds bound)
{
	(void)state;
	check_set();
	REQUIRE(bound >= 0 && bound <= 16 * NS_PER_SECOND);
	return now.fails ? EINVAL : 0;
}

int
guest_clock_lock(struct guest_clock *state, const struct clock_reading *since, const int64_t *sets)
{
	REQUIRE(!now.locked && (since == NULL || (since->real > 0 && since->real <= now.clock)));
	if (state->fd < 0)
		return state->error;
	if (now.busy)
		return EWOULDBLOCK;
	/* Sometimes another program or another request has set the clock. */
	if (now.stale && now.answers % 3 == 0 && since != NULL)
		return ESTALE;
	if (now.stale && now.answers % 4 == 0)
		now.number++;
	read_state(state);
	if (sets != NULL && *sets != now.number)
		return ESTALE;
	now.locked = true;
	return 0;
}

void
guest_clock_unlock(struct guest_clock *state)
{
	(void)state;
	REQUIRE(now.locked);
	now.locked = false;
}

void
guest_clock_admit_signals(const struct guest_clock *state)
{
	(void)state;
}

const char *
guest_clock_complaint(const struct guest_clock *state, int error)
{
	(void)state;
	return strerror(error);
}

bool
guest_clock_other_service(const struct guest_clock *state, const struct sysclock_state *kernel)
{
	(void)state;
	return kernel->synchronised && now.fails;
}

/* Only a host that has gone makes the session fail. */
enum status
outcome_report(enum status status, const char *format, ...)
{
	char line[640];
	va_list arguments;

	REQUIRE(!now.locked && (status == STATUS_DONE || (status == STATUS_SYSTEM && now.gone)));
	va_start(arguments, format);
	REQUIRE(vsnprintf(line, sizeof line, format, arguments) < (int)sizeof line);
	va_end(arguments);
	REQUIRE(fuzz_is_line(line, sizeof line));
	return status;
}

bool
outcome_logged(void)
{
	return true;
}

bool
outcome_has_log(void)
{
	return true;
}

enum status
outcome_order(enum exchange_reason reason, const char *text, unsigned number)
{
	REQUIRE(!now.locked && reason < REASONS && fuzz_is_line(text, EXCHANGE_LINE));
	REQUIRE(number == ++now.refusals);
	return STATUS_REFUSED;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
	char *letters, *octets;
	struct guest_clock run = { .fd = 3, .boot_id = "12ab-34" };
	int lines = 0;
	enum status status;

	if (newline == NULL)
		return 0;
	letters = fuzz_text(data, (size_t)(newline - data));
	size -= (size_t)(newline + 1 - data);
	octets = fuzz_octets(newline + 1, size);
	memset(&now, 0, sizeof now);
	now.input = now.asked = octets;
	now.left = size;
	now.clock = START;
	now.options = set_options_default();
	now.options.max_rate = INT64_C(1000000);
	now.may_set = strchr(letters, 'n') == NULL;
	now.busy = strchr(letters, 'b') != NULL;
	now.fails = strchr(letters, 'f') != NULL;
	now.gone = strchr(letters, 'g') != NULL;
	now.stale = strchr(letters, 'c') != NULL;
	now.options.dry_run = strchr(letters, 'd') != NULL;
	if (strchr(letters, 's') != NULL)
		now.options.max_step = 3600 * NS_PER_SECOND;
	if (strchr(letters, 'k') != NULL)
		now.options.max_back = NS_PER_SECOND;
	if (strchr(letters, 'u') != NULL)
		run = (struct guest_clock){ .fd = -1, .error = EACCES };
	status = exchange_serve(&now.options, &run, now.may_set);
	REQUIRE(now.gone || status == (now.refusals == 0 ? STATUS_DONE : STATUS_REFUSED));
	for (size_t at = 0; at < size; at++)
		lines += octets[at] == '\n';
	/* One greeting, and one answer for each line; fewer if the session ended before the host's input did. */
	REQUIRE(now.held == 0 || now.gone);
	REQUIRE(now.left > 0 || now.answers == lines + 1 || now.gone || now.refusals > 0 ||
	    memmem(octets, size, "bye\n", 4) != NULL);
	free(letters);
	free(octets);
	return 0;
}
