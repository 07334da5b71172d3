/* watch: the state machine against a simulated world. */
#include "unit.h"

#define HOLDS(condition) assert_true(condition)
#include "watch_world.h"

#define MS NS_PER_MILLISECOND
#define S NS_PER_SECOND

/* Adds a guest of this offset, and measures it. */
static struct world *
world_of_one(nanoseconds offset)
{
	struct world *world = world_new();
	struct machine machine = world_machine(world, offset);

	world_add(world, &machine);
	world_run(world, 5 * S);
	assert_int_equal(world->machine[0].news[WATCH_MEASURED], 1);
	assert_true(ns_magnitude(machine_offset(world, 0)) < MS);
	return world;
}

static int
failures(const struct world *world, size_t at)
{
	return world->machine[at].news[WATCH_FAILED] + world->machine[at].news[WATCH_REFUSED];
}

/* Waits until the guest is right.  Returns how long that took, or MOST. */
static nanoseconds
time_to_right(struct world *world, size_t at, nanoseconds most)
{
	nanoseconds begun = world->now;

	while (world->now - begun < most && ns_magnitude(machine_offset(world, at)) > 5 * MS)
		world_run(world, ns_least(10 * MS, begun + most - world->now));
	return world->now - begun;
}

static void
first_measurement(void **unused)
{
	static const nanoseconds wrong[] = { 0, -90 * MS, 30 * S, -INT64_C(592310418) * S };

	(void)unused;
	for (size_t at = 0; at < LENGTH(wrong); at++) {
		struct world *world = world_new();
		struct machine machine = world_machine(world, wrong[at]);

		world_add(world, &machine);
		world_run(world, S);
		assert_int_equal(world->machine[0].news[WATCH_MEASURED], 1);
		assert_int_equal(world->machine[0].steps, ns_magnitude(wrong[at]) > 100 * MS);
		assert_int_equal(world->machine[0].slews, wrong[at] == -90 * MS);
		assert_int_equal(world->machine[0].bounds, 1);
		assert_int_equal(world->watch.guest[0]->client.before.offset / MS, wrong[at] / MS);
		world_run(world, 300 * S);
		assert_true(ns_magnitude(machine_offset(world, 0)) < MS);
		assert_int_equal(world->starts, 1);
		assert_int_equal(failures(world, 0), 0);
		world_free(world);
	}
}

static void
readings(void **unused)
{
	struct world *world = world_of_one(0);
	int samples = world->machine[0].samples, read = world->machine[0].news[WATCH_READ];

	(void)unused;
	world_run(world, 60 * S);
	/* One order each. */
	assert_int_equal(world->machine[0].news[WATCH_READ] - read, 60);
	assert_int_equal(world->machine[0].samples - samples, 60);
	assert_int_equal(world->machine[0].steps + world->machine[0].slews, 0);
	assert_int_equal(world->machine[0].bounds, 1);
	assert_int_equal(world->starts, 1);
	/* Another program moves the clock: the next reading is not as predicted, and a series follows. */
	world->machine[0].real += 3 * S;
	world->machine[0].sets++;
	world_run(world, 2 * S);
	assert_int_equal(world->machine[0].steps, 1);
	assert_int_equal(world->machine[0].news[WATCH_MEASURED], 2);
	assert_true(ns_magnitude(machine_offset(world, 0)) < MS);
	world_free(world);
}

static void
pauses(void **unused)
{
	static const nanoseconds lengths[] = { 2 * S, 10 * S, 60 * S, 600 * S, 8 * 3600 * S };

	(void)unused;
	for (size_t at = 0; at < 2 * LENGTH(lengths); at++) {
		nanoseconds length = lengths[at / 2];
		struct world *world = world_of_one(0);
		struct machine *machine = world->machine;
		bool lives = length <= 600 * S;
		int starts, measured = machine->news[WATCH_MEASURED];

		machine->old = at % 2 == 1;
		if (machine->old) {
			world_free(world);
			world = world_new();
			struct machine old = world_machine(world, 0);
			old.old = true;
			world_add(world, &old);
			world_run(world, 5 * S);
			machine = world->machine;
		}
		world_run(world, 10 * S);
		world_pause(world, 0, length);
		machine->try_gap = INT64_MAX;
		starts = machine->starts;
		world_run(world, ns_least(length, 900 * S));
		assert_true(machine->try_gap >= S / 2);
		/* Then less often. */
		machine->try_gap = INT64_MAX;
		world_run(world, 10 * S);
		if (!lives) {
			machine->try_gap = INT64_MAX;
			world_run_until(world, machine->resumes);
			assert_true(machine->try_gap >= 5 * S);
		}
		assert_true(machine->starts > starts);
		if (lives) {
			/* The old session has answered, at once. */
			assert_int_equal(machine->steps, 1);
			assert_true(ns_magnitude(machine_offset(world, 0)) < MS);
			/* After ten minutes, its session may also be renewed. */
			assert_true(machine->news[WATCH_MEASURED] >= measured + 1);
			assert_true(machine->news[WATCH_MEASURED] <= measured + 1 + (length == 600 * S));
		} else {
			assert_true(time_to_right(world, 0, 60 * S) < 40 * S);
			world_run(world, 5 * S);
		}
		assert_int_equal(failures(world, 0), length > 10 * S);
		assert_int_equal(machine->told, false);
		world_free(world);
	}
}

