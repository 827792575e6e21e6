/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <vionet/vionet.h>

/* Print the device's own counters of its first receive queue. */
static int print_stats(struct vionet_device *device)
{
	struct vionet_stat stats[VIONET_STATS_MAX];
	unsigned int count = 0;
	uint64_t types;
	int result = vionet_stats_types(device, &types);

	if (result == 0 && (types & 0xf) != 0)
		result = vionet_stats_read(device, 0, stats,
					   sizeof(stats[0]),
					   VIONET_STATS_MAX, &count);
	for (unsigned int i = 0; result == 0 && i < count; i++)
		printf("%s %llu\n", stats[i].name,
		       (unsigned long long)stats[i].value);
	return result;
}

int main(int argc, char **argv)
{
	struct vionet_device *device = NULL;

	if (argc != 2 || vionet_device_open(argv[1], NULL, &device) ||
	    vionet_device_start(device, NULL))
		return 1;
	if (print_stats(device))
		fprintf(stderr, "%s\n", vionet_error_text());
	return vionet_device_close(device) != 0;
}
