/* The output of a run: see report.h. */
#include "host/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "host/store.h"
#include "lib/interval.h"
#include "lib/text.h"

#define NAME_WIDTH_MOST 40

static const char *const plugin_names[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

void
report_start(struct report *report, const struct driver_options *options, const char *const *names, size_t count)
{
	memset(report, 0, sizeof *report);
	report->options = options;
	report->count = count;
	report->table = !options->json && isatty(STDOUT_FILENO);
	report->progress = isatty(STDERR_FILENO) && count > 1;
	for (size_t at = 0; at < count; at++)
		if (strlen(names[at]) > report->width)
			report->width = strlen(names[at]);
	if (report->width > NAME_WIDTH_MOST)
		report->width = NAME_WIDTH_MOST;
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

void
report_json(FILE *to, const struct record *record)
{
	char text[SECONDS_TEXT];
	bool done = record->result == DIALOG_DONE;

	fputs("{\"guest\":", to);
	put_quoted(to, record->guest);
	fprintf(to, ",\"time\":%s", plain(record->time, text));
	if (done) {
		fprintf(to, ",\"offset\":%s", plain(record->before.offset, text));
		fprintf(to, ",\"bound\":%s", plain(record->before.bound, text));
		fprintf(to, ",\"delay\":%s", plain(record->before.delay, text));
		fprintf(to, ",\"action\":\"%s\"", dialog_action_name(record->action));
		fprintf(to, ",\"residual\":%s", plain(record->after.offset, text));
	} else
		fputs(",\"offset\":null,\"bound\":null,\"delay\":null,\"action\":null,\"residual\":null", to);
	if (done && record->has_drift)
		/* plain() divides by 10^9: ppb * 10^6 prints as ppm.  A drift is at most 10 %, so the product fits. */
		fprintf(to, ",\"drift\":%s", plain(record->drift_ppb * 1000000, text));
	else
		fputs(",\"drift\":null", to);
	fprintf(to, ",\"result\":\"%s\",\"error\":", record_result_name(record->result));
	if (done)
		fputs("null", to);
	else
		put_quoted(to, record->text);
	fputs("}\n", to);
}

/* Keeps the record if its guest, which has STATUS and is counted, is the worst so far. */
static void
note_worst(struct report *report, const struct record *record, enum plugin_status status)
{
	if (status == exit_status_worst(report->guests) && (report->guests[status] == 1 ||
	    ns_magnitude(record->after.offset) > ns_magnitude(report->worst.after.offset)))
		report->worst = *record;
}

/* Adds 'name'=offset;warning;critical, as the plugin guidelines specify.  In a name, "'", "=" and "|" become "_". */
static void
add_perfdata(struct report *report, const struct record *record)
{
	char offset[SECONDS_TEXT], warning[SECONDS_TEXT], critical[SECONDS_TEXT], one[GUEST_NAME + 128];
	size_t length;

	length = (size_t)snprintf(one, sizeof one, " '%s'=%ss;%s;%s", record->guest, plain(record->after.offset, offset),
	    plain(report->options->warning, warning), plain(report->options->critical, critical));
	for (size_t at = 2; at < 2 + strlen(record->guest); at++)
		if (one[at] == '\'' || one[at] == '=' || one[at] == '|')
			one[at] = '_';
	if (report->perfdata_length + length + 1 > report->perfdata_room) {
		size_t room = 2 * report->perfdata_room + sizeof one;
		char *more = realloc(report->perfdata, room);

		if (more == NULL)
			return;
		report->perfdata = more;
		report->perfdata_room = room;
	}
	memcpy(report->perfdata + report->perfdata_length, one, length + 1);
	report->perfdata_length += length;
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
	char offset[SECONDS_TEXT], bound[SECONDS_TEXT], residual[SECONDS_TEXT];
	int width = (int)report->width;

	if (record->result != DIALOG_DONE) {
		printf("%-*s  %s: %s\n", width, record->guest, record_result_name(record->result), record->text);
		return;
	}
	format_seconds(record->before.offset, offset);
	format_seconds(record->before.bound, bound);
	format_seconds(record->after.offset, residual);
	printf("%-*s  %23s s  +- %s s  %-13s", width, record->guest, offset, bound + 1, dialog_action_name(record->action));
	if (record->action == ACTION_STEP)
		printf("  residual %s s", residual);
	putchar('\n');
}

void
report_guest(struct report *report, const struct record *record)
{
	enum plugin_status status = exit_status_guest(record, report->options);
	bool failed = record->result != DIALOG_DONE;

	report->reported++;
	report->guests[status]++;
	clear_progress(report);
	if (report->options->json)
		report_json(stdout, record);
	else if (report->table)
		put_table_line(report, record);
	else if (failed && report->options->correct)
		fprintf(stderr, "guestclock: %s: %s%s\n", record->guest,
		    record->result == DIALOG_REFUSED ? "the guest refused: " : "", record->text);
	if (!report->options->correct) {
		note_worst(report, record, status);
		if (!failed)
			add_perfdata(report, record);
	}
	fflush(stdout);
	if (report->progress && report->reported < report->count)
		fprintf(stderr, "%zu of %zu, %zu failed", report->reported, report->count,
		    report->guests[PLUGIN_UNKNOWN]);
}

/* Prints the plugin's line. */
static void
end_check(const struct report *report)
{
	const struct record *worst = &report->worst;
	const size_t *guests = report->guests;
	char offset[SECONDS_TEXT];

	printf("GUESTCLOCK %s - %zu guest%s: %zu ok, %zu warning, %zu critical, %zu unknown",
	    plugin_names[exit_status_worst(guests)], report->reported, PLURAL(report->reported), guests[PLUGIN_OK],
	    guests[PLUGIN_WARNING], guests[PLUGIN_CRITICAL], guests[PLUGIN_UNKNOWN]);
	if (worst->result == DIALOG_DONE) {
		format_seconds(worst->after.offset, offset);
		printf("; worst %s %s s", worst->guest, offset);
	} else {
		/* Replace "|": it would begin the performance data. */
		printf("; %s: ", worst->guest);
		for (const char *at = worst->text; *at != '\0'; at++)
			putchar(*at == '|' ? '/' : *at);
	}
	printf("%s%s\n", report->perfdata != NULL ? " |" : "", report->perfdata != NULL ? report->perfdata : "");
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
	free(report->perfdata);
	report->perfdata = NULL;
	return fflush(stdout) == 0 && !ferror(stdout);
}

static const struct metric {
	const char *name, *help;
	enum { OFFSET, BOUND, RESIDUAL, DELAY, LAST_SUCCESS, SUCCESS } value;
} metrics[] = {
	{ "guestclock_offset_seconds", "Guest's clock minus the host's, before any correction.", OFFSET },
	{ "guestclock_bound_seconds", "The true offset lies within this of guestclock_offset_seconds.", BOUND },
	{ "guestclock_residual_seconds", "Guest's clock minus the host's, after any correction.", RESIDUAL },
	{ "guestclock_round_trip_seconds", "The round trip that the offset was measured with.", DELAY },
	{ "guestclock_last_success_timestamp_seconds", "When the guest was last measured, seconds since the epoch.",
	    LAST_SUCCESS },
	{ "guestclock_success", "1 when the last run succeeded for the guest, 0 when not.", SUCCESS }
};

static bool
metric_value(const struct record *record, const struct metric *metric, nanoseconds *value)
{
	switch (metric->value) {
	case OFFSET:
		*value = record->before.offset;
		break;
	case BOUND:
		*value = record->before.bound;
		break;
	case RESIDUAL:
		*value = record->after.offset;
		break;
	case DELAY:
		*value = record->before.delay;
		break;
	case LAST_SUCCESS:
		*value = record->last_success;
		return record->last_success != 0;
	case SUCCESS:
		*value = record->result == DIALOG_DONE ? NS_PER_SECOND : 0;
		return true;
	}
	/* If this run failed, omit the values of an earlier run: they would look like this run's. */
	return record->result == DIALOG_DONE;
}

static void
put_metrics(FILE *to, const struct record *records, size_t count)
{
	for (size_t at = 0; at < sizeof metrics / sizeof metrics[0]; at++) {
		fprintf(to, "# HELP %s %s\n# TYPE %s gauge\n", metrics[at].name, metrics[at].help, metrics[at].name);
		for (size_t guest = 0; guest < count; guest++) {
			char text[SECONDS_TEXT];
			nanoseconds value = 0;

			if (!metric_value(&records[guest], &metrics[at], &value))
				continue;
			fprintf(to, "%s{guest=", metrics[at].name);
			put_quoted(to, records[guest].guest);
			fprintf(to, "} %s\n", plain(value, text));
		}
	}
}

int
report_prometheus(const char *path, const struct record *records, size_t count)
{
	const char *slash = strrchr(path, '/');
	char beside[4096], *text = NULL;
	size_t length = 0;
	uint64_t number;
	FILE *to;
	int error = 0;

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
	put_metrics(to, records, count);
	if (fclose(to) != 0)
		error = errno;
	if (error == 0)
		error = store_replace_file(AT_FDCWD, beside, path, text, length);
	free(text);
	return error;
}
