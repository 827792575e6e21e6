/* SPDX-License-Identifier: BSD-3-Clause */
/* The bytes of received packets, whose segments are linked. */
#ifndef VIONET_TOOLS_PACKET_BYTES_H
#define VIONET_TOOLS_PACKET_BYTES_H

#include <vionet/packet.h>

/* Of all segments. */
uint32_t packet_length(const struct vionet_packet *packet);
/* Copy them, as far as they fit into `room` bytes. Returns how many were copied. */
uint32_t packet_copy(const struct vionet_packet *packet, uint8_t *to, uint32_t room);
/* Where they are in one piece: in the packet if it has one segment, else copied to `to`. */
const uint8_t *packet_linear(const struct vionet_packet *packet, uint8_t *to, uint32_t room, uint32_t *length);

#endif
