/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Offloads: checksums and segments that the device makes, or that it leaves to us.
 *
 * What travels with a packet is the specification's virtio_net_hdr, in fields of
 * struct vionet_packet that are named after it. The same words mean:
 *
 * Transmitted. Accepted features say what may be requested (CSUM, HOST_TSO4,
 * HOST_TSO6, HOST_ECN, HOST_UFO, HOST_USO by default; HOST_UDP_TUNNEL_GSO and
 * HOST_UDP_TUNNEL_GSO_CSUM if they are in `want`). A packet that requests anything
 * else, or contradicts itself, is refused and counted as `invalid`.
 *
 *   checksum      flags NEEDS_CSUM. Bytes from csum_start to the end of the frame
 *                 are summed, the result goes to csum_start + csum_offset; there
 *                 lies the pseudo header's sum.
 *   segments      NEEDS_CSUM and gso_type, with gso_size bytes of payload each. The
 *                 frame may then have VIONET_FRAME_MAX bytes, whatever the MTU, as
 *                 long as a segment keeps to it. All headers are in the packet's first
 *                 segment. gso_type gets ECN by itself where TCP's CWR is set; without
 *                 HOST_ECN such a packet is refused.
 *   in a tunnel   besides, UDP_TUNNEL_IPV4 or UDP_TUNNEL_IPV6 in gso_type, by the
 *                 version of the inner header; outer_th_offset and inner_nh_offset;
 *                 csum_start and csum_offset are the inner packet's. The outer UDP
 *                 checksum is 0; or, with UDP_TUNNEL_CSUM in flags, the pseudo
 *                 header's sum.
 *
 *   hdr_len is not looked at: the library writes what it is. DATA_VALID is left out,
 *   so that a received packet can be sent on as it is.
 *
 * Received. Each feature has to be in `want` of vionet_open_options. The
 * application sees a field only if its feature was negotiated, and it is consistent
 * with the rest and the frame: else the packet is dropped (dropped_metadata), or
 * passed on without what was not agreed on (ignored_metadata).
 *
 *   NEEDS_CSUM       the data are right, the checksum is not complete. csum_start and
 *                    csum_offset lie inside the frame: see
 *                    vionet_packet_checksum_complete. GUEST_CSUM
 *   DATA_VALID       the outermost checksum was found right; with UDP_TUNNEL_CSUM
 *                    the inner one too. GUEST_CSUM
 *   neither          the checksum was not looked at
 *   gso_type, gso_size   the packet stands for several of gso_size bytes of payload.
 *                    hdr_len is a hint, 0 if there is none. GUEST_TSO4, ...
 *   RSC_INFO         it was several on the wire: csum_start is how many segments,
 *                    csum_offset how many duplicate ACKs. RSC_EXT
 *   UDP_TUNNEL_...   as above, the offsets in order. GUEST_UDP_TUNNEL_GSO
 *   hash_report      how hash_value was computed, 0: it was not. HASH_REPORT
 *
 * Packets that were under way when vionet_offloads_set switched an offload off still
 * carry what it did.
 *
 * Source: VIRTIO 1.4, "Packet Transmission", "Processing of Incoming Packets",
 * "Hash reporting for incoming packets".
 */
#ifndef VIONET_OFFLOAD_H
#define VIONET_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <vionet/packet.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* vionet_packet.flags: VIRTIO_NET_HDR_F_... */
enum vionet_packet_flags {
	VIONET_PACKET_NEEDS_CSUM = 1,
	VIONET_PACKET_DATA_VALID = 2, /* received only */
	VIONET_PACKET_RSC_INFO = 4,   /* received only */
	VIONET_PACKET_UDP_TUNNEL_CSUM = 8,
};

/* vionet_packet.gso_type: VIRTIO_NET_HDR_GSO_..., one kind and bits beside it. */
enum vionet_packet_gso {
	VIONET_GSO_NONE = 0,
	VIONET_GSO_TCPV4 = 1,
	VIONET_GSO_UDP = 3, /* IP fragments */
	VIONET_GSO_TCPV6 = 4,
	VIONET_GSO_UDP_L4 = 5, /* datagrams */
	VIONET_GSO_UDP_TUNNEL_IPV4 = 0x20,
	VIONET_GSO_UDP_TUNNEL_IPV6 = 0x40,
	VIONET_GSO_ECN = 0x80,
};

/* vionet_packet.hash_report: VIRTIO_NET_HASH_REPORT_... */
enum vionet_packet_hash {
	VIONET_HASH_REPORT_NONE = 0,
	VIONET_HASH_REPORT_IPV4 = 1,
	VIONET_HASH_REPORT_TCPV4 = 2,
	VIONET_HASH_REPORT_UDPV4 = 3,
	VIONET_HASH_REPORT_IPV6 = 4,
	VIONET_HASH_REPORT_TCPV6 = 5,
	VIONET_HASH_REPORT_UDPV6 = 6,
	VIONET_HASH_REPORT_IPV6_EX = 7,
	VIONET_HASH_REPORT_TCPV6_EX = 8,
	VIONET_HASH_REPORT_UDPV6_EX = 9,
};

/*
 * Leave the checksum of a TCP or UDP packet over IPv4 or IPv6 to the device: finds
 * its header (VLAN tags, IPv4 options and IPv6 extension headers are stepped over),
 * stores the pseudo header's sum, and sets flags, csum_start and csum_offset. The
 * IPv4 header's own checksum stays the application's.
 *
 * Returns 0; -EINVAL if it is no such packet, a fragment, or its headers do not lie
 * wholly in its first segment, or the lengths in them contradict the frame's (changed
 * is nothing then; no error text). Pool's thread.
 */
int vionet_packet_checksum_partial(struct vionet_packet *packet);

/*
 * Have the device cut a packet, of which vionet_packet_checksum_partial has taken,
 * into segments of `gso_size` bytes of payload: sets gso_type by what it is (TCPV4,
 * TCPV6, UDP_L4) and gso_size.
 *
 * Returns 0; -EINVAL if `gso_size` is 0, or nothing was prepared. Whether the device
 * can do it shows in the features: HOST_TSO4, HOST_TSO6, HOST_USO. Pool's thread.
 */
int vionet_packet_segment(struct vionet_packet *packet, uint16_t gso_size);

/*
 * Do in software what NEEDS_CSUM leaves to do: sums the packet, all its segments,
 * stores the result, and takes NEEDS_CSUM off. For received packets whose checksum
 * has to be there (to be stored, or sent where CSUM is missing). Packets that stand
 * for several (gso_type) get one checksum, of the whole.
 *
 * Returns 0, also if there was nothing to do; -EINVAL if csum_start and csum_offset are
 * not inside the packet, or mean something else (RSC_INFO). Pool's thread.
 */
int vionet_packet_checksum_complete(struct vionet_packet *packet);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
