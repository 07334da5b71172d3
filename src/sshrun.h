/*
 * Running the system's ssh for one guest: by argument vector, never through a shell.
 */
#ifndef GUESTCLOCK_SSHRUN_H
#define GUESTCLOCK_SSHRUN_H

#include <stdbool.h>
#include <sys/types.h>

#include "mux.h"

struct sshrun {
	pid_t pid;		/* 0: none, as where the session is a master's */
	int control;		/* to the master of such a session; closed, it ends; -1: none */
	struct mux mux;
	int input, output, error;	/* our ends of its descriptors 0, 1 and 2, non-blocking; -1: closed */
};

/* Over what connection a guest is reached. */
enum sshway {
	SSH_KEPT,	/* one that a master keeps, directly; else by an ssh, which may make a master */
	SSH_PROGRAM,	/* by an ssh, which may use or make a master */
	SSH_FRESH	/* by an ssh with a connection of its own: a kept one may be left over from before the guest was paused */
};

struct sshplace {
	const char *config;	/* a file for -F, or NULL */
	const char *sockets;	/* the directory of the masters' sockets (sshconfig.h), or NULL: not known */
	bool alone;		/* no connection is kept, whatever the file says */
};

/* Room for the path of a master's socket: sun_path's, less the suffix under which ssh makes one before it renames it. */
#define SOCKET_PATH (108 - 18)

/*
 * The path of the socket of the master for DESTINATION, where ssh_config has ControlPath DIRECTORY/%n: DIRECTORY/host, or
 * DIRECTORY/user@host.  Empty where there is no DIRECTORY, or the destination is more than letters, digits and "@._-", or
 * the path too long.
 */
void sshrun_socket_path(const char *directory, const char *destination, char path[SOCKET_PATH]);

/* Starts "ssh … -- DESTINATION exchange", or the same over a kept connection.  0, or an errno value. */
int sshrun_start(struct sshrun *ssh, const struct sshplace *place, const char *destination, enum sshway way);

/* Whether a session was started and has not ended. */
bool sshrun_running(const struct sshrun *ssh);

void sshrun_close(int *fd);

/* Closes what is open. */
void sshrun_close_all(struct sshrun *ssh);

#endif
