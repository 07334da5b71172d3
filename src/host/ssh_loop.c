/* The event loop over ssh processes: see ssh_loop.h. */
#include "host/ssh_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/sysclock.h"

#define EVENTS 64
/* How long ssh may take to end after the exchange, and again after each signal that is sent to it. */
#define LEAVE_SECONDS 2

enum channel { CHANNEL_OUTPUT, CHANNEL_ERROR, CHANNELS };
#define SIGNALS UINT64_MAX

static int
watch(const struct ssh_loop *loop, int fd, uint64_t tag)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .u64 = tag } };

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

/* Enters STAGE: sends ssh the signal of this stage, if it has one, and gives ssh LEAVE_SECONDS to end. */
static void
enter_stage(struct ssh_loop *loop, struct ssh_slot *slot, enum slot_stage stage)
{
	loop->ending += slot->stage == SLOT_OPEN;
	slot->stage = stage;
	slot->deadline = sysclock_elapsed() + LEAVE_SECONDS * NS_PER_SECOND;
	if (stage != SLOT_LEAVING)
		ssh_signal(&slot->ssh, stage == SLOT_TERMINATED ? SIGTERM : SIGKILL);
}

int
ssh_loop_start(struct ssh_loop *loop, size_t at, const char *config, const char *name)
{
	struct ssh_slot *slot = &loop->slot[at];
	int error = ssh_start(&slot->ssh, config, name);

	if (error != 0)
		return error;
	slot->stage = SLOT_OPEN;
	slot->held = 0;
	error = watch(loop, slot->ssh.output, at * CHANNELS + CHANNEL_OUTPUT);
	if (error == 0)
		error = watch(loop, slot->ssh.error, at * CHANNELS + CHANNEL_ERROR);
	if (error != 0)
		ssh_loop_leave(loop, at, false);
	return error;
}

bool
ssh_loop_send(struct ssh_loop *loop, size_t at, const struct exchange_order *order)
{
	struct ssh_slot *slot = &loop->slot[at];
	char line[EXCHANGE_LINE + 1];
	size_t length = exchange_write_order(order, line);

	slot->sent = sysclock_read();
	return write(slot->ssh.input, line, length) == (ssize_t)length || errno == EPIPE;
}

void
ssh_loop_leave(struct ssh_loop *loop, size_t at, bool friendly)
{
	struct ssh_slot *slot = &loop->slot[at];

	if (slot->stage != SLOT_OPEN)
		return;
	if (friendly)
		ssh_loop_send(loop, at, &(struct exchange_order){ .verb = EXCHANGE_BYE });
	else
		ssh_close(&slot->ssh.output);
	ssh_close(&slot->ssh.input);
	enter_stage(loop, slot, friendly ? SLOT_LEAVING : SLOT_TERMINATED);
}

/* Reads lines from the guest, and gives them to the caller while the slot is open. */
static void
read_output(struct ssh_loop *loop, size_t at)
{
	struct ssh_slot *slot = &loop->slot[at];

	while (slot->ssh.output >= 0) {
		ssize_t got = read(slot->ssh.output, slot->line + slot->held, sizeof slot->line - slot->held);
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
			ssh_close(&slot->ssh.output);
			return;
		}
		/* Nobody reads what it still sends. */
		if (slot->stage != SLOT_OPEN) {
			ssh_close(&slot->ssh.output);
			return;
		}
		slot->held += (size_t)got;
		end = memchr(slot->line, '\n', slot->held);
		if (end == NULL && slot->held < EXCHANGE_LINE)
			return;
		length = end != NULL ? (size_t)(end - slot->line) : slot->held;
		more = length + 1 < slot->held;
		slot->held = 0;
		loop->calls->line(loop->calls->context, at, slot->line, length, more, &received);
	}
}

/* Handles the end of an ssh. */
static void
ended(struct ssh_loop *loop, size_t at, int status)
{
	struct ssh_slot *slot = &loop->slot[at];

	/* waitpid(2) has released the process id, which another process may get: send it no more signals. */
	slot->ssh.pid = 0;
	/* The pipe may still contain the guest's last output. */
	if (slot->stage == SLOT_OPEN)
		read_output(loop, at);
	ssh_ended(&slot->ssh, status);
	loop->ending -= slot->stage != SLOT_OPEN;
	slot->stage = SLOT_FREE;
	loop->calls->ended(loop->calls->context, at, status);
}