/* How soon a guest is right again that has paused. */
static void
back_at_once(void **unused)
{
	(void)unused;
	for (nanoseconds length = 1500 * MS; length < 300 * S; length = length * 3 / 2) {
		struct world *world = world_of_one(0);

		world_pause(world, 0, length);
		world_run(world, length);
		/* Its outstanding reading is answered at once, and eight samples are taken. */
		assert_true(time_to_right(world, 0, 10 * S) <= 20 * MS);
		world_run(world, S);
		assert_int_equal(world->machine[0].steps, 1);
		assert_int_equal(world->watch.guest[0]->tries, 0);
		world_free(world);
	}
}

static void
restore(void **unused)
{
	(void)unused;
	for (int at = 0; at < 20; at++) {
		struct world *world = world_of_one(0);
		struct machine snapshot = world->machine[0];
		int measured = snapshot.news[WATCH_MEASURED];

		world_run(world, 60 * S + at * 50 * MS);
		world_restore(world, 0, &snapshot);
		/* A reading each second, a second until it is silent, and a new session. */
		assert_true(time_to_right(world, 0, 20 * S) < 2500 * MS);
		world_run(world, 2 * S);
		assert_int_equal(world->machine[0].steps, 1);
		assert_int_equal(world->machine[0].news[WATCH_MEASURED], measured + 1);
		assert_int_equal(world->machine[0].event, RATE_EVENT_RESTORE);
		assert_int_equal(failures(world, 0), 0);
		assert_int_equal(world->watch.guest[0]->spare, WATCH_NONE);
		world_free(world);
	}
}

/* It is restored again while the new session measures: at any moment, its tries go on. */
static void
restore_again(void **unused)
{
	(void)unused;
	for (int at = 0; at < 60; at++) {
		struct world *world = world_of_one(0);
		struct machine snapshot = world->machine[0];

		world->machine[0].latency = 20 * MS;
		world_run(world, 60 * S);
		world_restore(world, 0, &snapshot);
		world_run(world, 500 * MS + at * 50 * MS);
		world_restore(world, 0, &snapshot);
		world->machine[0].latency = 20 * MS;
		assert_true(time_to_right(world, 0, 60 * S) < 5 * S);
		world_run(world, 20 * S);
		assert_int_equal(failures(world, 0), 0);
		world_free(world);
	}
}

static void
reboot(void **unused)
{
	struct world *world = world_of_one(0);

	(void)unused;
	/* It shuts down in order, boots for 20 s, and its clock is 100 s behind. */
	world_end_link(world, world->watch.guest[0]->use, 0, "Connection closed by remote host", false);
	world->machine[0].door = DOOR_CLOSED;
	world_run(world, 20 * S);
	assert_int_equal(world->machine[0].news[WATCH_FAILED], 1);
	assert_string_equal(world->machine[0].text, "Connection refused");
	assert_true(world->machine[0].try_gap >= S / 2);
	world_reboot(world, 0, -100 * S);
	assert_true(time_to_right(world, 0, 20 * S) < 4 * S);
	world_run(world, S);
	assert_int_equal(world->machine[0].steps, 1);
	assert_int_equal(world->machine[0].event, RATE_EVENT_REBOOT);
	assert_false(world->machine[0].told);
	world_free(world);
}

static void
ssh_dies(void **unused)
{
	struct world *world = world_of_one(0);

	(void)unused;
	for (int at = 0; at < 50; at++) {
		world_end_link(world, world->watch.guest[0]->use, at * 7 * MS, "killed", false);
		world_run(world, 5 * S + at * 13 * MS);
		assert_true(world->watch.guest[0]->use != WATCH_NONE && world->watch.guest[0]->tries == 0);
	}
	assert_int_equal(world->starts, 51);
	assert_int_equal(failures(world, 0), 0);
	world_free(world);
}

