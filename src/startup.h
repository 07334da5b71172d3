/*
 * What every program makes sure of before anything else.
 */
#ifndef GUESTCLOCK_STARTUP_H
#define GUESTCLOCK_STARTUP_H

#include <stdbool.h>

/*
 * Opens /dev/null on each of the descriptors 0, 1 and 2 that is closed, so that nothing opened later is taken for
 * standard input or output.  False when that fails.
 */
bool startup_descriptors(void);

/* The last part of PATH (argv[0]), or FALLBACK where there is none. */
const char *startup_name(const char *path, const char *fallback);

bool startup_is_socket(int fd);

#endif
