/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VN_DRIVER_MEMORY_H
#define VN_DRIVER_MEMORY_H

#include "driver/state/device.h"

/* What memory is for, beside what the device may do there. */
enum vn_memory_use {
	VN_FOR_ANY = 0,
	VN_FOR_MUCH = 1u << 0,	  /* huge pages, if there are any */
	VN_FOR_CONTROL = 1u << 1, /* the control queue alone */
};

/* Allocate memory and show it to the device. As vn_memory_alloc and the
 * transport's memory_add. Zeroed. */
int vn_device_memory_alloc(struct vionet_device *device, size_t size,
			   enum vn_access access, enum vn_memory_use use,
			   struct vionet_memory **memory);

/* The same, in a region of its own also where pools share regions. */
int vn_device_memory_alloc_whole(struct vionet_device *device, size_t size,
				 enum vn_access access, enum vn_memory_use use,
				 struct vionet_memory **memory);

/*
 * Hide it from the device and free it. The device has nothing of it any more
 * (everything was completed), or is quiesced. A device that did not acknowledge a
 * reset has no such word to give: then the memory is put aside until a reset
 * succeeds or the device is closed. NULL is allowed.
 */
void vn_device_memory_free(struct vionet_memory *memory);

/* The device is quiesced now: free what is in quarantine. */
void vn_device_memory_sweep(struct vionet_device *device);

/* After the transport has been closed: free what is left. */
void vn_device_memory_abandon(struct vionet_device *device);

/* Put it in the device's list. */
void vn_memory_link(struct vionet_device *device, struct vionet_memory *memory);

/* Take it out, and free what is ours. The device does not see it any more. */
void vn_memory_dispose(struct vionet_memory *memory);

/* Release the application's file, and of our mapping of it. */
void vn_registration_release(struct vionet_memory *memory);

#endif
