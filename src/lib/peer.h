/*
 * Socket addresses of clients and time sources.
 *
 * Pure.  Addresses are IPv4 or IPv6 (RFC 4291).  A dual-stack socket shows an IPv4 client as ::ffff:a.b.c.d (RFC 4291,
 * section 2.5.5.2); peer_unmap() turns that into the IPv4 address.  "Unmapped" says that the caller must call
 * peer_unmap() on the address first.
 */
#ifndef GUESTCLOCK_PEER_H
#define GUESTCLOCK_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

union peer {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage room;
};

/* Changes a v4-mapped IPv6 address into the IPv4 address, with the same port; does not change any other address. */
void peer_unmap(union peer *peer);

/* The port in host byte order, 0 to 65535; 0 if the family is neither IPv4 nor IPv6. */
uint16_t peer_port(const union peer *peer);

/* The scope that peer_parse() gives a link-local address whose text names an interface that does not exist. */
#define PEER_NO_INTERFACE UINT32_MAX

/*
 * Whether two addresses (unmapped) belong to the same host: compares the addresses and, if they are link-local, their
 * scopes, but not the ports.  An address with PEER_NO_INTERFACE belongs to no host.
 */
bool peer_same_host(const union peer *a, const union peer *b);

/*
 * A callback: returns the number of the network interface NAME, or 0 if there is none.  The caller of peer_parse()
 * passes if_nametoindex(3), which is not pure.
 */
typedef unsigned peer_interface(const char *name);

/*
 * Parses an address literal (no name, no port) into PEER, with port 0, and calls peer_unmap() on PEER.  A link-local
 * IPv6 address may end in %scope: the name of an interface, which NUMBER_OF translates, or its number.  If no interface
 * has this name, or if NUMBER_OF is NULL and the scope is a name, returns true with the scope PEER_NO_INTERFACE.
 * If TEXT is not an address, returns false, and PEER has the family AF_UNSPEC.
 */
bool peer_parse(const char *text, peer_interface *number_of, union peer *peer);

/* The size of a buffer for any address as text, with its %scope and a NUL. */
#define PEER_TEXT 64

/* Writes the numeric address, without the port, as text; "unknown" if the family is neither IPv4 nor IPv6. */
void peer_format(const union peer *peer, char text[PEER_TEXT]);

#endif
