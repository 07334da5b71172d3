/*
 * simulate TABLE DATA	writes TABLE, in Markdown, and DATA, for gnuplot
 *
 * A guest's clock is looked at and corrected for months, in simulated time, by several methods at once.  All see the
 * same clocks, events and measurement errors, and each corrects a guest of its own.  For each scenario, TABLE has the
 * rms of the offset just before each look.  It is the same for every run: the random numbers have fixed seeds.  Status 0 if
 * every goal is reached.
 *
 * What is simulated: the host's raw clock is the time base.  The guest's raw clock runs 1 + f times as fast while the
 * guest runs.  Each machine's real-time clock is its raw clock plus a gap, which steps, slews and rate corrections
 * change.  The guest reads its clocks within BOUND of the middle of a look.  The host's real-time clock is the truth.
 *
 * The first SKIP looks, lost ones included, do not count.  Nor do looks before which a pause, restore, reboot, step or
 * foreign setting happened: no method can foresee those.  A look before which the rate changed counts.
 *
 * It reads and sets no clock.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/rate.h"

#define SECOND 1e9
#define MINUTE (60 * SECOND)
#define HOUR (3600 * SECOND)
#define DAY (86400 * SECOND)
#define US 1e3
#define MS 1e6
#define PPM 1e-6
#define SEEDS 20
#define LENGTH(array) (sizeof (array) / sizeof (array)[0])
#define SLEW_RATE (500 * PPM)
#define SLEW_BELOW (100 * MS)
#define RATE_MOST 100000000	/* parts per 10^9 */
#define EPOCH INT64_C(1800000000000000000)

typedef long double precise;	/* nanoseconds, or a rate as a number; 64 bits of mantissa */

enum happening { NOTHING, PAUSE, RESTORE, REBOOT, RATE_CHANGE, FOREIGN_STEP, FOREIGN_RATE, HOST_SLEW, HOST_STEP };

struct scenario {
	const char *name;
	double rate;		/* f at the start */
	double daily;		/* amplitude of a sine with a period of a day, in f */
	double walk;		/* random walk of f: standard deviation after an hour */
	enum happening happening;
	double every;		/* mean time between happenings */
	double poll;		/* time between looks; each is up to 1 % early or late */
	double loss;		/* part of the looks that fail */
	bool spread;		/* bounds of one to five times BOUND */
	bool right;		/* the guest's clock is right from the start, and has to be left alone */
	int looks;		/* length of the run; 0: 30 days, at most 8640 looks */
	int skip;		/* looks that do not count at the start; 0: 20 */
	double bounds[4];	/* one run for each that is not 0 */
	double goals[4];	/* errors anywhere: the rms to reach, for each bound; 0: none */
};

