/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/packet_bytes.h"

#include <string.h>

uint32_t packet_length(const struct vionet_packet *packet)
{
	return packet->next == NULL ? packet->length : packet->total_length;
}

uint32_t packet_copy(const struct vionet_packet *packet, uint8_t *to, uint32_t room)
{
	uint32_t used = 0;

	for (; packet != NULL; packet = packet->next) {
		uint32_t part = packet->length < room - used ? packet->length : room - used;

		memcpy(to + used, packet->data, part);
		used += part;
	}
	return used;
}

const uint8_t *packet_linear(const struct vionet_packet *packet, uint8_t *to, uint32_t room, uint32_t *length)
{
	*length = packet->length;
	if (packet->next == NULL)
		return packet->data;
	*length = packet_copy(packet, to, room);
	return to;
}
