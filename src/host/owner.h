/*
 * Giving up root's rights: if root starts guestclock, it becomes the user who owns the state directory.
 */
#ifndef GUESTCLOCK_OWNER_H
#define GUESTCLOCK_OWNER_H

#include "host/options.h"

/*
 * If this process runs as root, changes to the user who owns the state directory STATE: the files that this process
 * writes must belong to that user, and nothing that it runs or reads from now on requires root.  That user can inspect
 * the programs that this process starts: so it leaves root's working directory, session keyring and environment, and
 * makes the paths in OPTIONS absolute.  Does nothing if STATE does not exist or belongs to root.  Returns 0 or an errno
 * value.
 */
int owner_become(const char *state, struct driver_options *options);

/*
 * Removes from the environment what Debian's /etc/ssh/ssh_config tells ssh to send to the guest: no option of ssh's
 * switches a SendEnv off.  guestclock does not use these variables.
 */
void owner_keep_from_guests(void);

#endif
