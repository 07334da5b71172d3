/*
 * Names of guests: ssh destinations (user@host, a host, an alias of ssh_config, ssh://…), and lists of such names.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_GUEST_LIST_H
#define GUESTCLOCK_GUEST_LIST_H

#include <stdbool.h>
#include <stddef.h>

#define GUEST_NAME 255

/* A line of a list that is not one destination. */
struct wrong_line {
	size_t number;		/* from 1 */
	const char *text;	/* without blanks at its ends; any octets */
	const char *fault;	/* a predicate, as guest_list_destination() returns one */
};

struct guest_list {
	const char **name;
	size_t count, room;
	size_t *slot;		/* a hash table of the names, with 2 * room entries: 0 is free, N is name[N - 1] */
	struct wrong_line *wrong;
	size_t wrongs;		/* the number of entries in wrong */
	char *text;		/* the caller's: into what the names point, which is freed with the list; or NULL */
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
 *	vsock…/…: a path of these characters and "/"; it does not end in "/", and no component begins with "."
 * A user consists of letters, digits and ._-+=,@ ("@" as in a mail address).  Neither the user nor the host may be
 * empty, or begin with "-" or ".".  Returns NULL and fills TO; or returns the fault and leaves TO unchanged.  The fault
 * is a predicate ("has …") for a message that begins with the name.
 */
const char *guest_list_destination(const char *name, struct destination *to);

/* Checks NAME as guest_list_destination() does.  Returns NULL or the fault. */
const char *guest_list_fault(const char *name);

/*
 * Adds NAME unless the list already contains it.  The list keeps the pointer: NAME must stay valid.  Returns NULL, or a
 * predicate as guest_list_destination() does: the name's fault, or that memory has run out.
 */
const char *guest_list_add(struct guest_list *list, const char *name);

/*
 * Checks the encoding of a list, of which TEXT has the first SIZE octets, up to and with its first NUL octet if it has
 * one.  Returns NULL if it has neither a NUL nor the byte-order mark of UTF-16, or the fault as
 * guest_list_destination() does.
 */
const char *guest_list_encoding_fault(const char *text, size_t size);

/*
 * Adds the guests in TEXT to the list.  TEXT may begin with the byte-order mark of UTF-8.  A line of TEXT has at most one
 * name; a comment begins with # at the start of a line or after white space.  The function adds every other line to
 * list->wrong.  It writes NULs into TEXT, and the list keeps pointers into TEXT: TEXT must stay valid.  Returns false if
 * memory runs out.
 */
bool guest_list_read(struct guest_list *list, char *text);

void guest_list_free(struct guest_list *list);

#endif
