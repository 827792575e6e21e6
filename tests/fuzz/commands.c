/* SPDX-License-Identifier: BSD-3-Clause */
/* A command of the control side, of the input's choice and with its arguments. */
#include <string.h>

#include "tests/fuzz/application.h"
#include "tests/fuzz/world.h"

static void command_rss(struct vionet_device *device, unsigned int what)
{
	uint16_t table[8], limit;
	uint8_t key[48];
	struct vionet_rss rss = { .struct_size = sizeof(rss), .hash_types = fuzz_take16() };

	(void)fuzz_take_bytes(key, sizeof(key) < 40 ? sizeof(key) : 40);
	for (unsigned int i = 0; i < 8; i++)
		table[i] = fuzz_take8() & 3;
	if (what & 0x10) {
		rss.table = table;
		rss.table_size = what & 0x20 ? 8 : fuzz_take8() & 7;
	}
	if (what & 0x40) {
		rss.key = key;
		rss.key_size = fuzz_take8() % 48;
	}
	rss.unclassified = fuzz_take8() & 3;
	switch (what >> 8 & 7) {
	case 0:
	case 1:
		(void)vionet_rss_set(device, &rss);
		break;
	case 2:
		(void)vionet_hash_set(device, rss.hash_types, rss.key, rss.key_size);
		break;
	case 3:
		(void)vionet_rss_context_limit(device, &limit);
		break;
	case 4:
		(void)vionet_rss_context_add(device, fuzz_take8() & 3, &rss);
		break;
	case 5:
		(void)vionet_rss_context_modify(device, fuzz_take8() & 3, &rss);
		break;
	case 6:
		(void)vionet_rss_context_delete(device, fuzz_take8() & 3);
		break;
	default:
		(void)vionet_hash_tunnels_set(device, fuzz_take16());
	}
}

static void command_stats(struct vionet_device *device)
{
	struct vionet_stat stats[VIONET_STATS_MAX];
	uint32_t room = fuzz_take8() % (VIONET_STATS_MAX + 1), count = 0;

	if (vionet_stats_read(device, fuzz_take8() & 7, stats, sizeof(stats[0]), room, &count) == 0) {
		FUZZ_CHECK(count <= room);
		/* Each once. */
		for (uint32_t i = 0; i < count; i++) {
			FUZZ_CHECK(stats[i].name && stats[i].name[0] != '\0');
			for (uint32_t j = 0; j < i; j++)
				FUZZ_CHECK(strcmp(stats[i].name, stats[j].name) != 0);
		}
	}
}

static void command_filters(struct vionet_device *device, unsigned int what)
{
	uint8_t macs[4][6];

	memset(macs, 0, sizeof(macs));
	(void)fuzz_take_bytes(macs, sizeof(macs));
	switch (what >> 8 & 3) {
	case 0:
		(void)vionet_filter_mode_set(device, (enum vionet_filter_mode)(what >> 4 & 7), (what & 0x80) != 0);
		break;
	case 1:
		(void)vionet_filter_macs_set(device, (const uint8_t(*)[6])macs, what >> 4 & 3, (const uint8_t(*)[6])macs,
					     what >> 6 & 3);
		break;
	case 2:
		(void)vionet_filter_vlan_add(device, fuzz_take16());
		break;
	default:
		(void)vionet_filter_vlan_delete(device, fuzz_take16());
	}
}

static void command_tuning(struct fuzz_application *app, unsigned int what)
{
	struct vionet_coalescing c = { .struct_size = sizeof(c), .max_packets = fuzz_take8(), .max_usecs = fuzz_take16() };
	struct vionet_queue *queue = what & 0x10 ? vionet_device_tx_queue(app->device, what >> 5 & 1) : vionet_device_rx_queue(app->device, what >> 5 & 1);
	uint64_t offloads;

	switch (what >> 8 & 3) {
	case 0:
		(void)vionet_coalescing_set(app->device, (what & 0x10) != 0, &c);
		break;
	case 1:
		if (queue)
			(void)vionet_queue_coalescing_set(queue, &c);
		break;
	case 2:
		if (queue)
			(void)vionet_queue_coalescing_read(queue, &c);
		break;
	default:
		(void)vionet_offloads_read(app->device, &offloads);
		(void)vionet_offloads_set(app->device, what & 0x10 ? fuzz_take64() : offloads & fuzz_take64());
	}
}

void fuzz_application_command(struct fuzz_application *app)
{
	unsigned int what = fuzz_take16();
	uint8_t mac[6] = { 2 }, frame[VIONET_ANNOUNCEMENT_SIZE];
	uint64_t types;

	switch (what & 7) {
	case 0:
		(void)fuzz_take_bytes(mac + 1, 5);
		(void)vionet_mac_set(app->device, mac);
		break;
	case 1:
		(void)vionet_queue_pairs_set(app->device, what >> 8 & 7);
		break;
	case 2:
		command_rss(app->device, what);
		break;
	case 3:
		(void)vionet_stats_types(app->device, &types);
		break;
	case 4:
		command_stats(app->device);
		break;
	case 5:
		command_filters(app->device, what);
		break;
	case 6:
		command_tuning(app, what);
		break;
	default:
		(void)vionet_control_check(app->device);
		(void)vionet_announcement_write(app->device, frame);
	}
}
