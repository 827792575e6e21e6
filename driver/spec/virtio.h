/* SPDX-License-Identifier: BSD-3-Clause */
/* What all kinds of device share. Names are the specification's, without VIRTIO_ and VIRTQ_ in
 * front. */
#ifndef VN_DRIVER_SPEC_VIRTIO_H
#define VN_DRIVER_SPEC_VIRTIO_H

#include <stdint.h>

#include "base/order.h"

/* Device Status Field */
enum {
	STATUS_ACKNOWLEDGE = 0x01,
	STATUS_DRIVER = 0x02,
	STATUS_DRIVER_OK = 0x04,
	STATUS_FEATURES_OK = 0x08,
	STATUS_SUSPEND = 0x10,
	STATUS_DEVICE_NEEDS_RESET = 0x40,
	STATUS_FAILED = 0x80,
};

/* Reserved Feature Bits */
enum {
	F_NOTIFY_ON_EMPTY = 24,
	F_ANY_LAYOUT = 27,
	F_INDIRECT_DESC = 28,
	F_EVENT_IDX = 29,
	F_VERSION_1 = 32,
	F_ACCESS_PLATFORM = 33,
	F_RING_PACKED = 34,
	F_IN_ORDER = 35,
	F_ORDER_PLATFORM = 36,
	F_SR_IOV = 37,
	F_NOTIFICATION_DATA = 38,
	F_NOTIF_CONFIG_DATA = 39,
	F_RING_RESET = 40,
	F_ADMIN_VQ = 41,
	F_SUSPEND = 43,
};

/* Largest queue, in either layout. */
#define QUEUE_SIZE_MAX 32768

/* Split ring: The Virtqueue Descriptor Table. Little-endian. */
struct split_desc {
	le64 addr;
	le32 len;
	le16 flags;
	le16 next;
};
_Static_assert(sizeof(struct split_desc) == 16, "virtq_desc is 16 bytes");

enum {
	DESC_F_NEXT = 1,
	DESC_F_WRITE = 2,
	DESC_F_INDIRECT = 4,
};

/* Split ring: The Virtqueue Available Ring; used_event follows the ring. */
struct split_avail {
	le16 flags;
	le16 idx;
	le16 ring[];
};

enum { AVAIL_F_NO_INTERRUPT = 1 };

/* Split ring: The Virtqueue Used Ring; avail_event follows the ring. */
struct split_used_elem {
	le32 id;
	le32 len;
};

struct split_used {
	le16 flags;
	le16 idx;
	struct split_used_elem ring[];
};
_Static_assert(sizeof(struct split_used_elem) == 8, "virtq_used_elem is 8 bytes");

enum { USED_F_NO_NOTIFY = 1 };

/* Packed ring: The Virtqueue Descriptor Format. */
struct packed_desc {
	le64 addr;
	le32 len;
	le16 id;
	le16 flags;
};
_Static_assert(sizeof(struct packed_desc) == 16, "pvirtq_desc is 16 bytes");

enum {
	PACKED_DESC_F_AVAIL = 1 << 7,
	PACKED_DESC_F_USED = 1 << 15,
};

/* Packed ring: Event Suppression Structure Format. */
struct packed_event {
	le16 desc; /* offset in 0-14, wrap counter in 15 */
	le16 flags;
};
_Static_assert(sizeof(struct packed_event) == 4, "pvirtq_event_suppress");

enum {
	RING_EVENT_FLAGS_ENABLE = 0,
	RING_EVENT_FLAGS_DISABLE = 1,
	RING_EVENT_FLAGS_DESC = 2,
	RING_EVENT_FLAGS_MASK = 3,
};

/* MSI-X Vector Configuration */
#define MSI_NO_VECTOR 0xffff

#endif
