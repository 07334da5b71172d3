/*
 * acl_parse: a hosts.allow and a list of clients, compared with libwrap's own reading of them.
 *
 * If acl_parse() finds no fault, libwrap gives no warning and reaches a rule inserted between any two lines.  For
 * whatever option libwrap reaches, acl_parse() has reported that there may be one.  Options are recorded here, not
 * carried out, and names are not looked up.
 *
 * The input is the table and, after an octet of 1, the content of every file that the table names.  An octet of 2
 * becomes 500 characters.
 */
#include "fuzz.h"

#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <strings.h>
#include <tcpd.h>

#include "lib/acl_parse.h"

#define DAEMON "in.timed"
#define TABLE "table under test"

/* These replace libwrap's own, so that the linker leaves libwrap's objects out. */
struct tcpd_context tcpd_context;
extern jmp_buf tcpd_buf;
jmp_buf tcpd_buf;
int yp_get_default_domain(char **domain);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result);
int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result);
int __wrap_innetgr(const char *group, const char *host, const char *user, const char *domain);

/* A text, with room for one more rule. */
struct text {
	char *octets;
	size_t length;
};

static struct text table, list;
static bool read_list(const char *path, void *context);
static bool judging;
static enum acl_effect seen;

void
tcpd_warn(char *format, ...)
{
	/* Debian 13's libwrap warns of each netgroup, and any libwrap of a comment at the end that has no newline. */
	REQUIRE(strncmp(format, "netgroup ", 9) == 0 || strncmp(format, "missing newline", 15) == 0 ||
	    strncmp(format, "all the subsequent", 18) == 0);
}

int
yp_get_default_domain(char **domain)
{
	(void)domain;
	return -1;
}

int
__wrap_innetgr(const char *group, const char *host, const char *user, const char *domain)
{
	(void)group, (void)host, (void)user, (void)domain;
	return 0;
}

/* Opens the table, or the list under any other name. */
FILE *
__wrap_fopen(const char *path, const char *mode)
{
	/* The fuzzer itself may write a finding at any time. */
	if (!judging || mode[0] != 'r')
		return __real_fopen(path, mode);
	const struct text *text = strcmp(path, TABLE) == 0 ? &table : &list;

	if (strcmp(path, "none") == 0 || text->length == 0) {
		errno = ENOENT;
		return NULL;
	}
	return fmemopen(text->octets, text->length, "r");
}

int
__wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	if (hints != NULL && (hints->ai_flags & AI_NUMERICHOST) != 0)
		return __real_getaddrinfo(node, service, hints, result);
	return EAI_NONAME;
}

/* Splits fields exactly as libwrap's options.c does: a colon separates fields, and "\:" is a colon. */
static char *
option_field(char **rest)
{
	char *from = *rest, *to = *rest, *field = *rest;

	if (*from == '\0')
		return NULL;
	for (; *from != '\0' && *from != ':'; from++) {
		if (from[0] == '\\' && from[1] == ':')
			from++;
		*to++ = *from;
	}
	*rest = *from == ':' ? from + 1 : from;
	*to = '\0';
	return field;
}

void
process_options(char *options, struct request_info *request)
{
	static const char *const acts[] = { "severity", "linger", "keepalive" };
	static const char *const runs[] = { "spawn", "twist", "setenv", "nice", "user", "umask", "group", "banners",
		"rfc931", "aclexec" };

	(void)request;
	for (char *option; (option = option_field(&options)) != NULL;) {
		enum acl_effect before = seen;
		bool known;

		option += strspn(option, " \t\r\n");
		option[strcspn(option, "= \t\r\n")] = '\0';
		known = strcasecmp(option, "allow") == 0 || strcasecmp(option, "deny") == 0;
		seen = ACL_PLAIN;
		for (size_t at = 0; at < LENGTH(runs); at++)
			if (strcasecmp(option, runs[at]) == 0)
				seen = ACL_RUN;
		for (size_t at = 0; at < LENGTH(acts); at++)
			if (strcasecmp(option, acts[at]) == 0 && seen < ACL_ACT)
				seen = ACL_ACT;
		REQUIRE(known || seen > ACL_PLAIN);
		seen = seen > before ? seen : before;
	}
}

/* Whether a rule matches. */
static bool
judge(char *name, char *address)
{
	static char daemon[] = DAEMON, user[] = "unknown", allow[] = TABLE, deny[] = "none";
	struct request_info request;
	bool allowed;

	/*
	 * A second table would allow a client that no rule of the first one matches.  So the table under test denies.
	 */
	hosts_allow_table = deny;
	hosts_deny_table = allow;
	request_init(&request, RQ_DAEMON, daemon, RQ_USER, user, RQ_CLIENT_NAME, name, RQ_CLIENT_ADDR, address, 0);
	judging = true;
	allowed = hosts_access(&request) != 0;
	judging = false;
	return !allowed;
}

