/* Learning a guest's rate: see rate.h. */
#include "host/rate.h"

#include <stdio.h>
#include <string.h>

#include "lib/sysclock.h"

#ifndef __SIZEOF_INT128__
/* cppcheck-suppress preprocessorErrorDirective */
#error "guestclock needs a compiler with 128-bit integers: build it on a 64-bit host (guestclock-set needs none)"
#endif
__extension__ typedef __int128 wide;

#define SCORED_ENOUGH 4			/* the lines guess until so many predictions were scored */
#define DEVIATIONS 6			/* the error of a guess, where a false order matters */
#define STEADY_AFTER (48 * 3600 * NS_PER_SECOND)
#define STEADY_PART 16			/* a steady clock that is off by less than a 16th of the usual bound stays */
#define ORDER_LEAST (2 * NS_PER_MICROSECOND)	/* the kernel rounds a slew to microseconds */
#define WANDER 1000000			/* a rate may wander by one part in this from look to look */
#define SMALL_CHANGE (RATE_ONE / 20000)	/* 50 ppm */
#define HOST_SPAN (100 * NS_PER_SECOND)
#define SLEW_PER 2000			/* the kernel slews by one part in this: 500 ppm */
#define FOREIGN_LEAST NS_PER_MILLISECOND	/* a foreign step of less is not noticed */
#define LOOKS_LEARNT 5			/* from so many looks on, the rate is not that of one line through two of them */
#define LOOKS_FEW 8			/* from so many on, a guess is good enough to be ordered without proof */
#define FOREIGN_MOST 3			/* somebody else's rate is left alone from so many looks in a row on, ... */
#define FOREIGN_LOOKS 300		/* ... up to so many */
#define HOST_LEAST NS_PER_SECOND	/* over a shorter time, the error of reading two clocks looks like a rate */
#define HOST_STILL (RATE_ONE / 200000)	/* 5 ppm: as good as none */
#define HOST_LIKELY (RATE_ONE / 2000)	/* 500 ppm: the most that a host's clock is corrected as a rule */
#define REBOOT_CHANGE (RATE_ONE / 10000)	/* a kernel measures its counter's frequency anew at boot: 100 ppm */

const char *const rate_event_names[RATE_EVENTS] = { "none", "pause", "ahead", "restore", "reboot", "rate-change",
	"foreign-rate", "foreign-set", "rate-refused" };

static int64_t
between(wide low, wide value, wide high)
{
	return (int64_t)(value < low ? low : value > high ? high : value);
}

/* A * B / C, rounded up.  C > 0, and |A * B| < 2^126; the result is cut to 64 bits. */
static int64_t
scale_up(wide a, int64_t b, int64_t c)
{
	wide product = a * b, quotient = product / c;

	return between(-INT64_MAX, quotient + (product > quotient * c), INT64_MAX);
}

/* The same, rounded to the nearest: many roundings in a row must not add up. */
static int64_t
scale(wide a, int64_t b, int64_t c)
{
	wide product = a * b;

	return between(-INT64_MAX, (product + (product < 0 ? -(c / 2) : c / 2)) / c, INT64_MAX);
}

/* The rate that gains GAINED in TIME > 0. */
static int64_t
rate_of(wide gained, nanoseconds time)
{
	return between(-RATE_LIMIT, scale(gained, RATE_ONE, time), RATE_LIMIT);
}

/* VALUE >= 0. */
static int64_t
square_root(int64_t value)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit >>= 1)
		if ((root + bit) * (root + bit) <= (uint64_t)value)
			root += bit;
	return (int64_t)root;
}

/* ------------------------------------------------------------------------------------ lines through all intervals */

static void
drop_oldest(struct rate_chain *chain)
{
	memmove(chain->corners, chain->corners + 1, (size_t)--chain->count * sizeof *chain->corners);
}

