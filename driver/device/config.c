/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * It is never written to ("Device configuration layout", NET-02); a field is read only
 * if its feature is there ("Device Configuration Space", GEN-18), and two reads are not
 * taken for one snapshot ("Device Configuration Space", GEN-16).
 *
 * Source: "Network Device / Device configuration layout".
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "driver/device/config.h"
#include "driver/spec/control.h"
#include "driver/spec/net.h"
#include "driver/spec/virtio.h"
#include "driver/state/feature.h"

/* Linux 5.6; before, it is refused as unknown. */
#ifndef GRND_INSECURE
#define GRND_INSECURE 0x0004
#endif

/* The fields as the device has them. */
struct raw_config {
	uint8_t mac[6];
	uint16_t status;
	uint16_t max_virtqueue_pairs;
	uint16_t mtu;
	uint32_t speed;
	uint8_t duplex;
	uint8_t rss_key_max;
	uint16_t rss_table_max;
	uint32_t hash_types, tunnel_types;
};

#define FIELDS_MAX 10u

/* What the device says of RSS and hash reports, also where they are not used: for
 * people who look. */
static unsigned int config_list_steering_fields(const struct vionet_features *offered,
						struct raw_config *raw,
						struct vn_config_field *fields,
						unsigned int count)
{
	bool rss = vionet_feature_test(offered, NET_F_RSS);

	if (rss || vionet_feature_test(offered, NET_F_HASH_REPORT)) {
		fields[count++] = (struct vn_config_field){
			NET_CONFIG_RSS_MAX_KEY_SIZE, 1, &raw->rss_key_max
		};
		fields[count++] = (struct vn_config_field){
			NET_CONFIG_SUPPORTED_HASH_TYPES, 4, &raw->hash_types
		};
	}
	if (rss)
		fields[count++] = (struct vn_config_field){
			NET_CONFIG_RSS_MAX_TABLE_LENGTH, 2, &raw->rss_table_max
		};
	if (vionet_feature_test(offered, NET_F_HASH_TUNNEL))
		fields[count++] = (struct vn_config_field){
			NET_CONFIG_SUPPORTED_TUNNEL_TYPES, 4, &raw->tunnel_types
		};
	return count;
}

static unsigned int config_list_fields(const struct vionet_features *features,
				       const struct vionet_features *offered,
				       struct raw_config *raw,
				       struct vn_config_field fields[FIELDS_MAX])
{
	unsigned int count = 0;

	if (vionet_feature_test(features, NET_F_MAC))
		fields[count++] = (struct vn_config_field){ NET_CONFIG_MAC, 6,
							    raw->mac };
	if (vionet_feature_test(features, NET_F_STATUS))
		fields[count++] = (struct vn_config_field){ NET_CONFIG_STATUS, 2,
							    &raw->status };
	if (vionet_feature_test(offered, NET_F_MQ) ||
	    vionet_feature_test(offered, NET_F_RSS))
		fields[count++] = (struct vn_config_field){
			NET_CONFIG_MAX_VIRTQUEUE_PAIRS, 2,
			&raw->max_virtqueue_pairs
		};
	if (vionet_feature_test(features, NET_F_MTU))
		fields[count++] = (struct vn_config_field){ NET_CONFIG_MTU, 2,
							    &raw->mtu };
	if (vionet_feature_test(features, NET_F_SPEED_DUPLEX)) {
		fields[count++] = (struct vn_config_field){ NET_CONFIG_SPEED, 4,
							    &raw->speed };
		fields[count++] = (struct vn_config_field){ NET_CONFIG_DUPLEX, 1,
							    &raw->duplex };
	}
	return config_list_steering_fields(offered, raw, fields, count);
}

/* An address that no interface may have (a group address, or none) is replaced,
 * as is a missing one ("Device configuration layout", NET-04). */
/* Early in a boot good random numbers may be long in coming; any will do here. */
static void config_make_up(uint8_t mac[6])
{
	uint64_t now = vn_now();

	if (getrandom(mac, 6, GRND_INSECURE) != 6 &&
	    getrandom(mac, 6, GRND_NONBLOCK) != 6)
		memcpy(mac, &now, 6);
	mac[0] = 0x02;
}

