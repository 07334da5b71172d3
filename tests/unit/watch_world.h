/*
 * A simulated world for watch.h: guests that pause, return to a snapshot and die, links to them, and what must hold at
 * every moment.  test_watch.c and the fuzz target watch include it, after they have defined HOLDS(condition).
 *
 * The host's clock is right.  Its raw clock is the world's time.
 */
#ifndef GUESTCLOCK_WATCH_WORLD_H
#define GUESTCLOCK_WATCH_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/watch.h"

#define WORLD_LINKS 2048
#define WORLD_EPOCH (INT64_C(1800000000) * NS_PER_SECOND)
#define WORLD_ORDERS 64			/* in a session that the guest takes */

enum door { DOOR_OPEN, DOOR_LOCKED, DOOR_CLOSED, DOOR_MUTE };	/* to a new session: also refused key, no sshd, no answer */

/* A guest, as it is. */
struct machine {
	nanoseconds drift_ppm, latency, login;	/* of its raw clock; of its network, each way; what sshd takes */
	bool old;			/* release 0.1: without the order "raw" */
	enum door door;
	const char *greeting, *answer;	/* what it says instead */
	const char *refusal;		/* of each order that moves its clock */
	nanoseconds resumes;		/* it stands still until then */
	nanoseconds at, raw, real;	/* its clocks at AT */
	nanoseconds slew_left;
	int64_t sets, rate_ppb, boot;
	int64_t life;			/* sessions of earlier lives are dead */
	int steps, slews, rates, bounds, samples;
	nanoseconds bound_time, bound_gap;	/* when the last bound came, and the longest time without one */
	nanoseconds try_time, try_gap;	/* when the last try began, and the shortest time between two */
	int starts;
	int news[WATCH_FAILED + 1];
	enum rate_event event;		/* of the last series */
	char text[CLIENT_TEXT];		/* of the last failure */
	bool told;			/* it failed, and no series has succeeded since */
};

struct wire {
	bool open, leaving, greeted, dead;	/* dead: the guest knows nothing of it any more */
	size_t machine;
	int64_t life;
	int turn;			/* events of earlier turns are of another ssh */
	int orders;
	struct clock_reading sent;
	nanoseconds begun;
};

struct event {
	nanoseconds time;
	enum world_event { EVENT_ARRIVES, EVENT_ORDER, EVENT_LINE, EVENT_ENDED } kind;
	size_t link;
	int turn, again;
	bool permanent;
	struct exchange_order order;
	char text[EXCHANGE_LINE + 1];
};

struct world {
	struct watch watch;
	struct watch_calls calls;
	nanoseconds now;
	struct machine *machine;	/* the index is that of watch.guest */
	size_t machines;
	struct wire wire[WORLD_LINKS];
	struct event *event;
	size_t events, room;
	int gateway;			/* the most connections without a greeting that it lets through; 0: there is none */
	int knocking;			/* such connections now */
	bool cannot_start, cannot_send;
	long starts;
	long idle_ticks;		/* ticks in this second without an event before */
	nanoseconds second;
	size_t most_awaiting;
};

static inline struct clock_reading
world_reading(const struct world *world)
{
	return (struct clock_reading){ .real = WORLD_EPOCH + world->now, .raw = world->now, .width = 100 };
}

/* Lets a machine's clocks run until the world's time. */
static inline void
machine_run(struct world *world, struct machine *machine)
{
	nanoseconds from = ns_most(machine->at, ns_least(machine->resumes, world->now)), ran, slewed;

	machine->at = world->now;
	ran = world->now - from;
	ran += ran / 1000 * machine->drift_ppm / 1000;
	slewed = ns_least(ran / 2000, ns_magnitude(machine->slew_left));
	slewed = machine->slew_left < 0 ? -slewed : slewed;
	machine->slew_left -= slewed;
	machine->raw += ran;
	machine->real += ran + ran / 1000000 * machine->rate_ppb / 1000 + slewed;
}

