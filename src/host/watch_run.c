/* The command watch: see watch_run.h. */
#include "host/watch_run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/host_clock.h"
#include "host/notify.h"
#include "host/screen.h"
#include "host/ssh_loop.h"
#include "host/watch.h"
#include "lib/sysclock.h"
#include "lib/text.h"

/* How often the host's kernel is asked whether its clock is synchronised, and metrics and table are written. */
#define BEAT NS_PER_SECOND
/* How often the state of a guest with new readings is written. */
#define SAVE (60 * NS_PER_SECOND)

struct run {
	const struct watch_setup *setup;
	struct report report;		/* its records have the index of the guest in the state machine */
	struct kept {
		nanoseconds saved;	/* when the guest's state was last written: sysclock_elapsed() */
		bool read;		/* there were readings since then */
	} *kept;
	struct screen screen;
	struct watch watch;
	struct ssh_loop loop;
	struct host_clock host;
	bool synchronised;		/* as the host's kernel said at the last beat */
	nanoseconds beat;		/* the next */
	nanoseconds watchdog, alive;	/* how often, and when next, the service manager is told that this process lives */
	nanoseconds started;
	size_t corrections;
	size_t unprinted;		/* events and tables that standard output did not take */
	bool stopping, again;		/* a signal asked for it */
	bool changed;			/* since the last beat */
	bool doubted;			/* a message says that the host's clock is not to be believed */
	int store_error;
};

static void
note_store_error(struct run *run, const char *path, int error)
{
	if (error == 0)
		return;
	if (run->store_error == 0)
		fprintf(stderr, "guestclock: cannot write to %s: %s; the guests are handled all the same\n", path, strerror(error));
	run->store_error = error;
}

/* Writes the guest's state; LOG: and a line in the log. */
static void
save(struct run *run, size_t at, bool log)
{
	const struct store *store = run->setup->store;
	const struct record *record = &run->report.records[at];
	const struct rate *rate = &run->watch.guest[at]->client.rate;

	run->kept[at] = (struct kept){ sysclock_elapsed(), false };
	note_store_error(run, store->path, log ? store_remember(store, record, rate, "watch") : store_save(store, record, rate));
}

static size_t
start_ssh(void *context, size_t guest)
{
	struct run *run = context;
	size_t slot = 0;

	while (slot < run->loop.slots && run->loop.slot[slot].stage != SLOT_FREE)
		slot++;
	if (slot == run->loop.slots && (!watch_room(&run->watch, slot + 16) || ssh_loop_grow(&run->loop, slot + 16) != 0))
		return WATCH_NONE;
	if (ssh_loop_start(&run->loop, slot, run->setup->config, run->watch.guest[guest]->name) == 0)
		return slot;
	return WATCH_NONE;
}

static bool
send_order(void *context, size_t link, const struct exchange_order *order)
{
	struct run *run = context;

	return ssh_loop_send(&run->loop, link, order);
}

static void
leave(void *context, size_t link, bool friendly)
{
	struct run *run = context;

	ssh_loop_leave(&run->loop, link, friendly);
}

/*
 * Whether standard output takes a line now.  A reader that stands still, or a stopped terminal, must not stop the guests:
 * the log has what is not printed.
 */
static bool
takes_output(struct run *run)
{
	struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };

	if (poll(&output, 1, 0) == 1)
		return true;
	if (run->unprinted++ == 0)
		fputs("guestclock: standard output takes no more: what is not printed is in the log\n", stderr);
	return false;
}

/* Gets what is new about a guest: keeps, stores and reports it. */
static void
take_news(void *context, size_t at, enum watch_news news, const char *text)
{
	struct run *run = context;
	struct record *record = &run->report.records[at];
	const struct exchange_client *client = &run->watch.guest[at]->client;
	bool failed_before = record->result != CLIENT_DONE || record->time == 0, worth;

	run->changed = true;
	record->looked = false;
	if (news == WATCH_READ) {
		/* The drift and the last correction stay those of the last series. */
		record->time = record->last_success = sysclock_now();
		record->before = record->after = client->best;
		record->looked = client->looked;
		record->verdict = client->verdict;
		run->kept[at].read = true;
		return;
	}
	if (news == WATCH_MEASURED)
		record_take(record, client, sysclock_now());
	else
		record_fail(record, news == WATCH_REFUSED ? CLIENT_REFUSED : CLIENT_FAILED, text, sysclock_now());
	worth = news != WATCH_MEASURED || failed_before || client->action != ACTION_NONE ||
	    (record->looked && record->verdict.event != RATE_EVENT_NONE);
	run->corrections += news == WATCH_MEASURED && (client->action == ACTION_STEP || client->action == ACTION_SLEW);
	save(run, at, worth);
	if (!worth)
		return;
	if (run->screen.events == NULL && takes_output(run))
		report_event(&run->report, record);
	if (run->screen.events != NULL)
		screen_note(&run->screen.events[at], record);
}

