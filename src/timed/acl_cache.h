/*
 * A cache of access verdicts by source address, of fixed size.
 *
 * Asking libwrap costs a datagram more than answering it does.  A verdict is kept until acl_cache_forget_all(), or
 * for ACL_CACHE_TICKS ticks (names in the tables are looked up again after that), or until its place is wanted:
 * beyond ACL_CACHE_ENTRIES sources, the oldest of the four in its set gives way and is simply asked for again.
 *
 * Pure: ticks are the caller's count of about a second each.
 */
#ifndef GUESTCLOCK_ACL_CACHE_H
#define GUESTCLOCK_ACL_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/peer.h"

#define ACL_CACHE_WAYS 4
#define ACL_CACHE_SETS 4096
#define ACL_CACHE_ENTRIES (ACL_CACHE_WAYS * ACL_CACHE_SETS)
#define ACL_CACHE_TICKS 60

enum acl_cache_verdict { ACL_CACHE_UNKNOWN, ACL_CACHE_ALLOWED, ACL_CACHE_DENIED };

struct acl_cache_entry {
	uint8_t address[16];	/* IPv4 as ::ffff:a.b.c.d */
	uint32_t scope;
	uint32_t generation;	/* the table's when stored; another's: an empty place */
	uint32_t tick;
	uint32_t verdict;
};

struct acl_cache {
	uint64_t seed;		/* so that sources cannot choose to collide */
	uint32_t generation;
	struct acl_cache_entry entry[ACL_CACHE_SETS][ACL_CACHE_WAYS];
};

/* Makes an empty table of one that is all zero; SEED is any number that clients do not know. */
void acl_cache_start(struct acl_cache *table, uint64_t seed);

void acl_cache_forget_all(struct acl_cache *table);

/* The verdict kept for PEER (unmapped; the port does not count), or ACL_CACHE_UNKNOWN. */
enum acl_cache_verdict acl_cache_find(const struct acl_cache *table, const union peer *peer, uint32_t tick);

void acl_cache_keep(struct acl_cache *table, const union peer *peer, uint32_t tick, enum acl_cache_verdict verdict);

#endif
