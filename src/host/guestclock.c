/*
 * guestclock: measures and corrects the clocks of any number of guests from the host.  See guestclock(8).
 *
 * Reads the command line and the list of guests, checks this host's own clock, measures or corrects each guest over ssh,
 * and stores and reports the results.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/guest_list.h"
#include "host/list_file.h"
#include "host/options.h"
#include "host/owner.h"
#include "host/report.h"
#include "host/sessions.h"
#include "host/store.h"
#include "host/watch_run.h"
#include "lib/startup.h"
#include "lib/sysclock.h"
#include "lib/text.h"
#include "lib/version.h"

/* The host's clock may be this far before the log's newest time: its time service may have set it back a little. */
#define HISTORY_TOLERANCE (2 * NS_PER_SECOND)

/* Watch writes the state of each guest once a minute; its newest reading may be five minutes old (-i). */
#define WATCH_STATE_OLD (480 * NS_PER_SECOND)

/* The context of guest_begins() and guest_ended(). */
struct run {
	const struct driver_options *options;
	struct store store;
	struct report report;
	int store_error;		/* an error in writing state, log or metrics: an errno value, or 0 */
	struct client_task task;
	char *const *words;		/* the guests on the command line */
};

/* Prints why the run ends early: one line.  Returns the exit status, which is not 0. */
static int __attribute__((format(printf, 3, 4)))
complain(bool correct, enum run_end end, const char *format, ...)
{
	/* A monitoring system reads standard output. */
	FILE *to = correct ? stderr : stdout;
	va_list arguments;

	fputs(correct ? "guestclock: " : "GUESTCLOCK UNKNOWN - ", to);
	va_start(arguments, format);
	vfprintf(to, format, arguments);
	va_end(arguments);
	putc('\n', to);
	return exit_status(correct, end, NULL);
}

/*
 * Fills LIST with WORDS, the guests on the command line, and those in the file of -f; without both, with those in
 * DEFAULT_GUESTS.  Returns 0, or the exit status after a complaint.
 */
static int
gather_guests(const struct driver_options *options, char *const *words, struct guest_list *list)
{
	const char *path = options->list != NULL ? options->list : *words == NULL ? DEFAULT_GUESTS : NULL;
	const char *fault = NULL;
	char *text, quoted[48];

	for (; *words != NULL; words++) {
		fault = guest_list_add(list, *words);
		if (fault != NULL) {
			format_quoted(*words, quoted, sizeof quoted);
			return complain(options->correct, RUN_USAGE, "guest \"%s\" %s: expected an ssh destination", quoted, fault);
		}
	}
	if (path == NULL)
		return 0;
	text = list_file_read(path, &fault);
	if (text == NULL)
		return complain(options->correct, RUN_USAGE, "list of guests %s: %s", path, fault);
	/* The names in LIST point into TEXT. */
	list->text = text;
	if (!guest_list_read(list, text))
		return complain(options->correct, RUN_FAILED, "list of guests %s: does not fit into memory", path);
	if (list->count == 0 && list->wrongs > 0)
		return complain(options->correct, RUN_USAGE, "list of guests %s, line %zu %s: expected one ssh destination on each "
		    "line; no line has one", path, list->wrong->number, list->wrong->fault);
	if (list->count == 0)
		return complain(options->correct, RUN_FAILED, "list of guests %s names no guest%s: nothing was done", path,
		    strcmp(path, "-") == 0 ? " (did the command that writes it fail?)" : "");
	return 0;
}

/* Checks whether this host's clock may be a guest's reference.  Returns 0, or the exit status after a complaint. */
static int
check_host(const struct driver_options *options, const struct store *store)
{
	nanoseconds now = sysclock_now(), newest = store_newest(store);
	struct sysclock_state kernel;
	char date[DATE_TEXT];
	int error;

	if (seconds_floor(now) < RELEASE_SECONDS)
		return complain(options->correct, RUN_FAILED, "this host's clock reads before " RELEASE_DATE
		    ", when this program was released: nothing was done");
	if (newest > ns_add(now, HISTORY_TOLERANCE)) {
		format_date(newest, date);
		return complain(options->correct, RUN_FAILED, "this host's clock reads before %s, the newest time in "
		    "guestclock's log (%s/" RECORD_LOG "): nothing was done", date, store->path);
	}
	/* Watch waits until it is. */
	if (!options->require_sync || options->watch)
		return 0;
	error = sysclock_state(&kernel);
	if (error != 0)
		return complain(options->correct, RUN_FAILED, "cannot ask the kernel whether this host's clock is synchronised "
		    "(--require-sync): %s", strerror(error));
	if (!kernel.synchronised)
		return complain(options->correct, RUN_FAILED,
		    "this host's clock is not synchronised, according to its kernel (--require-sync): nothing was done");
	return 0;
}

