/*
 * Names of guests: ssh destinations (user@host, a host, an alias of ssh_config, ssh://…), one a line in a list.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_GUESTLIST_H
#define GUESTCLOCK_GUESTLIST_H

#include <stdbool.h>
#include <stddef.h>

#define GUEST_NAME 255

struct guestlist {
	const char **name;
	size_t count, room;
};

/*
 * NULL when NAME can be handed to ssh, else what is wrong with it: no leading "-", and only
 * letters, digits and ._@:%/+=,~[]-
 */
const char *guestlist_fault(const char *name);

/* Adds NAME, which must stay valid, unless it is there already.  False when there is no memory. */
bool guestlist_add(struct guestlist *list, const char *name);

/*
 * Reads a list from TEXT, which is cut into its lines and must stay valid: a destination a line, empty lines, and
 * comments from # at a line's start or after a space.  0, or the number of the first line that is wrong, with the
 * reason in FAULT.
 */
size_t guestlist_read(struct guestlist *list, char *text, const char **fault);

void guestlist_free(struct guestlist *list);

#endif