/* Frozen: the estimator is made to fit these scenarios and goals, never the reverse. */
static const struct scenario scenarios[] = {
	{ "740 ppm", .rate = -740 * PPM, .bounds = { 30 * US, 300 * US, 3 * MS, 10 * MS },
	    .goals = { 1.25 * 4 * US, 1.25 * 46 * US, 1.25 * 474 * US } },
	{ "1 %", .rate = -1e-2, .bounds = { 300 * US } },
	{ "9 %", .rate = 9e-2, .bounds = { 300 * US } },
	{ "740 ppm, first 60 looks, every 20 s", .rate = -740 * PPM, .poll = 20 * SECOND, .looks = 60, .skip = 3,
	    .bounds = { 550 * US } },
	{ "±1 ppm a day", .rate = 50 * PPM, .daily = 1 * PPM, .bounds = { 30 * US, 300 * US, 3 * MS } },
	{ "±5 ppm a day", .rate = 50 * PPM, .daily = 5 * PPM, .bounds = { 30 * US, 300 * US, 3 * MS } },
	{ "random walk, 0.1 ppm an hour", .rate = 50 * PPM, .walk = .1 * PPM, .bounds = { 30 * US, 300 * US, 3 * MS } },
	{ "±1 ppm a day, every 1 s", .rate = 50 * PPM, .daily = 1 * PPM, .poll = SECOND, .looks = 50000,
	    .bounds = { 300 * US } },
	{ "±1 ppm a day, every 5 s", .rate = 50 * PPM, .daily = 1 * PPM, .poll = 5 * SECOND, .looks = 50000,
	    .bounds = { 300 * US } },
	{ "±1 ppm a day, every 64 s", .rate = 50 * PPM, .daily = 1 * PPM, .poll = 64 * SECOND, .bounds = { 300 * US } },
	{ "±1 ppm a day, 30 % lost, wide bounds", .rate = 50 * PPM, .daily = 1 * PPM, .loss = .3, .spread = true,
	    .bounds = { 300 * US } },
	{ "changes of 15 ppm", .rate = 50 * PPM, .happening = RATE_CHANGE, .every = 2 * DAY,
	    .bounds = { 30 * US, 300 * US, 3 * MS, 10 * MS } },
	{ "pauses of 10 s to 8 h, two in a row", .rate = -740 * PPM, .happening = PAUSE, .every = 2 * DAY,
	    .bounds = { 300 * US, 3 * MS } },
	{ "snapshots restored", .rate = -740 * PPM, .happening = RESTORE, .every = 2 * DAY, .bounds = { 300 * US } },
	{ "reboots", .rate = -740 * PPM, .happening = REBOOT, .every = 2 * DAY, .bounds = { 300 * US } },
	{ "another hand on the clock", .rate = -740 * PPM, .happening = FOREIGN_STEP, .every = DAY,
	    .bounds = { 300 * US } },
	{ "another hand on the frequency", .rate = -740 * PPM, .happening = FOREIGN_RATE, .every = DAY,
	    .bounds = { 300 * US } },
	{ "host slews 10 ms", .rate = -740 * PPM, .happening = HOST_SLEW, .every = 6 * HOUR, .bounds = { 300 * US } },
	{ "host steps", .rate = -740 * PPM, .happening = HOST_STEP, .every = DAY, .bounds = { 300 * US } },
	{ "a right guest, for a year", .right = true, .looks = 105120, .bounds = { 30 * US, 300 * US, 3 * MS } },
};

/* ------------------------------------------------------------------------------------------- random numbers */

static uint64_t generator;

static double
uniform(double low, double high)
{
	uint64_t mixed = generator += UINT64_C(0x9e3779b97f4a7c15);	/* splitmix64 */

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	mixed ^= mixed >> 31;
	return low + (high - low) * ((double)(mixed >> 11) + .5) / 9007199254740992.0;
}

static double
gauss(void)
{
	return sqrt(-2 * log(uniform(0, 1))) * cos(2 * M_PI * uniform(0, 1));
}

static double
either(double value)
{
	return uniform(0, 1) < .5 ? value : -value;
}

/* ------------------------------------------------------------------------------------------------- methods */

/* What a look finds.  Times in nanoseconds. */
struct look {
	int64_t host_raw, host_real, guest_raw, guest_real, bound, sets;
	int64_t slew_left;	/* what the slew under way will still add */
	int64_t rate_ppb;	/* the correction in force in the guest */
	int boot;
	precise host_rate;	/* the host's own correction; only known to the methods compared with ours */
};

/* What a method orders, and says. */
struct verdict {
	bool steps, slews, rates;
	int64_t offset;		/* to add to the guest's clock */
	int64_t rate_ppb;
	bool certain;		/* the offset is said to be within low and high, if the rate has not changed since SINCE */
	int64_t low, high;
	int64_t since;		/* time on the host's raw clock */
};

#define WINDOW 25

/* State of the methods that we compare with. */
struct memory {
	int count, boot;
	precise t[WINDOW], x[WINDOW], b[WINDOW];	/* newest first; x: guest's raw clock minus host's */
	bool has_rate;
	precise rate;				/* f */
	precise phase, pxx, pxf, pff;		/* Kalman filter */
};

