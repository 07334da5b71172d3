/*
 * hosts.allow and hosts.deny as files: whether they can be read, have changed, and what their rules may do.
 *
 * One pair of tables is watched by a process, so there is one state.
 */
#ifndef GUESTCLOCK_TABLEWATCH_H
#define GUESTCLOCK_TABLEWATCH_H

#include <stdbool.h>

#include "tables.h"

/*
 * Looks at both tables (stat), and reads them where they have changed.  True at the first look, when either has changed
 * since the last one, and when either changed so recently that another change might not show.
 */
bool tablewatch_look(const char *daemon, const char *allow, const char *deny);

/*
 * Why the last look found that a table (0: ALLOW, 1: DENY) cannot be read, an errno value (a directory: EISDIR); ENOENT: it
 * is not there; 0: it can be.
 */
int tablewatch_fault(int table);

/* What was found is not to be relied on: at the next look both count as changed. */
void tablewatch_distrust(void);

/* The most that a rule for DAEMON does in what the last look found: TABLES_RUN before the first. */
enum tables_effect tablewatch_effect(void);

#endif
