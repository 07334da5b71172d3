/* Options that act in hosts.allow and hosts.deny: see tables.h. */
#include "tables.h"

#include <string.h>
#include <strings.h>

#define LINE_ROOM 2048		/* libwrap's own lines are at most 2 KiB (BUFSIZ with xgets) */

/* Characters that make a daemon pattern more than a plain name: wildcards, a host address, a netgroup, a file. */
static const char pattern_characters[] = "*?@/";

static bool
word_is(const char *word, size_t length, const char *name)
{
	return strncasecmp(word, name, length) == 0 && name[length] == '\0';
}

static bool
may_name_daemon(const char *list, const char *daemon)
{
	static const char between[] = ", \t\r";
	size_t length;

	for (const char *word = list + strspn(list, between); *word != '\0'; word += length + strspn(word + length, between)) {
		length = strcspn(word, between);
		if (word_is(word, length, daemon) || word_is(word, length, "ALL") || word_is(word, length, "EXCEPT") ||
		    strcspn(word, pattern_characters) < length || word[0] == '.' || word[length - 1] == '.')
			return true;
	}
	return false;
}

/* The field after the next colon that separates fields, which becomes a NUL; NULL when there is none. */
static char *
next_field(char *text)
{
	bool bracket = false;

	for (char *at = text; *at != '\0'; at++) {
		if (*at == '[')
			bracket = true;
		else if (*at == ']')
			bracket = false;
		else if (*at == '\\' && at[1] == ':')
			at++;
		else if (*at == ':' && !bracket) {
			*at = '\0';
			return at + 1;
		}
	}
	return NULL;
}

static bool
option_acts(const char *option)
{
	size_t length;

	option += strspn(option, " \t\r");
	length = strcspn(option, " \t\r");
	if (option[length + strspn(option + length, " \t\r")] != '\0')
		return true;
	return length != 0 && !(length == 5 && strncasecmp(option, "allow", 5) == 0) &&
	    !(length == 4 && strncasecmp(option, "deny", 4) == 0);
}

static bool
rule_acts(char *line, const char *daemon)
{
	char *clients, *option;

	if (line[0] == '#' || line[strspn(line, " \t\r")] == '\0')
		return false;
	clients = next_field(line);
	if (clients == NULL || !may_name_daemon(line, daemon))
		return false;
	for (option = next_field(clients); option != NULL;) {
		char *after = next_field(option);

		if (option_acts(option))
			return true;
		option = after;
	}
	return false;
}

bool
tables_rule_acts(const char *text, size_t length, const char *daemon)
{
	char line[LINE_ROOM];
	size_t used = 0;

	for (size_t at = 0; at < length; at++) {
		if (text[at] == '\n' && used > 0 && line[used - 1] == '\\') {
			used--;
			continue;
		}
		if (text[at] == '\n') {
			line[used] = '\0';
			if (rule_acts(line, daemon))
				return true;
			used = 0;
			continue;
		}
		if (used == sizeof line - 1 || text[at] == '\0')
			return true;
		line[used++] = text[at];
	}
	line[used] = '\0';
	return rule_acts(line, daemon);
}
