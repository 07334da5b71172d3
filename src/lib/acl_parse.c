/* A parser for hosts.allow, hosts.deny and lists of clients, with libwrap's grammar: see acl_parse.h. */
#include "lib/acl_parse.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/text.h"

/*
 * The size of the buffer in libwrap's hostfile_match(): a word of a list and a NUL.  Danger: its fscanf("%s") has no
 * limit, and a longer word overflows the buffer.
 */
#define WORD_ROOM 8192

static const char blanks[] = " \t\r\n";
static const char separators[] = ", \t\r\n";	/* between the words of a rule's lists */
static const char list_separators[] = " \t\n\v\f\r";	/* in a list file: isspace(3), for fscanf("%s") */
static const char name_characters[] = "0123456789-_.*?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/*
 * The most "*" in a word.  libwrap tries every way in which they can match, and the owner of an address chooses its
 * name, of up to 127 octets: 3 take some milliseconds, and each further one some 30 times as long.
 */
#define STARS_MOST 3

struct rules {
	const struct acl_visitor *visitor;
	unsigned long line;
	char word[ACL_WORD_SHOWN];	/* the word that is checked */
	bool silent;		/* report no note */
};

static void
note(struct rules *rules, const char *what)
{
	const struct acl_note found = { rules->line, rules->word, what };

	if (!rules->silent && rules->visitor->note != NULL)
		rules->visitor->note(&found, rules->visitor->context);
}

static bool
word_is(const char *word, size_t length, const char *name)
{
	return strncasecmp(word, name, length) == 0 && name[length] == '\0';
}

static bool
is_blank(const char *text, size_t length)
{
	for (size_t at = 0; at < length; at++)
		if (memchr(blanks, text[at], sizeof blanks - 1) == NULL)
			return false;
	return true;
}

/* ------------------------------------------------------------------------------------------------ patterns */

/* Parses TEXT as a decimal number of LEAST to MOST, without sign and leading zeros.  -1 if it is not one. */
static int
prefix_length(const char *text, int least, int most)
{
	int64_t value;

	return (text[0] == '0' && text[1] != '\0') || !parse_whole(text, least, most, &value) ? -1 : (int)value;
}

static const char *
ipv6_fault(char *word, struct rules *rules)
{
	char *end = strchr(word, ']');
	struct in6_addr address;
	int length = 128;

	if (end == NULL || (end[1] != '\0' && end[1] != '/'))
		return "expected an IPv6 address in brackets, as in [2001:db8::1] or [2001:db8::]/32";
	*end = '\0';
	if (strchr(word, '%') != NULL)
		return "an IPv6 address with a scope never matches: expected it without % and what follows";
	if (inet_pton(AF_INET6, word + 1, &address) != 1)
		return "the brackets hold no IPv6 address: expected one, as in [2001:db8::1] or [2001:db8::]/32";
	if (IN6_IS_ADDR_V4MAPPED(&address))
		return "an IPv4 address in IPv6 form never matches: expected it in IPv4 form, without brackets";
	if (end[1] == '/' && (length = prefix_length(end + 2, 0, 128)) < 0)
		return "the IPv6 network has no prefix length that libwrap understands: expected /0 to /128";
	if (length == 128 && IN6_IS_ADDR_UNSPECIFIED(&address))
		return "no client has the address ::, so it never matches: expected [::]/0 for all of IPv6, or ALL";
	for (int bit = length; bit < 128; bit++)
		if ((address.s6_addr[bit / 8] & 0x80 >> bit % 8) != 0) {
			note(rules, "the IPv6 network has bits outside of its prefix, and the rule matches the whole network: "
			    "expected its first address, as in [2001:db8::]/32, or one address without /");
			break;
		}
	return NULL;
}

static const char *
ipv4_network_fault(char *word, char *slash, struct rules *rules)
{
	struct in_addr network, mask = { 0 };
	uint32_t outside;
	int length = prefix_length(slash + 1, 1, 32);

	*slash = '\0';
	if (inet_pton(AF_INET, word, &network) != 1)
		return "the network is no IPv4 address of four numbers: expected one, as in 10.1.0.0/16 (IPv6: [2001:db8::]/32)";
	if (length > 0)
		mask.s_addr = htonl(UINT32_MAX << (32 - length));
	else if (inet_pton(AF_INET, slash + 1, &mask) != 1 || mask.s_addr == INADDR_NONE)
		return "the IPv4 network has no mask that libwrap understands: expected /1 to /32, or a mask such as "
		    "/255.255.255.0 (of one address: /32; of all: 0.0.0.0/0.0.0.0)";
	if ((network.s_addr & ~mask.s_addr) != 0)
		return "the IPv4 network has bits outside of its mask, and never matches: expected its first address, "
		    "as in 10.1.0.0/16";
	outside = ~ntohl(mask.s_addr);
	if ((outside & (outside + 1)) != 0)
		note(rules, "the IPv4 mask has gaps, and the rule matches addresses that do not follow each other: expected "
		    "a mask such as /16 or /255.255.0.0");
	return NULL;
}

