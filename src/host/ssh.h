/*
 * Runs the system's ssh for one guest, with an argument vector, never through a shell.
 */
#ifndef GUESTCLOCK_SSH_H
#define GUESTCLOCK_SSH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ssh {
	pid_t pid;			/* also the id of its session and process group; 0: none */
	int input, output, error;	/* this process's ends of ssh's pipes 0, 1 and 2, non-blocking; -1: closed */
};

/*
 * Starts ssh, with the request "exchange", for the guest NAME.  CONFIG is the file for -F (NULL: ssh reads its own
 * files).  ssh shares no connection with another ssh.  It has a session of its own without a controlling terminal, only
 * the descriptors 0, 1 and 2, and default signal handling.  Returns 0 or an errno value.
 */
int ssh_start(struct ssh *ssh, const char *config, const char *name);

/* Sends SIGNAL to ssh's process group, which includes its children such as a ProxyCommand. */
void ssh_signal(const struct ssh *ssh, int signal);

/*
 * Whether CONFIG (NULL: none) has a line "KEYWORD PATH" with an absolute path, without %, that cannot be read.  If so,
 * TEXT becomes "KEYWORD PATH: reason".
 */
bool ssh_file_fault(const char *config, const char *keyword, char *text, size_t size);

void ssh_close(int *fd);

/* Closes the descriptors that are open. */
void ssh_close_all(struct ssh *ssh);

#endif
