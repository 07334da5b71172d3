/* Runs many guests in parallel: see loop.h. */
#include "host/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/ssh.h"
#include "lib/sysclock.h"
#include "lib/text.h"

#define EVENTS 64
/* How long ssh may take to end after the exchange, and again after SIGTERM. */
#define LEAVE_SECONDS 2
/*
 * By default sshd, for example on a gateway, closes new connections at random while ten are not yet authenticated
 * (sshd_config(5), MaxStartups).  A guest is tried again only while fewer than this many guests wait for their
 * greeting: then sshd does not close this run's connections.
 */
#define AGAIN_MOST 8
/*
 * The shortest wait before a guest is tried again, and the range of a variable addition to it, so that several runs do
 * not try the same gateway at the same time.
 */
#define AGAIN_WAIT (300 * NS_PER_MILLISECOND)
#define AGAIN_SPREAD (400 * NS_PER_MILLISECOND)

enum stage {
	STAGE_TALKING,		/* the dialog is not over */
	STAGE_LEAVING,		/* the dialog is over; ssh should end without a signal */
	STAGE_TERMINATED,	/* ssh was sent SIGTERM */
	STAGE_KILLED		/* ssh was sent SIGKILL */
};

/* A guest to be tried again, because its ssh ended before its greeting. */
struct again {
	size_t guest;
	nanoseconds used;	/* the part of its time that the first try used */
	nanoseconds ready;	/* when it may be tried again, in terms of sysclock_elapsed() */
};

/* One of the loop's slots.  A slot handles one guest at a time. */
struct place {
	size_t guest;		/* index into loop.names */
	struct ssh ssh;
	struct dialog dialog;
	enum stage stage;
	bool busy;		/* the slot has a guest */
	bool second;		/* this is the guest's second try */
	nanoseconds started, deadline;
	nanoseconds sent;	/* the time just before the last order was sent */
	size_t held;
	char line[EXCHANGE_LINE + 1];	/* the beginning of a line from the guest, of HELD octets */
};

struct loop {
	struct again *again;		/* guests to be tried again after all have been tried once */
	size_t again_count, again_next;
	const struct driver_options *options;
	const char *config;	/* the file for ssh's -F, or NULL */
	const char *const *names;
	size_t count, next, ended;
	struct place *place;
	size_t places;
	int epoll, signals;
	int stopped;		/* the signal that ends the run, or 0 */
	loop_callback report;
	void *context;
};

enum channel { CHANNEL_OUTPUT, CHANNEL_ERROR, CHANNELS };
#define SIGNALS UINT64_MAX

static bool
watch(const struct loop *loop, int fd, uint64_t tag)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .u64 = tag } };

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void
report_result(struct loop *loop, struct place *place)
{
	struct loop_result outcome = { .name = loop->names[place->guest], .dialog = &place->dialog,
		.time = sysclock_now() };

	loop->ended++;
	loop->report(loop->context, &outcome);
}

/* Sends the dialog's order.  The line is short and ssh reads the pipe, so the pipe has room for it. */
static void
send_order(struct place *place)
{
	char line[EXCHANGE_LINE + 1];
	size_t length = exchange_write_order(&place->dialog.order, line);

	place->sent = sysclock_now();
	if (write(place->ssh.input, line, length) != (ssize_t)length && place->dialog.phase != PHASE_OVER &&
	    errno != EPIPE)
		dialog_fail(&place->dialog, "ssh does not take what it is sent");
}

/*
 * Ends the session after the dialog.  After success or a refusal, sends "bye" and gives ssh LEAVE_SECONDS to end; after
 * a failure, sends SIGTERM to ssh at once.
 */
static void
leave(struct place *place)
{
	bool friendly = place->dialog.result != DIALOG_FAILED;

	if (place->stage != STAGE_TALKING)
		return;
	if (friendly)
		send_order(place);
	else
		ssh_close(&place->ssh.output);
	ssh_close(&place->ssh.input);
	place->stage = friendly ? STAGE_LEAVING : STAGE_TERMINATED;
	place->deadline = sysclock_elapsed() + LEAVE_SECONDS * NS_PER_SECOND;
	if (!friendly)
		ssh_signal(&place->ssh, SIGTERM);
}

