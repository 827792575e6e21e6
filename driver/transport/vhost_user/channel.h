/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of the vhost-user protocol on a UNIX socket: one whole message out, one whole
 * message in, with the descriptors that travel beside it, each within a deadline. No size
 * is believed before it has been checked; unexpected descriptors never become ours.
 */
#ifndef VN_DRIVER_VHOST_USER_CHANNEL_H
#define VN_DRIVER_VHOST_USER_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "driver/spec/vhost_user.h"

/* A message carries that many descriptors at most: one for each region. */
#define VN_VHOST_USER_FDS_MAX VHOST_USER_REGIONS_MAX

struct vn_vhost_user_message {
	struct vhost_user_header header;
	union vhost_user_payload payload;
	int fd[VN_VHOST_USER_FDS_MAX]; /* sent: borrowed; received: the caller's */
	unsigned int fd_count;
};

/* The name of a front-end request, for texts: "SET_MEM_TABLE". */
const char *vn_vhost_user_name(uint32_t request);

/*
 * Send the message, header.size bytes of its payload, and its descriptors, until
 * `end` (vn_now). Returns 0; -ENOTCONN (the peer has closed), -ETIMEDOUT, -EIO.
 */
int vn_vhost_user_send(int socket, const struct vn_vhost_user_message *message,
		       uint64_t end);

/*
 * Receive one message of this protocol version, with a payload that fits, and `room`
 * descriptors at most. Returns as above; -EIO also for a message that is none. On failure
 * no descriptor is left over.
 */
int vn_vhost_user_receive(int socket, struct vn_vhost_user_message *message,
			  unsigned int room, uint64_t end);

/*
 * The same without waiting, with a `room` of -1 dropping descriptors: `*have` bytes of the message,
 * headers and all, have come before; 0 at first. Returns 1: it is whole; 0: the rest is still to
 * come; or a negative errno, and nothing is left over.
 */
int vn_vhost_user_receive_some(int socket, struct vn_vhost_user_message *message,
			       int room, size_t *have);

/* Close the descriptors of a message that was received. */
void vn_vhost_user_drop_fds(struct vn_vhost_user_message *message);

/* Wait until `end` for a back end that connects. Returns 0; -ENXIO (none
 * has), -EMFILE, -ENFILE, -ENOMEM, -EIO. */
int vn_vhost_user_accept(int listening, uint64_t end, int *socket);

#endif