/* Whether a pattern may match the text "unknown", which libwrap has as the client's user and the server's address. */
static bool
matches_unknown(const char *word)
{
	return strcasecmp(word, "ALL") == 0 || strcasecmp(word, "UNKNOWN") == 0 || word[strcspn(word, "*?")] != '\0';
}

/* Notes that WORD, a pattern for names or addresses, matches more of them than it seems to. */
static void
note_pattern(const char *word, struct rules *rules)
{
	const char *tail = word;	/* what follows the last * or ? */

	for (const char *at = word; *at != '\0'; at++)
		if (*at == '*' || *at == '?')
			tail = at + 1;
	/* A name has no colon, and "*" is as clear as ALL. */
	if (strchr(word, ':') != NULL || word[strspn(word, "*?")] == '\0' || (tail == word && word[0] != '.'))
		return;
	if (*tail == '\0')
		note(rules, "a pattern that ends in * or ? also matches names that begin so, and the owner of an address chooses "
		    "its name: expected addresses as 10.1. or 10.1.0.0/16, and names as .example.com");
	else if (*tail != '.')
		note(rules, "the pattern also matches other domains, as *example.com matches notexample.com: expected "
		    ".example.com");
	else if (tail[strspn(tail, "0123456789.")] == '\0')
		note(rules, "the pattern matches every IPv4 address that ends so: expected a prefix such as 10.1. or a "
		    "network such as 10.1.0.0/16");
}

static size_t
count_of(const char *word, char character)
{
	size_t count = 0;

	for (; *word != '\0'; word++)
		count += *word == character;
	return count;
}

/* Why libwrap's host_match() would misunderstand WORD; NULL if it would not.  May cut WORD. */
static const char *
host_fault(char *word, struct rules *rules)
{
	size_t length = strlen(word);
	char *slash, four[sizeof "255.255.255.255"];
	struct in_addr address;

	if (word[0] == '@') {
		note(rules, "a netgroup is one of /etc/netgroup, never of NIS or LDAP; Debian 13's libwrap has none, and a "
		    "client for whom it reads this is denied: expected addresses, networks, or the path of a list of them");
		return NULL;
	}
	if (word[0] == '/')
		return rules->visitor->list(word, rules->visitor->context) ? NULL : "the list of clients cannot be used";
	if (word[0] == '[')
		return ipv6_fault(word, rules);
	if ((slash = strchr(word, '/')) != NULL)
		return ipv4_network_fault(word, slash, rules);
	if (length == 0 || word[strspn(word, ".")] == '\0')
		return "a client is missing: expected an address, a network or a name";
	note_pattern(word, rules);
	/* A wildcard pattern for IPv6 addresses is possible only in a list file: in a rule its colon ends a field. */
	if (word[strspn(word, name_characters)] == ':' && word[strcspn(word, "*?")] != '\0')
		return NULL;
	if (strchr(word, ':') != NULL)
		return "an IPv6 address without brackets never matches: expected [2001:db8::1]";
	if (word[strspn(word, name_characters)] != '\0')
		return "a word has a character that no address or name has: expected an address, a network or a name, with "
		    "blanks between them, and comments on lines of their own that begin with #";
	if (word[strspn(word, "0123456789.")] == '\0' && word[0] != '.' && word[length - 1] != '.') {
		if (inet_pton(AF_INET, word, &address) != 1)
			return "digits and dots are no IPv4 address: expected four numbers without leading zeros, or a prefix "
			    "that ends in a dot";
		if (address.s_addr == INADDR_ANY)
			return "no client has the address 0.0.0.0, so it never matches: expected 0.0.0.0/0.0.0.0 for all of IPv4, "
			    "or ALL";
	}
	if (word[strspn(word, "0123456789.-")] == '\0' && strchr(word, '.') != NULL && strchr(word, '-') != NULL)
		return "a range of addresses never matches: expected networks, as in 10.1.0.0/16";
	if (word[length - 1] == '.' && word[strcspn(word, "*?")] == '\0') {
		if (word[strspn(word, "0123456789.")] != '\0')
			return "a name that ends in a dot matches other names, as guest.example.com. matches "
			    "guest.example.com.test: expected no dot at its end";
		/* One to three numbers, which zeros make an address. */
		snprintf(four, sizeof four, "%s%s", word, &"0.0.0"[2 * (count_of(word, '.') - 1) % 6]);
		if (count_of(word, '.') > 3 || length + 1 > sizeof four || inet_pton(AF_INET, four, &address) != 1)
			return "the prefix never matches: expected one to three numbers of an IPv4 address, as in 10.1.";
	}
	return NULL;
}

