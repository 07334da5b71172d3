/* The cache of access verdicts: see acl_cache.h. */
#include "timed/acl_cache.h"

#include <string.h>

struct key {
	uint8_t address[16];
	uint32_t scope;
};

static struct key
key_of(const union peer *peer)
{
	struct key key = { .scope = 0 };

	if (peer->any.sa_family == AF_INET) {
		key.address[10] = key.address[11] = 0xff;
		memcpy(&key.address[12], &peer->v4.sin_addr, 4);
	} else if (peer->any.sa_family == AF_INET6) {
		memcpy(key.address, &peer->v6.sin6_addr, sizeof key.address);
		key.scope = peer->v6.sin6_scope_id;
	}
	return key;
}

static uint32_t
set_of(const struct acl_cache *table, const struct key *key)
{
	uint64_t half[2];
	uint64_t mix;

	memcpy(half, key->address, sizeof half);
	/* A keyed hash: neighbouring addresses must spread over the sets, and clients must not predict a set. */
	mix = (half[0] ^ table->seed ^ key->scope) * UINT64_C(0x9e3779b97f4a7c15);
	mix ^= mix >> 29;
	mix = (mix ^ half[1]) * UINT64_C(0xbf58476d1ce4e5b9);
	mix ^= mix >> 32;
	mix = (mix ^ table->seed) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(mix >> 40) % ACL_CACHE_SETS;
}

static bool
entry_holds(const struct acl_cache *table, const struct acl_cache_entry *entry, const struct key *key)
{
	return entry->generation == table->generation && entry->scope == key->scope &&
	    memcmp(entry->address, key->address, sizeof entry->address) == 0;
}

void
acl_cache_start(struct acl_cache *table, uint64_t seed)
{
	table->seed = seed;
	table->generation = 1;
}

void
acl_cache_forget_all(struct acl_cache *table)
{
	/* Skip 0, the generation of unused entries.  At one change a second a generation repeats after 136 years. */
	if (++table->generation == 0)
		table->generation = 1;
}

enum acl_cache_verdict
acl_cache_find(const struct acl_cache *table, const union peer *peer, uint32_t tick)
{
	struct key key = key_of(peer);
	const struct acl_cache_entry *set = table->entry[set_of(table, &key)];

	for (int way = 0; way < ACL_CACHE_WAYS; way++)
		if (entry_holds(table, &set[way], &key))
			return tick - set[way].tick < ACL_CACHE_TICKS ? (enum acl_cache_verdict)set[way].verdict : ACL_CACHE_UNKNOWN;
	return ACL_CACHE_UNKNOWN;
}

void
acl_cache_keep(struct acl_cache *table, const union peer *peer, uint32_t tick, enum acl_cache_verdict verdict)
{
	struct key key = key_of(peer);
	struct acl_cache_entry *set = table->entry[set_of(table, &key)];
	struct acl_cache_entry *place = &set[0];

	for (int way = 0; way < ACL_CACHE_WAYS; way++) {
		if (entry_holds(table, &set[way], &key)) {
			place = &set[way];
			break;
		}
		if (set[way].generation != table->generation && place->generation == table->generation)
			place = &set[way];
		else if (place->generation == table->generation && tick - set[way].tick > tick - place->tick)
			place = &set[way];
	}
	memcpy(place->address, key.address, sizeof place->address);
	place->scope = key.scope;
	place->generation = table->generation;
	place->tick = tick;
	place->verdict = (uint32_t)verdict;
}
