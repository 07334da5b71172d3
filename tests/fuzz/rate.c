/*
 * rate: a state file's lines, or looks with arbitrary clocks.
 *
 * An input that begins as a state does is parsed as one, and looks follow that it may not survive.  In others a number
 * is 9 octets: 8 octets of value, and how many of their bits to drop, so that numbers of all sizes are equally likely;
 * missing input is 0.  If the first number is even, the guest's rate is constant, nobody else sets a clock, and each
 * reading is within its bound: then every interval must contain the truth.
 */
#include "fuzz.h"

#include "host/rate_text.h"

__extension__ typedef __int128 exact;

struct input {
	const uint8_t *at;
	size_t left;
};

static int64_t
take(struct input *input)
{
	uint64_t value = 0;
	uint8_t octets[9] = { 0 };
	size_t count = input->left < 9 ? input->left : 9;

	if (count > 0)
		memcpy(octets, input->at, count);
	input->at += count;
	input->left -= count;
	for (int at = 0; at < 8; at++)
		value = value << 8 | octets[at];
	return (int64_t)value >> (octets[8] & 63);
}

/* Returns a number from LOW to HIGH. */
static int64_t
take_between(struct input *input, int64_t low, int64_t high)
{
	exact value = ((exact)take(input) - low) % ((exact)high - low + 1);

	return (int64_t)(value < 0 ? value + high + 1 : value + low);
}

static void
check_text(const struct rate *rate)
{
	char text[RATE_TEXT], again[RATE_TEXT];
	struct rate back;
	size_t length = rate_format(rate, text);

	REQUIRE(length < sizeof text && length == strlen(text));
	REQUIRE(rate_parse(text, length, &back));
	REQUIRE(rate_format(&back, again) == length && strcmp(text, again) == 0);
	REQUIRE(length == 0 || !rate_parse(text, length - 1, &back));
}

/* Looks; whatever the clocks say, the verdict makes sense and the state can be stored. */
static bool
check_look(struct rate *rate, const struct rate_sample *sample, struct rate_verdict *verdict)
{
	struct rate before = *rate;
	nanoseconds bound = sample->bound;

	if (!rate_look(rate, sample, verdict)) {
		REQUIRE(memcmp(&before, rate, sizeof before) == 0);
		return false;
	}
	REQUIRE(verdict->event < RATE_EVENTS);
	REQUIRE(verdict->low <= verdict->offset && verdict->offset <= verdict->high);
	REQUIRE((exact)verdict->high - verdict->low <= 2 * ((exact)bound + bound / 8 + 2));
	REQUIRE(verdict->rate_low_ppb <= verdict->rate_high_ppb && verdict->rate_error_ppb >= 0);
	REQUIRE(verdict->order_rate ? ns_magnitude(verdict->order_ppb) <= RATE_MOST_PPB && sample->may_order_rate :
	    verdict->order_ppb == sample->rate_ppb);
	REQUIRE((verdict->order == RATE_LEAVE) == (verdict->correction == 0));
	check_text(rate);
	return true;
}

static void
run_wild(struct input *input, struct rate *rate)
{
	static const char *const boots[] = { "a", "b", "0123456789abcdef0123456789abcdef0123456" };

	for (int look = 0; look < 64 && input->left > 0; look++) {
		int64_t way = take(input);
		struct rate_sample sample = { .host_raw = take(input), .host_real = take(input), .guest_raw = take(input),
			.guest_real = take(input), .bound = take(input), .slew_left = take(input), .sets = take(input),
			.rate_ppb = take(input), .may_order_rate = (way & 1) != 0, .host_boot = boots[(way >> 1 & 7) == 0],
			.guest_boot = boots[(way >> 4 & 7) == 0 ? 2 : 0] };
		struct rate_verdict verdict;

		/* Most looks follow the last: otherwise there would be a reboot each time. */
		if ((way & 256) == 0) {
			sample.host_raw = ns_add(rate->n.time, sample.host_raw);
			sample.guest_raw = ns_add(rate->n.guest_raw, sample.guest_raw);
		}
		if (check_look(rate, &sample, &verdict))
			rate_note(rate, (way & 512) != 0 ? verdict.correction : take(input), (way & 1024) != 0,
			    take_between(input, -RATE_MOST_PPB, RATE_MOST_PPB));
	}
}

static void
run_true(struct input *input)
{
	struct rate rate = { .n.looks = 0 };
	int64_t f_ppb = take_between(input, -RATE_MOST_PPB, RATE_MOST_PPB);
	nanoseconds time = NS_PER_SECOND, real = take_between(input, 0, INT64_MAX / 4), step = 0;

	for (int look = 0; look < 64 && input->left > 0; look++) {
		nanoseconds bound = take_between(input, 0, NS_PER_SECOND), error = take_between(input, -bound, bound), raw;
		struct rate_sample sample = { .bound = bound, .host_boot = "host", .guest_boot = "guest" };
		struct rate_verdict verdict;
		nanoseconds offset;

		time += take_between(input, 1, INT64_C(1) << 52);
		raw = time + (nanoseconds)((exact)time * f_ppb / NS_PER_SECOND);
		offset = raw + step - time;
		raw = time + error + (nanoseconds)((exact)(time + error) * f_ppb / NS_PER_SECOND);
		/* Raw clocks do not go back, as they seem to here if looks follow one another within their errors. */
		if (raw < rate.n.guest_raw || raw < 0)
			continue;
		sample.host_raw = time;
		sample.host_real = real + time;
		sample.guest_raw = raw;
		sample.guest_real = real + raw + step;
		REQUIRE(check_look(&rate, &sample, &verdict));
		REQUIRE(verdict.event == RATE_EVENT_NONE);
		REQUIRE(verdict.low - 1 <= offset && offset <= verdict.high + 1);
		REQUIRE(!verdict.has_rate || (verdict.rate_low_ppb <= f_ppb && f_ppb <= verdict.rate_high_ppb));
		step += verdict.correction;
		rate_note(&rate, verdict.correction, false, 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char state[] = "rate-";
	struct input input = { data, size };
	struct rate rate = { .n.looks = 0 };

	if (size >= sizeof state - 1 && memcmp(data, state, sizeof state - 1) == 0) {
		char *octets = fuzz_octets(data, size);
		const char *end = memmem(octets, size, "\n\n", 2);
		size_t length = end != NULL ? (size_t)(end - octets) + 1 : size;

		if (rate_parse(octets, length, &rate)) {
			check_text(&rate);
			input.at += length;
			input.left -= length;
			run_wild(&input, &rate);
		}
		free(octets);
	} else if (take(&input) % 2 == 0)
		run_true(&input);
	else
		run_wild(&input, &rate);
	return 0;
}
