/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues: moving packets, and waiting for them.
 *
 * A queue belongs to one thread between vionet_device_start and
 * vionet_device_stop; the library takes no lock (but where a kick is a
 * message to a vfio-user server: see vionet/vionet.h). Bursts return a count and
 * cannot fail. A device that breaks the protocol makes its queue *broken*:
 * bursts then return 0, and vionet_queue_check says why. So it does, and so do the calls
 * that wait, where nothing has moved for 100 ms because the device needs a reset or is
 * gone.
 *
 * Three ways to wait for work:
 *
 *   poll             call vionet_queue_receive in a loop. No system call, no
 *                    interrupt. A poll that finds nothing notifies the device
 *                    again if nothing has moved for 100 ms; the same do transmit
 *                    while the queue is full, and reclaim.
 *   interrupt        vionet_queue_wait(queue, 0, timeout), or your own epoll:
 *
 *                      fd = vionet_queue_fd(queue);
 *                      for (;;) {
 *                              while ((n = vionet_queue_receive(...)) > 0)
 *                                      ...
 *                              armed = vionet_queue_arm(queue);
 *                              if (armed < 0)
 *                                      break;        (the queue is broken)
 *                              if (armed == 1)
 *                                      continue;     (work came in between)
 *                              epoll_wait(..., 100)  (fd becomes readable)
 *                              vionet_queue_disarm(queue);
 *                      }
 *
 *   spin then sleep  vionet_queue_wait(queue, spin_us, timeout).
 */
#ifndef VIONET_QUEUE_H
#define VIONET_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <vionet/packet.h>
#include <vionet/struct.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vionet_queue;

/*
 * Receive up to `max` packets into `packets`. They are the application's until
 * freed, transmitted or dropped with vionet_packet_free. Fresh buffers are
 * posted in their place as long as the pool has some.
 *
 * Returns the number received; 0 when there is none or the queue is broken.
 * Frames that the device reported wrongly (too short, longer than the buffer)
 * are dropped and counted. Receive queues only; the queue's thread. Source:
 * "Processing of Incoming Packets".
 */
uint32_t vionet_queue_receive(struct vionet_queue *queue,
			      struct vionet_packet **packets, uint32_t max);

/*
 * Hand up to `count` packets to the device and notify it where it wants that.
 * Packets that were taken are no longer the application's; they return to their
 * pool when the device has completed them (vionet_queue_reclaim, or a later
 * transmit).
 *
 * Returns the number taken, from the front of `packets`; fewer when the queue is full, 0 when it
 * is broken. It stops at a packet whose pool or external frame the device does not see (made for
 * another device, and not shared: vionet_pool_share): that packet stays the application's, and
 * vionet_queue_check says -EXDEV until a burst is cut short for another reason.
 *
 * A packet that must not be sent is taken, counted as `invalid` and freed:
 *   - shorter than VIONET_FRAME_MIN, or longer than the MTU allows (than VIONET_FRAME_MAX where
 *     the device cuts it into segments)
 *   - not inside its buffer with room for the header
 *   - requesting an offload that was not negotiated, or makes no sense (vionet/offload.h)
 *   - with an empty segment, or more segments than vionet_queue_info.segments_max
 *
 * Packets of other threads' pools must not be sent here.
 * Transmit queues only; the queue's thread. Source: "Packet Transmission".
 */
uint32_t vionet_queue_transmit(struct vionet_queue *queue,
			       struct vionet_packet *const *packets,
			       uint32_t count);

/*
 * Return completed packets of a transmit queue to their pools. Needed only if
 * the application stops transmitting and wants them back, or transmits rarely: if the
 * device has completed nothing for 100 ms it is notified again, for it may have missed
 * the first time.
 *
 * Returns the number of packets that the device still has. The queue's thread.
 */
uint32_t vionet_queue_reclaim(struct vionet_queue *queue);

/*
 * Wait until the device has completed everything that was transmitted.
 *
 * Returns 0; -ETIMEDOUT after `timeout_ms` (the packets stay with the device);
 * -EIO if the queue is broken, or the device needs a reset; -ENODEV if it is gone. The
 * queue's thread.
 */
int vionet_queue_drain(struct vionet_queue *queue, unsigned int timeout_ms);

/*
 * Wait until a receive queue has packets, or a transmit queue has completions:
 * polls for `spin_us` microseconds, then sleeps until the device's interrupt. It
 * looks by itself every 100 ms, and notifies the device again if nothing moves, so that
 * a lost interrupt or notification delays and never hangs.
 *
 * Returns 1 when there is work; 0 after `timeout_ms` (-1: none), after a second, or
 * when a signal arrived: call it in a loop; -EIO if the queue is broken, or the device
 * needs a reset; -ENODEV if it is being removed, or gone. The queue's thread.
 */
