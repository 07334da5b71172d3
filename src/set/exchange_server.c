/* The guest's side of the exchange: see exchange_server.h. */
#include "set/exchange_server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/exchange.h"
#include "lib/fds.h"
#include "lib/sysclock.h"
#include "lib/text.h"
#include "lib/version.h"
#include "set/outcome.h"
#include "set/policy.h"

/* The most orders to set (step, slew, rate, bound) in one session. */
#define ORDERS_MOST 64
/*
 * The same for a session that found no syslog when it began: it cannot connect later, so its orders stay unlogged.
 * guestclock sends 1 rate + 3 steps + 1 bound.  A rate that was stale takes the place of the bound, which guestclock can do
 * without.
 */
#define ORDERS_UNLOGGED 5

struct server {
	const struct set_options *options;
	unsigned refusals, orders;
	bool rated;			/* this session has ordered a rate */
	struct clock_reading since;	/* the start of the measurement: a set since then makes orders invalid */
	bool measuring;			/* since is from a "now" or "raw"; false: the next one replaces it */
	struct guest_clock *run;
	bool may_set;
	enum status status;
};

/* Sends LINE.  On failure reports and logs it, and returns false: the host may lack the reply to an order that took effect. */
static bool
send_line(struct server *server, const char *line, size_t length)
{
	int error = fds_write_all(STDOUT_FILENO, line, length);

	if (error != 0)
		server->status = outcome_fail("exchange: cannot write to standard output: %s", strerror(error));
	return error == 0;
}

static bool
send_reply(struct server *server, const struct exchange_reply *reply)
{
	char line[EXCHANGE_LINE + 1];

	return send_line(server, line, exchange_write_reply(reply, line));
}

static bool
send_no(struct server *server, enum exchange_reason reason, const char *text)
{
	char line[EXCHANGE_LINE + 1];

	server->status = outcome_order(reason, text, ++server->refusals);
	return send_line(server, line, exchange_write_no(reason, text, line));
}

/* The reason for a refusal because guest_clock_lock() returned ERROR. */
static enum exchange_reason
lock_reason(int error)
{
	return error == EWOULDBLOCK || error == ESTALE || error == EIDRM ? REASON_BUSY : REASON_FAILED;
}

/*
 * Locks the clock for ORDER, to set it.  Returns NULL, or the text of a refusal, with its *REASON: this session may not
 * set the clock, the lock is not available, or the clock was set since the measurement began.
 */
static const char *
lock_clock(struct server *server, const struct exchange_order *order, enum exchange_reason *reason)
{
	int error;

	/* Read the account: an order that is refused below is judged all the same. */
	guest_clock_peek(server->run);
	*reason = REASON_DRY_RUN;
	if (server->options->dry_run)
		return "the forced command has the option --dry-run";
	*reason = REASON_NO_CAPABILITY;
	if (!server->may_set)
		return "no CAP_SYS_TIME: run as root, or setcap cap_sys_time=ep on the program";
	error = guest_clock_lock(server->run, &server->since, order->numbered ? &order->sets : NULL);
	/* Let the next "now" or "raw" start a new measurement.  Without one, the same order is refused again. */
	if (error == ESTALE)
		server->measuring = false;
	*reason = error == ESTALE && order->numbered ? REASON_STALE : lock_reason(error);
	return error == 0 ? NULL : guest_clock_complaint(server->run, error);
}

/*
 * Carries out an order that is allowed.  The caller holds the lock.  *MOVED is how far a step moved the clock, or the
 * order's value for other orders.  Returns 0 or an errno value.
 */
static int
carry_out(struct server *server, const struct exchange_order *order, nanoseconds *moved)
{
	int error = 0;

	*moved = order->value;
	if (order->verb == EXCHANGE_RATE) {
		server->rated = true;
		error = guest_clock_rate(server->run, order->value);
	} else if (order->verb == EXCHANGE_BOUND)
		error = guest_clock_record_bound(server->run, order->value);
	else
		error = guest_clock_move(server->run, server->options->max_step, server->options->max_back,
		    order->verb == EXCHANGE_SLEW, order->value, moved);
	server->since = sysclock_read();
	server->measuring = false;
	return error;
}

