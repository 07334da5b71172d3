/* The output of a run: see report.h. */
#include "host/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "host/record_text.h"
#include "host/store.h"
#include "lib/text.h"

#define NAME_WIDTH_MOST 40

/* Room for check's line, with its LF at most 1,000 octets: some monitoring systems cut a line at 1,024. */
#define CHECK_LINE 1001

bool
report_start(struct report *report, const struct driver_options *options, const struct guest_list *list)
{
	size_t count = list->count + list->wrongs;

	*report = (struct report){ .options = options, .count = count, .table = !options->json && isatty(STDOUT_FILENO),
		.progress = isatty(STDERR_FILENO) && count > 1, .records = calloc(count, sizeof *report->records) };
	for (size_t at = 0; at < list->count; at++)
		if (strlen(list->name[at]) > report->width)
			report->width = strlen(list->name[at]);
	if (report->width > NAME_WIDTH_MOST)
		report->width = NAME_WIDTH_MOST;
	return report->records != NULL;
}

/* Writes a JSON string or a Prometheus label value.  TEXT is printable ASCII, so \" and \\ are the only escapes. */
static void
put_quoted(FILE *to, const char *text)
{
	putc('"', to);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', to);
		putc(*text, to);
	}
	putc('"', to);
}

/* Formats seconds without "+", which JSON does not allow. */
static const char *
plain(nanoseconds value, char text[SECONDS_TEXT])
{
	format_seconds(value, text);
	return *text == '+' ? text + 1 : text;
}

/* Writes a text field of a JSON object; its value is null if TEXT is NULL. */
static void
put_text(FILE *to, const char *name, const char *text)
{
	fprintf(to, ",\"%s\":", name);
	if (text != NULL)
		put_quoted(to, text);
	else
		fputs("null", to);
}

static void
put_number(FILE *to, const char *name, bool known, nanoseconds value)
{
	char text[SECONDS_TEXT];

	fprintf(to, ",\"%s\":%s", name, known ? plain(value, text) : "null");
}

/* How far the true offset may be from the estimator's, if the rate has not changed. */
static nanoseconds
uncertainty(const struct record *record)
{
	nanoseconds above = ns_subtract(record->verdict.high, record->verdict.offset);
	nanoseconds below = ns_subtract(record->verdict.offset, record->verdict.low);

	return above > below ? above : below;
}

/* Writes one JSON object and LF. */
static void
put_json(FILE *to, const struct record *record)
{
	bool done = record->result == CLIENT_DONE;

	fputs("{\"guest\":", to);
	put_quoted(to, record->guest);
	put_number(to, "time", true, record->time);
	put_number(to, "offset", done, record->before.offset);
	put_number(to, "bound", done, record->before.bound);
	put_number(to, "delay", done, record->before.delay);
	put_text(to, "action", done ? client_action_names[record->action] : NULL);
	put_number(to, "residual", done, record->after.offset);
	/* plain() divides by 10^9: ppb * 10^6 prints as ppm.  A drift is at most 10 %, so the product does not overflow. */
	put_number(to, "drift", record->has_drift, record->drift_ppb * 1000000);
	put_number(to, "estimate", record->looked, record->verdict.offset);
	put_number(to, "uncertainty", record->looked, uncertainty(record));
	put_number(to, "rate", record->verdict.has_rate, record->verdict.rate_ppb * 1000000);
	put_text(to, "event", record->looked ? rate_event_names[record->verdict.event] : NULL);
	put_text(to, "result", record_result_names[record->result]);
	put_text(to, "error", done ? NULL : record->text);
	fputs("}\n", to);
}

static void
clear_progress(const struct report *report)
{
	if (report->progress)
		fputs("\r\033[K", stderr);
}

static void
put_table_line(const struct report *report, const struct record *record)
{
	char offset[SECONDS_TEXT], bound[SECONDS_TEXT], residual[SECONDS_TEXT], rate[SECONDS_TEXT];
	int width = (int)report->width;

	if (record->result != CLIENT_DONE) {
		printf("%-*s  %s: %s\n", width, record->guest, record_result_names[record->result], record->text);
		return;
	}
	format_seconds(record->before.offset, offset);
	format_seconds(record->before.bound, bound);
	format_seconds(record->after.offset, residual);
	printf("%-*s  %23s s  +- %s s  %-13s", width, record->guest, offset, bound + 1, client_action_names[record->action]);
	if (record->action == ACTION_STEP)
		printf("  residual %s s", residual);
	if (record->verdict.has_rate) {
		format_rate(record->verdict.rate_ppb, rate);
		printf("  rate %s ppm", rate);
	}
	if (record->verdict.event != RATE_EVENT_NONE)
		printf("  %s", rate_event_names[record->verdict.event]);
	putchar('\n');
}