int vionet_queue_wait(struct vionet_queue *queue, unsigned int spin_us,
		      int timeout_ms);

/*
 * A descriptor that becomes readable when the device interrupts for this queue: for
 * poll, select and epoll only; it must not be read, written or closed. It is an eventfd
 * where the queue has an interrupt of its own, and an epoll descriptor where several
 * queues share one.
 *
 * Its own: readable (level) from an interrupt until vionet_queue_disarm or
 * vionet_queue_wait drains it; with EPOLLET each interrupt is an edge. Shared: each
 * interrupt is an edge for every queue that shares it, and one queue's drain takes
 * nothing from the others. So treat a wake-up as a hint in both cases: disarm, receive
 * until nothing is left, arm.
 *
 * Owned by the library. Returns the descriptor, or -ENOTSUP if the queue has none (the
 * function has too few MSI-X vectors, or VIONET_START_NO_INTERRUPTS): poll it then. Any
 * thread, but not while the device is recovered or the queue is reset: it may be another
 * one then.
 */
int vionet_queue_fd(const struct vionet_queue *queue);

/*
 * Ask the device for an interrupt at its next completion.
 *
 * Returns 0 when armed; 1 if there is work already (not armed: call receive or
 * reclaim first); -EIO if the queue is broken, or the device needs a reset; -ENODEV if
 * it is gone. The queue's thread. Source:
 * "Used Buffer Notification Suppression", "Receiving Used Buffers".
 */
int vionet_queue_arm(struct vionet_queue *queue);

/*
 * Tell the device that interrupts are not wanted, and drain the queue's descriptor.
 * Interrupts may still come: suppression is only a hint. The queue's thread.
 */
void vionet_queue_disarm(struct vionet_queue *queue);

/*
 * Is the queue usable? Returns 0, or -EIO when the device broke the protocol:
 * vionet_error_text() then says how ("used id 300 out of range"); -EIO as well when it
 * needs a reset (DEVICE_NEEDS_RESET), was reset by another process, or its back end is
 * gone, and -ENODEV when it is gone itself, as was seen by vionet_device_events or by a
 * queue on which nothing has moved for 100 ms: so until it is recovered, reconnected or
 * started again. -EXDEV when the last transmit that took less than it was given stopped
 * at a packet that the device cannot reach. Any thread, at any time between start and
 * stop.
 */
int vionet_queue_check(const struct vionet_queue *queue);

/*
 * The pool that a receive queue takes its buffers from, or the transmit queue's
 * own pool of packets to fill: the one of the start options, or one that the
 * device owns and releases at stop. Any thread.
 */
struct vionet_pool *vionet_queue_pool(const struct vionet_queue *queue);

/* Counters of one queue since start, in packets unless said otherwise. They go on over
 * vionet_device_recover and vionet_queue_reset; a device's own (vionet/stats.h)
 * begin with each reset of the whole device. */
struct vionet_queue_stats {
	uint32_t struct_size; /* vionet/struct.h */
	uint32_t reserved;
	uint64_t packets;	/* received, or handed to the device */
	uint64_t bytes;		/* of frames, without header and FCS */
	uint64_t completed;	/* used buffers taken back from the device */
	uint64_t kicks;		/* notifications written to the device */
	uint64_t interrupts;	/* times the descriptor was found readable */
	uint64_t full;		/* transmit: bursts cut short by a full queue */
	uint64_t invalid;	/* transmit: packets refused, see transmit */
	uint64_t dropped_short; /* receive: shorter than header + 14 bytes */
	uint64_t dropped_long;	/* receive: longer than the buffer, or a chain
				 * longer than VIONET_FRAME_MAX */
	uint64_t dropped_chain; /* receive: num_buffers made no sense */
	uint64_t dropped_metadata; /* receive: the header contradicts itself or
				* the frame, see vionet/offload.h */
	uint64_t ignored_metadata; /* receive: passed on without a segmentation
				* that was not negotiated (noticed only where
				* some offload was) */
	uint64_t starved;	/* receive: times that the pool was empty when
				 * buffers were to be replaced */
	uint64_t lost_interrupts; /* work that a _wait found by itself after 100 ms */
	uint64_t rescues;	/* notifications written again, as nothing had moved
				 * for 100 ms; receive: also when there was just
				 * nothing to receive, and the device did not show
				 * (EVENT_IDX) that it knows its buffers */
	uint32_t in_flight;	/* descriptors that the device has now */
	uint32_t size;		/* entries of the queue */
};

/*
 * Read the counters. Any thread: each counter is whole, but they are not one
 * snapshot. Returns 0.
 */
int vionet_queue_stats(const struct vionet_queue *queue,
		       struct vionet_queue_stats *stats);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
