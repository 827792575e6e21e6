/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every PCI function does alike, whatever stands behind it. Never knows which
 * implementation it talks to.
 */
#include "base/order.h"
#include "pci/function.h"

const char *vn_region_name(unsigned int region)
{
	static const char *const names[VN_REGION_COUNT] = {
		"BAR 0", "BAR 1", "BAR 2", "BAR 3", "BAR 4", "BAR 5",
		"expansion ROM", "configuration space", "VGA",
	};

	return region < VN_REGION_COUNT ? names[region] : "no such region";
}

const char *vn_virtio_kind(unsigned int vendor, unsigned int device,
			   unsigned int subsystem)
{
	/* VIRTIO, "Device Types". */
	static const char *const kinds[] = {
		[1] = "network", [2] = "block", [3] = "console", [4] = "entropy",
		[5] = "memory balloon", [8] = "SCSI host", [9] = "9P",
		[16] = "GPU", [18] = "input", [19] = "socket", [20] = "crypto",
		[23] = "IOMMU", [24] = "memory", [25] = "sound", [26] = "file system",
		[27] = "PMEM", [34] = "SCMI", [35] = "encrypted memory",
		[40] = "Bluetooth", [41] = "GPIO",
	};
	unsigned int type = device >= 0x1040 ? device - 0x1040 : subsystem;

	if (vendor != 0x1af4 || device < 0x1000 || device > 0x107f)
		return "";
	return type < sizeof(kinds) / sizeof(kinds[0]) && kinds[type] != NULL ?
		       kinds[type] : "other";
}

int vn_function_command(struct vn_function *function, uint16_t set,
			uint16_t clear)
{
	uint16_t before, after;
	le16 raw;
	int result;

	result = function->ops->read(function, VN_REGION_CONFIG, VN_PCI_COMMAND,
				     &raw, sizeof(raw));
	if (result != 0)
		return result;
	before = vn_from_le16(raw);
	after = (uint16_t)((before & ~clear) | set);
	if (after == before)
		return 0;
	raw = vn_to_le16(after);
	return function->ops->write(function, VN_REGION_CONFIG, VN_PCI_COMMAND,
				    &raw, sizeof(raw));
}
