/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every part of the driver knows of a queue: its ring, the private record of every
 * buffer that the device has, its health and its counters.
 *
 * What is needed later about a buffer is kept in `slots`, which the device cannot reach;
 * descriptors are write-only for us.
 */
#ifndef VN_DRIVER_QUEUE_H
#define VN_DRIVER_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vionet/queue.h>

#include "base/alloc.h"
#include "driver/state/device.h"
#include "driver/spec/virtio.h"

struct vn_bursts;

/* Most segments of a packet that are transmitted as one buffer. */
#define VN_SEGMENTS_MAX 256u

/* How descriptors lie in memory, and whether buffers come back in order. */
enum vn_layout {
	VN_SPLIT,
	VN_SPLIT_IN_ORDER,
	VN_PACKED,
	VN_PACKED_IN_ORDER,
};

/* One element of a buffer. */
struct vn_element {
	uint64_t iova;
	uint32_t length;
};

/*
 * What an outstanding buffer is: the address of its packet, and tags in the bits
 * that the alignment of packets leaves. 0: not outstanding. The common buffer (one
 * descriptor, one segment, of the queue's own pool) has no tag, so that neither its
 * packet nor its extent is looked at when it comes back.
 */
typedef uintptr_t vn_slot;

enum {
	VN_SLOT_COMPLEX = 1,   /* has an extent, or is not freed as one segment */
	VN_SLOT_OTHER_POOL = 2, /* belongs to another pool than the queue's */
	VN_SLOT_TAGS = 3,
};

static inline struct vionet_packet *vn_slot_packet(vn_slot slot)
{
	return (struct vionet_packet *)(slot & ~(vn_slot)VN_SLOT_TAGS);
}

#define VN_NO_TABLE 0xffff

/* What a complex buffer occupies. */
struct vn_extent {
	uint16_t descriptors; /* in the ring */
	uint16_t table;	      /* its indirect table, or VN_NO_TABLE */
};

/* Indirect tables of a transmit queue, in memory that the device can only read. */
struct vn_tables {
	struct vionet_memory *memory; /* NULL: not negotiated */
	uint16_t *free;		      /* stack */
	uint16_t available;
	uint16_t entries; /* of each table */
};

/*
 * Split ring: where the parts are, and our side of the indices.
 *
 * `ids` of the queue is what the available ring holds, entry by entry. A buffer is
 * posted at available entry k under id ids[k]; a buffer that comes back leaves its
 * id where the ring of free ids ends. A device that works in order thus finds in
 * the available ring what it found there one wrap ago, and nothing is written to it.
 */
struct vn_split {
	volatile struct split_desc *desc;
	volatile struct split_avail *avail;
	const volatile struct split_used *used;
	uint16_t mask;
	uint16_t avail_index; /* next entry of the available ring; wraps freely */
	uint16_t desc_index;  /* in order: next descriptor; wraps freely */
	uint16_t used_index;  /* next entry of the used ring to read */
	uint16_t used_seen;   /* used idx as last read and checked */
	uint16_t free_index;  /* entry of `ids` for the next id that comes back */
	uint16_t kick_index;  /* avail_index when a kick was last considered */
	bool order_due;	      /* the entry at used_index was not checked yet */
};

/*
 * Packed ring: a position counts descriptors, a sequence counts buffers; both wrap at
 * the size of the queue. `ids` of the queue is the ring of free ids, by sequence; with
 * IN_ORDER it is not needed: the id of a buffer is its sequence.
 */
struct vn_packed {
	volatile struct packed_desc *desc, *end; /* the first, behind the last */
	volatile struct packed_desc *avail; /* next to write */
	volatile struct packed_desc *used;  /* next to come back */
	/* AVAIL and USED of this wrap, where they lie in the second half. */
	uint64_t avail_flags, used_flags;
	volatile struct packed_desc *held_desc; /* whose flags are written last ... */
	uint64_t held; /* ... and its second half; 0: none */
	volatile struct packed_event *driver_event;
	const volatile le32 *device_event;
	uint16_t seq_next;   /* of the next buffer */
	uint16_t seq_used;   /* of the next one to come back */
	uint16_t added;	     /* descriptors since a kick was last considered */
};

/* What may be in the header of a queue's packets; all 0: nothing. */
struct vn_offloads {
	uint8_t flags;	/* of `flags` */
	uint8_t bits;	/* of `gso_type`, besides its kind */
	uint16_t kinds; /* of gso_type, by number */
	bool hash;	/* receive: hash_value and hash_report */
};

/* Counters; written by the queue's thread alone, read by any. */
struct vn_counters {
	uint64_t packets, bytes, completed, kicks, interrupts, full, invalid;
	uint64_t dropped_short, dropped_long, dropped_chain, starved;
	uint64_t dropped_metadata, ignored_metadata;
	uint64_t lost_interrupts, rescues, in_flight, size;
};

/* A packet of a pool that the device does not see was not taken. */
enum vn_unreachable {
	VN_REACHABLE = 0,
	VN_UNREACHABLE_NOW,  /* it cuts this burst short */
	VN_UNREACHABLE_LAST, /* it cut the last one short that was */
};

/* What may be sent from the packets of a pool. */
struct vn_source {
	const struct vionet_pool *pool;
	uint64_t shift; /* address of the header for the device, minus of the data */
	uint64_t room;	/* of a buffer, less the header */
	uint32_t span;	/* longest frame, less the shortest */
	unsigned int tag;
};

