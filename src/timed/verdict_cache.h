/*
 * A cache of access verdicts by source address, of fixed size.
 *
 * A query to libwrap costs more than the reply to a datagram.  A verdict is valid until verdict_cache_forget_all(), and
 * for at most VERDICT_CACHE_TICKS ticks: the client's name may change in DNS, and libwrap must look it up again.  Each
 * address belongs to one of VERDICT_CACHE_SETS sets.  If all VERDICT_CACHE_WAYS entries of a set are in use, a new
 * verdict replaces the oldest; libwrap is then queried again for the replaced address.
 *
 * Pure: the caller counts the ticks, of about a second each.
 */
#ifndef GUESTCLOCK_VERDICT_CACHE_H
#define GUESTCLOCK_VERDICT_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/peer.h"

#define VERDICT_CACHE_WAYS 4
#define VERDICT_CACHE_SETS 4096
#define VERDICT_CACHE_ENTRIES (VERDICT_CACHE_WAYS * VERDICT_CACHE_SETS)
#define VERDICT_CACHE_TICKS 60

enum verdict { VERDICT_UNKNOWN, VERDICT_ALLOWED, VERDICT_DENIED };

struct verdict_cache_key {
	uint8_t address[16];	/* IPv4 as ::ffff:a.b.c.d */
	uint32_t scope;
};

struct verdict_cache_entry {
	struct verdict_cache_key key;
	uint32_t generation;	/* the cache's when the entry was stored; if the cache's now differs, the entry is unused */
	uint32_t tick;
	uint32_t verdict;
};

struct verdict_cache {
	uint64_t seed;		/* hash key: clients that do not know it cannot choose addresses of one set */
	uint32_t generation;
	struct verdict_cache_entry entry[VERDICT_CACHE_SETS][VERDICT_CACHE_WAYS];
};

/* Initialises CACHE, which must be all zero, as an empty cache.  SEED is any number that clients do not know. */
void verdict_cache_start(struct verdict_cache *cache, uint64_t seed);

/* Invalidates every entry. */
void verdict_cache_forget_all(struct verdict_cache *cache);

/*
 * The cached verdict for PEER (unmapped; its port is ignored) at TICK; VERDICT_UNKNOWN if there is none.  A peer that
 * is neither IPv4 nor IPv6 (AF_VSOCK) has no key: its verdict is never stored, so that no other peer gets it.
 */
enum verdict verdict_cache_find(const struct verdict_cache *cache, const union peer *peer, uint32_t tick);

/* Stores VERDICT for PEER (unmapped) at TICK, unless PEER has no key. */
void verdict_cache_keep(struct verdict_cache *cache, const union peer *peer, uint32_t tick, enum verdict verdict);

#endif
