/* The cache of access verdicts: see verdict_cache.h. */
#include "timed/verdict_cache.h"

#include <string.h>

/* Returns false if the address family has no key. */
static bool
key_of(const union peer *peer, struct verdict_cache_key *key)
{
	*key = (struct verdict_cache_key){ .scope = 0 };
	if (peer->any.sa_family == AF_INET) {
		key->address[10] = key->address[11] = 0xff;
		memcpy(&key->address[12], &peer->v4.sin_addr, 4);
		return true;
	}
	if (peer->any.sa_family != AF_INET6)
		return false;
	memcpy(key->address, &peer->v6.sin6_addr, sizeof key->address);
	key->scope = peer->v6.sin6_scope_id;
	return true;
}

static uint32_t
set_of(const struct verdict_cache *cache, const struct verdict_cache_key *key)
{
	uint64_t half[2];
	uint64_t mix;

	memcpy(half, key->address, sizeof half);
	/* A keyed hash: neighbouring addresses must spread over the sets, and clients must not predict a set. */
	mix = (half[0] ^ cache->seed ^ key->scope) * UINT64_C(0x9e3779b97f4a7c15);
	mix ^= mix >> 29;
	mix = (mix ^ half[1]) * UINT64_C(0xbf58476d1ce4e5b9);
	mix ^= mix >> 32;
	mix = (mix ^ cache->seed) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(mix >> 40) % VERDICT_CACHE_SETS;
}

static bool
entry_holds(const struct verdict_cache *cache, const struct verdict_cache_entry *entry, const struct verdict_cache_key *key)
{
	return entry->generation == cache->generation && memcmp(&entry->key, key, sizeof *key) == 0;
}

/* The ticks since the entry was stored; UINT64_MAX if the entry is unused. */
static uint64_t
age(const struct verdict_cache *cache, const struct verdict_cache_entry *entry, uint32_t tick)
{
	return entry->generation == cache->generation ? (uint32_t)(tick - entry->tick) : UINT64_MAX;
}

void
verdict_cache_start(struct verdict_cache *cache, uint64_t seed)
{
	cache->seed = seed;
	cache->generation = 1;
}

void
verdict_cache_forget_all(struct verdict_cache *cache)
{
	/* Skip 0, the generation of unused entries.  At one change a second a generation repeats after 136 years. */
	if (++cache->generation == 0)
		cache->generation = 1;
}

enum verdict
verdict_cache_find(const struct verdict_cache *cache, const union peer *peer, uint32_t tick)
{
	const struct verdict_cache_entry *set;
	struct verdict_cache_key key;

	if (!key_of(peer, &key))
		return VERDICT_UNKNOWN;
	set = cache->entry[set_of(cache, &key)];
	for (int way = 0; way < VERDICT_CACHE_WAYS; way++)
		if (entry_holds(cache, &set[way], &key) && age(cache, &set[way], tick) < VERDICT_CACHE_TICKS)
			return (enum verdict)set[way].verdict;
	return VERDICT_UNKNOWN;
}

void
verdict_cache_keep(struct verdict_cache *cache, const union peer *peer, uint32_t tick, enum verdict verdict)
{
	struct verdict_cache_entry *set, *place;
	struct verdict_cache_key key;

	if (!key_of(peer, &key))
		return;
	set = place = cache->entry[set_of(cache, &key)];
	for (int way = 0; way < VERDICT_CACHE_WAYS; way++) {
		if (entry_holds(cache, &set[way], &key)) {
			place = &set[way];
			break;
		}
		if (age(cache, &set[way], tick) > age(cache, place, tick))
			place = &set[way];
	}
	*place = (struct verdict_cache_entry){ .key = key, .generation = cache->generation, .tick = tick, .verdict = (uint32_t)verdict };
}
