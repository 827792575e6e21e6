/* SPDX-License-Identifier: BSD-3-Clause */
/* Eventfds for interrupts, for all transports. */
#ifndef VN_DRIVER_TRANSPORT_VECTORS_H
#define VN_DRIVER_TRANSPORT_VECTORS_H

#include "driver/transport/transport.h"

struct vn_vectors {
	int *fds; /* eventfds; NULL: none */
	unsigned int count;
};

/* Make `count` of them, where there are none. Returns 0; -ENOMEM, -EMFILE, -ENFILE, and there are
 * none. */
int vn_vectors_open(struct vn_vectors *vectors, unsigned int count);
void vn_vectors_close(struct vn_vectors *vectors);

/* `vectors` of a transport that has nothing else to do for them: close those that there are, and
 * make `wanted`, `most` at most. */
int vn_vectors_renew(struct vn_transport *transport, struct vn_vectors *vectors, unsigned int wanted,
		     unsigned int most, unsigned int *count);

/* An eventfd that does not block, "for `what` `index`". Returns 0; -EMFILE, -ENFILE, -ENOMEM, and
 * it is -1. */
int vn_eventfd_open(int *fd, const char *what, unsigned int index);

/* Have an epoll descriptor readable when `fd` is (-1: none). */
int vn_watch(int epoll_fd, int fd);

#endif
