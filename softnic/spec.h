/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers and layouts of VIRTIO 1.4 as the device needs them, written from the
 * specification alone. Never shares a line with the driver's headers: if both sides had
 * the same slip, no test would see it.
 *
 * All multi-byte fields are little-endian; structures have no padding.
 */
#ifndef SOFTNIC_SPEC_H
#define SOFTNIC_SPEC_H

#include <stdint.h>

/* ---- PCI identity: "PCI Device Discovery" ---- */

#define PCI_ID_VENDOR 0x1af4u
#define PCI_ID_NET 0x1041u
#define PCI_ID_NET_TRANSITIONAL 0x1000u

/* ---- "Device Status Field" ---- */

#define ST_ACKNOWLEDGE 0x01u
#define ST_DRIVER 0x02u
#define ST_DRIVER_OK 0x04u
#define ST_FEATURES_OK 0x08u
#define ST_SUSPEND 0x10u
#define ST_NEEDS_RESET 0x40u
#define ST_FAILED 0x80u

/* ---- feature bits: "Feature bits" of the network device, "Reserved Feature
 * Bits". Numbers of bits, not masks. ---- */

enum feature {
	FT_CSUM = 0,
	FT_GUEST_CSUM = 1,
	FT_CTRL_GUEST_OFFLOADS = 2,
	FT_MTU = 3,
	FT_MAC = 5,
	FT_GUEST_TSO4 = 7,
	FT_GUEST_TSO6 = 8,
	FT_GUEST_ECN = 9,
	FT_GUEST_UFO = 10,
	FT_HOST_TSO4 = 11,
	FT_HOST_TSO6 = 12,
	FT_HOST_ECN = 13,
	FT_HOST_UFO = 14,
	FT_MRG_RXBUF = 15,
	FT_STATUS = 16,
	FT_CTRL_VQ = 17,
	FT_CTRL_RX = 18,
	FT_CTRL_VLAN = 19,
	FT_CTRL_RX_EXTRA = 20,
	FT_GUEST_ANNOUNCE = 21,
	FT_MQ = 22,
	FT_CTRL_MAC_ADDR = 23,
	FT_INDIRECT_DESC = 28,
	FT_EVENT_IDX = 29,
	FT_VERSION_1 = 32,
	FT_ACCESS_PLATFORM = 33,
	FT_RING_PACKED = 34,
	FT_IN_ORDER = 35,
	FT_ORDER_PLATFORM = 36,
	FT_SR_IOV = 37,
	FT_NOTIFICATION_DATA = 38,
	FT_NOTIF_CONFIG_DATA = 39,
	FT_RING_RESET = 40,
	FT_ADMIN_VQ = 41,
	FT_SUSPEND = 43,
	FT_DEVICE_STATS = 50,
	FT_HASH_TUNNEL = 51,
	FT_VQ_NOTF_COAL = 52,
	FT_NOTF_COAL = 53,
	FT_GUEST_USO4 = 54,
	FT_GUEST_USO6 = 55,
	FT_HOST_USO = 56,
	FT_HASH_REPORT = 57,
	FT_GUEST_HDRLEN = 59,
	FT_RSS = 60,
	FT_RSC_EXT = 61,
	FT_STANDBY = 62,
	FT_SPEED_DUPLEX = 63,
	FT_RSS_CONTEXT = 64,
	FT_GUEST_UDP_TUNNEL_GSO = 65,
	FT_GUEST_UDP_TUNNEL_GSO_CSUM = 66,
	FT_HOST_UDP_TUNNEL_GSO = 67,
	FT_HOST_UDP_TUNNEL_GSO_CSUM = 68,
	FT_OUT_NET_HEADER = 69,
	FT_IPSEC = 70,
	FT_COUNT = 128,
};

/* ---- rings: "Split Virtqueues", "Packed Virtqueues" ---- */

#define RING_SIZE_MAX 32768u

#define DF_NEXT 1u
#define DF_WRITE 2u
#define DF_INDIRECT 4u
#define DF_AVAIL 0x80u
#define DF_USED 0x8000u

#define AVAIL_NO_INTERRUPT 1u
#define USED_NO_NOTIFY 1u

#define EVENT_ENABLE 0u
#define EVENT_DISABLE 1u
#define EVENT_DESC 2u

#define NO_VECTOR 0xffffu

/* ---- "Network Device / Device Operation": the packet header ---- */

#define HF_NEEDS_CSUM 1u
#define HF_DATA_VALID 2u
#define HF_RSC_INFO 4u
#define HF_UDP_TUNNEL_CSUM 8u

#define GSO_NONE 0u
#define GSO_TCPV4 1u
#define GSO_UDP 3u
#define GSO_TCPV6 4u
#define GSO_UDP_L4 5u
#define GSO_TUNNEL_IPV4 0x20u
#define GSO_TUNNEL_IPV6 0x40u
#define GSO_ECN 0x80u

#define HEADER_BASIC 12u
#define HEADER_HASH 20u
#define HEADER_TUNNEL 24u
#define HEADER_MAX 32u

/* The header in host byte order, whatever its length on the wire; fields of
 * features that are not negotiated are 0. */
struct net_header {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t num_buffers;
	uint32_t hash_value;
	uint16_t hash_report;
	uint16_t outer_th_offset;
	uint16_t inner_nh_offset;
};

#endif
