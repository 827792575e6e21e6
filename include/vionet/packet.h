/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets and pools.
 *
 * A packet is 64 bytes of description in private memory and a buffer in memory
 * that the device can reach. The device never sees the description, so nothing
 * it does can change a pointer or a length here.
 *
 * A packet has one owner at a time:
 *   the pool          free
 *   the application   after vionet_packet_alloc or vionet_queue_receive
 *   the device        after vionet_queue_transmit took it, until completion
 *                     gives it back to its pool
 *
 * A pool and its packets belong to the thread of the queue that uses them:
 * there is no lock. A packet that is received on one queue and transmitted on
 * another comes back to its own pool in the thread of the second: both queues have
 * to be the same thread's, also where they are of two devices (vionet_pool_share).
 * Frames longer than one buffer arrive as a chain of packets linked by `next`; the
 * first one speaks for all of them.
 *
 *   buffer:  | headroom ........ | frame ............................ |
 *                      ^ virtio header goes here, in front of the frame
 *                                ^ data                 data + length ^
 */
#ifndef VIONET_PACKET_H
#define VIONET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vionet/memory.h>
#include <vionet/struct.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vionet_device;
struct vionet_pool;

/*
 * Bytes in front of a fresh packet's data. The last ones before `data` are the
 * library's (virtio header, at most 32 bytes) while the device has the packet;
 * an application may prepend its own headers into the rest.
 */
#define VIONET_HEADROOM 64

/* Shortest and longest frame that is sent or accepted, in bytes, no FCS. */
#define VIONET_FRAME_MIN 14
#define VIONET_FRAME_MAX 65589

/* One packet, or one segment of a packet. 64 bytes, one cache line. */
struct vionet_packet {
	uint8_t *data;		    /* first byte of this segment */
	struct vionet_packet *next; /* next segment of the packet, or NULL */
	uint32_t length;	    /* bytes at `data` */
	uint32_t total_length;	    /* first segment of a received packet: sum
				     * of all `length`; ignored on transmit */
	uint16_t segments;	    /* first segment: number of segments */

	/*
	 * virtio_net_hdr, in host byte order, of the first segment: offloads, see
	 * vionet/offload.h. Received: 0 unless the feature behind a field was
	 * negotiated, and checked. Transmitted: 0 unless something is requested
	 * (fields that do not belong to it are not looked at). Source: "Network
	 * Device / Device Operation".
	 */
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t hash_report;
	uint32_t hash_value;
	uint8_t flags;
	uint8_t gso_type;

	uint16_t state; /* the library's own; not to be written */
	uint16_t outer_th_offset; /* virtio_net_hdr again: tunnels */
	uint16_t inner_nh_offset;

	/* The library's own; not to be written. */
	struct vionet_pool *pool;
	uint8_t *buffer; /* first byte of the headroom */
};

/* How a pool is made. Fields that are 0 take the default. */
struct vionet_pool_options {
	uint32_t struct_size; /* vionet/struct.h */
	uint32_t count;	      /* packets; default 1024 */
	uint32_t buffer_size; /* bytes of frame a packet has room for, headroom
			       * not counted; default 1984 (2048 in all) */
	enum vionet_access access; /* default VIONET_DEVICE_WRITES. A pool that
				    * is only sent from should say
				    * VIONET_DEVICE_READS: then the device
				    * cannot change a frame */
	/*
	 * Registered memory to take the buffers from, NULL to allocate. It needs
	 * count x stride bytes from `memory_offset` on, where the stride is
	 * VIONET_HEADROOM + buffer_size rounded up to 64. Its access must cover
	 * `access`.
	 */
	struct vionet_memory *memory;
	size_t memory_offset;
};

/*
 * Make a pool of packets for a device.
 *
 * `options` may be NULL. Memory comes in 2 MiB pages where the system has free
 * ones and the pool fills at least one, else in ordinary pages; it is zeroed,
 * and never holds anything but frames and virtio headers.
 *
 * Returns 0; -EINVAL (an option is out of range: the text names it), -ENOMEM
 * (memory, or the locked-memory limit: the text gives need and limit), -ENOSPC.
 * Control thread.
 */
int vionet_pool_create(struct vionet_device *device,
		       const struct vionet_pool_options *options,
		       struct vionet_pool **pool);

