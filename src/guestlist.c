/* Names of guests: see guestlist.h. */
#include "guestlist.h"

#include <stdlib.h>
#include <string.h>

const char *
guestlist_fault(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@:%/+=,~[]-";
	size_t length = strlen(name);

	if (length == 0)
		return "empty";
	if (length > GUEST_NAME)
		return "longer than 255 octets";
	if (name[0] == '-')
		return "starts with \"-\", as options do";
	/* ssh_config may hand a name to a shell (ProxyCommand with %h), and lists may come from those who name guests. */
	return name[strspn(name, allowed)] == '\0' ? NULL : "has an octet other than letters, digits and ._@:%/+=,~[]-";
}

/* Lists may be long and have no order: a hash would be more code than the time it saves on 1,000 names. */
static bool
holds(const struct guestlist *list, const char *name)
{
	for (size_t at = 0; at < list->count; at++)
		if (strcmp(list->name[at], name) == 0)
			return true;
	return false;
}

bool
guestlist_add(struct guestlist *list, const char *name)
{
	if (holds(list, name))
		return true;
	if (list->count == list->room) {
		size_t room = list->room > 0 ? 2 * list->room : 16;
		const char **more = reallocarray(list->name, room, sizeof *more);

		if (more == NULL)
			return false;
		list->name = more;
		list->room = room;
	}
	list->name[list->count++] = name;
	return true;
}

size_t
guestlist_read(struct guestlist *list, char *text, const char **fault)
{
	size_t number = 0;

	for (char *line = text; line != NULL;) {
		char *end = strchr(line, '\n');
		char *name = line + strspn(line, " \t\r");
		char *stop;

		number++;
		if (end != NULL)
			*end++ = '\0';
		stop = name + strcspn(name, " \t\r");
		if (*name != '#' && *name != '\0') {
			const char *rest = stop + strspn(stop, " \t\r");

			*fault = *rest != '\0' && *rest != '#' ? "has more than one word" : NULL;
			*stop = '\0';
			if (*fault == NULL)
				*fault = guestlist_fault(name);
			if (*fault == NULL && !guestlist_add(list, name))
				*fault = "does not fit into memory";
			if (*fault != NULL)
				return number;
		}
		line = end;
	}
	return 0;
}

void
guestlist_free(struct guestlist *list)
{
	free(list->name);
	*list = (struct guestlist){ .name = NULL };
}
