/* Many guests side by side: see loop.h. */
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
#include "host/ssh_cause.h"
#include "lib/sysclock.h"
#include "lib/text.h"

#define EVENTS 64
/* How long an ssh may take to end once all is said, and once it was asked to. */
#define LEAVE_SECONDS 2
/* What is read of an ssh's standard error in all. */
#define ERROR_OCTETS 65536

/* The status of an ssh that failed itself; every other is the forced command's. */
#define SSH_FAILED 255
/*
 * An sshd, such as a gateway's, closes connections at random once ten are not yet authenticated (sshd_config(5),
 * MaxStartups).  Guests are tried again only while fewer than this wait for their greeting: then it closes none of ours.
 */
#define AGAIN_MOST 8
/* How long they wait at least, and by how much this varies: other runs may be at the same gateway. */
#define AGAIN_WAIT (300 * NS_PER_MILLISECOND)
#define AGAIN_SPREAD (400 * NS_PER_MILLISECOND)

enum stage {
	STAGE_TALKING,		/* the dialog goes on */
	STAGE_LEAVING,		/* the dialog is over, ssh should end by itself */
	STAGE_TERMINATED,	/* ssh was sent SIGTERM */
	STAGE_KILLED		/* … SIGKILL */
};

/* A guest whose ssh ended before its greeting. */
struct again {
	size_t guest;
	nanoseconds used;	/* of its time */
	nanoseconds ready;	/* when it may be tried again: sysclock_elapsed() */
};

/* One place in the loop, in which one guest after another is handled. */
struct place {
	size_t guest;		/* index into the names */
	struct ssh ssh;
	struct dialog dialog;
	enum stage stage;
	bool busy;		/* a guest is here */
	bool second;		/* it is tried again */
	nanoseconds started, deadline;
	nanoseconds sent;	/* when the order that is waited for left */
	size_t held, error_held, error_total;
	char line[EXCHANGE_LINE + 1];
	/* One octet longer than a dialog's text, which shows by "..." that a line was cut. */
	char error[DIALOG_TEXT + 1];	/* the last line of standard error so far */
	char first[DIALOG_TEXT + 1];	/* the first line with a known cause */
	const struct ssh_cause *cause;	/* that cause, or NULL */
	bool error_ended;	/* the next octet of it begins a new line */
};

