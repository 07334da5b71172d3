/* Which datagrams in.timed does not answer: see loop_guard.h. */
#include "timed/loop_guard.h"

#include <arpa/inet.h>

/* Lower ports are those of services (RFC 6335, section 6: system ports are 0 to 1023). */
#define FIRST_CLIENT_PORT 1024

bool
loop_guard_may_reply(const union peer *client, size_t octets)
{
	if (octets > LOOP_GUARD_OCTETS || peer_port(client) < FIRST_CLIENT_PORT)
		return false;
	if (client->any.sa_family == AF_INET) {
		uint32_t address = ntohl(client->v4.sin_addr.s_addr);

		/* 0.0.0.0/8 is "this network"; addresses from 224.0.0.0 are multicast, reserved or broadcast. */
		return address >> 24 != 0 && address < UINT32_C(0xe0000000);
	}
	return client->any.sa_family == AF_INET6 && !IN6_IS_ADDR_MULTICAST(&client->v6.sin6_addr) &&
	    !IN6_IS_ADDR_UNSPECIFIED(&client->v6.sin6_addr);
}
