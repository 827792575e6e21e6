/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/forward/stations.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define WAYS 4

struct station {
	uint8_t mac[6];
	bool known;
	uint8_t port;
	uint64_t seen_ns;
};

int stations_create(struct stations *stations, uint32_t count, uint64_t aging_ns)
{
	*stations = (struct stations){ .sets = count / WAYS, .aging_ns = aging_ns };
	stations->table = calloc(count, sizeof(*stations->table));
	if (stations->table == NULL)
		return -ENOMEM;
	if (getrandom(&stations->seed, sizeof(stations->seed), GRND_NONBLOCK) < 0)
		stations->seed = (uint32_t)(uintptr_t)stations->table;
	return 0;
}

void stations_release(struct stations *stations)
{
	free(stations->table);
	stations->table = NULL;
}

static struct station *station_set(const struct stations *stations, const uint8_t *mac)
{
	uint64_t hash = stations->seed;

	for (int i = 0; i < 6; i++)
		hash = (hash ^ mac[i]) * 0x9e3779b97f4a7c15ULL;
	return &stations->table[(hash >> 32 & (stations->sets - 1)) * WAYS];
}

static bool station_is_fresh(const struct stations *stations, const struct station *station,
			     uint64_t now)
{
	return station->known &&
	       (stations->aging_ns == 0 || now - station->seen_ns < stations->aging_ns);
}

/* The one of that address, or NULL. */
static struct station *station_of(const struct stations *stations, const uint8_t *mac)
{
	struct station *set = station_set(stations, mac);

	for (int i = 0; i < WAYS; i++)
		if (set[i].known && memcmp(set[i].mac, mac, 6) == 0)
			return &set[i];
	return NULL;
}

/* A free place of its set, or that of the station that was silent for longest. */
static struct station *station_place(struct stations *stations, const uint8_t *mac, uint64_t now)
{
	struct station *set = station_set(stations, mac), *oldest = set;

	for (int i = 0; i < WAYS; i++) {
		if (!set[i].known)
			return &set[i];
		if (set[i].seen_ns < oldest->seen_ns)
			oldest = &set[i];
	}
	if (station_is_fresh(stations, oldest, now))
		stations->replaced++;
	return oldest;
}

void stations_learn(struct stations *stations, const uint8_t *mac, unsigned int port, uint64_t now)
{
	struct station *station;

	if (mac[0] & 1)
		return;
	station = station_of(stations, mac);
	if (station == NULL) {
		station = station_place(stations, mac, now);
		memcpy(station->mac, mac, 6);
		station->known = true;
	} else if (station->port != port) {
		stations->moved++;
	}
	station->port = (uint8_t)port;
	station->seen_ns = now;
}

int stations_find(const struct stations *stations, const uint8_t *mac, uint64_t now)
{
	const struct station *station = station_of(stations, mac);

	return station != NULL && station_is_fresh(stations, station, now) ? station->port : -1;
}

void stations_forget(struct stations *stations, unsigned int port)
{
	for (uint32_t i = 0; i < stations->sets * WAYS; i++)
		if (stations->table[i].port == port)
			stations->table[i].known = false;
}

uint32_t stations_count(const struct stations *stations, uint64_t now)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < stations->sets * WAYS; i++)
		count += station_is_fresh(stations, &stations->table[i], now);
	return count;
}
