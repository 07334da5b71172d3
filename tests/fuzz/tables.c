/*
 * tables: a hosts.allow, beside what libwrap itself makes of it.
 *
 * Whatever option libwrap comes to while it judges a client, tables_effect() must have said that there may be one: it
 * may be too careful, never too careless.  Options are noted here, not carried out, and names are not looked up.
 */
#include "fuzz.h"

#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <strings.h>
#include <tcpd.h>

#include "tables.h"

#define DAEMON "in.timed"
#define TABLE "table under test"

/* In place of libwrap's own, whose objects are then not linked. */
struct tcpd_context tcpd_context;
extern jmp_buf tcpd_buf;
jmp_buf tcpd_buf;
int yp_get_default_domain(char **domain);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result);
int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result);
int __wrap_innetgr(const char *group, const char *host, const char *user, const char *domain);

static const char *table;
static size_t table_length;
static bool judging;
static enum tables_effect seen;

void
tcpd_warn(char *format, ...)
{
	(void)format;
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

/* The table, and none of the files that a pattern may name. */
FILE *
__wrap_fopen(const char *path, const char *mode)
{
	/* The fuzzer itself writes a find at any time. */
	if (!judging || mode[0] != 'r')
		return __real_fopen(path, mode);
	if (strcmp(path, TABLE) == 0 && table_length > 0)
		return fmemopen((void *)(uintptr_t)table, table_length, "r");
	errno = ENOENT;
	return NULL;
}

int
__wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	if (hints != NULL && (hints->ai_flags & AI_NUMERICHOST) != 0)
		return __real_getaddrinfo(node, service, hints, result);
	return EAI_NONAME;
}

/* Field for field as libwrap's options.c reads them: a colon separates, "\:" is one. */
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
		option += strspn(option, " \t\r\n");
		option[strcspn(option, "= \t\r\n")] = '\0';
		for (size_t at = 0; at < LENGTH(runs); at++)
			if (strcasecmp(option, runs[at]) == 0)
				seen = TABLES_RUN;
		for (size_t at = 0; at < LENGTH(acts); at++)
			if (strcasecmp(option, acts[at]) == 0 && seen < TABLES_ACT)
				seen = TABLES_ACT;
	}
}

/* libwrap tries the ways in which wildcards can match one by one: with a dozen it is at it for hours. */
static bool
is_bearable(const char *text, size_t size)
{
	int wildcards = 0;

	for (size_t at = 0; at < size; at++)
		wildcards += text[at] == '*' || text[at] == '?';
	return wildcards <= 6;
}

static void
judge(char *name, char *address)
{
	static char daemon[] = DAEMON, user[] = "unknown", allow[] = TABLE, deny[] = "none";
	struct request_info request;

	hosts_allow_table = allow;
	hosts_deny_table = deny;
	request_init(&request, RQ_DAEMON, daemon, RQ_USER, user, RQ_CLIENT_NAME, name, RQ_CLIENT_ADDR, address, 0);
	judging = true;
	(void)hosts_access(&request);
	judging = false;
}

static enum tables_effect
effect_of(const char *text, size_t length)
{
	return tables_effect(text, length, DAEMON);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char acting[] = "\n" DAEMON ": ALL: severity auth.info\n";
	char *text = fuzz_octets(data, size), *more = malloc(size + sizeof acting);
	enum tables_effect effect = effect_of(text, size);

	REQUIRE(effect <= TABLES_RUN);
	table = text;
	table_length = size;
	seen = TABLES_PLAIN;
	if (is_bearable(text, size)) {
		judge((char[]){ "unknown" }, (char[]){ "127.0.0.1" });
		judge((char[]){ "guest.test" }, (char[]){ "10.0.0.1" });
		judge((char[]){ "unknown" }, (char[]){ "fd00::1" });
	}
	REQUIRE(effect >= seen);
	/* One more rule makes it more, not less. */
	REQUIRE(more != NULL);
	memcpy(more, text, size);
	memcpy(more + size, acting, sizeof acting - 1);
	REQUIRE(effect_of(more, size + sizeof acting - 1) >= effect);
	if (size == 0 || text[size - 1] != '\\')
		REQUIRE(effect_of(more, size + sizeof acting - 1) >= TABLES_ACT);
	/* A rule needs a colon; only a line that is too long, or brackets that do not match, are in doubt without one. */
	if (size < 2048 && memchr(text, ':', size) == NULL && memchr(text, '\0', size) == NULL &&
	    memchr(text, '[', size) == NULL && memchr(text, ']', size) == NULL)
		REQUIRE(effect == TABLES_PLAIN);
	free(text);
	free(more);
	return 0;
}
