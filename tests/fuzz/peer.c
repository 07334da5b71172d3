/* peer: the input as an address literal, and as a socket address. */
#include "fuzz.h"

#include <arpa/inet.h>

#include "lib/peer.h"
#include "timed/loop_guard.h"

static void
check_formatted(const union peer *peer)
{
	char text[PEER_TEXT];
	union peer back;

	peer_format(peer, text);
	REQUIRE(fuzz_is_line(text, sizeof text));
	REQUIRE(fuzz_consists_of(text, "0123456789abcdef.:%") || strcmp(text, "unknown") == 0);
	if (peer->any.sa_family != AF_INET && peer->any.sa_family != AF_INET6)
		REQUIRE(strcmp(text, "unknown") == 0);
	/* Only a link-local address has a scope, and the parser accepts a scope of at most nine digits. */
	else if (strchr(text, '%') == NULL ||
	    (IN6_IS_ADDR_LINKLOCAL(&peer->v6.sin6_addr) && peer->v6.sin6_scope_id < 1000000000)) {
		REQUIRE(peer_parse(text, NULL, &back));
		REQUIRE(peer_same_host(peer, &back) && peer_same_host(&back, peer));
	}
}

static void
as_literal(const char *text)
{
	union peer peer, filled;

	memset(&filled, 0xff, sizeof filled);
	if (!peer_parse(text, NULL, &peer)) {
		REQUIRE(!peer_parse(text, NULL, &filled));
		return;
	}
	/* The parser overwrites the whole union. */
	REQUIRE(peer_parse(text, NULL, &filled) && memcmp(&filled, &peer, sizeof peer) == 0);
	REQUIRE(peer.any.sa_family == AF_INET || peer.any.sa_family == AF_INET6);
	REQUIRE(peer_port(&peer) == 0 && !loop_guard_may_reply(&peer, 0));
	REQUIRE(fuzz_is_line(text, PEER_TEXT) && strpbrk(text, " /") == NULL);
	check_formatted(&peer);
}

static void
as_socket_address(const uint8_t *data, size_t size)
{
	union peer peer, unmapped;

	memset(&peer, 0, sizeof peer);
	memcpy(&peer, data, size < sizeof peer.v6 ? size : sizeof peer.v6);
	peer.any.sa_family = size == 0 || data[0] % 4 == 0 ? AF_UNSPEC : data[0] % 4 == 1 ? AF_INET : AF_INET6;
	unmapped = peer;
	peer_unmap(&unmapped);
	REQUIRE(peer_port(&unmapped) == peer_port(&peer));
	REQUIRE(unmapped.any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&unmapped.v6.sin6_addr));
	REQUIRE(peer_port(&unmapped) >= 1024 || !loop_guard_may_reply(&unmapped, 0));
	if (unmapped.any.sa_family == AF_INET && loop_guard_may_reply(&unmapped, 0)) {
		REQUIRE(!IN_MULTICAST(ntohl(unmapped.v4.sin_addr.s_addr)));
		REQUIRE(unmapped.v4.sin_addr.s_addr != INADDR_BROADCAST && unmapped.v4.sin_addr.s_addr != INADDR_ANY);
	}
	REQUIRE(unmapped.any.sa_family == AF_UNSPEC || peer_same_host(&unmapped, &unmapped) ||
	    (unmapped.any.sa_family == AF_INET6 && unmapped.v6.sin6_scope_id == PEER_NO_INTERFACE));
	check_formatted(&unmapped);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	as_literal(text);
	as_socket_address(data, size);
	free(text);
	return 0;
}