/* Each session of this guest dies as soon as it has greeted. */
static void
sessions_die_young(void **unused)
{
	struct world *world = world_of_one(0);
	int starts;

	(void)unused;
	world_end_link(world, world->watch.guest[0]->use, 0, "killed", false);
	for (nanoseconds end = world->now + 60 * S; world->now < end; world_run(world, MS))
		if (world->watch.guest[0]->use != WATCH_NONE)
			world_end_link(world, world->watch.guest[0]->use, 0, "killed", false);
	/* It is lost, and its tries are apart. */
	assert_int_equal(failures(world, 0), 1);
	assert_string_equal(world->machine[0].text, "killed");
	assert_true(world->machine[0].try_gap >= S / 2);
	/* Sessions that end before a measurement are good for nothing: the next try waits. */
	assert_in_range(world->machine[0].starts, 8, 16);
	for (nanoseconds end = world->now + 900 * S; world->now < end; world_run(world, MS))
		if (world->watch.guest[0]->use != WATCH_NONE)
			world_end_link(world, world->watch.guest[0]->use, 0, "killed", false);
	starts = world->machine[0].starts;
	for (nanoseconds end = world->now + 60 * S; world->now < end; world_run(world, MS))
		if (world->watch.guest[0]->use != WATCH_NONE)
			world_end_link(world, world->watch.guest[0]->use, 0, "killed", false);
	assert_true(world->machine[0].starts - starts <= 12);
	world_run(world, 20 * S);
	assert_false(world->machine[0].told);
	world_free(world);
}

static void
removed_key(void **unused)
{
	struct world *world = world_of_one(0);
	struct machine *machine = world->machine;
	nanoseconds begun = world->now;
	int starts, samples;

	(void)unused;
	world_run(world, 100 * S);
	machine->door = DOOR_LOCKED;
	while (machine->news[WATCH_FAILED] == 0 && world->now - begun < 1000 * S)
		world_run(world, S);
	/* At the renewal of the session, it ends. */
	assert_true(world->now - begun < WATCH_SESSION_SECONDS * S);
	assert_string_equal(machine->text, "Permission denied");
	assert_int_equal(world->watch.guest[0]->use, WATCH_NONE);
	starts = machine->starts;
	samples = machine->samples;
	world_run(world, 600 * S);
	/* A try each minute. */
	assert_true(machine->starts - starts <= 10);
	assert_int_equal(machine->samples, samples);
	assert_int_equal(failures(world, 0), 1);
	machine->door = DOOR_OPEN;
	world_run(world, 65 * S);
	assert_false(machine->told);
	world_free(world);
}

/* No new session begins: the old one ends all the same. */
static void
no_session_is_old(void **unused)
{
	static const enum door doors[] = { DOOR_CLOSED, DOOR_MUTE };

	(void)unused;
	for (size_t at = 0; at < LENGTH(doors); at++) {
		struct world *world = world_of_one(0);

		world->machine[0].door = doors[at];
		world_run(world, 850 * S);
		assert_int_equal(failures(world, 0), 0);
		assert_true(world->watch.guest[0]->use != WATCH_NONE);
		world_run(world, 60 * S);
		assert_int_equal(failures(world, 0), 1);
		assert_int_equal(world->watch.guest[0]->use, WATCH_NONE);
		assert_true(world->machine[0].try_gap >= S / 2);
		world_free(world);
	}
}

/* Sessions are renewed without a gap in the readings. */
static void
an_hour(void **unused)
{
	static const nanoseconds intervals[] = { S / 10, S, 10 * S, 200 * S, 300 * S };

	(void)unused;
	for (size_t at = 0; at < 2 * LENGTH(intervals); at++) {
		struct world *world = world_new();
		struct machine machine = world_machine(world, 0);
		struct machine *is;

		machine.old = at % 2 == 1;
		machine.drift_ppm = at % 3 == 0 ? 40 : 0;
		world->watch.interval = intervals[at / 2];
		world_add(world, &machine);
		is = world->machine;
		world_run(world, 3600 * S);
		assert_int_equal(failures(world, 0), 0);
		assert_true(is->bounds >= 12);
		assert_true(is->bound_gap <= 300 * S && world->now - is->bound_time <= 300 * S);
		/* A clock that drifts, and gets no rate, is slewed again and again: the guest takes 64 orders in a session. */
		assert_true(is->starts >= 5 && is->starts <= (machine.old && machine.drift_ppm != 0 ? 60 : 9));
		assert_true(is->news[WATCH_READ] + is->news[WATCH_MEASURED] >= 3590 * S / world->watch.interval - 10);
		assert_true(ns_magnitude(machine_offset(world, 0)) < 20 * MS);
		world_free(world);
	}
}

