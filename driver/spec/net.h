/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: VIRTIO 1.4, "Network Device". */
#ifndef VN_DRIVER_SPEC_NET_H
#define VN_DRIVER_SPEC_NET_H

#include <stdint.h>

#include "base/order.h"

/* Network Device / Feature bits */
enum {
	NET_F_CSUM = 0,
	NET_F_GUEST_CSUM = 1,
	NET_F_CTRL_GUEST_OFFLOADS = 2,
	NET_F_MTU = 3,
	NET_F_MAC = 5,
	NET_F_GUEST_TSO4 = 7,
	NET_F_GUEST_TSO6 = 8,
	NET_F_GUEST_ECN = 9,
	NET_F_GUEST_UFO = 10,
	NET_F_HOST_TSO4 = 11,
	NET_F_HOST_TSO6 = 12,
	NET_F_HOST_ECN = 13,
	NET_F_HOST_UFO = 14,
	NET_F_MRG_RXBUF = 15,
	NET_F_STATUS = 16,
	NET_F_CTRL_VQ = 17,
	NET_F_CTRL_RX = 18,
	NET_F_CTRL_VLAN = 19,
	NET_F_CTRL_RX_EXTRA = 20,
	NET_F_GUEST_ANNOUNCE = 21,
	NET_F_MQ = 22,
	NET_F_CTRL_MAC_ADDR = 23,
	NET_F_DEVICE_STATS = 50,
	NET_F_HASH_TUNNEL = 51,
	NET_F_VQ_NOTF_COAL = 52,
	NET_F_NOTF_COAL = 53,
	NET_F_GUEST_USO4 = 54,
	NET_F_GUEST_USO6 = 55,
	NET_F_HOST_USO = 56,
	NET_F_HASH_REPORT = 57,
	NET_F_GUEST_HDRLEN = 59,
	NET_F_RSS = 60,
	NET_F_RSC_EXT = 61,
	NET_F_STANDBY = 62,
	NET_F_SPEED_DUPLEX = 63,
	NET_F_RSS_CONTEXT = 64,
	NET_F_GUEST_UDP_TUNNEL_GSO = 65,
	NET_F_GUEST_UDP_TUNNEL_GSO_CSUM = 66,
	NET_F_HOST_UDP_TUNNEL_GSO = 67,
	NET_F_HOST_UDP_TUNNEL_GSO_CSUM = 68,
	NET_F_OUT_NET_HEADER = 69,
	NET_F_IPSEC = 70,
};

/* Device configuration layout: offsets in virtio_net_config */
enum {
	NET_CONFIG_MAC = 0,
	NET_CONFIG_STATUS = 6,
	NET_CONFIG_MAX_VIRTQUEUE_PAIRS = 8,
	NET_CONFIG_MTU = 10,
	NET_CONFIG_SPEED = 12,
	NET_CONFIG_DUPLEX = 16,
	NET_CONFIG_RSS_MAX_KEY_SIZE = 17,
	NET_CONFIG_RSS_MAX_TABLE_LENGTH = 18,
	NET_CONFIG_SUPPORTED_HASH_TYPES = 20,
	NET_CONFIG_SUPPORTED_TUNNEL_TYPES = 24,
};

enum { NET_S_LINK_UP = 1, NET_S_ANNOUNCE = 2 };

/* Largest speed that is one; larger values mean unknown. */
#define NET_SPEED_MAX 0x7fffffffu

/* Largest number of queue pairs that a device may state. */
#define NET_QUEUE_PAIRS_MAX 0x8000u

/* Smallest MTU that a device may state. */
#define NET_MTU_MIN 68

/* Device Operation: the header in front of every frame. 12 bytes unless a feature
 * makes it longer. */
struct net_hdr {
	uint8_t flags;
	uint8_t gso_type;
	le16 hdr_len;
	le16 gso_size;
	le16 csum_start;
	le16 csum_offset;
	le16 num_buffers;
};
_Static_assert(sizeof(struct net_hdr) == 12, "virtio_net_hdr is 12 bytes");

/* What follows it: with HASH_REPORT, and with UDP tunnel offloads. */
struct net_hdr_long {
	struct net_hdr basic;
	le32 hash_value;
	le16 hash_report;
	le16 padding;
	le16 outer_th_offset;
	le16 inner_nh_offset;
};
_Static_assert(sizeof(struct net_hdr_long) == 24, "with tunnels it is 24 bytes");

/* flags */
enum {
	NET_HDR_NEEDS_CSUM = 1,
	NET_HDR_DATA_VALID = 2,
	NET_HDR_RSC_INFO = 4,
	NET_HDR_UDP_TUNNEL_CSUM = 8,
};

/* gso_type: a kind, and bits */
enum {
	NET_GSO_NONE = 0,
	NET_GSO_TCPV4 = 1,
	NET_GSO_UDP = 3,
	NET_GSO_TCPV6 = 4,
	NET_GSO_UDP_L4 = 5,
	NET_GSO_TUNNEL_IPV4 = 0x20,
	NET_GSO_TUNNEL_IPV6 = 0x40,
	NET_GSO_TUNNEL = 0x60,
	NET_GSO_ECN = 0x80,
	NET_GSO_KIND = 0x1f, /* mask */
};

/* hash_report: the highest that has a meaning. */
#define NET_HASH_REPORT_MAX 9

/* Longest frame, "Setting Up Receive Buffers". */
#define NET_FRAME_MAX 65589u

/* Its size with HASH_REPORT, and with UDP tunnel offloads. */
enum { NET_HDR_SIZE_HASH = 20, NET_HDR_SIZE_TUNNEL = 24 };

#endif
