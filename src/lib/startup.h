/* Steps at the start of the programs. */
#ifndef GUESTCLOCK_STARTUP_H
#define GUESTCLOCK_STARTUP_H

#include <stdbool.h>

#include "lib/option_table.h"

/*
 * Opens /dev/null on each of the descriptors 0, 1 and 2 that is closed, so that a descriptor opened later does not
 * become standard input or output.  Returns false on failure, with errno.
 */
bool startup_descriptors(void);

/*
 * Closes every descriptor from FIRST up: those that this process was started with or, after fork(2), those of its
 * parent.  Call it before this process opens any of its own.  A later call would close descriptors that other code,
 * such as syslog(3), still uses; that code would then write to the next file that gets the number, perhaps a client's
 * connection.
 */
void startup_close_from(int first);

/* Whether FD is open and certainly not a socket, so that output to it reaches no network client. */
bool startup_no_socket(int fd);

/* Whether FD is surely no network connection: it is open, and is a Unix-domain socket (as from sshd) or no socket. */
bool startup_local(int fd);

/* Prints the help (WHAT is OPTION_HELP) or the version.  False, with errno, when that cannot be written. */
bool startup_inform(const struct program *program, int what);

/*
 * Restricts lookups from now on: host names to /etc/hosts and DNS, users, groups and netgroups to /etc/passwd,
 * /etc/group and /etc/netgroup, whatever nsswitch.conf(5) says.  The modules that nsswitch.conf may name are shared
 * libraries: a static program that loads one also loads a second C library, perhaps of another release.  The C library
 * still reads nsswitch.conf.  Returns false, with errno, if it exists but cannot be read, or if memory runs out.
 */
bool startup_lookups(void);

#endif
