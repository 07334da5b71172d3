/*
 * What a client's socket address means to a time service.
 *
 * Pure.  Addresses are IPv4 or IPv6 (RFC 4291); an IPv4 client of a dual-stack socket shows up as ::ffff:a.b.c.d
 * (RFC 4291, section 2.5.5.2) and is treated as the IPv4 address that it is.
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

/* Turns a v4-mapped IPv6 address into the IPv4 one; leaves every other address as it is. */
void peer_unmap(union peer *peer);

/* The port in host byte order, 0 to 65535; 0 for other families. */
uint16_t peer_port(const union peer *peer);

/*
 * Whether a datagram from PEER (unmapped) must not be answered: its port is below 1024, 0 included, where another
 * service may answer the answer and so on for ever (CVE-1999-0103, CVE-2024-2169); or its address is a broadcast,
 * multicast, reserved or unspecified one.
 */
bool peer_may_loop(const union peer *peer);

/* The scope of a link-local address whose text names an interface that does not exist. */
#define PEER_NO_INTERFACE UINT32_MAX

/*
 * Whether two addresses (unmapped) are the same host's: address and, where link-local, scope; ports do not count.  An
 * address with PEER_NO_INTERFACE is no host's.
 */
bool peer_same_host(const union peer *a, const union peer *b);

/* The number of the network interface NAME, 0 when there is none: if_nametoindex(3), which is no pure function. */
typedef unsigned peer_interface(const char *name);

/*
 * Reads an address literal (no name, no port) into PEER, unmapped, port 0.  A link-local IPv6 address may carry %scope: an
 * interface's name, for which NUMBER_OF is asked, or its number.  NUMBER_OF may be NULL: then no name exists.
 * False, and the family AF_UNSPEC, when TEXT is not one.
 */
bool peer_parse(const char *text, peer_interface *number_of, union peer *peer);

/* Room for any address text, its %scope and the final NUL. */
#define PEER_TEXT 64

/* Writes the address as text, numeric, without the port; "unknown" for other families. */
void peer_format(const union peer *peer, char text[PEER_TEXT]);

#endif
