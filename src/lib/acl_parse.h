/*
 * Parses hosts.allow, hosts.deny and the lists of clients that their rules name, as libwrap 7.6.q (Debian 12 and 13)
 * does.  Finds the strongest effect of a rule, besides allowing and denying clients, and the first text that libwrap
 * would skip, cut off, ignore or misunderstand.
 *
 * Pure.  The grammar is that of hosts_access(5) and hosts_options(5): daemon_list : client_list [ : option : ... ].  A
 * backslash before the newline continues a line.  A # at the start of a line makes it a comment.  "\:" is a colon in an
 * option.  An IPv6 address is in brackets.  The limits of libwrap.a, found by experiment: a line has at most 2,047
 * octets with its newline (a continued line: all joined lines, with the last newline), and a word of a list of
 * clients at most 8,191.
 *
 * Every rule must end in a newline, and have a colon, brackets that match, and a list of daemons in ASCII.  Patterns
 * and options are checked only in the rules that may concern the daemon.  In a rule that a backslash continues, options
 * are always checked: the next rule may have become part of it by mistake.
 */
#ifndef GUESTCLOCK_ACL_PARSE_H
#define GUESTCLOCK_ACL_PARSE_H

#include <stdbool.h>
#include <stddef.h>

enum acl_effect {
	ACL_PLAIN,		/* no option except allow and deny: verdicts may be cached */
	ACL_ACT,		/* severity, linger or keepalive: no cached verdicts, but no program is started */
	/* spawn, twist and every other option that changes this process or starts a program: in.timed runs without its
	   filter, so that libwrap can carry the option out, and caches no verdicts */
	ACL_RUN
};

struct acl_fault {
	const char *what;	/* the fault, and the expected text; NULL: no fault */
	unsigned long line;	/* in the file, from 1: a rule's first line, or one that a comment continues into */
};

/*
 * A callback: acl_parse() and acl_parse_list() call it, with their argument CONTEXT, for each list of clients that a
 * checked rule or a list names.  PATH is valid only during the call.  If the callback returns false, the parser reports
 * a fault in the line that names the list, and stops.
 */
typedef bool acl_list(const char *path, void *context);

/*
 * Parses a table, TEXT of LENGTH octets.  Returns the strongest effect of the rules that may concern DAEMON.  Sets
 * *FAULT to the first fault, or to none.  If there is a fault, libwrap must not use the table, and the effect is
 * ACL_PLAIN.
 */
enum acl_effect acl_parse(const char *text, size_t length, const char *daemon, acl_list *list, void *context,
    struct acl_fault *fault);

/*
 * Parses a list of clients: words separated by blanks and newlines.  Comments, commas and EXCEPT are faults.  Sets
 * *FAULT to the first fault, or to none.
 */
void acl_parse_list(const char *text, size_t length, acl_list *list, void *context, struct acl_fault *fault);

#endif
