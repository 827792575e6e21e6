/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes of a connected UNIX socket, and the descriptors that travel with them. What a
 * failure means to the caller, and its text, is the caller's to say: only a text for
 * descriptors that were cut off is set here.
 */
#ifndef VN_BASE_STREAM_H
#define VN_BASE_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* No message carries more. */
#define VN_STREAM_FDS_MAX 64u

/* Descriptors that came with a message: close-on-exec, the caller's to close, also after
 * a failure (base/received.h). */
struct vn_stream_fds {
	int *fd;
	unsigned int room; /* what is wanted, VN_STREAM_FDS_MAX at most */
	unsigned int count;
};

/* Wait until the socket is ready for `event` (poll), or a signal interrupts. A peer that has
 * hung up counts as ready: the call that follows says so. Returns 0; -ETIMEDOUT: it is `end`
 * (vn_now); -EINVAL: this process may have no descriptor to poll. */
int vn_stream_wait(int socket, short event, uint64_t end);

/*
 * Send it all until `end`. Changes `parts`. The descriptors go with the first byte and stay
 * the caller's; VN_STREAM_FDS_MAX at most. Returns 0, as vn_stream_wait, or the negative
 * errno of sendmsg; -EPIPE, -ECONNRESET: the peer has closed.
 */
int vn_stream_send(int socket, struct iovec *parts, size_t count, const int *fds,
		   unsigned int fd_count, uint64_t end);

/*
 * Take what is there now, and the descriptors beside it. More than there is room for never become
 * ours, and are an error, unless `fds` is NULL. Returns so many bytes; 0: nothing
 * yet; -EPIPE: the peer has closed; -E2BIG: more descriptors than there is room for;
 * -EMFILE, -ENFILE, with a text: this process, or the machine, may have no more of them; or
 * the negative errno of recvmsg.
 */
ssize_t vn_stream_receive(int socket, void *data, size_t size,
			  struct vn_stream_fds *fds);

#endif
