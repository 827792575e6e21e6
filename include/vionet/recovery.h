/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When a device or a queue fails, or has to rest: reset and resize a queue, bring a
 * device back with all that was set, suspend and resume.
 *
 * Control thread. The threads of the queues concerned have left the library before,
 * and come back after; nor does another one look at those queues meanwhile, be it with
 * a function that is for any thread (counters, vionet_queue_check). Queues, their pools
 * and their counters stay the same objects; their descriptors (vionet_queue_fd) may be
 * others afterwards: call it again.
 */
#ifndef VIONET_RECOVERY_H
#define VIONET_RECOVERY_H

#include <stdint.h>

#include <vionet/platform.h>
#include <vionet/struct.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vionet_device;
struct vionet_queue;

/* What a recovery has cost. */
struct vionet_recovery {
	uint32_t struct_size; /* vionet/struct.h */
	uint32_t reserved;
	uint64_t tx_unknown;	/* packets that the device had not completed: sent or
				 * not is unknown */
	uint64_t rx_lost;	/* packets that it had delivered and that were not
				 * received */
	double milliseconds;	/* from the reset to packets moving again */
};

/*
 * Bring back a device that needs it (VIONET_EVENT_NEEDS_RESET or _ERROR, a broken queue, an
 * unanswered command): reset, negotiate the same features, set the same queues up,
 * post receive buffers, and send it again all that it had agreed to: address, filters,
 * offloads, coalescing, number of pairs, RSS. The application's packets are not
 * touched; those that the device had go back to their pools.
 *
 * `report` may be NULL. Returns 0. If that fails the device is stopped, and its
 * queues are gone, as after vionet_device_stop: -ENOTSUP (it comes back with other
 * features, or fewer queues), -EREMOTEIO (it no longer agrees to something), and
 * what vionet_device_start returns. -ENETDOWN if it was not started; -EAGAIN,
 * nothing done, if it has been recovered five times within 10 s: leave it alone for
 * a while, or close it. At most 6 s and a control command's deadline.
 */
int vionet_device_recover(struct vionet_device *device,
			  struct vionet_recovery *report);

/*
 * Reset one queue, while the others go on: its buffers go back to their pools, and
 * it starts empty. `report` may be NULL.
 *
 * Returns 0; -ENOTSUP if RING_RESET was not negotiated; -ETIMEDOUT if the device did
 * not release the queue within 1 s, or another error if it could not be set up
 * again: then the queue is broken, and the device has to be recovered. Source:
 * "Virtqueue Reset".
 */
int vionet_queue_reset(struct vionet_queue *queue,
		       struct vionet_recovery *report);

/* The same, and the queue has `size` entries afterwards: from 2 to what the device
 * allows, a power of two unless RING_PACKED was negotiated; else -EINVAL, and nothing
 * has happened. The pool stays as large as it is. */
int vionet_queue_resize(struct vionet_queue *queue, uint32_t size,
			struct vionet_recovery *report);

/*
 * Let the device rest: it keeps its state, and no packet moves. Bursts do nothing
 * until it is resumed, and no command is sent.
 *
 * Return 0, also if there was nothing to do; -ENOTSUP if SUSPEND was not negotiated;
 * -ENETDOWN if it is not started; -ETIMEDOUT if the device has not followed within
 * 1 s, -EIO if it says that it needs a reset: recover it. Source: "Device Suspend".
 */
int vionet_device_suspend(struct vionet_device *device);
int vionet_device_resume(struct vionet_device *device);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
