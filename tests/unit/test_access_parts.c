/* verdict_cache, log_limit, acl_parse: the parts that make access control fast without making it wrong. */
#include "unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/acl_parse.h"
#include "timed/log_limit.h"
#include "timed/verdict_cache.h"

static struct verdict_cache table;

static union peer
v4(uint32_t address)
{
	union peer peer = { .v4 = { .sin_family = AF_INET, .sin_addr = { htonl(address) } } };

	return peer;
}

static void
fresh(void)
{
	memset(&table, 0, sizeof table);
	verdict_cache_start(&table, 12345);
}

static void
cache_keeps_verdicts(void **unused)
{
	union peer a = v4(0x7f000001), b = v4(0x7f000002);

	(void)unused;
	fresh();
	assert_int_equal(verdict_cache_find(&table, &a, 0), VERDICT_UNKNOWN);
	verdict_cache_keep(&table, &a, 0, VERDICT_ALLOWED);
	verdict_cache_keep(&table, &b, 0, VERDICT_DENIED);
	a.v4.sin_port = htons(999);
	assert_int_equal(verdict_cache_find(&table, &a, 0), VERDICT_ALLOWED);
	assert_int_equal(verdict_cache_find(&table, &b, 0), VERDICT_DENIED);
	assert_int_equal(verdict_cache_find(&table, &a, VERDICT_CACHE_TICKS - 1), VERDICT_ALLOWED);
	assert_int_equal(verdict_cache_find(&table, &a, VERDICT_CACHE_TICKS), VERDICT_UNKNOWN);
	verdict_cache_keep(&table, &a, VERDICT_CACHE_TICKS, VERDICT_DENIED);
	assert_int_equal(verdict_cache_find(&table, &a, VERDICT_CACHE_TICKS), VERDICT_DENIED);
	verdict_cache_forget_all(&table);
	assert_int_equal(verdict_cache_find(&table, &a, VERDICT_CACHE_TICKS), VERDICT_UNKNOWN);
	assert_int_equal(verdict_cache_find(&table, &b, 0), VERDICT_UNKNOWN);
}

static void
cache_distinguishes_scopes(void **unused)
{
	union peer a = { .v6 = { .sin6_family = AF_INET6, .sin6_scope_id = 2 } }, b;

	(void)unused;
	fresh();
	inet_pton(AF_INET6, "fe80::1", &a.v6.sin6_addr);
	b = a;
	b.v6.sin6_scope_id = 3;
	verdict_cache_keep(&table, &a, 0, VERDICT_ALLOWED);
	assert_int_equal(verdict_cache_find(&table, &b, 0), VERDICT_UNKNOWN);
}

/* A VSOCK client's identity is its context id, which the cache does not know: each is judged by itself. */
static void
cache_skips_other_families(void **unused)
{
	static const sa_family_t families[] = { AF_VSOCK, AF_UNIX, AF_UNSPEC };

	(void)unused;
	fresh();
	for (size_t at = 0; at < LENGTH(families); at++) {
		union peer peer = { .any = { .sa_family = families[at] } };

		verdict_cache_keep(&table, &peer, 0, VERDICT_ALLOWED);
		assert_int_equal(verdict_cache_find(&table, &peer, 0), VERDICT_UNKNOWN);
	}
}

static void
cache_is_bounded(void **unused)
{
	size_t kept = 0;

	(void)unused;
	/* Nearly all of 10,000 neighbours fit.  Of a hundred times as many, each is found just after it was stored. */
	fresh();
	for (uint32_t at = 0; at < 10000; at++) {
		union peer peer = v4(0x0a000000 + at);

		verdict_cache_keep(&table, &peer, 1, VERDICT_ALLOWED);
	}
	for (uint32_t at = 0; at < 10000; at++) {
		union peer peer = v4(0x0a000000 + at);

		kept += verdict_cache_find(&table, &peer, 1) == VERDICT_ALLOWED;
	}
	assert_true(kept > 9000);
	for (uint32_t at = 0; at < 1000000; at++) {
		union peer peer = v4(0x0b000000 + at);

		verdict_cache_keep(&table, &peer, 2, VERDICT_DENIED);
		assert_int_equal(verdict_cache_find(&table, &peer, 2), VERDICT_DENIED);
	}
}

