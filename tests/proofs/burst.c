/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each part of a burst, once, from any state: receive and its refill, transmit and what it takes back. What a part
 * calls may do all that its own proof allows: other parts here, slow paths in uncommon.c. LAYOUT, SIZE; RECEIVES;
 * OFFLOADS, MERGEABLE; MOST packets at once.
 */
#include "packets.h"

#include "driver/queue/receive.h"
#include "driver/queue/transmit.h"

/* ---- where the ring goes on; each place is looked at for itself ---- */

static uint32_t avail_at, used_at, seq_at, seq_used_at, ready;

static void any_avail_place(void)
{
	avail_at = any(0, SIZE - 1);
	seq_at = any(0, SIZE - 1);
	queue.free_count = (uint16_t)any(0, SIZE);
	if (!vn_layout_is_packed(LAYOUT)) {
		queue.split.avail_index = (uint16_t)any(0, UINT16_MAX);
		queue.split.desc_index = (uint16_t)any(0, UINT16_MAX);
		return;
	}
	//@ split avail_at;
	queue.packed.avail = ring_descs + avail_at;
	if (RECEIVES) {
		queue.packed.seq_next = (uint16_t)avail_at; /* each buffer is one descriptor */
	} else {
		//@ split seq_at;
		queue.packed.seq_next = (uint16_t)seq_at;
	}
}

/* What was seen and not taken yet is with us: no more than there is. */
static void any_used_place(void)
{
	used_at = any(0, SIZE - 1);
	seq_used_at = any(0, SIZE - 1);
	ready = any(0, SIZE);
	queue.free_count = (uint16_t)any(0, SIZE);
	queue.outstanding = (uint16_t)any(0, SIZE);
	//@ split used_at;
	if (!vn_layout_is_packed(LAYOUT)) {
		//@ split ready;
		queue.split.used_index = (uint16_t)(used_at - 1);
		queue.split.used_seen = (uint16_t)(used_at - 1 + ready);
		queue.outstanding = (uint16_t)any(ready, SIZE);
		return;
	}
	queue.packed.used = ring_descs + used_at;
	if (RECEIVES) {
		queue.packed.seq_used = (uint16_t)used_at;
	} else {
		//@ split seq_used_at;
		queue.packed.seq_used = (uint16_t)seq_used_at;
	}
}

/* ---- what the parts call ---- */

static void any_available(void)
{
	pool.available = any(0, UINT32_MAX);
	other.available = any(0, UINT32_MAX);
}

static void any_error(void)
{
	queue.error = (uint8_t)any(VN_QERR_NONE, VN_QERR_RESET);
}

static void part_refill(struct vionet_queue *q)
{
	any_available();
	any_avail_place();
}

static uint32_t part_receive(struct vionet_queue *q, struct vionet_packet **packets, uint32_t max)
{
	any_available();
	any_error();
	any_used_place();
	return any(0, max);
}

static uint32_t part_reclaim(struct vionet_queue *q, uint32_t wanted)
{
	any_available();
	any_error();
	any_used_place();
	return any(0, SIZE);
}

static uint32_t part_rest(struct vionet_queue *q, struct vionet_packet *const *packets, uint32_t count, uint32_t *pushed,
			  uint64_t *bytes)
{
	any_available();
	any_error();
	any_used_place();
	any_avail_place();
	return any(0, count);
}

static uint32_t part_transmit(struct vionet_queue *q, struct vionet_packet *const *packets, uint32_t count)
{
	return any(0, count);
}

/* ---- slow paths ---- */

struct vionet_packet *vn_receive_uncommon(struct vionet_queue *q, struct vionet_packet *packet, uint32_t written,
					  uint32_t buffers)
{
	any_available();
	any_error();
	queue.partial.left = any(0, UINT32_MAX);
	return any_bool() ? NULL : any_bool() ? packet
					      : queue.partial.head;
}

bool vn_receive_header(struct vionet_queue *q, struct vionet_packet *packet, uint32_t kind)
{
	any_available();
	return any_bool();
}

bool vn_source_choose(const struct vionet_queue *q, const struct vionet_pool *from, struct vn_source *source)
{
	source->pool = from;
	source->shift = any(0, UINT32_MAX);
	source->tag = any_bool() ? 0 : VN_SLOT_OTHER_POOL;
	source->span = any(0, STRIDE - HEADER_SIZE - VIONET_FRAME_MIN);
	source->room = STRIDE - HEADER_SIZE;
	return any_bool();
}

bool vn_transmit_one(const struct vionet_queue *q, const struct vionet_packet *packet)
{
	return any_bool();
}

void vn_reclaim_uncommon(struct vionet_queue *q, vn_slot slot, uint32_t index)
{
	/* Where its slot was read, and that is not 0. */
	//@ assert slot > 3;
	any_available();
	used_at = any(0, SIZE - 1);
	if (vn_layout_is_packed(LAYOUT)) {
		//@ split used_at;
		queue.packed.used = ring_descs + used_at;
	}
}

void vn_transmit_stuck(struct vionet_queue *q)
{
}

void vn_queue_idle(struct vionet_queue *q)
{
}

/* ---- the parts ---- */

static void receive(void)
{
	static struct vionet_packet *packets[MOST];
	uint32_t received;

	switch (PART) {
	case 0:
		received = rx_burst(&queue, LAYOUT, MERGEABLE, OFFLOADS, part_refill, packets, MOST);
		//@ assert received <= MOST;
		break;
	case 1:
		(void)rx_single(&queue, LAYOUT, MERGEABLE, OFFLOADS, part_refill, part_receive, packets);
		break;
	default:
		rx_refill_burst(&queue, LAYOUT);
	}
}

static void transmit(void)
{
	static struct vionet_packet *packets[MOST];
	uint32_t taken;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < MOST; i++)
		packets[i] = PACKET(2 + i % 2);
	switch (PART) {
	case 0:
		(void)tx_reclaim_burst(&queue, LAYOUT, UINT32_MAX);
		break;
	case 1:
		taken = tx_push_common(&queue, LAYOUT, OFFLOADS, any_bool(), packets, MOST, &bytes);
		//@ assert taken <= MOST;
		break;
	case 2:
		(void)tx_burst(&queue, LAYOUT, OFFLOADS, part_reclaim, part_rest, packets, MOST);
		break;
	default:
		(void)tx_single(&queue, LAYOUT, OFFLOADS, part_reclaim, part_transmit, packets);
	}
}

int main(void)
{
	any_state();
	any_packets();
	any_used_place();
	any_avail_place();
	if (RECEIVES)
		receive();
	else
		transmit();
	demand_state();
	Frama_C_show_each_end();
	return 0;
}
