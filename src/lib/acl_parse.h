/*
 * Parses hosts.allow, hosts.deny and the lists of clients that their rules name, as libwrap 7.6.q (Debian 12 and 13)
 * does.  Finds the strongest effect of a rule, besides allowing and denying clients; the first fault, a text that
 * libwrap would skip, cut off, ignore or misunderstand, or take too long to match; and notes.
 *
 * A fault has no use for any daemon.  A note is about a pattern that libwrap understands, and that never matches a
 * client of this daemon, although it may have a use for others (user@host, daemon@address, a port), or that matches
 * more clients than it seems to, or about a netgroup.
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

/* The size of the buffer in libwrap's table_match(): a joined line, its newline and a NUL. */
#define ACL_LINE_ROOM 2048

enum acl_effect {
	ACL_PLAIN,		/* no option except allow and deny: verdicts may be cached */
	ACL_ACT,		/* severity, linger or keepalive: no cached verdicts, but no program is started */
	/* spawn, twist and every other option that changes this process or starts a program: in.timed runs without its
	   filter, so that libwrap can carry the option out, and caches no verdicts */
	ACL_RUN
};

struct acl_fault {
	const char *what;	/* the fault, and the expected text; NULL: no fault */
	unsigned long line;	/* in the file, from 1: of the fault, or of the first line of a rule at fault */
};

#define ACL_WORD_SHOWN 64

struct acl_note {
	unsigned long line;	/* of the rule, or of the list's word, from 1 */
	const char *word;	/* the pattern, printable and perhaps cut to fit ACL_WORD_SHOWN */
	const char *what;	/* the note, and the expected text */
};

enum acl_verdict {		/* on a client that a rule matches, by the rule's options; of two, the later one here holds */
	ACL_BY_TABLE,		/* no such option: hosts.allow allows, hosts.deny denies */
	ACL_ALLOWS,
	ACL_DENIES,
	ACL_TWISTS,		/* a program answers in place of the daemon; after access_stay() the client is denied */
	ACL_ASKS		/* aclexec: a program decides */
};

struct acl_rule {
	unsigned long line;	/* its first line in the file, from 1 */
	const char *text;	/* the whole rule, with its continuation lines, without the newline */
	size_t lists;		/* the octets of the text before its options and their colon */
	enum acl_verdict verdict;
};

/* Callbacks: acl_parse() and acl_parse_list() call them with CONTEXT.  Texts are valid only during the call. */
struct acl_visitor {
	const char *daemon;	/* the name that rules must match; unused for a list */
	/*
	 * For each list of clients that a checked rule or a list names.  If it returns false, the parser reports a fault in
	 * the line that names the list, and stops.
	 */
	bool (*list)(const char *path, void *context);
	/* For each note.  May be NULL. */
	void (*note)(const struct acl_note *note, void *context);
	/* For each rule that may concern the daemon, after its notes, if it has no fault.  May be NULL. */
	void (*rule)(const struct acl_rule *rule, void *context);
	void *context;
};

/*
 * Parses a table, TEXT of LENGTH octets.  Returns the strongest effect of the rules that may concern VISITOR's daemon.
 * Sets *FAULT to the first fault, or to none.  If there is a fault, libwrap must not use the table, and the effect is
 * ACL_PLAIN.
 */
enum acl_effect acl_parse(const char *text, size_t length, const struct acl_visitor *visitor, struct acl_fault *fault);

/*
 * Parses a list of clients: words separated by blanks and newlines.  Comments, commas and EXCEPT are faults.  Sets
 * *FAULT to the first fault, or to none.
 */
void acl_parse_list(const char *text, size_t length, const struct acl_visitor *visitor, struct acl_fault *fault);

#endif
