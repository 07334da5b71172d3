/* Options that act in hosts.allow and hosts.deny: see tables.h. */
#include "tables.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define LINE_ROOM 2048		/* libwrap's own lines are at most 2 KiB (BUFSIZ with xgets) */

/* Characters that make a daemon pattern more than a plain name: wildcards, a host address, a netgroup, a file. */
static const char pattern_characters[] = "*?@/";

static const char blanks[] = " \t\r";

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
		if (word_is(word, length, daemon) || word_is(word, length, "ALL") || word_is(word, length, "KNOWN") ||
		    word_is(word, length, "EXCEPT") || strcspn(word, pattern_characters) < length || word[0] == '.' ||
		    word[length - 1] == '.')
			return true;
	}
	return false;
}

/* Whether each bracket is closed before the next opens: libwrap counts them, and finds no colon but at a sum of 0. */
static bool
brackets_match(const char *line)
{
	bool open = false;

	for (; *line != '\0'; line++) {
		if ((*line == '[' && open) || (*line == ']' && !open))
			return false;
		if (*line == '[' || *line == ']')
			open = *line == '[';
	}
	return !open;
}

/*
 * The field after the next colon that separates fields, which becomes a NUL; NULL when there is none.  In the LISTS
 * of daemons and clients a colon within brackets is an address's; one behind a backslash is an option's, but separates
 * lists.
 */
static char *
next_field(char *text, bool lists)
{
	bool bracket = false;

	for (char *at = text; *at != '\0'; at++) {
		if (lists && (*at == '[' || *at == ']'))
			bracket = *at == '[';
		else if (!lists && *at == '\\' && at[1] == ':')
			at++;
		else if (*at == ':' && !bracket) {
			*at = '\0';
			return at + 1;
		}
	}
	return NULL;
}

static enum tables_effect
option_effect(const char *option)
{
	static const struct {
		const char *name;
		bool alone;		/* has no value */
		enum tables_effect effect;
	} known[] = {
		{ "allow", true, TABLES_PLAIN }, { "deny", true, TABLES_PLAIN }, { "keepalive", true, TABLES_ACT },
		{ "severity", false, TABLES_ACT }, { "linger", false, TABLES_ACT },
	};
	size_t length;
	bool alone;

	option += strspn(option, blanks);
	length = strcspn(option, " \t\r=");
	if (length == 0)
		return *option == '\0' ? TABLES_PLAIN : TABLES_RUN;
	alone = option[length + strspn(option + length, blanks)] == '\0';
	for (size_t at = 0; at < sizeof known / sizeof known[0]; at++)
		if (word_is(option, length, known[at].name) && known[at].alone == alone)
			return known[at].effect;
	return TABLES_RUN;
}

static enum tables_effect
rule_effect(char *line, const char *daemon)
{
	enum tables_effect most = TABLES_PLAIN;
	char *clients, *option;

	if (line[0] == '#' || line[strspn(line, blanks)] == '\0')
		return TABLES_PLAIN;
	if (!brackets_match(line))
		return TABLES_RUN;
	clients = next_field(line, true);
	if (clients == NULL || !may_name_daemon(line, daemon))
		return TABLES_PLAIN;
	for (option = next_field(clients, true); option != NULL;) {
		char *after = next_field(option, false);
		enum tables_effect effect = option_effect(option);

		if (effect > most)
			most = effect;
		option = after;
	}
	return most;
}

enum tables_effect
tables_effect(const char *text, size_t length, const char *daemon)
{
	enum tables_effect most = TABLES_PLAIN;
	char line[LINE_ROOM] = "";
	size_t used = 0;
	char last = '\0';	/* of this line of the file; what a continued line ended with does not continue the next */

	for (size_t at = 0; at <= length && most < TABLES_RUN; at++) {
		bool end = at == length || text[at] == '\n';

		if (end && at < length && last == '\\') {
			used--;
			last = '\0';
		} else if (end) {
			enum tables_effect effect;

			line[used] = '\0';
			effect = rule_effect(line, daemon);
			if (effect > most)
				most = effect;
			used = 0;
			last = '\0';
		} else {
			if (used == sizeof line - 1 || text[at] == '\0')
				return TABLES_RUN;
			last = line[used++] = text[at];
		}
	}
	return most;
}
