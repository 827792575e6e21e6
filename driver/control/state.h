/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Saved control state: what the application has set through the control queue, kept so
 * that it can be sent again after a reset. A command that the device
 * refused or did not answer is not saved.
 *
 * It is kept as the payloads of commands. Sent again in the order in which they were
 * last sent, they bring a device back to where it was, whatever overrides what.
 */
#ifndef VN_DRIVER_CTRL_STATE_H
#define VN_DRIVER_CTRL_STATE_H

#include <stdbool.h>
#include <stdint.h>

struct vionet_device;

struct vn_ctrl_state {
	struct vn_ctrl_state *next;
	uint8_t class, command;
	uint32_t size;
	uint8_t data[];
};

/*
 * Remember a command that succeeded, as the latest. It takes the place of an
 * earlier one of the same class and command whose first `key` bytes are the same
 * (a VLAN id, a queue's index). Cannot fail: see vn_ctrl_state_make.
 */
void vn_ctrl_state_save(struct vionet_device *device, struct vn_ctrl_state *saved,
		  uint32_t key);

/* State to be saved once the device has agreed. NULL: no memory, text set. */
struct vn_ctrl_state *vn_ctrl_state_make(uint8_t class, uint8_t command, const void *data,
			     uint32_t size);

/* Send the command; save it if the device agrees, else free it.
 * `name` is for error texts. As vn_control_command. */
int vn_ctrl_state_send(struct vionet_device *device, struct vn_ctrl_state *saved,
		 uint32_t key, const char *name);

/* Forget commands of this class and command with this beginning. */
void vn_ctrl_state_forget(struct vionet_device *device, uint8_t class, uint8_t command,
		    const void *data, uint32_t key);

/* The latest of this class and command with this beginning, or NULL. */
const struct vn_ctrl_state *vn_ctrl_state_find(const struct vionet_device *device,
				   uint8_t class, uint8_t command,
				   const void *data, uint32_t key);

/* Forget what only means something for the queues that there were. */
void vn_ctrl_state_forget_queues(struct vionet_device *device);

/* Forget everything. */
void vn_ctrl_state_free(struct vionet_device *device);

#endif
