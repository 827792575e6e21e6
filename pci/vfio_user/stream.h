/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes of a vfio-user connection, the descriptors that travel with them, and failing
 * the peer: the socket is shut down then. For the thread that has the turn.
 */
#ifndef VN_PCI_VFIO_USER_STREAM_H
#define VN_PCI_VFIO_USER_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pci/vfio_user/socket.h"

/* Descriptors that came with a message. */
struct vn_vfu_fds {
	int fd[VN_VU_FDS_MAX];
	unsigned int room; /* what may come */
	unsigned int count;
};

void vn_vfu_fds_close(struct vn_vfu_fds *fds);

/* What is said of all calls once the peer is gone: -ENODEV, or -EMFILE for a shortage
 * here. */
int vn_vfu_stream_gone(struct vn_vfu_socket *s);

/* Fail the peer: it did not reply in time (-ETIMEDOUT), or what `text` says (-EIO). */
int vn_vfu_stream_late(struct vn_vfu_socket *s);
int vn_vfu_stream_error(struct vn_vfu_socket *s, const char *text);

/* Wait until the socket is ready for `what` (poll), or a signal interrupts. 0 or
 * -ETIMEDOUT. */
int vn_vfu_stream_wait(struct vn_vfu_socket *s, short what, uint64_t deadline);

/* What is there now: so many bytes; 0: nothing yet; or a negative errno. Descriptors that
 * come along are taken. */
ssize_t vn_vfu_stream_receive_now(struct vn_vfu_socket *s, void *data, size_t size,
				  struct vn_vfu_fds *fds);

/* Read exactly this much. */
int vn_vfu_stream_receive(struct vn_vfu_socket *s, void *data, size_t size,
			  uint64_t deadline, struct vn_vfu_fds *fds);

/* Send it all. Changes `parts`. Descriptors go with the first byte. */
int vn_vfu_stream_send(struct vn_vfu_socket *s, struct iovec *parts, size_t count,
		       const int *fds, unsigned int fd_count, uint64_t deadline);

#endif
