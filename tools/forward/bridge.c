/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/forward/bridge.h"

#include <string.h>

#include <vionet/offload.h>

#define BURST 32
/* So long a full queue holds the others up; then its frames are lost, and theirs are not. */
#define STALL_NS 100000000ULL
#define END_DRAIN_MS 200

/* ---- what a packet asks for ---- */

static unsigned int bridge_needs(const struct vionet_packet *packet)
{
	unsigned int needs = packet->flags & VIONET_PACKET_NEEDS_CSUM ? PORT_CHECKSUM : 0;

	switch (packet->gso_type & ~VIONET_GSO_ECN) {
	case VIONET_GSO_NONE:
		return needs;
	case VIONET_GSO_TCPV4:
		needs |= PORT_TCP4;
		break;
	case VIONET_GSO_TCPV6:
		needs |= PORT_TCP6;
		break;
	case VIONET_GSO_UDP_L4:
		return needs | PORT_UDP;
	default:
		return ~0u;
	}
	return packet->gso_type & VIONET_GSO_ECN ? needs | PORT_TCP_ECN : needs;
}

/* As it is, or with the checksum that was left out. */
static bool bridge_can_send(struct port *from, struct port *to, struct vionet_packet *packet)
{
	unsigned int lacks = bridge_needs(packet) & ~to->sends;

	if (lacks == PORT_CHECKSUM && packet->gso_type == VIONET_GSO_NONE) {
		from->counts.summed++;
		lacks = vionet_packet_checksum_complete(packet) == 0 ? 0 : lacks;
	}
	return lacks == 0 && packet->segments <= to->segments_max;
}

/* ---- copies ---- */

/* The rest of a packet's segments, as if they were one. */
struct bridge_source {
	const struct vionet_packet *segment;
	uint32_t at;
};

static void bridge_fill(struct vionet_packet *to, uint32_t room, struct bridge_source *from)
{
	while (from->segment != NULL && to->length < room) {
		uint32_t left = from->segment->length - from->at;
		uint32_t part = left < room - to->length ? left : room - to->length;

		memcpy(to->data + to->length, from->segment->data + from->at, part);
		to->length += part;
		from->at += part;
		if (from->at == from->segment->length) {
			from->segment = from->segment->next;
			from->at = 0;
		}
	}
}

static void bridge_copy_header(struct vionet_packet *to, const struct vionet_packet *from)
{
	to->flags = from->flags;
	to->gso_type = from->gso_type;
	to->gso_size = from->gso_size;
	to->csum_start = from->csum_start;
	to->csum_offset = from->csum_offset;
}

/* NULL: the pool has not enough. */
static struct vionet_packet *bridge_copy(struct vionet_pool *pool, const struct vionet_packet *packet)
{
	struct bridge_source from = { .segment = packet };
	struct vionet_packet *first = NULL, *made, **end = &first;
	uint32_t room = vionet_pool_buffer_size(pool);
	uint16_t segments = 0;

	while (from.segment != NULL) {
		if (vionet_packet_alloc(pool, &made, 1) != 1) {
			if (first != NULL)
				vionet_packet_free(&first, 1);
			return NULL;
		}
		bridge_fill(made, room, &from);
		*end = made;
		end = &made->next;
		segments++;
		if (first != NULL)
			first->segments = segments;
	}
	if (first != NULL)
		bridge_copy_header(first, packet);
	return first;
}

/* ---- sending ---- */

static void bridge_flush(struct port *port, uint64_t now)
{
	uint32_t sent = 0;

	vionet_queue_reclaim(port->session.tx);
	if (port->waiting_count > 0)
		sent = vionet_queue_transmit(port->session.tx, port->waiting, port->waiting_count);
	port->counts.sent += sent;
	port->waiting_count -= sent;
	if (sent > 0 && port->waiting_count > 0)
		memmove(port->waiting, port->waiting + sent,
			port->waiting_count * sizeof(port->waiting[0]));
	if (sent > 0 || port->waiting_count == 0)
		port->moved_ns = now;
}

/* The packet goes out at this port, and is no longer the caller's. */
static void bridge_queue(struct port *to, struct vionet_packet *packet)
{
	if (to->waiting_count == PORT_WAITING_MAX) {
		to->counts.full++;
		vionet_packet_free(&packet, 1);
		return;
	}
	to->waiting[to->waiting_count++] = packet;
}

static void bridge_queue_copy(struct port *to, const struct vionet_packet *packet)
{
	struct vionet_packet *copy = bridge_copy(to->pool, packet);

	if (copy == NULL) {
		to->counts.starved++;
		return;
	}
	to->counts.copied++;
	bridge_queue(to, copy);
}

