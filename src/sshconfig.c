/* Where an ssh_config keeps its sockets: see sshconfig.h. */
#include "sshconfig.h"

#include <string.h>
#include <strings.h>

static const char keyword[] = "controlpath";
static const char form[] = "/%n";

/* Whether ssh takes a word of LENGTH octets as it stands, without expanding or unquoting anything. */
static bool
stands_for_itself(const char *word, size_t length)
{
	for (size_t at = 0; at < length; at++)
		if (word[at] <= ' ' || word[at] > '~' || strchr("%$\"'\\", word[at]) != NULL)
			return false;
	return true;
}

bool
sshconfig_socket_directory(const char *text, char directory[SSHCONFIG_DIRECTORY])
{
	bool found = false;

	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *word = line + strspn(line, " \t");
		const char *value;
		size_t length;

		if (strncasecmp(word, keyword, sizeof keyword - 1) != 0)
			continue;
		value = word + sizeof keyword - 1;
		if (strchr(" \t=", *value) == NULL || *value == '\0')
			continue;
		value += strspn(value, " \t=");
		length = strcspn(value, " \t\r\n");
		/* A second one, quotes, or anything else that ssh would have to expand: ssh knows. */
		if (found || length < sizeof form || length - (sizeof form - 1) >= SSHCONFIG_DIRECTORY || *value != '/' ||
		    memcmp(value + length - (sizeof form - 1), form, sizeof form - 1) != 0)
			return false;
		length -= sizeof form - 1;
		if (!stands_for_itself(value, length))
			return false;
		memcpy(directory, value, length);
		directory[length] = '\0';
		found = true;
	}
	return found;
}