static void config_mac(struct vionet_device *device,
		       const struct vionet_features *features,
		       const struct raw_config *raw, struct vn_net_config *config)
{
	static const uint8_t none[6];

	config->mac_from_device = vionet_feature_test(features, NET_F_MAC) &&
				  (raw->mac[0] & 1) == 0 &&
				  memcmp(raw->mac, none, sizeof(none)) != 0;
	if (config->mac_from_device) {
		memcpy(config->mac, raw->mac, sizeof(config->mac));
	} else if (device->config.mac[0] != 0) {
		memcpy(config->mac, device->config.mac, sizeof(config->mac));
	} else {
		config_make_up(config->mac);
	}
}

static void config_link(const struct vionet_features *features,
			const struct raw_config *raw, struct vionet_link *link)
{
	link->known = vionet_feature_test(features, NET_F_STATUS);
	link->up = !link->known || (raw->status & NET_S_LINK_UP) != 0;
	link->speed = 0;
	link->duplex = -1;
	if (!vionet_feature_test(features, NET_F_SPEED_DUPLEX))
		return;
	if (raw->speed <= NET_SPEED_MAX)
		link->speed = raw->speed;
	if (raw->duplex <= 1)
		link->duplex = raw->duplex;
}

/* How many pairs there are, and where that puts the control queue ("Virtqueues", NET-01). The
 * offer was checked before; the number may have changed since. */
static void config_pairs(const struct vionet_device *device,
			 const struct raw_config *raw,
			 struct vn_net_config *config)
{
	unsigned int most = device->limits.queue_count / 2u;
	bool several = vionet_feature_test(&device->accepted, NET_F_MQ) ||
		       vionet_feature_test(&device->accepted, NET_F_RSS) ||
		       device->limits.pairs_enabled > 1;

	config->queues_lack = several && device->limits.pairs_enabled == 0 &&
			      2u * raw->max_virtqueue_pairs + 1u >
				      device->limits.queue_count;
	config->max_queue_pairs = raw->max_virtqueue_pairs;
	if (device->limits.pairs_enabled != 0)
		config->max_queue_pairs = device->limits.pairs_enabled;
	if (config->max_queue_pairs > most)
		config->max_queue_pairs = (uint16_t)most;
	if (config->max_queue_pairs == 0)
		config->max_queue_pairs = 1;
	config->device_pairs = several ? config->max_queue_pairs : 1;
}

/* A table has a power of two entries; the largest one that fits ("Setting RSS
 * parameters", CVQ-28, -29). */
static void config_steering(const struct raw_config *raw,
			    struct vn_net_config *config)
{
	unsigned int entries = 0x8000;

	while (entries > raw->rss_table_max)
		entries /= 2;
	config->rss_table_max = (uint16_t)entries;
	config->rss_key_max = raw->rss_key_max;
	config->hash_types = raw->hash_types & HASH_TYPES_KNOWN;
	config->tunnel_types = raw->tunnel_types & TUNNEL_TYPES_KNOWN;
}

int vn_config_read(struct vionet_device *device, struct vn_net_config *config)
{
	const struct vionet_features *features = &device->accepted;
	struct raw_config raw = { .max_virtqueue_pairs = 1 };
	struct vn_net_config fresh = { 0 };
	struct vn_config_field fields[FIELDS_MAX];
	unsigned int count = config_list_fields(features, &device->usable, &raw,
						fields);
	int result = 0;

	if (count != 0)
		result = device->transport->ops->config_read(device->transport,
							     fields, count);
	if (result)
		return result;
	config_mac(device, features, &raw, &fresh);
	config_link(features, &raw, &fresh.link);
	/* It was checked before it was accepted; it may have changed since. */
	fresh.mtu = raw.mtu >= NET_MTU_MIN ? raw.mtu : 0;
	config_pairs(device, &raw, &fresh);
	config_steering(&raw, &fresh);
	fresh.announce = vionet_feature_test(features, NET_F_GUEST_ANNOUNCE) &&
			   fresh.link.known &&
			   (raw.status & NET_S_ANNOUNCE) != 0;
	*config = fresh;
	return 0;
}