static void
garbage(void **unused)
{
	static const char *const lines[] = { "", "Last login: Mon", "\x1b[2J", "now 1", "done 1.000000000",
		"raw 1.000000000 1.000000000 1 +0.000 10000 +0.000000000 no 16.000000000",
		"guestclock 2 boot=- sync=no freq=+0.000 tick=10000" };

	(void)unused;
	for (size_t at = 0; at < 2 * LENGTH(lines); at++) {
		struct world *world = world_of_one(0);
		struct machine *machine = world->machine;
		int starts;

		*(at % 2 == 0 ? &machine->greeting : &machine->answer) = lines[at / 2];
		if (at % 2 == 0)
			world_end_link(world, world->watch.guest[0]->use, 0, "killed", false);
		world_run(world, 10 * S);
		assert_int_equal(machine->news[WATCH_FAILED], 1);
		starts = machine->starts;
		world_run(world, 100 * S);
		assert_true(machine->starts - starts <= 20 && machine->starts - starts >= 15);
		machine->greeting = machine->answer = NULL;
		world_run(world, 7 * S);
		assert_false(machine->told);
		assert_int_equal(failures(world, 0), 1);
		world_free(world);
	}
}

/* The guest has a banner from now on: the session from before goes on until its end, and one message is enough. */
static void
garbage_at_renewal(void **unused)
{
	struct world *world = world_of_one(0);

	(void)unused;
	world->machine[0].greeting = "Last login: Mon";
	world_run(world, 850 * S);
	assert_int_equal(failures(world, 0), 0);
	assert_true(world->watch.guest[0]->use != WATCH_NONE);
	assert_true(world->machine[0].starts <= 70);
	world_run(world, 70 * S);
	assert_int_equal(failures(world, 0), 1);
	assert_non_null(strstr(world->machine[0].text, "Last login"));
	world_free(world);
}

static void
early_answer(void **unused)
{
	struct world *world = world_of_one(0);
	struct clock_reading now;
	static const char line[] = "raw 1.000000000 1.000000000 1 +0.000 10000 +0.000000000 no 16.000000000";

	(void)unused;
	while (world->watch.guest[0]->talking)
		world_run(world, MS);
	now = world_reading(world);
	watch_line(&world->watch, world->watch.guest[0]->use, line, strlen(line), false, &now, &now);
	world_check(world);
	assert_int_equal(failures(world, 0), 1);
	assert_string_equal(world->machine[0].text, "it answered before it was asked");
	world_run(world, 10 * S);
	assert_false(world->machine[0].told);
	/* Two lines for one order; the first alone would do. */
	while (!world->watch.guest[0]->talking)
		world_run(world, 10 * NS_PER_MICROSECOND);
	now = world_reading(world);
	watch_line(&world->watch, world->watch.guest[0]->use, line, strlen(line), true, &now, &now);
	world_check(world);
	assert_int_equal(failures(world, 0), 2);
	world_run(world, 10 * S);
	assert_false(world->machine[0].told);
	world_free(world);
}

static void
refusals(void **unused)
{
	static const struct {
		const char *line;
		nanoseconds again;
		bool refused;
	} cases[] = {
		{ "no too-far the limit is 50 s", 60 * S, true },
		{ "no no-capability cannot set the clock", 60 * S, true },
		{ "no failed Operation not permitted", 60 * S, true },
		{ "no busy another request is setting the clock", S, false },
		{ "no too-many more than 64 orders", 0, false },
	};

	(void)unused;
	for (size_t at = 0; at < LENGTH(cases); at++) {
		struct world *world = world_of_one(0);
		struct machine *machine = world->machine;
		int samples, starts;

		machine->refusal = cases[at].line;
		machine->real -= 100 * S;
		world_run(world, 5 * S);
		assert_int_equal(machine->news[WATCH_REFUSED], cases[at].refused);
		if (cases[at].refused) {
			assert_string_equal(machine->text, cases[at].line + 3);
			starts = machine->starts;
			world_run(world, 50 * S);
			assert_int_equal(machine->starts, starts);
			world_run(world, 300 * S);
			assert_true(machine->starts - starts >= 5 && machine->starts - starts <= 6);
		} else {
			samples = machine->samples;
			world_run(world, 4 * S);
			/* The session goes on, and a reading or a series each second; or another one, at most each half second. */
			assert_true(machine->samples > samples);
			assert_true(machine->try_gap >= S / 2);
			assert_int_equal(failures(world, 0), 0);
			/* It does not end by itself: the guest is not kept right, so somebody has to know. */
			world_run(world, 60 * S);
			assert_int_equal(failures(world, 0), 1);
		}
		machine->refusal = NULL;
		world_run(world, 65 * S);
		assert_false(machine->told);
		assert_int_equal(failures(world, 0), 1);
		assert_true(ns_magnitude(machine_offset(world, 0)) < MS);
		world_free(world);
	}
}

