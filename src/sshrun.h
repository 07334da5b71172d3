/*
 * Running the system's ssh for one guest: by argument vector, never through a shell.
 */
#ifndef GUESTCLOCK_SSHRUN_H
#define GUESTCLOCK_SSHRUN_H

#include <stdbool.h>
#include <sys/types.h>

struct sshrun {
	pid_t pid;		/* 0: none */
	int input, output, error;	/* our ends of its descriptors 0, 1 and 2, non-blocking; -1: closed */
};

/*
 * Starts "ssh … -- DESTINATION exchange".  CONFIG: a file for -F, or NULL.  FRESH: over a connection of its own, not a
 * multiplexed one, which may be left over from before the guest was paused and lead nowhere.  0, or an errno value.
 */
int sshrun_start(struct sshrun *ssh, const char *config, const char *destination, bool fresh);

void sshrun_close(int *fd);

/* Closes what is open. */
void sshrun_close_all(struct sshrun *ssh);

#endif
