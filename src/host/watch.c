/* The state machine of watch: see watch.h. */
#include "host/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The tries of a guest that fell silent less than SOON ago begin this far apart, and those of others. */
#define SOON (900 * NS_PER_SECOND)
#define TRY_SOON (NS_PER_SECOND / 2)
#define TRY_LATER (5 * NS_PER_SECOND)
/* After a cause that lasts, such as a refused key, more tries would only fill logs, or get this host's address banned. */
#define TRY_PERMANENT (60 * NS_PER_SECOND)
/* Between the starts of any two tries: of guests that fell silent a short time ago, and of others. */
#define START_SOON (25 * NS_PER_MILLISECOND)
#define START_LATER (250 * NS_PER_MILLISECOND)
/*
 * How long a try may take to its greeting: four times what the guest's tries take as a rule, but at least this.  Then
 * another one is more likely to be first: TCP waits longer and longer between the packets of one that is not answered.
 */
#define TRY_LEAST (2 * NS_PER_SECOND)
/* How long a greeting takes as long as there was none. */
#define GREETING_FIRST (NS_PER_SECOND * 5 / 2)
/* When to replace a session: spread out, so that the sessions of many guests are not all replaced at once. */
#define RENEW_FIRST (600 * NS_PER_SECOND)
#define RENEW_SPREAD (180 * NS_PER_SECOND)
#define SESSION_MOST (WATCH_SESSION_SECONDS * NS_PER_SECOND)
/* A reading of more than this, and of more than eight times the usual delay, shows nothing. */
#define READING_LEAST (20 * NS_PER_MILLISECOND)
/* After the guest has refused an order because another request held the lock. */
#define AGAIN_BUSY NS_PER_SECOND

bool
watch_room(struct watch *watch, size_t links)
{
	struct watch_link *more = links <= watch->links ? watch->link : reallocarray(watch->link, links, sizeof *more);

	if (more == NULL)
		return false;
	watch->link = more;
	for (; watch->links < links; watch->links++)
		watch->link[watch->links] = (struct watch_link){ .role = LINK_FREE };
	return true;
}

size_t
watch_add(struct watch *watch, const char *name, const struct rate *rate)
{
	struct watch_guest *guest = calloc(1, sizeof *guest), **more;
	char *copy = strdup(name);
	size_t at = 0;

	while (at < watch->guests && watch->guest[at] != NULL)
		at++;
	more = at < watch->guests ? watch->guest : reallocarray(watch->guest, at + 1, sizeof(void *));
	if (more != NULL) {
		watch->guest = more;
		if (at == watch->guests)
			watch->guest[watch->guests++] = NULL;
	}
	if (guest == NULL || copy == NULL || more == NULL) {
		free(guest);
		free(copy);
		return WATCH_NONE;
	}
	watch->guest[at] = guest;
	guest->name = copy;
	guest->use = guest->spare = WATCH_NONE;
	client_start(&guest->client, &watch->task, rate);
	watch->due = 0;
	return at;
}

static void
stop_talking(struct watch_guest *guest)
{
	if (guest->talking)
		client_note(&guest->client);
	guest->talking = false;
}

/* Ends a link, whatever it is used for. */
static void
drop(struct watch *watch, size_t link, bool friendly)
{
	struct watch_guest *guest = watch->guest[watch->link[link].guest];

	if (watch->link[link].role == LINK_TRY) {
		guest->tries--;
		watch->awaiting--;
		/* Another guest's may begin. */
		watch->due = 0;
	}
	if (guest->use == link) {
		guest->use = WATCH_NONE;
		stop_talking(guest);
	}
	if (guest->spare == link)
		guest->spare = WATCH_NONE;
	watch->link[link].role = LINK_LEAVING;
	watch->calls->leave(watch->calls->context, link, friendly);
}

static void
drop_tries(struct watch *watch, size_t guest)
{
	for (size_t link = 0; link < watch->links && watch->guest[guest]->tries > 0; link++)
		if (watch->link[link].role == LINK_TRY && watch->link[link].guest == guest)
			drop(watch, link, false);
}

static void
free_guest(struct watch *watch, size_t at)
{
	if (watch->guest[at] != NULL)
		free(watch->guest[at]->name);
	free(watch->guest[at]);
	watch->guest[at] = NULL;
}

