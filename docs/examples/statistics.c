/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <vionet/vionet.h>

/* Print what the device itself counts for its first receive queue. */
static int print_statistics(struct vionet_device *device)
{
	struct vionet_statistic statistics[VIONET_STATISTICS_MAX];
	unsigned int count = 0;
	uint64_t types;
	int result = vionet_statistics_types(device, &types);

	if (result == 0 && (types & 0xf) != 0)
		result = vionet_statistics_read(device, 0, statistics,
						sizeof(statistics[0]),
						VIONET_STATISTICS_MAX, &count);
	for (unsigned int i = 0; result == 0 && i < count; i++)
		printf("%s %llu\n", statistics[i].name,
		       (unsigned long long)statistics[i].value);
	return result;
}

int main(int argc, char **argv)
{
	struct vionet_device *device = NULL;

	if (argc != 2 || vionet_device_open(argv[1], NULL, &device) ||
	    vionet_device_start(device, NULL))
		return 1;
	if (print_statistics(device))
		fprintf(stderr, "%s\n", vionet_error_text());
	return vionet_device_close(device) != 0;
}
