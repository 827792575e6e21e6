/* SPDX-License-Identifier: BSD-3-Clause */
/* The capability list of any configuration space, with any BARs. */
#include "any.h"

#include "pci/capability.h"

int main(void)
{
	static uint8_t config[VN_PCI_CONFIG_SIZE];
	static struct vn_region regions[VN_REGION_COUNT];
	static struct vn_capabilities found;

	Frama_C_make_unknown((char *)config, sizeof(config));
	for (uint32_t i = 0; i < VN_REGION_COUNT; i++) {
		Frama_C_make_unknown((char *)&regions[i].size, sizeof(regions[i].size));
		regions[i].io = any_bool();
	}
	if (vn_capabilities_walk(config, regions, &found) == 0) {
		//@ assert found.common.bar <= VN_REGION_BAR5 && found.notify.bar <= VN_REGION_BAR5;
	}
	Frama_C_show_each_end();
	return 0;
}
