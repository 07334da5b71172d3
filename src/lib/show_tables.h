/* --check-tables: shows an administrator what hosts.allow and hosts.deny mean for this program. */
#ifndef GUESTCLOCK_SHOW_TABLES_H
#define GUESTCLOCK_SHOW_TABLES_H

#include "lib/option_table.h"
#include "lib/status.h"

/*
 * Prints to standard output each rule of the tables that concerns the daemon of access_start(), with every note and the
 * first fault of acl_parse.h, by file and line.  WORDS are those after the option: none, or a client's address (IPv4 or
 * IPv6 without a port, or "unknown" for a client that has none).  With one, each line has what the rule means for this
 * client, and the last line has the verdict and the rule that decides.  May look up the client's name; runs no program.
 *
 * Returns STATUS_DONE; STATUS_REFUSED if there is a fault or the client is denied; STATUS_USAGE with one line in
 * COMPLAINT; or STATUS_SYSTEM if standard output fails.
 */
enum status show_tables_print(char *const *words, char complaint[OPTION_COMPLAINT]);

#endif
