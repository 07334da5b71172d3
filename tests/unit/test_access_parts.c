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
		bool acts;
	} cases[] = {
		{ "", false }, { "\n\n# ALL: ALL: spawn x\n", false }, { "ALL: 127.0.0.1\n", false },
		{ "in.timed: 10.0.0.0/8 : allow\n", false }, { "in.timed: 10.0.0.0/8 : DENY", false },
		{ "in.timed: ALL : spawn (id) &\n", true }, { "in.timed: ALL : severity auth.info : allow\n", true },
		{ "in.timed: ALL : allow : severity auth.info\n", true }, { "ALL: ALL : twist /bin/echo\n", true },
		{ "sshd: ALL : spawn (id)\n", false }, { "sshd, in.ftpd: ALL : spawn (id)\n", false },
		{ "sshd in.timed: ALL : spawn (id)\n", true }, { "ALL EXCEPT sshd: ALL : spawn x\n", true },
		{ "in.timed@10.0.0.1: ALL : spawn x\n", true }, { "in.*: ALL : spawn x\n", true },
		{ "in.timed: [2001:db8::]/32\n", false }, { "in.timed: [2001:db8::]/32 : allow\n", false },
		{ "in.timed: [::1] : setenv A b\n", true }, { "in.timed: ALL \\\n : spawn x\n", true },
		{ "in.timed: ALL \\\n EXCEPT 10.1.1.1\n", false }, { "IN.TIMED: ALL: ALLOW\n", false },
		{ "in.timed: ALL : banners /etc/b\n", true }, { "in.timed: ALL :\n", false }, { "in.timed:a\\:b\n", false },
	};
	char lines[8192];

	(void)unused;
	for (size_t at = 0; at < LENGTH(cases); at++)
		if (tables_rule_acts(cases[at].text, strlen(cases[at].text), "in.timed") != cases[at].acts)
			fail_msg("%s", cases[at].text);
	/* In doubt it acts: a line longer than libwrap's, an octet of zero. */
	memset(lines, 'a', sizeof lines);
	assert_true(tables_rule_acts(lines, sizeof lines, "in.timed"));
	assert_true(tables_rule_acts("a\0b", 3, "in.timed"));
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