/* How far a machine's clock is ahead. */
static inline nanoseconds
machine_offset(struct world *world, size_t at)
{
	machine_run(world, &world->machine[at]);
	return world->machine[at].real - (WORLD_EPOCH + world->now);
}

static inline struct event *
world_add_event(struct world *world, nanoseconds time, enum world_event kind, size_t link)
{
	struct event *event;

	if (world->events == world->room) {
		world->room = 2 * world->room + 64;
		event = reallocarray(world->event, world->room, sizeof *event);
		if (event == NULL)
			abort();
		world->event = event;
	}
	event = &world->event[world->events++];
	memset(event, 0, sizeof *event);
	event->time = time;
	event->kind = kind;
	event->link = link;
	event->turn = world->wire[link].turn;
	return event;
}

static inline void
world_end_link(struct world *world, size_t link, nanoseconds after, const char *text, bool permanent)
{
	struct event *event = world_add_event(world, world->now + after, EVENT_ENDED, link);

	event->permanent = permanent;
	snprintf(event->text, sizeof event->text, "%s", text);
}

static inline void
world_say(struct world *world, size_t link, const char *line)
{
	struct event *event = world_add_event(world, world->now + world->machine[world->wire[link].machine].latency,
	    EVENT_LINE, link);

	snprintf(event->text, sizeof event->text, "%.*s", (int)strcspn(line, "\n"), line);
}

static inline size_t
world_start(void *context, size_t at)
{
	struct world *world = context;
	struct machine *machine = &world->machine[at];
	size_t link = 0;

	HOLDS(!world->watch.held && !world->watch.stopping && !world->watch.guest[at]->removed);
	world->starts++;
	machine->starts++;
	if (machine->try_time != 0)
		machine->try_gap = ns_least(machine->try_gap, world->now - machine->try_time);
	machine->try_time = world->now;
	while (link < WORLD_LINKS && world->wire[link].open)
		link++;
	if (world->cannot_start || link == WORLD_LINKS || !watch_room(&world->watch, link + 1))
		return WATCH_NONE;
	world->wire[link] = (struct wire){ .open = true, .machine = at, .turn = world->wire[link].turn + 1, .begun = world->now };
	world_add_event(world, world->now + machine->latency, EVENT_ARRIVES, link);
	world->knocking += world->gateway > 0;
	if (world->gateway > 0 && world->knocking > world->gateway)
		world_end_link(world, link, NS_PER_MILLISECOND, "Connection closed by the gateway", false);
	return link;
}

static inline bool
world_send(void *context, size_t link, const struct exchange_order *order)
{
	struct world *world = context;
	struct wire *wire = &world->wire[link];

	HOLDS(wire->open && !wire->leaving && world->watch.link[link].role == LINK_USE);
	HOLDS(world->watch.guest[wire->machine]->use == link && order->verb != EXCHANGE_BYE);
	wire->sent = world_reading(world);
	if (world->cannot_send)
		return false;
	world_add_event(world, world->now + world->machine[wire->machine].latency, EVENT_ORDER, link)->order = *order;
	return true;
}

static inline void
world_leave(void *context, size_t link, bool friendly)
{
	struct world *world = context;

	(void)friendly;
	HOLDS(world->wire[link].open && !world->wire[link].leaving);
	world->wire[link].leaving = true;
	world_end_link(world, link, 5 * NS_PER_MILLISECOND, "left", false);
}

static inline void
world_news(void *context, size_t at, enum watch_news news, const char *text)
{
	struct world *world = context;
	struct machine *machine = &world->machine[at];

	HOLDS(!world->watch.guest[at]->removed);
	machine->news[news]++;
	if (news == WATCH_MEASURED) {
		machine->told = false;
		machine->event = world->watch.guest[at]->client.looked ? world->watch.guest[at]->client.verdict.event :
		    RATE_EVENT_NONE;
	}
	if (news != WATCH_FAILED && news != WATCH_REFUSED)
		return;
	/* Once, until a series succeeds. */
	HOLDS(!machine->told && text != NULL && text[0] != '\0');
	machine->told = true;
	snprintf(machine->text, sizeof machine->text, "%s", text);
}