static void
add_corner(struct rate_chain *chain, nanoseconds time, nanoseconds value)
{
	/* Remove corners that the new one makes needless: those above the line from the corner before to the new one. */
	while (chain->count >= 2) {
		nanoseconds t1 = chain->corners[chain->count - 2].time, v1 = chain->corners[chain->count - 2].value;
		nanoseconds t2 = chain->corners[chain->count - 1].time, v2 = chain->corners[chain->count - 1].value;

		if ((wide)(v2 - v1) * (time - t2) < (wide)(value - v2) * (t2 - t1))
			break;
		chain->count--;
	}
	if (chain->count == RATE_CORNERS)
		drop_oldest(chain);
	chain->corners[chain->count].time = time;
	chain->corners[chain->count++].value = value;
}

/* The steepest line that passes above all older corners of ABOVE, each with its value negated, and below newer ones. */
static int64_t
steepest(const struct rate_chain *below, const struct rate_chain *above)
{
	wide rise = RATE_LIMIT;
	int64_t run = RATE_ONE;

	for (int64_t newer = 0; newer < below->count; newer++)
		for (int64_t older = 0; older < above->count; older++) {
			wide up = (wide)below->corners[newer].value + above->corners[older].value;
			int64_t along = below->corners[newer].time - above->corners[older].time;

			if (along > 0 && up * run < rise * along) {
				rise = up;
				run = along;
			}
		}
	return scale_up(rise, RATE_ONE, run);
}

/* The highest value at TIME, not before the corners, of lines below all of them that are no steeper than RATE. */
static nanoseconds
highest(const struct rate_chain *chain, int64_t rate, nanoseconds time)
{
	nanoseconds value = INT64_MAX;

	for (int64_t at = 0; at < chain->count; at++)
		value = ns_least(value, ns_add(chain->corners[at].value,
		    scale_up(rate, time - chain->corners[at].time, RATE_ONE)));
	return value;
}

/* The interval of x at TIME. */
static nanoseconds
x_high(const struct rate *rate, nanoseconds time)
{
	return highest(&rate->chains[0], rate->n.high, time);
}

static nanoseconds
x_low(const struct rate *rate, nanoseconds time)
{
	return -highest(&rate->chains[1], -rate->n.low, time);
}

/* Adds a look to the chains, and computes the interval of f.  Returns false if no line passes. */
static bool
add_interval(struct rate *rate, const struct rate_kept *look)
{
	struct rate_chain *upper = &rate->chains[0], *lower = &rate->chains[1];

	add_corner(upper, look->time, look->x + look->bound);
	add_corner(lower, look->time, -(look->x - look->bound));
	rate->n.high = ns_least(rate->n.prior_high, steepest(upper, lower));
	rate->n.low = ns_most(rate->n.prior_low, -steepest(lower, upper));
	return rate->n.low <= rate->n.high;
}

/* Keeps a look.  If all places are taken, gives up the one that leaves the smallest gap for its age. */
static void
keep(struct rate *rate, const struct rate_kept *look)
{
	int64_t give_up = 1, smallest = INT64_MAX;

	if (rate->n.kept == RATE_KEPT) {
		for (int64_t at = 1; at < RATE_KEPT - 1; at++) {
			int64_t gap = rate->kept[at + 1].time - rate->kept[at - 1].time;
			int64_t relative = scale(gap, RATE_ONE, ns_most(1, look->time - rate->kept[at - 1].time));

			if (relative < smallest) {
				smallest = relative;
				give_up = at;
			}
		}
		memmove(rate->kept + give_up, rate->kept + give_up + 1, (size_t)(--rate->n.kept - give_up) * sizeof *look);
	}
	rate->kept[rate->n.kept++] = *look;
}

static void
clear_lines(struct rate *rate, int64_t prior_low, int64_t prior_high)
{
	rate->n.prior_low = prior_low;
	rate->n.prior_high = prior_high;
	rate->chains[0].count = rate->chains[1].count = 0;
}