static void
drop_all(struct watch *watch, size_t at)
{
	struct watch_guest *guest = watch->guest[at];

	drop_tries(watch, at);
	if (guest->spare != WATCH_NONE)
		drop(watch, guest->spare, false);
	if (guest->use != WATCH_NONE)
		drop(watch, guest->use, !guest->talking);
}

/* Frees the place of a removed guest that has no links any more. */
static void
free_removed(struct watch *watch, size_t at)
{
	if (watch->guest[at] == NULL || !watch->guest[at]->removed)
		return;
	for (size_t link = 0; link < watch->links; link++)
		if (watch->link[link].role != LINK_FREE && watch->link[link].guest == at)
			return;
	free_guest(watch, at);
}

void
watch_remove(struct watch *watch, size_t guest)
{
	watch->guest[guest]->removed = true;
	drop_all(watch, guest);
	free_removed(watch, guest);
}

static void
fall_silent(struct watch *watch, struct watch_guest *guest, nanoseconds since, nanoseconds next_try)
{
	guest->silent = true;
	if (guest->failing_since == 0)
		guest->failing_since = ns_most(since, 1);
	/* Never sooner than the last try allows: a session may die as soon as it has begun, again and again. */
	guest->next_try = ns_most(guest->next_try, next_try);
	watch->due = 0;
}

static void
fail(struct watch *watch, size_t at, enum watch_news news)
{
	struct watch_guest *guest = watch->guest[at];

	if (guest->failed)
		return;
	guest->failed = true;
	watch->calls->news(watch->calls->context, at, news, guest->text[0] != '\0' ? guest->text : "it does not answer");
}

/* The session in use is lost, or has been dropped: goes back to a silent one if there is one. */
static void
lose_session(struct watch *watch, struct watch_guest *guest, nanoseconds now, nanoseconds next_try)
{
	struct rate rate = guest->client.rate;

	guest->use = guest->spare;
	guest->spare = WATCH_NONE;
	if (guest->use != WATCH_NONE) {
		watch->link[guest->use].role = LINK_USE;
		client_start(&guest->client, &watch->task, &rate);
		guest->client.greeting = guest->spare_greeting;
		guest->end = watch->link[guest->use].begun + SESSION_MOST;
		guest->renew = ns_least(now + TRY_PERMANENT, guest->end - TRY_PERMANENT / 2);
		/* One that has not answered still has an order. */
		guest->talking = !guest->spare_answers;
		guest->client.result = CLIENT_FAILED;
		guest->asked = now;
		guest->next_exchange = guest->next_series = now;
	}
	fall_silent(watch, guest, now, next_try);
}

/* Begins an exchange in the session in use. */
static void
begin_exchange(struct watch *watch, size_t at, nanoseconds now)
{
	struct watch_guest *guest = watch->guest[at];
	bool series = now >= guest->next_series || guest->delay == 0 || guest->failed;

	client_again(&guest->client, series ? 0 : ns_most(READING_LEAST, 8 * guest->delay));
	guest->talking = true;
	guest->asked = now;
	if (!watch->calls->send(watch->calls->context, guest->use, &guest->client.order)) {
		drop(watch, guest->use, false);
		snprintf(guest->text, sizeof guest->text, "cannot write to ssh");
		lose_session(watch, guest, now, now + TRY_SOON);
	}
}

/* Whether the guest refused the last order for this reason, which may follow what was ordered before: see client_fail(). */
static bool
has_refused(const struct exchange_client *client, enum exchange_reason reason)
{
	const char *name = exchange_reason_name(reason), *text = client->text, *end = strstr(text, ") ");

	if (text[0] == '(' && end != NULL)
		text = end + 2;
	return client->result == CLIENT_REFUSED && strncmp(text, name, strlen(name)) == 0;
}

/* When to try again after the session in use: later if it was good for nothing, because the next one may be too. */
static nanoseconds
after_session(const struct watch_guest *guest, nanoseconds now)
{
	return guest->measured ? now : now + TRY_LATER;
}

