/* Runs many guests in parallel: see sessions.h. */
#include "host/sessions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/ssh_loop.h"
#include "lib/sysclock.h"

/*
 * By default sshd, for example on a gateway, closes new connections at random while ten or more are not yet
 * authenticated (sshd_config(5), MaxStartups).  A guest is tried again only while fewer than this many guests have not
 * yet sent their greeting: then this run by itself does not reach the limit of ten.  A guest that has sent nothing for
 * AGAIN_COUNTED counts no longer: else eight guests that hang would hold up all second tries for their time limit.
 */
#define AGAIN_MOST 8
#define AGAIN_COUNTED (5 * NS_PER_SECOND)
/*
 * The shortest wait before a guest is tried again, and the range of a variable addition to it, so that the runs of
 * several hosts do not try the same gateway at the same time.
 */
#define AGAIN_WAIT (300 * NS_PER_MILLISECOND)
#define AGAIN_SPREAD (400 * NS_PER_MILLISECOND)

/* A try of a guest.  The queue has the first try of every guest, and then second tries. */
struct try {
	size_t guest;		/* index into sessions.names */
	nanoseconds used;	/* the part of the guest's time that the first try used; 0 for a first try */
	nanoseconds ready;	/* when the try may begin, in terms of sysclock_elapsed() */
};

/* The use of a slot of the loop, of the same index: one guest at a time. */
struct place {
	size_t guest;		/* index into sessions.names */
	struct exchange_client client;
	bool second;		/* this is the guest's second try */
	nanoseconds begun;	/* when this try began */
	nanoseconds started, deadline;	/* of the exchange */
};

struct sessions {
	const struct driver_options *options;
	const char *config;	/* the file for ssh's -F, or NULL */
	const char *const *names;
	size_t count;
	struct try *queue;	/* room for two tries of every guest */
	size_t queued, next;
	struct place *place;
	struct ssh_loop loop;
	int stopped;		/* the signal that ends the run, or 0 */
	const struct sessions_calls *calls;
};

static bool
is_busy(const struct sessions *sessions, size_t at)
{
	return sessions->loop.slot[at].stage != SLOT_FREE;
}

/* Ends the session after the exchange: after a failure with a signal. */
static void
leave(struct sessions *sessions, size_t at)
{
	ssh_loop_leave(&sessions->loop, at, sessions->place[at].client.result != CLIENT_FAILED);
}

static void
fail_place(struct sessions *sessions, size_t at, const char *text)
{
	if (sessions->place[at].client.result == CLIENT_UNFINISHED)
		client_fail(&sessions->place[at].client, text);
	leave(sessions, at);
}

static void
report_place(const struct sessions *sessions, struct place *place)
{
	sessions->calls->end(sessions->calls->context, sessions->names[place->guest], &place->client);
}

static bool
any_busy(const struct sessions *sessions)
{
	for (size_t at = 0; at < sessions->loop.slots; at++)
		if (is_busy(sessions, at))
			return true;
	return false;
}

/*
 * Starts ssh for the slot's guest.  Returns false if memory, processes or descriptors run out and other slots hold
 * some: the guest must then wait until the session of another guest ends.  After any other error, the exchange has
 * failed.
 */
static bool
launch(struct sessions *sessions, size_t at)
{
	struct place *place = &sessions->place[at];
	const char *name = sessions->names[place->guest];
	char text[CLIENT_TEXT];
	int error;

	sessions->calls->begin(sessions->calls->context, name, &place->client);
	place->deadline = place->started + sessions->options->deadline;
	error = ssh_loop_start(&sessions->loop, at, sessions->config, name);
	if ((error == EMFILE || error == ENFILE || error == EAGAIN || error == ENOMEM) && !is_busy(sessions, at) &&
	    any_busy(sessions))
		return false;
	if (error != 0) {
		snprintf(text, sizeof text, "cannot run ssh: %s", strerror(error));
		fail_place(sessions, at, text);
	}
	return true;
}

/* Until when the slot's guest counts as one whose greeting has not arrived; 0 if it does not count. */
static nanoseconds
counts_until(const struct sessions *sessions, size_t at)
{
	const struct place *place = &sessions->place[at];

	return sessions->loop.slot[at].stage == SLOT_OPEN && place->client.phase == PHASE_GREETING ?
	    place->begun + AGAIN_COUNTED : 0;
}

static size_t
greeting_awaited(const struct sessions *sessions)
{
	nanoseconds now = sysclock_elapsed();
	size_t count = 0;

	for (size_t at = 0; at < sessions->loop.slots; at++)
		count += counts_until(sessions, at) > now;
	return count;
}

static bool
may_begin(const struct sessions *sessions)
{
	return sessions->stopped == 0 && sessions->next < sessions->queued && (sessions->next < sessions->count ||
	    (sessions->queue[sessions->next].ready <= sysclock_elapsed() && greeting_awaited(sessions) < AGAIN_MOST));
}

/* Begins tries in the free slots.  Reports a guest at once if its ssh cannot be started. */
static void
fill(struct sessions *sessions)
{
	for (size_t at = 0; at < sessions->loop.slots; at++) {
		struct place *place = &sessions->place[at];

		while (!is_busy(sessions, at) && may_begin(sessions)) {
			place->guest = sessions->queue[sessions->next].guest;
			place->second = sessions->next >= sessions->count;
			place->begun = sysclock_elapsed();
			place->started = place->begun - sessions->queue[sessions->next].used;
			if (!launch(sessions, at))
				return;
			sessions->next++;
			if (!is_busy(sessions, at))
				report_place(sessions, place);
		}
	}
}