/* Adds a look.  If no line passes, finds the longest run of the newest kept looks through which one does. */
static void
add_look(struct rate *rate, const struct rate_kept *look)
{
	bool passes;

	keep(rate, look);
	if (add_interval(rate, look))
		return;
	for (int64_t first = 0; first < rate->n.kept; first++) {
		clear_lines(rate, -RATE_LIMIT, RATE_LIMIT);
		passes = true;
		for (int64_t at = first; at < rate->n.kept && passes; at++)
			passes = add_interval(rate, &rate->kept[at]);
		if (passes) {
			rate->n.kept -= first;
			memmove(rate->kept, rate->kept + first, (size_t)rate->n.kept * sizeof *look);
			rate->n.since = rate->kept[0].time;
			rate->n.wrong = look->time;
			return;
		}
	}
}

/* ----------------------------------------------------------------------------------------------------- guesses */

static int64_t
memory_of(const struct rate *rate, int guess)
{
	return ns_least(rate->n.looks, INT64_C(1) << guess);
}

/* VALUE * SHARE, where SHARE is in 2^-62 and at most 1. */
static int64_t
share_of(int64_t value, int64_t share)
{
	return (int64_t)(((wide)value * share + RATE_ONE / 2) >> 62);
}

/* Moves the guesses from the last look to this one, ELAPSED later, at which X was measured. */
static void
follow(struct rate *rate, nanoseconds elapsed, nanoseconds x, nanoseconds bound)
{
	int64_t weight = RATE_ONE, limit = ns_least(RATE_ERROR_MOST, 8 * bound);
	bool predicted = rate->n.looks > 2;

	rate->n.scored = ns_least(rate->n.scored + predicted, RATE_SCORED_MOST);
	/* A look with a wide bound weighs less. */
	if (bound > rate->n.usual_bound)
		weight = scale(scale(RATE_ONE, rate->n.usual_bound, bound), rate->n.usual_bound, bound);
	for (int at = 0; at < RATE_GUESSES; at++) {
		struct rate_guess *guess = &rate->n.guesses[at];
		int64_t n = memory_of(rate, at), error, phase_gain, rate_gain;

		guess->x = between(-RATE_ONE, (wide)guess->x + share_of(elapsed, guess->rate), RATE_ONE);
		error = share_of(x - guess->x, weight);
		if (predicted) {
			int64_t cut = between(-limit, error, limit);

			guess->score += (cut * cut - guess->score) / rate->n.scored;
		}
		if (at == 0)
			continue;
		/* The gains of least squares at the last of n looks.  In a new segment only the phase is unknown. */
		phase_gain = ns_most(RATE_ONE / (n * (n + 1)) * (4 * n - 2), RATE_ONE / rate->n.segment_looks);
		rate_gain = RATE_ONE / (n * (n + 1)) * 6;
		guess->x = between(-RATE_ONE, (wide)guess->x + share_of(error, phase_gain), RATE_ONE);
		guess->rate = between(-RATE_LIMIT, (wide)guess->rate + scale(error, rate_gain, ns_most(elapsed, rate->n.interval)),
		    RATE_LIMIT);
	}
}

/* The guess to use: the middle of the lines where they predict best, or else the longest memory of the best. */
static int
best_guess(const struct rate *rate)
{
	int64_t good = INT64_MAX;

	for (int at = 0; at < RATE_GUESSES; at++)
		good = ns_least(good, rate->n.guesses[at].score);
	good += good / 64;
	if (rate->n.scored < SCORED_ENOUGH || rate->n.guesses[0].score <= good)
		return 0;
	for (int at = RATE_GUESSES - 1; at > 1; at--)
		if (rate->n.guesses[at].score <= good)
			return at;
	return 1;
}

/* Whether nothing has proved for a while that the guest's clock is wrong. */
static bool
is_steady(const struct rate *rate)
{
	return rate->n.wrong == 0 || rate->n.time < rate->n.wrong || rate->n.time - rate->n.wrong > STEADY_AFTER;
}

