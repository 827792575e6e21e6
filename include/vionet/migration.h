/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Moving a running device to another server: its state goes from one vfio-user server to
 * another of the same kind, and packets go on from where they were. None is lost or sent
 * twice.
 *
 * Control thread. The threads of the device's queues have left the library before, and come
 * back after; nor does another one look at those queues meanwhile. Queues, pools, packets and
 * counters stay as they are, and so do the descriptors to wait for (vionet_queue_fd,
 * vionet_device_event_fd).
 */
#ifndef VIONET_MIGRATION_H
#define VIONET_MIGRATION_H

#include <stdint.h>

#include <vionet/platform.h>
#include <vionet/struct.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vionet_device;

/* What a migration has taken. */
struct vionet_migration {
	uint32_t struct_size; /* vionet/struct.h */
	uint32_t reserved;
	uint64_t state_bytes; /* that the old server wrote and the new one read */
	double gap_ms;	      /* without a device: the old one stopped, the new one runs */
	double total_ms;      /* of the whole call, with connecting and mapping memory */
};

/*
 * Move a started device to the vfio-user server that `to` names ("vfio-user:PATH"). Its name
 * is `to` afterwards, and the old server is free for another driver.
 *
 * All that can be prepared is prepared before the old server is stopped: the new one is
 * connected, has the memory, at the same addresses, and the interrupts. Then the old one stops,
 * and the state moves. Only one of the two runs at a time. If anything fails until the new one
 * is to run, it is left, and the old one goes on: nothing has happened but a pause.
 *
 * `to`: copied. `report`: may be NULL; all 0 if the call fails.
 *
 * Returns 0, or an error after which the device goes on at the old server: -EINVAL (`to` is no
 * vfio-user server's name, or too long), -ENETDOWN (not started), -EBUSY (something is wrong with
 * the device, or memory is in quarantine: recover it first), -ENOTSUP (a server cannot migrate,
 * or the new one lacks features or vectors that are in use), -EREMOTEIO (a server refused a
 * step; it knows why: another kind of function, smaller queues), -ENODEV, -ETIMEDOUT, -EIO (the
 * new server went away, did not answer, or broke the protocol), -ENOMEM, and what
 * vionet_device_open returns of the new server.
 *
 * -ESTALE: no device runs, and vionet_device_events says so too. The old server does not go
 * on, or the new one did not say whether it runs, and what it may have taken cannot be taken
 * again; it was left, and the function at the old server was reset: vionet_device_recover brings
 * it back there, unless it is gone. At most 8 s.
 *
 * Source: "VFIO_USER_DEVICE_FEATURE", "VFIO_USER_MIG_DATA_READ" and "VFIO_USER_MIG_DATA_WRITE"
 * of the vfio-user specification; "VFIO migration" (version 2, stop-and-copy).
 */
int vionet_device_migrate(struct vionet_device *device, const char *to,
			  struct vionet_migration *report);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