void
report_event(const struct report *report, const struct record *record)
{
	if (report->options->json)
		put_json(stdout, record);
	else
		put_table_line(report, record);
	fflush(stdout);
}

void
report_guest(struct report *report, const struct record *record)
{
	report->records[report->reported++] = *record;
	report->guests[exit_status_guest(record, report->options)]++;
	clear_progress(report);
	if (report->options->json)
		put_json(stdout, record);
	else if (report->table)
		put_table_line(report, record);
	else if (record->result != CLIENT_DONE && report->options->correct)
		fprintf(stderr, "guestclock: %s: %s%s\n", record->guest,
		    record->result == CLIENT_REFUSED ? "the guest refused: " : "", record->text);
	fflush(stdout);
	if (report->progress && report->reported < report->count)
		fprintf(stderr, "%zu of %zu, %zu failed", report->reported, report->count,
		    report->guests[PLUGIN_UNKNOWN]);
}

/* Appends to LINE, if the whole fits and leaves room for LF. */
static bool __attribute__((format(printf, 2, 3)))
append(char line[CHECK_LINE], const char *format, ...)
{
	size_t used = strlen(line), room = CHECK_LINE - 1 - used;
	va_list arguments;
	bool fits;

	va_start(arguments, format);
	fits = (size_t)vsnprintf(line + used, room, format, arguments) < room;
	va_end(arguments);
	if (!fits)
		line[used] = '\0';
	return fits;
}

/* Replaces each octet of TEXT that is in OCTETS. */
static void
replace(char *text, const char *octets, char substitute)
{
	for (; *text != '\0'; text++)
		if (strchr(octets, *text) != NULL)
			*text = substitute;
}

/* For qsort_r(3): the worst status first; of one status the largest offset, after any step; then by the name. */
static int
compare(const void *left, const void *right, void *options)
{
	static const int badness[PLUGIN_STATUSES] = { [PLUGIN_WARNING] = 1, [PLUGIN_UNKNOWN] = 2, [PLUGIN_CRITICAL] = 3 };
	const struct record *a = left, *b = right;
	int by_status = badness[exit_status_guest(b, options)] - badness[exit_status_guest(a, options)];
	nanoseconds offset_a = ns_magnitude(a->after.offset), offset_b = ns_magnitude(b->after.offset);

	return by_status != 0 ? by_status : offset_a != offset_b ? (offset_a < offset_b) - (offset_a > offset_b) :
	    strcmp(a->guest, b->guest);
}

/*
 * Appends the plugin guidelines' performance data: 'name'=offset;warning;critical for each guest that was measured, the
 * worst first, as many as fit.
 */
static void
append_perfdata(const struct report *report, char line[CHECK_LINE])
{
	char offset[SECONDS_TEXT], warning[SECONDS_TEXT], critical[SECONDS_TEXT], name[GUEST_NAME + 1];
	const char *before = " |";
	bool fits = true;

	for (const struct record *at = report->records; at < report->records + report->reported && fits; at++)
		if (at->result == CLIENT_DONE) {
			memcpy(name, at->guest, sizeof name);
			replace(name, "'=|", '_');
			fits = append(line, "%s '%s'=%ss;%s;%s", before, name, plain(at->after.offset, offset),
			    plain(report->options->warning, warning), plain(report->options->critical, critical));
			before = "";
		}
}

/* Prints the line that the monitoring system reads from check. */
static void
end_check(struct report *report)
{
	static const char *const names[PLUGIN_STATUSES] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
	struct record *worst = report->records;
	const size_t *guests = report->guests;
	char offset[SECONDS_TEXT], line[CHECK_LINE] = "";

	/* The count and the worst guest always fit: at most 200 octets, a name and a text. */
	_Static_assert(200 + GUEST_NAME + CLIENT_TEXT < CHECK_LINE, "line too short");
	qsort_r(worst, report->reported, sizeof *worst, compare, (void *)(uintptr_t)report->options);
	append(line, "GUESTCLOCK %s - %zu guest%s: %zu ok, %zu warning, %zu critical, %zu unknown",
	    names[exit_status_worst(guests)], report->reported, PLURAL(report->reported), guests[PLUGIN_OK],
	    guests[PLUGIN_WARNING], guests[PLUGIN_CRITICAL], guests[PLUGIN_UNKNOWN]);
	if (worst->result == CLIENT_DONE) {
		format_seconds(worst->after.offset, offset);
		append(line, "; worst %s %s s", worst->guest, offset);
	} else
		append(line, "; %s: %s", worst->guest, worst->text);
	/* "|" would begin the performance data: a message, or a wrong line of the list, may have one. */
	replace(line, "|", '/');
	append_perfdata(report, line);
	puts(line);
}

