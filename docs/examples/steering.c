/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <vionet/vionet.h>

/* Use two of the queue pairs that were set up. */
static int two_pairs(struct vionet_device *device)
{
	struct vionet_steering_limits limits = { .struct_size = sizeof(limits) };

	vionet_steering_limits(device, &limits);
	printf("%u pairs, %u table entries\n", limits.queue_pairs, limits.table_entries);
	return vionet_queue_pairs_set(device, 2);
}

/* Spread TCP over IPv4 by hash, by the inner headers of VXLAN too. */
static int by_hash(struct vionet_device *device)
{
	struct vionet_rss rss = { .struct_size = sizeof(rss) };
	int result;

	rss.hash_types = VIONET_HASH_TCPV4;
	result = vionet_rss_set(device, &rss);
	if (result == 0)
		result = vionet_hash_tunnels_set(device, VIONET_TUNNEL_VXLAN);
	return result;
}

/* Only report hashes with packets. */
static int report_hashes(struct vionet_device *device)
{
	return vionet_hash_set(device, VIONET_HASH_IPV4 | VIONET_HASH_IPV6, NULL, 0);
}

/* A further context: make it, change it, remove it. */
static int context(struct vionet_device *device)
{
	struct vionet_rss rss = { .struct_size = sizeof(rss) };
	uint16_t contexts;
	int result = vionet_rss_context_limit(device, &contexts);

	if (result || contexts == 0)
		return result;
	result = vionet_rss_context_add(device, 1, &rss);
	rss.hash_types = VIONET_HASH_UDPV4;
	if (result == 0)
		result = vionet_rss_context_modify(device, 1, &rss);
	if (result == 0)
		result = vionet_rss_context_delete(device, 1);
	return result;
}

int main(int argc, char **argv)
{
	struct vionet_start_options options = { .struct_size = sizeof(options) };
	struct vionet_device *device = NULL;

	options.queue_pairs = 4;
	if (argc != 2 || vionet_device_open(argv[1], NULL, &device) ||
	    vionet_device_start(device, &options))
		return 1;
	if (two_pairs(device) || by_hash(device) || context(device) ||
	    report_hashes(device))
		fprintf(stderr, "%s\n", vionet_error_text());
	return vionet_device_close(device) != 0;
}