static const char *
client_fault(char *word, struct rules *rules)
{
	char *at = strchr(word + 1, '@');

	if (at == NULL)
		return host_fault(word, rules);
	*at = '\0';
	if (!matches_unknown(word))
		note(rules, "a pattern with a user's name (user@host) never matches, because this program asks no client for "
		    "its user: expected the host alone");
	return host_fault(at + 1, rules);
}

/* Whether a pattern for daemons may match DAEMON. */
static bool
may_name(const char *word, size_t length, const char *daemon)
{
	/* libwrap takes a number in a list of daemons as a port of the server: any daemon may have it. */
	return word_is(word, length, daemon) || word_is(word, length, "ALL") || word_is(word, length, "KNOWN") ||
	    word_is(word, length, "EXCEPT") || strcspn(word, "*?") < length || word[0] == '.' || word[length - 1] == '.' ||
	    strspn(word, "+-0123456789") >= length;
}

/* A daemon's pattern may name an address of the server: daemon@address. */
static const char *
daemon_fault(char *word, struct rules *rules)
{
	struct rules silent = { .visitor = rules->visitor, .line = rules->line, .silent = true };
	char *at = strchr(word + 1, '@');

	if (word[strspn(word, "0123456789")] == '\0')
		note(rules, "a port in the list of daemons never matches, because libwrap is not told this program's port: "
		    "expected daemons' names");
	if (at == NULL)
		return NULL;
	*at = '\0';
	if (!may_name(word, strlen(word), rules->visitor->daemon))
		return NULL;
	if (!matches_unknown(at + 1))
		note(rules, "a pattern with a server's address (daemon@address) never matches, because libwrap is not told "
		    "this program's address: expected the daemon alone");
	return host_fault(at + 1, &silent);
}

/* Also stores WORD for notes: call this before the other functions of a word, which cut it. */
static const char *
stars_fault(const char *word, struct rules *rules)
{
	format_quoted(word, rules->word, sizeof rules->word);
	return count_of(word, '*') <= STARS_MOST ? NULL :
	    "the word has more than 3 *, and libwrap would take too long to compare it: expected at most 3";
}

/* The first fault in a word of LIST, or in the position of an EXCEPT, or NULL.  Cuts LIST into its words. */
static const char *
list_fault(char *list, struct rules *rules, const char *(*word_fault)(char *word, struct rules *rules))
{
	bool before = false;	/* there is a pattern before the next EXCEPT or the end */

	for (char *word = list + strspn(list, separators), *rest; *word != '\0'; word = rest + strspn(rest, separators)) {
		const char *fault;
		bool except;

		rest = word + strcspn(word, separators);
		if (*rest != '\0')
			*rest++ = '\0';
		except = strcasecmp(word, "EXCEPT") == 0;
		if (except && !before)
			return "EXCEPT has nothing before it: expected patterns before and after it";
		fault = except ? NULL : stars_fault(word, rules);
		if (fault == NULL && !except)
			fault = word_fault(word, rules);
		if (fault != NULL)
			return fault;
		before = !except;
	}
	return before ? NULL : "a list has no pattern, or none after EXCEPT: expected one";
}