/* The errors of a guess, of x in nanoseconds and of the rate; CAREFUL: it is most unlikely that they are larger. */
static void
guess_errors(const struct rate *rate, int at, bool careful, nanoseconds *x_error, int64_t *rate_error)
{
	int64_t n = memory_of(rate, at), score = rate->n.guesses[at].score, scored = rate->n.scored;
	int64_t sixteenths = careful ? 10 : 2, deviations = (careful ? DEVIATIONS : 1) * (scored + 8);

	if (at == 0) {
		*x_error = (x_high(rate, rate->n.time) - x_low(rate, rate->n.time)) / 16 * sixteenths;
		*rate_error = (rate->n.high - rate->n.low) / 16 * sixteenths;
		return;
	}
	/* As for least squares over n looks.  If few errors are scored, their deviation is uncertain itself. */
	*x_error = deviations * square_root(4 * (score / ns_least(n, 4 * rate->n.segment_looks))) / scored;
	*rate_error = rate_of((wide)deviations * square_root(12 * (score / n)) / scored, n * rate->n.interval);
}

/* --------------------------------------------------------------------------------------------------------- looks */

/*
 * The host's own correction: the median over some spans, in which a slew or step of the host's spoils one or two.  Until
 * there are three, *KNOWN is false: a step looks like a rate.  Then the rate is between 0 and the value.
 */
static int64_t
host_rate(struct rate *rate, nanoseconds time, nanoseconds gap, bool *known)
{
	int64_t sorted[RATE_HOST_SPANS], elapsed = time - rate->n.host_time;
	int64_t count = rate->n.host_spans, now = elapsed > 0 ? rate_of((wide)gap - rate->n.host_gap, elapsed) : 0;

	if (elapsed >= HOST_SPAN) {
		memmove(rate->n.host_rates + 1, rate->n.host_rates, (RATE_HOST_SPANS - 1) * sizeof now);
		rate->n.host_rates[0] = now;
		rate->n.host_spans = count = ns_least(count + 1, RATE_HOST_SPANS);
		rate->n.host_time = time;
		rate->n.host_gap = gap;
	}
	for (int64_t at = 0; at < count; at++) {
		int64_t to = at;

		for (; to > 0 && sorted[to - 1] > rate->n.host_rates[at]; to--)
			sorted[to] = sorted[to - 1];
		sorted[to] = rate->n.host_rates[at];
	}
	if (count > 0)
		now = sorted[count / 2];
	*known = count >= 3;
	return count > 0 || elapsed >= HOST_LEAST ? now : 0;
}

/* Begins a segment, whose first look is still to be added.  What is known of the rate stays. */
static void
begin_segment(struct rate *rate)
{
	clear_lines(rate, rate->n.low, rate->n.high);
	rate->n.segment_looks = rate->n.kept = 0;
}

static void
forget_suspect(struct rate *rate)
{
	rate->n.suspect_low = 1;
	rate->n.suspect_high = rate->n.suspect_change = 0;
}

/* How far the rates LOW to HIGH are above (positive) or below those that the lines allow; 0 if some are allowed. */
static int64_t
apart(const struct rate *rate, int64_t low, int64_t high)
{
	return low > rate->n.high ? low - rate->n.high : high < rate->n.low ? high - rate->n.low : 0;
}

/*
 * Judges whether a look fits the lines.  If it does not, begins a segment; if it is the second in a row and both mean
 * the same change of the rate, drops the rate, and begins with the last look.
 */