static void
log_set(const struct exchange_order *order, nanoseconds moved)
{
	bool rate = order->verb == EXCHANGE_RATE;
	char text[SECONDS_TEXT], residual[SECONDS_TEXT];

	if (order->verb == EXCHANGE_BOUND)
		return;
	/* format_seconds() divides by 10^9: ppb * 10^6 prints as ppm.  It fits: ppb is at most SYSCLOCK_RATE_MAX. */
	format_seconds(rate ? order->value * 1000000 : order->value, text);
	format_seconds(ns_subtract(moved, order->value), residual);
	if (rate)
		outcome_done("rate %s ppm, as the host ordered", text);
	else if (order->verb == EXCHANGE_SLEW)
		outcome_done("slew by %s s, as the host ordered", text);
	else
		outcome_done("step by %s s, as the host ordered, missed by %s s", text, residual);
}

/*
 * Answers an order to set.  Returns false if the session is over.  Holds the lock while it judges and carries out the
 * order.  Logs and replies only after the unlock, because syslog or the host may be slow to read.
 */
static bool
answer_set(struct server *server, const struct exchange_order *order)
{
	enum exchange_reason reason;
	enum decision decision;
	const char *unlocked, *refused;
	struct exchange_reply reply = { .kind = REPLY_DONE, .numbered = order->numbered };
	nanoseconds moved = 0;
	int64_t undone = 0, sets;
	int error = 0;

	if (server->orders++ >= ORDERS_MOST) {
		send_no(server, REASON_TOO_MANY, "more than 64 orders to set in one session");
		return false;
	}
	if (server->orders > ORDERS_UNLOGGED && !outcome_has_log()) {
		send_no(server, REASON_TOO_MANY, "more than 5 orders to set in a session whose lines no syslog takes");
		return false;
	}
	unlocked = lock_clock(server, order, &reason);
	refused = unlocked;
	sets = server->run->account.sets;
	decision = policy_judge_order(sysclock_now(), &server->run->account, order, server->options);
	/* If a limit refuses the order too, report the limit: the host need not try again, unless its number is not valid. */
	if (decision_refuses(decision) && (refused == NULL || reason != REASON_STALE)) {
		reason = decision_wire_reason(decision);
		refused = decision_reason(decision);
	}
	/* Also if a limit refuses the order: otherwise a rate that takes the clock beyond the limits would last. */
	if (unlocked == NULL && !server->rated && (order->verb != EXCHANGE_RATE || refused != NULL))
		undone = guest_clock_undo_rate(server->run);
	if (refused == NULL)
		error = carry_out(server, order, &moved);
	if (unlocked == NULL)
		guest_clock_unlock(server->run);
	outcome_rate_undone(undone);
	reply.sets = server->run->account.sets;
	/* The rate that was ordered may be in force already. */
	if (refused == NULL && error == 0 && reply.sets != sets)
		log_set(order, moved);
	if (unlocked == NULL)
		guest_clock_admit_signals(server->run);
	if (refused != NULL)
		return send_no(server, reason, refused);
	if (error != 0)
		return send_no(server, REASON_FAILED, guest_clock_set_complaint(server->run, error));
	reply.time = sysclock_now();
	return send_reply(server, &reply);
}

static enum exchange_sync
sync_of(const struct guest_clock *run)
{
	if (!run->kernel.synchronised)
		return SYNC_NO;
	return guest_clock_other_service(run, &run->kernel) ? SYNC_OTHER : SYNC_GUESTCLOCK;
}

/* The host has begun a measurement, or begins it with the reading NOW. */
static void
measure(struct server *server, struct clock_reading now)
{
	if (!server->measuring)
		server->since = now;
	server->measuring = true;
}

static bool
answer_now(struct server *server)
{
	struct clock_reading now = sysclock_read();

	measure(server, now);
	return send_reply(server, &(struct exchange_reply){ .kind = REPLY_NOW, .time = now.real });
}

/*
 * Answers "raw".  Reads under the lock: a number that was read during a set, with the time before it, would let an order
 * be carried out twice.
 */
