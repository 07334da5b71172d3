/* Names of guests: see guest_list.h. */
#include "host/guest_list.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

#define ALPHANUMERIC "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
/*
 * Octets that are special neither to a shell nor to ssh's %-expansion, and that do not separate the components of a
 * path: ssh_config may use a guest's name in shell commands, in %-expansions and in paths.
 */
#define PLAIN ALPHANUMERIC "._-+=,"

static const char scheme[] = "ssh://";
static const char no_memory[] = "does not fit into memory";

/* The byte-order mark (U+FEFF) in UTF-8, which some editors write. */
static const char mark[] = "\xef\xbb\xbf";

/*
 * Returns the end of the IPv6 address at the start of TEXT, after its scope if it has one; NULL if there is none.  This
 * only tells an address from a host with a port: ssh checks the address.
 */
static const char *
ipv6_end(const char *text)
{
	const char *end = text + strspn(text, "0123456789abcdefABCDEF:.");
	const char *colon = memchr(text, ':', (size_t)(end - text));
	size_t scope;

	/* An IPv6 address has at least two colons: a single one separates a host and a port. */
	if (colon == NULL || *text == '.' || memchr(colon + 1, ':', (size_t)(end - colon - 1)) == NULL)
		return NULL;
	if (*end != '%')
		return end;
	scope = strspn(end + 1, ALPHANUMERIC "._-");
	return scope > 0 ? end + 1 + scope : NULL;
}

/*
 * Names such as vsock/3 and vsock-mux/run/socket/3 are for a ProxyCommand in ssh_config, which may use the part after
 * the first slash as a path: so no component may begin with a dot.
 */
static bool
is_vsock(const char *host)
{
	const char *slash = strchr(host, '/');

	if (strncmp(host, "vsock", 5) != 0 || slash == NULL || host[strspn(host, PLAIN "/")] != '\0')
		return false;
	for (; slash != NULL; slash = strchr(slash + 1, '/'))
		if (slash[1] == '.' || slash[1] == '\0')
			return false;
	return true;
}

static const char *
host_fault(const char *host)
{
	const char *end = ipv6_end(host);

	if (*host == '\0')
		return "names no host";
	if (*host == '-')
		return "has a host that starts with \"-\"";
	if ((end != NULL && *end == '\0') || is_vsock(host))
		return NULL;
	if (strchr(host, '/') != NULL)
		return "has \"/\", which only ssh://HOST and vsock/CID have";
	if (strchr(host, '%') != NULL)
		return "has \"%\" elsewhere than before the interface of an IPv6 address";
	if (strchr(host, ':') != NULL)
		return "has \":\" in its host: a port is written ssh://HOST:PORT";
	if (host[strcspn(host, "[]")] != '\0')
		return "has brackets elsewhere than in ssh://[ADDRESS]";
	return *host == '.' ? "has a host that starts with \".\"" : NULL;
}

const char *
guest_list_destination(const char *name, struct destination *to)
{
	bool uri = strncmp(name, scheme, sizeof scheme - 1) == 0;
	struct destination made = { .port = "" };
	char *host, *port = NULL;
	int64_t number;

	if (*name == '\0')
		return "is empty";
	if (strlen(name) > GUEST_NAME)
		return "is longer than 255 octets";
	if (*name == '-')
		return "starts with \"-\", as options do";
	if (name[strspn(name, PLAIN "@:%/[]")] != '\0')
		return "has an octet other than letters, digits and ._@:%/+=,[]-";
	strcpy(made.host, name + (uri ? sizeof scheme - 1 : 0));
	/* Split at the last "@", as ssh does. */
	host = strrchr(made.host, '@');
	host = host == NULL ? made.host : host + 1;
	if (host != made.host) {
		/* A "." could lead out of a directory where ssh_config has %r in a path. */
		if (strchr("@-.", *made.host) != NULL)
			return "has a user that is empty or starts with \"-\" or \".\"";
		if (made.host + strspn(made.host, PLAIN "@") < host)
			return "has a user with an octet other than letters, digits and ._@+=,-";
	}
	if (uri) {
		char *end = *host == '[' ? strchr(host, ']') : NULL;

		if (end != NULL && ipv6_end(host + 1) == end) {
			/* Remove the brackets: some releases of ssh do not accept them. */
			port = end[1] == ':' ? end + 2 : NULL;
			if (port == NULL && end[1] != '\0')
				return "has something other than :PORT after ssh://[ADDRESS]";
			*end = '\0';
			memmove(host, host + 1, (size_t)(end - host));
		} else if ((end = strchr(host, ':')) != NULL && end == strrchr(host, ':')) {
			*end = '\0';
			port = end + 1;
		} else if (end != NULL)
			return "has an IPv6 address that is not in brackets, unlike ssh://[ADDRESS]:PORT";
		if (port != NULL && (*port == '0' || !parse_whole(port, 1, 65535, &number)))
			return "has a port other than 1 to 65535";
		if (port != NULL)
			strcpy(made.port, port);
	}
	if (host_fault(host) != NULL)
		return host_fault(host);
	*to = made;
	return NULL;
}

