/*
 * Runs the system's ssh for one guest, with an argument vector, never through a shell.
 */
#ifndef GUESTCLOCK_SSH_PROCESS_H
#define GUESTCLOCK_SSH_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The room for a line of ssh's.  More than CLIENT_TEXT: client_fail() then sees that a line was cut, and adds "...". */
#define SSH_LINE 321

struct ssh {
	pid_t pid;			/* also the id of its session and process group; 0: none */
	int input, output, error;	/* this process's ends of the pipes to ssh's 0, 1 and 2, non-blocking; -1: closed */
	/* Of ssh's standard error: */
	size_t read, held;		/* the number of octets read, and of those in last */
	bool line_ended;		/* the next octet begins a new line */
	char last[SSH_LINE];		/* the last line that is not empty */
	bool first_found;		/* first is set */
	char first[SSH_LINE];		/* the first line that has a known cause, or that quotes the other side */
	const struct ssh_cause *cause;	/* the cause of first, or NULL */
};

/*
 * Starts ssh, with the request "exchange", for the guest NAME.  CONFIG is the file for -F (NULL: ssh reads its own
 * files).  ssh shares no connection with another ssh.  It has a session of its own without a controlling terminal, only
 * the descriptors 0, 1 and 2, and default signal handling.  Returns 0 or an errno value.
 */
int ssh_start(struct ssh *ssh, const char *config, const char *name);

/* Sends SIGNAL to ssh's process group, which includes its children such as a ProxyCommand. */
void ssh_signal(const struct ssh *ssh, int signal);

/* Reads what ssh's standard error has.  Closes it at its end, or after 64 KiB in all. */
void ssh_read_error(struct ssh *ssh);

/* After waitpid(2) returned STATUS: reads the rest of ssh's standard error, and closes the descriptors. */
void ssh_ended(struct ssh *ssh, int status);

/* After ssh_ended(): whether ssh itself failed, with STATUS, and not by a permanent cause such as a refused key. */
bool ssh_may_heal(const struct ssh *ssh, int status);

/*
 * After ssh_ended(): writes into TEXT why ssh ended, and the cure if the cause is known.  CONFIG as in ssh_start().  A
 * guest's own program can write what looks like a line of ssh's, to the same standard error.
 */
void ssh_explain(struct ssh *ssh, const char *config, int status, char *text, size_t size);

/* Closes *FD if it is open, and sets it to -1. */
void ssh_close(int *fd);

#endif
