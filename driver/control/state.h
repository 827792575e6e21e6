/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what the application has told the device through the control queue, kept
 * so that it can be told again after a reset.
 * Never: holds what the device did not agree to: a command that it refused or did
 * not answer is not a wish.
 * Read next: driver/control/state.c.
 *
 * A wish is the payload of a command. Sent again in the order in which they were
 * last sent, wishes bring a device back to where it was, whatever overrides what.
 */
#ifndef VN_DRIVER_WISH_H
#define VN_DRIVER_WISH_H

#include <stdbool.h>
#include <stdint.h>

struct vionet_device;

struct vn_wish {
	struct vn_wish *next;
	uint8_t class, command;
	uint32_t size;
	uint8_t data[];
};

/*
 * Remember a command that succeeded, as the latest. It takes the place of an
 * earlier one of the same class and command whose first `key` bytes are the same
 * (a VLAN id, a queue's index). Cannot fail: see vn_wish_make.
 */
void vn_wish_keep(struct vionet_device *device, struct vn_wish *wish,
		  uint32_t key);

/* A wish to be kept once the device has agreed. NULL: no memory, text set. */
struct vn_wish *vn_wish_make(uint8_t class, uint8_t command, const void *data,
			     uint32_t size);

/* Send the command of a wish; keep the wish if the device agrees, else free it.
 * `name` is for error texts. As vn_control_command. */
int vn_wish_send(struct vionet_device *device, struct vn_wish *wish,
		 uint32_t key, const char *name);

/* Forget commands of this class and command with this beginning. */
void vn_wish_forget(struct vionet_device *device, uint8_t class, uint8_t command,
		    const void *data, uint32_t key);

/* The latest of this class and command with this beginning, or NULL. */
const struct vn_wish *vn_wish_find(const struct vionet_device *device,
				   uint8_t class, uint8_t command,
				   const void *data, uint32_t key);

/* Forget what only means something for the queues that there were. */
void vn_wish_forget_queues(struct vionet_device *device);

/* Forget everything. */
void vn_wish_free(struct vionet_device *device);

#endif
