/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <linux/vhost.h>

#include "base/error.h"
#include "iommu/iotlb.h"
#include "iommu/locked.h"

/* Returns 0 or a negative errno, without text. */
static int iotlb_send(const struct vn_iotlb *iotlb, uint32_t space, const struct vn_dma_region *region,
		      uint8_t type)
{
	struct vhost_msg_v2 message;
	ssize_t sent;

	memset(&message, 0, sizeof(message));
	message.type = VHOST_IOTLB_MSG_V2;
	message.asid = space;
	message.iotlb.type = type;
	if (region) {
		message.iotlb.iova = region->iova;
		message.iotlb.size = region->size;
		message.iotlb.uaddr = (uintptr_t)region->address;
		message.iotlb.perm = region->access == VN_DEVICE_READS ? VHOST_ACCESS_RO : VHOST_ACCESS_RW;
	}
	do {
		sent = write(iotlb->fd, &message, sizeof(message));
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return sent == (ssize_t)sizeof(message) ? 0 : -EIO;
}

/*
 * Whatever it is that keeps the kernel from mapping, the errno is EFAULT. Most often it is the
 * limit of locked memory. Not every device is counted: so the kernel decides, and all that is
 * still to come is named at once.
 */
static int iotlb_map_error(const struct vn_iotlb *iotlb, int code, const struct vn_dma_region *region)
{
	uint64_t wanted = iotlb->wanted_bytes > region->size ? iotlb->wanted_bytes : region->size;

	if (vn_locked_check(region->size, VN_ACCOUNT_VHOST))
		return vn_locked_check(wanted, VN_ACCOUNT_VHOST);
	return vn_error(code == EFAULT ? EIO : code,
			"the kernel cannot map %" PRIu64 " bytes at IOVA %#" PRIx64
			" (%s); dmesg may say why",
			region->size, region->iova, vn_errno_text(code));
}

int vn_iotlb_map(struct vn_iotlb *iotlb, struct vn_dma_region *region, uint32_t space)
{
	int result = iotlb_send(iotlb, space, region, VHOST_IOTLB_UPDATE);

	if (result)
		return iotlb_map_error(iotlb, -result, region);
	region->seen = space + 1;
	iotlb->wanted_bytes -= iotlb->wanted_bytes < region->size ? iotlb->wanted_bytes : region->size;
	return 0;
}

/*
 * A parent that is given a batch takes it at its end, and what it says then is lost. So the last
 * region comes behind it, by itself: that brings all of them once more, and an answer.
 */
int vn_iotlb_map_again(struct vn_iotlb *iotlb, const struct vn_regions *regions, uint32_t space)
{
	struct vn_dma_region *last = NULL;
	int result = 0;

	if (iotlb->batch)
		result = iotlb_send(iotlb, space, NULL, VHOST_IOTLB_BATCH_BEGIN);
	for (uint32_t i = 0; i < regions->count && result == 0; i++) {
		struct vn_dma_region *region = &regions->region[i];

		if (region->seen != space + 1)
			continue;
		result = iotlb_send(iotlb, space, region, VHOST_IOTLB_INVALIDATE);
		if (result == 0 && last)
			result = iotlb_send(iotlb, space, last, VHOST_IOTLB_UPDATE);
		last = region;
	}
	if (iotlb->batch && iotlb_send(iotlb, space, NULL, VHOST_IOTLB_BATCH_END) && result == 0)
		result = -EIO;
	if (result)
		return vn_error(-result, "the IOTLB does not take the memory again after a "
					 "reset (%s)",
				vn_errno_text(-result));
	return last ? vn_iotlb_map(iotlb, last, space) : 0;
}

int vn_iotlb_unmap(const struct vn_iotlb *iotlb, struct vn_dma_region *region)
{
	int result = 0;

	if (region->seen)
		result = iotlb_send(iotlb, region->seen - 1, region, VHOST_IOTLB_INVALIDATE);
	if (result == 0) {
		region->seen = 0;
		return 0;
	}
	return vn_error(-result,
			"IOVA %#" PRIx64 " is still mapped (%s); the address stays out of use",
			region->iova, vn_errno_text(-result));
}
