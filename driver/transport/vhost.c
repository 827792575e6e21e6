/* SPDX-License-Identifier: BSD-3-Clause */
#include "driver/spec/virtio.h"
#include "driver/state/feature.h"
#include "driver/transport/vhost.h"

struct vionet_features vn_vhost_features(uint64_t word)
{
	static const uint8_t kept[] = { F_NOTIFICATION_DATA, F_NOTIF_CONFIG_DATA, F_RING_RESET,
					F_SR_IOV, F_ADMIN_VQ };
	struct vionet_features offered = { .word[0] = word };

	for (size_t i = 0; i < sizeof(kept); i++)
		vn_feature_remove(&offered, kept[i]);
	return offered;
}

uint16_t vn_vhost_first_position(const struct vionet_features *accepted)
{
	return vionet_feature_test(accepted, F_RING_PACKED) ? 1u << 15 : 0;
}

uint32_t vn_vhost_base(const struct vionet_features *accepted, uint16_t position)
{
	if (!vionet_feature_test(accepted, F_RING_PACKED))
		return position;
	return position | (uint32_t)position << 16;
}
