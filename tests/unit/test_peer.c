/* peer and loop_guard: addresses, IPv4-mapped ones, and those that get no reply. */
#include "unit.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/peer.h"
#include "timed/loop_guard.h"

static union peer
peer_of(const char *text, unsigned port)
{
	union peer peer;

	memset(&peer, 0, sizeof peer);
	if (inet_pton(AF_INET, text, &peer.v4.sin_addr) == 1)
		peer.v4.sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &peer.v6.sin6_addr) == 1)
		peer.v6.sin6_family = AF_INET6;
	/* The port is at the same place in both. */
	peer.v4.sin_port = htons((uint16_t)port);
	return peer;
}

static void
unmaps(void **unused)
{
	union peer peer = peer_of("::ffff:192.0.2.7", 4711);
	char text[PEER_TEXT];

	(void)unused;
	peer_unmap(&peer);
	assert_int_equal(peer.any.sa_family, AF_INET);
	assert_int_equal(peer_port(&peer), 4711);
	peer_format(&peer, text);
	assert_string_equal(text, "192.0.2.7");
	peer = peer_of("2001:db8::1", 1);
	peer_unmap(&peer);
	assert_int_equal(peer.any.sa_family, AF_INET6);
}

static void
loop_prone(void **unused)
{
	static const struct {
		const char *address;
		unsigned port;
		bool may_loop;
	} table[] = {
		{ "192.0.2.1", 0, true }, { "192.0.2.1", 7, true }, { "192.0.2.1", 37, true }, { "192.0.2.1", 1023, true },
		{ "192.0.2.1", 1024, false }, { "192.0.2.1", 65535, false }, { "127.0.0.1", 40000, false },
		{ "0.0.0.0", 40000, true }, { "0.1.2.3", 40000, true }, { "223.255.255.255", 40000, false },
		{ "224.0.0.1", 40000, true }, { "239.1.1.1", 40000, true }, { "240.0.0.1", 40000, true },
		{ "255.255.255.255", 40000, true }, { "2001:db8::1", 40000, false }, { "2001:db8::1", 37, true },
		{ "::", 40000, true }, { "ff02::1", 40000, true }, { "fe80::1", 40000, false }, { "::1", 40000, false },
	};

	(void)unused;
	for (size_t at = 0; at < LENGTH(table); at++) {
		union peer peer = peer_of(table[at].address, table[at].port);

		assert_int_equal(loop_guard_may_reply(&peer, 0), !table[at].may_loop);
		assert_int_equal(loop_guard_may_reply(&peer, 3), !table[at].may_loop);
		assert_false(loop_guard_may_reply(&peer, 4));
	}
	assert_false(loop_guard_may_reply(&(union peer){ .any = { .sa_family = AF_UNIX } }, 0));
}

/* This test's own interfaces: one has a name that is another one's number. */
static unsigned
interface_number(const char *name)
{
	static const struct { const char *name; unsigned number; } interfaces[] = { { "eth0", 2 }, { "eth1", 3 }, { "2", 7 } };

	for (size_t at = 0; at < LENGTH(interfaces); at++)
		if (strcmp(name, interfaces[at].name) == 0)
			return interfaces[at].number;
	return 0;
}

static void
parses(void **unused)
{
	static const char *const good[] = { "192.0.2.1", "::1", "2001:db8::192.0.2.1", "fe80::1%eth0", "fe80::1%3",
		"fe80::1%br-0+1@x.7" };
	static const char *const bad[] = { "", "192.0.2", "192.0.2.256", "192.0.2.1 ", "host", "127.1", "0x7f.1", "::g",
		"192.0.2.1%eth0", "fe80::1%", "fe80::1%0123456789abcdef", "2001:db8::1%eth0",
		"fe80::1%a b", "fe80::1%a/b", "fe80::1%a:b", "fe80::1%\n", "fe80::1%\x1b[2J", "fe80::1%\x7f", "fe80::1%\xe9th",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222" };
	union peer a, b;

	(void)unused;
	for (size_t at = 0; at < LENGTH(good); at++)
		assert_true(peer_parse(good[at], NULL, &a));
	for (size_t at = 0; at < LENGTH(bad); at++)
		assert_false(peer_parse(bad[at], interface_number, &a));
	assert_true(peer_parse("::ffff:192.0.2.1", interface_number, &a) && peer_parse("192.0.2.1", interface_number, &b));
	assert_true(peer_same_host(&a, &b));
	assert_true(peer_parse("fe80::1%3", interface_number, &a) && peer_parse("fe80::1%4", interface_number, &b));
	assert_false(peer_same_host(&a, &b));
	assert_true(peer_parse("2001:db8:0::1", interface_number, &a) && peer_parse("2001:DB8::1", interface_number, &b));
	assert_true(peer_same_host(&a, &b));
	assert_true(peer_parse("192.0.2.1", interface_number, &a));
	assert_false(peer_same_host(&a, &b));
}

static void
scopes(void **unused)
{
	static const struct { const char *a, *b; bool same; } table[] = {
		{ "fe80::1%eth1", "fe80::1%3", true }, { "fe80::1%eth1", "fe80::1%eth1", true },
		{ "fe80::1%eth0", "fe80::1%eth1", false }, { "fe80::1%eth0", "fe80::2%eth0", false },
		{ "fe80::1%eth0", "fe80::1", false }, { "fe80::1", "fe80::1", true },
		/* If a number is also an interface's name, the name is meant. */
		{ "fe80::1%2", "fe80::1%7", true }, { "fe80::1%2", "fe80::1%eth0", false },
		/* Interface names are case-sensitive, and one that does not exist is no host's. */
		{ "fe80::1%eth0", "fe80::1%ETH0", false }, { "fe80::1%gone", "fe80::1%gone", false },
		{ "fe80::1%gone", "fe80::1%else", false }, { "fe80::1%gone", "fe80::1", false },
	};
	union peer a, b;

	(void)unused;
	for (size_t at = 0; at < LENGTH(table); at++) {
		assert_true(peer_parse(table[at].a, interface_number, &a) && peer_parse(table[at].b, interface_number, &b));
		if (peer_same_host(&a, &b) != table[at].same || peer_same_host(&b, &a) != table[at].same)
			fail_msg("%s and %s", table[at].a, table[at].b);
	}
	assert_true(peer_parse("fe80::1%eth0", NULL, &a));
	assert_true(a.v6.sin6_scope_id == PEER_NO_INTERFACE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unmaps),
		cmocka_unit_test(loop_prone),
		cmocka_unit_test(parses),
		cmocka_unit_test(scopes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
