/* Addresses of clients and time sources: see peer.h. */
#include "lib/peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
peer_unmap(union peer *peer)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };

	if (peer->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&peer->v6.sin6_addr))
		return;
	v4.sin_port = peer->v6.sin6_port;
	memcpy(&v4.sin_addr, &peer->v6.sin6_addr.s6_addr[12], sizeof v4.sin_addr);
	peer->v4 = v4;
}

uint16_t
peer_port(const union peer *peer)
{
	if (peer->any.sa_family == AF_INET)
		return ntohs(peer->v4.sin_port);
	if (peer->any.sa_family == AF_INET6)
		return ntohs(peer->v6.sin6_port);
	return 0;
}

bool
peer_same_host(const union peer *a, const union peer *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return a->any.sa_family == AF_INET6 &&
	    memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0 &&
	    (!IN6_IS_ADDR_LINKLOCAL(&a->v6.sin6_addr) ||
	    (a->v6.sin6_scope_id == b->v6.sin6_scope_id && a->v6.sin6_scope_id != PEER_NO_INTERFACE));
}

/*
 * Whether SCOPE can be an interface's name or number.  The kernel forbids blanks, "/" and ":" in names; the log allows
 * only printable ASCII.
 */
static bool
scope_valid(const char *scope)
{
	size_t length = strlen(scope);

	for (const char *at = scope; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~' || *at == '/' || *at == ':')
			return false;
	return length > 0 && length <= 15;
}

static uint32_t
scope_number(const char *scope, peer_interface *number_of)
{
	size_t digits = strspn(scope, "0123456789");
	uint32_t number = number_of != NULL ? number_of(scope) : 0;

	/* A name may consist of digits.  If such an interface exists, the name has priority, as in getaddrinfo(3). */
	if (number != 0)
		return number;
	return digits <= 9 && scope[digits] == '\0' ? (uint32_t)strtoul(scope, NULL, 10) : PEER_NO_INTERFACE;
}

bool
peer_parse(const char *text, peer_interface *number_of, union peer *peer)
{
	char address[INET6_ADDRSTRLEN];
	const char *percent = strchr(text, '%');
	size_t length = percent != NULL ? (size_t)(percent - text) : strlen(text);

	memset(peer, 0, sizeof *peer);
	if (length >= sizeof address)
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	if (percent == NULL && inet_pton(AF_INET, address, &peer->v4.sin_addr) == 1) {
		peer->v4.sin_family = AF_INET;
		return true;
	}
	if (inet_pton(AF_INET6, address, &peer->v6.sin6_addr) != 1)
		return false;
	/* Only a link-local address needs a scope; reject it in all others. */
	if (percent != NULL) {
		if (!IN6_IS_ADDR_LINKLOCAL(&peer->v6.sin6_addr) || !scope_valid(percent + 1))
			return false;
		peer->v6.sin6_scope_id = scope_number(percent + 1, number_of);
	}
	peer->v6.sin6_family = AF_INET6;
	peer_unmap(peer);
	return true;
}

void
peer_format(const union peer *peer, char text[PEER_TEXT])
{
	/* PEER_TEXT has room for every address: inet_ntop(3) cannot fail. */
	if (peer->any.sa_family == AF_INET)
		inet_ntop(AF_INET, &peer->v4.sin_addr, text, PEER_TEXT);
	else if (peer->any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &peer->v6.sin6_addr, text, PEER_TEXT);
		if (peer->v6.sin6_scope_id != 0)
			snprintf(text + strlen(text), PEER_TEXT - INET6_ADDRSTRLEN, "%%%u", (unsigned)peer->v6.sin6_scope_id);
	} else
		strcpy(text, "unknown");
}
