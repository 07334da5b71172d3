/* Runs many guests in parallel: see sessions.h. */
#include "host/sessions.h"

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

#include "host/ssh_process.h"
#include "lib/sysclock.h"

#define EVENTS 64
/* How long ssh may take to end after the exchange, and again after each signal that is sent to it. */
#define LEAVE_SECONDS 2
/*
 * By default sshd, for example on a gateway, closes new connections at random while ten or more are not yet
 * authenticated (sshd_config(5), MaxStartups).  A guest is tried again only while fewer than this many guests have not
 * yet sent their greeting: then this run by itself does not reach the limit of ten.  A guest that has sent nothing for
 * AGAIN_COUNTED counts no longer: else eight guests that hang would hold up all second tries for their time limit.
 */
#define AGAIN_MOST 8
#define AGAIN_COUNTED (5 * NS_PER_SECOND)
/*
 * The shortest wait before a guest is tried again, and the range of a variable addition to it, so that the runs of
 * several hosts do not try the same gateway at the same time.
 */
#define AGAIN_WAIT (300 * NS_PER_MILLISECOND)
#define AGAIN_SPREAD (400 * NS_PER_MILLISECOND)

enum stage {
	STAGE_TALKING,		/* the exchange is not over */
	STAGE_LEAVING,		/* the exchange is over; ssh should end without a signal */
	STAGE_TERMINATED,	/* ssh was sent SIGTERM */
	STAGE_KILLED		/* ssh was sent SIGKILL */
};

/* A try of a guest.  The queue has the first try of every guest, and then second tries. */
struct try {
	size_t guest;		/* index into sessions.names */
	nanoseconds used;	/* the part of the guest's time that the first try used; 0 for a first try */
	nanoseconds ready;	/* when the try may begin, in terms of sysclock_elapsed() */
};

/* One of the loop's slots.  A slot handles one guest at a time. */
struct place {
	size_t guest;		/* index into sessions.names */
	struct ssh ssh;
	struct exchange_client client;
	enum stage stage;
	bool busy;		/* the slot has a guest */
	bool second;		/* this is the guest's second try */
	nanoseconds begun;	/* when this try began */
	nanoseconds started, deadline;
	struct clock_reading sent;	/* the host's clocks just before the last order was sent */
	size_t held;
	char line[EXCHANGE_LINE + 1];	/* the beginning of a line from the guest, of HELD octets */
};

struct sessions {
	const struct driver_options *options;
	const char *config;	/* the file for ssh's -F, or NULL */
	const char *const *names;
	size_t count;
	struct try *queue;	/* room for two tries of every guest */
	size_t queued, next;
	struct place *place;
	size_t places;
	int epoll, signals;
	int stopped;		/* the signal that ends the run, or 0 */
	const struct sessions_calls *calls;
};

enum channel { CHANNEL_OUTPUT, CHANNEL_ERROR, CHANNELS };
#define SIGNALS UINT64_MAX