/* A clock that never stays: the guest takes 64 orders in a session. */
static void
many_orders(void **unused)
{
	struct world *world = world_of_one(0);

	(void)unused;
	for (int at = 0; at < 200; at++) {
		world->machine[0].real += S;
		world_run(world, S);
	}
	world_run(world, 3 * S);
	assert_true(ns_magnitude(machine_offset(world, 0)) < MS);
	assert_int_equal(failures(world, 0), 0);
	assert_true(world->machine[0].starts > 4);
	world_free(world);
}

static void
many_guests(void **unused)
{
	static const struct { size_t parallel; nanoseconds away; } cases[] = { { 8, 30 * S }, { 16, 30 * S }, { 64, 5 * S },
		{ 16, 1200 * S } };

	(void)unused;
	for (size_t at = 0; at < LENGTH(cases); at++) {
		struct world *world = world_new();
		nanoseconds back;

		world->gateway = 10;
		world->watch.parallel = cases[at].parallel;
		for (int guest = 0; guest < 200; guest++) {
			struct machine machine = world_machine(world, guest * S);

			world_add(world, &machine);
		}
		world_run(world, 60 * S);
		for (size_t guest = 0; guest < 200; guest++)
			assert_true(ns_magnitude(machine_offset(world, guest)) < MS);
		for (size_t guest = 0; guest < 200; guest++) {
			world_end_link(world, world->watch.guest[guest]->use, 0, "Connection reset", false);
			world->machine[guest].life++;
			world->machine[guest].door = DOOR_MUTE;
		}
		world_run(world, cases[at].away);
		for (size_t guest = 0; guest < 200; guest++) {
			world->machine[guest].door = DOOR_OPEN;
			world->machine[guest].real -= 100 * S;
			world->machine[guest].raw -= 100 * S;
		}
		back = 0;
		for (size_t guest = 0; guest < 200; guest++)
			back += time_to_right(world, guest, 120 * S);
		print_message("# parallel %zu, away %lld s: all back after %lld ms\n", cases[at].parallel,
		    (long long)(cases[at].away / S), (long long)(back / MS));
		assert_true(back < 60 * S);
		world_run(world, 5 * S);
		for (size_t guest = 0; guest < 200; guest++)
			assert_false(world->machine[guest].told);
		assert_true(world->most_awaiting <= cases[at].parallel);
		world_free(world);
	}
}

/* Guests that are away for long do not keep others waiting. */
static void
others_are_dead(void **unused)
{
	struct world *world = world_new();
	struct machine machine = world_machine(world, 0), snapshot;

	(void)unused;
	world_add(world, &machine);
	machine.door = DOOR_MUTE;
	for (int guest = 1; guest < 100; guest++)
		world_add(world, &machine);
	world_run(world, 1500 * S);
	snapshot = world->machine[0];
	for (int at = 0; at < 20; at++) {
		world_run(world, 20 * S);
		world_restore(world, 0, &snapshot);
		assert_true(time_to_right(world, 0, 60 * S) < 5 * S);
	}
	world_free(world);
}

/* Gives a link its greeting now. */
static void
greet(struct world *world, size_t link)
{
	char line[EXCHANGE_LINE + 1];
	struct clock_reading now = world_reading(world);
	struct exchange_greeting greeting = { .version = EXCHANGE_VERSION, .tick_us = 10000, .raw = true, .boot = "b1" };
	size_t length = exchange_write_greeting(&greeting, line) - 1;

	world->wire[link].greeted = true;
	world->wire[link].life = world->machine[world->wire[link].machine].life;
	watch_line(&world->watch, link, line, length, false, &now, &now);
}

