/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what apply.h says: each setting as a call of the library, and what the device
 * made of it. Never: sets anything that was not asked for.
 * Read next: set.c, which shows it.
 */
#include "tools/shared/apply_settings.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vionet/control.h>
#include <vionet/error.h>

/* A result of our own, beside the library's negative ones. */
#define NO_QUEUE 1

/* One run through the settings. */
struct apply {
	struct vionet_device *device;
	const struct settings *settings;
	json_t *list;
	unsigned int failed;
};

/* Is it a feature that only who opens the device can ask for? */
static bool has_to_be_wanted(int result)
{
	return result == -ENOTSUP && strstr(vionet_error_text(), "has to be wanted") != NULL;
}

/* What is known of one value before and after. Takes `before` and `after`. */
static void record(struct apply *apply, const char *key, json_t *asked,
		   json_t *before, json_t *after, bool from_device, int result)
{
	json_t *error = json_null();

	if (result != 0) {
		apply->failed++;
		error = result == NO_QUEUE ?
				json_string("no such pair is in use: see queues=N") :
				json_string(vionet_error_text());
	}
	json_array_append_new(
		apply->list,
		json_pack("{s:s, s:o, s:o, s:o, s:b, s:b, s:b, s:o}",
			  "key", key,
			  "asked", asked,
			  "before", before,
			  "after", after,
			  "from_device", (int)from_device,
			  "agreed", (int)(result == 0),
			  "at_start", (int)has_to_be_wanted(result),
			  "error", error));
}

static json_t *asked_text(const struct apply *apply, enum setting_key key)
{
	return json_string(apply->settings->text[key]);
}

/* A setting that nobody can be asked about. */
static void record_blind(struct apply *apply, enum setting_key key, int result)
{
	record(apply, setting_name(key), asked_text(apply, key), json_null(),
	       json_null(), false, result);
}

/* ---- at the start ---- */

/* They were taken care of before: without them there would be no start. */
static void report_start(struct apply *apply)
{
	struct vionet_device_info info = { 0 };

	vionet_device_info(apply->device, &info);
	if (apply->settings->have[SETTING_QUEUES])
		record(apply, "queues", asked_text(apply, SETTING_QUEUES), json_null(),
		       json_sprintf("%u", info.queue_pairs), false, 0);
	if (apply->settings->have[SETTING_MTU])
		record(apply, "mtu", asked_text(apply, SETTING_MTU),
		       info.mtu != 0 ? json_sprintf("%u", info.mtu) : json_null(),
		       asked_text(apply, SETTING_MTU), false, 0);
}

/* ---- addresses and filters ---- */

static json_t *own_mac(struct vionet_device *device)
{
	struct vionet_device_info info;
	const uint8_t *mac = info.mac;

	if (vionet_device_info(device, &info) != 0)
		return json_null();
	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
			    mac[3], mac[4], mac[5]);
}

static void apply_mac(struct apply *apply)
{
	json_t *before = own_mac(apply->device);
	int result = vionet_mac_set(apply->device, apply->settings->mac);

	record(apply, "mac", asked_text(apply, SETTING_MAC), before,
	       result == 0 ? own_mac(apply->device) : json_null(), false, result);
}

static void apply_modes(struct apply *apply)
{
	for (int key = SETTING_PROMISC; key <= SETTING_NOBCAST; key++) {
		int mode = key - SETTING_PROMISC;

		if (!apply->settings->have[key])
			continue;
		record_blind(apply, (enum setting_key)key,
			     vionet_filter_mode_set(apply->device,
						    (enum vionet_filter_mode)mode,
						    apply->settings->mode[mode]));
	}
}

/* Both tables are one command: what was not given is empty. */
static void apply_tables(struct apply *apply)
{
	const struct settings *settings = apply->settings;
	int result;

	if (!settings->have[SETTING_UNICAST] && !settings->have[SETTING_MULTICAST])
		return;
	result = vionet_filter_macs_set(apply->device, settings->unicast.mac,
					settings->unicast.count,
					settings->multicast.mac,
					settings->multicast.count);
	if (settings->have[SETTING_UNICAST])
		record_blind(apply, SETTING_UNICAST, result);
	if (settings->have[SETTING_MULTICAST])
		record_blind(apply, SETTING_MULTICAST, result);
}