/* Handles the end of an exchange in the session in use. */
static void
end_exchange(struct watch *watch, size_t at, nanoseconds now)
{
	struct watch_guest *guest = watch->guest[at];
	const struct exchange_client *client = &guest->client;
	bool quiet = client->quiet;

	if (client->result == CLIENT_DONE) {
		stop_talking(guest);
		guest->measured = true;
		guest->failing_since = 0;
		guest->text[0] = '\0';
		guest->delay += (client->before.delay - guest->delay) / (guest->delay == 0 ? 1 : 8);
		/* Keep the rhythm, unless it is lost. */
		guest->next_exchange += watch->interval;
		if (guest->next_exchange <= now || guest->next_exchange > now + watch->interval)
			guest->next_exchange = now + watch->interval;
		if (!quiet)
			guest->next_series = now + WATCH_SERIES;
		guest->next_exchange = ns_least(guest->next_exchange, ns_most(guest->next_series, now + AGAIN_BUSY));
		if (guest->spare != WATCH_NONE)
			drop(watch, guest->spare, false);
		if (!quiet)
			guest->failed = false;
		/* Only a series ends a failure. */
		if (guest->failed) {
			guest->next_exchange = now;
			return;
		}
		watch->calls->news(watch->calls->context, at, quiet ? WATCH_READ : WATCH_MEASURED, NULL);
		return;
	}
	memcpy(guest->text, client->text, sizeof guest->text);
	if (guest->failing_since == 0)
		guest->failing_since = now;
	if (has_refused(client, REASON_BUSY)) {
		stop_talking(guest);
		guest->next_exchange = now + AGAIN_BUSY;
		if (now - guest->failing_since >= watch->patience)
			fail(watch, at, WATCH_REFUSED);
		return;
	}
	drop(watch, guest->use, client->result == CLIENT_REFUSED);
	/* The guest takes only so many orders in a session: another one goes on. */
	if (has_refused(client, REASON_TOO_MANY)) {
		lose_session(watch, guest, now, after_session(guest, now));
		return;
	}
	lose_session(watch, guest, now, now + (client->result == CLIENT_REFUSED ? TRY_PERMANENT : TRY_LATER));
	fail(watch, at, client->result == CLIENT_REFUSED ? WATCH_REFUSED : WATCH_FAILED);
}

/* Gives a line to the exchange of the session in use, and sends what follows. */
static void
go_on(struct watch *watch, size_t at, const char *line, size_t length, bool more, const struct clock_reading *sent,
    const struct clock_reading *received)
{
	struct watch_guest *guest = watch->guest[at];
	nanoseconds now = received->raw;
	bool going_on = guest->talking && (!more || guest->client.phase == PHASE_GREETING);

	if (going_on && client_take(&guest->client, line, length, sent, received))
		going_on = !more;
	if (!going_on)
		client_fail(&guest->client, "it answered before it was asked");
	if (guest->client.result == CLIENT_UNFINISHED) {
		guest->asked = now;
		/* What the host's clock says now must not reach a guest. */
		if (watch->held) {
			stop_talking(guest);
			return;
		}
		if (watch->calls->send(watch->calls->context, guest->use, &guest->client.order))
			return;
		client_fail(&guest->client, "cannot write to ssh");
	}
	end_exchange(watch, at, now);
}

/* How long an order may be without an answer: longer if the way to the guest is long. */
static nanoseconds
silence(const struct watch *watch, const struct watch_guest *guest)
{
	return ns_most(WATCH_SILENT, ns_least(4 * guest->delay, watch->patience));
}

static nanoseconds
usual_greeting(const struct watch_guest *guest)
{
	return guest->greeting_time != 0 ? guest->greeting_time : GREETING_FIRST;
}