static void
limits_logged_lines(void **unused)
{
	struct log_limit limit = { 0 };
	unsigned lines = 0;
	uint64_t held = 0;

	(void)unused;
	for (int at = 0; at < 1000; at++)
		lines += log_limit_allows(&limit);
	assert_int_equal(lines, LOG_LIMIT_BURST);
	for (int tick = 0; tick < LOG_REFILL_TICKS; tick++)
		held += log_limit_tick(&limit);
	assert_int_equal(held, 1000 - LOG_LIMIT_BURST);
	assert_false(log_limit_allows(&limit));
	/* A flood for an hour: at most one line for each refill, and every line held back is counted. */
	lines = 0;
	held = 0;
	for (int tick = 0; tick < 3600; tick++) {
		uint64_t told = log_limit_tick(&limit);

		held += told;
		lines += told > 0;
		for (int at = 0; at < 1000; at++)
			lines += log_limit_allows(&limit);
	}
	assert_true(lines <= 3600 / LOG_REFILL_TICKS + 1);
	assert_int_equal(held + limit.held, 1 + 3600 * 1000);
	/* Then silence: the bucket fills again. */
	for (int tick = 0; tick < (LOG_LIMIT_BURST + 2) * LOG_REFILL_TICKS; tick++)
		log_limit_tick(&limit);
	assert_int_equal(limit.used, 0);
}

/* The names of the lists in the text, each followed by a blank; a list named /bad cannot be used. */
static char lists[256];

static bool
note_list(const char *path, void *context)
{
	assert_ptr_equal(context, lists);
	snprintf(lists + strlen(lists), sizeof lists - strlen(lists), "%s ", path);
	return strcmp(path, "/bad") != 0;
}

static char notes[2048];

static void
note_note(const struct acl_note *note, void *context)
{
	assert_ptr_equal(context, lists);
	snprintf(notes + strlen(notes), sizeof notes - strlen(notes), "%lu: %s: %s\n", note->line, note->word, note->what);
}

static char rules[512];

static void
note_rule(const struct acl_rule *rule, void *context)
{
	assert_ptr_equal(context, lists);
	snprintf(rules + strlen(rules), sizeof rules - strlen(rules), "%lu %d <%.*s>\n", rule->line, (int)rule->verdict,
	    (int)rule->lists, rule->text);
}

static const struct acl_visitor visitor = {
	.daemon = "in.timed", .list = note_list, .note = note_note, .rule = note_rule, .context = lists
};

/* Parses TEXT as a table. */
static enum acl_effect
read_text(const char *text, size_t length, struct acl_fault *fault)
{
	/* A copy of exactly this size, so that a sanitizer detects reading beyond it. */
	char *copy = malloc(length + 1);
	enum acl_effect effect;

	assert_non_null(copy);
	memcpy(copy, text, length);
	lists[0] = notes[0] = rules[0] = '\0';
	effect = acl_parse(copy, length, &visitor, fault);
	free(copy);
	return effect;
}