static bool
watch(const struct sessions *sessions, int fd, uint64_t tag)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .u64 = tag } };

	return epoll_ctl(sessions->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/*
 * Sends the exchange's order.  The line is short and ssh reads the pipe, so the pipe has room for it.  Returns false on
 * failure, but true if ssh has closed the pipe: the exit status of ssh will give the reason.
 */
static bool
send_order(struct place *place)
{
	char line[EXCHANGE_LINE + 1];
	size_t length = exchange_write_order(&place->client.order, line);

	place->sent = sysclock_read();
	return write(place->ssh.input, line, length) == (ssize_t)length || errno == EPIPE;
}

/* Enters STAGE: sends ssh the signal of this stage, if it has one, and gives ssh LEAVE_SECONDS to end. */
static void
enter_stage(struct place *place, enum stage stage)
{
	place->stage = stage;
	place->deadline = sysclock_elapsed() + LEAVE_SECONDS * NS_PER_SECOND;
	if (stage != STAGE_LEAVING)
		ssh_signal(&place->ssh, stage == STAGE_TERMINATED ? SIGTERM : SIGKILL);
}

/* Ends the session after the exchange: after success or a refusal with "bye", after a failure with SIGTERM. */
static void
leave(struct place *place)
{
	bool friendly = place->client.result != CLIENT_FAILED;

	if (place->stage != STAGE_TALKING)
		return;
	if (friendly)
		send_order(place);
	else
		ssh_close(&place->ssh.output);
	ssh_close(&place->ssh.input);
	enter_stage(place, friendly ? STAGE_LEAVING : STAGE_TERMINATED);
}

static void
fail_place(struct place *place, const char *text)
{
	if (place->client.result == CLIENT_UNFINISHED)
		client_fail(&place->client, text);
	leave(place);
}

static void
report_place(const struct sessions *sessions, struct place *place)
{
	sessions->calls->end(sessions->calls->context, sessions->names[place->guest], &place->client);
}

static bool
any_busy(const struct sessions *sessions)
{
	for (size_t at = 0; at < sessions->places; at++)
		if (sessions->place[at].busy)
			return true;
	return false;
}

/*
 * Starts ssh for the slot's guest.  Returns false if memory, processes or descriptors run out and other slots hold
 * some: the guest must then wait until the session of another guest ends.  After any other error, the exchange has
 * failed.
 */
static bool
launch(struct sessions *sessions, struct place *place)
{
	uint64_t tag = (uint64_t)(place - sessions->place) * CHANNELS;
	char text[CLIENT_TEXT];
	int error;

	sessions->calls->begin(sessions->calls->context, sessions->names[place->guest], &place->client);
	place->stage = STAGE_TALKING;
	place->held = 0;
	place->deadline = place->started + sessions->options->deadline;
	error = ssh_start(&place->ssh, sessions->config, sessions->names[place->guest]);
	if ((error == EMFILE || error == ENFILE || error == EAGAIN || error == ENOMEM) && any_busy(sessions))
		return false;
	if (error == 0 && (!watch(sessions, place->ssh.output, tag + CHANNEL_OUTPUT) ||
	    !watch(sessions, place->ssh.error, tag + CHANNEL_ERROR)))
		error = errno;
	if (error != 0) {
		snprintf(text, sizeof text, "cannot run ssh: %s", strerror(error));
		fail_place(place, text);
	}
	return true;
}

/* Until when the slot's guest counts as one whose greeting has not arrived; 0 if it does not count. */
static nanoseconds
counts_until(const struct place *place)
{
	return place->busy && place->stage == STAGE_TALKING && place->client.phase == PHASE_GREETING ?
	    place->begun + AGAIN_COUNTED : 0;
}

static size_t
greeting_awaited(const struct sessions *sessions)
{
	nanoseconds now = sysclock_elapsed();
	size_t count = 0;

	for (size_t at = 0; at < sessions->places; at++)
		count += counts_until(&sessions->place[at]) > now;
	return count;
}

static bool
may_begin(const struct sessions *sessions)
{
	return sessions->stopped == 0 && sessions->next < sessions->queued && (sessions->next < sessions->count ||
	    (sessions->queue[sessions->next].ready <= sysclock_elapsed() && greeting_awaited(sessions) < AGAIN_MOST));
}

/* Begins tries in the free slots.  Reports a guest at once if its ssh cannot be started. */
static void
fill(struct sessions *sessions)
{
	for (size_t at = 0; at < sessions->places; at++) {
		struct place *place = &sessions->place[at];

		while (!place->busy && may_begin(sessions)) {
			place->guest = sessions->queue[sessions->next].guest;
			place->second = sessions->next >= sessions->count;
			place->begun = sysclock_elapsed();
			place->started = place->begun - sessions->queue[sessions->next].used;
			if (!launch(sessions, place))
				return;
			sessions->next++;
			place->busy = place->ssh.pid != 0;
			if (!place->busy)
				report_place(sessions, place);
		}
	}
}

/* Reads and handles lines from the guest. */
static void
read_output(struct place *place)
{
	static const char early[] = "it answered before it was asked";

	while (place->ssh.output >= 0) {
		ssize_t got = read(place->ssh.output, place->line + place->held, sizeof place->line - place->held);
		struct clock_reading received = sysclock_read();
		const char *end;
		size_t length;
		bool more;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return;
		if (got == 0) {
			/* Wait for ssh to end: its exit status tells why the output ended. */
			ssh_close(&place->ssh.output);
			return;
		}
		if (place->client.phase == PHASE_OVER)
			return;
		place->held += (size_t)got;
		end = memchr(place->line, '\n', place->held);
		if (end == NULL && place->held < EXCHANGE_LINE)
			return;
		length = end != NULL ? (size_t)(end - place->line) : place->held;
		more = length + 1 < place->held;
		place->held = 0;
		if (more && place->client.phase != PHASE_GREETING)
			fail_place(place, early);
		else if (!client_take(&place->client, place->line, length, &place->sent, &received))
			leave(place);
		else if (more)
			fail_place(place, early);
		else if (!send_order(place))
			fail_place(place, "cannot write to ssh");
	}
}

/*
 * Whether to try a guest again whose ssh ended with STATUS: this was the first try, no signal has ended the run, and
 * ssh itself failed, before any output of the guest, within half the guest's time limit, and not by a permanent cause.
 */
static bool
may_heal(const struct sessions *sessions, const struct place *place, int status)
{
	return place->client.result == CLIENT_UNFINISHED && place->client.phase == PHASE_GREETING && place->held == 0 &&
	    !place->second && sessions->stopped == 0 && ssh_may_heal(&place->ssh, status) &&
	    sysclock_elapsed() - place->started < sessions->options->deadline / 2;
}

/* Handles the end of an ssh: schedules a second try for its guest, or reports the guest. */
static void
ended(struct sessions *sessions, struct place *place, int status)
{
	char text[3 * SSH_LINE];

	/* waitpid(2) has released the process id, which another process may get: send it no more signals. */
	place->ssh.pid = 0;
	/* The pipe may still contain the guest's last output. */
	if (place->stage == STAGE_TALKING)
		read_output(place);
	ssh_ended(&place->ssh, status);
	place->busy = false;
	if (may_heal(sessions, place, status)) {
		nanoseconds now = sysclock_elapsed();

		sessions->queue[sessions->queued++] = (struct try){ place->guest, now - place->started,
			now + AGAIN_WAIT + now % AGAIN_SPREAD };
		return;
	}
	if (place->client.result == CLIENT_UNFINISHED) {
		ssh_explain(&place->ssh, sessions->config, status, text, sizeof text);
		client_fail(&place->client, text);
	}
	report_place(sessions, place);
}

static void
reap(struct sessions *sessions)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t at = 0; at < sessions->places; at++)
			if (sessions->place[at].busy && sessions->place[at].ssh.pid == pid) {
				ended(sessions, &sessions->place[at], status);
				break;
			}
}