struct loop {
	struct again *again;		/* guests to be tried once more, when all have been tried once */
	size_t again_count, again_next;
	const struct driver_options *options;
	const char *config;	/* for ssh's -F, or NULL */
	const char *const *names;
	size_t count, next, ended;
	struct place *place;
	size_t places;
	int epoll, signals;
	int stopped;		/* the signal that ends the run */
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

/* Adds what a broken-off exchange had ordered to how the guest ended. */
static void
add_orders(struct dialog *dialog)
{
	char text[DIALOG_TEXT + 100], offset[SECONDS_TEXT];

	if (dialog->rounds == 0 || dialog->result != DIALOG_FAILED || dialog->judged)
		return;
	format_seconds(dialog->before.offset, offset);
	snprintf(text, sizeof text, "(it was %s s off and a %s was ordered) %s", offset,
	    dialog_action_name(dialog->action), dialog->text);
	format_quoted(text, dialog->text, sizeof dialog->text);
}

static void
report_result(struct loop *loop, struct place *place)
{
	add_orders(&place->dialog);
	struct loop_result outcome = { .name = loop->names[place->guest], .dialog = &place->dialog,
		.time = sysclock_now() };

	loop->ended++;
	loop->report(loop->context, &outcome);
}

/* Sends what the dialog wants sent.  A pipe to a process that reads is never full of our short lines. */
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

/* The dialog is over, or has failed: ssh has a moment to end by itself, if it was not at fault. */
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

/* Whether an error of starting a process is for want of something that other places will give back. */
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

/* Starts with the guest of this place.  False when it has to wait until another place is free. */
static bool
launch(struct loop *loop, struct place *place)
{
	uint64_t tag = (uint64_t)(place - loop->place) * CHANNELS;
	char text[DIALOG_TEXT];
	int error;

	dialog_start(&place->dialog, loop->options->correct);
	place->stage = STAGE_TALKING;
	place->held = place->error_held = place->error_total = 0;
	place->error_ended = false;
	place->cause = NULL;
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

/* How many guests wait for their greeting. */
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
 * Puts the next guest into a free place: first all for the first time, then those that are tried again.  One whose ssh
 * cannot even be started is reported at once.  False when there is none to put there now.
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

/* Lines from the guest. */
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
			/* End of file: what it means shows when ssh ends. */
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

/* A line of standard error has ended. */
static void
note_error(struct place *place)
{
	place->error_ended = place->error_held > 0;
	place->error[place->error_held] = '\0';
	if (place->cause == NULL && (place->cause = ssh_cause_find(place->error)) != NULL)
		memcpy(place->first, place->error, sizeof place->first);
}

/* Keeps the last line that is not empty, and the first whose cause is known: ssh adds general ones to that. */
static void
read_error(struct place *place)
{
	char room[1024];
	ssize_t got = read(place->ssh.error, room, sizeof room);

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got > 0)
		place->error_total += (size_t)got;
	if (got <= 0 || place->error_total > ERROR_OCTETS) {
		ssh_close(&place->ssh.error);
		return;
	}
	for (ssize_t at = 0; at < got; at++) {
		if (room[at] == '\n' || room[at] == '\r') {
			note_error(place);
			continue;
		}
		if (place->error_ended) {
			place->error_held = 0;
			place->error_ended = false;
		}
		if (place->error_held < sizeof place->error - 1)
			place->error[place->error_held++] = room[at] != '\0' ? room[at] : '?';
	}
}

/* Why an ssh ended before the dialog did.  What another program than ssh printed has no cause in our table. */
static void
explain_end(const struct loop *loop, struct place *place, int status)
{
	const struct ssh_cause *cause = WIFEXITED(status) && WEXITSTATUS(status) == SSH_FAILED ? place->cause : NULL;
	char text[3 * DIALOG_TEXT], fault[DIALOG_TEXT];
	size_t length = strlen(place->first);

	/* No full stop of ssh's before our colon. */
	if (cause != NULL && length > 0 && place->first[length - 1] == '.')
		place->first[length - 1] = '\0';
	if (cause != NULL && cause->keyword != NULL && ssh_file_fault(loop->config, cause->keyword, fault, sizeof fault))
		snprintf(text, sizeof text, "%s: %s; %s", place->first, fault, cause->file_cure);
	else if (cause != NULL)
		snprintf(text, sizeof text, "%s: %s", place->first, cause->cure);
	else if (place->error_held > 0)
		snprintf(text, sizeof text, "%s", place->error);
	else if (WIFSIGNALED(status))
		snprintf(text, sizeof text, "ssh was ended by signal %d", WTERMSIG(status));
	else
		snprintf(text, sizeof text, "ssh ended with status %d before the exchange did", WEXITSTATUS(status));
	dialog_fail(&place->dialog, text);
}

/*
 * Whether a second try may help a guest whose ssh ended with STATUS: ssh itself failed before the greeting, early, and not
 * for a cause that stays, such as a key that is refused.
 */
static bool
may_heal(const struct loop *loop, const struct place *place, int status)
{
	return place->dialog.result == DIALOG_UNFINISHED && place->dialog.phase == PHASE_GREETING && place->held == 0 &&
	    !place->second && loop->stopped == 0 && WIFEXITED(status) && WEXITSTATUS(status) == SSH_FAILED &&
	    sysclock_elapsed() - place->started < loop->options->deadline / 2 && (place->cause == NULL || place->cause->may_heal);
}

/* An ssh has ended: so has its guest, or its first try. */
static void
ended(struct loop *loop, struct place *place, int status)
{
	/* From here on the number may be another process's. */
	place->ssh.pid = 0;
	/* What it wrote last may still lie in the pipes. */
	if (place->stage == STAGE_TALKING && place->ssh.output >= 0)
		read_output(place);
	for (int times = 0; place->ssh.error >= 0 && times < 64; times++) {
		size_t before = place->error_total;

		read_error(place);
		if (place->error_total == before)
			break;
	}
	note_error(place);
	ssh_close_all(&place->ssh);
	place->busy = false;
	if (may_heal(loop, place, status)) {
		nanoseconds now = sysclock_elapsed();

		loop->again[loop->again_count++] = (struct again){ place->guest, now - place->started,
			now + AGAIN_WAIT + now % AGAIN_SPREAD };
		return;
	}
	if (place->dialog.result == DIALOG_UNFINISHED)
		explain_end(loop, place, status);
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

/* Milliseconds until the first deadline, or until a guest may be tried again; deadlines that have passed are dealt with. */
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
	else if (tag % CHANNELS == CHANNEL_ERROR && place->ssh.error >= 0)
		read_error(place);
}

static void
report_interrupted(struct loop *loop, size_t guest, const char *text)
{
	struct place never = { .guest = guest };

	dialog_fail(&never.dialog, text);
	report_result(loop, &never);
}

/* Guests that were not begun, or not begun again, when the run was stopped. */
static void
report_unbegun(struct loop *loop)
{
	while (loop->again_next < loop->again_count)
		report_interrupted(loop, loop->again[loop->again_next++].guest, "interrupted before it was tried again");
	while (loop->next < loop->count)
		report_interrupted(loop, loop->next++, "interrupted before it was begun");
}

/* Whether anything is still to come by itself. */
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

	/* Three pipes a guest; the usual soft limit is for programs that select(2). */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	/* Inherited as ignored, it would leave nothing to wait for. */
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