static void
finds_rules_with_effects(void **unused)
{
	static const struct {
		const char *text;
		enum acl_effect effect;
	} cases[] = {
		{ "", ACL_PLAIN }, { "\n\n# ALL: ALL: spawn x\n", ACL_PLAIN }, { "ALL: 127.0.0.1\n", ACL_PLAIN },
		{ "in.timed: 10.0.0.0/8 : allow\n", ACL_PLAIN }, { "in.timed: 10.0.0.0/8 : DENY\n", ACL_PLAIN },
		{ "in.timed: ALL : spawn (id) &\n", ACL_RUN }, { "ALL: ALL : twist /bin/echo\n", ACL_RUN },
		{ "in.timed: ALL : severity auth.info : allow\n", ACL_ACT }, { "ALL: ALL: Severity=info\n", ACL_ACT },
		{ "in.timed: ALL : keepalive\n", ACL_ACT }, { "in.timed: ALL : linger 5 : deny\n", ACL_ACT },
		{ "in.timed: ALL : severity info : spawn (id)\n", ACL_RUN },
		{ "in.timed: ALL : severity info\nin.timed: ALL : spawn (id)\n", ACL_RUN },
		{ "in.timed: ALL : spawn (id)\nin.timed: ALL : severity info\n", ACL_RUN },
		{ "sshd: ALL : spawn (id)\n", ACL_PLAIN }, { "sshd, in.ftpd: ALL : spawn (id)\n", ACL_PLAIN },
		{ "sshd in.timed: ALL : spawn (id)\n", ACL_RUN }, { "ALL EXCEPT sshd: ALL : spawn x\n", ACL_RUN },
		{ "in.timed@10.0.0.1: ALL : spawn x\n", ACL_RUN }, { "in.*: ALL : spawn x\n", ACL_RUN },
		{ "37: ALL : spawn x\n", ACL_RUN }, { "in.timed: ALL : nice\n", ACL_RUN },
		{ "in.timed: [2001:db8::]/32\n", ACL_PLAIN }, { "in.timed: [2001:db8::]/32 : allow\n", ACL_PLAIN },
		{ "in.timed: [::1] : setenv A b\n", ACL_RUN }, { "in.timed: ALL \\\n : spawn x\n", ACL_RUN },
		{ "in.timed: ALL \\\n EXCEPT 10.1.1.1\n", ACL_PLAIN }, { "IN.TIMED: ALL: ALLOW\n", ACL_PLAIN },
		{ "in.timed: ALL : banners /etc/b\n", ACL_RUN }, { "sshd\\: ALL : spawn x\n", ACL_PLAIN },
		{ "in.timed \\: ALL : spawn x\n", ACL_RUN }, { "in.timed: ALL : severity \\: spawn x\n", ACL_ACT },
		{ "KNOWN: ALL : spawn x\n", ACL_RUN }, { "in.timed: ALL \\\n\\\n : spawn x\n", ACL_RUN },
		{ "in.timed: ALL : severity=[info : keepalive\n", ACL_ACT },
	};
	struct acl_fault fault;

	(void)unused;
	for (size_t at = 0; at < LENGTH(cases); at++)
		if (read_text(cases[at].text, strlen(cases[at].text), &fault) != cases[at].effect || fault.what != NULL)
			fail_msg("%s: %s", cases[at].text, fault.what);
}