static void
take_signals(struct sessions *sessions)
{
	struct signalfd_siginfo info;

	while (read(sessions->signals, &info, sizeof info) == (ssize_t)sizeof info)
		if (info.ssi_signo != SIGCHLD && sessions->stopped == 0) {
			sessions->stopped = (int)info.ssi_signo;
			for (size_t at = 0; at < sessions->places; at++)
				if (sessions->place[at].busy)
					fail_place(&sessions->place[at], "interrupted");
		}
	reap(sessions);
}

static void
deadline_passed(struct place *place)
{
	char text[CLIENT_TEXT];

	if (place->stage == STAGE_TALKING) {
		snprintf(text, sizeof text, place->client.phase == PHASE_GREETING ? "no answer in %lld s" :
		    "the exchange was not complete after %lld s",
		    (long long)((sysclock_elapsed() - place->started) / NS_PER_SECOND));
		fail_place(place, text);
	} else
		enter_stage(place, place->stage == STAGE_LEAVING ? STAGE_TERMINATED : STAGE_KILLED);
}

/* Handles the deadlines that have passed.  Returns the milliseconds until the next deadline, or a second try may begin. */
static int
next_deadline(struct sessions *sessions)
{
	nanoseconds now = sysclock_elapsed(), soonest = INT64_MAX;

	if (sessions->next < sessions->queued && sessions->queue[sessions->next].ready > now)
		soonest = sessions->queue[sessions->next].ready;
	for (size_t at = 0; at < sessions->places; at++) {
		struct place *place = &sessions->place[at];

		if (place->busy && place->deadline <= now)
			deadline_passed(place);
		if (place->busy && place->deadline < soonest)
			soonest = place->deadline;
		if (sessions->next < sessions->queued && counts_until(place) > now && counts_until(place) < soonest)
			soonest = counts_until(place);
	}
	return soonest == INT64_MAX || soonest <= now ? 0 : (int)((soonest - now) / NS_PER_MILLISECOND) + 1;
}

