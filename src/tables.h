/*
 * Reads hosts.allow and hosts.deny just closely enough to tell whether a verdict may be kept, and whether a rule may
 * start a program.
 *
 * Pure.  The grammar is hosts_access(5)'s: daemon_list : client_list [ : option : option ... ], a backslash before
 * the newline continues a line, # at its start makes it a comment, "\:" is a colon within an option, and an IPv6
 * address stands in brackets.  Where this reading is in doubt it says "runs", which costs speed and the system call
 * filter, and changes no verdict.
 */
#ifndef GUESTCLOCK_TABLES_H
#define GUESTCLOCK_TABLES_H

#include <stddef.h>

enum tables_effect {
	TABLES_PLAIN,		/* no option but allow and deny: verdicts may be kept */
	TABLES_ACT,		/* severity, linger or keepalive: each client anew, but nothing is started */
	TABLES_RUN		/* spawn, twist and whatever else changes this process or starts another */
};

/* The most that a rule in TEXT (LENGTH octets) which may concern DAEMON does besides allowing and denying. */
enum tables_effect tables_effect(const char *text, size_t length, const char *daemon);

#endif
