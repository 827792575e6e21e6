/* SPDX-License-Identifier: BSD-3-Clause */
/* What settings need of the features of a device. */
#include "tools/shared/settings.h"

#include <string.h>

#include <vionet/feature.h>

static void features_add(struct vionet_features *set, unsigned int bit)
{
	set->word[bit / 64] |= 1ULL << (bit % 64);
}

/* A feature, and what it depends on as far as it is accepted on request only. */
static void features_add_needed(struct vionet_features *want, const char *name)
{
	int found = vionet_feature_bit(name);
	unsigned int bit = (unsigned int)found, lacks;
	struct vionet_features have = *want;

	if (found < 0)
		return;
	for (unsigned int i = 0; i < VIONET_FEATURE_BITS; i++)
		if (vionet_feature_use(i) == VIONET_FEATURE_ACCEPTED)
			features_add(&have, i);
	do {
		lacks = vionet_feature_missing(&have, bit);
		features_add(&have, lacks);
		features_add(want, lacks);
	} while (lacks != bit);
}

static bool features_any_of(const struct settings *settings, int first, int last)
{
	for (int i = first; i <= last; i++)
		if (settings->have[i])
			return true;
	return false;
}

void settings_want(const struct settings *settings, struct vionet_features *want)
{
	if (features_any_of(settings, SETTING_MAC, SETTING_MULTICAST))
		features_add_needed(want, "CTRL_RX");
	if (features_any_of(settings, SETTING_ALLUNI, SETTING_NOBCAST))
		features_add_needed(want, "CTRL_RX_EXTRA");
	if (features_any_of(settings, SETTING_VLAN, SETTING_VLAN_DELETE))
		features_add_needed(want, "CTRL_VLAN");
	if (settings->have[SETTING_HASH])
		features_add_needed(want, "HASH_REPORT");
	if (!settings->have[SETTING_OFFLOADS])
		return;
	for (uint64_t left = settings->offloads; left != 0; left &= left - 1)
		features_add_needed(want, setting_offload_feature(left));
}

/* Is a side's coalescing set for single pairs? */
static bool features_any_pair(
	const struct setting_coalescing pair[VIONET_QUEUE_PAIRS_MAX])
{
	for (unsigned int i = 0; i < VIONET_QUEUE_PAIRS_MAX; i++)
		if (pair[i].have_usecs || pair[i].have_frames)
			return true;
	return false;
}

static bool features_is_set(const struct setting_coalescing *all)
{
	return all->have_usecs || all->have_frames;
}

void settings_need(const struct settings *settings, struct vionet_features *need)
{
	const struct {
		bool set;
		const char *feature;
	} needs[] = {
		{ settings->have[SETTING_MAC], "CTRL_MAC_ADDR" },
		{ settings->have[SETTING_OFFLOADS], "CTRL_GUEST_OFFLOADS" },
		{ features_is_set(&settings->all[0]) ||
			  features_is_set(&settings->all[1]),
		  "NOTF_COAL" },
		{ features_any_pair(settings->pair[0]) ||
			  features_any_pair(settings->pair[1]),
		  "VQ_NOTF_COAL" },
		{ settings->have[SETTING_HASH_TUNNELS], "HASH_TUNNEL" },
		{ settings_has_rss(settings), "RSS" },
	};

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		int bit = vionet_feature_bit(needs[i].feature);

		if (needs[i].set && bit >= 0)
			features_add(need, (unsigned int)bit);
	}
}

void settings_avoid(const struct settings *settings, struct vionet_features *avoid)
{
	int rss = vionet_feature_bit("RSS");

	/* With it, the hashes that are reported are those that it steers by. */
	if (settings->have[SETTING_HASH] && rss >= 0 && !settings_has_rss(settings))
		features_add(avoid, (unsigned int)rss);
}
