/*
 * Names of guests: ssh destinations (user@host, a host, an alias of ssh_config, ssh://…).  A list has one per line.
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

/* A guest's name, as arguments for ssh. */
struct destination {
	char host[GUEST_NAME + 1];	/* host or user@host; an IPv6 address without brackets */
	char port[sizeof "65535"];	/* empty: let ssh choose */
};

/*
 * Parses NAME: [user@]host, or ssh://[user@]host[:port], at most 255 octets.  A host is one of:
 *	letters, digits and ._-+=, (does not begin with ".")
 *	an IPv6 address, in brackets after ssh://, which may have a scope (%eth0)
 *	vsock…/…: a path that does not end in "/" and of which no component begins with "."
 * A user may contain "@", as a mail address does.  Neither user nor host may begin with "-".  Returns NULL and fills
 * TO, or returns the fault as a predicate ("has …") for a message that begins with the name, and leaves TO unchanged.
 */
const char *guest_list_destination(const char *name, struct destination *to);

/* The same check without a result: returns NULL or the fault. */
const char *guest_list_fault(const char *name);

/*
 * Adds NAME, which must stay valid, unless the list contains it.  Returns NULL, or the fault (of the name, or too
 * little memory) as guest_list_destination() does.
 */
const char *guest_list_add(struct guest_list *list, const char *name);

/*
 * Adds the guests of TEXT to the list.  TEXT has one destination per line, empty lines, and comments that begin with #
 * at the start of a line or after white space.  This writes NULs into TEXT, which must stay valid.  Returns 0, or the
 * number of the first wrong line, with the reason in FAULT.
 */
size_t guest_list_read(struct guest_list *list, char *text, const char **fault);

void guest_list_free(struct guest_list *list);

#endif