static void
reap(struct ssh_loop *loop)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t at = 0; at < loop->slots; at++)
			if (loop->slot[at].stage != SLOT_FREE && loop->slot[at].ssh.pid == pid) {
				ended(loop, at, status);
				break;
			}
}

static void
take_signals(struct ssh_loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->signals, &info, sizeof info) == (ssize_t)sizeof info)
		if (info.ssi_signo != SIGCHLD)
			loop->calls->signal(loop->calls->context, (int)info.ssi_signo);
	reap(loop);
}

static void
handle_event(struct ssh_loop *loop, uint64_t tag)
{
	if (tag == SIGNALS)
		take_signals(loop);
	else if (tag % CHANNELS == CHANNEL_OUTPUT)
		read_output(loop, tag / CHANNELS);
	else
		ssh_read_error(&loop->slot[tag / CHANNELS].ssh);
}

/* Signals each ssh whose deadline has passed.  Returns the next deadline, at most LATEST. */
static nanoseconds
end_late(struct ssh_loop *loop, nanoseconds now, nanoseconds latest)
{
	for (size_t at = 0; at < loop->slots && loop->ending > 0; at++) {
		struct ssh_slot *slot = &loop->slot[at];

		if (slot->stage <= SLOT_OPEN)
			continue;
		if (slot->deadline <= now)
			enter_stage(loop, slot, slot->stage == SLOT_LEAVING ? SLOT_TERMINATED : SLOT_KILLED);
		latest = ns_least(latest, slot->deadline);
	}
	return latest;
}

int
ssh_loop_run(struct ssh_loop *loop)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		nanoseconds now = sysclock_elapsed(), next = loop->calls->tick(loop->calls->context, now);
		int count;

		if (next == SSH_LOOP_END)
			return 0;
		now = sysclock_elapsed();
		next = end_late(loop, now, next);
		count = epoll_wait(loop->epoll, events, EVENTS, next == INT64_MAX ? -1 : next <= now ? 0 :
		    (int)ns_least((next - now) / NS_PER_MILLISECOND + 1, INT32_MAX));
		if (count < 0 && errno != EINTR)
			return errno;
		for (int at = 0; at < count; at++)
			handle_event(loop, events[at].data.u64);
	}
}

int
ssh_loop_grow(struct ssh_loop *loop, size_t slots)
{
	struct ssh_slot *more = slots <= loop->slots ? loop->slot : reallocarray(loop->slot, slots, sizeof *more);

	if (more == NULL)
		return ENOMEM;
	loop->slot = more;
	for (; loop->slots < slots; loop->slots++)
		loop->slot[loop->slots].stage = SLOT_FREE;
	return 0;
}

int
ssh_loop_open(struct ssh_loop *loop, size_t slots, const sigset_t *signals, const struct ssh_loop_calls *calls)
{
	sigset_t wanted = *signals;
	struct rlimit files;
	int error;

	*loop = (struct ssh_loop){ .calls = calls, .epoll = -1, .signals = -1 };
	/* Each slot needs three descriptors: raise the soft limit, which is low only for programs that use select(2). */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	/* If SIGCHLD were inherited as ignored, the kernel would discard the exit statuses that waitpid(2) returns. */
	signal(SIGCHLD, SIG_DFL);
	sigaddset(&wanted, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &wanted, &loop->before);
	error = ssh_loop_grow(loop, slots);
	if (error == 0 && ((loop->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0 ||
	    (loop->signals = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC)) < 0))
		error = errno;
	return error != 0 ? error : watch(loop, loop->signals, SIGNALS);
}

void
ssh_loop_close(struct ssh_loop *loop)
{
	ssh_close(&loop->epoll);
	ssh_close(&loop->signals);
	free(loop->slot);
	sigprocmask(SIG_SETMASK, &loop->before, NULL);
}
