/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the header of a received packet says, whatever the device writes there and when; and the
 * header of one to transmit, whose frame the device can still write to.
 */
#include "any.h"

#include "driver/net/offload.h"
#include "driver/net/packet.h"
#include "driver/spec/net.h"

#define ROOM 256

static volatile uint8_t buffer[VIONET_HEADROOM + ROOM];
static struct vionet_queue queue;
static struct vionet_pool pool;
static struct vionet_packet packet;
static struct vionet_packet *free_packets[2];

static void any_packet(void)
{
	pool.free = free_packets;
	pool.available = any(0, 1);
	pool.stride = sizeof(buffer);
	packet.pool = &pool;
	packet.buffer = (uint8_t *)buffer;
	packet.state = VN_PACKET_APPLICATION;
	packet.hdr_len = (uint16_t)any(0, UINT16_MAX);
	packet.gso_size = (uint16_t)any(0, UINT16_MAX);
	packet.csum_start = (uint16_t)any(0, UINT16_MAX);
	packet.csum_offset = (uint16_t)any(0, UINT16_MAX);
	packet.outer_th_offset = (uint16_t)any(0, UINT16_MAX);
	packet.inner_nh_offset = (uint16_t)any(0, UINT16_MAX);
	packet.flags = (uint8_t)any(0, UINT8_MAX);
	packet.gso_type = (uint8_t)any(0, UINT8_MAX);
	queue.offloads.flags = (uint8_t)any(0, UINT8_MAX);
	queue.offloads.bits = (uint8_t)any(0, UINT8_MAX);
	queue.offloads.kinds = (uint16_t)any(0, UINT16_MAX);
	queue.offloads.hash = any_bool();
	queue.max_frame = any(64, 65535);
	queue.header_size = HEADER_SIZE;
}

int main(void)
{
	any_packet();
	if (RECEIVES) {
		packet.data = packet.buffer + VIONET_HEADROOM;
		packet.length = any(0, ROOM);
		packet.total_length = any(0, UINT32_MAX);
		(void)vn_receive_header(&queue, &packet, any(0, UINT16_MAX));
		//@ assert pool.available <= 2;
	} else {
		packet.data = packet.buffer + VIONET_HEADROOM;
		packet.length = any(1, ROOM);
		(void)vn_transmit_header(&queue, &packet, any(1, UINT32_MAX), packet.data);
	}
	Frama_C_show_each_end();
	return 0;
}
