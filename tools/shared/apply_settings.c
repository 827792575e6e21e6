/* SPDX-License-Identifier: BSD-3-Clause */
/* Each setting as a call of the library, and what the device made of it. */
#include "tools/shared/apply_settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/control.h>
#include <vionet/error.h>

/* A result of our own, beside the library's negative ones. */
#define NO_QUEUE 1

/* A value, as it is shown. */
#define VALUE_MAX SETTING_VALUE_MAX

/* One run through the settings. */
struct apply {
	struct vionet_device *device;
	const struct settings *settings;
	struct setting_results *results;
	bool complete; /* there was memory for all results */
};

/* What is known of one setting besides what came of it; "" or NULL: not known. */
struct known {
	const char *before, *after;
	bool from_device;
};

static const struct known nothing_known;

struct setting_result *setting_results_add(struct setting_results *results)
{
	size_t room = results->room != 0 ? 2 * results->room : 16;
	struct setting_result *more;

	if (results->count == results->room) {
		more = realloc(results->list, room * sizeof(*more));
		if (more == NULL)
			return NULL;
		results->list = more;
		results->room = room;
	}
	more = &results->list[results->count++];
	*more = (struct setting_result){ 0 };
	return more;
}

void setting_results_release(struct setting_results *results)
{
	free(results->list);
	*results = (struct setting_results){ 0 };
}

/* What the library says of its last failure is not about NO_QUEUE: no call was made. */
static void apply_note_error(struct setting_result *to, int result)
{
	const char *text = vionet_error_text();

	if (result == NO_QUEUE)
		text = "no such pair is in use: see queues=N";
	else if (text[0] == '\0')
		text = strerror(-result);
	snprintf(to->error, sizeof(to->error), "%s", text);
	to->at_start = result != NO_QUEUE &&
		       vionet_error_remedy(NULL) == VIONET_REMEDY_WANT;
}

static void apply_record(struct apply *apply, const char *key, const char *requested,
			 const struct known *known, int result)
{
	struct setting_result *to = setting_results_add(apply->results);

	apply->results->failed += result != 0;
	if (to == NULL) {
		apply->complete = false;
		return;
	}
	snprintf(to->key, sizeof(to->key), "%s", key);
	snprintf(to->requested, sizeof(to->requested), "%s", requested);
	snprintf(to->before, sizeof(to->before), "%s",
		 known->before != NULL ? known->before : "");
	snprintf(to->after, sizeof(to->after), "%s",
		 known->after != NULL ? known->after : "");
	to->from_device = known->from_device;
	to->agreed = result == 0;
	if (result != 0)
		apply_note_error(to, result);
}

/* A setting whose value no call reads. */
static void apply_record_blind(struct apply *apply, enum setting_key key, int result)
{
	apply_record(apply, setting_name(key), apply->settings->text[key],
		     &nothing_known, result);
}

static void apply_record_values(struct apply *apply, enum setting_key key,
				const char *before, const char *after, int result)
{
	apply_record(apply, setting_name(key), apply->settings->text[key],
		     &(struct known){ before, after, false }, result);
}

/* ---- at the start ---- */

/* They were taken care of before: without them there would be no start. */
static void apply_record_start(struct apply *apply)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	char text[16];

	vionet_device_info(apply->device, &info);
	snprintf(text, sizeof(text), "%u", info.queue_pairs);
	if (apply->settings->have[SETTING_QUEUES])
		apply_record_values(apply, SETTING_QUEUES, "", text, 0);
	snprintf(text, sizeof(text), "%u", info.mtu);
	if (apply->settings->have[SETTING_MTU])
		apply_record_values(apply, SETTING_MTU, info.mtu != 0 ? text : "",
				    apply->settings->text[SETTING_MTU], 0);
}

/* ---- addresses and filters ---- */

static void apply_read_mac(struct vionet_device *device, char text[VALUE_MAX])
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	const uint8_t *mac = info.mac;

	text[0] = '\0';
	if (vionet_device_info(device, &info) == 0)
		snprintf(text, VALUE_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
			 mac[2], mac[3], mac[4], mac[5]);
}

