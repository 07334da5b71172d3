/*
 * hosts.allow, hosts.deny and the lists of clients that their rules name, as files: whether libwrap can read and
 * understand them to the end, whether they have changed, and what their rules may do.
 *
 * One pair of tables is watched by a process, so there is one state.
 */
#ifndef GUESTCLOCK_ACL_FILE_H
#define GUESTCLOCK_ACL_FILE_H

#include <stdbool.h>

#include "lib/acl_parse.h"

/*
 * Looks at the tables and lists (stat), and reads all of them where one has changed.  True at the first look, when one has
 * changed since the last look, when one changed so recently that another change might not show, and as long as there is
 * a fault.  ALLOW and DENY must stay valid.
 */
bool acl_file_look(const char *daemon, char *allow, char *deny);

/* Why the last look found that libwrap must not be asked: file, line, what is wrong and what was expected.  NULL: it may be. */
const char *acl_file_fault(void);

/* Whether the last look found neither table. */
bool acl_file_missing(void);

/* What was found cannot be relied on: at the next look all counts as changed. */
void acl_file_distrust(void);

/* The most that a rule for DAEMON does in what the last look found: ACL_RUN before the first. */
enum acl_effect acl_file_effect(void);

#endif
