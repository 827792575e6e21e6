/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The front end's side of the vhost-user protocol. Names are the protocol description's.
 *
 * Source: "Vhost-user Protocol", docs/interop/vhost-user.rst of QEMU. Everything
 * is in the machine's own byte order; both sides are on one machine.
 */
#ifndef VN_DRIVER_SPEC_VHOST_USER_H
#define VN_DRIVER_SPEC_VHOST_USER_H

#include <stdint.h>

/* Header */
struct vhost_user_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /* of the payload */
};
_Static_assert(sizeof(struct vhost_user_header) == 12, "header is 12 bytes");

enum {
	VHOST_USER_VERSION = 1,
	VHOST_USER_VERSION_MASK = 3,
	VHOST_USER_REPLY = 1 << 2,
	VHOST_USER_NEED_REPLY = 1 << 3,
};

/* Front-end message types */
enum {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_SET_VRING_ERR = 14,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_SET_BACKEND_REQ_FD = 21,
	VHOST_USER_GET_CONFIG = 24,
	VHOST_USER_GET_INFLIGHT_FD = 31,
	VHOST_USER_SET_INFLIGHT_FD = 32,
	VHOST_USER_RESET_DEVICE = 34,
	VHOST_USER_GET_MAX_MEM_SLOTS = 36,
	VHOST_USER_ADD_MEM_REG = 37,
	VHOST_USER_REM_MEM_REG = 38,
	VHOST_USER_SET_STATUS = 39,
	VHOST_USER_GET_STATUS = 40,
};

/* Back-end message types, on the channel of their own */
enum {
	VHOST_USER_BACKEND_CONFIG_CHANGE_MSG = 2,
};

/* Feature bits that are the carrier's own affair, not the virtio device's. */
enum {
	VHOST_F_LOG_ALL = 26,
	VHOST_USER_F_PROTOCOL_FEATURES = 30,
};

/* Protocol features */
enum {
	VHOST_USER_PROTOCOL_F_MQ = 0,
	VHOST_USER_PROTOCOL_F_REPLY_ACK = 3,
	VHOST_USER_PROTOCOL_F_BACKEND_REQ = 5,
	VHOST_USER_PROTOCOL_F_CONFIG = 9,
	VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD = 12,
	VHOST_USER_PROTOCOL_F_RESET_DEVICE = 13,
	VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS = 15,
	VHOST_USER_PROTOCOL_F_STATUS = 16,
};

/* SET_VRING_KICK, _CALL, _ERR: a queue, and whether a descriptor comes with it */
enum {
	VHOST_USER_VRING_INDEX_MASK = 0xff,
	VHOST_USER_VRING_NO_FD = 1 << 8,
};

/* Queues that the eight bits can name. */
#define VHOST_USER_QUEUES_MAX 256u

/* A vring state description */
struct vhost_user_state {
	uint32_t index;
	uint32_t num;
};

/* A vring address description: user addresses */
struct vhost_user_address {
	uint32_t index;
	uint32_t flags;
	uint64_t descriptor;
	uint64_t used;
	uint64_t available;
	uint64_t log;
};
_Static_assert(sizeof(struct vhost_user_address) == 40, "40 bytes");

/* Memory regions description */
struct vhost_user_region {
	uint64_t guest_address;
	uint64_t size;
	uint64_t user_address;
	uint64_t mmap_offset;
};

/* What one SET_MEM_TABLE can carry. */
#define VHOST_USER_REGIONS_MAX 8u

struct vhost_user_table {
	uint32_t count;
	uint32_t padding;
	struct vhost_user_region region[VHOST_USER_REGIONS_MAX];
};

/* Single memory region description */
struct vhost_user_single_region {
	uint64_t padding;
	struct vhost_user_region region;
};
_Static_assert(sizeof(struct vhost_user_single_region) == 40, "40 bytes");

/* Virtio device config space */
#define VHOST_USER_CONFIG_MAX 256u

struct vhost_user_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t region[VHOST_USER_CONFIG_MAX];
};
#define VHOST_USER_CONFIG_HEADER 12u

/* Inflight description. The text ends after queue_size; everybody's C structure,
 * and so what travels, has four bytes more. */
struct vhost_user_inflight {
	uint64_t mmap_size;
	uint64_t mmap_offset;
	uint16_t queue_count;
	uint16_t queue_size;
	uint32_t tail;
};
_Static_assert(sizeof(struct vhost_user_inflight) == 24, "24 bytes");

union vhost_user_payload {
	uint64_t u64;
	struct vhost_user_state state;
	struct vhost_user_address address;
	struct vhost_user_table table;
	struct vhost_user_single_region single;
	struct vhost_user_config config;
	struct vhost_user_inflight inflight;
};

#endif