static size_t
link_of_role(const struct world *world, int role)
{
	for (size_t link = 0; link < world->watch.links; link++)
		if ((int)world->watch.link[link].role == role)
			return link;
	return WATCH_NONE;
}

static void
two_greet_at_once(void **unused)
{
	struct world *world = world_of_one(0);
	size_t first, second;

	(void)unused;
	world->machine[0].door = DOOR_MUTE;
	world->machine[0].life++;
	while (world->watch.guest[0]->tries < 2)
		world_run(world, 10 * MS);
	first = link_of_role(world, LINK_TRY);
	world->watch.link[first].role = LINK_FREE;
	second = link_of_role(world, LINK_TRY);
	world->watch.link[first].role = LINK_TRY;
	greet(world, first);
	world_check(world);
	/* The loop gives lines only of links that are open. */
	assert_int_equal(world->watch.link[second].role, LINK_LEAVING);
	assert_int_equal(world->watch.guest[0]->use, first);
	assert_true(world->watch.guest[0]->spare != WATCH_NONE);
	world->machine[0].door = DOOR_OPEN;
	world_run(world, 2 * S);
	assert_int_equal(world->watch.guest[0]->spare, WATCH_NONE);
	assert_int_equal(world->watch.guest[0]->use, first);
	assert_int_equal(failures(world, 0), 0);
	world_free(world);
}

/* A new session has taken over, and before it has measured the old one answers; or the new one falls silent, or dies. */
static void
late_answer(void **unused)
{
	static const char line[] = "raw 1.000000000 1.000000000 1 +0.000 10000 +0.000000000 no 16.000000000";

	(void)unused;
	for (int at = 0; at < 8; at++) {
		struct world *world = world_of_one(0);
		struct watch_guest *guest = world->watch.guest[0];
		size_t old = guest->use, new;
		struct clock_reading now;

		/* The old session is silent, but not dead. */
		world->machine[0].door = DOOR_MUTE;
		world_pause(world, 0, 3 * S);
		while (guest->tries < 1)
			world_run(world, 10 * MS);
		new = link_of_role(world, LINK_TRY);
		greet(world, new);
		world_check(world);
		assert_int_equal(guest->use, new);
		assert_int_equal(guest->spare, old);
		now = world_reading(world);
			/* The order without an answer has this one. */
		for (size_t event = 0; (at & 1) != 0 && event < world->events; event++)
			if (world->event[event].link == old)
				world->event[event].turn = -1;
		if (at & 1)
			watch_line(&world->watch, old, line, strlen(line), false, &now, &now);
		if (at & 2) {
			world->wire[new].open = false;
			watch_ended(&world->watch, new, "died", false, world->now);
		}
		world_check(world);
		if (at & 4)
			world->wire[new].life = -1;
		world_run(world, 10 * S);
		assert_int_equal(guest->spare, WATCH_NONE);
		/* The old session took over again, where the new one was of no use. */
		assert_int_equal(guest->use, (at & 3) != 0 ? old : (at & 4) == 0 ? new : guest->use);
		assert_true(guest->use != WATCH_NONE || (at & 4) != 0);
		assert_true(ns_magnitude(machine_offset(world, 0)) < MS || (at & 3) == 0);
		world->machine[0].door = DOOR_OPEN;
		world_run(world, 10 * S);
		assert_true(ns_magnitude(machine_offset(world, 0)) < MS);
		assert_false(world->machine[0].told);
		world_free(world);
	}
}

/* What a session that fell silent in mid-series has set is noted: once. */
static void
silent_in_mid_series(void **unused)
{
	(void)unused;
	for (int at = 0; at < 40; at++) {
		struct world *world = world_of_one(0);
		struct machine *machine = world->machine;
		struct watch_guest *guest = world->watch.guest[0];

		world_run(world, 30 * S);
		machine->latency = 5 * MS;
		machine->real += 3 * S;
		machine->sets++;
		world_run(world, S + at * 7 * MS);
		/* Its sessions die at some moment of the series. */
		machine->life++;
		world_run(world, 10 * S);
		assert_true(guest->use != WATCH_NONE && guest->spare == WATCH_NONE && guest->tries == 0);
		assert_true(ns_magnitude(machine_offset(world, 0)) < MS);
		assert_int_equal(machine->steps, 1);
		assert_int_equal(failures(world, 0), 0);
		world_free(world);
	}
}