/* What must hold at every moment. */
static inline void
world_check(struct world *world)
{
	const struct watch *watch = &world->watch;
	size_t awaiting = 0, uses = 0, spares = 0;

	for (size_t link = 0; link < watch->links; link++) {
		const struct watch_link *is = &watch->link[link];
		const struct watch_guest *guest;

		HOLDS((is->role != LINK_FREE) == world->wire[link].open);
		if (is->role == LINK_FREE)
			continue;
		guest = watch->guest[is->guest];
		HOLDS(is->guest == world->wire[link].machine && guest != NULL);
		HOLDS(world->wire[link].leaving == (is->role == LINK_LEAVING));
		HOLDS(!guest->removed || is->role == LINK_LEAVING);
		HOLDS(guest->use != link || is->role == LINK_USE);
		HOLDS(guest->spare != link || is->role == LINK_SPARE);
		awaiting += is->role == LINK_TRY;
		uses += is->role == LINK_USE;
		spares += is->role == LINK_SPARE;
		/* The next tick ends it. */
		if (is->role == LINK_USE || is->role == LINK_SPARE)
			HOLDS(world->now - is->begun <= WATCH_SESSION_SECONDS * NS_PER_SECOND);
	}
	HOLDS(awaiting == watch->awaiting && awaiting <= watch->parallel);
	world->most_awaiting = awaiting > world->most_awaiting ? awaiting : world->most_awaiting;
	for (size_t at = 0; at < watch->guests; at++) {
		const struct watch_guest *guest = watch->guest[at];

		if (guest == NULL)
			continue;
		HOLDS(guest->tries >= 0 && guest->tries <= WATCH_TRIES);
		/* A session that another replaces ends soon: tries would only be in the way. */
		HOLDS(guest->spare == WATCH_NONE || (guest->use != WATCH_NONE && guest->tries == 0));
		HOLDS(guest->use != WATCH_NONE || !guest->talking);
		awaiting -= (size_t)guest->tries;
		uses -= guest->use != WATCH_NONE;
		spares -= guest->spare != WATCH_NONE;
	}
	HOLDS(awaiting == 0 && uses == 0 && spares == 0);
}

/* An order reaches a machine. */
static inline void
machine_obey(struct world *world, size_t link, const struct exchange_order *order)
{
	struct wire *wire = &world->wire[link];
	struct machine *machine = &world->machine[wire->machine];
	bool raw = order->verb == EXCHANGE_RAW, asks = raw || order->verb == EXCHANGE_NOW;
	struct exchange_reply reply = { .kind = raw ? REPLY_RAW : asks ? REPLY_NOW : REPLY_DONE };
	char line[EXCHANGE_LINE + 1];

	machine_run(world, machine);
	if (machine->answer != NULL) {
		world_say(world, link, machine->answer);
		return;
	}
	wire->orders += !asks;
	if (wire->orders > WORLD_ORDERS) {
		world_say(world, link, "no too-many orders in this session");
		world_end_link(world, link, machine->latency + NS_PER_MILLISECOND, "the guest closed the session", false);
		return;
	}
	if (order->numbered && order->sets != machine->sets) {
		world_say(world, link, "no stale the clock was set");
		return;
	}
	if (!asks && order->verb != EXCHANGE_BOUND && machine->refusal != NULL) {
		world_say(world, link, machine->refusal);
		return;
	}
	machine->samples += asks;
	switch (order->verb) {
	case EXCHANGE_STEP:
		machine->steps++;
		machine->slew_left = 0;
		machine->real = ns_add(machine->real, order->value);
		break;
	case EXCHANGE_SLEW:
		machine->slews++;
		machine->slew_left = order->value;
		break;
	case EXCHANGE_RATE:
		machine->rates++;
		/* The order of the rate in force changes nothing. */
		machine->sets -= order->value == machine->rate_ppb;
		machine->rate_ppb = order->value;
		break;
	case EXCHANGE_BOUND:
		if (machine->bounds++ > 0)
			machine->bound_gap = ns_most(machine->bound_gap, world->now - machine->bound_time);
		machine->bound_time = world->now;
		break;
	default:
		break;
	}
	machine->sets += order->numbered || order->verb == EXCHANGE_STEP;
	reply.time = machine->real;
	reply.numbered = raw || order->numbered;
	reply.sets = machine->sets;
	reply.raw = machine->raw;
	reply.tick_us = 10000;
	reply.frequency_ppb = machine->rate_ppb;
	reply.slew_left = machine->slew_left;
	exchange_write_reply(&reply, line);
	world_say(world, link, line);
}