/* One command for each; the first refusal ends it. */
static void apply_vlans(struct apply *apply, enum setting_key key,
			const uint64_t bits[64],
			int (*tell)(struct vionet_device *device, uint16_t vlan))
{
	int result = 0;

	if (!apply->settings->have[key])
		return;
	for (unsigned int id = 1; id < 4095 && result == 0; id++)
		if (bits[id / 64] >> (id % 64) & 1)
			result = tell(apply->device, (uint16_t)id);
	record_blind(apply, key, result);
}

/* ---- offloads ---- */

json_t *apply_names(uint64_t bits, const char *(*name)(uint64_t bits))
{
	char text[256] = "";
	size_t used = 0;

	for (; bits != 0 && used < sizeof(text); bits &= bits - 1) {
		const char *word = name(bits);

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
					 used > 0 ? "," : "",
					 word != NULL ? word : "?");
	}
	return json_string(text[0] != '\0' ? text : "none");
}

static json_t *read_offloads(struct vionet_device *device)
{
	uint64_t offloads;

	if (vionet_offloads_read(device, &offloads) != 0)
		return json_null();
	return apply_names(offloads, setting_offload_name);
}

static void apply_offloads(struct apply *apply)
{
	json_t *before = read_offloads(apply->device);
	uint64_t offloads = apply->settings->offloads;
	int result;

	/* "all": what was negotiated of them, and that is on at start. */
	if (strcmp(apply->settings->text[SETTING_OFFLOADS], "all") == 0)
		vionet_offloads_read(apply->device, &offloads);
	result = vionet_offloads_set(apply->device, offloads);
	record(apply, "offloads", asked_text(apply, SETTING_OFFLOADS), before,
	       result == 0 ? read_offloads(apply->device) : json_null(), false, result);
}

/* ---- coalescing ---- */

static struct vionet_queue *queue_of(struct vionet_device *device, unsigned int side,
				     unsigned int pair)
{
	return side == 0 ? vionet_device_rx_queue(device, pair) :
			   vionet_device_tx_queue(device, pair);
}

/* What the device itself has for a queue, if it can be asked. */
static bool ask_coalescing(struct apply *apply, unsigned int side, unsigned int pair,
			   struct vionet_coalescing *values)
{
	struct vionet_queue *queue = queue_of(apply->device, side, pair);

	*values = (struct vionet_coalescing){ 0 };
	return queue != NULL && vionet_queue_coalescing_read(queue, values) == 0;
}

struct coalescing_answer {
	struct vionet_coalescing before, after;
	bool known_before, known_after;
	int result;
};

static void record_coalescing(struct apply *apply, enum setting_key key, int pair,
			      uint32_t asked, const struct coalescing_answer *answer)
{
	bool usecs = key == SETTING_RX_USECS || key == SETTING_TX_USECS;
	char name[40];

	snprintf(name, sizeof(name), pair < 0 ? "%s" : "%s@%d", setting_name(key), pair);
	record(apply, name, json_sprintf("%u", asked),
	       answer->known_before ?
		       json_sprintf("%u", usecs ? answer->before.max_usecs :
						  answer->before.max_packets) :
		       json_null(),
	       answer->known_after ?
		       json_sprintf("%u", usecs ? answer->after.max_usecs :
						  answer->after.max_packets) :
		       json_null(),
	       answer->known_before || answer->known_after, answer->result);
}

/* `pair` -1: all of that side; the first pair speaks for them. */
static int tell_coalescing(struct apply *apply, unsigned int side, int pair,
			   const struct vionet_coalescing *values)
{
	struct vionet_queue *queue;

	if (pair < 0)
		return vionet_coalescing_set(apply->device, side == 1, values);
	queue = queue_of(apply->device, side, (unsigned int)pair);
	if (queue == NULL)
		return NO_QUEUE;
	return vionet_queue_coalescing_set(queue, values);
}