/* Each client pattern, with a word of the complaint, or NULL if libwrap interprets the pattern as it is meant. */
static void
judges_patterns(void **unused)
{
	static const struct {
		const char *pattern, *complaint;
	} cases[] = {
		{ "ALL", NULL }, { "LOCAL", NULL }, { "KNOWN UNKNOWN,PARANOID", NULL }, { "10.1.2.3", NULL }, { "10.1.", NULL },
		{ ".1", NULL }, { "10.1.*", NULL }, { "fd42*", NULL }, { "a-b_c.test", NULL }, { ".test\t*.test", NULL },
		{ "@group", NULL }, { "root@10.1.2.3", NULL }, { "root@@group", NULL }, { "ALL EXCEPT 10.1.2.3 except ALL", NULL },
		{ "10.1.0.0/16", NULL }, { "10.1.2.3/32", NULL }, { "128.0.0.0/1", NULL }, { "0.0.0.0/0.0.0.0", NULL },
		{ "10.0.3.0/255.0.255.0", NULL }, { "[fd42::1]", NULL }, { "[FD42:0::1.2.3.4]", NULL }, { "[::]/0", NULL },
		{ "[fd42::1]/16", NULL }, { "[fd42::1]/128", NULL }, { "/etc/guests", NULL }, { "u@/etc/guests", NULL },
		{ "10.1.2.3\r", NULL },
		{ "", "no pattern" }, { " , ", "no pattern" }, { "EXCEPT 10.1.2.3", "before it" }, { "ALL EXCEPT", "none after" },
		{ "ALL EXCEPT EXCEPT ALL", "before it" }, { "10.1.2", "no IPv4 address" }, { "10.1.2.256", "no IPv4 address" },
		{ "10.1.2.03", "no IPv4 address" }, { "1", "no IPv4 address" }, { ".", "client is missing" },
		{ "root@", "client is missing" }, { "root@..", "client is missing" }, { "10.1.2.3/24", "bits outside" },
		{ "10.1.2.3/255.255.255.0", "bits outside" }, { "10.1/16", "network is no IPv4" }, { "010.1.0.0/16", "network is no IPv4" },
		{ "a.test/24", "network is no IPv4" }, { "*/24", "network is no IPv4" }, { "10.1.0.0/", "no mask" },
		{ "10.1.0.0/33", "no mask" }, { "10.1.0.0/0", "no mask" }, { "10.1.0.0/016", "no mask" }, { "10.1.0.0/+16", "no mask" },
		{ "10.1.0.0/16x", "no mask" }, { "10.1.0.0/16/16", "no mask" }, { "10.1.0.0/1600000000000", "no mask" },
		{ "10.1.2.3/255.255.255.255", "no mask" }, { "10.1.0.0/0xff.0.0.0", "no mask" }, { "[fd42::1%eth0]", "scope" },
		{ "[fe80::%eth0]/64", "scope" }, { "[::ffff:10.1.2.3]", "IPv4 form" }, { "[::ffff:10.1.0.0]/112", "IPv4 form" },
		{ "[10.1.2.3]", "no IPv6 address" }, { "[fd42::1/64]", "no IPv6 address" }, { "[]", "no IPv6 address" },
		{ "[fd42:*]", "no IPv6 address" }, { "[fd42::1].", "in brackets" }, { "[fd42:: 1]", "in brackets" },
		{ "[fd42::]/", "prefix length" }, { "[fd42::]/x", "prefix length" }, { "[fd42::]/129", "prefix length" },
		{ "[fd42::]/16x", "prefix length" }, { "[fd42::]/-1", "prefix length" }, { "[fd42::]/016", "prefix length" },
		{ "[fd42::1", "brackets" }, { "10.1.2.3]", "brackets" }, { "fd42::1", "option is missing" },
		{ "fd42:1::2", "no such option" }, { "10.1.2.3;", "character" }, { "!10.1.2.3", "character" },
		{ "10.1.2.3 # of bob", "character" }, { "10.1.2.3\v", "character" }, { "\xc2\xa0" "10.1.2.3", "character" },
		{ "10.1.2.3\\", "skips the rule" }, { "/bad", "cannot be used" }, { "10.1.2.3 /bad ALL", "cannot be used" },
		{ "*a*b*", NULL }, { "10.*.*.*", NULL }, { "*a*b*c*", "more than 3" }, { "****", "more than 3" }, { "*?*?*?*?", "more than 3" },
		{ "10.1.2.", NULL }, { "10.", NULL }, { "10.1.2.3.", "prefix never matches" }, { "256.", "prefix never matches" },
		{ "10..", "prefix never matches" }, { "01.2.", "prefix never matches" }, { "1234567890123456.", "prefix never matches" },
		{ "0.0.0.0", "no client" }, { "[::]", "no client" }, { "[0::0]/128", "no client" }, { "10.1.2.3-10.1.2.9", "range" },
		{ "10.1.2.3-9", "range" }, { "1-2", NULL }, { "web-1.test", NULL },
		{ "guest.test.", "ends in a dot" }, { "guest.", "ends in a dot" }, { ".test.", "ends in a dot" },
	};
	struct acl_fault fault;
	static const char named[] = "in.timed: /a, /b EXCEPT u@/c : allow\nsshd: /d\nALL@/e: ALL\n";
	char rule[256];

	(void)unused;
	for (size_t at = 0; at < LENGTH(cases); at++) {
		const char *expected = cases[at].complaint;

		snprintf(rule, sizeof rule, "\nin.timed: %s\n", cases[at].pattern);
		read_text(rule, strlen(rule), &fault);
		if ((fault.what == NULL) != (expected == NULL) || (expected != NULL && strstr(fault.what, expected) == NULL))
			fail_msg("%s: %s", cases[at].pattern, fault.what);
		if (expected != NULL)
			assert_int_equal(fault.line, 2);
		/* The patterns of another daemon's rule do not matter, if the line is complete. */
		snprintf(rule, sizeof rule, "sshd: %s\n", cases[at].pattern);
		read_text(rule, strlen(rule), &fault);
		if (fault.what != NULL && (expected == NULL || strstr("brackets do not match, without a colon, skips the rule", expected) == NULL))
			fail_msg("sshd: %s: %s", cases[at].pattern, fault.what);
		/* A rule may name a daemon at one of the server's addresses. */
		if (strpbrk(cases[at].pattern, " @,") == NULL && cases[at].pattern[0] != '\0') {
			snprintf(rule, sizeof rule, "in.timed@%s: ALL\n", cases[at].pattern);
			read_text(rule, strlen(rule), &fault);
			if ((fault.what == NULL) != (expected == NULL))
				fail_msg("in.timed@%s: %s", cases[at].pattern, fault.what);
		}
	}
	read_text(named, sizeof named - 1, &fault);
	assert_null(fault.what);
	assert_string_equal(lists, "/a /b /c /e ");
}