static void
take_line(void *context, size_t at, const char *line, size_t length, bool more, const struct clock_reading *received)
{
	static const char early[] = "it answered before it was asked";
	struct sessions *sessions = context;
	struct exchange_client *client = &sessions->place[at].client;

	if (more && client->phase != PHASE_GREETING)
		fail_place(sessions, at, early);
	else if (!client_take(client, line, length, &sessions->loop.slot[at].sent, received))
		leave(sessions, at);
	else if (more)
		fail_place(sessions, at, early);
	else if (!ssh_loop_send(&sessions->loop, at, &client->order))
		fail_place(sessions, at, "cannot write to ssh");
}

/*
 * Whether to try a guest again whose ssh ended with STATUS: this was the first try, no signal has ended the run, and
 * ssh itself failed, before any output of the guest, within half the guest's time limit, and not by a permanent cause.
 */
static bool
may_heal(const struct sessions *sessions, size_t at, int status)
{
	const struct place *place = &sessions->place[at];
	const struct ssh_slot *slot = &sessions->loop.slot[at];

	return place->client.result == CLIENT_UNFINISHED && place->client.phase == PHASE_GREETING && slot->held == 0 &&
	    !place->second && sessions->stopped == 0 && ssh_may_heal(&slot->ssh, status) &&
	    sysclock_elapsed() - place->started < sessions->options->deadline / 2;
}

/* Handles the end of an ssh: schedules a second try for its guest, or reports the guest. */
static void
ended(void *context, size_t at, int status)
{
	struct sessions *sessions = context;
	struct place *place = &sessions->place[at];
	char text[3 * SSH_LINE];

	if (may_heal(sessions, at, status)) {
		nanoseconds now = sysclock_elapsed();

		sessions->queue[sessions->queued++] = (struct try){ place->guest, now - place->started,
			now + AGAIN_WAIT + now % AGAIN_SPREAD };
		return;
	}
	if (place->client.result == CLIENT_UNFINISHED) {
		ssh_explain(&sessions->loop.slot[at].ssh, sessions->config, status, text, sizeof text);
		client_fail(&place->client, text);
	}
	report_place(sessions, place);
}

static void
take_signal(void *context, int number)
{
	struct sessions *sessions = context;

	if (sessions->stopped != 0)
		return;
	sessions->stopped = number;
	for (size_t at = 0; at < sessions->loop.slots; at++)
		if (is_busy(sessions, at))
			fail_place(sessions, at, "interrupted");
}

static void
deadline_passed(struct sessions *sessions, size_t at)
{
	const struct place *place = &sessions->place[at];
	char text[CLIENT_TEXT];

	snprintf(text, sizeof text, place->client.phase == PHASE_GREETING ? "no answer in %lld s" :
	    "the exchange was not complete after %lld s",
	    (long long)((sysclock_elapsed() - place->started) / NS_PER_SECOND));
	fail_place(sessions, at, text);
}

/*
 * Begins tries, and ends the exchanges whose deadline has passed.  Returns the next deadline, or when a second try may
 * begin.
 */
static nanoseconds
tick(void *context, nanoseconds now)
{
	struct sessions *sessions = context;
	nanoseconds soonest = INT64_MAX;

	fill(sessions);
	if (!any_busy(sessions) && (sessions->stopped != 0 || sessions->next == sessions->queued))
		return SSH_LOOP_END;
	if (sessions->next < sessions->queued && sessions->queue[sessions->next].ready > now)
		soonest = sessions->queue[sessions->next].ready;
	for (size_t at = 0; at < sessions->loop.slots; at++) {
		if (sessions->loop.slot[at].stage != SLOT_OPEN)
			continue;
		if (sessions->place[at].deadline <= now)
			deadline_passed(sessions, at);
		else
			soonest = ns_least(soonest, sessions->place[at].deadline);
		if (sessions->next < sessions->queued && counts_until(sessions, at) > now)
			soonest = ns_least(soonest, counts_until(sessions, at));
	}
	return soonest;
}

/* Reports the guests whose tries had not begun when a signal ended the run. */
static void
report_unbegun(struct sessions *sessions)
{
	for (; sessions->next < sessions->queued; sessions->next++) {
		struct place never = { .guest = sessions->queue[sessions->next].guest };

		client_fail(&never.client, sessions->next < sessions->count ? "interrupted before it was begun" :
		    "interrupted before it was tried again");
		report_place(sessions, &never);
	}
}

int
sessions_run(const struct driver_options *options, const char *config, const char *const *names, size_t count,
    const struct sessions_calls *calls)
{
	struct sessions sessions = { .options = options, .config = config, .names = names, .count = count, .calls = calls };
	const struct ssh_loop_calls loop_calls = { take_line, ended, take_signal, tick, &sessions };
	size_t places = (size_t)options->parallel < count ? (size_t)options->parallel : count;
	sigset_t signals;
	int error;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	error = ssh_loop_open(&sessions.loop, places, &signals, &loop_calls);
	sessions.place = calloc(places, sizeof *sessions.place);
	sessions.queue = calloc(2 * count, sizeof *sessions.queue);
	if (error == 0 && (sessions.place == NULL || sessions.queue == NULL))
		error = ENOMEM;
	for (; error == 0 && sessions.queued < count; sessions.queued++)
		sessions.queue[sessions.queued].guest = sessions.queued;
	if (error == 0)
		error = ssh_loop_run(&sessions.loop);
	if (error == 0)
		report_unbegun(&sessions);
	ssh_loop_close(&sessions.loop);
	free(sessions.place);
	free(sessions.queue);
	errno = error;
	return error != 0 ? -1 : sessions.stopped;
}