/* A try's greeting has arrived: the try becomes the session in use. */
static void
take_over(struct watch *watch, size_t link, const char *line, size_t length, bool more,
    const struct clock_reading *received)
{
	size_t at = watch->link[link].guest;
	struct watch_guest *guest = watch->guest[at];
	nanoseconds now = received->raw, begun = watch->link[link].begun;
	struct rate rate;
	struct exchange_client trial;

	/* A wrong greeting is no reason to leave a session that may answer. */
	client_start(&trial, &watch->task, &guest->client.rate);
	if (guest->use != WATCH_NONE && (!client_take(&trial, line, length, received, received) || more)) {
		snprintf(guest->text, sizeof guest->text, "%s", more ? "it answered before it was asked" : trial.text);
		drop(watch, link, false);
		guest->next_try = now + TRY_LATER;
		return;
	}
	/* Another try has just become the session in use, or an exchange is under way in a session that answers. */
	if (guest->spare != WATCH_NONE || (guest->talking && !guest->silent) || watch->held) {
		drop(watch, link, false);
		guest->next_try = now + TRY_SOON;
		return;
	}
	if (guest->use != WATCH_NONE) {
		guest->spare = guest->use;
		guest->spare_answers = !guest->talking;
		/* What it has ordered until now. */
		stop_talking(guest);
		guest->spare_greeting = guest->client.greeting;
		watch->link[guest->spare].role = LINK_SPARE;
	}
	guest->tries--;
	watch->awaiting--;
	watch->link[link].role = LINK_USE;
	drop_tries(watch, at);
	guest->use = link;
	guest->measured = false;
	/* A try that waited for a paused guest does not show how long others take. */
	guest->greeting_time += (ns_least(now - begun, 2 * usual_greeting(guest)) - guest->greeting_time) /
	    (guest->greeting_time == 0 ? 1 : 4);
	/* A guest that greets late on purpose must not keep others' tries out. */
	guest->greeting_time = ns_least(guest->greeting_time, watch->patience / 4);
	/* The link's number and the time differ from session to session: no better randomness is needed to spread out. */
	guest->renew = begun + RENEW_FIRST + (now / 1000 + (nanoseconds)link * 37 * NS_PER_SECOND) % RENEW_SPREAD;
	guest->end = begun + SESSION_MOST;
	guest->silent = false;
	guest->next_exchange = now;
	rate = guest->client.rate;
	client_start(&guest->client, &watch->task, &rate);
	guest->talking = true;
	go_on(watch, at, line, length, more, received, received);
}

void
watch_ended(struct watch *watch, size_t link, const char *text, bool permanent, nanoseconds now)
{
	size_t at = watch->link[link].guest;
	struct watch_guest *guest;

	/* An ssh that the caller could not start: this link was nobody's. */
	if (watch->link[link].role == LINK_FREE)
		return;
	guest = watch->guest[at];
	watch->due = 0;
	switch (watch->link[link].role) {
	case LINK_TRY:
		guest->tries--;
		watch->awaiting--;
		snprintf(guest->text, sizeof guest->text, "%s", text);
		if (!permanent)
			break;
		guest->next_try = now + TRY_PERMANENT;
		/* The guest lets this host in no more: so the session that it let in before ends now. */
		if (guest->use != WATCH_NONE) {
			drop(watch, guest->use, !guest->silent);
			lose_session(watch, guest, now, guest->next_try);
		}
		if (guest->use == WATCH_NONE)
			fail(watch, at, WATCH_FAILED);
		break;
	case LINK_USE:
		snprintf(guest->text, sizeof guest->text, "%s", text);
		guest->use = WATCH_NONE;
		stop_talking(guest);
		lose_session(watch, guest, now, after_session(guest, now));
		break;
	case LINK_SPARE:
		guest->spare = WATCH_NONE;
		break;
	default:
		break;
	}
	watch->link[link].role = LINK_FREE;
	free_removed(watch, at);
}

