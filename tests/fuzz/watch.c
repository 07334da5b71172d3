/*
 * watch: the state machine in the simulated world of tests/unit/watch_world.h, with what must hold at every moment.
 *
 * The first octet gives the limit of tries and the interval.  Then each event is two octets: what happens (the upper
 * half of the first), to which guest (the lower half), and how (the second).
 */
#include "fuzz.h"

#define HOLDS(condition) REQUIRE(condition)
#include "../unit/watch_world.h"

#define GUESTS 2

/* From a millisecond to half an hour; each octet counts. */
static nanoseconds
span(uint8_t code)
{
	return (NS_PER_MILLISECOND << code / 12) * (12 + code % 12) / 12;
}

static void
add(struct world *world, uint8_t how)
{
	struct machine machine = world_machine(world, how % 5 == 0 ? 0 : span(how) - span(128));

	machine.old = how % 3 == 0;
	machine.latency = span(how / 4);
	world_add(world, &machine);
}

static const char *const lines[] = { NULL, "", "Last login: Mon", "now 1.000000000", "done 1.000000000 7", "no busy x",
	"no too-many x", "no too-far x", "no stale x", "guestclock 1 boot=- sync=no freq=+0.000 tick=10000",
	"guestclock 2 boot=- sync=no freq=+0.000 tick=10000",
	"raw 100.000000000 5.000000000 7 +0.000 10000 +0.000000000 other 16.000000000" };

/* Gives a line that nobody asked for to one of the guest's links. */
static void
intrude(struct world *world, size_t at, uint8_t how)
{
	struct clock_reading now = world_reading(world);
	const char *line = lines[1 + how % (LENGTH(lines) - 1)];
	int nth = 0;

	for (size_t link = 0; link < world->watch.links; link++)
		if (world->wire[link].open && !world->wire[link].leaving && world->wire[link].machine == at && nth++ == how % 4) {
			world->knocking -= world->gateway > 0 && !world->wire[link].greeted;
			world->wire[link].greeted = true;
			watch_line(&world->watch, link, line, strlen(line), (how & 16) != 0, &now, &now);
			return;
		}
}

static void
happen(struct world *world, unsigned what, size_t at, uint8_t how, struct machine *snapshot)
{
	struct machine *machine = &world->machine[at];
	int nth = 0;
	bool there = world->watch.guest[at] != NULL && !world->watch.guest[at]->removed;

	switch (what) {
	case 0:
		world_pause(world, at, span(how));
		break;
	case 1:
		machine_run(world, machine);
		*snapshot = *machine;
		break;
	case 2:
		world_restore(world, at, snapshot);
		break;
	case 3:
		world_reboot(world, at, span(how) - span(100));
		break;
	case 4:
		machine->door = how % 4;
		break;
	case 5:
		machine->greeting = lines[how % LENGTH(lines)];
		break;
	case 6:
		machine->answer = lines[how % LENGTH(lines)];
		break;
	case 7:
		machine->refusal = how % 2 == 0 ? NULL : lines[5 + how / 2 % 4];
		break;
	case 8:
		for (size_t link = 0; link < world->watch.links; link++)
			if (world->wire[link].open && world->wire[link].machine == at && nth++ % 4 <= how % 4)
				world_end_link(world, link, 0, "killed", (how & 16) != 0);
		break;
	case 9:
		world->cannot_start = (how & 1) != 0;
		world->cannot_send = (how & 2) != 0;
		break;
	case 10:
		if (there)
			watch_remove(&world->watch, at);
		else if (world->watch.guest[at] == NULL)
			add(world, how);
		break;
	case 11:
		watch_hold(&world->watch, (how & 1) != 0, world->now);
		break;
	case 12:
		watch_measure_all(&world->watch, world->now);
		break;
	case 13:
		if (there)
			intrude(world, at, how);
		break;
	default:
		machine_run(world, machine);
		machine->sets++;
		machine->real = ns_add(machine->real, span(how) - span(100));
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine snapshot[GUESTS];
	struct world *world;

	if (size < 1)
		return 0;
	world = world_new();
	world->watch.parallel = 1 + data[0] % 8;
	world->watch.interval = NS_PER_SECOND * (1 + data[0] / 8);
	for (size_t at = 0; at < GUESTS; at++) {
		add(world, (uint8_t)((data[0] + at) & 255));
		snapshot[at] = world->machine[at];
	}
	/* Longer would take too long to simulate: sessions are renewed and ended within this. */
	for (size_t at = 1; at + 1 < size && at < 200 && world->now < 9000 * NS_PER_SECOND; at += 2) {
		if (data[at] >> 4 == 15)
			world_run(world, span(data[at + 1]));
		else
			happen(world, data[at] >> 4, data[at] % GUESTS, data[at + 1], &snapshot[data[at] % GUESTS]);
		world_check(world);
	}
	/* When all is well again, each guest is right in time. */
	world->cannot_start = world->cannot_send = false;
	watch_hold(&world->watch, false, world->now);
	for (size_t at = 0; at < GUESTS; at++) {
		struct machine *machine = &world->machine[at];

		machine->door = DOOR_OPEN;
		machine->greeting = machine->answer = machine->refusal = NULL;
		machine->resumes = 0;
		machine->latency = ns_least(machine->latency, 20 * NS_PER_MILLISECOND);
	}
	world_run(world, 75 * NS_PER_SECOND);
	for (size_t at = 0; at < GUESTS; at++)
		if (world->watch.guest[at] != NULL) {
			REQUIRE(world->watch.guest[at]->use != WATCH_NONE && !world->machine[at].told);
			REQUIRE(world->machine[at].try_gap >= NS_PER_SECOND / 2);
		}
	watch_stop(&world->watch);
	world_run(world, NS_PER_SECOND);
	REQUIRE(watch_stop(&world->watch));
	world_free(world);
	return 0;
}
