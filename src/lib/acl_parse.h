/*
 * Reads hosts.allow, hosts.deny and the lists of clients that their rules name, as libwrap 7.6.q (Debian 12 and 13)
 * reads them: finds what a rule may do besides allowing and denying, and the first place that libwrap would skip, cut
 * off, ignore or take for something else than it says.
 *
 * Pure.  The grammar is hosts_access(5)'s and hosts_options(5)'s: daemon_list : client_list [ : option : option ... ],
 * a backslash before the newline continues a line, # at its start makes it a comment, "\:" is a colon within an option,
 * and an IPv6 address stands in brackets.  The limits of libwrap.a, found by experiment: a line has 2,047 octets with
 * its newline (a continued line: all that is joined, with the last newline); a word of a list has 8,191.
 *
 * All lines must be whole and have a colon.  What patterns and options say is checked only in the rules that may concern
 * the daemon, and options also in every continued line, which may have swallowed a rule.
 */
#ifndef GUESTCLOCK_ACL_PARSE_H
#define GUESTCLOCK_ACL_PARSE_H

#include <stdbool.h>
#include <stddef.h>

enum acl_effect {
	ACL_PLAIN,		/* no option but allow and deny: verdicts may be kept */
	ACL_ACT,		/* severity, linger or keepalive: each client anew, but nothing is started */
	ACL_RUN		/* spawn, twist and whatever else changes this process or starts another */
};

struct acl_fault {
	const char *what;	/* what is wrong and what was expected; NULL: nothing is wrong */
	unsigned long line;	/* of the file, from 1: where the rule begins, or the line that another one swallowed */
};

/* Told the PATH of each list that is named, which is valid during the call.  False ends the reading. */
typedef bool acl_list(const char *path, void *context);

/*
 * The most that a rule in TEXT (LENGTH octets) which may concern DAEMON does besides allowing and denying.  Where FAULT
 * then says that something is wrong, libwrap must not be asked, and the effect is PLAIN.
 */
enum acl_effect acl_parse(const char *text, size_t length, const char *daemon, acl_list *list, void *context,
    struct acl_fault *fault);

/* Reads a list of clients, which has words between blanks and newlines, and neither comments nor EXCEPT. */
void acl_parse_list(const char *text, size_t length, acl_list *list, void *context, struct acl_fault *fault);

#endif