/* Handles the times of a guest that have passed.  Returns the next of them. */
static nanoseconds
guest_tick(struct watch *watch, size_t at, nanoseconds now)
{
	struct watch_guest *guest = watch->guest[at];
	nanoseconds next = INT64_MAX;

	if (guest->talking && !guest->silent) {
		if (now - guest->asked >= silence(watch, guest)) {
			fall_silent(watch, guest, guest->asked, now);
			/* While a session is spare, no try begins: go back to one that answers, and end another. */
			if (guest->spare != WATCH_NONE && guest->spare_answers) {
				drop(watch, guest->use, false);
				lose_session(watch, guest, now, now);
			} else if (guest->spare != WATCH_NONE)
				drop(watch, guest->spare, false);
		} else
			next = guest->asked + silence(watch, guest);
	}
	if (guest->use == WATCH_NONE && !guest->silent)
		fall_silent(watch, guest, now, now);
	if (guest->use != WATCH_NONE && now >= guest->end) {
		drop(watch, guest->use, !guest->talking);
		if (guest->text[0] == '\0')
			snprintf(guest->text, sizeof guest->text, "no new session began before the old one was %d s old",
			    WATCH_SESSION_SECONDS);
		lose_session(watch, guest, now, now);
	}
	if (guest->spare != WATCH_NONE) {
		if (now >= watch->link[guest->spare].begun + SESSION_MOST)
			drop(watch, guest->spare, false);
		else
			next = ns_least(next, watch->link[guest->spare].begun + SESSION_MOST);
	}
	/* A guest that is held is not tried, so it cannot fail. */
	if (guest->silent && !guest->failed && !watch->held) {
		if (now - guest->failing_since >= watch->patience)
			fail(watch, at, WATCH_FAILED);
		else
			next = ns_least(next, guest->failing_since + watch->patience);
	}
	if (guest->use != WATCH_NONE) {
		next = ns_least(next, guest->end);
		if (!guest->talking && !watch->held) {
			if (now >= guest->next_exchange)
				begin_exchange(watch, at, now);
			else
				next = ns_least(next, guest->next_exchange);
			if (guest->talking)
				next = ns_least(next, guest->asked + silence(watch, guest));
		}
	}
	return next;
}

/* Ends the tries that take too long.  Returns when the next one does. */
static nanoseconds
end_late_tries(struct watch *watch, nanoseconds now)
{
	nanoseconds next = INT64_MAX;

	for (size_t at = 0; at < watch->links && watch->awaiting > 0; at++) {
		struct watch_link *link = &watch->link[at];

		if (link->role == LINK_TRY && now >= link->end) {
			drop(watch, at, false);
			snprintf(watch->guest[link->guest]->text, CLIENT_TEXT, "ssh got no answer in %lld s",
			    (long long)((now - link->begun) / NS_PER_SECOND));
		} else if (link->role == LINK_TRY)
			next = ns_least(next, link->end);
	}
	return next;
}

/* How long a try may take that begins now. */
static nanoseconds
try_length(const struct watch *watch, const struct watch_guest *guest, bool soon)
{
	nanoseconds least = ns_most(soon ? TRY_LEAST : TRY_LATER, 4 * usual_greeting(guest));

	/* One of a guest's tries may take long: perhaps the guest has become slow. */
	return soon && guest->tries == 0 && watch->awaiting < (watch->parallel + 1) / 2 ? ns_most(watch->patience, least) :
	    least;
}

/* When a guest's next try may begin; INT64_MAX: not now.  *SOON: it has not been silent for long. */
static nanoseconds
try_time(const struct watch_guest *guest, nanoseconds now, bool *soon)
{
	bool renewing = !guest->silent && guest->use != WATCH_NONE;

	*soon = renewing || now - guest->failing_since < SOON;
	if (guest->removed || guest->tries >= (*soon && !renewing ? WATCH_TRIES : 1) || guest->spare != WATCH_NONE)
		return INT64_MAX;
	if (renewing)
		return ns_most(guest->renew, guest->next_try);
	/* While a try is under way, it may yet succeed. */
	return guest->tries == 0 ? guest->next_try : ns_most(guest->next_try, guest->last_try + usual_greeting(guest));
}

/* Begins tries: first of guests that fell silent a short time ago, in turn.  Returns when the next may begin. */
static nanoseconds
begin_tries(struct watch *watch, nanoseconds now)
{
	nanoseconds next = INT64_MAX;

	for (int pass = 0; pass < 2; pass++) {
		/* Guests that are away for long leave room for those that fall silent now. */
		size_t most = pass == 0 ? watch->parallel : (watch->parallel + 1) / 2;

		for (size_t step = 1; step <= watch->guests; step++) {
			size_t at = (watch->turn + step) % watch->guests, link;
			struct watch_guest *guest = watch->guest[at];
			bool soon;
			nanoseconds time = guest == NULL ? INT64_MAX : try_time(guest, now, &soon);

			if (time == INT64_MAX || soon != (pass == 0))
				continue;
			time = ns_most(time, watch->next_start);
			if (time > now || watch->awaiting >= most) {
				/* If all tries are in use, the end of one makes watch_tick() due. */
				if (watch->awaiting < most)
					next = ns_least(next, time);
				continue;
			}
			link = watch->calls->start(watch->calls->context, at);
			watch->turn = at;
			watch->next_start = now + (soon ? START_SOON : START_LATER);
			guest->last_try = now;
			guest->next_try = now + (soon ? TRY_SOON : TRY_LATER);
			watch->due = 0;
			if (link == WATCH_NONE)
				continue;
			watch->link[link] = (struct watch_link){ LINK_TRY, at, now, now + try_length(watch, guest, soon) };
			guest->tries++;
			watch->awaiting++;
			step = 0;
		}
	}
	return next;
}

