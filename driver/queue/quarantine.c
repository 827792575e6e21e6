/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "driver/net/pool.h"
#include "driver/queue/quarantine.h"
#include "driver/ring/ring.h"
#include "driver/state/health.h"

/* Buffers of a device that is quiesced are ours again, whether completed or not. */
static void quarantine_take_back(struct vionet_queue *queue)
{
	for (uint32_t i = 0; queue->slots && i < queue->size; i++) {
		struct vionet_packet *packet = vn_slot_packet(queue->slots[i]);

		if (!packet || !queue->pool)
			continue;
		vn_packet_unpoison(packet);
		/* Posted descriptions are as the last user left them. */
		if (!queue->transmits)
			packet->next = NULL;
		vn_packet_set_owner(packet, VN_PACKET_DEVICE);
		vn_packet_free(packet);
	}
	if (queue->partial.left != 0 && !queue->partial.drop)
		vn_packet_free(queue->partial.head);
}

void vn_queue_release(struct vionet_queue *queue)
{
	quarantine_take_back(queue);
	vn_ring_close(queue);
}

void vn_quarantine_add(struct vionet_queue *queue)
{
	struct vn_quarantined *kept = queue->quarantine;
	struct vionet_device *device = queue->device;

	kept->queue = *queue;
	kept->next = device->quarantine;
	device->quarantine = kept;
}

static void quarantine_release_pools(struct vionet_device *device)
{
	struct vionet_pool *pool = device->pools;

	while (pool) {
		struct vionet_pool *next = pool->next;

		if (pool->abandoned)
			vn_pool_destroy_forced(pool);
		pool = next;
	}
}

/* Packets first: they may be in the pools that go, or point to memory that goes. */
void vn_quarantine_release(struct vionet_device *device)
{
	while (device->quarantine) {
		struct vn_quarantined *kept = device->quarantine;

		device->quarantine = kept->next;
		vn_queue_release(&kept->queue);
		free(kept);
	}
	quarantine_release_pools(device);
}

/* ---- counting ---- */

static uint32_t quarantine_count_segments(const struct vionet_packet *packet)
{
	uint32_t count = 0;

	for (; packet; packet = packet->next)
		count++;
	return count;
}

static uint32_t quarantine_count_packets(const struct vionet_queue *queue)
{
	uint32_t count = 0;

	for (uint32_t i = 0; queue->pool && queue->slots && i < queue->size; i++) {
		const struct vionet_packet *packet =
			vn_slot_packet(queue->slots[i]);

		/* What a posted description points to means nothing. */
		if (packet)
			count += queue->transmits ? quarantine_count_segments(packet) :
						    1;
	}
	if (queue->partial.left != 0 && !queue->partial.drop)
		count += quarantine_count_segments(queue->partial.head);
	return count;
}

static void quarantine_count_queue(const struct vionet_queue *queue, uint32_t *regions,
				   uint32_t *packets)
{
	*regions += queue->read_memory != NULL;
	*regions += queue->write_memory != NULL;
	*regions += queue->tables.memory != NULL;
	*packets += quarantine_count_packets(queue);
}

/* One that was to be reset alone, and was not, is in no known state either. */
static void quarantine_count_if_unknown(const struct vionet_queue *queue,
					uint32_t *regions, uint32_t *packets)
{
	if (__atomic_load_n(&queue->error, __ATOMIC_ACQUIRE) == VN_QERR_RESET)
		quarantine_count_queue(queue, regions, packets);
}

void vn_quarantine_count(const struct vionet_device *device, uint32_t *regions,
			 uint32_t *packets)
{
	*regions = device->quarantined;
	*packets = 0;
	for (const struct vn_quarantined *at = device->quarantine; at; at = at->next)
		quarantine_count_queue(&at->queue, regions, packets);
	for (unsigned int i = 0; i < device->queue_pairs; i++) {
		quarantine_count_if_unknown(&device->rx[i], regions, packets);
		quarantine_count_if_unknown(&device->tx[i], regions, packets);
	}
	for (const struct vionet_pool *pool = device->pools; pool; pool = pool->next)
		*regions += pool->abandoned && pool->own_memory ? 1 : 0;
}
