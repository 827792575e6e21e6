/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Payloads are built byte by byte where they are sent.
 *
 * Source: "Network Device / Device Operation / Control Virtqueue".
 */
#ifndef VN_DRIVER_SPEC_CONTROL_H
#define VN_DRIVER_SPEC_CONTROL_H

enum { CTRL_OK = 0, CTRL_ERR = 1 };

/* Classes */
enum {
	CTRL_RX = 0,
	CTRL_MAC = 1,
	CTRL_VLAN = 2,
	CTRL_ANNOUNCE = 3,
	CTRL_MQ = 4,
	CTRL_GUEST_OFFLOADS = 5,
	CTRL_NOTF_COAL = 6,
	CTRL_HASH_TUNNEL = 7,
	CTRL_STATS = 8,
	CTRL_RSS_CONTEXT = 9,
};

/* Commands of each class */
enum { CTRL_MAC_TABLE_SET = 0, CTRL_MAC_ADDR_SET = 1 };
enum { CTRL_VLAN_ADD = 0, CTRL_VLAN_DEL = 1 };
enum { CTRL_ANNOUNCE_ACK = 0 };
enum { CTRL_MQ_VQ_PAIRS_SET = 0, CTRL_MQ_RSS_CONFIG = 1, CTRL_MQ_HASH_CONFIG = 2 };
enum { CTRL_GUEST_OFFLOADS_SET = 0 };
enum {
	CTRL_NOTF_COAL_TX_SET = 0,
	CTRL_NOTF_COAL_RX_SET = 1,
	CTRL_NOTF_COAL_VQ_SET = 2,
	CTRL_NOTF_COAL_VQ_GET = 3,
};
enum { CTRL_HASH_TUNNEL_SET = 0 };
enum { CTRL_STATS_QUERY = 0, CTRL_STATS_GET = 1 };
enum {
	CTRL_RSS_CONTEXT_CAP_GET = 0,
	CTRL_RSS_CONTEXT_ADD = 1,
	CTRL_RSS_CONTEXT_MOD = 2,
	CTRL_RSS_CONTEXT_DEL = 3,
};

/* The smallest that a device may state for RSS and hash reports. */
#define RSS_KEY_MIN 40
#define RSS_TABLE_MIN 128

/* Hash and tunnel types that are defined. */
#define HASH_TYPES_KNOWN 0x1ffu
#define TUNNEL_TYPES_KNOWN 0x1ffu

/* Statistics reply: type 1, reserved 1, vq_index 2, reserved 2, size 2. */
#define STATS_HEADER_SIZE 8u

#endif