static void
push(struct memory *memory, const struct look *look)
{
	precise t = look->host_raw, x = look->guest_raw - look->host_raw;
	bool jump = memory->count > 0 && (look->boot != memory->boot || t + x < memory->t[0] + memory->x[0] ||
	    (memory->has_rate && fabsl((x - memory->x[0]) / (t - memory->t[0]) - memory->rate) > 1000 * PPM));

	/* After a pause, restore or reboot keep the rate and begin anew. */
	if (jump)
		memory->count = 0;
	memory->boot = look->boot;
	memmove(memory->t + 1, memory->t, (WINDOW - 1) * sizeof *memory->t);
	memmove(memory->x + 1, memory->x, (WINDOW - 1) * sizeof *memory->x);
	memmove(memory->b + 1, memory->b, (WINDOW - 1) * sizeof *memory->b);
	memory->t[0] = t;
	memory->x[0] = x;
	memory->b[0] = look->bound;
	memory->count += memory->count < WINDOW;
}

/* Orders to remove the offset, if X is the difference of the raw clocks, and the rate error. */
static void
correct(const struct memory *memory, const struct look *look, precise x, bool phase, struct verdict *verdict)
{
	int64_t gap = (look->guest_real - look->guest_raw) - (look->host_real - look->host_raw);
	precise offset = x + gap;

	verdict->offset = -llroundl(offset);
	verdict->steps = phase && fabsl(offset) > SLEW_BELOW;
	verdict->slews = phase && !verdict->steps;
	verdict->rates = memory->has_rate;
	if (memory->has_rate) {
		verdict->rate_ppb = llroundl(((1 + look->host_rate) / (1 + memory->rate) - 1) * 1e9L);
		if (llabs(verdict->rate_ppb) > RATE_MOST)
			verdict->rate_ppb = verdict->rate_ppb > 0 ? RATE_MOST : -RATE_MOST;
	}
}

/* Today's rule: correct the phase if the measured interval excludes zero. */
static void
correct_measured(const struct memory *memory, const struct look *look, struct verdict *verdict)
{
	correct(memory, look, memory->x[0], llabs(look->guest_real - look->host_real) > look->bound, verdict);
}

static void
no_rate(void *state, const struct look *look, struct verdict *verdict)
{
	push(state, look);
	correct_measured(state, look, verdict);
}

static void
last_two(void *state, const struct look *look, struct verdict *verdict)
{
	struct memory *memory = state;

	push(memory, look);
	if (memory->count >= 2) {
		memory->has_rate = true;
		memory->rate = (memory->x[0] - memory->x[1]) / (memory->t[0] - memory->t[1]);
	}
	correct_measured(memory, look, verdict);
}

static void
least_squares(void *state, const struct look *look, struct verdict *verdict)
{
	struct memory *memory = state;
	precise w = 0, wt = 0, wx = 0, wtt = 0, wtx = 0;

	push(memory, look);
	if (memory->count < 2) {
		correct_measured(memory, look, verdict);
		return;
	}
	for (int at = 0; at < memory->count; at++) {
		precise weight = 1 / (memory->b[at] * memory->b[at]), t = memory->t[at] - memory->t[0];
		precise x = memory->x[at] - memory->x[0];

		w += weight;
		wt += weight * t;
		wx += weight * x;
		wtt += weight * t * t;
		wtx += weight * t * x;
	}
	memory->has_rate = true;
	memory->rate = (w * wtx - wt * wx) / (w * wtt - wt * wt);
	correct(memory, look, memory->x[0] + (wx - memory->rate * wt) / w, true, verdict);
}