static void
take_note(const struct acl_note *note, void *context)
{
	(void)context;
	REQUIRE(note->what != NULL && note->line >= 1 && strlen(note->word) < ACL_WORD_SHOWN);
}

/* The rule's text is one that a table may have, and so are its lists without the options. */
static void
take_rule(const struct acl_rule *rule, void *context)
{
	const struct acl_visitor alone = { .daemon = DAEMON, .list = read_list, .context = context };
	struct acl_fault fault;
	char *text;

	REQUIRE(rule->line >= 1 && rule->lists <= strlen(rule->text) && strlen(rule->text) < ACL_LINE_ROOM);
	REQUIRE(rule->text[rule->lists] == '\0' || rule->text[rule->lists] == ':');
	text = strdup(rule->text);
	REQUIRE(text != NULL);
	/* A backslash at the end would join the newline. */
	text[rule->lists] = '\n';
	if (rule->lists > 0 && text[rule->lists - 1] != '\\') {
		acl_parse(text, rule->lists + 1, &alone, &fault);
		REQUIRE(fault.what == NULL || text[0] == '#');
	}
	free(text);
}

static bool
read_list(const char *path, void *context)
{
	int depth = *(const int *)context + 1;
	const struct acl_visitor visitor = { .list = read_list, .note = take_note, .context = &depth };
	struct acl_fault fault;

	(void)path;
	if (depth > 3 || list.length == 0)
		return false;
	acl_parse_list(list.octets, list.length, &visitor, &fault);
	return fault.what == NULL;
}

static enum acl_effect
effect_of(const struct text *text, struct acl_fault *fault)
{
	int depth = 0;
	const struct acl_visitor visitor = {
		.daemon = DAEMON, .list = read_list, .note = take_note, .rule = take_rule, .context = &depth
	};
	/* A copy of exactly this size, so that the sanitizer detects reading beyond it. */
	char *copy = fuzz_octets((const uint8_t *)text->octets, text->length);
	enum acl_effect effect = acl_parse(copy, text->length, &visitor, fault);
	unsigned long lines = 1;

	REQUIRE(effect <= ACL_RUN);
	for (size_t at = 0; at < text->length; at++)
		lines += text->octets[at] == '\n';
	if (fault->what != NULL)
		REQUIRE(fault->line >= 1 && fault->line <= lines && effect == ACL_PLAIN);
	free(copy);
	return effect;
}

static struct text
expand(const uint8_t *data, size_t size)
{
	enum { FILL = 500, FILLS = 20, MORE = 64 };
	struct text text = { malloc(size + FILL * FILLS + MORE), 0 };
	int fills = 0;

	REQUIRE(text.octets != NULL);
	for (size_t at = 0; at < size; at++) {
		if (data[at] == 2 && fills++ < FILLS) {
			memset(text.octets + text.length, 'b', FILL);
			text.length += FILL;
		} else
			text.octets[text.length++] = (char)data[at];
	}
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char acting[] = DAEMON ": ALL: severity auth.info\n";
	const uint8_t *cut = size > 0 ? memchr(data, 1, size) : NULL;
	size_t first = cut != NULL ? (size_t)(cut - data) : size, where;
	struct acl_fault fault;
	enum acl_effect effect;

	table = expand(data, first);
	list = expand(data + first + (cut != NULL), cut != NULL ? size - first - 1 : 0);
	effect = effect_of(&table, &fault);
	seen = ACL_PLAIN;
	/* Of any table without a fault: no pattern takes long to match. */
	if (fault.what == NULL) {
		judge((char[]){ "unknown" }, (char[]){ "127.0.0.1" });
		judge((char[]){ "guest.test" }, (char[]){ "10.0.0.1" });
		judge((char[]){ "unknown" }, (char[]){ "fd00::1" });
		REQUIRE(effect >= seen);
	}
	/* Insert one more rule at the start of some line.  It is reached if no rule before it matches. */
	where = size > 0 ? data[size / 2] * 8 % (table.length + 1) : 0;
	while (where > 0 && where < table.length && table.octets[where - 1] != '\n')
		where++;
	memmove(table.octets + where + sizeof acting - 1, table.octets + where, table.length - where);
	memcpy(table.octets + where, acting, sizeof acting - 1);
	table.length += sizeof acting - 1;
	/* Only if it does not become part of an unfinished last line or of a continued line. */
	if (where == 0 || (table.octets[where - 1] == '\n' && (where == 1 || table.octets[where - 2] != '\\'))) {
		enum acl_effect more = effect_of(&table, &fault);

		REQUIRE(fault.what != NULL || (more >= effect && more >= ACL_ACT));
		if (fault.what == NULL) {
			REQUIRE(judge((char[]){ "unknown" }, (char[]){ "10.9.9.9" }));
			REQUIRE(judge((char[]){ "unknown" }, (char[]){ "fd00::9" }));
		}
	}
	free(table.octets);
	free(list.octets);
	return 0;
}