static int config_read_field(struct vionet_device *device, uint32_t offset,
			     uint32_t width, void *value)
{
	struct vn_config_field field = { offset, width, value };

	return device->transport->ops->config_read(device->transport, &field, 1);
}

/* With MQ or RSS the control queue follows the last of the pairs that the device
 * states. If that is no number of pairs, or there are not as many queues, neither
 * can be had; one pair, and the control queue after it, can. How many queues there
 * are is not known yet: QEMU has those of further pairs only once MQ was taken. */
static int config_correct_pairs(struct vionet_device *device,
				struct vionet_features *offered)
{
	uint16_t pairs = 0;
	int result = 0;

	if (!vionet_feature_test(offered, NET_F_MQ) &&
	    !vionet_feature_test(offered, NET_F_RSS))
		return 0;
	if (!device->one_pair)
		result = config_read_field(device, NET_CONFIG_MAX_VIRTQUEUE_PAIRS, 2, &pairs);
	if (result == 0 && (pairs < 1 || pairs > NET_QUEUE_PAIRS_MAX)) {
		vn_feature_remove(offered, NET_F_MQ);
		vn_feature_remove(offered, NET_F_RSS);
	}
	return result;
}

/* Keys and tables smaller than a device must allow: it means something else. */
static int config_correct_steering(struct vionet_device *device,
				   struct vionet_features *offered)
{
	uint16_t entries = 0;
	uint8_t key = 0;
	int result = 0;

	if (vionet_feature_test(offered, NET_F_RSS))
		result = config_read_field(device, NET_CONFIG_RSS_MAX_TABLE_LENGTH, 2, &entries);
	if (result == 0 && entries < RSS_TABLE_MIN)
		vn_feature_remove(offered, NET_F_RSS);
	if (result == 0 && (vionet_feature_test(offered, NET_F_RSS) ||
			    vionet_feature_test(offered, NET_F_HASH_REPORT)))
		result = config_read_field(device, NET_CONFIG_RSS_MAX_KEY_SIZE, 1, &key);
	if (result == 0 && key < RSS_KEY_MIN) {
		vn_feature_remove(offered, NET_F_RSS);
		vn_feature_remove(offered, NET_F_HASH_REPORT);
	}
	return result;
}

static int config_correct_mtu(struct vionet_device *device, struct vionet_features *offered)
{
	uint16_t mtu = 0;
	int result = 0;

	if (vionet_feature_test(offered, NET_F_MTU))
		result = config_read_field(device, NET_CONFIG_MTU, 2, &mtu);
	if (result == 0 && mtu < NET_MTU_MIN)
		vn_feature_remove(offered, NET_F_MTU);
	return result;
}

int vn_config_correct_offer(struct vionet_device *device,
			    struct vionet_features *offered)
{
	static const struct {
		unsigned int bit, end;
	} ends[] = {
		{ NET_F_MAC, NET_CONFIG_MAC + 6 },
		{ NET_F_STATUS, NET_CONFIG_STATUS + 2 },
		{ NET_F_MQ, NET_CONFIG_MAX_VIRTQUEUE_PAIRS + 2 },
		{ NET_F_RSS, NET_CONFIG_MAX_VIRTQUEUE_PAIRS + 2 },
		{ NET_F_MTU, NET_CONFIG_MTU + 2 },
		{ NET_F_SPEED_DUPLEX, NET_CONFIG_DUPLEX + 1 },
		{ NET_F_HASH_REPORT, NET_CONFIG_SUPPORTED_HASH_TYPES + 4 },
		{ NET_F_RSS, NET_CONFIG_SUPPORTED_HASH_TYPES + 4 },
		{ NET_F_HASH_TUNNEL, NET_CONFIG_SUPPORTED_TUNNEL_TYPES + 4 },
	};
	int result;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (device->limits.config_size < ends[i].end)
			vn_feature_remove(offered, ends[i].bit);
	if (!vn_transport_can(device->transport, VN_CAN_QUEUE_RESET))
		vn_feature_remove(offered, F_RING_RESET);
	result = config_correct_mtu(device, offered);
	if (result == 0)
		result = config_correct_pairs(device, offered);
	return result ? result : config_correct_steering(device, offered);
}