static void
note_store_error(struct run *run, int error)
{
	if (error == 0 || run->store_error != 0)
		return;
	run->store_error = error;
	fprintf(stderr, "guestclock: cannot write to %s: %s; the guests are handled all the same\n", run->store.path,
	    strerror(error));
}

static void
guest_begins(void *context, const char *name, struct exchange_client *client)
{
	const struct run *run = context;
	struct record record;
	struct rate rate;

	store_load(&run->store, name, &record, &rate);
	client_start(client, &run->task, &rate);
}

/* Stores and reports the result of a guest whose session has ended. */
static void
guest_ended(void *context, const char *name, struct exchange_client *client)
{
	struct run *run = context;
	struct record record;
	struct rate rate;

	store_load(&run->store, name, &record, &rate);
	/* A look of check's must not count: it keeps other intervals, and its run need not own the state. */
	if (client->looked && client->task.correct) {
		client_note(client);
		rate = client->rate;
	}
	snprintf(record.guest, sizeof record.guest, "%s", name);
	record_take(&record, client, sysclock_now());
	note_store_error(run, store_remember(&run->store, &record,
	    run->options->correct ? &rate : NULL, run->options->correct ? "sync" : "check"));
	report_guest(&run->report, &record);
}

/* Reports each wrong line of the list as a guest that failed.  Stores nothing: such a line names no guest. */
static void
report_wrong_lines(struct report *report, const struct guest_list *list)
{
	struct record record = { .time = sysclock_now(), .result = CLIENT_FAILED };
	char quoted[GUEST_NAME - 32];

	for (const struct wrong_line *line = list->wrong; line < list->wrong + list->wrongs; line++) {
		format_quoted(line->text, quoted, sizeof quoted);
		snprintf(record.guest, sizeof record.guest, "line %zu (%s)", line->number, quoted);
		snprintf(record.text, sizeof record.text, "it %s: expected one ssh destination on each line of the list",
		    line->fault);
		report_guest(report, &record);
	}
}

/* For struct watch_setup. */
static bool
gather_again(void *context, struct guest_list *list)
{
	const struct run *run = context;

	if (run->options->list != NULL && strcmp(run->options->list, "-") == 0) {
		complain(true, RUN_USAGE, "standard input cannot be read again: the guests stay as they are (-f FILE can)");
		return false;
	}
	return gather_guests(run->options, run->words, list) == 0;
}

/* Keeps all guests right until a signal.  Returns the exit status. */
static int
watch_guests(struct run *run, const char *config, struct guest_list *list)
{
	const struct watch_setup setup = { run->options, &run->store, config, &run->task, gather_again, run };
	bool printed;
	int error = watch_run(&setup, list, &printed, &run->store_error);

	if (error != 0)
		return complain(true, RUN_FAILED, "cannot run the guests' ssh: %s", strerror(error));
	if (!printed)
		return complain(true, RUN_FAILED, "cannot write to standard output");
	return run->store_error != 0 ? SYNC_FAILED : SYNC_DONE;
}

/* Reports what a running watch knows of the guests.  Returns the exit status. */
static int
report_watched(struct run *run, const struct guest_list *list)
{
	nanoseconds now = sysclock_now();
	struct record record;
	struct rate rate;
	char age[SECONDS_TEXT], text[CLIENT_TEXT];

	if (!report_start(&run->report, run->options, list))
		return complain(true, RUN_FAILED, "not enough memory for %zu guests", list->count + list->wrongs);
	report_wrong_lines(&run->report, list);
	for (size_t at = 0; at < list->count; at++) {
		store_load(&run->store, list->name[at], &record, &rate);
		snprintf(record.guest, sizeof record.guest, "%s", list->name[at]);
		if (record.time == 0)
			record_fail(&record, CLIENT_FAILED, "guestclock watch is running and does not know it: add it to its list, and "
			    "send it SIGHUP", now);
		else if (ns_subtract(now, record.time) > WATCH_STATE_OLD) {
			format_seconds(ns_subtract(now, record.time), age);
			snprintf(text, sizeof text, "guestclock watch is running and has written nothing about it for %s s", age + 1);
			record_fail(&record, CLIENT_FAILED, text, now);
		}
		report_guest(&run->report, &record);
	}
	return exit_status(true, report_end(&run->report, 0) ? RUN_ENDED : RUN_FAILED, run->report.guests);
}

