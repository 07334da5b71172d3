/*
 * Access control by /etc/hosts.allow and /etc/hosts.deny, through libwrap.  Only access.c includes tcpd.h.
 *
 * The rules are those of hosts_access(5) and hosts_options(5).  The caller passes the client's address; libwrap looks
 * up its name only if a rule has a name.  If both tables are missing, every client is allowed, as in libwrap.
 *
 * If libwrap would not read and understand to its end a table, or a list of clients that a table names (see
 * acl_parse.h), every client is denied, and file, line and reason go to syslog, the same text at most once a minute.
 *
 * A netgroup (@name) is one of /etc/netgroup, never of NIS, if the program was built with Debian 12's libwrap.  Debian
 * 13's knows no netgroups: a client for which libwrap comes to such a rule is denied.
 */
#ifndef GUESTCLOCK_ACCESS_H
#define GUESTCLOCK_ACCESS_H

#include <stdbool.h>

#include "lib/peer.h"

/*
 * Sets the daemon's name, which the rules must match; NAME must stay valid.  If STRICT and both tables are missing,
 * every client is denied.  Installs a handler for SIGVTALRM: call this before any filter is entered.
 */
void access_start(const char *name, bool strict);

/*
 * For a process that must not become another program: from now on a rule with twist denies the client.  A log line
 * about tables or lookups is written only if MAY_LOG() returns true; if MAY_LOG is NULL, always.
 */
void access_stay(bool (*may_log)(void));

/*
 * Whether PEER (unmapped) may use the service.  If its family is neither IPv4 nor IPv6, it is UNKNOWN
 * (hosts_access(5)).  FD is the socket of its connection, for the options linger, keepalive and twist, or -1.  This
 * call runs a rule's spawn.  A rule's twist does not return, except after access_stay().
 *
 * Call access_tables_changed() first: its last result decides whether libwrap may use the tables.  May wait for the
 * name servers of /etc/resolv.conf: two seconds for each, or twice that, and some seconds more for a server that
 * accepts a TCP connection and does not reply.  After a lookup of a quarter of a second or more, clients whose name a
 * rule needs are denied at once, for as long as that lookup took.
 */
bool access_allows(const union peer *peer, int fd);

/* The syslog priority for a refusal by the last access_allows(): LOG_WARNING, or a rule's facility and level. */
int access_severity(void);

/* Reads the tables, and the lists that they name, if they may have changed since the last call: see acl_file_look(). */
bool access_tables_changed(void);

/*
 * Whether the caller may cache the last verdict of access_allows().  False if a rule for this daemon, in the tables
 * that access_tables_changed() last read, has an option other than allow and deny, or if the client was denied because
 * no lookup could start after a slow one.
 */
bool access_may_cache(void);

/*
 * Whether a rule for this daemon, in the same tables, may start a program or change this process.  True before the
 * first access_tables_changed().
 */
bool access_may_run(void);

#endif