void
watch_line(struct watch *watch, size_t link, const char *line, size_t length, bool more,
    const struct clock_reading *sent, const struct clock_reading *received)
{
	size_t at = watch->link[link].guest;
	struct watch_guest *guest = watch->guest[at];
	nanoseconds next;
	bool soon;

	switch (watch->link[link].role) {
	case LINK_TRY:
		watch->due = 0;
		take_over(watch, link, line, length, more, received);
		break;
	case LINK_USE:
		/* The first answer tells how long the way is, before a series is over. */
		if (guest->delay == 0 && guest->talking)
			guest->delay = received->raw - guest->asked;
		if (guest->silent) {
			guest->silent = false;
			drop_tries(watch, at);
			/* The answer to an order of before this session was replaced for a while. */
			if (guest->talking && guest->client.result == CLIENT_FAILED) {
				guest->talking = false;
				if (!watch->held)
					begin_exchange(watch, at, received->raw);
				break;
			}
		}
		go_on(watch, at, line, length, more, sent, received);
		break;
	case LINK_SPARE:
		/* It has one order at most. */
		if (more || guest->spare_answers)
			drop(watch, link, false);
		else
			guest->spare_answers = true;
		break;
	default:
		break;
	}
	/* As a rule only this guest's times have changed: watch_tick() need not look at all guests. */
	if (watch->due != 0 && !watch->stopping && !guest->removed) {
		next = guest_tick(watch, at, received->raw);
		if (!watch->held)
			next = ns_least(next, try_time(guest, received->raw, &soon));
		watch->due = ns_least(watch->due, next);
	}
}

nanoseconds
watch_tick(struct watch *watch, nanoseconds now)
{
	nanoseconds next, wanted;
	bool soon;

	if (now < watch->due)
		return watch->due;
	do {
		watch->due = wanted = INT64_MAX;
		next = end_late_tries(watch, now);
		for (size_t at = 0; at < watch->guests; at++)
			if (watch->guest[at] != NULL && !watch->guest[at]->removed && !watch->stopping) {
				next = ns_least(next, guest_tick(watch, at, now));
				wanted = ns_least(wanted, try_time(watch->guest[at], now, &soon));
			}
		if (!watch->held && !watch->stopping)
			next = ns_least(next, wanted <= now ? begin_tries(watch, now) : wanted);
	} while (watch->due == 0);
	watch->due = next;
	return next;
}

void
watch_hold(struct watch *watch, bool held, nanoseconds now)
{
	if (watch->held && !held) {
		watch_measure_all(watch, now);
		for (size_t at = 0; at < watch->guests; at++)
			if (watch->guest[at] != NULL && watch->guest[at]->failing_since != 0)
				watch->guest[at]->failing_since = now;
	}
	watch->held = held;
	watch->due = 0;
}

void
watch_measure_all(struct watch *watch, nanoseconds now)
{
	for (size_t at = 0; at < watch->guests; at++)
		if (watch->guest[at] != NULL)
			watch->guest[at]->next_exchange = watch->guest[at]->next_series = now;
	watch->due = 0;
}

bool
watch_stop(struct watch *watch)
{
	watch->stopping = true;
	for (size_t at = 0; at < watch->guests; at++)
		if (watch->guest[at] != NULL)
			drop_all(watch, at);
	for (size_t link = 0; link < watch->links; link++)
		if (watch->link[link].role != LINK_FREE)
			return false;
	return true;
}

void
watch_free(struct watch *watch)
{
	for (size_t at = 0; at < watch->guests; at++)
		free_guest(watch, at);
	free(watch->guest);
	free(watch->link);
}
