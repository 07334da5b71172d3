/*
 * The process that looks up the client's name, when a rule in hosts.allow or hosts.deny needs it: a child without
 * privileges (child.h), because the answers of name servers are parsed there.  The process that may set the clock reads
 * the tables and compares the name with them.
 */
#ifndef GUESTCLOCK_LOOKUP_PROCESS_H
#define GUESTCLOCK_LOOKUP_PROCESS_H

#include <stdbool.h>

#include "lib/access.h"

/*
 * For access_look_up_by().  Waits for the name for a minute at most, and as long as the SSH client is there.  If the
 * process dies, is too late, or sends anything but a printable name and warning, logs that and returns false.
 */
bool lookup_process(struct access_name *found);

#endif