static enum rate_event
judge_fit(struct rate *rate, nanoseconds time, nanoseconds x, nanoseconds bound)
{
	nanoseconds elapsed = time - rate->n.time;
	wide above = (wide)x - bound - x_high(rate, time), below = (wide)x_low(rate, time) - x - bound;
	wide allowed = 2 * (wide)bound + elapsed / WANDER, moved = (wide)x - rate->n.x;
	int64_t low = rate_of(moved - bound - rate->n.bound, elapsed);
	int64_t high = rate_of(moved + bound + rate->n.bound, elapsed);
	int64_t was_low = rate->n.suspect_low, was_high = rate->n.suspect_high;
	int64_t change = apart(rate, low, high), was_change = rate->n.suspect_change;
	bool suspected = was_low <= was_high, same;

	forget_suspect(rate);
	if (above <= 0 && below <= 0)
		return RATE_EVENT_NONE;
	rate->n.suspect_low = low;
	rate->n.suspect_high = high;
	rate->n.suspect_change = change;
	/* A look that is only just outside shows that the rate wanders: add_look() drops the oldest looks. */
	if (above <= allowed && below <= allowed)
		return RATE_EVENT_NONE;
	/* If the rate changed by little between two looks, the first has seen a part of the change. */
	same = (low <= was_high && was_low <= high) || ((change > 0) == (was_change > 0) &&
	    ns_magnitude(change) <= SMALL_CHANGE && ns_magnitude(was_change) <= SMALL_CHANGE);
	begin_segment(rate);
	/* No clock has a rate at the limit: such a guest stood still. */
	if (!suspected || !same || low == -RATE_LIMIT || high == RATE_LIMIT)
		return above > 0 ? RATE_EVENT_AHEAD : RATE_EVENT_PAUSE;
	forget_suspect(rate);
	clear_lines(rate, -RATE_LIMIT, RATE_LIMIT);
	rate->n.looks = rate->n.segment_looks = 1;
	rate->n.since = rate->n.time;
	add_look(rate, &(struct rate_kept){ rate->n.time, rate->n.x, rate->n.bound });
	for (int at = 0; at < RATE_GUESSES; at++)
		rate->n.guesses[at].rate = low + (high - low) / 2;
	return RATE_EVENT_RATE_CHANGE;
}

/* Whether somebody else has set the guest's rate or clock since the last look, in the same boot. */
static enum rate_event
judge_foreign(struct rate *rate, const struct rate_sample *sample)
{
	nanoseconds gap = ns_add(ns_subtract(sample->guest_real, sample->guest_raw), sample->slew_left);
	nanoseconds gained = scale(sample->guest_raw - rate->n.guest_raw, sample->rate_ppb, NS_PER_SECOND);

	/* The wire and the kernel round a rate, each by less than 1 ppb. */
	if (rate->n.has_order != 0 && ns_magnitude(sample->rate_ppb - rate->n.ordered_ppb) > 2) {
		/* After FOREIGN_LOOKS, whoever sets it may be gone: begin to count anew. */
		rate->n.foreign = rate->n.foreign < FOREIGN_LOOKS ? rate->n.foreign + 1 : 1;
		return RATE_EVENT_FOREIGN_RATE;
	}
	rate->n.foreign = 0;
	gap = ns_subtract(gap, ns_add(rate->n.gap, gained));
	return ns_magnitude(gap) > FOREIGN_LEAST ? RATE_EVENT_FOREIGN_SET : RATE_EVENT_NONE;
}

/* Boot ids; "-" is one that could not be read. */
static bool
is_other_boot(const char *before, const char *now)
{
	return strcmp(before, now) != 0 && strcmp(before, "-") != 0 && strcmp(now, "-") != 0;
}

static void
note_boot(char boot[EXCHANGE_BOOT], const char *now)
{
	if (strcmp(now, "-") != 0 || *boot == '\0')
		snprintf(boot, EXCHANGE_BOOT, "%s", now);
}

