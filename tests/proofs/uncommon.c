/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that are not common, each call once, from any state: in several buffers or segments, with external frames,
 * from another pool, wrong. LAYOUT, SIZE; RECEIVES; OFFLOADS, a longer header; PART.
 */
#include "packets.h"

#define WATCHDOG 9

#include "driver/net/offload.h"
#include "driver/queue/receive.h"
#include "driver/queue/rescue.h"
#include "driver/queue/transmit.h"

/* Where packet 2's data begin; what was written to it. */
static uint32_t offset, written, used_at;

bool vn_pool_reach(const struct vionet_pool *from, const struct vionet_device *by, struct vn_reach *reach)
{
	reach->iova_offset = any(0, UINT32_MAX);
	return any_bool();
}

void vn_device_poll_error(struct vionet_device *d)
{
	d->error = (uint8_t)any(VN_DERR_NONE, VN_DERR_GONE);
}

/* ---- headers are the proof `header` ---- */

bool vn_receive_header(struct vionet_queue *q, struct vionet_packet *packet, uint32_t kind)
{
	return any_bool();
}

void vn_header_take(const struct vionet_queue *q, struct vionet_packet *packet, uint32_t kind)
{
}

bool vn_header_check(struct vionet_queue *q, struct vionet_packet *packet)
{
	return any_bool();
}

/* A header goes where there is room for it. */
bool vn_transmit_header(const struct vionet_queue *q, const struct vionet_packet *packet, uint64_t total, uint8_t *end)
{
	//@ assert \valid(end - (1 .. HEADER_SIZE));
	return any_bool();
}

/* ---- calls ---- */

static void demand_inside(const struct vionet_packet *packet)
{
	volatile uint8_t byte;

	byte = packet->data[0];
	byte = packet->data[packet->length - 1];
}

/*
 * Packet 2 came back; 0 and 1 are those that it may continue. What was written is what the device says, and so is
 * how many buffers there are. Handed on, or kept, it lies within its buffer.
 */
static void came_back(uint32_t written)
{
	struct vionet_packet *packet = PACKET(2);
	struct rx_limits limits = rx_limits_of(&queue, HEADER_SIZE);
	struct vionet_packet *whole;

	if (PART)
		whole = vn_receive_uncommon(&queue, packet, written, any(0, UINT16_MAX));
	else
		whole = rx_take_buffer(&queue, any_bool(), OFFLOADS, &limits, packet, written);
	if (whole == packet || (!queue.partial.drop && queue.partial.tail == packet))
		demand_inside(packet);
}

static void receive(void)
{
	written = any(0, FRAME_ROOM + HEADER_SIZE + 1);
	queue.partial.tail->next = NULL;
	if (any_bool()) {
		came_back(any(FRAME_ROOM + HEADER_SIZE + 2, UINT32_MAX));
	} else {
		//@ split written;
		came_back(written);
	}
}

static void transmit(void)
{
	struct vionet_packet *packet = PACKET(2);
	struct vn_source source = queue.source;

	offset = any(0, STRIDE + 1);
	//@ split offset;
	packet->data = (uint8_t *)buffer + offset;
	switch (PART) {
	case 0:
		if (tx_is_common(packet, &source, HEADER_SIZE))
			tx_write_header(packet->data, HEADER_SIZE);
		break;
	case 1:
		(void)vn_transmit_one(&queue, packet);
		break;
	default:
		vn_reclaim_uncommon(&queue, (vn_slot)packet | any(0, VN_SLOT_TAGS), any(0, SIZE - 1));
	}
}

int main(void)
{
	any_state();
	any_packets();
	if (vn_layout_is_packed(LAYOUT)) {
		used_at = any(0, SIZE - 1);
		//@ split used_at;
		queue.packed.used = ring_descs + used_at;
	}
	if (PART == WATCHDOG)
		vn_queue_watchdog(&queue, any(0, UINT32_MAX));
	else if (RECEIVES)
		receive();
	else
		transmit();
	demand_state();
	Frama_C_show_each_end();
	return 0;
}