/* A new session reaches a machine. */
static inline void
machine_greet(struct world *world, struct event event)
{
	struct wire *wire = &world->wire[event.link];
	struct machine *machine = &world->machine[wire->machine];
	struct exchange_greeting greeting = { .version = EXCHANGE_VERSION, .tick_us = 10000, .raw = !machine->old };
	char line[EXCHANGE_LINE + 1];

	if (machine->door == DOOR_MUTE || machine->resumes > world->now) {
		/* TCP sends again after 1, 3, 7, ... s. */
		if (event.again < 6)
			world_add_event(world, event.time + (NS_PER_SECOND << event.again), EVENT_ARRIVES, event.link)->again =
			    event.again + 1;
		else
			world_end_link(world, event.link, 0, "Connection timed out", false);
		return;
	}
	if (machine->door != DOOR_OPEN) {
		world_end_link(world, event.link, machine->latency, machine->door == DOOR_LOCKED ? "Permission denied" :
		    "Connection refused", machine->door == DOOR_LOCKED);
		return;
	}
	wire->life = machine->life;
	greeting.frequency_ppb = machine->rate_ppb;
	snprintf(greeting.boot, sizeof greeting.boot, "b%lld", (long long)machine->boot);
	exchange_write_greeting(&greeting, line);
	world->now += machine->login;
	world_say(world, event.link, machine->greeting != NULL ? machine->greeting : line);
	world->now -= machine->login;
}

static inline void
world_handle(struct world *world, struct event event)
{
	struct wire *wire = &world->wire[event.link];
	struct machine *machine = &world->machine[wire->machine];
	struct clock_reading received = world_reading(world);

	if (!wire->open || wire->turn != event.turn)
		return;
	switch (event.kind) {
	case EVENT_ARRIVES:
		if (!wire->leaving && !wire->greeted)
			machine_greet(world, event);
		break;
	case EVENT_ORDER:
		if (wire->dead || wire->life != machine->life)
			break;
		if (machine->resumes > world->now)
			world_add_event(world, machine->resumes + machine->latency, EVENT_ORDER, event.link)->order = event.order;
		else
			machine_obey(world, event.link, &event.order);
		break;
	case EVENT_LINE:
		if (wire->leaving || wire->dead)
			break;
		world->knocking -= world->gateway > 0 && !wire->greeted;
		wire->greeted = true;
		watch_line(&world->watch, event.link, event.text, strlen(event.text), false, &wire->sent, &received);
		break;
	case EVENT_ENDED:
		world->knocking -= world->gateway > 0 && !wire->greeted;
		wire->open = false;
		watch_ended(&world->watch, event.link, event.text, event.permanent, world->now);
		break;
	}
}

