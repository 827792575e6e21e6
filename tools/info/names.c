/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/info/info.h"

#include <stddef.h>

const char *info_capability_name(unsigned int type)
{
	/* Source: "Virtio Structure PCI Capabilities", cfg_type. */
	static const char *const names[] = {
		"other",  "common", "notify", "isr",   "device",
		"pci",	  "other",  "other",  "shared", "vendor",
	};

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : "other";
}

const char *info_region_name(unsigned int index)
{
	/* Source: VFIO_PCI_*_REGION_INDEX in linux/vfio.h. */
	static const char *const names[] = {
		"BAR 0", "BAR 1", "BAR 2", "BAR 3",	    "BAR 4",
		"BAR 5", "ROM",	  "configuration", "VGA",
	};

	return index < sizeof(names) / sizeof(names[0]) ? names[index] : "other";
}

struct vionet_features info_without(const struct vionet_features *a,
				    const struct vionet_features *b)
{
	return (struct vionet_features){ { a->word[0] & ~b->word[0],
					   a->word[1] & ~b->word[1] } };
}

const char *info_event_name(uint64_t bits)
{
	static const char *const names[] = {
		"link", "needs-reset", "removal", "error", "queue-broken", "gone",
		"announce",
	};
	unsigned int bit = (unsigned int)__builtin_ctzll(bits);

	return bit < sizeof(names) / sizeof(names[0]) ? names[bit] : NULL;
}

const char *info_register_name(uint64_t bits)
{
	static const char *const names[] = {
		"queue_select", "queue_size", "queue_enable", "queue_desc",
		"queue_driver", "queue_device", "device_status",
		"queue_msix_vector", "config_msix_vector",
	};
	unsigned int bit = (unsigned int)__builtin_ctzll(bits);

	return bit < sizeof(names) / sizeof(names[0]) ? names[bit] : NULL;
}

const char *info_doorbell_name(enum vionet_doorbell doorbell)
{
	switch (doorbell) {
	case VIONET_DOORBELL_MAPPED:
		return "mapped";
	case VIONET_DOORBELL_EVENTFD:
		return "eventfd";
	case VIONET_DOORBELL_CALL:
		return "call";
	case VIONET_DOORBELL_NONE:
		break;
	}
	return NULL;
}

const char *info_not_taken(const struct info *info, unsigned int bit,
			   char text[FEATURE_REASON_MAX])
{
	return feature_reason(&info->device, &info->open, bit, text);
}