/* Lines that libwrap skips, truncates or joins to others.  LINE 0: libwrap reads them to their end. */
static void
finds_faulty_lines(void **unused)
{
	static const struct {
		const char *text;
		unsigned long line;
	} cases[] = {
		{ "ALL: ALL", 1 }, { "\nALL: ALL\n ALL: ALL", 3 }, { "ALL: ALL\n# no newline", 0 }, { "ALL: ALL\n \t", 0 },
		{ "ALL: ALL\n# no newline\\", 0 }, { "#\\\n# x\\\n\nALL: ALL\n", 0 }, { "# x\\\nALL: ALL\n", 2 }, { "# x\\\n#\\\nALL: ALL\n", 3 },
		{ "# x\\\n\\\nALL: ALL\n", 2 }, { "# x \\ \nALL: ALL\n", 0 }, { "\\\n# x\\\nALL: ALL\n", 3 }, { "ALL: ALL\\\n", 1 },
		{ "\nALL: ALL\\\n", 2 }, { "ALL: ALL\\", 1 }, { "\\\n", 0 }, { "\\\n\\\n", 0 }, { "# x\\\n", 0 }, { "ALL:\\\nALL\n", 0 },
		{ "ALL:\\\nALL", 1 }, { "ALL: ALL \\\n# x\n", 1 }, { "ALL: ALL \\\n# x", 1 }, { "ALL: \\ \nALL\n", 1 },
		{ "ALL ALL\n", 1 }, { "ALL EXCEPT: ALL\n", 1 }, { "sshd\n", 1 }, { ": ALL\n", 1 }, { " ,: ALL\n", 1 }, { "ALL:\n", 1 }, { "ALL: :\n", 1 },
		{ "\xef\xbb\xbf" "ALL: ALL\n", 1 }, { " # ALL: ALL\n", 1 }, { "  # ALL\n", 1 }, { "in.timed # x: ALL\n", 1 },
		{ "ALL\v: ALL\n", 1 }, { "ALL: ALL\r\n", 0 }, { "\r\n", 0 }, { "ALL: ALL: allow\r\n", 0 },
		{ "[x ALL: ALL\n", 1 }, { "]x[ in.timed: ALL : spawn x\n", 1 }, { "sshd [[a] in.timed: ALL : spawn x\n", 1 },
		{ "in.timed: ALL [ : spawn x\n", 1 }, { "sshd: [x: ALL\n", 1 }, { "sshd: ]x[ : ALL\n", 1 },
		/* A rule that becomes part of another rule by that rule's continuation. */
		{ "sshd: ALL\\\nin.timed: ALL\n", 1 }, { "sshd: ALL: allow\\\nin.timed: ALL\n", 1 }, { "sshd: fd42::1\n", 0 },
		{ "sshd: ALL: spawn (x) \\\nin.timed: ALL\n", 1 }, { "sshd: ALL: spawn (x) \\\n; y \\: z\n", 0 },
		/* Options. */
		{ "ALL: ALL:\n", 1 }, { "ALL: ALL: \n", 1 }, { "ALL: ALL: allow:\n", 1 }, { "ALL: ALL: : allow\n", 1 },
		{ "ALL: ALL: alow\n", 1 }, { "ALL: ALL: allow it\n", 1 }, { "ALL: ALL: allow=\n", 0 }, { "ALL: ALL: allow = x\n", 1 },
		{ "ALL: ALL: severity\n", 1 }, { "ALL: ALL: severity =\n", 1 }, { "ALL: ALL: =\n", 1 }, { "ALL: ALL: keepalive yes\n", 1 },
		{ "ALL: ALL: twist x: allow\n", 1 }, { "ALL: ALL: allow: severity info\n", 1 }, { "ALL: ALL: nice: deny\n", 0 },
		{ "ALL: ALL: rfc931 5\n", 0 }, { "sshd: ALL: alow\n", 0 },
		{ "x\\\\\n\nin.timed: ALL : spawn x\n", 1 },
	};
	static const char nuls[][16] = { "\0ALL: ALL\n", "# x\n# y\0\nALL: A\n" };
	struct acl_fault fault;
	char text[3 * 2048];

	(void)unused;
	for (size_t at = 0; at < LENGTH(cases); at++) {
		enum acl_effect effect = read_text(cases[at].text, strlen(cases[at].text), &fault);

		if (cases[at].line == 0 ? fault.what != NULL : fault.what == NULL || fault.line != cases[at].line)
			fail_msg("%s: line %lu: %s", cases[at].text, fault.line, fault.what);
		if (fault.what != NULL)
			assert_int_equal(effect, ACL_PLAIN);
	}
	read_text(nuls[0], 10, &fault);
	assert_int_equal(fault.line, 1);
	read_text(nuls[1], 16, &fault);
	assert_int_equal(fault.line, 2);
	/* 2,046 characters and the newline fit, also when lines are joined. */
	for (size_t length = 2040; length < 2054; length++) {
		for (size_t cut = 0; cut < length; cut += length / 2) {
			size_t joint = cut > 0 ? 2 : 0;
			bool fits;

			memset(text, '#', length + joint);
			memcpy(text + cut, "\\\n", joint);
			text[length + joint] = '\n';
			read_text(text, length + joint + 1, &fault);
			fits = length <= 2046;
			if ((fault.what == NULL) != fits)
				fail_msg("%zu characters, cut after %zu: %s", length, cut, fault.what);
		}
		/* The backslash and the newline that are removed must fit, too. */
		memset(text, '#', length);
		memcpy(text + length, "\\\n#\n", 4);
		read_text(text, length + 4, &fault);
		assert_int_equal(fault.what == NULL, length <= 2045);
	}
}