/* Lets the world run until TIME. */
static inline void
world_run_until(struct world *world, nanoseconds time)
{
	for (;;) {
		nanoseconds due = watch_tick(&world->watch, world->now), next = ns_least(due, time);
		size_t first = SIZE_MAX;

		world_check(world);
		/* Nothing is due now any more: else the caller would spin. */
		HOLDS(due > world->now);
		for (size_t at = 0; at < world->events; at++)
			if (world->event[at].time < next || (first == SIZE_MAX && world->event[at].time <= next)) {
				next = world->event[at].time;
				first = at;
			}
		if (next - world->second >= NS_PER_SECOND) {
			world->second = next;
			world->idle_ticks = 0;
		}
		world->now = ns_most(world->now, next);
		if (first != SIZE_MAX) {
			struct event event = world->event[first];

			/* Those of one moment keep their order. */
			memmove(world->event + first, world->event + first + 1, (--world->events - first) * sizeof event);
			world_handle(world, event);
			world_check(world);
			continue;
		}
		/* 40 starts, and for each guest its readings and the limits of its tries. */
		world->idle_ticks += due <= world->now;
		HOLDS(world->idle_ticks <= 100 + 20 * (long)world->machines);
		if (world->now >= time)
			return;
	}
}

static inline void
world_run(struct world *world, nanoseconds time)
{
	world_run_until(world, world->now + time);
}

static const struct rate world_unknown;

/* A machine whose clock is ahead by OFFSET. */
static inline struct machine
world_machine(const struct world *world, nanoseconds offset)
{
	return (struct machine){ .latency = 100 * NS_PER_MICROSECOND, .login = 100 * NS_PER_MILLISECOND, .at = world->now,
		.raw = world->now / 2, .real = WORLD_EPOCH + world->now + offset, .sets = 7, .boot = 1, .try_gap = INT64_MAX };
}

/* Adds the guest MACHINE.  Returns its index. */
static inline size_t
world_add(struct world *world, const struct machine *machine)
{
	size_t at = watch_add(&world->watch, "guest", &world_unknown);
	struct machine *more;

	HOLDS(at != WATCH_NONE);
	if (at >= world->machines) {
		more = reallocarray(world->machine, at + 1, sizeof *more);
		if (more == NULL)
			abort();
		world->machine = more;
		world->machines = at + 1;
	}
	world->machine[at] = *machine;
	return at;
}

static inline struct world *
world_new(void)
{
	struct world *world = calloc(1, sizeof *world);

	if (world == NULL)
		abort();
	world->calls = (struct watch_calls){ world_start, world_send, world_leave, world_news, world };
	world->now = world->second = 5000 * NS_PER_SECOND;
	world->watch = (struct watch){ .calls = &world->calls, .interval = NS_PER_SECOND, .patience = 10 * NS_PER_SECOND,
		.parallel = 16, .task = { .correct = true, .step_back = INT64_MAX, .host_boot = "host" } };
	return world;
}

static inline void
world_free(struct world *world)
{
	watch_free(&world->watch);
	free(world->machine);
	free(world->event);
	free(world);
}

/* A machine stands still for TIME, from now on. */
static inline void
world_pause(struct world *world, size_t at, nanoseconds time)
{
	machine_run(world, &world->machine[at]);
	world->machine[at].resumes = world->now + time;
}

/* Makes a machine again what it was in SNAPSHOT.  Its sessions are dead, and what it counted stays. */
static inline void
world_restore(struct world *world, size_t at, const struct machine *snapshot)
{
	struct machine *machine = &world->machine[at];

	machine->raw = snapshot->raw;
	machine->real = snapshot->real;
	machine->sets = snapshot->sets;
	machine->rate_ppb = snapshot->rate_ppb;
	machine->slew_left = snapshot->slew_left;
	machine->at = world->now;
	machine->life++;
}

/* The same after a reboot: its raw clock and its numbers begin again. */
static inline void
world_reboot(struct world *world, size_t at, nanoseconds offset)
{
	struct machine *machine = &world->machine[at];

	*machine = (struct machine){ .raw = 0, .sets = 0, .boot = machine->boot + 1, .life = machine->life + 1, .at = world->now,
		.real = WORLD_EPOCH + world->now + offset, .latency = machine->latency, .login = machine->login,
		.drift_ppm = machine->drift_ppm, .try_gap = machine->try_gap, .try_time = machine->try_time, .told = machine->told };
}

#endif