/*
 * Show a pool to another device as well: its packets may be sent there too, without a
 * copy, and the device may take its receive buffers from it (rx_pool of its start
 * options). All devices that see a pool are used by the same thread.
 *
 * `access`: VIONET_DEVICE_READS, to be sent from only, or VIONET_DEVICE_WRITES, for
 *   which the pool has to be made. Memory is locked once for each device that the
 *   kernel's VFIO drives. Where it is registered memory, the device sees all of that.
 *
 * A pool of a vhost-user device is given memory of its own: share it before it is used.
 * It lasts until the pool is destroyed, or the device closed. If the pool's own device
 * is closed first, the pool goes over to one that it is shared with, and is released
 * with that.
 *
 * Returns 0; -EINVAL (access; a pool that start made); -EALREADY (the device sees it);
 * -EBUSY (in use, see above); -ENOTSUP (its memory has only an address, and the device
 * is behind a socket; ",read-only" of vhost-user, with memory that another device may
 * write to); else as vionet_memory_register_fd. Control thread, while no other is inside
 * a call on a queue that uses the pool.
 */
int vionet_pool_share(struct vionet_pool *pool, struct vionet_device *device,
		      enum vionet_access access);

/*
 * Release a pool; allowed while the device runs. Returns 0; -EBUSY if packets of
 * it are still with the application or the device, or a queue takes its packets
 * from it (nothing changes then; vionet_device_close releases what is left). NULL
 * is allowed. Control thread.
 */
int vionet_pool_destroy(struct vionet_pool *pool);

/* Packets of the pool that are free now. The pool's thread. */
uint32_t vionet_pool_available(const struct vionet_pool *pool);

/* Bytes of frame that a fresh packet of the pool has room for. Any thread. */
uint32_t vionet_pool_buffer_size(const struct vionet_pool *pool);

/*
 * Take up to `count` packets from a pool: each empty (length 0, one segment,
 * header fields 0) with `data` VIONET_HEADROOM bytes into its buffer. The bytes
 * of a buffer are what its last user left there.
 *
 * Returns how many were taken; fewer when the pool runs out. The pool's thread.
 */
uint32_t vionet_packet_alloc(struct vionet_pool *pool,
			     struct vionet_packet **packets, uint32_t count);

/*
 * Give packets back to their pools, all segments of each. Only packets that the
 * application owns: what was freed before, or is with the device, is left alone (debug
 * builds stop). The pools' thread.
 */
void vionet_packet_free(struct vionet_packet *const *packets, uint32_t count);

/*
 * The application's own 64-bit word of a packet, to find it again, or what belongs to it.
 * It lies beside the 64 bytes of description: a packet whose word is not used costs
 * no cache line more.
 *
 * 0 when the pool is made. The library neither reads nor writes it: it stays with the
 * packet while the device has it and when it is freed and allocated anew, until the
 * application writes it again. Each segment has its own.
 *
 * Returns where it lies, never NULL, as long as the pool is there: who owns the packet may
 * read and write it. The pool's thread.
 */
uint64_t *vionet_packet_user(struct vionet_packet *packet);

/* Bytes that still fit behind the last byte of this segment. Pool's thread. */
uint32_t vionet_packet_tailroom(const struct vionet_packet *packet);

/* Bytes that an application may still prepend to this segment; the room that
 * the virtio header needs is left out already. Pool's thread. */
uint32_t vionet_packet_headroom(const struct vionet_packet *packet);

/* Called when an attached packet is freed: `memory` may be used again. */
typedef void vionet_release_fn(void *frame, void *context);

/*
 * Let a fresh packet send a frame that lies in registered memory, without a
 * copy. The packet's own buffer then holds only the virtio header, so the frame
 * needs no headroom.
 *
 * `frame`, `length`: inside `memory`; VIONET_FRAME_MIN to VIONET_FRAME_MAX.
 * `release`: called in the thread that frees or reclaims the packet, with
 *   `frame` and `context`; it must not call the library. NULL: no call.
 *
 * Returns 0; -EINVAL if the frame is not wholly inside `memory`, that is registered
 * with no device which sees the pool, or the packet is not fresh; -ENOMEM. The packet can
 * be sent on that device only. The pool's thread.
 */
int vionet_packet_attach(struct vionet_packet *packet,
			 struct vionet_memory *memory, void *frame,
			 uint32_t length, vionet_release_fn *release,
			 void *context);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