static void apply_mac(struct apply *apply)
{
	char before[VALUE_MAX], after[VALUE_MAX] = "";
	int result;

	apply_read_mac(apply->device, before);
	result = vionet_mac_set(apply->device, apply->settings->mac);
	/* A failure has its text; another call would overwrite it. */
	if (result == 0)
		apply_read_mac(apply->device, after);
	apply_record_values(apply, SETTING_MAC, before, after, result);
}

static void apply_modes(struct apply *apply)
{
	for (int key = SETTING_PROMISC; key <= SETTING_NOBCAST; key++) {
		int mode = key - SETTING_PROMISC;

		if (!apply->settings->have[key])
			continue;
		apply_record_blind(apply, (enum setting_key)key,
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
		apply_record_blind(apply, SETTING_UNICAST, result);
	if (settings->have[SETTING_MULTICAST])
		apply_record_blind(apply, SETTING_MULTICAST, result);
}

/* One command for each; the first refusal ends it. */
static void apply_vlans(struct apply *apply, enum setting_key key,
			const uint64_t bits[64],
			int (*change)(struct vionet_device *device, uint16_t vlan))
{
	int result = 0;

	if (!apply->settings->have[key])
		return;
	for (unsigned int id = 1; id < 4095 && result == 0; id++)
		if (bits[id / 64] >> (id % 64) & 1)
			result = change(apply->device, (uint16_t)id);
	apply_record_blind(apply, key, result);
}

/* ---- offloads ---- */

/* "ipv4,tcpv4": the names of the bits; "none". */
static void apply_offload_names(uint64_t bits, char text[VALUE_MAX])
{
	size_t used = 0;

	snprintf(text, VALUE_MAX, "none");
	for (; bits != 0 && used < VALUE_MAX; bits &= bits - 1) {
		const char *word = setting_offload_name(bits);

		used += (size_t)snprintf(text + used, VALUE_MAX - used, "%s%s",
					 used > 0 ? "," : "",
					 word != NULL ? word : "?");
	}
}

static void apply_read_offloads(struct vionet_device *device, char text[VALUE_MAX])
{
	uint64_t offloads;

	text[0] = '\0';
	if (vionet_offloads_read(device, &offloads) == 0)
		apply_offload_names(offloads, text);
}

static void apply_offloads(struct apply *apply)
{
	char before[VALUE_MAX], after[VALUE_MAX] = "";
	uint64_t offloads = apply->settings->offloads;
	int result;

	apply_read_offloads(apply->device, before);
	/* "all": what was negotiated of them, and that is on at start. */
	if (strcmp(apply->settings->text[SETTING_OFFLOADS], "all") == 0)
		vionet_offloads_read(apply->device, &offloads);
	result = vionet_offloads_set(apply->device, offloads);
	if (result == 0)
		apply_read_offloads(apply->device, after);
	apply_record_values(apply, SETTING_OFFLOADS, before, after, result);
}

/* ---- coalescing ---- */

static struct vionet_queue *apply_queue(struct vionet_device *device, unsigned int side,
					unsigned int pair)
{
	return side == 0 ? vionet_device_rx_queue(device, pair) :
			   vionet_device_tx_queue(device, pair);
}

/* What the device itself has for a queue, if it can be read. */
static bool apply_read_coalescing(struct apply *apply, unsigned int side, unsigned int pair,
				  struct vionet_coalescing *values)
{
	struct vionet_queue *queue = apply_queue(apply->device, side, pair);

	VIONET_INIT(values);
	return queue != NULL && vionet_queue_coalescing_read(queue, values) == 0;
}

struct coalescing_answer {
	struct vionet_coalescing before, after;
	bool known_before, known_after;
	int result;
};

static void apply_record_coalescing(struct apply *apply, enum setting_key key, int pair,
				    uint32_t requested,
				    const struct coalescing_answer *answer)
{
	bool usecs = key == SETTING_RX_USECS || key == SETTING_TX_USECS;
	char name[SETTING_KEY_MAX], text[16], before[16] = "", after[16] = "";
	struct known known = { before, after, answer->known_before || answer->known_after };

	snprintf(name, sizeof(name), pair < 0 ? "%s" : "%s@%d", setting_name(key), pair);
	snprintf(text, sizeof(text), "%u", requested);
	if (answer->known_before)
		snprintf(before, sizeof(before), "%u", usecs ? answer->before.max_usecs :
			 answer->before.max_packets);
	if (answer->known_after)
		snprintf(after, sizeof(after), "%u", usecs ? answer->after.max_usecs :
			 answer->after.max_packets);
	apply_record(apply, name, text, &known, answer->result);
}

/* `pair` -1: all of that side; the first pair speaks for them. */
static int apply_set_coalescing(struct apply *apply, unsigned int side, int pair,
				const struct vionet_coalescing *values)
{
	struct vionet_queue *queue;

	if (pair < 0)
		return vionet_coalescing_set(apply->device, side == 1, values);
	queue = apply_queue(apply->device, side, (unsigned int)pair);
	if (queue == NULL)
		return NO_QUEUE;
	return vionet_queue_coalescing_set(queue, values);
}

static void apply_coalescing(struct apply *apply, unsigned int side, int pair,
			     const struct setting_coalescing *requested)
{
	enum setting_key key = side == 0 ? SETTING_RX_USECS : SETTING_TX_USECS;
	unsigned int speaker = pair < 0 ? 0 : (unsigned int)pair;
	struct coalescing_answer answer = { 0 };
	struct vionet_coalescing values = { .struct_size = sizeof(values) };

	if (!requested->have_usecs && !requested->have_frames)
		return;
	answer.known_before = apply_read_coalescing(apply, side, speaker, &answer.before);
	values = answer.before;
	if (requested->have_usecs)
		values.max_usecs = requested->usecs;
	if (requested->have_frames)
		values.max_packets = requested->frames;
	answer.result = apply_set_coalescing(apply, side, pair, &values);
	/* A failure has its text; asking would overwrite it. */
	if (answer.result == 0)
		answer.known_after = apply_read_coalescing(apply, side, speaker,
							   &answer.after);
	if (requested->have_usecs)
		apply_record_coalescing(apply, key, pair, requested->usecs, &answer);
	if (requested->have_frames)
		apply_record_coalescing(apply, key + 1, pair, requested->frames,
					&answer);
}

/* ---- steering ---- */

static bool apply_is_rss(const struct settings *settings)
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
		.struct_size = sizeof(rss),
		.hash_types = settings->rss_types,
		.table = settings->table_size != 0 ? settings->table : NULL,
		.table_size = settings->table_size,
		.unclassified = settings->unclassified,
		.key = settings->rss_key_size != 0 ? settings->rss_key : NULL,
		.key_size = settings->rss_key_size,
	};
	int result;

	if (!apply_is_rss(settings))
		return;
	result = vionet_rss_set(apply->device, &rss);
	for (int key = SETTING_RSS; key <= SETTING_RSS_UNCLASSIFIED; key++)
		if (settings->have[key])
			apply_record_blind(apply, (enum setting_key)key, result);
	if (settings->have[SETTING_HASH])
		apply_record_blind(apply, SETTING_HASH, result);
}

static void apply_steering(struct apply *apply)
{
	const struct settings *settings = apply->settings;

	apply_rss(apply);
	/* With RSS it has been said: the same types. */
	if (settings->have[SETTING_HASH] && !apply_is_rss(settings))
		apply_record_blind(apply, SETTING_HASH,
				   vionet_hash_set(apply->device, settings->hash_types, NULL,
						   0));
	if (settings->have[SETTING_HASH_TUNNELS])
		apply_record_blind(apply, SETTING_HASH_TUNNELS,
				   vionet_hash_tunnels_set(apply->device,
							   settings->hash_tunnels));
}

int apply_settings(struct vionet_device *device, const struct settings *settings,
		   struct setting_results *results)
{
	struct apply apply = { device, settings, results, true };

	*results = (struct setting_results){ 0 };
	apply_record_start(&apply);
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
	return apply.complete ? 0 : -ENOMEM;
}
