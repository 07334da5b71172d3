/* verdict, ratelimit, tables: what keeps access control fast without making it wrong. */
#include "unit.h"

#include <arpa/inet.h>
#include <string.h>

#include "ratelimit.h"
#include "tables.h"
#include "verdict.h"

static struct verdict_table table;

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
	verdict_start(&table, 12345);
}

static void
keeps(void **unused)
{
	union peer a = v4(0x7f000001), b = v4(0x7f000002);

	(void)unused;
	fresh();
	assert_int_equal(verdict_find(&table, &a, 0), VERDICT_UNKNOWN);
	verdict_keep(&table, &a, 0, VERDICT_ALLOWED);
	verdict_keep(&table, &b, 0, VERDICT_DENIED);
	a.v4.sin_port = htons(999);
	assert_int_equal(verdict_find(&table, &a, 0), VERDICT_ALLOWED);
	assert_int_equal(verdict_find(&table, &b, 0), VERDICT_DENIED);
	assert_int_equal(verdict_find(&table, &a, VERDICT_TICKS - 1), VERDICT_ALLOWED);
	assert_int_equal(verdict_find(&table, &a, VERDICT_TICKS), VERDICT_UNKNOWN);
	verdict_keep(&table, &a, VERDICT_TICKS, VERDICT_DENIED);
	assert_int_equal(verdict_find(&table, &a, VERDICT_TICKS), VERDICT_DENIED);
	verdict_forget_all(&table);
	assert_int_equal(verdict_find(&table, &a, VERDICT_TICKS), VERDICT_UNKNOWN);
	assert_int_equal(verdict_find(&table, &b, 0), VERDICT_UNKNOWN);
}

static void
scopes_differ(void **unused)
{
	union peer a = { .v6 = { .sin6_family = AF_INET6, .sin6_scope_id = 2 } }, b;

	(void)unused;
	fresh();
	inet_pton(AF_INET6, "fe80::1", &a.v6.sin6_addr);
	b = a;
	b.v6.sin6_scope_id = 3;
	verdict_keep(&table, &a, 0, VERDICT_ALLOWED);
	assert_int_equal(verdict_find(&table, &b, 0), VERDICT_UNKNOWN);
}

static void
bounded(void **unused)
{
	size_t kept = 0;

	(void)unused;
	/* 10,000 neighbours fit nearly all; a hundred times as many harm nothing but themselves. */
	fresh();
	for (uint32_t at = 0; at < 10000; at++) {
		union peer peer = v4(0x0a000000 + at);

		verdict_keep(&table, &peer, 1, VERDICT_ALLOWED);
	}
	for (uint32_t at = 0; at < 10000; at++) {
		union peer peer = v4(0x0a000000 + at);

		kept += verdict_find(&table, &peer, 1) == VERDICT_ALLOWED;
	}
	assert_true(kept > 9000);
	for (uint32_t at = 0; at < 1000000; at++) {
		union peer peer = v4(0x0b000000 + at);

		verdict_keep(&table, &peer, 2, VERDICT_DENIED);
		assert_int_equal(verdict_find(&table, &peer, 2), VERDICT_DENIED);
	}
}

static void
limits_lines(void **unused)
{
	struct ratelimit limit = { 0 };
	unsigned lines = 0;
	uint64_t held = 0;

	(void)unused;
	for (int at = 0; at < 1000; at++)
		lines += ratelimit_allows(&limit);
	assert_int_equal(lines, LOG_BURST);
	for (int tick = 0; tick < LOG_REFILL_TICKS; tick++)
		held += ratelimit_tick(&limit);
	assert_int_equal(held, 1000 - LOG_BURST);
	assert_false(ratelimit_allows(&limit));
	/* A flood for an hour: one line for each refill, and nothing uncounted. */
	lines = 0;
	held = 0;
	for (int tick = 0; tick < 3600; tick++) {
		uint64_t told = ratelimit_tick(&limit);

		held += told;
		lines += told > 0;
		for (int at = 0; at < 1000; at++)
			lines += ratelimit_allows(&limit);
	}
	assert_true(lines <= 3600 / LOG_REFILL_TICKS + 1);
	assert_int_equal(held + limit.held, 1 + 3600 * 1000);
	/* Then quiet: the bucket fills again. */
	for (int tick = 0; tick < (LOG_BURST + 2) * LOG_REFILL_TICKS; tick++)
		ratelimit_tick(&limit);
	assert_int_equal(limit.used, 0);
}