static void apply_coalescing(struct apply *apply, unsigned int side, int pair,
			     const struct setting_coalescing *asked)
{
	enum setting_key key = side == 0 ? SETTING_RX_USECS : SETTING_TX_USECS;
	unsigned int speaker = pair < 0 ? 0 : (unsigned int)pair;
	struct coalescing_answer answer = { 0 };
	struct vionet_coalescing values;

	if (!asked->have_usecs && !asked->have_frames)
		return;
	answer.known_before = ask_coalescing(apply, side, speaker, &answer.before);
	values = answer.before;
	if (asked->have_usecs)
		values.max_usecs = asked->usecs;
	if (asked->have_frames)
		values.max_packets = asked->frames;
	answer.result = tell_coalescing(apply, side, pair, &values);
	/* A failure has its text; asking would overwrite it. */
	if (answer.result == 0)
		answer.known_after = ask_coalescing(apply, side, speaker,
						    &answer.after);
	if (asked->have_usecs)
		record_coalescing(apply, key, pair, asked->usecs, &answer);
	if (asked->have_frames)
		record_coalescing(apply, key + 1, pair, asked->frames, &answer);
}

/* ---- steering ---- */

static bool any_rss(const struct settings *settings)
{
	return settings->have[SETTING_RSS] || settings->have[SETTING_RSS_TABLE] ||
	       settings->have[SETTING_RSS_KEY] ||
	       settings->have[SETTING_RSS_UNCLASSIFIED];
}

/* All keys of RSS are one command. */
static void apply_rss(struct apply *apply)
{
	const struct settings *settings = apply->settings;
	const struct vionet_rss rss = {
		.hash_types = settings->rss_types,
		.table = settings->table_size != 0 ? settings->table : NULL,
		.table_size = settings->table_size,
		.unclassified = settings->unclassified,
		.key = settings->rss_key_size != 0 ? settings->rss_key : NULL,
		.key_size = settings->rss_key_size,
	};
	int result;

	if (!any_rss(settings))
		return;
	result = vionet_rss_set(apply->device, &rss);
	for (int key = SETTING_RSS; key <= SETTING_RSS_UNCLASSIFIED; key++)
		if (settings->have[key])
			record_blind(apply, (enum setting_key)key, result);
	if (settings->have[SETTING_HASH])
		record_blind(apply, SETTING_HASH, result);
}

static void apply_steering(struct apply *apply)
{
	const struct settings *settings = apply->settings;

	apply_rss(apply);
	/* With RSS it has been said: the same types. */
	if (settings->have[SETTING_HASH] && !any_rss(settings))
		record_blind(apply, SETTING_HASH,
			     vionet_hash_set(apply->device, settings->hash_types, NULL,
					     0));
	if (settings->have[SETTING_HASH_TUNNELS])
		record_blind(apply, SETTING_HASH_TUNNELS,
			     vionet_hash_tunnels_set(apply->device,
						     settings->hash_tunnels));
}

json_t *apply_settings(struct vionet_device *device, const struct settings *settings,
		       unsigned int *failed)
{
	struct apply apply = { device, settings, json_array(), 0 };

	report_start(&apply);
	if (settings->have[SETTING_MAC])
		apply_mac(&apply);
	apply_modes(&apply);
	apply_tables(&apply);
	apply_vlans(&apply, SETTING_VLAN, settings->vlan, vionet_filter_vlan_add);
	apply_vlans(&apply, SETTING_VLAN_DELETE, settings->vlan_delete,
		    vionet_filter_vlan_delete);
	if (settings->have[SETTING_OFFLOADS])
		apply_offloads(&apply);
	for (unsigned int side = 0; side < 2; side++)
		apply_coalescing(&apply, side, -1, &settings->all[side]);
	for (unsigned int side = 0; side < 2; side++)
		for (int pair = 0; pair < VIONET_QUEUE_PAIRS_MAX; pair++)
			apply_coalescing(&apply, side, pair, &settings->pair[side][pair]);
	apply_steering(&apply);
	*failed = apply.failed;
	return apply.list;
}
