/*
 * A session over a connection that an ssh master keeps (ssh_config(5), ControlMaster), without an ssh of its own: the
 * start of an ssh is most of what such a session costs.
 *
 * Source: PROTOCOL.mux of OpenSSH, version 4 of the protocol (OpenSSH 5.4 and later).  Where a master does not speak it,
 * refuses or goes, the caller starts an ssh.
 */
#ifndef GUESTCLOCK_MUX_H
#define GUESTCLOCK_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUX_MESSAGE 256		/* the longest message of a master's that is of interest, or an error text */

/* A message from the master, as far as it has come. */
struct mux {
	size_t held, length;	/* octets here; octets of the message behind its length, once that is known */
	unsigned char room[MUX_MESSAGE + 4];
};

enum mux_event {
	MUX_NOTHING,	/* for now */
	MUX_EXITED,	/* the session has ended, with a status */
	MUX_LOST	/* there is no session: refused, not understood, or the master has gone */
};

/*
 * Asks the master at PATH, which must be a process of the same user, to run COMMAND (at most 255 octets) with CHILD as
 * its descriptors 0, 1 and 2.  Returns a non-blocking descriptor that tells of the session's end and, closed, ends it;
 * -1 when there is no such master.
 */
int mux_open(const char *path, const char *command, const int child[3]);

/* Reads what the master at FD says.  STATUS, of MUX_EXITED: 0 to 255, the command's. */
enum mux_event mux_read(struct mux *mux, int fd, int *status);

#endif
