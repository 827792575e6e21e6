/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The virtio header in front of a frame, as it lies in memory.
 *
 * Fields that the negotiated header is too short for read as 0 and are not written.
 */
#include "softnic/net/internal.h"

/* "Setting Up Receive Buffers"; the listing of the structure gives the tunnel
 * fields to either direction's feature. */
uint32_t header_size(const struct features *accepted)
{
	if (features_have(accepted, FT_OUT_NET_HEADER) || features_have(accepted, FT_IPSEC))
		return HEADER_MAX;
	if (features_have(accepted, FT_HOST_UDP_TUNNEL_GSO) ||
	    features_have(accepted, FT_GUEST_UDP_TUNNEL_GSO))
		return HEADER_TUNNEL;
	if (features_have(accepted, FT_HASH_REPORT))
		return HEADER_HASH;
	return HEADER_BASIC;
}

void header_read(const uint8_t *from, uint32_t size, struct net_header *header)
{
	*header = (struct net_header){
		.flags = from[0],
		.gso_type = from[1],
		.hdr_len = net_le16(from + 2),
		.gso_size = net_le16(from + 4),
		.csum_start = net_le16(from + 6),
		.csum_offset = net_le16(from + 8),
		.num_buffers = net_le16(from + 10),
	};
	if (size >= HEADER_HASH) {
		header->hash_value = net_le32(from + 12);
		header->hash_report = net_le16(from + 16);
	}
	if (size >= HEADER_TUNNEL) {
		header->outer_th_offset = net_le16(from + 20);
		header->inner_nh_offset = net_le16(from + 22);
	}
}

void header_write(uint8_t *to, uint32_t size, const struct net_header *header)
{
	to[0] = header->flags;
	to[1] = header->gso_type;
	net_put_le16(to + 2, header->hdr_len);
	net_put_le16(to + 4, header->gso_size);
	net_put_le16(to + 6, header->csum_start);
	net_put_le16(to + 8, header->csum_offset);
	net_put_le16(to + 10, header->num_buffers);
	memset(to + HEADER_BASIC, 0, size - HEADER_BASIC);
	if (size >= HEADER_HASH) {
		net_put_le32(to + 12, header->hash_value);
		net_put_le16(to + 16, header->hash_report);
	}
	if (size >= HEADER_TUNNEL) {
		net_put_le16(to + 20, header->outer_th_offset);
		net_put_le16(to + 22, header->inner_nh_offset);
	}
}