/* Finds out what happened since the last look; begins a segment if the line is another now. */
static enum rate_event
judge_look(struct rate *rate, const struct rate_sample *sample, nanoseconds x, nanoseconds bound)
{
	bool host_began = is_other_boot(rate->host_boot, sample->host_boot) || sample->host_raw <= rate->n.time;
	enum rate_event event = RATE_EVENT_NONE, foreign;

	if (is_other_boot(rate->guest_boot, sample->guest_boot))
		event = RATE_EVENT_REBOOT;
	else if (sample->guest_raw < rate->n.guest_raw || (sample->sets < rate->n.sets && sample->sets != 0))
		event = RATE_EVENT_RESTORE;
	if (host_began) {
		rate->n.wrong = is_steady(rate) ? 0 : sample->host_raw;
		rate->n.since = rate->n.host_time = sample->host_raw;
		rate->n.host_gap = ns_subtract(sample->host_real, sample->host_raw);
	}
	if (event == RATE_EVENT_REBOOT || host_began) {
		rate->n.low = ns_most(rate->n.low - REBOOT_CHANGE, -RATE_LIMIT);
		rate->n.high = ns_least(rate->n.high + REBOOT_CHANGE, RATE_LIMIT);
	}
	if (event != RATE_EVENT_NONE || host_began) {
		begin_segment(rate);
		forget_suspect(rate);
	}
	if (event != RATE_EVENT_NONE) {
		/* The rate in force is now that of the snapshot, or none. */
		rate->n.has_order = rate->n.foreign = 0;
		return event;
	}
	if (!host_began)
		event = judge_fit(rate, sample->host_raw, x, bound);
	foreign = judge_foreign(rate, sample);
	return event != RATE_EVENT_NONE ? event : foreign;
}

static void
start(struct rate *rate, const struct rate_sample *sample)
{
	memset(rate, 0, sizeof *rate);
	rate->n.low = rate->n.prior_low = -RATE_LIMIT;
	rate->n.high = rate->n.prior_high = RATE_LIMIT;
	forget_suspect(rate);
	rate->n.since = rate->n.host_time = sample->host_raw;
	rate->n.host_gap = ns_subtract(sample->host_real, sample->host_raw);
}

/* The correction that a guest with RATE needs: (1 + host) / (1 + rate) - 1. */
static int64_t
needed_ppb(int64_t rate, int64_t host)
{
	return between(-RATE_MOST_PPB, scale(host - rate, NS_PER_SECOND, RATE_ONE + rate), RATE_MOST_PPB);
}

/*
 * Whether the lines prove the correction in force wrong.  One line through two looks does not: a pause between them looks
 * like a rate.
 */
static bool
rate_is_wrong(const struct rate *rate, const struct rate_sample *sample, enum rate_event event, int64_t host, bool known)
{
	int64_t host_low = known ? host : ns_least(host, 0), host_high = known ? host : ns_most(host, 0);

	return (rate->n.segment_looks >= 3 || event == RATE_EVENT_RATE_CHANGE || rate->n.looks >= LOOKS_LEARNT) &&
	    (sample->rate_ppb > needed_ppb(rate->n.low, host_high) + 1 ||
	    sample->rate_ppb < needed_ppb(rate->n.high, host_low) - 1);
}

/* Notes the time if the lines prove that what is in force in the guest is wrong; GAP is between the gaps. */
static void
note_wrong(struct rate *rate, nanoseconds gap, bool rate_wrong)
{
	if (rate_wrong || ns_add(x_low(rate, rate->n.time), gap) > 0 || ns_add(x_high(rate, rate->n.time), gap) < 0)
		rate->n.wrong = rate->n.time;
}

/* Decides what to order, from the guesses in VERDICT and their errors.  MAY and MUST: of an order of the rate. */
static void
decide(const struct rate_sample *sample, nanoseconds interval, bool steady, bool may, bool must, nanoseconds x_error,
    struct rate_verdict *verdict)
{
	int64_t drift = verdict->order_ppb - sample->rate_ppb;
	bool moves = ns_magnitude(ns_add(verdict->offset, sample->slew_left)) > x_error;
	bool behind = verdict->offset < 0 && verdict->event >= RATE_EVENT_PAUSE && verdict->event <= RATE_EVENT_REBOOT;
	bool large = ns_magnitude(verdict->offset) > SYSCLOCK_SLEW_BELOW;
	bool lasts = ns_magnitude(verdict->offset) > interval / SLEW_PER;

