/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: reading and judging the network device's configuration.
 * Never: writes to it (NET-02), reads a field whose feature is not there
 * (GEN-18), or takes two reads for one snapshot (GEN-16).
 * Read next: driver/device.c.
 *
 * Source: "Network Device / Device configuration layout".
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "driver/device.h"
#include "driver/feature.h"
#include "driver/spec_net.h"

/* The fields as the device has them. */
struct raw_config {
	uint8_t mac[6];
	uint16_t status;
	uint16_t max_virtqueue_pairs;
	uint16_t mtu;
	uint32_t speed;
	uint8_t duplex;
};

static unsigned int list_fields(const struct vionet_features *features,
				const struct vionet_features *offered,
				struct raw_config *raw,
				struct vn_config_field fields[6])
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
	return count;
}

/* An address that no interface may have (a group address, or none) is replaced,
 * as is a missing one (NET-04). */
static void settle_mac(struct vionet_device *device,
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
		if (getrandom(config->mac, sizeof(config->mac), 0) < 6)
			memset(config->mac, 0x5e, sizeof(config->mac));
		config->mac[0] = 0x02;
	}
}

static void settle_link(const struct vionet_features *features,
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

int vn_config_read(struct vionet_device *device, struct vn_net_config *config)
{
	const struct vionet_features *features = &device->accepted;
	struct raw_config raw = { .max_virtqueue_pairs = 1 };
	struct vn_net_config settled = { 0 };
	struct vn_config_field fields[6];
	unsigned int count = list_fields(features, &device->usable, &raw, fields);
	unsigned int most = device->transport->queue_count / 2u;
	int result = 0;

	if (count != 0)
		result = device->transport->ops->config_read(device->transport,
							     fields, count);
	if (result)
		return result;
	settle_mac(device, features, &raw, &settled);
	settle_link(features, &raw, &settled.link);
	/* It was judged before it was accepted; it may have changed since. */
	settled.mtu = raw.mtu >= NET_MTU_MIN ? raw.mtu : 0;
	settled.max_queue_pairs = raw.max_virtqueue_pairs;
	if (settled.max_queue_pairs > most)
		settled.max_queue_pairs = (uint16_t)most;
	if (settled.max_queue_pairs == 0)
		settled.max_queue_pairs = 1;
	*config = settled;
	return 0;
}

void vn_config_correct_offer(struct vionet_device *device,
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
	};
	uint16_t mtu = 0;
	struct vn_config_field field = { NET_CONFIG_MTU, 2, &mtu };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (device->transport->config_size < ends[i].end)
			vn_feature_remove(offered, ends[i].bit);
	if (vionet_feature_test(offered, NET_F_MTU) &&
	    (device->transport->ops->config_read(device->transport, &field, 1) ||
	     mtu < NET_MTU_MIN))
		vn_feature_remove(offered, NET_F_MTU);
}
