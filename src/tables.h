/*
 * Reads hosts.allow and hosts.deny just closely enough to tell whether a verdict may be kept.
 *
 * Pure.  The grammar is hosts_access(5)'s: daemon_list : client_list [ : option : option ... ], a backslash before
 * the newline continues a line, # at its start makes it a comment, "\:" is a colon within a field, and an IPv6
 * address stands in brackets.  Where this reading is in doubt it says "acts", which costs speed and nothing else.
 */
#ifndef GUESTCLOCK_TABLES_H
#define GUESTCLOCK_TABLES_H

#include <stdbool.h>
#include <stddef.h>

/* Whether TEXT (LENGTH octets) has a rule that may concern DAEMON with an option other than allow and deny. */
bool tables_rule_acts(const char *text, size_t length, const char *daemon);

#endif
