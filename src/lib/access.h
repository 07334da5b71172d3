/*
 * Access control by the tables /etc/hosts.allow and /etc/hosts.deny, through libwrap.  Only access.c includes tcpd.h.
 *
 * The rules are those of hosts_access(5) and hosts_options(5).  The caller passes the client's address; libwrap looks
 * up the client's name only when it comes to a rule that needs the name, such as a rule with a name, KNOWN or a
 * netgroup.  If both tables are missing, every client is allowed, unless access_start() got STRICT.
 *
 * A table, or a list of clients that a table names, is faulty if libwrap would not read it to its end, or would
 * misunderstand it (see acl_parse.h).  Then every client is denied, and the place and the fault go to syslog.  A
 * process logs the same fault at most once a minute, and a note on a pattern (acl_parse.h) once, in the ten minutes
 * after a change of the file.
 *
 * If the program was built with Debian 12's libwrap, it finds netgroups (@name) in /etc/netgroup, never in NIS.  Debian
 * 13's libwrap has no netgroups: a client is denied when libwrap comes to a rule with one.
 */
#ifndef GUESTCLOCK_ACCESS_H
#define GUESTCLOCK_ACCESS_H

#include <stdbool.h>

#include "lib/acl_file.h"
#include "lib/peer.h"

/*
 * Sets the daemon's name: only rules whose list of daemons matches it apply.  The string NAME must stay valid.  If
 * STRICT is true and both tables are missing, every client is denied.  Installs a handler for SIGVTALRM, which a filter
 * would forbid: call this before filter_enter().
 */
void access_start(const char *name, bool strict);

/*
 * Call this in a process that must not become another program: from now on a rule with twist denies the client.
 * Lines about tables and lookups are logged only if MAY_LOG() returns true; if MAY_LOG is NULL, always.
 */
void access_stay(bool (*may_log)(void));

/* What a lookup of the client's name finds.  Of fixed size, because it may go through a pipe. */
struct access_name {
	char name[128];		/* or libwrap's word: unknown (no name found), paranoid (the name has not this address) */
	char warning[256];	/* libwrap's, about the name, for the log; or empty */
};

/*
 * Makes access_allows() and access_match() call LOOK_UP, instead of access_look_up(), when a rule needs the client's
 * name.  LOOK_UP returns false if it does not have the lookup's result: the client is then denied.
 */
void access_look_up_by(bool (*look_up)(struct access_name *found));

/*
 * Looks up the name of the client that access_allows() was called for, and stores it in FOUND.  Always returns true.
 * Parses the answers of name servers: guestclock-set's LOOK_UP calls it in another process.
 */
bool access_look_up(struct access_name *found);

/*
 * Whether the client PEER may use the service; call peer_unmap() on PEER first.  If PEER's family is neither IPv4 nor
 * IPv6, rules see the name and the address "unknown".  FD is the socket of PEER's connection, for the options linger,
 * keepalive and twist; -1 if there is none.  If the matching rule has the option spawn, this call runs its command.  If
 * the rule has twist, this call does not return, except after access_stay().
 *
 * Call access_tables_changed() before this: if it found a fault in the tables, every client is denied.  A lookup of the
 * client's name may wait for the name servers of /etc/resolv.conf, two seconds for each, first for the name of the
 * address and then for the addresses of that name.  It may wait some seconds more for a server that accepts a TCP
 * connection and does not reply.  Lookups take at most half of the time, and a second in advance: then clients whose
 * name a rule needs are denied at once.
 */
bool access_allows(const union peer *peer, int fd);

/* The syslog priority for a refusal by the last access_allows(): LOG_WARNING, or that of the rule's severity option. */
int access_severity(void);

/*
 * Reads the tables, and the lists that they name, if they may have changed since the last call (see acl_file_look()).
 * Returns whether it read them.
 */
bool access_tables_changed(void);

/*
 * Reads the tables anew for an administrator, with the callbacks of acl_file_report(), and returns acl_file_fault().
 * Do not serve clients afterwards.
 */
const char *access_tables_fault(acl_file_note *note, acl_file_rule *rule);

enum access_match { ACCESS_PASSES, ACCESS_MATCHES, ACCESS_UNDECIDED };

/*
 * Whether libwrap finds PEER (unmapped) in RULE: the lists of a rule without its options, with a newline at the end, in
 * which acl_parse.h found no fault.  Call it for one peer in a process, whose name is looked up once.
 * ACCESS_UNDECIDED: libwrap could not read or understand the rule, or there is no result of the name's lookup
 * ("unknown" is one); then access_allows() denies the client.
 */
enum access_match access_match(const union peer *peer, const char *rule);

/*
 * Whether the caller may cache the last verdict of access_allows().  False if a rule that may concern this daemon has
 * an option other than allow and deny (in the tables that access_tables_changed() last read).  Also false if the client
 * was denied because it came too soon after a slow lookup for its name to be looked up, or LOOK_UP returned false.
 */
bool access_may_cache(void);

/*
 * Whether a rule that may concern this daemon, in the same tables, has an option that starts a program or changes this
 * process.  A filter would forbid that.  True before the first access_tables_changed().
 */
bool access_may_run(void);

#endif