struct vionet_queue {
	/* Two lines that every burst reads and writes. */
	_Alignas(VN_CACHE_LINE) union {
		struct vn_split split;
		struct vn_packed packed;
	};
	vn_slot *slots; /* by id; with IN_ORDER on a split ring by entry */
	uint16_t *ids;	/* see above */
	uint32_t size;
	uint16_t free_count;  /* descriptors */
	uint16_t outstanding; /* buffers that the device has */
	uint8_t paused;	      /* no buffer may be made available: the control side
			       * says so, the queue's thread looks */
	bool mergeable;
	bool event_idx;
	bool armed;	      /* the device is to interrupt */
	uint8_t layout;	      /* vn_layout; the bursts have it as a constant */
	uint16_t header_size;
	uint16_t refill_batch;
	uint16_t batch_left; /* in order: buffers of a batch still to be taken */
	uint32_t batch_written; /* what was written to its last one */

	/* Two lines that a burst mostly only reads. */
	uint32_t posted;    /* receive: bytes of each buffer, with header */
	uint32_t max_frame; /* longest frame to transmit, without VLAN tag */
	struct vionet_pool *pool;
	struct vn_source source; /* its own pool's */
	uint64_t refill_shift; /* receive: address of a buffer for the device, less
				* `stride_lines` times that of its packet */
	struct vn_doorbell doorbell;
	struct vn_offloads offloads;
	bool metadata; /* receive: the header says something */

	/* A packet in several receive buffers of which some are still to come. */
	struct {
		struct vionet_packet *head, *tail;
		uint32_t left;	/* buffers */
		bool drop;	/* consume the rest, deliver nothing */
	} partial;

	const struct vn_bursts *bursts; /* of its layout: driver/queue/burst.h */

	/* From here to the counters is what any thread may read at any time, also while
	 * the queue is made anew. What of it changes does so atomically; an error with its
	 * numbers. */
	uint8_t error; /* vn_queue_error; set once */
	uint8_t unreachable; /* vn_unreachable */
	bool transmits;
	bool packets; /* it carries them: no control queue */
	unsigned int index; /* virtqueue index */
	unsigned int pair;
	struct vionet_device *device;
	uint32_t error_value, error_limit; /* for the text */
	struct vn_counters counters;

	/* Nothing was completed, and no notification written, since then: see
	 * vn_queue_watchdog. */
	struct {
		uint64_t mark; /* how many of both there were */
		uint64_t since;
	} watch;

	/* Of buffers that are not common. */
	struct vn_extent *extents; /* by slot */
	uint16_t *chained; /* split: next descriptor of a chain, by id */
	struct vn_tables tables;

	/* Set at start, read by the control side. */
	struct vn_quarantined *quarantine; /* where it goes if it cannot be quiesced */
	struct vn_transport *transport;
	struct vionet_memory *read_memory;  /* descriptor and driver area */
	struct vionet_memory *write_memory; /* device area */
	struct vn_ring_areas areas;
	int vector; /* -1: none */
	int interrupt_fd; /* -1: none */
	uint16_t size_max; /* what the device allows */
	uint16_t segments_max; /* longest packet that can be transmitted */
	bool opened;	   /* counts as a user of its pool */
	bool released;	   /* it was reset alone: the device has nothing of it */
	bool shared_interrupt; /* interrupt_fd is an epoll of ours over a vector
				* that other queues have too */
	/* Checked without NDEBUG; always there, so that the struct has one size. */
	bool owned; /* by the thread that called the first burst */
	pthread_t owner;
};

/* Cache lines, counted from the beginning of the queue. */
_Static_assert(offsetof(struct vionet_queue, posted) == 2 * VN_CACHE_LINE,
	       "what every burst writes is two lines");
_Static_assert(offsetof(struct vionet_queue, error) == 4 * VN_CACHE_LINE,
	       "what a burst needs to know is two more");

/* Bursts of a paused queue do nothing. Control thread; the queue's thread is not
 * in the library. */
static inline void vn_queue_pause(struct vionet_queue *queue, bool paused)
{
	__atomic_store_n(&queue->paused, paused, __ATOMIC_RELEASE);
}

static inline bool vn_queue_paused(const struct vionet_queue *queue)
{
	return __atomic_load_n(&queue->paused, __ATOMIC_ACQUIRE) != 0;
}

static inline bool vn_layout_is_packed(enum vn_layout layout)
{
	return layout == VN_PACKED || layout == VN_PACKED_IN_ORDER;
}

static inline bool vn_layout_is_in_order(enum vn_layout layout)
{
	return layout == VN_SPLIT_IN_ORDER || layout == VN_PACKED_IN_ORDER;
}

/* Descriptors that the device has now, for readers of the counters. */
static inline void vn_count_in_flight(struct vionet_queue *queue)
{
	__atomic_store_n(&queue->counters.in_flight,
			 queue->size - queue->free_count,
			 __ATOMIC_RELAXED);
}

/* Add to a counter that other threads read. */
static inline void vn_count(uint64_t *counter, uint64_t amount)
{
	__atomic_store_n(counter, *counter + amount, __ATOMIC_RELAXED);
}

#endif
