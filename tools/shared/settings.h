/* SPDX-License-Identifier: BSD-3-Clause */
/* What a device can be set to, as people type it: KEY=VALUE. */
#ifndef VIONET_TOOLS_SETTING_H
#define VIONET_TOOLS_SETTING_H

#include <stdbool.h>
#include <stdint.h>

#include <vionet/feature.h>
#include <vionet/steering.h>

#include "tools/shared/parse.h"

#define SETTING_VALUE_MAX 512 /* characters of a value */
#define SETTING_MACS_MAX 32
#define SETTING_VLANS_MAX 4095
#define SETTING_TABLE_MAX 256
#define SETTING_RSS_KEY_MAX 255

/* In the order in which they are applied. The receive modes follow each other in
 * the order of enum vionet_filter_mode. */
enum setting_key {
	SETTING_QUEUES,
	SETTING_MTU,
	SETTING_MAC,
	SETTING_PROMISC,
	SETTING_ALLMULTI,
	SETTING_ALLUNI,
	SETTING_NOMULTI,
	SETTING_NOUNI,
	SETTING_NOBCAST,
	SETTING_UNICAST,
	SETTING_MULTICAST,
	SETTING_VLAN,
	SETTING_VLAN_DELETE,
	SETTING_OFFLOADS,
	SETTING_RX_USECS,
	SETTING_RX_FRAMES,
	SETTING_TX_USECS,
	SETTING_TX_FRAMES,
	SETTING_HASH,
	SETTING_HASH_TUNNELS,
	SETTING_RSS,
	SETTING_RSS_TABLE,
	SETTING_RSS_KEY,
	SETTING_RSS_UNCLASSIFIED,
	SETTING_KEYS,
};

/* One or the other, or both, of a coalescing; the one not given stays. */
struct setting_coalescing {
	bool have_usecs, have_frames;
	uint32_t usecs, frames;
};

struct setting_macs {
	uint32_t count;
	uint8_t mac[SETTING_MACS_MAX][6];
};

/* Everything that was requested. Zero-filled: nothing. */
struct settings {
	bool have[SETTING_KEYS];
	char text[SETTING_KEYS][SETTING_VALUE_MAX]; /* as it was typed */
	uint32_t queues;
	uint32_t mtu;
	uint8_t mac[6];
	bool mode[6]; /* by enum vionet_filter_mode */
	struct setting_macs unicast, multicast;
	uint64_t vlan[64], vlan_delete[64]; /* a bit for each id */
	uint64_t offloads;
	/* [0] receive, [1] transmit: of all queues, and of single pairs. */
	struct setting_coalescing all[2];
	struct setting_coalescing pair[2][VIONET_QUEUE_PAIRS_MAX];
	uint32_t hash_types, rss_types; /* 0: all that the device has */
	uint32_t hash_tunnels;
	uint16_t table[SETTING_TABLE_MAX];
	uint32_t table_size;
	uint8_t rss_key[SETTING_RSS_KEY_MAX];
	uint32_t rss_key_size;
	uint16_t unclassified;
};

/* Add "KEY=VALUE"; what was said of the same key before is replaced. Returns 0, or
 * -EINVAL with a sentence: an unknown key's lists the known ones. */
int settings_add(struct settings *settings, const char *text,
		 struct parse_error *error);

/* Is anything set? Anything that counts only at the start? */
bool settings_any(const struct settings *settings);
bool settings_at_start(const struct settings *settings);

/* Does it steer by hash? */
bool settings_has_rss(const struct settings *settings);

/* What has to be accepted of a device for it, of the features that are accepted only
 * on request: added to `want`. */
void settings_want(const struct settings *settings, struct vionet_features *want);

/* What it cannot do without of what is accepted anyway: added to `need`. */
void settings_need(const struct settings *settings, struct vionet_features *need);

/* What must not be accepted for it: added to `avoid`. */
void settings_avoid(const struct settings *settings, struct vionet_features *avoid);

/* Do they go together? Returns 0, or -EINVAL with a sentence. */
int settings_check(const struct settings *settings, struct parse_error *error);

/* "promisc". */
const char *setting_name(enum setting_key key);

/* The name of one hash type, tunnel type or offload (the lowest bit of `bits`), or
 * NULL; for showing sets of them. */
const char *setting_hash_name(uint64_t bits);
const char *setting_tunnel_name(uint64_t bits);
const char *setting_offload_name(uint64_t bits);

/* The feature that an offload needs, or NULL. */
const char *setting_offload_feature(uint64_t bits);

/* All keys with their values, a line each, for help texts. */
extern const char settings_help[];

#endif