/* Phase and rate; the rate is a random walk of 0.1 ppm in an hour, and errors are half the bound. */
static void
kalman(void *state, const struct look *look, struct verdict *verdict)
{
	struct memory *memory = state;
	precise r = (precise)look->bound * look->bound / 4, before = memory->t[0], dt, residual, kx, kf;

	push(memory, look);
	dt = memory->t[0] - before;
	if (memory->count < 2) {
		memory->phase = memory->x[0];
		memory->pxx = r;
		memory->pxf = 0;
		if (!memory->has_rate)
			memory->pff = 1e-2L;
		correct_measured(memory, look, verdict);
		return;
	}
	memory->has_rate = true;
	memory->phase += memory->rate * dt;
	memory->pxx += 2 * dt * memory->pxf + dt * dt * memory->pff;
	memory->pxf += dt * memory->pff;
	memory->pff += 1e-14L * dt / HOUR;
	residual = memory->x[0] - memory->phase;
	kx = memory->pxx / (memory->pxx + r);
	kf = memory->pxf / (memory->pxx + r);
	memory->phase += kx * residual;
	memory->rate += kf * residual;
	memory->pff -= kf * memory->pxf;
	memory->pxf *= 1 - kx;
	memory->pxx *= 1 - kx;
	correct(memory, look, memory->phase, true, verdict);
}

static void
ours(void *state, const struct look *look, struct verdict *verdict)
{
	char boot[EXCHANGE_BOOT];
	struct rate_sample sample = { .host_raw = look->host_raw, .host_real = look->host_real,
		.guest_raw = look->guest_raw, .guest_real = look->guest_real, .bound = look->bound,
		.slew_left = look->slew_left, .sets = look->sets, .rate_ppb = look->rate_ppb, .may_order_rate = true,
		.host_boot = "host", .guest_boot = boot };
	struct rate_verdict found;

	snprintf(boot, sizeof boot, "guest-%d", look->boot);
	if (!rate_look(state, &sample, &found))
		abort();
	*verdict = (struct verdict){ .steps = found.order == RATE_STEP, .slews = found.order == RATE_SLEW,
		.rates = found.order_rate, .offset = found.correction, .rate_ppb = found.order_ppb,
		.certain = true, .low = found.low, .high = found.high, .since = found.since };
	rate_note(state, found.correction, !found.left_alone, found.order_ppb);
}

static const struct method {
	const char *name;
	void (*look)(void *state, const struct look *look, struct verdict *verdict);
	size_t size;	/* of its state, which is all zero at the start */
} methods[] = {
	{ "no rate", no_rate, sizeof(struct memory) },
	{ "last two", last_two, sizeof(struct memory) },
	{ "least squares", least_squares, sizeof(struct memory) },
	{ "Kalman", kalman, sizeof(struct memory) },
	{ "guestclock", ours, sizeof(struct rate) },
};
#define METHODS ((int)LENGTH(methods))
#define OURS 4		/* the last one, if it is there */

/* --------------------------------------------------------------------------------------------------- clocks */

struct clock {
	precise gap;		/* real-time clock minus raw clock, without EPOCH */
	precise slew_left;
	int64_t rate_ppb, sets;
};

struct world {
	const struct scenario *scenario;
	precise host_raw, guest_raw;
	precise rate, phase;		/* f without its sine; where the sine begins */
	struct clock host, guests[METHODS];
	int boot;
	bool paused, disturbed;		/* something happened since the last look that no method can foresee */
	precise resumes, next;		/* host_raw at the end of the pause, and when the next thing happens */
	precise changed;		/* host_raw when the rate changed last */
	int again;			/* another pause follows */
	struct { precise guest_raw; struct clock guests[METHODS]; } snapshot;
};

static void
run_clock(struct clock *clock, precise raw)
{
	precise slewed = fminl(fabsl(clock->slew_left), SLEW_RATE * raw);

	slewed = clock->slew_left < 0 ? -slewed : slewed;
	clock->slew_left -= slewed;
	clock->gap += slewed + raw * (precise)clock->rate_ppb / 1e9L;
}

/* Runs all clocks for DURATION of the host's raw clock, in which nothing happens. */
static void
run_clocks(struct world *world, precise duration)
{
	const struct scenario *scenario = world->scenario;
	precise middle = world->host_raw + duration / 2, raw = 0;

	if (!world->paused)
		raw = duration * (1 + world->rate + scenario->daily * sin((double)(2 * M_PI * middle / DAY + world->phase)));
	if (scenario->walk != 0)
		world->rate += scenario->walk * sqrt((double)duration / HOUR) * gauss();
	world->host_raw += duration;
	world->guest_raw += raw;
	if (scenario->walk != 0 || scenario->daily != 0)
		world->changed = world->host_raw;
	run_clock(&world->host, duration);
	for (int at = 0; at < METHODS; at++)
		run_clock(&world->guests[at], raw);
}