static bool
may_name_daemon(const char *list, const char *daemon)
{
	size_t length;

	for (const char *word = list + strspn(list, separators); *word != '\0'; word += length + strspn(word + length, separators)) {
		size_t name = 1 + strcspn(word + 1, ", \t\r\n@");

		length = strcspn(word, separators);
		if (may_name(word, name, daemon))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------------------------------------- options */

enum option_value { VALUE_NONE, VALUE_MAY, VALUE_MUST };

static const struct option {
	const char *name;
	enum option_value value;
	bool last;
	enum acl_effect effect;
	enum acl_verdict verdict;
} known_options[] = {
	{ "allow", VALUE_NONE, true, ACL_PLAIN, ACL_ALLOWS }, { "deny", VALUE_NONE, true, ACL_PLAIN, ACL_DENIES },
	{ "keepalive", VALUE_NONE, false, ACL_ACT, ACL_BY_TABLE }, { "severity", VALUE_MUST, false, ACL_ACT, ACL_BY_TABLE },
	{ "linger", VALUE_MUST, false, ACL_ACT, ACL_BY_TABLE }, { "spawn", VALUE_MUST, false, ACL_RUN, ACL_BY_TABLE },
	{ "twist", VALUE_MUST, true, ACL_RUN, ACL_TWISTS }, { "aclexec", VALUE_MUST, false, ACL_RUN, ACL_ASKS },
	{ "setenv", VALUE_MUST, false, ACL_RUN, ACL_BY_TABLE }, { "banners", VALUE_MUST, false, ACL_RUN, ACL_BY_TABLE },
	{ "user", VALUE_MUST, false, ACL_RUN, ACL_BY_TABLE }, { "group", VALUE_MUST, false, ACL_RUN, ACL_BY_TABLE },
	{ "umask", VALUE_MUST, false, ACL_RUN, ACL_BY_TABLE }, { "nice", VALUE_MAY, false, ACL_RUN, ACL_BY_TABLE },
	{ "rfc931", VALUE_MAY, false, ACL_RUN, ACL_BY_TABLE },
};

static const char *
option_fault(const char *text, bool last, enum acl_effect *most, enum acl_verdict *verdict)
{
	const char *option = text + strspn(text, blanks), *value;
	size_t length = strcspn(option, " \t\r\n=");
	const struct option *known = NULL;

	value = option + length + strspn(option + length, blanks);
	if (*value == '=')
		value += 1 + strspn(value + 1, blanks);
	for (size_t at = 0; at < sizeof known_options / sizeof known_options[0]; at++)
		if (word_is(option, length, known_options[at].name))
			known = &known_options[at];
	if (length == 0)
		return "an option is missing after a colon (write IPv6 addresses in brackets)";
	if (known == NULL)
		return "libwrap has no such option: expected allow, deny or another of hosts_options(5) (write IPv6 "
		    "addresses in brackets)";
	if (known->value == VALUE_NONE && *value != '\0')
		return "an option that takes no value has one: expected a colon or the end of the line after the option's name";
	if (known->value == VALUE_MUST && *value == '\0')
		return "an option's value is missing: expected it after the option's name";
	if (known->last && !last)
		return "allow, deny and twist end a rule: expected no colon after them";
	if (known->effect > *most)
		*most = known->effect;
	if (known->verdict > *verdict)
		*verdict = known->verdict;
	return NULL;
}

/* --------------------------------------------------------------------------------------------------- rules */

/*
 * Whether each bracket closes before the next opens.  libwrap only counts brackets, and accepts a colon as a separator
 * only if as many closed as opened.
 */
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
 * Ends TEXT at the next colon that separates fields, and returns the text after it, or NULL if there is no such colon.
 * If LISTS, TEXT is at a list of daemons or clients, where a colon in brackets belongs to an address.  Otherwise TEXT
 * is at an option, where a colon after a backslash belongs to the option; in a list such a colon separates fields.
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

static const char *
rule_fault(char *line, bool continued, struct rules *rules, enum acl_effect *most)
{
	char *clients, *option, text[ACL_LINE_ROOM];
	struct acl_rule rule = { .line = rules->line, .text = text };
	enum acl_effect effect = ACL_PLAIN;
	const char *fault;
	bool concerns;

	if (rules->visitor->rule != NULL)
		snprintf(text, sizeof text, "%s", line);
	clients = next_field(line, true);
	if (clients == NULL)
		return "libwrap skips a line without a colon: expected daemon_list : client_list";
	for (const char *at = line; *at != '\0'; at++)
		if (((unsigned char)*at < ' ' && strchr(blanks, *at) == NULL) || (unsigned char)*at > '~' || *at == '#')
			return "no daemon can have this name: expected ASCII, and comments on lines of their own that begin with #";
	option = next_field(clients, true);
	rule.lists = (size_t)(clients - line) + strlen(clients);
	if (!brackets_match(line) || !brackets_match(clients))
		return "brackets do not match: expected an IPv6 address between each [ and ]";
	if (line[strspn(line, separators)] == '\0')
		return "the list of daemons is empty: expected daemon_list : client_list";
	concerns = may_name_daemon(line, rules->visitor->daemon);
	if (concerns && ((fault = list_fault(line, rules, daemon_fault)) != NULL ||
	    (fault = list_fault(clients, rules, client_fault)) != NULL))
		return fault;
	while (option != NULL && (concerns || continued)) {
		char *after = next_field(option, false);

		fault = option_fault(option, after == NULL, &effect, &rule.verdict);
		if (fault != NULL)
			return fault;
		option = after;
	}
	if (concerns && effect > *most)
		*most = effect;
	if (concerns && rules->visitor->rule != NULL)
		rules->visitor->rule(&rule, rules->visitor->context);
	return NULL;
}

/* --------------------------------------------------------------------------------------------------- lines */

struct reader {
	const char *text;
	size_t length, at;
	unsigned long line;		/* number of the last line read from the file */
	char joined[ACL_LINE_ROOM];		/* without the newline */
	bool continued;
};

/*
 * Reads the next line into joined, with its continuation lines, as libwrap's xgets() does.  False at the end, or after
 * it set FAULT.  libwrap skips a last line without a newline: that is a fault, unless the line is blank or a comment.
 */
static bool
next_line(struct reader *reader, struct acl_fault *fault)
{
	size_t used = 0;

	reader->continued = false;
	fault->line = reader->line + 1;
	while (reader->at < reader->length) {
		const char *line = reader->text + reader->at, *end = memchr(line, '\n', reader->length - reader->at);
		size_t length = end != NULL ? (size_t)(end - line) : reader->length - reader->at;
		bool comment = (used > 0 ? reader->joined[0] : line[0]) == '#', more = end != NULL && length > 0 && line[length - 1] == '\\';

		reader->line++;
		if (used > 0 && comment && line[0] != '#' && !is_blank(line, length)) {
			fault->line = reader->line;
			fault->what = "the comment before this line ends in a backslash, so this line is part of it: "
			    "expected no backslash";
			return false;
		}
		if (end == NULL) {
			if (!comment && !(is_blank(reader->joined, used) && is_blank(line, length)))
				fault->what = "libwrap skips a last line without a newline: expected one at its end";
			return false;
		}
		if (used + length + 1 >= sizeof reader->joined) {
			fault->what = "the line is too long: expected at most 2046 characters, with all lines that a backslash joins to it";
			return false;
		}
		memcpy(reader->joined + used, line, length);
		used += length - more;
		reader->at += length + 1;
		reader->continued |= more;
		if (!more) {
			reader->joined[used] = '\0';
			return true;
		}
	}
	if (!is_blank(reader->joined, used) && reader->joined[0] != '#')
		fault->what = "a backslash ends the last line, so libwrap skips the rule: expected none there";
	return false;
}

enum acl_effect
acl_parse(const char *text, size_t length, const struct acl_visitor *visitor, struct acl_fault *fault)
{
	struct rules rules = { .visitor = visitor };
	struct reader reader = { .text = text, .length = length };
	enum acl_effect most = ACL_PLAIN;

	*fault = (struct acl_fault){ NULL, 0 };
	if (memchr(text, '\0', length) != NULL) {
		fault->what = "libwrap ignores what follows a NUL octet: expected text without one";
		fault->line = 1;
		for (const char *at = text; *at != '\0'; at++)
			fault->line += *at == '\n';
	}
	while (fault->what == NULL && next_line(&reader, fault))
		if (reader.joined[0] != '#' && reader.joined[strspn(reader.joined, blanks)] != '\0') {
			rules.line = fault->line;
			fault->what = rule_fault(reader.joined, reader.continued, &rules, &most);
		}
	return fault->what == NULL ? most : ACL_PLAIN;
}

void
acl_parse_list(const char *text, size_t length, const struct acl_visitor *visitor, struct acl_fault *fault)
{
	struct rules rules = { .visitor = visitor, .line = 1 };
	char word[WORD_ROOM];
	size_t used = 0;

	*fault = (struct acl_fault){ NULL, 1 };
	for (size_t at = 0; at <= length && fault->what == NULL; at++) {
		bool end = at == length || (text[at] != '\0' && strchr(list_separators, text[at]) != NULL);

		if (!end) {
			word[used++] = text[at];
			if (text[at] == '\0')
				fault->what = "libwrap ignores what follows a NUL octet: expected text without one";
			else if (used == sizeof word)
				fault->what = "the word is too long: expected at most 8191 characters";
			continue;
		}
		word[used] = '\0';
		if (word_is(word, used, "EXCEPT"))
			fault->what = "EXCEPT has no meaning in a list file: expected it in the rule that names the file";
		else if (word[0] == '#')
			fault->what = "a list file cannot have comments: expected clients only";
		else if (used > 0 && (fault->what = stars_fault(word, &rules)) == NULL)
			fault->what = host_fault(word, &rules);
		used = 0;
		if (fault->what == NULL && at < length && text[at] == '\n')
			rules.line = ++fault->line;
	}
}