static void
fail_place(struct place *place, const char *text)
{
	if (place->dialog.result == DIALOG_UNFINISHED)
		dialog_fail(&place->dialog, text);
	leave(place);
}

/* Whether ssh could not be started for lack of a resource that other slots will release when their guests end. */
static bool
may_pass(const struct loop *loop, int error)
{
	if (error != EMFILE && error != ENFILE && error != EAGAIN && error != ENOMEM)
		return false;
	for (size_t at = 0; at < loop->places; at++)
		if (loop->place[at].ssh.pid > 0)
			return true;
	return false;
}

/* Starts ssh for the slot's guest.  Returns false if the guest must wait until another slot's guest ends. */
static bool
launch(struct loop *loop, struct place *place)
{
	uint64_t tag = (uint64_t)(place - loop->place) * CHANNELS;
	char text[DIALOG_TEXT];
	int error;

	dialog_start(&place->dialog, loop->options->correct);
	place->stage = STAGE_TALKING;
	place->held = 0;
	place->deadline = place->started + loop->options->deadline;
	error = ssh_start(&place->ssh, loop->config, loop->names[place->guest]);
	if (error != 0 && may_pass(loop, error))
		return false;
	if (error == 0 && (!watch(loop, place->ssh.output, tag + CHANNEL_OUTPUT) ||
	    !watch(loop, place->ssh.error, tag + CHANNEL_ERROR)))
		error = errno;
	if (error != 0) {
		snprintf(text, sizeof text, "cannot run ssh: %s", strerror(error));
		fail_place(place, text);
	}
	return true;
}

/* The number of guests whose greeting has not arrived. */
static size_t
greeting_awaited(const struct loop *loop)
{
	size_t count = 0;

	for (size_t at = 0; at < loop->places; at++)
		count += loop->place[at].busy && loop->place[at].stage == STAGE_TALKING &&
		    loop->place[at].dialog.phase == PHASE_GREETING;
	return count;
}

/*
 * Puts the next guest into a free slot: first every guest for its first try, then the guests that are tried again.
 * Reports a guest at once if its ssh cannot be started.  Returns false if no guest can start now.
 */
static bool
fill(struct loop *loop, struct place *place)
{
	while (!place->busy && loop->stopped == 0) {
		bool second = loop->next >= loop->count;
		size_t *queue = second ? &loop->again_next : &loop->next;
		struct again from = { .guest = *queue };

		if (second) {
			if (*queue >= loop->again_count)
				return false;
			from = loop->again[*queue];
			if (from.ready > sysclock_elapsed() || greeting_awaited(loop) >= AGAIN_MOST)
				return false;
		}
		place->guest = from.guest;
		place->second = second;
		place->started = sysclock_elapsed() - from.used;
		if (!launch(loop, place))
			return false;
		++*queue;
		place->busy = true;
		if (place->ssh.pid == 0) {
			report_result(loop, place);
			place->busy = false;
		}
	}
	return true;
}

static void
fill_all(struct loop *loop)
{
	for (size_t at = 0; at < loop->places; at++)
		if (!fill(loop, &loop->place[at]))
			break;
}