static double
exponential(double mean)
{
	return -mean * log(uniform(0, 1));
}

static void
happen(struct world *world)
{
	double shift = either(uniform(50 * MS, 5 * SECOND)), rate = uniform(-200e3, 200e3);
	int64_t start = llround(uniform(-1, 1) * SECOND);

	world->next = world->host_raw + exponential(world->scenario->every);
	world->disturbed |= world->scenario->happening != RATE_CHANGE;
	switch (world->scenario->happening) {
	case NOTHING:
		break;
	case PAUSE:
		world->paused = true;
		world->resumes = world->host_raw + 10 * SECOND * pow(2880, uniform(0, 1));
		world->again = world->again == 0 && uniform(0, 1) < .5;
		if (world->next < world->resumes + DAY || world->again != 0)
			world->next = world->resumes + (world->again != 0 ? uniform(.5, 1.5) * 5 * MINUTE : DAY);
		break;
	case RESTORE:
		if (world->snapshot.guest_raw != 0) {
			world->guest_raw = world->snapshot.guest_raw;
			memcpy(world->guests, world->snapshot.guests, sizeof world->guests);
		}
		world->snapshot.guest_raw = world->guest_raw;
		memcpy(world->snapshot.guests, world->guests, sizeof world->guests);
		break;
	case REBOOT:
		world->boot++;
		world->guest_raw = 20 * SECOND;
		for (int at = 0; at < METHODS; at++)
			world->guests[at] = (struct clock){ .gap = world->host_raw + world->host.gap - world->guest_raw + start };
		break;
	case RATE_CHANGE:
		world->changed = world->host_raw;
		world->rate = world->scenario->rate + (world->rate > world->scenario->rate ? 0 : 15 * PPM);
		break;
	case FOREIGN_STEP:
		for (int at = 0; at < METHODS; at++)
			world->guests[at].gap += shift;
		break;
	case FOREIGN_RATE:
		for (int at = 0; at < METHODS; at++)
			world->guests[at].rate_ppb = llround(rate);
		break;
	case HOST_SLEW:
		world->host.slew_left += either(10 * MS);
		break;
	case HOST_STEP:
		world->host.gap += shift;
		break;
	}
}

/* Runs the world until the host's raw clock reads UNTIL. */
static void
run_until(struct world *world, precise until)
{
	while (world->host_raw < until) {
		precise stop = until;
		bool happens = world->scenario->happening != NOTHING && world->next <= stop;

		if (happens)
			stop = world->next;
		if (world->paused && world->resumes <= stop) {
			run_clocks(world, world->resumes - world->host_raw);
			world->paused = false;
			continue;
		}
		run_clocks(world, fmaxl(0, stop - world->host_raw));
		if (happens)
			happen(world);
	}
}

/* -------------------------------------------------------------------------------------------------- results */

struct result {
	double squares;
	int64_t looks;
	int64_t orders, beyond_three;
	int64_t said, failed;		/* intervals said, and those without the true offset */
	int64_t unexplained;		/* those of them since whose start the rate had not changed */
};

static void
obey(struct clock *guest, const struct verdict *verdict)
{
	guest->sets += verdict->steps || verdict->slews || verdict->rates;
	if (verdict->steps) {
		guest->gap += verdict->offset;
		guest->slew_left = 0;
	}
	if (verdict->slews)
		guest->slew_left = verdict->offset;
	if (verdict->rates)
		guest->rate_ppb = verdict->rate_ppb;
}