static void
reads_lists(void **unused)
{
	static const struct {
		const char *text;
		unsigned long line;
	} cases[] = {
		{ "", 0 }, { "10.1.2.3\n[fd42::]/16\t.test\r\n\n", 0 }, { "10.1.2.3", 0 }, { "fd42:*\n/more @group", 0 }, { "ALL", 0 },
		{ "10.1.2.3\n# of bob\n", 2 }, { "10.1.2.3, 10.1.2.4\n", 1 }, { "10.1.\nEXCEPT 10.1.2.3\n", 2 }, { "\n\nfd42::1\n", 3 },
		{ "root@10.1.2.3\n", 1 }, { "10.1.2.3 \\\n10.1.2.4\n", 1 }, { "10.1.2\n", 1 }, { "[fe80::1%eth0]\n", 1 }, { "a\n/bad", 2 },
		{ "ALL: ALL\n", 1 }, { "\xef\xbb\xbf" "10.1.2.3\n", 1 },
	};
	struct acl_fault fault;
	static char word[8200];

	(void)unused;
	for (size_t at = 0; at < LENGTH(cases); at++) {
		acl_parse_list(cases[at].text, strlen(cases[at].text), &visitor, &fault);
		if (cases[at].line == 0 ? fault.what != NULL : fault.what == NULL || fault.line != cases[at].line)
			fail_msg("%s: line %lu: %s", cases[at].text, fault.line, fault.what);
	}
	acl_parse_list("a\n\0b\n", 5, &visitor, &fault);
	assert_int_equal(fault.line, 2);
	assert_non_null(fault.what);
	memset(word, 'a', sizeof word);
	word[8191] = '\n';
	acl_parse_list(word, sizeof word, &visitor, &fault);
	assert_null(fault.what);
	word[8191] = 'a';
	acl_parse_list(word, 8192, &visitor, &fault);
	assert_non_null(fault.what);
}