/* Reads and handles lines from the guest. */
static void
read_output(struct place *place)
{
	for (;;) {
		ssize_t got = read(place->ssh.output, place->line + place->held, sizeof place->line - place->held);
		nanoseconds received = sysclock_now();
		char *end;
		bool more;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return;
		if (got == 0 || place->dialog.phase == PHASE_OVER) {
			/* After end of file, wait for ssh to end: its exit status gives the reason. */
			if (got == 0)
				ssh_close(&place->ssh.output);
			else
				place->held = 0;
			return;
		}
		place->held += (size_t)got;
		end = memchr(place->line, '\n', place->held);
		if (end == NULL) {
			if (place->held >= EXCHANGE_LINE)
				fail_place(place, "it sent a line longer than 255 octets");
			return;
		}
		if (end + 1 != place->line + place->held && place->dialog.phase != PHASE_GREETING) {
			fail_place(place, "it answered before it was asked");
			return;
		}
		more = dialog_take(&place->dialog, place->line, (size_t)(end - place->line), place->sent, received);
		if (more && end + 1 != place->line + place->held)
			dialog_fail(&place->dialog, "it answered before it was asked");
		more = more && place->dialog.phase != PHASE_OVER;
		place->held = 0;
		if (!more) {
			leave(place);
			return;
		}
		send_order(place);
		if (place->dialog.phase == PHASE_OVER) {
			leave(place);
			return;
		}
	}
}

/*
 * Whether a second try may help a guest whose ssh ended with STATUS: ssh itself failed, before the greeting, within
 * half the guest's time, and not by a permanent cause.
 */
static bool
may_heal(const struct loop *loop, const struct place *place, int status)
{
	return place->dialog.result == DIALOG_UNFINISHED && place->dialog.phase == PHASE_GREETING && place->held == 0 &&
	    !place->second && loop->stopped == 0 && ssh_may_heal(&place->ssh, status) &&
	    sysclock_elapsed() - place->started < loop->options->deadline / 2;
}

/* Handles the end of an ssh: schedules a second try for its guest, or reports the guest. */
static void
ended(struct loop *loop, struct place *place, int status)
{
	char text[3 * SSH_LINE];

	/* waitpid(2) has released the process id, which another process may get: send it no more signals. */
	place->ssh.pid = 0;
	/* The pipes may still contain the last output. */
	if (place->stage == STAGE_TALKING && place->ssh.output >= 0)
		read_output(place);
	ssh_ended(&place->ssh, status);
	place->busy = false;
	if (may_heal(loop, place, status)) {
		nanoseconds now = sysclock_elapsed();

		loop->again[loop->again_count++] = (struct again){ place->guest, now - place->started,
			now + AGAIN_WAIT + now % AGAIN_SPREAD };
		return;
	}
	if (place->dialog.result == DIALOG_UNFINISHED) {
		ssh_explain(&place->ssh, loop->config, status, text, sizeof text);
		dialog_fail(&place->dialog, text);
	}
	report_result(loop, place);
}

static void
reap(struct loop *loop)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t at = 0; at < loop->places; at++)
			if (loop->place[at].busy && loop->place[at].ssh.pid == pid) {
				ended(loop, &loop->place[at], status);
				break;
			}
}

static void
take_signals(struct loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->signals, &info, sizeof info) == (ssize_t)sizeof info)
		if (info.ssi_signo != SIGCHLD && loop->stopped == 0) {
			loop->stopped = (int)info.ssi_signo;
			for (size_t at = 0; at < loop->places; at++)
				if (loop->place[at].busy)
					fail_place(&loop->place[at], "interrupted");
		}
	reap(loop);
}

static void
deadline_passed(struct place *place)
{
	char seconds[SECONDS_TEXT], text[DIALOG_TEXT];

	switch (place->stage) {
	case STAGE_TALKING:
		format_seconds(sysclock_elapsed() - place->started, seconds);
		seconds[strcspn(seconds, ".")] = '\0';
		snprintf(text, sizeof text, "no answer in %s s%s", seconds + 1,
		    place->dialog.phase == PHASE_GREETING ? "" : ", though the exchange had begun");
		fail_place(place, text);
		break;
	case STAGE_LEAVING:
		place->stage = STAGE_TERMINATED;
		place->deadline = sysclock_elapsed() + LEAVE_SECONDS * NS_PER_SECOND;
		ssh_signal(&place->ssh, SIGTERM);
		break;
	case STAGE_TERMINATED:
	case STAGE_KILLED:
		place->stage = STAGE_KILLED;
		place->deadline = sysclock_elapsed() + LEAVE_SECONDS * NS_PER_SECOND;
		ssh_signal(&place->ssh, SIGKILL);
		break;
	}
}