	verdict->order_rate = drift != 0 && (must ||
	    (may && (ns_magnitude(drift) > verdict->rate_error_ppb + 1 || (moves && !steady))));
	if (!verdict->order_rate)
		verdict->order_ppb = sample->rate_ppb;
	if (!moves && !verdict->order_rate)
		return;
	/* The guess from two looks in a row may be far off, and would make each slew a step: all that is possible must outrun. */
	verdict->outruns = verdict->has_rate && ns_magnitude(ns_add(sample->rate_ppb, between(verdict->rate_low_ppb,
	    -sample->rate_ppb, verdict->rate_high_ppb))) > NS_PER_SECOND / SLEW_PER / 2;
	verdict->correction = ns_subtract(0, verdict->offset);
	if (verdict->correction != 0)
		verdict->order = large || behind || (verdict->outruns && (!verdict->order_rate || lasts)) ? RATE_STEP : RATE_SLEW;
}

/* Adds a look to all that is kept.  EVENT is what judge_look() found. */
static void
take_look(struct rate *rate, const struct rate_sample *sample, nanoseconds x, nanoseconds bound, enum rate_event event)
{
	nanoseconds elapsed = sample->host_raw - rate->n.time;

	rate->n.looks++;
	if (rate->n.segment_looks++ == 0 || event == RATE_EVENT_RATE_CHANGE) {
		for (int at = 0; at < RATE_GUESSES; at++)
			rate->n.guesses[at].x = x;
	} else {
		elapsed = ns_least(elapsed, RATE_INTERVAL_MOST);
		if (rate->n.interval == 0)
			rate->n.interval = elapsed;
		/* A gap without looks hardly changes what is usual. */
		rate->n.interval += (ns_least(elapsed, 4 * rate->n.interval) - rate->n.interval) / 8;
		follow(rate, sample->host_raw - rate->n.time, x, bound);
	}
	if (rate->n.usual_bound == 0)
		rate->n.usual_bound = bound;
	rate->n.usual_bound += (bound - rate->n.usual_bound) / 16;
	add_look(rate, &(struct rate_kept){ sample->host_raw, x, bound });
	rate->n.time = sample->host_raw;
	rate->n.guest_raw = sample->guest_raw;
	rate->n.x = x;
	rate->n.bound = bound;
	rate->n.sets = sample->sets;
	rate->n.gap = ns_add(ns_subtract(sample->guest_real, sample->guest_raw), sample->slew_left);
	rate->n.slew_left = sample->slew_left;
	note_boot(rate->host_boot, sample->host_boot);
	note_boot(rate->guest_boot, sample->guest_boot);
	/* The middle of the lines. */
	rate->n.guesses[0].x = x_low(rate, rate->n.time) + (x_high(rate, rate->n.time) - x_low(rate, rate->n.time)) / 2;
	rate->n.guesses[0].rate = rate->n.low + (rate->n.high - rate->n.low) / 2;
}