static void
ssh_has_ended(void *context, size_t slot, int status)
{
	struct run *run = context;
	char text[3 * SSH_LINE], quoted[CLIENT_TEXT];

	ssh_explain(&run->loop.slot[slot].ssh, run->setup->config, status, text, sizeof text);
	format_quoted(text, quoted, sizeof quoted);
	watch_ended(&run->watch, slot, quoted, WIFEXITED(status) && !ssh_may_heal(&run->loop.slot[slot].ssh, status),
	    sysclock_elapsed());
}

static void
take_signal(void *context, int number)
{
	struct run *run = context;

	/* If the terminal has gone, nobody watches. */
	if (number == SIGHUP && (run->screen.events == NULL || isatty(STDOUT_FILENO)))
		run->again = true;
	else
		run->stopping = true;
}

/* Begins to keep the guest NAME.  Returns false if memory runs out. */
static bool
add_guest(struct run *run, const char *name)
{
	struct record record, *records;
	struct kept *kept;
	struct rate rate;
	size_t at;

	store_load(run->setup->store, name, &record, &rate);
	at = watch_add(&run->watch, name, &rate);
	if (at == WATCH_NONE)
		return false;
	if (at >= run->report.reported) {
		records = reallocarray(run->report.records, at + 1, sizeof *records);
		if (records != NULL)
			run->report.records = records;
		kept = reallocarray(run->kept, at + 1, sizeof *kept);
		if (kept != NULL)
			run->kept = kept;
		if (records == NULL || kept == NULL || !screen_grow(&run->screen, at + 1)) {
			watch_remove(&run->watch, at);
			return false;
		}
		run->report.reported = at + 1;
	}
	snprintf(record.guest, sizeof record.guest, "%s", name);
	/* Nothing is known of it now. */
	record.time = 0;
	record.result = CLIENT_FAILED;
	snprintf(record.text, sizeof record.text, "not measured yet");
	run->report.records[at] = record;
	run->kept[at] = (struct kept){ sysclock_elapsed(), false };
	if (run->screen.events != NULL)
		run->screen.events[at].time = 0;
	return true;
}

static bool
is_listed(const struct guest_list *list, const char *name)
{
	for (size_t at = 0; at < list->count; at++)
		if (strcmp(list->name[at], name) == 0)
			return true;
	return false;
}

static bool
is_kept(const struct watch *watch, const char *name)
{
	for (size_t at = 0; at < watch->guests; at++)
		if (watch->guest[at] != NULL && !watch->guest[at]->removed && strcmp(watch->guest[at]->name, name) == 0)
			return true;
	return false;
}

/* Keeps the guests in LIST, and no others. */
static void
follow_list(struct run *run, const struct guest_list *list)
{
	for (size_t at = 0; at < run->watch.guests && at < run->report.reported; at++)
		if (run->watch.guest[at] != NULL && !run->watch.guest[at]->removed &&
		    !is_listed(list, run->watch.guest[at]->name)) {
			if (run->kept[at].read)
				save(run, at, false);
			run->report.records[at].guest[0] = '\0';
			watch_remove(&run->watch, at);
		}
	for (size_t at = 0; at < list->count; at++)
		if (!is_kept(&run->watch, list->name[at]) && !add_guest(run, list->name[at]))
			fprintf(stderr, "guestclock: %s: not enough memory to keep it\n", list->name[at]);
	for (const struct wrong_line *line = list->wrong; line < list->wrong + list->wrongs; line++)
		fprintf(stderr, "guestclock: line %zu of the list %s: expected one ssh destination on each line\n", line->number,
		    line->fault);
}

static void
read_list_again(struct run *run)
{
	struct guest_list list = { .name = NULL };

	notify_send("RELOADING=1");
	if (run->setup->list_again(run->setup->context, &list))
		follow_list(run, &list);
	guest_list_free(&list);
	notify_send("READY=1");
}

/* Looks at the host's clock, and holds the guests while it is not to be believed. */
static void
look_at_host(struct run *run, nanoseconds now)
{
	/* Before the first look, the clock counts as one that was good. */
	bool believed = !run->watch.held || !run->host.begun;
	struct sysclock_set reading = sysclock_read_set();
	struct sysclock_state kernel;
	enum host_event event;

	if (now >= run->beat) {
		sysclock_state(&kernel);
		run->synchronised = kernel.synchronised;
	}
	event = host_clock_take(&run->host, &reading, run->synchronised);
	/* While the host slept, no session grew older: replace each, because its key may have been removed. */
	for (size_t at = 0; event == HOST_SLEPT && at < run->watch.guests; at++)
		if (run->watch.guest[at] != NULL)
			run->watch.guest[at]->renew = now;
	if (event == HOST_SLEPT)
		watch_measure_all(&run->watch, now);
	if (!run->host.believed && (believed || event == HOST_STEPPED)) {
		fprintf(stderr, "guestclock: this host's clock %s: the guests are left alone until it %s\n",
		    event == HOST_STEPPED ? "was stepped" : "is not synchronised", event == HOST_STEPPED ? "stays" : "is");
		run->doubted = true;
	}
	if (run->host.believed && run->doubted) {
		fputs("guestclock: this host's clock is good again: the guests are kept\n", stderr);
		run->doubted = false;
	}
	if (run->host.believed == run->watch.held)
		watch_hold(&run->watch, !run->host.believed, now);
}