static bool
answer_raw(struct server *server)
{
	struct guest_clock *run = server->run;
	struct exchange_reply reply = { .kind = REPLY_RAW, .numbered = true };
	int error = 0;

	/* Without the file there is no number: then this session can set nothing, or nothing has been set in this boot. */
	if (run->fd < 0)
		guest_clock_peek(run);
	else
		error = guest_clock_lock(run, NULL, NULL);
	if (error != 0)
		return send_no(server, lock_reason(error), guest_clock_complaint(run, error));
	if (run->fd >= 0) {
		guest_clock_unlock(run);
		guest_clock_admit_signals(run);
	}
	measure(server, run->now);
	error = run->kernel_error != 0 ? run->kernel_error : run->read_error;
	if (error != 0)
		return send_no(server, REASON_FAILED, strerror(error));
	reply.time = run->now.real;
	reply.raw = run->now.raw;
	reply.sets = run->account.sets;
	reply.frequency_ppb = run->kernel.frequency_ppb;
	reply.tick_us = run->kernel.tick_us;
	reply.slew_left = run->kernel.slew_left;
	reply.sync = sync_of(run);
	reply.maxerror = run->kernel.maxerror;
	return send_reply(server, &reply);
}

/* Answers one line.  Returns false if the session is over. */
static bool
answer_line(struct server *server, const char *line, size_t length)
{
	struct exchange_order order;
	bool range = false;

	if (memchr(line, '\0', length) != NULL || !exchange_parse_order(line, length, &order, &range))
		return range ? send_no(server, REASON_RANGE, "the number is out of range") :
		    send_no(server, REASON_SYNTAX, "expected now, raw, step, slew, rate, bound or bye");
	if (order.verb == EXCHANGE_BYE)
		return false;
	if (order.verb == EXCHANGE_RAW)
		return answer_raw(server);
	if (order.verb == EXCHANGE_NOW)
		return answer_now(server);
	return answer_set(server, &order);
}

static bool
greet(struct server *server)
{
	struct exchange_greeting greeting = { .version = EXCHANGE_VERSION, .program = GUESTCLOCK_VERSION };
	struct guest_clock *run = server->run;
	char line[EXCHANGE_LINE + 1];

	guest_clock_peek(run);
	memcpy(greeting.boot, run->boot_id, sizeof greeting.boot);
	/* Without a boot id, numbers cannot be kept. */
	greeting.raw = run->boot_id[0] != '\0';
	greeting.sync = sync_of(run);
	greeting.frequency_ppb = run->kernel.frequency_ppb;
	greeting.tick_us = run->kernel.tick_us;
	return send_line(server, line, exchange_write_greeting(&greeting, line));
}

enum status
exchange_serve(const struct set_options *options, struct guest_clock *run, bool may_set)
{
	struct server server = { .options = options, .run = run, .may_set = may_set, .status = STATUS_DONE };
	char buffer[2 * (EXCHANGE_LINE + 1)];
	size_t held = 0;
	bool too_long = false;

	server.since = sysclock_read();
	if (!greet(&server))
		return server.status;
	for (;;) {
		ssize_t got = read(STDIN_FILENO, buffer + held, sizeof buffer - held);
		char *line = buffer, *end;

		if (got < 0 && fds_retry(STDIN_FILENO, POLLIN))
			continue;
		if (got < 0)
			return outcome_fail("exchange: cannot read standard input: %s", strerror(errno));
		if (got == 0)
			return server.status;
		held += (size_t)got;
		while ((end = memchr(line, '\n', held - (size_t)(line - buffer))) != NULL) {
			size_t length = (size_t)(end - line);
			bool going_on = too_long || length >= EXCHANGE_LINE ?
			    send_no(&server, REASON_SYNTAX, "a line longer than 255 octets") :
			    answer_line(&server, line, length);

			too_long = false;
			if (!going_on)
				return server.status;
			if (!outcome_logged())
				return outcome_fail("exchange: syslog did not take a line of this session, perhaps because it was "
				    "restarted: the session ends");
			line = end + 1;
		}
		held -= (size_t)(line - buffer);
		memmove(buffer, line, held);
		if (held >= EXCHANGE_LINE) {
			/* Discard a line that is too long, up to its end. */
			too_long = true;
			held = 0;
		}
	}
}
