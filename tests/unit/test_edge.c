/* edge: a simulated source, and a guest clock that runs wrong.  The computed interval must contain the true offset. */
#include "unit.h"

#include "set/edge.h"

struct world {
	nanoseconds now;		/* the source's clock */
	nanoseconds start;
	nanoseconds offset;		/* guest minus source at the start */
	int64_t drift_ppm;
	nanoseconds delay;		/* each way, at least */
	nanoseconds jitter;		/* each way, at most this in addition */
	nanoseconds late;		/* how late the guest wakes up, at most */
	uint32_t random;
};

static nanoseconds
random_below(struct world *world, nanoseconds limit)
{
	world->random = world->random * 1664525U + 1013904223U;
	return limit == 0 ? 0 : (nanoseconds)(world->random >> 8) % limit;
}

static nanoseconds
guest(const struct world *world)
{
	return world->now + world->offset + (world->now - world->start) / 1000000 * world->drift_ppm;
}

/* Asks one question.  Returns the source's second; SENT and RECEIVED are by the guest's clock. */
static int64_t
ask(struct world *world, nanoseconds *sent, nanoseconds *received)
{
	int64_t second;

	*sent = guest(world);
	world->now += world->delay + random_below(world, world->jitter);
	second = seconds_floor(world->now);
	world->now += world->delay + random_below(world, world->jitter);
	*received = guest(world);
	return second;
}

/* Runs until no further question is wanted.  Returns the bound; fails the test if the true offset lies outside. */
static nanoseconds
run(struct world world)
{
	struct edge edge;
	struct interval offset;
	nanoseconds sent, received;
	int64_t second;

	world.start = world.now;
	second = ask(&world, &sent, &received);
	edge_start(&edge, sent, received, second);
	while (edge_wants_more(&edge)) {
		assert_true(edge.questions <= EDGE_QUESTIONS);
		while (guest(&world) < edge.next)
			world.now += (edge.next - guest(&world)) / 2 + 1000;
		world.now += random_below(&world, world.late);
		second = ask(&world, &sent, &received);
		/* One question in sixteen is lost. */
		if ((world.random >> 20 & 15) == 0)
			edge_plan(&edge, guest(&world));
		else
			edge_take(&edge, sent, received, second);
	}
	/* The search lasts a few seconds in all. */
	assert_true(world.now - world.start < 12 * NS_PER_SECOND);
	offset = edge_offset(&edge, guest(&world));
	if (guest(&world) - world.now < offset.low || guest(&world) - world.now > offset.high)
		fail_msg("truth %lld not in [%lld, %lld], drift %lld ppm", (long long)(guest(&world) - world.now),
		    (long long)offset.low, (long long)offset.high, (long long)world.drift_ppm);
	return interval_bound(offset);
}

static void
interval_contains_true_offset(void **unused)
{
	static const int64_t drifts[] = { 0, 20, -20, 740, -740, 10000, -10000, 50000, -50000, 99000, -99000 };

	(void)unused;
	for (size_t drift = 0; drift < LENGTH(drifts); drift++)
		for (uint32_t seed = 1; seed <= 40; seed++) {
			struct world world = { .now = INT64_C(1800000000) * NS_PER_SECOND + seed * 24691357,
				.offset = -INT64_C(5200000000) - seed * 7654321, .drift_ppm = drifts[drift],
				.delay = 30000 + seed * 10000, .jitter = seed * 5000, .late = seed * 20000, .random = seed };

			run(world);
		}
}

static void
narrow_when_calm(void **unused)
{
	(void)unused;
	for (uint32_t phase = 0; phase < 50; phase++) {
		struct world world = { .now = INT64_C(1800000000) * NS_PER_SECOND + phase * 20000000, .offset = NS_PER_SECOND * 3,
			.delay = 25000, .random = 1 };

		/* A clock that runs right, and a round trip of 50 us. */
		world.random = phase * 16 + 5;
		run(world);
	}
}

/* Another program sets the guest's clock during the search for the edge. */
static void
clock_set_meanwhile(void **unused)
{
	static const nanoseconds clocks[] = { 0, INT64_C(1203108540) * NS_PER_SECOND, INT64_MAX - 1000000 };
	struct edge edge;

	(void)unused;
	for (size_t first = 0; first < LENGTH(clocks); first++)
		for (size_t then = first; then < LENGTH(clocks); then++) {
			edge_start(&edge, clocks[first], clocks[then], INT64_C(1800000000));
			for (int at = 0; edge_wants_more(&edge) && at < 3; at++) {
				edge_take(&edge, clocks[first], clocks[first] + 1000000, edge.second - (at == 0));
				assert_true(edge.known.low <= edge.known.high && edge.spacing > 0);
				edge_take(&edge, clocks[then], clocks[first], edge.second);
				assert_true(edge.known.low <= edge.known.high && edge.window.low <= edge.window.high);
				edge_plan(&edge, clocks[then]);
			}
			assert_true(interval_bound(edge_offset(&edge, clocks[then])) >= 0);
		}
	/* A round trip of centuries: no narrower interval is expected. */
	edge_start(&edge, 0, INT64_MAX, INT64_C(1800000000));
	assert_false(edge_wants_more(&edge));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interval_contains_true_offset),
		cmocka_unit_test(narrow_when_calm),
		cmocka_unit_test(clock_set_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