static void
hold(void **unused)
{
	(void)unused;
	for (int at = 0; at < 30; at++) {
		struct world *world = world_of_one(0);
		struct machine *machine = world->machine;
		int samples, orders;

		world_run(world, 10 * S);
		machine->latency = 5 * MS;
		machine->real += 3 * S;
		machine->sets++;
		world_run(world, S + at * 10 * MS);
		watch_hold(&world->watch, true, world->now);
		orders = machine->steps + machine->slews + machine->rates;
		world_run(world, 10 * MS);
		/* At most the order that was under way then. */
		samples = machine->samples;
		assert_true(machine->steps + machine->slews + machine->rates <= orders + 1);
		orders = machine->steps + machine->slews + machine->rates;
		world_run(world, 100 * S);
		assert_int_equal(machine->samples, samples);
		assert_int_equal(machine->steps + machine->slews + machine->rates, orders);
		assert_true(world->watch.guest[0]->use != WATCH_NONE);
		watch_hold(&world->watch, false, world->now);
		world_run(world, S);
		assert_true(ns_magnitude(machine_offset(world, 0)) < MS);
		assert_int_equal(failures(world, 0), 0);
		/* An order whose answer came while it was held was this host's own. */
		world_run(world, 10 * S);
		assert_int_not_equal(machine->event, RATE_EVENT_FOREIGN_RATE);
		world_free(world);
	}
}

/* A way of 1.4 s there and back is no silence, and a key that is refused ends a session that is silent, too. */
static void
long_way_and_refused_key(void **unused)
{
	struct world *world = world_new();
	struct machine machine = world_machine(world, 5 * S);

	(void)unused;
	machine.latency = 700 * MS;
	world_add(world, &machine);
	world_run(world, 3600 * S);
	assert_int_equal(failures(world, 0), 0);
	assert_in_range(world->machine[0].starts, 4, 40);
	assert_true(ns_magnitude(machine_offset(world, 0)) < S);
	world_pause(world, 0, 600 * S);
	world_run(world, 20 * S);
	assert_true(world->watch.guest[0]->use != WATCH_NONE && world->watch.guest[0]->silent);
	for (size_t link = 0; link < world->watch.links; link++)
		if (world->watch.link[link].role == LINK_TRY) {
			world_end_link(world, link, 0, "Permission denied", true);
			break;
		}
	world_run(world, S);
	assert_true(world->watch.guest[0]->use == WATCH_NONE);
	assert_int_equal(failures(world, 0), 1);
	world_free(world);
}

/* Guests that are added, or lost, while all are held: nobody asked them, so none has failed. */
static void
hold_from_the_beginning(void **unused)
{
	struct world *world = world_new();
	struct machine machine = world_machine(world, 5 * S);

	(void)unused;
	watch_hold(&world->watch, true, world->now);
	world_add(world, &machine);
	world_run(world, 1000 * S);
	assert_int_equal(world->starts, 0);
	assert_int_equal(failures(world, 0), 0);
	watch_hold(&world->watch, false, world->now);
	world_run(world, 2 * S);
	assert_int_equal(world->machine[0].news[WATCH_MEASURED], 1);
	/* Lost in the meantime: the patience begins after it. */
	watch_hold(&world->watch, true, world->now);
	world_end_link(world, world->watch.guest[0]->use, S, "killed", false);
	world->machine[0].door = DOOR_MUTE;
	world_run(world, 1000 * S);
	watch_hold(&world->watch, false, world->now);
	world_run(world, 9 * S);
	assert_int_equal(failures(world, 0), 0);
	assert_true(world->machine[0].try_gap < 5 * S);
	world_run(world, 2 * S);
	assert_int_equal(failures(world, 0), 1);
	world_free(world);
}

static void
measures_all(void **unused)
{
	struct world *world = world_of_one(0);

	(void)unused;
	world_run(world, 10 * S);
	watch_measure_all(&world->watch, world->now);
	world_run(world, 500 * MS);
	assert_int_equal(world->machine[0].news[WATCH_MEASURED], 2);
	world_free(world);
}

