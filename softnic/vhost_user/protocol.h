/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers and layouts of the vhost-user protocol, version 1, as a back end needs them;
 * written from QEMU's docs/interop/vhost-user.rst.
 *
 * All fields are in the byte order of the host.
 */
#ifndef SOFTNIC_VHOST_USER_PROTOCOL_H
#define SOFTNIC_VHOST_USER_PROTOCOL_H

#include <stdint.h>

/* ---- requests of the front end ---- */

enum front_end_request {
	REQUEST_GET_FEATURES = 1,
	REQUEST_SET_FEATURES = 2,
	REQUEST_SET_OWNER = 3,
	REQUEST_RESET_OWNER = 4,
	REQUEST_SET_MEM_TABLE = 5,
	REQUEST_SET_VRING_NUM = 8,
	REQUEST_SET_VRING_ADDR = 9,
	REQUEST_SET_VRING_BASE = 10,
	REQUEST_GET_VRING_BASE = 11,
	REQUEST_SET_VRING_KICK = 12,
	REQUEST_SET_VRING_CALL = 13,
	REQUEST_SET_VRING_ERR = 14,
	REQUEST_GET_PROTOCOL_FEATURES = 15,
	REQUEST_SET_PROTOCOL_FEATURES = 16,
	REQUEST_GET_QUEUE_NUM = 17,
	REQUEST_SET_VRING_ENABLE = 18,
	REQUEST_NET_SET_MTU = 20,
	REQUEST_SET_BACKEND_REQ_FD = 21,
	REQUEST_GET_CONFIG = 24,
	REQUEST_SET_CONFIG = 25,
	REQUEST_RESET_DEVICE = 34,
	REQUEST_GET_MAX_MEM_SLOTS = 36,
	REQUEST_ADD_MEM_REG = 37,
	REQUEST_REM_MEM_REG = 38,
	REQUEST_SET_STATUS = 39,
	REQUEST_GET_STATUS = 40,
};

#define BACKEND_CONFIG_CHANGE_MSG 2u

/* ---- "Header" ---- */

struct vhost_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /* of what follows */
};

#define HEADER_VERSION 1u
#define HEADER_VERSION_MASK 3u
#define HEADER_REPLY 4u
#define HEADER_NEED_REPLY 8u

#define PAYLOAD_MAX 4096u

/* ---- features ---- */

/* Bits of the feature word that are the protocol's, not the device's. */
#define FEATURE_LOG_ALL 26u
#define FEATURE_PROTOCOL_FEATURES 30u

enum protocol_feature {
	PROTOCOL_MQ = 0,
	PROTOCOL_REPLY_ACK = 3,
	PROTOCOL_NET_MTU = 4,
	PROTOCOL_BACKEND_REQ = 5,
	PROTOCOL_CONFIG = 9,
	PROTOCOL_RESET_DEVICE = 13,
	PROTOCOL_CONFIGURE_MEM_SLOTS = 15,
	PROTOCOL_STATUS = 16,
};

/* ---- payloads ---- */

#define VRING_INDEX 0xffu
#define VRING_NO_FD 0x100u

struct vring_state {
	uint32_t index;
	uint32_t num;
};

struct vring_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t descriptor, used, available; /* the front end's own addresses */
	uint64_t log;
};

struct memory_region {
	uint64_t guest_address; /* that descriptors have */
	uint64_t size;
	uint64_t user_address; /* that the rings are told by */
	uint64_t offset;       /* in the file */
};

#define TABLE_REGIONS 8u

struct memory_table {
	uint32_t count;
	uint32_t padding;
	struct memory_region region[TABLE_REGIONS];
};

struct memory_single {
	uint64_t padding;
	struct memory_region region;
};

#define CONFIG_MAX 256u

struct config_space {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t byte[CONFIG_MAX];
};

#define CONFIG_HEAD 12u /* before the bytes */

#endif