static void
look(struct world *world, int at, precise error, precise bound, void *state, struct result *result, bool counts)
{
	struct clock *guest = &world->guests[at];
	int64_t host_raw = llroundl(world->host_raw), guest_raw = llroundl(world->guest_raw + error);
	struct look now = { .host_raw = host_raw, .guest_raw = guest_raw, .bound = llroundl(bound) + 2, .boot = world->boot,
		.host_real = EPOCH + host_raw + llroundl(world->host.gap),
		.guest_real = EPOCH + guest_raw + llroundl(guest->gap), .slew_left = llroundl(guest->slew_left),
		.sets = guest->sets, .rate_ppb = guest->rate_ppb, .host_rate = (precise)world->host.rate_ppb / 1e9L };
	precise offset = world->guest_raw + guest->gap - world->host_raw - world->host.gap;
	struct verdict verdict = { .steps = false };

	methods[at].look(state, &now, &verdict);
	if (verdict.steps || verdict.slews || verdict.rates)
		result->beyond_three += ++result->orders > 3;
	if (verdict.certain) {
		/* Two nanoseconds are for rounding. */
		bool failed = offset < verdict.low - 2 || offset > verdict.high + 2;

		result->said++;
		result->failed += failed;
		result->unexplained += failed && world->changed < verdict.since;
	}
	if (counts) {
		result->squares += (double)(offset * offset);
		result->looks++;
	}
	obey(guest, &verdict);
}

/* Runs SCENARIO with BOUND, SMALL or larger errors, and the random numbers of SEED; adds to RESULTS. */
static void
run(const struct scenario *scenario, double bound, bool small, int seed, struct result results[METHODS])
{
	static char states[METHODS][1 << 14];
	struct world world = { .scenario = scenario, .host_raw = 1000 * SECOND, .guest_raw = 500 * SECOND };
	double poll = scenario->poll != 0 ? scenario->poll : 5 * MINUTE, bias;
	int looks = scenario->looks != 0 ? scenario->looks : (int)fmin(8640, 30 * DAY / poll);
	int64_t before[METHODS];

	generator = (uint64_t)seed * 1000003;
	memset(states, 0, sizeof states);
	bias = either(.1);
	world.rate = scenario->rate;
	world.phase = uniform(0, 2 * M_PI);
	world.next = world.host_raw + exponential(scenario->every);
	world.host.rate_ppb = scenario->right ? 0 : -20000;
	for (int at = 0; at < METHODS; at++) {
		world.guests[at].gap = world.host_raw - world.guest_raw - (scenario->right ? 0 : 32 * SECOND);
		before[at] = results[at].orders;
		results[at].orders = 0;
	}
	for (int at = 1; at <= looks; at++) {
		precise width = bound * (scenario->spread ? 1 + 4 * pow(uniform(0, 1), 2) : 1), error;

		run_until(&world, 1000 * SECOND + (at + (poll > 2 * SECOND ? uniform(-.01, .01) : 0)) * poll);
		error = width * (small ? fmax(-1, fmin(1, bias + .04 * gauss())) : uniform(-1, 1));
		if (uniform(0, 1) < scenario->loss || world.paused)
			continue;
		for (int method = 0; method < METHODS; method++)
			if (!scenario->right || method == OURS)
				look(&world, method, error, width, states[method], &results[method],
				    !world.disturbed && at > (scenario->skip != 0 ? scenario->skip : 20));
		world.disturbed = world.host.slew_left != 0;
	}
	for (int at = 0; at < METHODS; at++)
		results[at].orders += before[at];
}

static double
rms(const struct result *result)
{
	return result->looks == 0 ? 0 : sqrt(result->squares / (double)result->looks) / US;
}

static FILE *table, *data;
static double sums[METHODS];	/* of the ratios of each method's rms to the best of a scenario */
static int missed[4], rows[4];
static const char *const goals[] = {
	"errors anywhere in the bound, constant rate: rms at most 5, 57.5 and 592.5 µs for 30, 300 and 3,000 µs",
	"every scenario: at most 1.5 times the best",
	"an uncertainty that does not hold is explained by a change of the rate",
	"a right guest: no order beyond the first three in a year",
};

static void
judge(int which, bool reached)
{
	rows[which]++;
	missed[which] += !reached;
}

