/* guest_list: a list of guests. */
#include "fuzz.h"

#include "host/guest_list.h"

/* Checks the destination that ssh gets for NAME. */
static void
check_destination(const char *name)
{
	struct destination to;
	const char *host, *percent;

	REQUIRE(guest_list_destination(name, &to) == NULL);
	host = strrchr(to.host, '@') != NULL ? strrchr(to.host, '@') + 1 : to.host;
	percent = strchr(to.host, '%');
	REQUIRE(to.host[0] != '-' && to.host[0] != '@' && to.host[0] != '.' && host[0] != '\0' && host[0] != '-' && host[0] != '.' && host[0] != '/');
	REQUIRE(strpbrk(to.host, "[]") == NULL && strstr(to.host, "/.") == NULL && strspn(to.port, "0123456789") == strlen(to.port));
	REQUIRE(strchr(to.host, '/') == NULL || strncmp(host, "vsock", 5) == 0);
	/*
	 * A host contains % only as an IPv6 scope: at most once, and after a colon.  ssh expands %h, but not the host
	 * itself.
	 */
	REQUIRE(percent == NULL || (percent > host && memchr(host, ':', (size_t)(percent - host)) != NULL && strchr(percent + 1, '%') == NULL));
}

static void
check_name(const char *name)
{
	REQUIRE(guest_list_fault(name) == NULL);
	REQUIRE(name[0] != '\0' && name[0] != '-' && strlen(name) <= GUEST_NAME);
	/* No character that has a meaning to a shell, to ssh's own syntax or to a terminal. */
	REQUIRE(fuzz_printable(name) && strpbrk(name, " \"'\\`$&|;<>()*?!#{}^~") == NULL);
	check_destination(name);
}

/* The list, written in its simplest form, reads as the same list. */
static void
reads_again(const struct guest_list *list)
{
	struct guest_list back = { .name = NULL };
	size_t room = 1, used = 0;
	char *text;

	for (size_t at = 0; at < list->count; at++)
		room += strlen(list->name[at]) + 1;
	text = malloc(room);
	REQUIRE(text != NULL);
	text[0] = '\0';
	for (size_t at = 0; at < list->count; at++)
		used += (size_t)snprintf(text + used, room - used, "%s\n", list->name[at]);
	REQUIRE(guest_list_read(&back, text) && back.count == list->count && back.wrongs == 0);
	for (size_t at = 0; at < list->count; at++)
		REQUIRE(strcmp(back.name[at], list->name[at]) == 0);
	guest_list_free(&back);
	REQUIRE(back.count == 0 && back.name == NULL);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct guest_list list = { .name = NULL };
	size_t lines = 1;

	for (const char *at = text; *at != '\0'; at++)
		lines += *at == '\n';
	REQUIRE(guest_list_encoding_fault(text, strlen(text)) == NULL || memcmp(text, "\xff\xfe", 2) == 0 ||
	    memcmp(text, "\xfe\xff", 2) == 0);
	REQUIRE(guest_list_read(&list, text));
	REQUIRE(list.count + list.wrongs <= lines);
	for (size_t at = 0; at < list.wrongs; at++) {
		const struct wrong_line *line = &list.wrong[at];

		REQUIRE(line->number > (at == 0 ? 0 : line[-1].number) && line->number <= lines);
		REQUIRE(fuzz_is_line(line->fault, 100));
		REQUIRE(line->text[0] != '\0' && strchr(line->text, '\n') == NULL);
	}
	for (size_t at = 0; at < list.count; at++) {
		check_name(list.name[at]);
		for (size_t other = 0; other < at; other++)
			REQUIRE(strcmp(list.name[at], list.name[other]) != 0);
	}
	reads_again(&list);
	guest_list_free(&list);
	free(text);
	return 0;
}