/* Patterns that never match a client of this daemon, or more than they seem to: a word of the note, or NULL for none. */
static void
notes_patterns(void **unused)
{
	static const struct {
		const char *rule, *note;
	} cases[] = {
		{ "in.timed: ALL", NULL }, { "in.timed: 10.1.2.3 10.1. 10.1.0.0/16 [fd42::1] [fd42::]/16 [fd42::1]/128", NULL },
		{ "in.timed: LOCAL KNOWN .example.com *.example.com guest.example.com * ? ?* guest?.example.com gu*.lan", NULL },
		{ "in.timed: 0.0.0.0/0.0.0.0 10.1.0.0/255.255.0.0 10.1.2.3/32", NULL }, { "in.timed: [::]/0 [8000::]/1", NULL },
		{ "in.timed: @group", "netgroup" }, { "in.timed: ALL EXCEPT @group", "netgroup" },
		{ "in.timed: root@10.1.2.3", "user's name" }, { "in.timed: KNOWN@ALL", "user's name" },
		{ "in.timed: ALL@10.1.2.3 unknown@10.1.2.3 *@10.1.2.3", NULL }, { "in.timed: ALL@@group", "netgroup" },
		{ "in.timed@10.1.2.3: ALL", "server's address" }, { "ALL@10.1.2.3: ALL", "server's address" },
		{ "ALL@/a: ALL", "server's address" }, { "in.*@LOCAL: ALL", "server's address" }, { "ALL@@group: ALL", "server's address" },
		{ "in.timed@ALL: ALL", NULL }, { "ALL@UNKNOWN: ALL", NULL }, { "sshd@10.1.2.3: @group", NULL },
		{ "sshd@10.1.2.3 in.timed: ALL", NULL }, { "37: ALL", "port" }, { "22, in.timed: ALL", "port" },
		{ "in.timed: [fd42::1]/16", "outside of its prefix" }, { "in.timed: [8000::]/0", "outside of its prefix" },
		{ "in.timed: [fd42::1]/127", "outside of its prefix" }, { "in.timed: 10.0.3.0/255.0.255.0", "gaps" },
		{ "in.timed: 10.1.*", "ends in *" }, { "in.timed: fd42*", "ends in *" }, { "in.timed: guest*", "ends in *" },
		{ "in.timed: *.*", "ends in *" }, { "in.timed: 192.168.122.???", "ends in * or ?" },
		{ "in.timed: example.*?", "ends in * or ?" }, { "in.timed: gu*st", "other domains" },
		{ "in.timed: ?example.com", "other domains" }, { "in.timed: *-example.com", "other domains" },
		{ "in.timed: guest*example.com", "other domains" }, { "in.timed: *.1.2", "ends so" },
		{ "in.timed: *example.com", "other domains" }, { "in.timed: .3", "ends so" },
		{ "sshd: @group", NULL },
	};
	struct acl_fault fault;
	char text[128];

	(void)unused;
	for (size_t at = 0; at < LENGTH(cases); at++) {
		const char *note = cases[at].note;

		snprintf(text, sizeof text, "# a\n%s\n", cases[at].rule);
		read_text(text, strlen(text), &fault);
		if (fault.what != NULL || (note == NULL ? notes[0] != '\0' : strncmp(notes, "2: ", 3) != 0 || strstr(notes, note) == NULL ||
		    notes[strcspn(notes, "\n") + 1] != '\0'))
			fail_msg("%s: %s; notes: %s", cases[at].rule, fault.what, notes);
	}
	notes[0] = '\0';
	acl_parse_list("fd42:*\n10.1.*\n\n@group", 21, &visitor, &fault);
	assert_null(fault.what);
	assert_int_equal(strncmp(notes, "2: 10.1.*: a pattern that ends in *", 35), 0);
	assert_non_null(strstr(notes, "\n4: @group: a netgroup"));
}

/* The rules that may concern the daemon, with their first lines, verdicts, and lists without options. */
static void
reports_rules(void **unused)
{
	static const char table_text[] = "# a\nsshd: ALL\n in.timed: [fd42::]/16 \\\n 10.1. : severity info : deny\nALL:ALL\n"
	    "in.timed: LOCAL: aclexec /x : allow\nin.timed: .a: twist y\nin.timed: .b: allow\nin.timed: .c EXCEPT .d:nice\n"
	    "in.timed: ALL: alow\nALL: ALL\n";
	struct acl_fault fault;

	(void)unused;
	read_text(table_text, sizeof table_text - 1, &fault);
	assert_int_equal(fault.line, 10);
	assert_string_equal(rules, "3 2 < in.timed: [fd42::]/16  10.1. >\n5 0 <ALL:ALL>\n6 4 <in.timed: LOCAL>\n7 3 <in.timed: .a>\n"
	    "8 1 <in.timed: .b>\n9 0 <in.timed: .c EXCEPT .d>\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cache_keeps_verdicts),
		cmocka_unit_test(cache_distinguishes_scopes),
		cmocka_unit_test(cache_skips_other_families),
		cmocka_unit_test(cache_is_bounded),
		cmocka_unit_test(limits_logged_lines),
		cmocka_unit_test(finds_rules_with_effects),
		cmocka_unit_test(judges_patterns),
		cmocka_unit_test(notes_patterns),
		cmocka_unit_test(reports_rules),
		cmocka_unit_test(finds_faulty_lines),
		cmocka_unit_test(reads_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
