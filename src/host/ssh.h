/*
 * Runs the system's ssh for one guest, with an argument vector, never through a shell.
 */
#ifndef GUESTCLOCK_SSH_H
#define GUESTCLOCK_SSH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Longer than an exchange's text, so that format_quoted() marks a line that was cut by "...". */
#define SSH_LINE 321

struct ssh {
	pid_t pid;			/* also the id of its session and process group; 0: none */
	int input, output, error;	/* this process's ends of ssh's pipes 0, 1 and 2, non-blocking; -1: closed */
	/* Of its standard error: */
	size_t read, held;		/* the octets read, and those of the last line */
	bool line_ended;		/* the next octet begins a new line */
	char last[SSH_LINE];		/* the last line that is not empty */
	char first[SSH_LINE];		/* the first line that has a known cause: ssh prints more general lines after it */
	const struct ssh_cause *cause;	/* that cause, or NULL */
};

/*
 * Starts ssh, with the request "exchange", for the guest NAME.  CONFIG is the file for -F (NULL: ssh reads its own
 * files).  ssh shares no connection with another ssh.  It has a session of its own without a controlling terminal, only
 * the descriptors 0, 1 and 2, and default signal handling.  Returns 0 or an errno value.
 */
int ssh_start(struct ssh *ssh, const char *config, const char *name);

/* Sends SIGNAL to ssh's process group, which includes its children such as a ProxyCommand. */
void ssh_signal(const struct ssh *ssh, int signal);

/* Reads what standard error has, at most 64 KiB in all. */
void ssh_read_error(struct ssh *ssh);

/* After waitpid(2) returned STATUS: reads the rest of standard error, and closes the descriptors. */
void ssh_ended(struct ssh *ssh, int status);

/* After ssh_ended(): whether ssh itself failed, and not by a permanent cause such as a refused key. */
bool ssh_may_heal(const struct ssh *ssh, int status);

/* After ssh_ended(): writes into TEXT why ssh ended, with the cure if the cause is known.  CONFIG as in ssh_start(). */
void ssh_explain(struct ssh *ssh, const char *config, int status, char *text, size_t size);

/* Closes *FD if it is open, and sets it to -1. */
void ssh_close(int *fd);

#endif