/* The packet itself goes to the last of `ports` (a bit each), copies to the others. */
static void bridge_send(struct bridge *bridge, struct port *from, struct vionet_packet *packet,
			uint32_t targets)
{
	struct port *last = NULL;

	for (unsigned int i = 0; i < bridge->ports->count; i++) {
		struct port *to = &bridge->ports->port[i];

		if (!(targets & 1u << i))
			continue;
		if (!bridge_can_send(from, to, packet)) {
			to->counts.unable++;
			continue;
		}
		if (last != NULL)
			bridge_queue_copy(last, packet);
		last = to;
	}
	if (last != NULL && bridge->ports->shared) {
		bridge_queue(last, packet);
		return;
	}
	if (last != NULL)
		bridge_queue_copy(last, packet);
	vionet_packet_free(&packet, 1);
}

/* ---- where to ---- */

/* Addresses that a bridge keeps to the link: 01:80:c2:00:00:00 to 0f (IEEE 802.1D, "Reserved
 * addresses"). */
static bool bridge_is_link_local(const uint8_t *mac)
{
	static const uint8_t reserved[5] = { 0x01, 0x80, 0xc2, 0, 0 };

	return memcmp(mac, reserved, sizeof(reserved)) == 0 && mac[5] < 0x10;
}

/* Ports as bits; 0: none. */
static uint32_t bridge_targets(struct bridge *bridge, unsigned int index, const uint8_t *frame,
			       uint64_t now)
{
	struct port *from = &bridge->ports->port[index];
	uint32_t others = ((1u << bridge->ports->count) - 1) & ~(1u << index);
	int known;

	if (bridge->straight)
		return others;
	if (bridge_is_link_local(frame)) {
		from->counts.filtered++;
		return 0;
	}
	stations_learn(&bridge->stations, frame + 6, index, now);
	known = frame[0] & 1 ? -1 : stations_find(&bridge->stations, frame, now);
	if (known < 0) {
		from->counts.flooded++;
		return others;
	}
	if (known == (int)index)
		from->counts.filtered++;
	return 1u << known & others;
}

/* ---- a poll iteration ---- */

/* Another port has no room for a burst, and has moved not long ago: wait for it. */
static bool bridge_is_held_up(const struct bridge *bridge, unsigned int index, uint64_t now)
{
	for (unsigned int i = 0; i < bridge->ports->count; i++) {
		const struct port *port = &bridge->ports->port[i];

		if (i != index && port->waiting_count > PORT_WAITING_MAX - BURST &&
		    now - port->moved_ns < STALL_NS)
			return true;
	}
	return false;
}

static uint32_t bridge_receive(struct bridge *bridge, unsigned int index, uint64_t now)
{
	struct port *from = &bridge->ports->port[index];
	struct vionet_packet *packets[BURST];
	uint32_t count;

	if (bridge_is_held_up(bridge, index, now))
		return 0;
	count = vionet_queue_receive(from->session.rx, packets, BURST);
	from->counts.received += count;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t targets = bridge_targets(bridge, index, packets[i]->data, now);

		bridge_send(bridge, from, packets[i], targets);
	}
	return count;
}

uint32_t bridge_move(struct bridge *bridge, uint64_t now)
{
	struct ports *ports = bridge->ports;
	uint32_t moved = 0;

	for (unsigned int i = 0; i < ports->count; i++)
		moved += bridge_receive(bridge, i, now);
	for (unsigned int i = 0; i < ports->count; i++) {
		uint64_t before = ports->port[i].counts.sent;

		bridge_flush(&ports->port[i], now);
		moved += (uint32_t)(ports->port[i].counts.sent - before);
	}
	return moved;
}

bool bridge_is_waiting(const struct bridge *bridge)
{
	for (unsigned int i = 0; i < bridge->ports->count; i++)
		if (bridge->ports->port[i].waiting_count > 0)
			return true;
	return false;
}

void bridge_release(struct bridge *bridge)
{
	for (unsigned int i = 0; i < bridge->ports->count; i++) {
		struct port *port = &bridge->ports->port[i];

		port->counts.full += port->waiting_count;
		vionet_packet_free(port->waiting, port->waiting_count);
		port->waiting_count = 0;
		if (port->session.tx != NULL) /* it was started */
			(void)vionet_queue_drain(port->session.tx, END_DRAIN_MS);
	}
	stations_release(&bridge->stations);
}