static void
take_line(void *context, size_t slot, const char *line, size_t length, bool more, const struct clock_reading *received)
{
	struct run *run = context;

	/* If the host's clock was stepped, this line is no sample. */
	look_at_host(run, received->raw);
	watch_line(&run->watch, slot, line, length, more, &run->loop.slot[slot].sent, received);
}

/* Writes each minute the states of the guests that have new readings, or that still fail. */
static void
save_due(struct run *run, nanoseconds now, bool all)
{
	for (size_t at = 0; at < run->watch.guests; at++) {
		struct record *record = &run->report.records[at];

		if (run->watch.guest[at] == NULL || run->watch.guest[at]->removed ||
		    (!all && now - run->kept[at].saved < SAVE))
			continue;
		if (record->result != CLIENT_DONE && record->time != 0)
			record->time = sysclock_now();
		if (run->kept[at].read || (record->result != CLIENT_DONE && record->time != 0))
			save(run, at, false);
	}
}

static void
beat(struct run *run, nanoseconds now)
{
	save_due(run, now, false);
	if (run->changed && run->setup->options->prometheus != NULL)
		note_store_error(run, run->setup->options->prometheus, report_prometheus(&run->report));
	run->changed = false;
	if (run->screen.events != NULL && takes_output(run))
		screen_draw(&run->screen, run->report.records, run->report.reported, sysclock_now());
	run->beat = now + BEAT;
}

static nanoseconds
tick(void *context, nanoseconds now)
{
	struct run *run = context;
	nanoseconds next;

	if (run->again && !run->stopping)
		read_list_again(run);
	run->again = false;
	if (run->stopping) {
		notify_send("STOPPING=1");
		/* Each ssh ends within seconds: see ssh_loop.h. */
		return watch_stop(&run->watch) ? SSH_LOOP_END : INT64_MAX;
	}
	look_at_host(run, now);
	if (now >= run->beat)
		beat(run, now);
	if (run->watchdog > 0 && now >= run->alive) {
		notify_send("WATCHDOG=1");
		run->alive = now + run->watchdog / 2;
	}
	next = ns_least(run->beat, watch_tick(&run->watch, sysclock_elapsed()));
	return run->watchdog > 0 ? ns_least(next, run->alive) : next;
}

static void
summarise(const struct run *run)
{
	size_t guests = 0, failed = 0;

	for (const struct record *at = run->report.records; at < run->report.records + run->report.reported; at++) {
		guests += at->guest[0] != '\0';
		failed += at->guest[0] != '\0' && at->result != CLIENT_DONE;
	}
	fprintf(stderr, "guestclock: watched for %lld s: %zu guest%s, %zu right, %zu failed; %zu correction%s\n",
	    (long long)((sysclock_elapsed() - run->started) / NS_PER_SECOND), guests, PLURAL(guests), guests - failed, failed,
	    run->corrections, PLURAL(run->corrections));
}

int
watch_run(const struct watch_setup *setup, struct guest_list *list, bool *printed, int *store_error)
{
	struct run run = { .setup = setup, .host = { .require_sync = setup->options->require_sync },
		.started = sysclock_elapsed() };
	const struct ssh_loop_calls loop_calls = { take_line, ssh_has_ended, take_signal, tick, &run };
	const struct watch_calls watch_calls = { start_ssh, send_order, leave, take_news, &run };
	sigset_t signals;
	int error;

	run.watch = (struct watch){ .calls = &watch_calls, .task = *setup->task, .interval = setup->options->interval,
		.patience = setup->options->deadline, .parallel = (size_t)setup->options->parallel };
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	run.watchdog = notify_start();
	error = ssh_loop_open(&run.loop, list->count + (size_t)setup->options->parallel, &signals, &loop_calls);
	if (error == 0 && !watch_room(&run.watch, run.loop.slots))
		error = ENOMEM;
	run.report = (struct report){ .options = setup->options };
	if (!setup->options->json && isatty(STDOUT_FILENO))
		screen_start(&run.screen);
	/* Until the first look, the clock is not believed. */
	run.watch.held = true;
	if (error == 0) {
		follow_list(&run, list);
		notify_send("READY=1");
		error = ssh_loop_run(&run.loop);
		save_due(&run, 0, true);
	}
	summarise(&run);
	*printed = fflush(stdout) == 0 && !ferror(stdout);
	*store_error = run.store_error;
	ssh_loop_close(&run.loop);
	watch_free(&run.watch);
	free(run.kept);
	free(run.report.records);
	free(run.screen.events);
	return error;
}