/* A guest is removed, and another takes its place, in each phase; or all are ended. */
static void
removal_and_end(void **unused)
{
	(void)unused;
	for (int at = 0; at < 400; at++) {
		struct world *world = world_new();
		struct machine machine = world_machine(world, 3 * S);
		long starts;

		machine.latency = 2 * MS;
		world_add(world, &machine);
		world_run(world, at % 100 * 5 * MS);
		if (at >= 200) {
			world_run(world, 5 * S);
			if (at % 2 == 0)
				world_pause(world, 0, 4 * S);
			world->machine[0].life += at % 3 == 0;
			world_run(world, at % 100 * 50 * MS);
		}
		starts = world->starts;
		if (at < 100 || at >= 300) {
			watch_remove(&world->watch, 0);
			world_check(world);
			assert_true(world->watch.guest[0] == NULL || world->watch.guest[0]->removed);
			world_run(world, 10 * MS);
			assert_null(world->watch.guest[0]);
			assert_int_equal(world->starts, starts);
			machine = world_machine(world, 3 * S);
			assert_int_equal(world_add(world, &machine), 0);
			world_run(world, 5 * S);
			assert_int_equal(world->machine[0].news[WATCH_MEASURED], 1);
		} else {
			watch_stop(&world->watch);
			world_check(world);
			world_run(world, 10 * MS);
			assert_true(watch_stop(&world->watch));
			world_run(world, 100 * S);
			assert_int_equal(world->starts, starts);
			assert_int_equal(failures(world, 0), 0);
		}
		world_free(world);
	}
}

static void
cannot_start(void **unused)
{
	struct world *world = world_new();
	struct machine machine = world_machine(world, 3 * S);

	(void)unused;
	world->cannot_start = true;
	world_add(world, &machine);
	world_run(world, 100 * S);
	assert_true(world->machine[0].try_gap >= S / 2);
	assert_int_equal(failures(world, 0), 1);
	/* An ssh that could not be started may end later: its link was never one. */
	watch_room(&world->watch, 1);
	watch_ended(&world->watch, 0, "out of memory", false, world->now);
	world_check(world);
	world->cannot_start = false;
	world_run(world, 5 * S);
	assert_false(world->machine[0].told);
	world->cannot_send = true;
	world_run(world, 30 * S);
	world->cannot_send = false;
	world_run(world, 10 * S);
	assert_false(world->machine[0].told);
	assert_true(world->watch.guest[0]->use != WATCH_NONE);
	world_free(world);
}

/* sshd takes a second and a half, and the user waits a second for a guest. */
static void
short_patience(void **unused)
{
	struct world *world = world_new();
	struct machine machine = world_machine(world, 3 * S);

	(void)unused;
	machine.login = 1500 * MS;
	world->watch.patience = S;
	world_add(world, &machine);
	world_run(world, 10 * S);
	assert_int_equal(world->machine[0].news[WATCH_MEASURED], 1);
	assert_true(world->watch.guest[0]->use != WATCH_NONE);
	world_free(world);
}

/* Pauses do not teach the state machine that the guest's logins take long. */
static void
restore_after_pauses(void **unused)
{
	struct world *world = world_of_one(0);
	struct machine snapshot = world->machine[0];

	(void)unused;
	world->watch.patience = 60 * S;
	for (int at = 0; at < 30; at++) {
		world_pause(world, 0, 40 * S);
		world->machine[0].life++;
		world_run(world, 100 * S);
	}
	world->machine[0].door = DOOR_MUTE;
	world_restore(world, 0, &snapshot);
	world_run(world, 30 * S);
	world->machine[0].door = DOOR_OPEN;
	assert_true(time_to_right(world, 0, 60 * S) < 3 * S);
	world_free(world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_measurement),
		cmocka_unit_test(readings),
		cmocka_unit_test(pauses),
		cmocka_unit_test(back_at_once),
		cmocka_unit_test(restore),
		cmocka_unit_test(restore_again),
		cmocka_unit_test(reboot),
		cmocka_unit_test(ssh_dies),
		cmocka_unit_test(sessions_die_young),
		cmocka_unit_test(removed_key),
		cmocka_unit_test(no_session_is_old),
		cmocka_unit_test(an_hour),
		cmocka_unit_test(garbage),
		cmocka_unit_test(garbage_at_renewal),
		cmocka_unit_test(early_answer),
		cmocka_unit_test(refusals),
		cmocka_unit_test(many_orders),
		cmocka_unit_test(many_guests),
		cmocka_unit_test(others_are_dead),
		cmocka_unit_test(two_greet_at_once),
		cmocka_unit_test(late_answer),
		cmocka_unit_test(silent_in_mid_series),
		cmocka_unit_test(long_way_and_refused_key),
		cmocka_unit_test(hold),
		cmocka_unit_test(hold_from_the_beginning),
		cmocka_unit_test(measures_all),
		cmocka_unit_test(removal_and_end),
		cmocka_unit_test(cannot_start),
		cmocka_unit_test(short_patience),
		cmocka_unit_test(restore_after_pauses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