/* Prints a scenario's row, and judges it. */
static void
report(const struct scenario *scenario, int bound, bool small, const struct result results[METHODS])
{
	static int row;
	double width = scenario->bounds[bound] / US, best = INFINITY, days;
	const struct result *ours = &results[METHODS - 1];
	char name[96];

	snprintf(name, sizeof name, "%.0f µs, %s", width, small ? "small" : "anywhere");
	fprintf(table, "| %s | %s |", scenario->name, name);
	fprintf(data, "%d \"%s, %s\"", ++row, scenario->name, name);
	for (int method = 0; method < METHODS; method++)
		if (results[method].looks > 0)
			best = fmin(best, rms(&results[method]));
	for (int method = 0; method < METHODS; method++) {
		double value = rms(&results[method]);

		fprintf(table, results[method].looks == 0 ? " |" : " %.*f |", value < 10 ? 1 : 0, value);
		fprintf(data, results[method].looks == 0 ? " NaN" : " %.3f", value / width);
		sums[method] += scenario->right ? 0 : value / best;
	}
	if (METHODS > OURS) {
		days = (double)ours->said * (scenario->poll != 0 ? scenario->poll : 5 * MINUTE) / DAY;
		fprintf(table, scenario->right ? " |" : " %.2f |", rms(ours) / best);
		fprintf(table, " %.*f | %.2f |", scenario->right ? 4 : 1, (double)ours->orders / days,
		    100 * (double)ours->failed / (double)ours->said);
		if (!small && scenario->goals[bound] != 0)
			judge(0, rms(ours) * US <= scenario->goals[bound]);
		if (!scenario->right)
			judge(1, rms(ours) <= 1.5 * best);
		judge(2, ours->unexplained == 0);
		if (scenario->right)
			judge(3, ours->beyond_three == 0);
	}
	fprintf(table, "\n");
	fprintf(data, "\n");
}

int
main(int argc, char **argv)
{
	int wrong = 0;
	bool least = true;

	if (argc != 3 || (table = fopen(argv[1], "w")) == NULL || (data = fopen(argv[2], "w")) == NULL) {
		fprintf(stderr, "simulate: expected two files to write, TABLE and DATA\n");
		return 100;
	}
	fprintf(table, "| scenario | bound, errors |");
	for (int at = 0; at < METHODS; at++)
		fprintf(table, " %s |", methods[at].name);
	if (METHODS > OURS)
		fprintf(table, " ratio to the best | orders a day | outside, %% |");
	fprintf(table, "\n|---|---|%s\n", &"---:|---:|---:|---:|---:|---:|---:|---:|"[METHODS > OURS ? 0 : 20]);
	for (size_t at = 0; at < LENGTH(scenarios); at++) {
		for (int bound = 0; bound < 8; bound++) {
			const struct scenario *scenario = &scenarios[at];
			struct result results[METHODS] = { { 0 } };

			if (scenario->bounds[bound / 2] == 0 || (METHODS <= OURS && scenario->right))
				continue;
			for (int seed = 1; seed <= SEEDS; seed++)
				run(scenario, scenario->bounds[bound / 2], bound % 2 != 0, seed, results);
			report(scenario, bound / 2, bound % 2 != 0, results);
		}
	}
	fprintf(table, "| sum of ratios to the best | |");
	for (int at = 0; at < METHODS; at++) {
		fprintf(table, " %.1f |", sums[at]);
		least = least && sums[METHODS - 1] <= sums[at];
	}
	fprintf(table, "\n\n");
	for (size_t at = 0; METHODS > OURS && at < LENGTH(goals); at++) {
		fprintf(table, "- %s: %s (%d of %d rows)\n", goals[at], missed[at] == 0 ? "reached" : "**missed**",
		    rows[at] - missed[at], rows[at]);
		wrong += missed[at] != 0;
	}
	if (METHODS > OURS) {
		fprintf(table, "- the smallest sum of ratios: %s\n", least ? "reached" : "**missed**");
		wrong += !least;
	}
	if (fclose(table) != 0 || fclose(data) != 0)
		return 111;
	return wrong != 0;
}