bool
report_end(struct report *report, int signal_number)
{
	size_t failed = report->guests[PLUGIN_UNKNOWN];

	clear_progress(report);
	if (!report->options->correct && !report->options->json)
		end_check(report);
	else if (report->options->correct && (report->table || signal_number != 0))
		fprintf(report->table ? stdout : stderr, "%s%zu guest%s, %zu right, %zu failed\n",
		    signal_number != 0 ? "guestclock: interrupted: " : "", report->reported, PLURAL(report->reported),
		    report->reported - failed, failed);
	return fflush(stdout) == 0 && !ferror(stdout);
}

enum metric { OFFSET, BOUND, RESIDUAL, DELAY, UNCERTAINTY, RATE, LAST_SUCCESS, SUCCESS, METRICS };

static const char *const metrics[METRICS][2] = {
	[OFFSET] = { "guestclock_offset_seconds", "Guest's clock minus the host's, before any correction." },
	[BOUND] = { "guestclock_bound_seconds", "The true offset lies within this of guestclock_offset_seconds." },
	[RESIDUAL] = { "guestclock_residual_seconds", "Guest's clock minus the host's, after any step." },
	[DELAY] = { "guestclock_round_trip_seconds", "The round trip that the offset was measured with." },
	[UNCERTAINTY] = { "guestclock_uncertainty_seconds",
	    "How far the true offset may be from the estimate, if the rate has not changed." },
	[RATE] = { "guestclock_rate_ratio", "How much faster the guest's clock runs than the host's, without any correction." },
	[LAST_SUCCESS] = { "guestclock_last_success_timestamp_seconds",
	    "When the guest was last measured, seconds since the epoch." },
	[SUCCESS] = { "guestclock_success", "1 when the last run succeeded for the guest, 0 when not." }
};

/* Copies the guest's value of METRIC into *VALUE.  Returns false if the file must not have it for this guest. */
static bool
metric_value(const struct record *record, enum metric metric, nanoseconds *value)
{
	bool done = record->result == CLIENT_DONE;
	const nanoseconds values[METRICS] = { [OFFSET] = record->before.offset, [BOUND] = record->before.bound,
		[RESIDUAL] = record->after.offset, [DELAY] = record->before.delay, [UNCERTAINTY] = uncertainty(record),
		[RATE] = record->verdict.rate_ppb, [LAST_SUCCESS] = record->last_success, [SUCCESS] = done ? NS_PER_SECOND : 0 };

	*value = values[metric];
	/* If this run failed, omit the values of an earlier run: they would look like this run's. */
	return metric == SUCCESS || (metric == LAST_SUCCESS ? *value != 0 : done &&
	    (metric != UNCERTAINTY || record->looked) && (metric != RATE || record->verdict.has_rate));
}

static void
put_metrics(FILE *to, const struct report *report)
{
	char text[SECONDS_TEXT];
	nanoseconds value;

	for (int at = 0; at < METRICS; at++) {
		fprintf(to, "# HELP %s %s\n# TYPE %s gauge\n", metrics[at][0], metrics[at][1], metrics[at][0]);
		for (size_t guest = 0; guest < report->reported; guest++)
			if (report->records[guest].guest[0] != '\0' && metric_value(&report->records[guest], (enum metric)at, &value)) {
				fprintf(to, "%s{guest=", metrics[at][0]);
				put_quoted(to, report->records[guest].guest);
				fprintf(to, "} %s\n", plain(value, text));
			}
	}
	fputs("# HELP guestclock_event What the last run noticed about the guest's clock.\n"
	    "# TYPE guestclock_event gauge\n", to);
	for (const struct record *at = report->records; at < report->records + report->reported; at++)
		if (at->guest[0] != '\0' && at->verdict.event != RATE_EVENT_NONE) {
			fputs("guestclock_event{guest=", to);
			put_quoted(to, at->guest);
			fprintf(to, ",event=\"%s\"} 1\n", rate_event_names[at->verdict.event]);
		}
}

int
report_prometheus(const struct report *report)
{
	const char *path = report->options->prometheus, *slash = strrchr(path, '/');
	char beside[4096], *text = NULL;
	size_t length = 0;
	uint64_t number;
	FILE *to;
	int error;

	/*
	 * Other users may be able to write to this directory: they must not be able to predict the temporary file's
	 * name.  The collector reads *.prom: the temporary name must not match that.
	 */
	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return errno;
	if ((size_t)snprintf(beside, sizeof beside, "%.*s.guestclock-%016" PRIx64, slash == NULL ? 0 : (int)(slash + 1 - path),
	    path, number) >= sizeof beside)
		return ENAMETOOLONG;
	to = open_memstream(&text, &length);
	if (to == NULL)
		return errno;
	put_metrics(to, report);
	error = fclose(to) != 0 ? errno : store_replace_file(AT_FDCWD, beside, path, text, length);
	free(text);
	return error;
}