static void
finds_acting_rules(void **unused)
{
	static const struct {
		const char *text;
		enum tables_effect effect;
	} cases[] = {
		{ "", TABLES_PLAIN }, { "\n\n# ALL: ALL: spawn x\n", TABLES_PLAIN }, { "ALL: 127.0.0.1\n", TABLES_PLAIN },
		{ "in.timed: 10.0.0.0/8 : allow\n", TABLES_PLAIN }, { "in.timed: 10.0.0.0/8 : DENY", TABLES_PLAIN },
		{ "in.timed: ALL : spawn (id) &\n", TABLES_RUN }, { "ALL: ALL : twist /bin/echo\n", TABLES_RUN },
		{ "in.timed: ALL : severity auth.info : allow\n", TABLES_ACT },
		{ "in.timed: ALL : allow : severity auth.info\n", TABLES_ACT }, { "ALL: ALL: Severity=info", TABLES_ACT },
		{ "in.timed: ALL : keepalive\n", TABLES_ACT }, { "in.timed: ALL : linger 5 : deny\n", TABLES_ACT },
		{ "in.timed: ALL : severity info : spawn (id)\n", TABLES_RUN },
		{ "in.timed: ALL : severity info\nin.timed: ALL : spawn (id)\n", TABLES_RUN },
		{ "in.timed: ALL : spawn (id)\nin.timed: ALL : severity info\n", TABLES_RUN },
		{ "in.timed: ALL : severity\n", TABLES_RUN }, { "in.timed: ALL : keepalive yes\n", TABLES_RUN },
		{ "in.timed: ALL : allow it\n", TABLES_RUN }, { "in.timed: ALL : allowed\n", TABLES_RUN },
		{ "in.timed: ALL : =\n", TABLES_RUN },
		{ "sshd: ALL : spawn (id)\n", TABLES_PLAIN }, { "sshd, in.ftpd: ALL : spawn (id)\n", TABLES_PLAIN },
		{ "sshd in.timed: ALL : spawn (id)\n", TABLES_RUN }, { "ALL EXCEPT sshd: ALL : spawn x\n", TABLES_RUN },
		{ "in.timed@10.0.0.1: ALL : spawn x\n", TABLES_RUN }, { "in.*: ALL : spawn x\n", TABLES_RUN },
		{ "in.timed: [2001:db8::]/32\n", TABLES_PLAIN }, { "in.timed: [2001:db8::]/32 : allow\n", TABLES_PLAIN },
		{ "in.timed: [::1] : setenv A b\n", TABLES_RUN }, { "in.timed: ALL \\\n : spawn x\n", TABLES_RUN },
		{ "in.timed: ALL \\\n EXCEPT 10.1.1.1\n", TABLES_PLAIN }, { "IN.TIMED: ALL: ALLOW\n", TABLES_PLAIN },
		{ "in.timed: ALL : banners /etc/b\n", TABLES_RUN }, { "in.timed: ALL :\n", TABLES_PLAIN },
		{ "in.timed: 10.1.1.1 \\: spawn x\n", TABLES_RUN },
		{ "sshd\\: ALL : spawn x\n", TABLES_PLAIN }, { "in.timed \\: ALL : spawn x\n", TABLES_RUN },
		{ "in.timed: ALL : severity \\: spawn x\n", TABLES_ACT }, { "KNOWN: ALL : spawn x\n", TABLES_RUN },
		{ "]x[ in.timed: ALL : spawn x\n", TABLES_RUN }, { "sshd [[a] in.timed: ALL : spawn x\n", TABLES_RUN },
		{ "in.timed: ALL [ : spawn x\n", TABLES_RUN }, { "in.timed: ALL : severity [ : spawn x ]\n", TABLES_RUN },
		{ "x\\\\\n\nin.timed: ALL : spawn x\n", TABLES_RUN }, { "in.timed: ALL \\\n\\\n : spawn x\n", TABLES_RUN },
		{ "in.timed: ALL : spawn x \\", TABLES_RUN },
	};
	char lines[8192];

	(void)unused;
	for (size_t at = 0; at < LENGTH(cases); at++)
		if (tables_effect(cases[at].text, strlen(cases[at].text), "in.timed") != cases[at].effect)
			fail_msg("%s", cases[at].text);
	/* In doubt it runs something: a line longer than libwrap's, an octet of zero. */
	memset(lines, 'a', sizeof lines);
	assert_int_equal(tables_effect(lines, sizeof lines, "in.timed"), TABLES_RUN);
	assert_int_equal(tables_effect("a\0b", 3, "in.timed"), TABLES_RUN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps),
		cmocka_unit_test(scopes_differ),
		cmocka_unit_test(bounded),
		cmocka_unit_test(limits_lines),
		cmocka_unit_test(finds_acting_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