/*
 * Handles the deadlines that have passed.  Returns the milliseconds until the next deadline, or until a guest may be
 * tried again.
 */
static int
next_deadline(struct loop *loop)
{
	nanoseconds now = sysclock_elapsed(), soonest = INT64_MAX;

	if (loop->again_next < loop->again_count && loop->again[loop->again_next].ready > now)
		soonest = loop->again[loop->again_next].ready;
	for (size_t at = 0; at < loop->places; at++) {
		struct place *place = &loop->place[at];

		if (place->busy && place->deadline <= now)
			deadline_passed(place);
		if (place->busy && place->deadline < soonest)
			soonest = place->deadline;
	}
	now = soonest == INT64_MAX ? 0 : soonest - now;
	return now <= 0 ? 0 : (int)(now / NS_PER_MILLISECOND) + 1;
}

static void
handle_event(struct loop *loop, uint64_t tag)
{
	struct place *place;

	if (tag == SIGNALS) {
		take_signals(loop);
		return;
	}
	place = &loop->place[tag / CHANNELS];
	if (!place->busy)
		return;
	if (tag % CHANNELS == CHANNEL_OUTPUT && place->ssh.output >= 0)
		read_output(place);
	else if (tag % CHANNELS == CHANNEL_ERROR)
		ssh_read_error(&place->ssh);
}

static void
report_interrupted(struct loop *loop, size_t guest, const char *text)
{
	struct place never = { .guest = guest };

	dialog_fail(&never.dialog, text);
	report_result(loop, &never);
}

/* Reports the guests that were not started, or not started again, before a signal ended the run. */
static void
report_unbegun(struct loop *loop)
{
	while (loop->again_next < loop->again_count)
		report_interrupted(loop, loop->again[loop->again_next++].guest, "interrupted before it was tried again");
	while (loop->next < loop->count)
		report_interrupted(loop, loop->next++, "interrupted before it was begun");
}

/* Whether the loop must continue: a guest is in a slot or is to be tried again. */
static bool
going_on(const struct loop *loop)
{
	for (size_t at = 0; at < loop->places; at++)
		if (loop->place[at].busy)
			return true;
	return loop->stopped == 0 && loop->again_next < loop->again_count;
}

static int
run(struct loop *loop)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int count;

		fill_all(loop);
		if (!going_on(loop))
			break;
		count = epoll_wait(loop->epoll, events, EVENTS, next_deadline(loop));

		if (count < 0 && errno != EINTR)
			return -1;
		for (int at = 0; at < count; at++)
			handle_event(loop, events[at].data.u64);
	}
	report_unbegun(loop);
	return loop->stopped;
}

int
loop_run(const struct driver_options *options, const char *config, const char *const *names, size_t count,
    loop_callback report, void *context)
{
	struct loop loop = { .options = options, .config = config, .names = names, .count = count, .report = report,
		.context = context, .places = (size_t)options->parallel < count ? (size_t)options->parallel : count };
	struct rlimit files;
	sigset_t wanted, before;
	int result = -1;

	/* Each guest needs three descriptors.  The usual soft limit exists for programs that use select(2). */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	/* If SIGCHLD were inherited as ignored, the kernel would discard the exit statuses that waitpid(2) returns. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &wanted, &before);
	loop.place = calloc(loop.places > 0 ? loop.places : 1, sizeof *loop.place);
	loop.again = calloc(count > 0 ? count : 1, sizeof *loop.again);
	loop.epoll = epoll_create1(EPOLL_CLOEXEC);
	loop.signals = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
	if (loop.place != NULL && loop.again != NULL && loop.epoll >= 0 && loop.signals >= 0 && watch(&loop, loop.signals, SIGNALS))
		result = run(&loop);
	ssh_close(&loop.epoll);
	ssh_close(&loop.signals);
	free(loop.place);
	free(loop.again);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}
