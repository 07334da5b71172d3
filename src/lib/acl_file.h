/*
 * The tables hosts.allow and hosts.deny, and the lists of clients that their rules name: whether libwrap can read and
 * understand them to the end, whether they changed, and what their rules may do.
 *
 * A process watches one pair of tables, so there is one state.
 */
#ifndef GUESTCLOCK_ACL_FILE_H
#define GUESTCLOCK_ACL_FILE_H

#include <stdbool.h>

#include "lib/acl_parse.h"

/*
 * Checks the tables and lists for changes (stat(2)).  Reads all of them, and returns true, in each of these cases: at
 * the first call and after acl_file_distrust(); if a file changed since the last call, or so recently that its time
 * stamp might not show another change; if the last call found a fault.  Otherwise returns false.
 *
 * DAEMON is the daemon's name in the rules.  ALLOW and DENY, the tables' paths, must stay valid.  If STRICT, it is a
 * fault that both tables are missing.
 */
bool acl_file_look(const char *daemon, char *allow, char *deny, bool strict);

/*
 * Callbacks for acl_file_look(), when it reads the files.  NOTE gets each note (acl_parse.h) in a table or list at PATH
 * that changed in the last ten minutes; with a RULE, in every file.  RULE gets each rule that may concern the daemon,
 * in the table at PATH (DENY: hosts.deny), after its notes.  Both may be NULL, as before the first call.
 */
typedef void acl_file_note(const char *path, const struct acl_note *note);
typedef void acl_file_rule(const char *path, bool deny, const struct acl_rule *rule);
void acl_file_report(acl_file_note *note, acl_file_rule *rule);

/*
 * The fault for which libwrap must not use the tables, as the last acl_file_look() found it; NULL if there is none.
 * The text names the file and, if a line is at fault, the line and what was expected.
 */
const char *acl_file_fault(void);

/* Discards the result of the last acl_file_look(): the next call reads all files again and returns true. */
void acl_file_distrust(void);

/*
 * The strongest effect of any rule that may concern DAEMON, as the last acl_file_look() found.  ACL_RUN before the
 * first call; ACL_PLAIN if there is a fault: then every client is denied, and no option is carried out.
 */
enum acl_effect acl_file_effect(void);

#endif
