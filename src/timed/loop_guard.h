/*
 * Datagrams that in.timed does not answer, by their source and length, because a reply could start an endless loop with
 * another service.
 * Pure.
 */
#ifndef GUESTCLOCK_LOOP_GUARD_H
#define GUESTCLOCK_LOOP_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/peer.h"
#include "lib/rfc868.h"

/* The longest datagram, in octets, that is a request.  A longer one may be a reply, as of another time service. */
#define LOOP_GUARD_OCTETS (RFC868_OCTETS - 1)

/*
 * Whether in.timed may reply to a datagram of OCTETS octets from CLIENT (unmapped).  Not if it has more than
 * LOOP_GUARD_OCTETS.  Not if the client's port is below 1024, 0 included: a service on that port may reply to the reply
 * (CVE-1999-0103, CVE-2024-2169).  Not if the client's address is unspecified, multicast or reserved, as
 * 255.255.255.255 is, or of another family than IPv4 and IPv6.
 */
bool loop_guard_may_reply(const union peer *client, size_t octets);

#endif
