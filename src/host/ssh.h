/*
 * Running the system's ssh for one guest: by argument vector, never through a shell.
 */
#ifndef GUESTCLOCK_SSH_H
#define GUESTCLOCK_SSH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ssh {
	pid_t pid;			/* also its session and its process group; 0: none */
	int input, output, error;	/* our ends of its descriptors 0, 1 and 2, non-blocking; -1: closed */
};

/*
 * Starts ssh for the guest NAME, with CONFIG for -F (NULL: ssh's own files), over a connection of its own.  It has its own
 * session without a controlling terminal, no descriptor but 0, 1 and 2, and default signal handling.
 * 0, or an errno value.
 */
int ssh_start(struct ssh *ssh, const char *config, const char *name);

/* Sends SIGNAL to the ssh and to what it started, such as a ProxyCommand. */
void ssh_signal(const struct ssh *ssh, int signal);

/*
 * Whether a file that KEYWORD names in CONFIG (NULL: none) by its full path cannot be read: "KEYWORD PATH: why" in TEXT.
 */
bool ssh_file_fault(const char *config, const char *keyword, char *text, size_t size);

void ssh_close(int *fd);

/* Closes what is open. */
void ssh_close_all(struct ssh *ssh);

#endif