bool
rate_look(struct rate *rate, const struct rate_sample *sample, struct rate_verdict *verdict)
{
	nanoseconds host_gap = ns_subtract(sample->host_real, sample->host_raw), x_error, likely, x, bound, low, high, gap;
	int64_t host, rate_error, f;
	bool host_known, may, rate_wrong;
	int guess;

	if (sample->host_raw < 0 || sample->host_raw > RATE_RAW_MOST || sample->guest_raw < 0 ||
	    sample->guest_raw > RATE_RAW_MOST || sample->bound < 0 || sample->bound > RATE_BOUND_MOST ||
	    ns_magnitude(sample->rate_ppb) > 2 * RATE_MOST_PPB)
		return false;
	*verdict = (struct rate_verdict){ .event = RATE_EVENT_NONE };
	if (rate->n.looks == 0)
		start(rate, sample);
	x = sample->guest_raw - sample->host_raw;
	/* x is within the bound when the guest reads.  At the middle of the look it differs by up to f times the bound. */
	bound = sample->bound + scale_up(ns_most(rate->n.high, -rate->n.low), sample->bound, RATE_ONE) + 1;
	if (rate->n.looks > 0)
		verdict->event = judge_look(rate, sample, x, bound);
	take_look(rate, sample, x, bound, verdict->event);
	host = host_rate(rate, sample->host_raw, host_gap, &host_known);

	/* From x to the offset. */
	gap = ns_subtract(ns_subtract(sample->guest_real, sample->guest_raw), host_gap);
	rate_wrong = rate_is_wrong(rate, sample, verdict->event, host, host_known);
	if (!host_known && (host > HOST_LIKELY || host < -HOST_LIKELY))
		host = 0;
	note_wrong(rate, ns_add(gap, sample->slew_left), rate_wrong);
	guess = best_guess(rate);
	f = rate->n.guesses[guess].rate;
	/* A guess with a long memory may lie outside of what is proved. */
	if (rate_wrong)
		f = between(rate->n.low, f, rate->n.high);
	guess_errors(rate, guess, true, &likely, &rate_error);
	guess_errors(rate, guess, is_steady(rate), &x_error, &rate_error);
	x_error = ns_most(x_error, is_steady(rate) ? rate->n.usual_bound / STEADY_PART : ORDER_LEAST);
	low = x_low(rate, rate->n.time);
	high = x_high(rate, rate->n.time);
	verdict->offset = between(x - bound, rate->n.guesses[guess].x, x + bound);
	if (guess > 0) {
		/* The rate wanders, or errors are small: then the guess predicts better than the lines, and counts as well. */
		low = ns_most(x - bound, ns_least(low, verdict->offset - likely));
		high = ns_least(x + bound, ns_most(high, verdict->offset + likely));
	}
	verdict->offset = ns_add(verdict->offset, gap);
	verdict->low = ns_add(low, gap);
	verdict->high = ns_add(high, gap);
	verdict->since = rate->n.since;
	verdict->left_alone = rate->n.foreign >= FOREIGN_MOST;
	verdict->has_rate = rate->n.looks > 1;
	if (verdict->has_rate) {
		verdict->rate_low_ppb = -scale_up(-rate->n.low, NS_PER_SECOND, RATE_ONE);
		verdict->rate_high_ppb = scale_up(rate->n.high, NS_PER_SECOND, RATE_ONE);
		verdict->rate_ppb = scale(f, NS_PER_SECOND, RATE_ONE);
		verdict->rate_error_ppb = scale_up(rate_error, NS_PER_SECOND, RATE_ONE);
		verdict->order_ppb = needed_ppb(f, host);
	}
	may = sample->may_order_rate && verdict->has_rate && !verdict->left_alone;
	/* A guess from few looks may be far from the rate: order it only where the one in force is proved wrong. */
	decide(sample, rate->n.interval, is_steady(rate), may && rate->n.looks >= LOOKS_FEW &&
	    (host_known || (host < HOST_STILL && host > -HOST_STILL)), may && rate_wrong, x_error, verdict);
	return true;
}

void
rate_note(struct rate *rate, nanoseconds moved, bool rated, int64_t rate_ppb)
{
	if (moved != 0)
		rate->n.gap = ns_add(ns_subtract(rate->n.gap, rate->n.slew_left), moved);
	/* The guest ends an order when a session without one sets its clock.  A rate that is left alone is nobody's order. */
	if (rated) {
		rate->n.has_order = 1;
		rate->n.ordered_ppb = rate_ppb;
	} else if (rate->n.foreign < FOREIGN_MOST)
		rate->n.has_order = rate->n.foreign = 0;
}
