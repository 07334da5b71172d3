/*
 * Access control by /etc/hosts.allow and /etc/hosts.deny.  The only file that knows tcpd.h.
 *
 * Rules are hosts_access(5)'s and hosts_options(5)'s, asked for with the address that the caller gives; names are
 * looked up only when a rule has a name.  Both tables missing: everybody is allowed, as libwrap does.
 * A table, or a list of clients that it names, which libwrap would not read and understand to its end (see acl_parse.h):
 * everybody is denied, and syslog has file, line and reason, at most once a minute.
 * NIS netgroups match nobody: the library is linked statically, without NIS.
 */
#ifndef GUESTCLOCK_ACCESS_H
#define GUESTCLOCK_ACCESS_H

#include <stdbool.h>

#include "lib/peer.h"

/*
 * Names the daemon that rules are looked up for.  NAME must stay valid.  With STRICT, both tables missing means that
 * everybody is denied.  Before any filter, for it takes SIGVTALRM.
 */
void access_start(const char *name, bool strict);

/*
 * For a process that must not be replaced: a rule's twist denies from now on.  What the tables and lookups give reason
 * to log is logged when MAY_LOG says so; NULL: always.
 */
void access_stay(bool (*may_log)(void));

/*
 * Whether PEER (unmapped; of another family than IPv4 and IPv6: hosts_access(5)'s UNKNOWN) may use the service.  FD is
 * its connection's socket, which some options want (linger, keepalive, twist), or -1.  A rule's spawn runs here; its
 * twist does not return, but for access_stay().
 *
 * Whether the tables are in order is what the last access_tables_changed() found: call it first.  May wait for name
 * servers: two seconds for each in /etc/resolv.conf, or twice that, and some seconds more for one that is connected and
 * silent.  After more than a quarter of a second, clients that a rule wants to know the name of are denied at once, for as
 * long as that lookup took.
 */
bool access_allows(const union peer *peer, int fd);

/* The syslog priority (facility and level) for a refusal of the last one asked for: LOG_WARNING or a rule's. */
int access_severity(void);

/*
 * Looks at the tables and the lists that they name (stat).  True at the first call, when one has changed since the last
 * call, when one changed so recently that another change might not show, and as long as they are not in order.
 */
bool access_tables_changed(void);

/*
 * Whether the last verdict may be kept: false when a rule for this daemon, in the tables that access_tables_changed()
 * last saw, has an option that acts (spawn, twist, setenv, severity, …), and when it was given for want of a lookup.
 */
bool access_may_cache(void);

/* Likewise, whether a rule for this daemon may start a program or change this process; true before the first look. */
bool access_may_run(void);

#endif
