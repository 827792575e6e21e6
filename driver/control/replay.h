/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VN_DRIVER_REPLAY_H
#define VN_DRIVER_REPLAY_H

struct vionet_device;

/* Tell the device all of it, the oldest first. */
int vn_ctrl_state_replay(struct vionet_device *device);

#endif