const char *
guest_list_fault(const char *name)
{
	struct destination unused;

	return guest_list_destination(name, &unused);
}

/* Returns the slot of NAME, or the free slot where it belongs.  At least half of the slots are free. */
static size_t *
find_slot(const struct guest_list *list, const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037);	/* FNV-1a */
	size_t at;

	for (const char *octet = name; *octet != '\0'; octet++)
		hash = (hash ^ (unsigned char)*octet) * UINT64_C(1099511628211);
	at = (size_t)hash % (2 * list->room);
	while (list->slot[at] != 0 && strcmp(list->name[list->slot[at] - 1], name) != 0)
		at = (at + 1) % (2 * list->room);
	return &list->slot[at];
}

/* Doubles the room.  Returns false if memory runs out; the list is then as before. */
static bool
grow(struct guest_list *list)
{
	size_t room = list->room > 0 ? 2 * list->room : 16;
	const char **name = reallocarray(list->name, room, sizeof *name);
	size_t *slot = name != NULL ? reallocarray(NULL, 2 * room, sizeof *slot) : NULL;

	if (name != NULL)
		list->name = name;
	if (slot == NULL)
		return false;
	free(list->slot);
	memset(slot, 0, 2 * room * sizeof *slot);
	list->slot = slot;
	list->room = room;
	for (size_t at = 0; at < list->count; at++)
		*find_slot(list, list->name[at]) = at + 1;
	return true;
}

const char *
guest_list_add(struct guest_list *list, const char *name)
{
	const char *fault = guest_list_fault(name);
	size_t *slot;

	if (fault != NULL)
		return fault;
	if (list->count == list->room && !grow(list))
		return no_memory;
	slot = find_slot(list, name);
	if (*slot == 0) {
		list->name[list->count++] = name;
		*slot = list->count;
	}
	return NULL;
}

const char *
guest_list_encoding_fault(const char *text, size_t size)
{
	/* Without a mark: the first character of a list is ASCII, so one of its two octets is NUL. */
	if (size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0 || text[1] == '\0'))
		return "is in UTF-16: expected ASCII or UTF-8, as \"iconv -f UTF-16 -t UTF-8\" makes";
	if (size >= 1 && text[0] == '\0')
		return "has a NUL octet at its start, as UTF-16 and UTF-32 have: expected ASCII or UTF-8, as iconv makes";
	return memchr(text, '\0', size) != NULL ? "has a NUL octet" : NULL;
}

static bool
add_wrong(struct guest_list *list, size_t number, const char *text, const char *fault)
{
	/* The room is a power of two, or none: it is full when the number of entries is one too. */
	if ((list->wrongs & (list->wrongs - 1)) == 0) {
		struct wrong_line *more = reallocarray(list->wrong, list->wrongs > 0 ? 2 * list->wrongs : 1, sizeof *more);

		if (more == NULL)
			return false;
		list->wrong = more;
	}
	list->wrong[list->wrongs++] = (struct wrong_line){ number, text, fault };
	return true;
}

/* Reads one line, without its LF. */
static bool
read_line(struct guest_list *list, size_t number, char *line)
{
	static const char blanks[] = " \t\r";
	char *text = line + strspn(line, blanks), *stop = text + strcspn(text, blanks), *rest = stop + strspn(stop, blanks);
	size_t length = strlen(text);
	const char *fault;

	if (*text == '\0' || *text == '#')
		return true;
	if (*rest != '\0' && *rest != '#') {
		while (strchr(blanks, text[length - 1]) != NULL)
			length--;
		text[length] = '\0';
		return add_wrong(list, number, text, "has more than one word");
	}
	*stop = '\0';
	fault = guest_list_add(list, text);
	return fault == NULL || (fault != no_memory && add_wrong(list, number, text, fault));
}

bool
guest_list_read(struct guest_list *list, char *text)
{
	size_t number = 0;
	bool good = true;

	if (strncmp(text, mark, sizeof mark - 1) == 0)
		text += sizeof mark - 1;
	for (char *line = text; line != NULL && good;) {
		char *end = strchr(line, '\n');

		if (end != NULL)
			*end++ = '\0';
		good = read_line(list, ++number, line);
		line = end;
	}
	return good;
}

void
guest_list_free(struct guest_list *list)
{
	free(list->name);
	free(list->slot);
	free(list->wrong);
	free(list->text);
	*list = (struct guest_list){ .name = NULL };
}
