/*
 * Names of guests: ssh destinations (user@host, a host, an alias of ssh_config, ssh://…), one a line in a list.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_GUEST_LIST_H
#define GUESTCLOCK_GUEST_LIST_H

#include <stdbool.h>
#include <stddef.h>

#define GUEST_NAME 255

struct guest_list {
	const char **name;
	size_t count, room;
};

/* A guest's name as ssh is to be told it. */
struct destination {
	char host[GUEST_NAME + 1];	/* host or user@host; an IPv6 address without brackets */
	char port[sizeof "65535"];	/* empty: ssh's own choice */
};

/*
 * Takes NAME apart: [user@]host, or ssh://[user@]host[:port].  A host is letters, digits and ._-+=, or an IPv6 address
 * (in brackets after ssh://), which may have a scope (%eth0), or vsock…/…, a path without a part that begins with ".".
 * A user may also be a mail address, and neither may begin with "-".  At most 255 octets in all.  NULL, or what is wrong
 * with NAME, to stand behind its text; TO is filled only with what is right.
 */
const char *guest_list_destination(const char *name, struct destination *to);

/* The same check alone. */
const char *guest_list_fault(const char *name);

/* Adds NAME, which must stay valid, unless it is there already.  False when there is no memory. */
bool guest_list_add(struct guest_list *list, const char *name);

/*
 * Reads a list from TEXT, which is cut into its lines and must stay valid: a destination a line, empty lines, and
 * comments from # at a line's start or after a space.  0, or the number of the first line that is wrong, with the
 * reason in FAULT.
 */
size_t guest_list_read(struct guest_list *list, char *text, const char **fault);

void guest_list_free(struct guest_list *list);

#endif
