/*
 * One event loop over ssh processes: it moves lines from and to the guests, and signals and ends the processes.
 * ssh_process.h starts and signals one ssh.
 *
 * The loop reads the host's clocks just before it sends an order and just after it reads a line.  So a busy host makes
 * error bounds larger, but the true offsets lie within them.
 */
#ifndef GUESTCLOCK_SSH_LOOP_H
#define GUESTCLOCK_SSH_LOOP_H

#include <signal.h>

#include "host/ssh_process.h"
#include "lib/exchange.h"

enum slot_stage {
	SLOT_FREE,
	SLOT_OPEN,		/* lines go to the caller */
	SLOT_LEAVING,		/* ssh should end without a signal */
	SLOT_TERMINATED,	/* ssh was sent SIGTERM */
	SLOT_KILLED		/* ssh was sent SIGKILL */
};

/* One ssh at a time. */
struct ssh_slot {
	enum slot_stage stage;
	struct ssh ssh;
	struct clock_reading sent;	/* the host's clocks just before the last order was sent */
	nanoseconds deadline;		/* when the next stage begins, if ssh was asked to end; by sysclock_elapsed() */
	size_t held;
	char line[EXCHANGE_LINE + 1];	/* the beginning of a line from the guest, of HELD octets */
};

/* What the caller does. */
struct ssh_loop_calls {
	/*
	 * Gets a line of LENGTH octets without its LF, or the first octets of a line longer than EXCHANGE_LINE.  MORE: the
	 * guest has sent octets after it.  The slot's sent is that of the last order.
	 */
	void (*line)(void *context, size_t slot, const char *line, size_t length, bool more,
	    const struct clock_reading *received);
	/* ssh has ended, with waitpid's STATUS.  The slot is free again; its ssh stays valid until the next start. */
	void (*ended)(void *context, size_t slot, int status);
	/* One of the signals has arrived. */
	void (*signal)(void *context, int number);
	/*
	 * Does what is due.  Returns until when the loop may wait, by sysclock_elapsed(), at most INT64_MAX; or SSH_LOOP_END,
	 * to end the loop.
	 */
	nanoseconds (*tick)(void *context, nanoseconds now);
	void *context;
};

#define SSH_LOOP_END INT64_C(-1)

struct ssh_loop {
	const struct ssh_loop_calls *calls;
	struct ssh_slot *slot;
	size_t slots;
	size_t ending;			/* the slots that have a deadline */
	int epoll, signals;
	sigset_t before;
};

/*
 * Prepares LOOP for so many SLOTS and for SIGNALS, which stay blocked until ssh_loop_close(); raises the soft limit of
 * open files.  Functions that return int return 0 or an errno value.
 */
int ssh_loop_open(struct ssh_loop *loop, size_t slots, const sigset_t *signals, const struct ssh_loop_calls *calls);

/* Makes room for so many SLOTS; never for fewer.  Pointers to slots are then not valid any more. */
int ssh_loop_grow(struct ssh_loop *loop, size_t slots);

/* Starts ssh for the guest NAME in a free slot.  CONFIG as in ssh_start().  After an error the slot may not be free. */
int ssh_loop_start(struct ssh_loop *loop, size_t slot, const char *config, const char *name);

/*
 * Sends an order to an open slot.  The line is short and ssh reads the pipe, so the pipe has room for it.  Returns false
 * on failure, but true if ssh has closed the pipe: the exit status of ssh will give the reason.
 */
bool ssh_loop_send(struct ssh_loop *loop, size_t slot, const struct exchange_order *order);

/* Ends the ssh of an open slot: FRIENDLY with "bye", else with SIGTERM.  Does nothing for other slots. */
void ssh_loop_leave(struct ssh_loop *loop, size_t slot, bool friendly);

/* Runs until calls->tick() ends it. */
int ssh_loop_run(struct ssh_loop *loop);

void ssh_loop_close(struct ssh_loop *loop);

#endif
