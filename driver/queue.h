/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what a queue is: its ring, the private record of every buffer that the
 * device has, its health and its counters.
 * Never: believes ring memory. What is needed later about a descriptor is kept in
 * `slots`, which the device cannot reach; the descriptor table is write-only for
 * us.
 * Read next: driver/ring_split.h.
 */
#ifndef VN_DRIVER_QUEUE_H
#define VN_DRIVER_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <vionet/queue.h>

#include "driver/device.h"
#include "driver/spec_virtio.h"

/* How a queue can be broken by its device. 0 is health. */
enum vn_breach {
	VN_BREACH_NONE = 0,
	VN_BREACH_INDEX_JUMP, /* used idx ran past what is outstanding */
	VN_BREACH_ID_RANGE,   /* used id is no entry of the queue */
	VN_BREACH_ID_IDLE,    /* used id is not outstanding */
	VN_BREACH_BUFFERS,    /* num_buffers larger than the queue */
};

/* A device that does not move is notified again this often: it may have missed a
 * notification, or never withdrawn its wish for none. */
#define VN_RESCUE_INTERVAL (100 * VN_MS)

/* One descriptor's private record. The head of an outstanding buffer has a
 * packet. 16 bytes: four to a cache line. */
struct vn_slot {
	struct vionet_packet *packet; /* NULL: not the head of anything */
	uint32_t length;	      /* bytes that the device may write */
	uint16_t next;		      /* free list, or next of the chain */
	uint16_t chain;		      /* descriptors of the buffer */
};
_Static_assert(sizeof(struct vn_slot) == 16, "four slots to a cache line");

/* Split ring: where the parts are, and our side of the indices. */
struct vn_split {
	volatile struct split_desc *desc;
	volatile struct split_avail *avail;
	const volatile struct split_used *used;
	uint16_t mask;
	uint16_t avail_index; /* next entry of the available ring; wraps freely */
	uint16_t used_index;  /* next entry of the used ring to read */
	uint16_t used_seen;   /* used idx as last read and checked */
	uint16_t free_head;   /* list of free descriptors, oldest first: a device */
	uint16_t free_tail;   /* that works in order finds ids in order */
};

/* Counters; written by the queue's thread alone, read by any. */
struct vn_counters {
	uint64_t packets, bytes, completed, kicks, interrupts, full, invalid;
	uint64_t dropped_short, dropped_long, dropped_chain, starved;
	uint64_t lost_interrupts, in_flight;
};

typedef uint32_t vn_receive_fn(struct vionet_queue *queue,
			       struct vionet_packet **packets, uint32_t max);
typedef uint32_t vn_transmit_fn(struct vionet_queue *queue,
				struct vionet_packet *const *packets,
				uint32_t count);
typedef uint32_t vn_reclaim_fn(struct vionet_queue *queue);
typedef bool vn_ready_fn(struct vionet_queue *queue);
typedef int vn_arm_fn(struct vionet_queue *queue);
typedef void vn_disarm_fn(struct vionet_queue *queue);

/* The bursts of one ring layout; a queue has one table, chosen at start. */
struct vn_bursts {
	vn_receive_fn *receive;
	vn_transmit_fn *transmit;
	vn_reclaim_fn *reclaim; /* transmit queues */
	vn_ready_fn *ready;	/* is there anything completed? */
	vn_arm_fn *arm;			/* 0 armed, 1 work is there already */
	vn_disarm_fn *disarm;
	vn_disarm_fn *rescue;	/* notify again: nothing has moved for long */
};

struct vionet_queue {
	/* Read and written by every burst. */
	struct vn_split split;
	struct vn_slot *slots;
	uint16_t size;
	uint16_t free_count;  /* descriptors */
	uint16_t outstanding; /* buffers that the device has */
	uint8_t breach;	      /* vn_breach; set once */
	bool transmits;
	uint16_t header_size;
	uint16_t refill_batch;
	uint32_t max_frame; /* longest frame to transmit, without VLAN tag */
	bool mergeable;
	struct vionet_pool *pool;
	struct vn_doorbell doorbell;

	/* A packet in several receive buffers of which some are still to come. */
	struct {
		struct vionet_packet *head, *tail;
		uint32_t left;	/* buffers */
		bool drop;	/* consume the rest, deliver nothing */
	} partial;

	const struct vn_bursts *bursts;
	struct vn_counters counters;
	uint64_t kicked_at; /* last rescue kick, see rxtx.h */

	/* Set at start, read by the control side. */
	struct vionet_device *device;
	struct vn_transport *transport;
	struct vionet_memory *read_memory;  /* descriptor and driver area */
	struct vionet_memory *write_memory; /* device area */
	struct vn_ring_areas areas;
	unsigned int index; /* virtqueue index */
	unsigned int pair;
	int vector; /* -1: none */
	int interrupt_fd; /* -1: none */
	uint16_t size_max; /* what the device allows */
	bool opened;	   /* counts as a user of its pool */
#ifndef NDEBUG
	bool owned; /* by the thread that called the first burst */
	pthread_t owner;
#endif
	uint32_t breach_value, breach_limit; /* for the text */
};

extern const struct vn_bursts vn_split_bursts;

/* What a queue is made from. */
struct vn_queue_plan {
	unsigned int index; /* virtqueue index */
	uint16_t size;
	uint16_t size_max;
	int vector; /* wanted; -1: none */
	struct vionet_pool *pool;
};

/*
 * Make a queue: memory, records, registers. Not enabled yet. Returns 0 or a
 * negative errno with nothing left behind.
 */
int vn_queue_open(struct vionet_queue *queue, struct vionet_device *device,
		  const struct vn_queue_plan *plan);

/* Take every buffer back and free the queue. The device is quiet, or its memory
 * is put aside. An empty queue is allowed. */
void vn_queue_close(struct vionet_queue *queue);

/* Latch a breach of protocol: the first one counts. */
void vn_queue_break(struct vionet_queue *queue, enum vn_breach breach,
		    uint32_t value, uint32_t limit) __attribute__((cold));

/* Descriptors that the device has now, for whoever looks at the counters. */
static inline void vn_count_in_flight(struct vionet_queue *queue)
{
	__atomic_store_n(&queue->counters.in_flight,
			 (uint64_t)(queue->size - queue->free_count),
			 __ATOMIC_RELAXED);
}

/* Add to a counter that other threads read. */
static inline void vn_count(uint64_t *counter, uint64_t amount)
{
	__atomic_store_n(counter, *counter + amount, __ATOMIC_RELAXED);
}

#endif
