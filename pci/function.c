/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what every PCI function does alike, whoever stands behind it.
 * Never: knows which implementation it talks to.
 * Read next: pci/function_vfio.c.
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
