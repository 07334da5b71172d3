/*
 * A cache of access verdicts by source address, of fixed size.
 *
 * Asking libwrap costs a datagram more than answering it does.  A verdict is kept until verdict_forget_all(), or
 * for VERDICT_TICKS ticks (names in the tables are looked up again after that), or until its place is wanted:
 * beyond VERDICT_ENTRIES sources, the oldest of the four in its set gives way and is simply asked for again.
 *
 * Pure: ticks are the caller's count of about a second each.
 */
#ifndef GUESTCLOCK_ACL_CACHE_H
#define GUESTCLOCK_ACL_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/peer.h"

#define VERDICT_WAYS 4
#define VERDICT_SETS 4096
#define VERDICT_ENTRIES (VERDICT_WAYS * VERDICT_SETS)
#define VERDICT_TICKS 60

enum verdict { VERDICT_UNKNOWN, VERDICT_ALLOWED, VERDICT_DENIED };

struct verdict_entry {
	uint8_t address[16];	/* IPv4 as ::ffff:a.b.c.d */
	uint32_t scope;
	uint32_t generation;	/* the table's when stored; another's: an empty place */
	uint32_t tick;
	uint32_t verdict;
};

struct verdict_table {
	uint64_t seed;		/* so that sources cannot choose to collide */
	uint32_t generation;
	struct verdict_entry entry[VERDICT_SETS][VERDICT_WAYS];
};

/* Makes an empty table of one that is all zero; SEED is any number that clients do not know. */
void verdict_start(struct verdict_table *table, uint64_t seed);

void verdict_forget_all(struct verdict_table *table);

/* The verdict kept for PEER (unmapped; the port does not count), or VERDICT_UNKNOWN. */
enum verdict verdict_find(const struct verdict_table *table, const union peer *peer, uint32_t tick);

void verdict_keep(struct verdict_table *table, const union peer *peer, uint32_t tick, enum verdict verdict);

#endif
