/*
 * What every program makes sure of before anything else.
 */
#ifndef GUESTCLOCK_STARTUP_H
#define GUESTCLOCK_STARTUP_H

#include <stdbool.h>

#include "lib/args.h"

/*
 * Opens /dev/null on each of the descriptors 0, 1 and 2 that is closed, so that nothing opened later is taken for
 * standard input or output.  False when that fails, with errno.
 */
bool startup_descriptors(void);

/*
 * Closes every descriptor from FIRST up: those that this process was started with, or those of the process that it is a
 * copy of.  Called before this process opens any of its own.  A later call would close what other code, such as
 * syslog(3), still uses, and that code would write to whatever gets the number next: a client's connection, perhaps.
 */
void startup_close_from(int first);

/* The last part of PATH (argv[0]), or FALLBACK where there is none. */
const char *startup_name(const char *path, const char *fallback);

/* Whether FD is open and surely no socket, so that what is written to it reaches no network client. */
bool startup_no_socket(int fd);

/* Whether FD is surely no network connection: it is no socket, or a local one, as sshd gives a command. */
bool startup_local(int fd);

/* Prints the help (WHAT is ARGS_HELP) or the version.  False, with errno, when that cannot be written. */
bool startup_inform(const struct program *program, int what);

/*
 * From now on names are looked up in /etc/hosts and DNS, users and groups in /etc/passwd and /etc/group, whatever
 * nsswitch.conf(5) says.  The modules that it may name are shared libraries: a static program that loads one gets a
 * second C library with it, perhaps of another release.  The C library reads that file all the same: false when it
 * cannot be read though it is there, or when there is no memory, with errno.
 */
bool startup_lookups(void);

#endif