/* Measures or corrects all guests, and reports the results.  Returns the exit status. */
static int
run_guests(struct run *run, struct guest_list *list)
{
	const struct driver_options *options = run->options;
	const struct sessions_calls calls = { guest_begins, guest_ended, run };
	const char *config = options->ssh_config;
	char boot[SYSCLOCK_BOOT_ID];
	int ended, error;
	bool printed;

	if (sysclock_boot_id(boot) != 0)
		strcpy(boot, "-");
	run->task = (struct client_task){ options->correct, options->no_rate, options->step_back, boot };

	if (config == NULL && access(DEFAULT_SSH_CONFIG, R_OK) == 0)
		config = DEFAULT_SSH_CONFIG;
	if (options->watch)
		return watch_guests(run, config, list);
	if (!report_start(&run->report, options, list))
		return complain(options->correct, RUN_FAILED, "not enough memory for %zu guests", list->count + list->wrongs);
	report_wrong_lines(&run->report, list);
	ended = sessions_run(options, config, list->name, list->count, &calls);
	if (ended < 0)
		return complain(options->correct, RUN_FAILED, "cannot run the guests' ssh: %s", strerror(errno));
	printed = report_end(&run->report, ended);
	if (!printed)
		fputs("guestclock: cannot write to standard output\n", stderr);
	if (options->prometheus != NULL) {
		error = report_prometheus(&run->report);
		if (error != 0) {
			fprintf(stderr, "guestclock: cannot write %s: %s\n", options->prometheus, strerror(error));
			run->store_error = error;
		}
	}
	return exit_status(options->correct, !printed ? RUN_FAILED : run->store_error != 0 ? RUN_UNSAVED : RUN_ENDED,
	    run->report.guests);
}

int
main(int argc, char **argv)
{
	struct driver_options options;
	struct guest_list list = { .name = NULL };
	struct run run = { .options = &options };
	char complaint[OPTION_COMPLAINT];
	int words, error, status;

	if (!startup_descriptors())
		return complain(true, RUN_FAILED, "cannot open /dev/null in place of a closed standard input, output or error: %s",
		    strerror(errno));
	umask(022);
	owner_keep_from_guests();
	/* A write beyond a file size limit must fail and be reported: SIGXFSZ would end this process. */
	signal(SIGXFSZ, SIG_IGN);
	words = options_parse(argc, argv, &options, complaint);
	run.words = argv + words;
	if (words == OPTION_HELP || words == OPTION_VERSION)
		return startup_inform(&options_program, words) ? 0 :
		    complain(true, RUN_FAILED, "cannot write to standard output");
	if (words < 0)
		return complain(options.correct, RUN_USAGE, "%s", complaint);
	run.store.path = options.state != NULL ? options.state : DEFAULT_STATE;
	error = owner_become(run.store.path, &options);
	if (error != 0)
		return complain(options.correct, RUN_FAILED, "cannot switch to the user who owns %s: %s", run.store.path,
		    strerror(error));
	if (options.state != NULL)
		run.store.path = options.state;
	status = gather_guests(&options, argv + words, &list);
	if (status != 0)
		return status;
	if (options.ssh_config != NULL && access(options.ssh_config, R_OK) != 0)
		return complain(options.correct, RUN_USAGE, "--ssh-config %s: %s", options.ssh_config, strerror(errno));
	error = store_open(&run.store, run.store.path);
	/* A monitoring system's user may be unable to open the default directory: check then works without a state. */
	if (error != 0 && (options.correct || options.state != NULL))
		return complain(options.correct, RUN_FAILED, "state directory %s: %s%s; --state names another", run.store.path,
		    strerror(error), error != EACCES ? "" :
		    ": the directory and its files must belong to the user who runs guestclock");
	error = options.correct ? store_lock_run(&run.store, options.watch) : 0;
	if (error == EWOULDBLOCK && !options.watch && store_is_watched(&run.store))
		return report_watched(&run, &list);
	if (error != 0)
		return complain(true, RUN_FAILED, "%s%s: %s", run.store.path, error == EWOULDBLOCK ? "" : "/.sync.lock",
		    error == EWOULDBLOCK ?
		    "another sync or watch is running with this state directory: nothing was done" : strerror(error));
	status = check_host(&options, &run.store);
	return status != 0 ? status : run_guests(&run, &list);
}