static void
handle_event(struct sessions *sessions, uint64_t tag)
{
	if (tag == SIGNALS)
		take_signals(sessions);
	else if (tag % CHANNELS == CHANNEL_OUTPUT)
		read_output(&sessions->place[tag / CHANNELS]);
	else
		ssh_read_error(&sessions->place[tag / CHANNELS].ssh);
}

/* Reports the guests whose tries had not begun when a signal ended the run. */
static void
report_unbegun(struct sessions *sessions)
{
	for (; sessions->next < sessions->queued; sessions->next++) {
		struct place never = { .guest = sessions->queue[sessions->next].guest };

		client_fail(&never.client, sessions->next < sessions->count ? "interrupted before it was begun" :
		    "interrupted before it was tried again");
		report_place(sessions, &never);
	}
}

static int
run(struct sessions *sessions)
{
	struct epoll_event events[EVENTS];

	for (fill(sessions); any_busy(sessions) || (sessions->stopped == 0 && sessions->next < sessions->queued); fill(sessions)) {
		int count = epoll_wait(sessions->epoll, events, EVENTS, next_deadline(sessions));

		if (count < 0 && errno != EINTR)
			return -1;
		for (int at = 0; at < count; at++)
			handle_event(sessions, events[at].data.u64);
	}
	report_unbegun(sessions);
	return sessions->stopped;
}

int
sessions_run(const struct driver_options *options, const char *config, const char *const *names, size_t count,
    const struct sessions_calls *calls)
{
	struct sessions sessions = { .options = options, .config = config, .names = names, .count = count, .calls = calls,
		.places = (size_t)options->parallel < count ? (size_t)options->parallel : count };
	struct rlimit files;
	sigset_t wanted, before;
	int result = -1;

	/* Each slot needs three descriptors: raise the soft limit, which is low only for programs that use select(2). */
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
	sessions.place = calloc(sessions.places, sizeof *sessions.place);
	sessions.queue = calloc(2 * count, sizeof *sessions.queue);
	sessions.epoll = epoll_create1(EPOLL_CLOEXEC);
	sessions.signals = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
	for (; sessions.queue != NULL && sessions.queued < count; sessions.queued++)
		sessions.queue[sessions.queued].guest = sessions.queued;
	if (sessions.place != NULL && sessions.queue != NULL && sessions.epoll >= 0 && sessions.signals >= 0 &&
	    watch(&sessions, sessions.signals, SIGNALS))
		result = run(&sessions);
	ssh_close(&sessions.epoll);
	ssh_close(&sessions.signals);
	free(sessions.place);
	free(sessions.queue);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}
