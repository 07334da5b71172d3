/*
 * The files hosts.allow, hosts.deny and the lists of clients that their rules name: whether libwrap can read and
 * understand them to the end, whether they changed, and what their rules may do.
 *
 * A process watches one pair of tables, so there is one state.
 */
#ifndef GUESTCLOCK_ACL_FILE_H
#define GUESTCLOCK_ACL_FILE_H

#include <stdbool.h>

#include "lib/acl_parse.h"

/*
 * Checks the tables and lists for changes (stat(2)).  True, after it read all of them, at the first call, if a file
 * changed since the last call, if one changed so recently that its time stamp might not show another change, and while
 * there is a fault.  DAEMON is the name that rules must match.  ALLOW and DENY, the tables' paths, must stay valid.  If
 * STRICT, it is a fault that both are missing.
 */
bool acl_file_look(const char *daemon, char *allow, char *deny, bool strict);

/* Why libwrap must not use the tables, as acl_file_look() found: file, line, fault, expected text.  NULL: it may. */
const char *acl_file_fault(void);

/* Discards the result of the last acl_file_look(): the next call reads all files again and returns true. */
void acl_file_distrust(void);

/*
 * The strongest effect of any rule that may concern DAEMON, as the last acl_file_look() found.  ACL_RUN before the
 * first call; ACL_PLAIN if there is a fault: then every client is denied, and no option is carried out.
 */
enum acl_effect acl_file_effect(void);

#endif
